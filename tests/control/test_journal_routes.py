"""What the journal tells over HTTP and in process, and what is left out of it."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from controlled_market import Assembled, controlled
from raw_http import Peer
from wsgi import BUY, ORDERS, Client

from disorderbook.accounts import Accounts
from disorderbook.api.app import make_app
from disorderbook.assembly import MarketSettings, assemble
from disorderbook.control import journal as journals
from disorderbook.errors import Ending
from disorderbook.in_process import PrivateExchange, serve

REQUESTS = "/api/v1/control/requests"


def numbers_of(client: Assembled, query: str = "") -> list[int]:
    told = client("GET", f"{REQUESTS}{query}").json
    return [each["number"] for each in told["requests"]]


@pytest.fixture
def client() -> Iterator[Assembled]:
    """It has answered five requests: an order, two refused ones, a quote, and an unknown path."""
    with controlled() as client:
        client.order()
        client.order(qty=-1)
        client.order(account="BOB", price="dear")
        client("GET", "/ob/api/venues/TESTEX/stocks/FOOBAR/quote")
        client("GET", "/nowhere")
        yield client


def test_a_request_is_told_with_what_it_was_refused_with(client: Assembled) -> None:
    told = client("GET", REQUESTS).json
    assert (told["ok"], told["count"], told["resets"]) == (True, 5, 0)
    placed, refused, other, quote, unknown = told["requests"]
    assert placed.pop("ts") <= refused.pop("ts")
    common = {"method": "POST", "path": ORDERS, "account": "ANN"}
    assert placed == common | {"number": 1, "status": 200}
    answer = client.order(qty=-1)
    assert refused == common | {
        "number": 2,
        "status": 400,
        "error": answer.json["error"],
        "detail": json.loads(answer.headers["X-Error-Detail"]),
    }
    assert (other["account"], other["status"]) == ("BOB", 400)
    assert quote.keys() == {"number", "ts", "method", "path", "status"}
    assert (unknown["status"], unknown["error"]) == (404, "No such path")


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", [1, 2, 3, 4, 5]),
        ("?limit=2", [4, 5]),
        ("?since=2", [3, 4, 5]),
        ("?since=0&limit=2", [1, 2]),
        ("?since=5", []),
        ("?since=9007199254740992", []),
        ("?limit=0", []),
        ("?status=refused", [2, 3, 5]),
        ("?status=4xx&limit=1", [5]),
        ("?status=2xx", [1, 4]),
        ("?status=404", [5]),
        ("?status=refused&since=2&limit=1", [3]),
        ("?account=BOB", [3]),
        ("?account=ANN&status=200", [1]),
        ("?account=", []),
    ],
)
def test_a_part_of_it_can_be_asked_for(client: Assembled, query: str, numbers: list[int]) -> None:
    assert numbers_of(client, query) == numbers


@pytest.mark.parametrize(
    "query", ["?status=no", "?status=6xx", "?status=99", "?limit=1001", "?since=-1", "?limit=x"]
)
def test_what_makes_no_sense_is_refused(client: Assembled, query: str) -> None:
    assert client("GET", f"{REQUESTS}{query}").status == 400


def test_it_keeps_the_newest_and_their_numbers_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "MOST_REQUESTS", 3)
    journal = journals.RequestJournal(lambda: 1, Accounts())
    for _ in range(5):
        journal.observe_refusal("400 Bad Request", "no HTTP", "")
    assert [each.number for each in journal.requests()] == [3, 4, 5]
    for since, numbers in ((0, [3, 4, 5]), (3, [4, 5]), (5, []), (9, [])):
        assert [each.number for each in journal.since(since)] == numbers
        newest_first = journal.since(since, is_reversed=True)
        assert [each.number for each in newest_first] == numbers[::-1]


def test_control_and_pages_are_not_in_it_and_a_reset_clears_it(client: Assembled) -> None:
    for path in ("/api/v1/control", "//api/v1//control/requests/", "/api/v1/clock/"):
        client("GET", path)
    client("GET", "/ob/api/venues", headers={"Sec-Fetch-Site": "same-origin"})
    assert numbers_of(client) == [1, 2, 3, 4, 5]
    client("POST", "/api/v1/control/reset")
    told = client("GET", REQUESTS).json
    assert told == {"ok": True, "count": 0, "resets": 1, "requests": []}
    client.order()
    assert numbers_of(client) == numbers_of(client, "?since=0") == [1]
    client("GET", "/api/v1/clocks")  # a client's mistake
    assert numbers_of(client) == [1, 2]


def status_of(exchange: PrivateExchange, path: str, body: Any = None) -> int:
    sent = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(exchange.url + path, sent, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as fault:
        return fault.code


def test_in_process_it_is_there_before_an_answer_is() -> None:
    with serve() as exchange:
        assert exchange.control.requests == ()
        assert status_of(exchange, ORDERS, BUY | {"qty": 0}) == 400
        [refused] = exchange.control.requests
        assert (refused.number, refused.method, refused.path) == (1, "POST", ORDERS)
        assert (refused.account, refused.status, refused.is_refused) == ("ANN", 400, True)
        assert refused.detail.startswith("qty is 0; allowed: ")
        assert status_of(exchange, REQUESTS) == 404  # the routes were not asked for
        with Peer(exchange.port) as peer:
            assert peer.ask(b"HELO exchange\r\n\r\n").status == 400
        told = exchange.control.requests[-1]
        assert (told.number, told.method, told.path, told.status) == (2, "", "", 400)
        assert told.sentence
        exchange.control.reset()
        assert exchange.control.requests == ()
    with pytest.raises(Ending):
        exchange.control.requests  # noqa: B018


@pytest.mark.parametrize("path", ["/api/v1/control", REQUESTS])
def test_where_there_are_keys_the_admin_alone_reads_it(path: str) -> None:
    settings = MarketSettings(has_control=True, admin_key="adminkey")
    with assemble(settings, Accounts({"ANN": "annkey"})) as services:
        client = Client()
        client.app = make_app(services)
        for key, status in (("", 401), ("annkey", 401), ("adminkey", 200)):
            headers = {"X-Starfighter-Authorization": key}
            assert client("GET", path, headers=headers).status == status
        assert client("GET", path, headers=headers | {"X-Real-IP": "10.0.0.1"}).status == 403


def test_without_a_journal_it_says_how_to_have_one() -> None:
    with serve(journal=False) as exchange, pytest.raises(RuntimeError, match="journal=True"):
        exchange.control.requests  # noqa: B018


def test_the_page_is_there_with_the_routes_alone(client: Assembled) -> None:
    page, front = client("GET", "/control"), client("GET", "/")
    assert page.status == 200 and b'<a href="/control" aria-current="page">' in page.body
    assert b'<a href="/control"' in front.body
    without = Client()
    assert without("GET", "/control").body == without("GET", "/nowhere").body
    assert b"/control" not in without("GET", "/").body
