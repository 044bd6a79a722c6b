"""Books come into being by being asked for; the clock; what is published."""

import pytest

from disorderbook.engine.orders import NewOrder, OrderType, Side
from disorderbook.errors import NameTooLong, NoSuchOrder, NoSuchVenue, TooManyBooks
from disorderbook.exchange import Exchange
from disorderbook.protocol.parse import check_name

SELL = NewOrder("ann", Side.SELL, OrderType.LIMIT, 5000, 10)
BUY = NewOrder("bob", Side.BUY, OrderType.LIMIT, 5000, 10)
KILLED = NewOrder("bob", Side.BUY, OrderType.FILL_OR_KILL, 5000, 10)


def test_a_book_is_opened_once() -> None:
    exchange = Exchange()
    assert exchange.find_book("V", "S") is None
    book = exchange.book("V", "S")
    assert exchange.book("V", "S") is exchange.find_book("V", "S") is book
    assert list(exchange.venues()) == ["V"] and list(exchange.books("V")) == [book]


def test_a_book_beyond_the_limit_is_refused_and_leaves_no_venue_behind() -> None:
    exchange = Exchange(max_books=2)
    exchange.book("V", "A")
    exchange.book("W", "A")
    with pytest.raises(TooManyBooks):
        exchange.book("X", "A")
    assert list(exchange.venues()) == ["V", "W"]
    exchange.book("V", "A")


def test_an_unknown_venue_or_order_is_refused() -> None:
    exchange = Exchange()
    with pytest.raises(NoSuchVenue):
        exchange.books("V")
    for number in (-1, 0, 10**30):
        with pytest.raises(NoSuchOrder):
            exchange.order("V", "S", number)


def test_time_never_runs_backwards() -> None:
    readings = iter([100, 100, 50, 200])
    exchange = Exchange(clock=lambda: next(readings))
    assert [exchange.now() for _ in range(4)] == [100, 101, 102, 200]


def test_orders_and_cancels_are_published_in_their_turn() -> None:
    heard: list[tuple[str, int, int | None]] = []
    exchange = Exchange(
        publishers=[
            lambda book, executions: heard.append((book.symbol, len(executions), book.quote().ask))
        ]
    )
    book = exchange.book("V", "S")
    exchange.submit(book, SELL)
    exchange.submit(book, BUY)
    exchange.submit(book, KILLED)
    resting = exchange.submit(book, SELL)
    exchange.cancel(resting)
    exchange.cancel(resting)
    assert heard == [("S", 0, 5000), ("S", 1, None), ("S", 0, 5000), ("S", 0, None), ("S", 0, None)]


def test_all_fills_of_one_order_carry_the_time_of_its_quote() -> None:
    exchange = Exchange()
    book = exchange.book("V", "S")
    exchange.submit(book, SELL)
    exchange.submit(book, SELL)
    order = exchange.submit(book, NewOrder("bob", Side.BUY, OrderType.LIMIT, 5000, 20))
    quote = book.quote()
    assert {fill.ts for fill in order.fills} == {order.ts, quote.last_trade, quote.quote_time}


def test_names_have_a_limit() -> None:
    check_name("N" * 255)
    with pytest.raises(NameTooLong):
        check_name("N" * 256)
