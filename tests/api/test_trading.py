"""What the routes do that the recorded answers do not show."""

import csv
import itertools
import threading
from typing import Any

import pytest
from invariants import all_orders, check_invariants
from wsgi import BUY, KEYS, ORDERS, Client

from disorderbook.server.reader import Head, HttpRequest
from disorderbook.server.unsent import chunks_of

STOCK = "/ob/api/venues/TESTEX/stocks/FOOBAR"
BLSH = {"X-Starfighter-Authorization": "blshkey"}


@pytest.mark.parametrize("path", ["", "/quote", "/orders/0"])
def test_asking_for_a_book_opens_it(path: str) -> None:
    client = Client()
    client("GET", f"/ob/api/venues/NEW/stocks/NEW{path}")
    assert client("GET", "/ob/api/venues/NEW/heartbeat").json == {"ok": True, "venue": "NEW"}


@pytest.mark.parametrize("path", ["/stocks/NEW/scores", "/heartbeat", "/stocks", ""])
def test_looking_elsewhere_opens_none(path: str) -> None:
    client = Client()
    assert client("GET", f"/ob/api/venues/NEW{path}").status == 404
    assert client("GET", "/ob/api/venues/NEW").status == 404


def test_an_order_whose_body_agrees_with_its_url_opens_the_book() -> None:
    client = Client()
    path = "/ob/api/venues/NEW/stocks/NEW/orders"
    assert client("POST", path, BUY | {"venue": "OTHER"}).status == 400
    assert client.services.exchange.find_book("NEW", "NEW") is None
    assert client("POST", path, BUY | {"qty": 0}).status == 400
    assert client.services.exchange.find_book("NEW", "NEW") is not None


def test_venues_are_numbered_from_one__difference_16() -> None:
    client = Client()
    client("GET", "/ob/api/venues/NEW/stocks/NEW")
    assert client("GET", "/ob/api/venues").json["venues"] == [
        {"id": 1, "name": "TESTEX Exchange", "venue": "TESTEX", "state": "open"},
        {"id": 2, "name": "NEW Exchange", "venue": "NEW", "state": "open"},
    ]


def test_names_in_a_url_are_percent_decoded() -> None:
    client = Client()
    book = client("GET", "/ob/api/venues/B%C3%B6rse%201/stocks/A%26B").json
    assert (book["venue"], book["symbol"]) == ("Börse 1", "A&B")


def test_a_closed_order_is_answered_unchanged_by_a_cancel() -> None:
    client = Client()
    client.order()
    first = client("DELETE", f"{ORDERS}/0").json
    assert first["open"] is False and first["qty"] == 0
    assert client("POST", f"{ORDERS}/0/cancel").json == first == client("GET", f"{ORDERS}/0").json


def test_an_order_is_its_owners_business_in_authentication_mode() -> None:
    client = Client(keys=KEYS)
    client("POST", ORDERS, BUY | {"account": "BLSHBOTS"}, BLSH)
    for method, path in (("GET", "/0"), ("DELETE", "/0"), ("POST", "/0/cancel")):
        noise = client(method, ORDERS + path, headers={"X-Starfighter-Authorization": "noisekey"})
        assert noise.error == (401, "Unknown account or wrong API key")
    assert client("GET", f"{ORDERS}/0", headers=BLSH).json["open"] is True


def test_a_listing_of_an_account_without_orders_is_empty() -> None:
    client = Client(extra=True)
    for path in (
        "/accounts/ANN/orders",
        "/accounts/ANN/stocks/FOOBAR/orders",
        "/accounts/ANN/stocks/UNKNOWN/orders",
    ):
        answer = client("GET", f"/ob/api/venues/TESTEX{path}").json
        assert answer == {"ok": True, "venue": "TESTEX", "orders": []}
    assert client("GET", "/ob/api/venues/NEW/accounts/ANN/orders").error == (
        404,
        "Venue NEW does not exist (create it by using it)",
    )


def test_a_listing_for_one_stock_is_of_that_stock() -> None:
    client = Client(extra=True)
    for symbol in ("FOOBAR", "FOO"):
        client("POST", f"/ob/api/venues/TESTEX/stocks/{symbol}/orders", BUY)
    listed = client("GET", "/ob/api/venues/TESTEX/accounts/ANN/stocks/FOO/orders").json["orders"]
    assert [order["symbol"] for order in listed] == ["FOO"]


def test_every_time_stamp_is_of_what_it_stands_beside() -> None:
    readings = itertools.count(10**9, 10**9)  # one second later at each look
    client = Client(clock=lambda: next(readings))  # the book opens in second 1
    client.order(direction="sell", price=5000, qty=4)
    client.order(direction="sell", price=5001, qty=9)
    taken = client.order(account="BOB", price=5001, qty=10).json
    assert [second(fill["ts"]) for fill in taken["fills"]] == [4, 4] == [second(taken["ts"])] * 2
    assert second(client("GET", f"{ORDERS}/0").json["ts"]) == 2
    assert second(client("GET", f"{ORDERS}/0").json["fills"][0]["ts"]) == 4
    client.order(account="BOB", price=4000, qty=1)
    quote = client("GET", f"{STOCK}/quote").json
    assert (second(quote["lastTrade"]), second(quote["quoteTime"])) == (4, 5)
    client("DELETE", f"{ORDERS}/0")  # is closed already
    client.order(account="BOB", orderType="fok", price=1, qty=99)
    assert second(client("GET", f"{STOCK}/quote").json["quoteTime"]) == 5
    client("DELETE", f"{ORDERS}/3")
    assert second(client("GET", f"{STOCK}/quote").json["quoteTime"]) == 8
    assert second(client("GET", STOCK).json["ts"]) == 9
    scores = client("GET", f"{STOCK}/scores").body.decode()
    assert "Start time:    1970-01-01T00:00:01." in scores
    assert "Current time:  1970-01-01T00:00:10." in scores


