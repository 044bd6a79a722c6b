"""An exchange without a ledger remembers everything, and goes back to nothing."""

import pytest

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import BUY, LIMIT, SELL, NewOrder
from disorderbook.exchange import Exchange
from disorderbook.ledger.base import Ledger


def test_nothing_is_ever_forgotten() -> None:
    exchange = Exchange(ledger=Ledger())
    with exchange.transaction():
        book = exchange.book("V", "S")
        for _ in range(1000):
            exchange.submit(book, NewOrder("ann", SELL, LIMIT, 5, 1))
            exchange.submit(book, NewOrder("bob", BUY, LIMIT, 5, 1))
    exchange.commit()
    exchange.flush()
    assert all(map(book.find, range(2000)))
    orders = exchange.orders_of(book, "bob")
    assert [order.id for order in orders if order] == list(range(1, 2000, 2))
    assert exchange.order("V", "S", 7) is book.find(7)


def test_a_change_that_is_not_finished_takes_no_book_away(monkeypatch: pytest.MonkeyPatch) -> None:
    exchange = Exchange(ledger=Ledger())
    book = exchange.book("V", "S")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(OrderBook, "submit", interrupt)
    with pytest.raises(KeyboardInterrupt), exchange.transaction():
        exchange.submit(book, NewOrder("ann", SELL, LIMIT, 5, 1))
    assert exchange.find_book("V", "S") is book
