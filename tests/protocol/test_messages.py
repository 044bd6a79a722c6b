"""What goes over the wire. (The recorded answers are the larger part of this test.)"""

import json
from typing import Any

import pytest

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import NewOrder, OrderType, Side
from disorderbook.protocol import messages


def limit(account: str, side: Side, price: int, quantity: int) -> NewOrder:
    return NewOrder(account, side, OrderType.LIMIT, price, quantity)


@pytest.fixture
def book() -> OrderBook:
    return OrderBook("TESTEX", "FOOBAR", 1)


def rows(book: OrderBook, side: str) -> list[Any]:
    return [
        (row["price"], row["qty"], row["isBuy"])
        for row in json.loads(messages.book_message(book, 5))[side]
    ]


def test_a_quote_leaves_out_what_there_is_not(book: OrderBook) -> None:
    assert json.loads(messages.quote_message(book.quote())) == {
        "ok": True,
        "venue": "TESTEX",
        "symbol": "FOOBAR",
        "bidSize": 0,
        "askSize": 0,
        "bidDepth": 0,
        "askDepth": 0,
        "quoteTime": "1970-01-01T00:00:00.000000001Z",
    }


def test_a_price_of_zero_is_there(book: OrderBook) -> None:
    book.submit(limit("ann", Side.BUY, 0, 3), 2)
    assert json.loads(messages.quote_message(book.quote()))["bid"] == 0


def test_a_tick_does_not_repeat_ok__difference_10(book: OrderBook) -> None:
    tick = json.loads(messages.tick_message(book.quote()))
    assert tick.keys() == {"ok", "quote"} and "ok" not in tick["quote"]


def test_messages_are_compact_and_escaped__difference_11(book: OrderBook) -> None:
    order = book.submit(limit('a"b\\\n', Side.BUY, 5000, 1), 2).order
    text = messages.order_message(order)
    assert b'"account":"a\\"b\\\\\\n"' in text and b": " not in text


def test_an_execution_shows_the_receivers_order_as_it_stood(book: OrderBook) -> None:
    for price in (5000, 5001):
        book.submit(limit("ann", Side.SELL, price, 10), 2)
    outcome = book.submit(limit("bob", Side.BUY, 5001, 15), 3)
    first = json.loads(messages.execution_message(outcome.executions[0], outcome.order))
    assert (first["account"], first["standingId"], first["incomingId"]) == ("bob", 0, 2)
    assert (first["standingComplete"], first["incomingComplete"]) == (True, False)
    assert (first["price"], first["filled"]) == (5000, 10)
    assert (first["order"]["qty"], first["order"]["totalFilled"]) == (5, 10)
    assert len(first["order"]["fills"]) == 1 and first["order"]["open"] is True
    standing = outcome.executions[1].standing
    second = json.loads(messages.execution_message(outcome.executions[1], standing))
    assert (second["account"], second["order"]["qty"]) == ("ann", 5)
    assert (second["standingComplete"], second["incomingComplete"]) == (False, True)


def test_a_book_has_a_row_for_each_order_best_and_oldest_first(book: OrderBook) -> None:
    for ts, (price, quantity) in enumerate([(10, 1), (11, 2), (10, 3)], start=2):
        book.submit(limit("ann", Side.BUY, price, quantity), ts)
        book.submit(limit("bob", Side.SELL, price + 10, quantity), ts)
    assert rows(book, "bids") == [(11, 2, True), (10, 1, True), (10, 3, True)]
    assert rows(book, "asks") == [(20, 1, False), (20, 3, False), (21, 2, False)]


def test_a_book_is_rendered_anew_where_it_changed(book: OrderBook) -> None:
    resting = book.submit(limit("ann", Side.BUY, 10, 5), 2).order
    book.submit(limit("ann", Side.BUY, 9, 5), 3)
    assert rows(book, "bids") == [(10, 5, True), (9, 5, True)]
    book.submit(limit("bob", Side.SELL, 10, 2), 4)
    assert rows(book, "bids") == [(10, 3, True), (9, 5, True)]
    book.submit(limit("cat", Side.BUY, 9, 1), 5)
    assert rows(book, "bids") == [(10, 3, True), (9, 5, True), (9, 1, True)]
    book.cancel(resting, 6)
    assert rows(book, "bids") == [(9, 5, True), (9, 1, True)]


def test_a_level_that_has_not_changed_is_not_rendered_again(book: OrderBook) -> None:
    book.submit(limit("ann", Side.BUY, 10, 5), 2)
    messages.book_message(book, 5)
    book.bids.best.rendering = b'"kept"'
    assert b'"bids":["kept"]' in messages.book_message(book, 6)


def test_a_symbol_is_escaped_in_its_book() -> None:
    message = json.loads(messages.book_message(OrderBook('V"', "S\\", 1), 2))
    assert (message["venue"], message["symbol"]) == ('V"', "S\\")