def second(timestamp: str) -> int:
    return int(timestamp.removeprefix("1970-01-01T00:00:").removesuffix(".000000000Z"))


def test_every_route_holds_the_turn() -> None:
    client, held = Client(extra=True), []
    exchange = client.services.exchange
    exchange._clock = lambda: held.append(exchange.lock.locked()) or 1
    client.order()
    client("DELETE", f"{ORDERS}/0")
    client("GET", STOCK)
    client("POST", "/gm/levels/first_steps")
    assert len(held) >= 4 and all(held)


def test_the_pages_for_people_are_html() -> None:
    client = Client()
    for path in ("/", "/ob/api/", "/ob/api"):
        answer = client("GET", path)
        assert (answer.status, answer.type) == (200, "text/html")


def test_threads_take_turns() -> None:
    client, clashes = Client(), []

    def trade(account: str) -> None:
        for number in range(150):
            side = "buy" if number % 2 else "sell"
            order = client.order(account=account, direction=side, price=5000 + number % 7).json
            if number % 3 == 0:
                client("DELETE", f"{ORDERS}/{order['id']}")
            if client("GET", f"{ORDERS}/{order['id']}").json["account"] != account:
                clashes.append(order["id"])

    threads = [threading.Thread(target=trade, args=(f"BOT{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    book = client.services.exchange.find_book("TESTEX", "FOOBAR")
    assert not clashes and len(all_orders(book)) == 900
    check_invariants(book)


def test_scores_in_every_format_agree() -> None:
    client = Client()
    client.order(account="ANN", price=5001)
    client.order(account="BOB", direction="sell", qty=4)
    client.order(account="CAT", direction="sell", price=5000, qty=1)
    page = client("GET", f"{STOCK}/scores").body.decode()
    told = client("GET", f"{STOCK}/scores?format=json")
    table = client("GET", f"{STOCK}/scores?format=csv")
    assert (told.type, table.type) == ("application/json", "text/csv")
    rows = list(csv.DictReader(table.body.decode().splitlines()))
    assert rows == [{key: str(row[key]) for key in row} for row in told.json["scores"]]
    for line, row in zip(page.splitlines()[4:7], told.json["scores"], strict=True):
        account, cash, shares, lowest, highest, nav = line.split()
        assert account == row["account"] and int(shares) == row["shares"]
        assert [int(lowest), int(highest)] == [row["lowest"], row["highest"]]
        assert cash == f"${row['cash'] // 100}" and nav == f"${row['nav'] // 100}"


def test_scores_hide_holdings_from_all_but_their_owner() -> None:
    client = Client(keys=KEYS)
    for side in ("buy", "sell"):
        client("POST", ORDERS, BUY | {"account": "BLSHBOTS", "direction": side}, BLSH)
    holdings = ["lowest", "highest", "cash", "shares"]
    for headers, told in (({}, []), ({"Cookie": "api_key=wrong"}, []), (BLSH, holdings)):
        assert b"[hidden]" in client("GET", f"{STOCK}/scores", headers=headers).body
        (row,) = client("GET", f"{STOCK}/scores?format=json", headers=headers).json["scores"]
        assert list(row) == ["account", "nav", *told]
        table = client("GET", f"{STOCK}/scores?format=csv", headers=headers).body
        columns = ",".join(f'"{name}"' for name in ["account", "nav", *told])
        assert table.decode().splitlines()[0] == columns


def test_scores_of_an_empty_market_are_an_empty_list_or_a_heading() -> None:
    client = Client()
    assert client("GET", f"{STOCK}/scores?format=json").json["scores"] == []
    assert client("GET", f"{STOCK}/scores?format=csv").body.count(b"\r\n") == 1


@pytest.mark.parametrize("form", ["xml", "", "JSON", "html"])
def test_an_unknown_format_of_scores_is_refused(form: str) -> None:
    sentence = "The format of scores is json or csv (without one they are a page)"
    for stock in ("FOOBAR", "NEW"):
        answer = Client()("GET", f"/ob/api/venues/TESTEX/stocks/{stock}/scores?format={form}")
        assert answer.error == (400, sentence)


def test_scores_of_an_unknown_stock_are_missing_in_the_form_that_was_asked_for() -> None:
    client = Client()
    path = "/ob/api/venues/TESTEX/stocks/NEW/scores"
    assert client("GET", path).type == "text/html"
    for form in ("json", "csv"):
        answer = client("GET", f"{path}?format={form}")
        assert answer.error == (
            404,
            "There is no such stock at such a venue (create it by using it)",
        )
    assert client.services.exchange.find_book("TESTEX", "NEW") is None


def test_all_who_ask_for_a_book_get_the_same_bytes_and_no_copies() -> None:
    client = Client()
    for _ in range(1000):
        client.order()
    environ: dict[str, Any] = {}
    client._call = environ.update  # type: ignore[method-assign,assignment]
    client("GET", STOCK)
    request = HttpRequest(Head(0, environ), {}, b"", True)
    started: list[Any] = []
    first, *others = (
        chunks_of(client.app.respond(request).body),
        chunks_of(client.app.respond(request).body),
        list(client.app(environ, lambda *arguments: started.extend(arguments))),
    )
    assert dict(started[1])["Content-Length"] == str(sum(map(len, others[1])))
    large = [piece for piece in first if len(piece) > 200]
    assert sum(map(len, large)) > 30 * 1000
    for other in others:
        assert {id(piece) for piece in large} <= {id(piece) for piece in other}
