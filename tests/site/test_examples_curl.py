"""The curl lines of a route. (What they lead to is tested with the page.)"""

import json
import shlex

from disorderbook.site.description import Description, Operation, description_text
from disorderbook.site.examples import ADMIN_KEY, ORIGIN, YOUR_KEY, Call, Setup, calls

OPERATIONS = {o.id: o for o in Description(description_text(has_control=True)).operations()}
OPEN = Setup("TESTEX", "FOOBAR", needs_keys=False, extra=False)
STOCK = f"{ORIGIN}/ob/api/venues/TESTEX/stocks/FOOBAR"


def words(call: Call) -> list[str]:
    """What the shell makes of a line."""
    return shlex.split(call.line.replace("\\\n", ""))


def test_each_example_has_a_line() -> None:
    limit, market = calls(OPERATIONS["placeOrder"], OPEN)
    assert words(limit)[:2] == ["curl", "-d"] and words(limit)[-1] == f"{STOCK}/orders"
    assert json.loads(words(limit)[2])["account"] == "ME"
    assert json.loads(words(market)[2])["orderType"] == "market"


def test_each_example_of_a_query_has_a_line_and_its_own_content_type() -> None:
    assert [
        (words(call)[-1].removeprefix(STOCK), call.kind)
        for call in calls(OPERATIONS["getScores"], OPEN)
    ] == [
        ("/scores", "text/html"),
        ("/scores?format=json", "application/json"),
        ("/scores?format=csv", "text/csv"),
    ]


def test_a_query_that_is_required_is_in_every_line() -> None:
    operation = OPERATIONS["getScores"]._replace(
        parameters=[
            {"name": "a", "in": "query", "required": True, "example": 1},
            {"name": "b", "in": "query", "example": "x&y"},
            {"name": "venue", "in": "path", "example": "V"},
            {"name": "symbol", "in": "path", "example": "S"},
        ]
    )
    assert [(call.shows, words(call)[-1].partition("?")[2]) for call in calls(operation, OPEN)] == [
        ("", "a=1"),
        ("With b.", "a=1&b=x%26y"),
    ]


def test_a_key_is_sent_only_where_one_is_needed() -> None:
    keyed = OPEN._replace(needs_keys=True)
    (line,) = calls(OPERATIONS["cancelOrder"], keyed)
    assert f" \\\n'{STOCK}" in line.line
    assert words(line) == [
        "curl",
        "-X",
        "DELETE",
        "-H",
        f"X-Starfighter-Authorization: {YOUR_KEY}",
        f"{STOCK}/orders/0",
    ]
    for operation, setup in (("getQuote", keyed), ("cancelOrder", OPEN)):
        assert "-H" not in words(calls(OPERATIONS[operation], setup)[0])


def test_what_is_for_the_admin_is_sent_his_key_and_the_method_if_curl_has_another() -> None:
    late, _ = calls(OPERATIONS["setLatency"], OPEN._replace(has_admin_key=True))
    assert words(late)[:4] == ["curl", "-X", "PUT", "-d"]
    assert words(late)[-2] == f"X-Starfighter-Authorization: {ADMIN_KEY}"
    _, book = calls(OPERATIONS["resetMarket"], OPEN)
    assert "-H" not in words(book)
    assert json.loads(words(book)[2]) == {"venue": "TESTEX", "symbol": "FOOBAR"}


def test_a_route_that_is_off_promises_its_refusal() -> None:
    def status(operation: Operation, setup: Setup) -> str:
        return calls(operation, setup)[0].status

    assert status(OPERATIONS["listOrders"], OPEN) == "403"
    assert status(OPERATIONS["listOrders"], OPEN._replace(extra=True)) == "200"
    assert status(OPERATIONS["placeOrder"], OPEN) == "200"
    stored = OPEN._replace(is_stored=True)
    for name, refusal in (("saveMarket", "400"), ("restoreMarket", "404"), ("holdTape", "503")):
        assert status(OPERATIONS[name], stored) == refusal
    assert status(OPERATIONS["restoreMarket"], OPEN) == "200"
    assert status(OPERATIONS["holdTape"], OPEN._replace(tape_port=8001)) == "200"
    keyed = OPEN._replace(needs_keys=True, is_stepped=True)
    assert status(OPERATIONS["moveClock"], keyed) == "401"
    assert status(OPERATIONS["moveClock"], keyed._replace(has_admin_key=True)) == "200"
    assert status(OPERATIONS["moveClock"], OPEN) == "400"
    assert status(OPERATIONS["moveClock"], OPEN._replace(is_stepped=True)) == "200"


def test_odd_names_survive_the_shell_and_the_url() -> None:
    odd = Setup("it's [a] $venue`", "a/b?c", needs_keys=False, extra=False)
    order = calls(OPERATIONS["placeOrder"], odd)[0]
    body = json.loads(words(order)[2])
    assert (body["venue"], body["stock"]) == ("it's [a] $venue`", "a/b?c")
    assert words(order)[-1] == (
        f"{ORIGIN}/ob/api/venues/it%27s%20%5Ba%5D%20%24venue%60/stocks/a%2Fb%3Fc/orders"
    )
