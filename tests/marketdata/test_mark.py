"""What a share counts for, by each mark, and who gains by a price that he has made himself."""

import json
from itertools import count

import pytest
from wsgi import ORDERS, Client

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import BUY, LIMIT, SELL, NewOrder, Side
from disorderbook.exchange import Exchange, Titles
from disorderbook.marketdata.history import History
from disorderbook.marketdata.mark import Mark, Marks, last_price, middle
from disorderbook.protocol.names import MAX_PRICE
from disorderbook.rules.file import rule_book


def rest(book: OrderBook, side: Side, price: int, account: str = "ann", quantity: int = 1) -> None:
    book.submit(NewOrder(account, side, LIMIT, price, quantity), 2)


def test_the_middle_is_rounded_down_and_the_last_price_where_a_side_is_missing() -> None:
    book = OrderBook("V", "S", 1)
    assert last_price(book) is None and middle(book) is None
    rest(book, BUY, 10)
    assert middle(book) is None  # nothing has traded
    rest(book, SELL, 13)
    assert middle(book) == 11 and last_price(book) is None
    rest(book, BUY, 13, "bob")
    assert middle(book) == last_price(book) == 13
    rest(book, SELL, 20)
    assert middle(book) == 15 and last_price(book) == 13


@pytest.mark.parametrize("mark", Mark)
def test_a_settled_stock_counts_at_its_price_and_a_levels_at_its_last(mark: Mark) -> None:
    exchange = Exchange()
    marks = Marks(exchange, History(0), mark)
    settled, level = exchange.book("V", "S"), exchange.reserve("L", "S", Titles("L", "S"))
    for book in (settled, level):
        rest(book, SELL, 13)
        rest(book, BUY, 13, "bob")
        rest(book, BUY, 10)
        rest(book, SELL, 21)
    exchange.settle(settled, 99)
    assert marks.of(settled) == 99
    assert marks.of(level) == 13 and marks.kind_at("L") is Mark.LAST
    assert marks.kind_at("V") is mark


def cheated(client: Client) -> None:
    """The four orders that have made 168 billion dollars: what there is is bought, and then a share
    is traded with oneself at the highest price. Others stand in the book again afterwards.
    """
    for price in (5001, 5002, 5003):
        client.order(account="BOB", direction="sell", price=price, qty=2620)
    for _ in range(3):
        client.order(account="EVE", direction="buy", price=5003, qty=2620)
    client.order(account="EVE", direction="sell", price=MAX_PRICE, qty=1)
    client.order(account="EVE", direction="buy", price=MAX_PRICE, qty=1)
    client.order(account="BOB", direction="buy", price=4999, qty=1)
    client.order(account="BOB", direction="sell", price=5001, qty=1)


def nav_of(client: Client, account: str) -> set[int]:
    """What an account is worth, wherever that is told."""
    rows = [
        *client("GET", "/api/v1/venues/TESTEX/scores").json["scores"],
        *client("GET", "/api/v1/venues/TESTEX/stocks/FOOBAR/scores").json["scores"],
        *client("GET", f"{ORDERS.replace('orders', 'scores')}?format=json").json["scores"],
    ]
    told = {row["nav"] for row in rows if row["account"] == account}
    path = f"/api/v1/venues/TESTEX/accounts/{account}"
    [stock] = client("GET", path).json["stocks"]
    return told | {stock["nav"], stock["realised"] + stock["unrealised"]}


def curve(client: Client) -> list[int]:
    """What EVE was worth over time, on her own page."""
    path = "/api/v1/venues/TESTEX/accounts/EVE/history?symbol=FOOBAR"
    return [point["nav"] for point in client("GET", path).json["points"]]


def test_a_curve_is_marked_as_the_rest_is() -> None:
    for mark in Mark:
        seconds = count(10**9, 10**9)
        bands = rule_book({"market": {"band": 10}})
        client = Client(mark=mark, clock=seconds.__next__)
        client.services.history._bands = bands
        book = client.services.exchange.book("TESTEX", "FOOBAR")
        book.rules = bands.of("TESTEX", "FOOBAR")  # which orders did not obey then
        cheated(client)
        navs = curve(client)
        assert len(navs) > 2 and (max(map(abs, navs)) > 10**12) == (mark is Mark.LAST), mark
        assert {navs[-1]} == nav_of(client, "EVE")
        client.services.exchange.settle(book, 5000)
        assert curve(client)[-1] == 3 * 2620 * 5000 - 2620 * (5001 + 5002 + 5003)


def test_a_price_that_one_makes_oneself_is_worth_billions_at_the_last_price() -> None:
    client = Client()
    cheated(client)
    [nav] = nav_of(client, "EVE")
    assert nav > 168 * 10**11


def test_it_is_worth_nothing_at_the_middle_and_once_the_stock_is_settled() -> None:
    for client, settled in ((Client(mark=Mark.MID), None), (Client(), 5000)):
        cheated(client)
        exchange = client.services.exchange
        if settled is not None:
            exchange.settle(exchange.book("TESTEX", "FOOBAR"), settled)
        [nav] = nav_of(client, "EVE")
        assert nav == 3 * 2620 * 5000 - 2620 * (5001 + 5002 + 5003)
        text = client("GET", ORDERS.replace("orders", "scores")).body.decode()
        assert "Current price: $50.00\n" in text and f"${nav // 100} " in text
        [book] = client("GET", "/api/v1/venues/TESTEX/scores").json["stocks"]
        assert book == {"symbol": "FOOBAR", "price": 5000} | (
            {} if settled is None else {"settled": settled}
        )
        assert json.loads(client("GET", "/api/v1/venues/TESTEX/scores").body)["accounts"] == 2


def test_the_middle_is_the_price_that_one_makes_oneself_while_nobody_else_offers() -> None:
    """docs/rules.md warns of both."""
    client = Client(mark=Mark.MID)
    client.order(account="EVE", direction="sell", price=MAX_PRICE, qty=1)
    client.order(account="EVE", direction="buy", price=MAX_PRICE, qty=1)
    [stock] = client("GET", "/api/v1/venues/TESTEX/scores").json["stocks"]
    assert stock["price"] == MAX_PRICE
    client.order(account="EVE", direction="sell", price=MAX_PRICE, qty=1)
    client.order(account="EVE", direction="buy", price=1, qty=1)
    [stock] = client("GET", "/api/v1/venues/TESTEX/scores").json["stocks"]
    assert stock["price"] == (MAX_PRICE + 1) // 2


@pytest.mark.parametrize("mark", Mark)
def test_rules_with_a_band_refuse_it_under_every_mark(mark: Mark) -> None:
    bands = rule_book({"market": {"band": 10, "start_price": 5000}})
    client = Client(mark=mark, rules=bands)
    client.services.history._bands = bands
    cheated(client)
    [nav] = nav_of(client, "EVE")
    assert nav == 3 * 2620 * (5000 if mark is Mark.MID else 5003) - 2620 * (5001 + 5002 + 5003)
