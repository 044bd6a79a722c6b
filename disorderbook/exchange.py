"""Who may touch the exchange, and what happens when they are done or are interrupted.

The exchange: every book by venue and symbol, the clock, and the one turn that threads take.

Whoever reads or changes a book, an account's orders or a game master's instance does so inside
`with exchange.turn:`. It is the only lock of the program; nobody waits for a socket inside it.

What changes is told to a ledger, and kept when a turn ends, before its answer leaves. A server
that answers many requests in one go saves time by keeping them together: it sets
`commits_each_turn` to False, and calls `commit` between the last of them and the first answer.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType

from disorderbook.engine.book import Execution, OrderBook
from disorderbook.engine.orders import NewOrder, Order
from disorderbook.errors import CannotWrite, NoSuchOrder, NoSuchVenue, TooManyBooks
from disorderbook.ledger.base import Ledger
from disorderbook.protocol.names import MAX_BOOKS, detail_of


class Turn:
    """A lock that does something before it is left, whether or not what it was taken for failed."""

    def __init__(self, finish: Callable[[], None]) -> None:
        self._lock = threading.Lock()
        self._finish = finish

    def locked(self) -> bool:
        """Whether anybody has it now."""
        return self._lock.locked()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._finish()
        finally:
            self._lock.release()


class WholeChange:
    """What is begun within it is finished, or else something else is done.

    A signal may end anything anywhere, and leave a book that contradicts itself.
    """

    __slots__ = ("_abandon",)

    def __init__(self, abandon: Callable[[], None]) -> None:
        self._abandon = abandon

    def __enter__(self) -> None:
        """Nothing has changed yet."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._abandon()


Publish = Callable[[OrderBook, Sequence[Execution]], None]
"""Told inside the turn, after each order or cancel that makes a tick; must not wait."""


def publish_to_nobody(book: OrderBook, executions: Sequence[Execution]) -> None:
    """The publisher of an exchange that nobody listens to."""


def no_such_id(order_id: object) -> str:
    """The detail of NoSuchOrder."""
    return detail_of("the order's id", order_id, "that of an order in this book, from 0")


class Exchange:
    """At most `max_books` order books. `clock` tells the time in nanoseconds since 1970 (UTC)."""

    def __init__(
        self,
        max_books: int = MAX_BOOKS,
        publish: Publish = publish_to_nobody,
        clock: Callable[[], int] = time.time_ns,
        ledger: Ledger = Ledger(),
    ) -> None:
        self.turn = Turn(self._end_turn)
        self.commits_each_turn = True
        self._max_books = max_books
        self._publish = publish
        self._clock = clock
        self._ledger = ledger
        self._whole_change = WholeChange(ledger.roll_back)
        self._latest = 0
        self._venues: dict[str, dict[str, OrderBook]] = {}

    def restore(self, books: Iterable[OrderBook], latest: int) -> None:
        """Hold these books, oldest first, and no others; no time from now is `latest` again."""
        self._venues = {}
        for book in books:
            self._venues.setdefault(book.venue, {})[book.symbol] = book
        self._latest = max(self._latest, latest)

    def now(self) -> int:
        """The time, later at each call even where the machine's clock stands or is set back."""
        self._latest = max(self._latest + 1, self._clock())
        return self._latest

    def venues(self) -> Iterator[str]:
        """Names of the venues, oldest first."""
        return iter(self._venues)

    def books(self, venue: str) -> Iterator[OrderBook]:
        """The books of a venue, oldest first; raises NoSuchVenue."""
        if venue not in self._venues:
            raise NoSuchVenue(venue)
        return iter(self._venues[venue].values())

    @property
    def book_count(self) -> int:
        """How many books are open."""
        return sum(map(len, self._venues.values()))

    def find_book(self, venue: str, symbol: str) -> OrderBook | None:
        """The book, if it has been opened."""
        return self._venues.get(venue, {}).get(symbol)

    def book(self, venue: str, symbol: str) -> OrderBook:
        """The book, opened now if need be; raises TooManyBooks."""
        book = self.find_book(venue, symbol)
        return self._open_book(venue, symbol) if book is None else book

    def order(self, venue: str, symbol: str, order_id: int) -> Order:
        """An order by its id, in a book that is opened if need be; raises NoSuchOrder."""
        book = self.book(venue, symbol)
        if not 0 <= order_id < book.next_id:
            raise NoSuchOrder(no_such_id(order_id))
        order = book.find(order_id) or self._ledger.find(book, order_id)
        if order is None:
            raise NoSuchOrder(no_such_id(order_id))
        return order

    def orders_of(self, book: OrderBook, account: str) -> list[Order]:
        """Every order of an account in a book, oldest first."""
        orders = {order.id: order for order in self._ledger.orders_of(book, account)}
        orders |= {order.id: order for order in book.orders_of(account)}
        return [orders[order_id] for order_id in sorted(orders)]

    def submit(self, book: OrderBook, new: NewOrder) -> Order:
        """Place an order and publish what it did."""
        self._ledger.require_writable()
        with self._whole_change:
            outcome = book.submit(new, self.now())
            self._ledger.submit(book, outcome)
        if outcome.book_moved:
            self._publish(book, outcome.executions)
        return outcome.order

    def cancel(self, order: Order) -> None:
        """Cancel an order and publish the quote, even if the order was closed already."""
        book, now = self._venues[order.venue][order.symbol], self.now()
        if order.is_open:
            self._ledger.require_writable()
            with self._whole_change:
                book.cancel(order, now)
                self._ledger.cancel(book, order)
        self._publish(book, ())

    def commit(self) -> None:
        """Keep what has changed since the last time, or raise CannotWrite: then none of it counts.

        For a server that answers several turns together; to be called outside of them.
        """
        with self.turn:
            self._keep(self._ledger.commit)

    def flush(self) -> None:
        """Have the ledger do what it has put off, or raise CannotWrite; for a quiet moment."""
        with self.turn:
            self._keep(self._ledger.flush)

    def close(self) -> None:
        """Take the last turn: whoever still waits for one waits until the process ends."""
        self.turn.__enter__()
        self._ledger.close()

    def _end_turn(self) -> None:
        if self.commits_each_turn:
            self._keep(self._ledger.commit)

    def _keep(self, keep: Callable[[], Sequence[Order]]) -> None:
        try:
            forgotten = keep()
        except CannotWrite:
            self._venues = {}  # what could not be kept is not shown either
            self.restore(self._ledger.committed_books(), self._latest)
            raise
        for order in forgotten:
            self._venues[order.venue][order.symbol].forget(order)

    def require_room(self) -> None:
        """Raise TooManyBooks if no other book can be opened."""
        if self.book_count >= self._max_books:
            raise TooManyBooks(f"{self._max_books} books are open; allowed: that many (--maxbooks)")

    def _open_book(self, venue: str, symbol: str) -> OrderBook:
        self.require_room()
        self._ledger.require_writable()
        book = OrderBook(venue, symbol, self.now())
        with self._whole_change:
            self._venues.setdefault(venue, {})[symbol] = book
            self._ledger.open_book(book)
        return book
