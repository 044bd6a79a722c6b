"""What waits for a NATS server, and what is conflated or lost when it is too much."""

from collections.abc import Iterator

import pytest

from disorderbook.engine.book import OrderBook, Quote
from disorderbook.engine.orders import BUY, LIMIT, SELL, NewOrder
from disorderbook.nats import queue
from disorderbook.nats.queue import PublishQueue
from disorderbook.tape.poller import Waker


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Iterator[PublishQueue]:
    monkeypatch.setattr(queue, "MOST_EVENTS", 3)
    waker = Waker()
    yield PublishQueue(waker, has_executions=True)
    waker.close()


def trade(waiting: PublishQueue, book: OrderBook) -> None:
    for account, side in (("a", SELL), ("b", BUY)):
        outcome = book.submit(NewOrder(account, side, LIMIT, 10, 1), 0)
        waiting.add(book, outcome.executions)


def take(waiting: PublishQueue) -> queue.BookEvent | None:
    event = waiting.first()
    return event and event._replace(quote=waiting.take_quote())


def test_while_all_is_well_each_event_has_its_quote(waiting: PublishQueue) -> None:
    book = OrderBook("V", "S", 0)
    assert waiting.catch_up()[0].trades == {}
    trade(waiting, book)
    first, second = take(waiting), take(waiting)
    assert first is not None and first.quote is not None and first.quote.ask == 10
    assert second is not None and second.quote is not None and second.quote.last == 10
    assert take(waiting) is None and not waiting


def test_while_a_server_is_away_trades_wait_and_quotes_do_not(waiting: PublishQueue) -> None:
    book = OrderBook("V", "S", 0)
    trade(waiting, book)
    trade(waiting, book)
    assert len(waiting) == 2 and waiting.conflated == 3
    events = [take(waiting), take(waiting)]
    assert [event and event.quote for event in events] == [None, None]
    assert waiting.take_changed(9) == [book]
    waiting.catch_up()
    assert not waiting and not waiting.is_conflating


def test_a_full_queue_conflates_and_then_loses_trades(waiting: PublishQueue) -> None:
    book, other = OrderBook("V", "S", 0), OrderBook("V", "T", 0)
    waiting.catch_up()
    trade(waiting, other)
    for _ in range(3):
        trade(waiting, book)
    assert waiting.is_conflating and len(waiting) == 3
    assert waiting.catch_up() == (queue.NO_LOSSES, []), "what waits comes first"
    take(waiting)
    trade(waiting, book)  # there is room, but the one before was lost
    while take(waiting) is not None:
        pass
    assert set(waiting.take_changed(9)) == {book, other}
    losses, _ = waiting.catch_up()
    assert losses.trades == {book: 4}
    assert losses.executions == {(book, "a"): 4, (book, "b"): 4}
    assert not waiting.is_conflating


def test_the_quotes_that_have_waited_longest_are_read_first(waiting: PublishQueue) -> None:
    books = [OrderBook("V", symbol, 0) for symbol in "ABC"]
    for book in (*books, books[0]):
        waiting.add(book, ())
    assert waiting.take_changed(1) == [books[0]]
    waiting.add(books[0], ())
    assert waiting.take_changed(9) == [books[1], books[2], books[0]]


def test_a_closed_book_is_told_behind_what_happened_in_it(waiting: PublishQueue) -> None:
    book = OrderBook("V", "S", 0)
    trade(waiting, book)
    waiting.forget(book)
    assert waiting.take_changed(9) == [] and waiting.catch_up()[1] == []
    assert waiting.first() is not None and waiting.catch_up()[1] == [], "it is not published yet"
    waiting.take_quote()
    assert waiting.catch_up()[1] == [book]
    assert not waiting


def test_a_quote_is_read_that_was_conflated_while_an_event_came(waiting: PublishQueue) -> None:
    """The publisher's thread begins to conflate between two steps of an event."""
    waiting.catch_up()

    class Interrupted(OrderBook):
        __slots__ = ()

        def quote(self) -> Quote:
            waiting.conflate()
            waiting.note_changed(other)
            return super().quote()

    other, book = OrderBook("V", "T", 0), Interrupted("V", "S", 0)
    waiting.add(book, ())
    event = take(waiting)
    assert event is not None and event.quote is None and waiting.is_to_catch_up
    assert set(waiting.take_changed(9)) == {book, other}
    waiting.catch_up()
    assert not waiting and not waiting.is_conflating


def test_an_outage_holds_no_closed_book_of_which_nothing_waits(waiting: PublishQueue) -> None:
    books = [OrderBook(f"V{number}", "S", 0) for number in range(9)]
    for book in books:
        trade(waiting, book)
        waiting.forget(book)
    assert waiting.take_closed() == (6, books[3:]), "the trades of three wait"
    assert waiting.take_closed() == (0, [])
    while take(waiting) is not None:
        pass
    assert waiting.take_closed() == (0, books[:3]) and not waiting
