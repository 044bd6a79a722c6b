"""What the exchange has published and the tape has not rendered yet.

The one rule: publishing happens while the exchange's lock is held, so it costs an append to a
queue, and a wake-up if the tape sleeps. The queue is bounded. When it is full, quotes are
conflated: the newest of each book is kept. Executions are unconflatable, so the accounts that miss
one are noted, and their listeners are closed.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain

from disorderbook.engine.book import Execution, OrderBook, Quote
from disorderbook.tape.poller import Waker

MAX_EVENTS = 20_000


Event = tuple[Sequence[Execution], Quote]


class Backlog:
    """Written under the exchange's lock by any thread, and read by the tape's thread alone."""

    # Python finds slots in fewer steps than other attributes. Every step counts: the tape's thread
    # has used all of this on another processor since the last order.
    __slots__ = ("_waker", "_events", "_latest", "_missed", "_overdue", "_subscribed", "_wanted")

    def __init__(self, waker: Waker) -> None:
        self._waker = waker
        self._events: deque[Event] = deque()
        self._latest: dict[OrderBook, Quote] = {}  # of books whose events did not fit
        self._missed: set[str] = set()  # accounts whose executions did not fit
        self._overdue: deque[Event] = deque()  # taken from _latest, due before events
        self._subscribed: Counter[tuple[str, str | None]] = Counter()  # listeners by venue, symbol
        self._wanted: dict[OrderBook, bool] = {}  # whether there are listeners to a book

    def __bool__(self) -> bool:
        return bool(self._overdue or self._events or self._latest or self._missed)

    def __len__(self) -> int:
        """How many events wait, those that were conflated aside."""
        return len(self._events)

    @property
    def ahead(self) -> int:
        """How many are taken, at most, until all that waits now has been."""
        return len(self._overdue) + len(self._events) + len(self._latest)

    def add(self, book: OrderBook, executions: Sequence[Execution]) -> None:
        """Publish an event of a book. The exchange's lock must be held."""
        wanted = self._wanted
        if not (wanted[book] if book in wanted else self._look_up(book, wanted)):
            return
        if len(self._events) < MAX_EVENTS and not self._latest and not self._missed:
            self._events.append((executions, book.quote()))
        else:
            self._missed.update(accounts_in(executions))
            self._latest[book] = book.quote()
        if self._waker.asleep:
            self._waker.wake()

    def reset(self, book: OrderBook | None) -> None:
        """Have nothing more to tell: listeners stay, and hear of what comes. What has happened in
        a book that begins anew alone is still told, before anything of the new one. The exchange's
        lock must be held.
        """
        if book is not None:
            self._wanted.pop(book, None)
            return
        self._wanted = {}
        for waiting in (self._events, self._overdue, self._latest, self._missed):
            waiting.clear()

    def forget(self, book: OrderBook) -> None:
        """Hold nothing of a book that is closed. The exchange's lock must be held."""
        self._wanted.pop(book, None)
        self._latest.pop(book, None)

    # For the tape's thread.

    def subscribe(self, venue: str, symbol: str | None) -> None:
        """Count one more listener to a venue, or to one of its books if `symbol` is given."""
        self._subscribed[venue, symbol] += 1
        self._wanted = {}

    def unsubscribe(self, venue: str, symbol: str | None) -> None:
        """Count one listener less."""
        self._subscribed[venue, symbol] -= 1
        if not self._subscribed[venue, symbol]:
            del self._subscribed[venue, symbol]
        self._wanted = {}

    def next(self) -> Event | None:
        """The next event; None if none waits, while `catch_up` may still bring some."""
        for waiting in (self._overdue, self._events):
            with suppress(IndexError):  # a reset may come in between
                if waiting:
                    return waiting.popleft()
        return None

    def first(self) -> Event | None:
        """What `next` would be."""
        for waiting in (self._overdue, self._events):
            with suppress(IndexError):  # a reset may come in between
                return waiting[0]
        return None

    def catch_up(self) -> set[str]:
        """Once `next` is None: queue the conflated quotes. Returns accounts that miss executions.

        The exchange may add to both at any moment, so they are taken one by one; `add` queues
        events again once nothing is left of them.
        """
        missed: set[str] = set()
        with suppress(KeyError):  # a reset may come in between
            for _ in range(len(self._missed)):
                missed.add(self._missed.pop())
            for _ in range(len(self._latest)):
                _, quote = self._latest.popitem()
                self._overdue.append(((), quote))
        return missed

    def undelivered(self) -> set[str]:
        """Accounts with executions that wait or are missing."""
        waiting = chain.from_iterable(executions for executions, _ in list(self._events))
        return set(self._missed).union(accounts_in(waiting))

    def _look_up(self, book: OrderBook, wanted: dict[OrderBook, bool]) -> bool:
        """Whether the book has listeners, noted until one comes or goes."""
        venue, subscribed = book.venue, self._subscribed
        wanted[book] = (venue, book.symbol) in subscribed or (venue, None) in subscribed
        return wanted[book]


def accounts_in(executions: Iterable[Execution]) -> Iterator[str]:
    """Both sides of each execution, repeatedly where they are in several."""
    for execution in executions:
        yield execution.standing.account
        yield execution.incoming.account
