"""Memory has a bound: what lies beyond is moved, little by little, and a full disk is survived."""

from itertools import count, pairwise
from types import SimpleNamespace

import pytest

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import NewOrder, OrderType, Side
from disorderbook.errors import CannotWrite
from disorderbook.exchange import Exchange
from disorderbook.ledger import temporary
from disorderbook.ledger.temporary import (
    CACHE_KIBIBYTES,
    FILLS_IN_A_STEP,
    MOVE_SECONDS,
    TemporaryLedger,
)

STEPS = 5  # of a turn


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn takes as long as it needs, also on a machine that is busy."""
    monkeypatch.setattr(temporary, "MOVE_SECONDS", 60.0)


def buy(quantity: int, order_type: OrderType = OrderType.LIMIT) -> NewOrder:
    return NewOrder("ann", Side.BUY, order_type, 5000, quantity)


def sell(quantity: int) -> NewOrder:
    return NewOrder("bob", Side.SELL, OrderType.LIMIT, 5000, quantity)


def market(ledger: TemporaryLedger) -> tuple[Exchange, OrderBook]:
    exchange = Exchange(ledger=ledger)
    return exchange, exchange.book("V", "S")


def test_what_was_closed_first_is_moved_first() -> None:
    ledger = TemporaryLedger(2)
    exchange, book = market(ledger)
    orders = [exchange.submit(book, buy(1)) for _ in range(5)]
    for number in (3, 0, 4):
        with exchange.transaction():
            exchange.cancel(orders[number])
    assert [number for number in range(5) if book.find(number) is None] == [3]
    assert exchange.order("V", "S", 3) is not orders[3]
    assert exchange.order("V", "S", 3).ts == orders[3].ts


def test_a_turn_in_which_nothing_closes_moves_nothing() -> None:
    ledger = TemporaryLedger(0)
    exchange, book = market(ledger)
    with exchange.transaction():
        exchange.submit(book, buy(1))
    assert book.find(0) is not None and ledger.commit() == ()


def test_an_order_of_ten_thousand_fills_and_its_partners_are_moved_in_short_turns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = TemporaryLedger(0)
    exchange, book = market(ledger)
    for _ in range(10_000):
        exchange.submit(book, buy(1))
    exchange.submit(book, sell(10_000))
    monkeypatch.setattr(temporary, "MOVE_SECONDS", MOVE_SECONDS)
    looks = count(0, MOVE_SECONDS / STEPS)  # each step takes so long
    monkeypatch.setattr(temporary, "time", SimpleNamespace(monotonic=lambda: next(looks)))
    moved = [0]
    while book.find(0) or book.find(10_000):
        with exchange.transaction():
            pass
        moved += ledger.connection.execute("SELECT count(*) FROM fills").fetchone()
    assert max(after - before for before, after in pairwise(moved)) <= STEPS * FILLS_IN_A_STEP
    assert moved[-1] == 20_000
    assert len(exchange.order("V", "S", 10_000).fills) == 10_000
    assert exchange.order("V", "S", 9_999).filled == 1


def test_while_the_disk_is_full_memory_grows_no_further_and_then_all_goes_on(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(temporary, "RETRY_SECONDS", 0.0)
    ledger = TemporaryLedger(20)
    exchange, book = market(ledger)
    ledger.connection.execute("PRAGMA max_page_count = 1")  # SQLite allows what it has, no more
    with pytest.raises(CannotWrite):
        for _ in range(5000):
            with exchange.transaction():
                exchange.submit(book, buy(1, OrderType.IMMEDIATE_OR_CANCEL))
    placed = book.next_id
    assert 41 <= sum(book.find(number) is not None for number in range(placed)) <= 42
    assert all(exchange.order("V", "S", number).id == number for number in range(placed))
    assert caplog.text.count("cannot be moved out of memory for now: database or disk is full") == 1
    ledger.connection.execute("PRAGMA max_page_count = 100000")
    with exchange.transaction():
        pass
    with exchange.transaction():
        exchange.submit(book, buy(1))
    assert sum(book.find(number) is not None for number in range(placed)) == 20
    assert all(exchange.order("V", "S", number).id == number for number in range(placed + 1))


def test_a_resting_order_is_never_moved() -> None:
    ledger = TemporaryLedger(0)
    exchange, book = market(ledger)
    with exchange.transaction():
        exchange.submit(book, buy(10))
    for _ in range(9):
        with exchange.transaction():
            exchange.submit(book, sell(1))
    assert book.find(0).remaining == 1 and len(book.find(0).fills) == 9
    assert [book.find(number) for number in range(1, 10)] == [None] * 9


def test_every_setting_of_its_database_takes_effect() -> None:
    ledger = TemporaryLedger()
    wanted = {"synchronous": 0, "journal_mode": "memory", "cache_size": -CACHE_KIBIBYTES}
    for name, value in wanted.items():
        assert ledger.connection.execute(f"PRAGMA {name}").fetchone() == (value,)
    ledger.close()
