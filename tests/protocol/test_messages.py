"""What goes over the wire. (The recorded answers are the larger part of this test.)"""

import json

import pytest

from disorderbook.engine.book import Execution, OrderBook
from disorderbook.engine.orders import NewOrder, OrderType, Side
from disorderbook.protocol import messages
from disorderbook.protocol.messages import PIECE, FillMessage


def limit(account: str, side: Side, price: int, quantity: int) -> NewOrder:
    return NewOrder(account, side, OrderType.LIMIT, price, quantity)


@pytest.fixture
def book() -> OrderBook:
    return OrderBook("TESTEX", "FOOBAR", 1)


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


def traded(book: OrderBook, trades: int) -> list[Execution]:
    """An order that has sold one share so many times, and wants to sell more."""
    book.submit(limit("ann", Side.SELL, 5000, 10**6), 1)
    orders = (limit("bob", Side.BUY, 5000, 1) for _ in range(trades))
    return [book.submit(order, ts).executions[0] for ts, order in enumerate(orders, start=2)]


def test_an_order_has_all_its_fills_however_they_are_rendered(book: OrderBook) -> None:
    executions = traded(book, 3 * PIECE + 2)
    order = executions[0].standing
    for _ in range(2):  # rendered now, and before
        for number, execution in enumerate(executions, start=1):
            message = json.loads(messages.execution_message(execution, order))["order"]
            times = [int(fill["ts"][-10:-1]) for fill in message["fills"]]
            assert times == list(range(2, 2 + number)) and message["totalFilled"] == number
    status = messages.order_message(order)
    assert json.loads(status)["fills"] == message["fills"]


def test_a_trade_has_no_more_than_a_piece_of_an_orders_fills_rendered(
    book: OrderBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = traded(book, 20 * PIECE)[0].standing
    messages.order_message(order)
    rendered = 0

    def count(*fields: object) -> FillMessage:
        nonlocal rendered
        rendered += 1
        return FillMessage(*fields)

    monkeypatch.setattr(messages, "FillMessage", count)
    for trade in range(1, PIECE + 1):
        [execution] = book.submit(limit("bob", Side.BUY, 5000, 1), 5000).executions
        rendered = 0
        messages.execution_message(execution, order)
        assert rendered == trade
        messages.order_message(order)
        assert rendered == trade * (2 if trade < PIECE else 1)
