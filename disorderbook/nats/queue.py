"""What the exchange has done and no NATS server has got yet.

The one rule: the exchange appends while it holds its lock, and waits for nobody. The queue is
bounded. Trades wait in it as long as there is room; those that find none are lost, and counted by
book. Quotes are *conflated* while the server is away or late, or the queue is full: then a book is
only noted as changed, and its quote is read when it can be sent (`take_changed`). So none waits.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from disorderbook.engine.book import Execution, OrderBook, Quote
from disorderbook.tape.conflation import accounts_in
from disorderbook.tape.poller import Waker

MOST_EVENTS = 20_000  # each an order or a cancel with all that it has led to


class BookEvent(NamedTuple):
    """What an order did in a book, and the quote then; None if that is to be read later."""

    book: OrderBook
    executions: Sequence[Execution]
    quote: Quote | None


class Losses(NamedTuple):
    """What did not fit into the queue."""

    trades: Counter[OrderBook]
    executions: Counter[tuple[OrderBook, str]]  # by book and account


NO_LOSSES = Losses(Counter(), Counter())


class PublishQueue:
    """Written under the exchange's lock by any thread, and read by the publisher's alone."""

    __slots__ = (
        "conflated",
        "is_conflating",
        "_waker",
        "_has_executions",
        "_events",
        "_changed",
        "_losses",
        "_forgotten",
    )

    def __init__(self, waker: Waker, has_executions: bool) -> None:
        """With `has_executions` it counts whose executions are lost."""
        self.conflated = 0  # quotes that were not read, since newer ones say more
        self._waker = waker
        self._has_executions = has_executions
        self.is_conflating = True  # so that quotes are read later: until there is a connection
        self._events: deque[BookEvent] = deque()
        # The books whose quotes are to be read; a plain dict cannot give its first one in a step.
        self._changed: OrderedDict[OrderBook, None] = OrderedDict()
        self._losses = Losses(Counter(), Counter())
        self._forgotten: list[OrderBook] = []

    def __bool__(self) -> bool:
        return bool(self._events or self._changed or self._losses.trades or self._forgotten)

    def __len__(self) -> int:
        """How many events wait, quotes that are to be read aside."""
        return len(self._events)

    @property
    def is_to_catch_up(self) -> bool:
        """Whether `catch_up` has something to do."""
        return self.is_conflating or bool(self._changed or self._forgotten)

    def add(self, book: OrderBook, executions: Sequence[Execution]) -> None:
        """Publish an event of a book. The exchange's lock must be held."""
        if not self.is_conflating:
            self._events.append(BookEvent(book, executions, book.quote()))
            if len(self._events) >= MOST_EVENTS:  # the other thread may have begun meanwhile
                self.is_conflating = True
        else:
            self._conflate(book)
            if executions:
                self._add_trades(book, executions)
        if self._waker.asleep:
            self._waker.wake()

    def forget(self, book: OrderBook) -> None:
        """A book is closed, and no other gets its name. The exchange's lock must be held."""
        self._changed.pop(book, None)
        self._forgotten.append(book)
        if self._waker.asleep:
            self._waker.wake()

    # For the publisher's thread.

    def conflate(self) -> None:
        """Have quotes read when they can be sent, from now on until `catch_up`."""
        self.is_conflating = True

    def first(self) -> BookEvent | None:
        """The event that has waited longest, None if there is none. It stays until `take_quote`."""
        return self._events[0] if self._events else None

    def take_quote(self) -> Quote | None:
        """The quote of that event, once all else of it is published; None if that is read later."""
        book, _, quote = self._events.popleft()
        if quote is not None and self.is_conflating:
            self.note_changed(book)
            return None
        return quote

    def note_changed(self, book: OrderBook) -> None:
        """Have the quote of a book read."""
        self._changed[book] = None

    def take_changed(self, most: int) -> list[OrderBook]:
        """Some of the books whose quotes are to be read now, those that have waited longest. The
        exchange's lock must be held.
        """
        taken: list[OrderBook] = []
        with suppress(KeyError):
            while len(taken) < most:
                taken.append(self._changed.popitem(last=False)[0])
        return taken

    def catch_up(self) -> tuple[Losses, list[OrderBook]]:
        """Once `first` is None: what was lost meanwhile, and which books are closed. If no quote is
        to be read, quotes wait with the events from now on. The exchange's lock must be held.
        """
        if self._events:
            return NO_LOSSES, []
        losses, self._losses = self._losses, Losses(Counter(), Counter())
        forgotten, self._forgotten = self._forgotten, []
        self.is_conflating = bool(self._changed)
        return losses, forgotten

    def take_closed(self) -> tuple[int, list[OrderBook]]:
        """While a server is away: the closed books of which nothing waits, and how many of their
        trades were lost, so that an outage holds no more of them. The exchange's lock must be held.
        """
        if not self._forgotten:
            return 0, []
        waiting = {event.book for event in self._events}
        taken = [book for book in self._forgotten if book not in waiting]
        self._forgotten = [book for book in self._forgotten if book in waiting]
        lost, gone = self._losses, set(taken)
        for key in [key for key in lost.executions if key[0] in gone]:
            del lost.executions[key]
        return sum(lost.trades.pop(book, 0) for book in taken), taken

    def _conflate(self, book: OrderBook) -> None:
        if book in self._changed:
            self.conflated += 1
        else:
            self._changed[book] = None

    def _add_trades(self, book: OrderBook, executions: Sequence[Execution]) -> None:
        """Those that do not fit are lost, and so are all behind them until nothing waits."""
        lost = self._losses
        if len(self._events) < MOST_EVENTS and not lost.trades:
            self._events.append(BookEvent(book, executions, None))
            return
        lost.trades[book] += len(executions)
        if self._has_executions:
            for account in accounts_in(executions):
                lost.executions[book, account] += 1
