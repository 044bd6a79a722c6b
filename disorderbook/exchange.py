"""The exchange: every book by venue and symbol, the clock, and the one turn that threads take.

Whoever reads or changes a book, an account's orders or a game master's instance does so inside
`with exchange.turn:`. It is the only lock of the program; nobody waits for a socket inside it.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence

from disorderbook.engine.book import Execution, OrderBook
from disorderbook.engine.orders import NewOrder, Order
from disorderbook.errors import NameTooLong, NoSuchOrder, NoSuchVenue, TooManyBooks

MAX_BOOKS = 100
MAX_NAME_LENGTH = 255  # characters of a venue, symbol or account name

Publish = Callable[[OrderBook, Sequence[Execution]], None]
"""Told inside the turn, after each order or cancel that makes a tick; must not wait."""


def publish_to_nobody(book: OrderBook, executions: Sequence[Execution]) -> None:
    """The publisher of an exchange that nobody listens to."""


def check_name(name: str) -> None:
    """Raise NameTooLong for a venue, symbol or account name over 255 characters."""
    if len(name) > MAX_NAME_LENGTH:
        raise NameTooLong


class Exchange:
    """At most `max_books` order books. `clock` tells the time in nanoseconds since 1970 (UTC)."""

    def __init__(
        self,
        max_books: int = MAX_BOOKS,
        publish: Publish = publish_to_nobody,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.turn = threading.Lock()
        self._max_books = max_books
        self._publish = publish
        self._clock = clock
        self._latest = 0
        self._venues: dict[str, dict[str, OrderBook]] = {}

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

    def find_book(self, venue: str, symbol: str) -> OrderBook | None:
        """The book, if it has been opened."""
        return self._venues.get(venue, {}).get(symbol)

    def book(self, venue: str, symbol: str) -> OrderBook:
        """The book, opened now if need be; raises TooManyBooks."""
        book = self.find_book(venue, symbol)
        return self._open_book(venue, symbol) if book is None else book

    def order(self, venue: str, symbol: str, order_id: int) -> Order:
        """An order by its id, in a book that is opened if need be; raises NoSuchOrder."""
        order = self.book(venue, symbol).find(order_id)
        if order is None:
            raise NoSuchOrder
        return order

    def submit(self, book: OrderBook, new: NewOrder) -> Order:
        """Place an order and publish what it did."""
        outcome = book.submit(new, self.now())
        if outcome.book_moved:
            self._publish(book, outcome.executions)
        return outcome.order

    def cancel(self, order: Order) -> None:
        """Cancel an order and publish the quote, even if the order was closed already."""
        book = self._venues[order.venue][order.symbol]
        book.cancel(order, self.now())
        self._publish(book, ())

    def _open_book(self, venue: str, symbol: str) -> OrderBook:
        if sum(map(len, self._venues.values())) >= self._max_books:
            raise TooManyBooks
        book = OrderBook(venue, symbol, self.now())
        self._venues.setdefault(venue, {})[symbol] = book
        return book
