"""What waits between the exchange and the tape, without sockets."""

import contextlib
from collections.abc import Iterator

import pytest

from disorderbook.engine.book import Execution, OrderBook
from disorderbook.engine.orders import BUY, LIMIT, SELL, NewOrder
from disorderbook.tape import conflation
from disorderbook.tape.conflation import Backlog, accounts_in
from disorderbook.tape.poller import Bell


@pytest.fixture
def bell() -> Iterator[Bell]:
    with contextlib.closing(Bell()) as bell:
        yield bell


def trade(book: OrderBook) -> list[Execution]:
    book.submit(NewOrder("ANN", SELL, LIMIT, 100, 1), 1)
    return book.submit(NewOrder("BOB", BUY, LIMIT, 100, 1), 2).executions


def test_only_what_somebody_listens_to_is_kept(bell: Bell) -> None:
    foo, bar, else_ = OrderBook("V", "FOO", 0), OrderBook("V", "BAR", 0), OrderBook("W", "FOO", 0)
    waiting = Backlog(bell)

    def kept() -> list[OrderBook]:
        for book in (foo, bar, else_):
            waiting.add(book, ())
        return [(event[1].venue, event[1].symbol) for event in iter(waiting.next, None)]

    assert kept() == [] and not waiting
    waiting.listen("V", "FOO")
    assert kept() == [("V", "FOO")]
    waiting.listen("V", None)
    waiting.listen("V", None)
    assert kept() == [("V", "FOO"), ("V", "BAR")]
    waiting.unlisten("V", "FOO")
    waiting.unlisten("V", None)
    assert kept() == [("V", "FOO"), ("V", "BAR")]
    waiting.unlisten("V", None)
    assert kept() == []


def test_the_bell_is_rung_for_a_sleeper_and_only_if_there_is_news(bell: Bell) -> None:
    waiting, book = Backlog(bell), OrderBook("V", "FOO", 0)
    bell.asleep = True
    waiting.add(book, ())
    assert bell.asleep
    waiting.listen("V", None)
    waiting.add(book, ())
    assert not bell.asleep
    bell.hush()
    waiting.add(book, ())
    with pytest.raises(BlockingIOError):
        bell.hush()


def test_what_does_not_fit_leaves_the_newest_quote_and_the_names_of_who_misses_executions(
    bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conflation, "MAX_EVENTS", 2)
    waiting, book = Backlog(bell), OrderBook("V", "FOO", 0)
    waiting.listen("V", "FOO")
    waiting.add(book, ())
    waiting.add(book, ())
    waiting.add(book, trade(book))
    waiting.add(book, ())
    assert len(waiting) == 2 and waiting.untold() == {"ANN", "BOB"}
    assert [waiting.next()[1].last for _ in range(2)] == [None, None]
    assert waiting.next() is None and waiting
    assert waiting.catch_up() == {"ANN", "BOB"}
    executions, quote = waiting.next()
    assert not executions and quote.last == 100
    assert not waiting and waiting.catch_up() == set()


def test_executions_that_wait_are_untold(bell: Bell) -> None:
    waiting, book = Backlog(bell), OrderBook("V", "FOO", 0)
    waiting.listen("V", None)
    waiting.add(book, trade(book))
    assert waiting.untold() == {"ANN", "BOB"}
    executions, _ = waiting.next()
    assert waiting.untold() == set() and list(accounts_in(executions)) == ["ANN", "BOB"]
