"""What the exchange has published and the tape has not told yet.

The exchange adds to it inside its turn, so that costs an append to a queue, and a wake-up if the
tape sleeps. A tick says how things are and an execution what happened. So what does not fit into
the queue is not lost without a trace: the newest quote of each book is kept, and whose executions
are missing.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from disorderbook.engine.book import Execution, OrderBook, Quote
from disorderbook.tape.poller import Bell

MAX_EVENTS = 20_000


Event = tuple[Sequence[Execution], Quote]


class Backlog:
    """Written by the exchange's threads, one at a time, and read by the tape's."""

    # Python finds slots in fewer steps than other attributes, and every step counts: after each
    # order the tape's thread has used all of this on another processor.
    __slots__ = ("_bell", "_events", "_latest", "_missed", "_overdue", "_places", "_heard")

    def __init__(self, bell: Bell) -> None:
        self._bell = bell
        self._events: deque[Event] = deque()
        self._latest: dict[OrderBook, Quote] = {}  # what did not fit into the events
        self._missed: set[str] = set()  # accounts whose executions did not fit either
        self._overdue: deque[Event] = deque()  # taken from the latest, to be told before events
        self._places: Counter[tuple[str, str | None]] = Counter()  # listeners by venue, symbol
        self._heard: dict[OrderBook, bool] = {}  # whether there are listeners to a book

    def __bool__(self) -> bool:
        return bool(self._overdue or self._events or self._latest or self._missed)

    def __len__(self) -> int:
        """How many events wait."""
        return len(self._events)

    def add(self, book: OrderBook, executions: Sequence[Execution]) -> None:
        """For the exchange, after each event, inside its turn."""
        heard = self._heard
        if not (heard[book] if book in heard else self._look_up(book, heard)):
            return
        if len(self._events) < MAX_EVENTS and not self._latest and not self._missed:
            self._events.append((executions, book.quote()))
        else:
            self._missed.update(accounts_in(executions))
            self._latest[book] = book.quote()
        if self._bell.asleep:
            self._bell.ring()

    # For the tape's thread.

    def listen(self, venue: str, symbol: str | None) -> None:
        """From now on keep the events of a venue, or of one of its books."""
        self._places[venue, symbol] += 1
        self._heard = {}

    def unlisten(self, venue: str, symbol: str | None) -> None:
        """Take back one `listen`."""
        self._places[venue, symbol] -= 1
        if not self._places[venue, symbol]:
            del self._places[venue, symbol]
        self._heard = {}

    def next(self) -> Event | None:
        """The next event to tell. If there is none any more, what did not fit may follow."""
        for waiting in (self._overdue, self._events):
            if waiting:
                return waiting.popleft()
        return None

    def catch_up(self) -> set[str]:
        """Once all events are told: turn to what did not fit. Returns who misses executions.

        The exchange may add to that at any moment, so it is taken piece by piece, and no event is
        kept again before nothing is left of it.
        """
        missed = {self._missed.pop() for _ in range(len(self._missed))}
        for _ in range(len(self._latest)):
            _, quote = self._latest.popitem()
            self._overdue.append(((), quote))
        return missed

    def untold(self) -> set[str]:
        """Accounts with executions that wait or are missing."""
        waiting = chain.from_iterable(executions for executions, _ in list(self._events))
        return set(self._missed).union(accounts_in(waiting))

    def _look_up(self, book: OrderBook, heard: dict[OrderBook, bool]) -> bool:
        """Remember who is heard until somebody comes or goes, which makes `heard` another one."""
        venue, places = book.venue, self._places
        heard[book] = (venue, book.symbol) in places or (venue, None) in places
        return heard[book]


def accounts_in(executions: Iterable[Execution]) -> Iterator[str]:
    for execution in executions:
        yield execution.standing.account
        yield execution.incoming.account
