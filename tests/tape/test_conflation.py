"""What waits between the exchange and the tape, without sockets."""

import contextlib
from collections.abc import Iterator

import pytest

from disorderbook.engine.book import Execution, OrderBook
from disorderbook.engine.orders import BUY, LIMIT, SELL, NewOrder
from disorderbook.tape import conflation
from disorderbook.tape.conflation import Backlog, accounts_in
from disorderbook.tape.poller import Waker


@pytest.fixture
def waker() -> Iterator[Waker]:
    with contextlib.closing(Waker()) as waker:
        yield waker


def trade(book: OrderBook) -> list[Execution]:
    book.submit(NewOrder("ANN", SELL, LIMIT, 100, 1), 1)
    return book.submit(NewOrder("BOB", BUY, LIMIT, 100, 1), 2).executions


def test_only_what_somebody_listens_to_is_kept(waker: Waker) -> None:
    foo, bar, else_ = OrderBook("V", "FOO", 0), OrderBook("V", "BAR", 0), OrderBook("W", "FOO", 0)
    waiting = Backlog(waker)

    def kept() -> list[OrderBook]:
        for book in (foo, bar, else_):
            waiting.add(book, ())
        return [(event[1].venue, event[1].symbol) for event in iter(waiting.next, None)]

    assert kept() == [] and not waiting
    waiting.subscribe("V", "FOO")
    assert kept() == [("V", "FOO")]
    waiting.subscribe("V", None)
    waiting.subscribe("V", None)
    assert kept() == [("V", "FOO"), ("V", "BAR")]
    waiting.unsubscribe("V", "FOO")
    waiting.unsubscribe("V", None)
    assert kept() == [("V", "FOO"), ("V", "BAR")]
    waiting.unsubscribe("V", None)
    assert kept() == []


def test_the_waker_is_used_for_a_sleeper_and_only_if_there_is_news(waker: Waker) -> None:
    waiting, book = Backlog(waker), OrderBook("V", "FOO", 0)
    waker.asleep = True
    waiting.add(book, ())
    assert waker.asleep
    waiting.subscribe("V", None)
    waiting.add(book, ())
    assert not waker.asleep
    waker.clear()
    waiting.add(book, ())
    with pytest.raises(BlockingIOError):
        waker.clear()


def test_what_does_not_fit_leaves_the_newest_quote_and_the_names_of_who_misses_executions(
    waker: Waker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conflation, "MAX_EVENTS", 2)
    waiting, book = Backlog(waker), OrderBook("V", "FOO", 0)
    waiting.subscribe("V", "FOO")
    waiting.add(book, ())
    waiting.add(book, ())
    waiting.add(book, trade(book))
    waiting.add(book, ())
    assert len(waiting) == 2 and waiting.undelivered() == {"ANN", "BOB"}
    assert [waiting.next()[1].last for _ in range(2)] == [None, None]
    assert waiting.next() is None and waiting
    assert waiting.catch_up() == {"ANN", "BOB"}
    executions, quote = waiting.next()
    assert not executions and quote.last == 100
    assert not waiting and waiting.catch_up() == set()


def test_executions_that_wait_are_untold(waker: Waker) -> None:
    waiting, book = Backlog(waker), OrderBook("V", "FOO", 0)
    waiting.subscribe("V", None)
    waiting.add(book, trade(book))
    assert waiting.undelivered() == {"ANN", "BOB"}
    executions, _ = waiting.next()
    assert waiting.undelivered() == set() and list(accounts_in(executions)) == ["ANN", "BOB"]
