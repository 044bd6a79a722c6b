"""The exchange: every book by venue and symbol, the clock, the publishers, and the one lock.

Whoever reads or changes a book, an account's orders or a game master's instance holds
`exchange.lock`. It is the only lock around that state, and nobody waits for a socket while holding
it. Whoever may have changed something calls `commit` before the lock is released, also after a
refusal or an error: the answer leaves after that.

A server that answers many requests in one go commits them together: it sets `group_commit`, and
calls `commit` between the last of them and the first answer.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from disorderbook.engine.book import Execution, OrderBook
from disorderbook.engine.orders import NewOrder, Order, Terms
from disorderbook.errors import (
    CannotWrite,
    NoSuchBook,
    NoSuchOrder,
    NoSuchVenue,
    StockSettled,
    TooManyBooks,
    TradingHalted,
    VenueClosed,
)
from disorderbook.ledger.base import Ledger
from disorderbook.protocol.names import MAX_BOOKS, detail_of
from disorderbook.rules.enforcement import OrderRates, admit
from disorderbook.rules.market import NO_RULES, RuleBook

IDS_AT_ONCE = 64  # of an account's orders that are looked up together
RESTING_AT_ONCE = 1000  # orders of a book that are looked through together, in some 50 microseconds

_STATE = (
    "_latest",
    "_venues",
    "_numbers",
    "_last_number",
    "_closed",
    "_halted",
    "_settled",
    "_rates",
)

Place = tuple[str, str]  # venue and symbol of a book

Publish = Callable[[OrderBook, Sequence[Execution]], None]
"""Called with the lock held, after each order or cancel that makes a tick; it must not wait."""


def no_such_id(order_id: object) -> str:
    """The detail of NoSuchOrder."""
    return detail_of("the order's id", order_id, "that of an order in this book, from 0")


class Titles(NamedTuple):
    """What people call a venue and its stock."""

    venue: str
    stock: str


class Participant:
    """What commits together with the books, and is restored with them. The lock is held."""

    has_changed = False  # since it was recorded

    def record(self) -> None:
        """Give the ledger what has changed: a commit is about to be made. It must not raise."""

    def restore(self) -> None:
        """A commit has failed, and the books are as of the last one: be so, too. May raise
        CannotRead.
        """


class Exchange:
    """At most `max_books` order books, besides those of reserved venues (see `reserve`). `clock`
    returns nanoseconds since 1970 (UTC).

    The lock must be held in every method but `transaction`, `flush` and `close`, which take it.
    """

    def __init__(
        self,
        max_books: int = MAX_BOOKS,
        publishers: Sequence[Publish] = (),
        clock: Callable[[], int] = time.time_ns,
        ledger: Ledger = Ledger(),
        rules: RuleBook = NO_RULES,
    ) -> None:
        self.lock = threading.Lock()
        self.group_commit = False
        self.participant = Participant()
        self.restorers: list[Callable[[], None]] = []  # called after the participant's `restore`
        self._max_books = max_books
        self._publishers = tuple(publishers)
        self._clock = clock
        self._ledger = ledger
        self.rules = rules
        self._latest = 0
        self._venues: dict[str, dict[str, OrderBook]] = {}
        self._numbers: dict[str, int] = {}  # of venues, from 1 in the order of their opening
        self._last_number = 0
        self._reserved: dict[str, Titles] = {}
        self._closed: set[str] = set()  # venues that were reserved; no more than there are names
        self._halted: dict[Place, str] = {}  # books that take no orders, and why
        self._settled: dict[Place, int] = {}  # books that are closed for good, and their prices
        self._rates: dict[Place, OrderRates] = {}  # of books that have rules

    def restore(self, books: Iterable[OrderBook], latest: int) -> None:
        """Hold these books, oldest first, and no others; no time from now is `latest` again."""
        self._venues, self._halted, self._settled = {}, {}, {}
        for book in books:
            self._closed.discard(book.venue)
            self._hold(book)
        self._latest = max(self._latest, latest)

    def now(self) -> int:
        """The time in nanoseconds, later at each call, even where the machine's clock stands or is
        set back.
        """
        next_one, time_now = self._latest + 1, self._clock()
        self._latest = now = time_now if time_now > next_one else next_one
        return now

    def read_clock(self) -> int:
        """The time in nanoseconds for somebody who only looks: not before any that was given."""
        time_now, latest = self._clock(), self._latest
        return time_now if time_now > latest else latest

    @property
    def latest(self) -> int:
        """The time that was given last."""
        return self._latest

    def venues(self) -> Iterator[str]:
        """Names of the venues, oldest first."""
        return iter(self._venues)

    def books(self, venue: str) -> Iterator[OrderBook]:
        """The books of a venue, oldest first; raises NoSuchVenue."""
        if venue not in self._venues:
            raise VenueClosed(venue) if venue in self._closed else NoSuchVenue(venue)
        return iter(self._venues[venue].values())

    def number_of(self, venue: str) -> int:
        """Counts the venues from 1; a venue keeps its number, and no other one gets it."""
        return self._numbers[venue]

    def titles_of(self, venue: str) -> Titles | None:
        """What people call a reserved venue and its stock; None if nobody has said so."""
        return self._reserved.get(venue)

    def is_free(self, venue: str) -> bool:
        """Whether there has never been a venue of this name."""
        return venue not in self._venues and venue not in self._closed

    def reserve(self, venue: str, symbol: str, titles: Titles) -> OrderBook:
        """Open the only book of a venue that is free, which does not count for `max_books`."""
        book = self._open(OrderBook(venue, symbol, self.now()))
        self._reserved[venue] = titles
        self._note_restrictions(book)
        return book

    def restore_reserved(self, venue: str, titles: Titles) -> None:
        """Reserve a venue again whose book was restored."""
        self._reserved[venue] = titles
        for book in self._venues[venue].values():
            self._note_restrictions(book)

    def restore_closed(self, venues: Iterable[str]) -> None:
        """Never open these, whose books were not restored."""
        self._closed.update(venues)

    def close_venue(self, venue: str) -> None:
        """Let go of a reserved venue and its book; the name is never opened again."""
        self._closed.add(venue)
        for state in (self._venues, self._reserved, self._numbers):
            state.pop(venue, None)

    # ---- what `control.control` does

    name = "exchange"

    def reset(self, book: OrderBook | None) -> None:
        """Be as a new exchange, without any book; or have a new book in the place of this open one.
        The ledger must have been told, so that nothing is left there.
        """
        if book is None:
            for each in [book for books in self._venues.values() for book in books.values()]:
                each.is_gone = True
            self._venues, self._numbers, self._reserved = {}, {}, {}
            self._closed, self._halted, self._settled, self._rates = set(), {}, {}, {}
            self._latest = self._last_number = 0
            return
        book.is_gone = True
        for state in (self._halted, self._settled, self._rates):
            state.pop((book.venue, book.symbol), None)
        self._open(OrderBook(book.venue, book.symbol, self.now()))

    def save(self) -> object:
        """What `load` goes on from, if no venue is reserved."""
        return {name: getattr(self, name) for name in _STATE}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from there, with no other book."""
        self.reset(None)
        for name in _STATE:
            setattr(self, name, state[name])

    def roll_back(self) -> None:
        """A change was interrupted: the ledger drops it, and has the next commit fail."""
        self._ledger.roll_back()

    def halt(self, book: OrderBook, reason: str) -> None:
        """Take no orders in a book until `resume`; what rests there can be cancelled. `reason` is
        told to whoever sends one. Raises StockSettled, or CannotWrite before anything has changed.
        """
        self._restrict(book, reason, None)

    def resume(self, book: OrderBook) -> None:
        """Take orders in a book again; nothing happens if it does. Raises as `halt` does."""
        self._restrict(book, None, None)

    def halts(self) -> list[tuple[str, str, str]]:
        """Venue, stock and reason of each book that takes no orders until `resume`: in the order of
        halting, or, of those before a start, in the order of opening.
        """
        return [(*place, reason) for place, reason in self._halted.items()]

    def settle(self, book: OrderBook, price: int) -> None:
        """Close a book for good: a share of it is worth `price` cents from now on, whatever it was
        traded at. It takes no orders, which only a reset of it changes; what rests there can be
        cancelled, and never trades. Raises as `halt` does.
        """
        self._restrict(book, None, price)

    def settlements(self) -> list[tuple[str, str, int]]:
        """Venue, stock and price of each book that is settled, in an order as that of `halts`."""
        return [(*place, price) for place, price in self._settled.items()]

    def _restrict(self, book: OrderBook, halted: str | None, settled: int | None) -> None:
        """Have a book halted, or settled, or neither."""
        if book.settled is not None:
            raise _settled(book.settled)
        if (halted, settled) == (book.halted, book.settled):
            return
        self._ledger.require_writable()
        try:
            book.halted, book.settled = halted, settled
            self._note_restrictions(book)
            self._ledger.restrict(book)
        except BaseException:
            self._ledger.roll_back()
            raise

    def _note_restrictions(self, book: OrderBook) -> None:
        """Have what follows from `halted` and `settled` of a book, and from its place. Levels have
        no rules but their own.
        """
        place = book.venue, book.symbol
        rules = None if book.venue in self._reserved else self.rules.of(*place)
        if book.rules != rules:
            book.obey(rules)
        is_closed = book.halted is not None or book.settled is not None
        book.is_restricted = is_closed or rules is not None
        self._halted.pop(place, None)
        if book.halted is not None:
            self._halted[place] = book.halted
        if book.settled is not None:
            self._settled[place] = book.settled

    def is_reserved(self, venue: str) -> bool:
        """Whether a venue has one book only, which belongs to a level. It is so for as long as
        `find_book` gives that book, also to who asks both, in this order, without the lock.
        """
        return venue in self._reserved

    @property
    def is_stored(self) -> bool:
        """Whether the market outlives the process."""
        return self._ledger.keeps_states

    @property
    def book_count(self) -> int:
        """How many books are open."""
        return sum(map(len, self._venues.values()))

    def find_book(self, venue: str, symbol: str) -> OrderBook | None:
        """The book, if it has been opened; raises VenueClosed, or NoSuchBook if it cannot be."""
        books = self._venues.get(venue)
        if books is None:
            if venue in self._closed:
                raise VenueClosed(venue)
            return None
        book = books.get(symbol)
        if book is None and venue in self._reserved:
            raise NoSuchBook(detail_of("symbol", symbol, "the one stock of this venue"))
        return book

    def book(self, venue: str, symbol: str) -> OrderBook:
        """The book, opened now if need be; raises TooManyBooks or CannotWrite."""
        book = self.find_book(venue, symbol)
        return self._open_book(venue, symbol) if book is None else book

    def order(self, venue: str, symbol: str, order_id: int) -> Order:
        """An order by its id, in a book that is opened if need be. Raises as `book` does, and
        NoSuchOrder, or CannotRead if the order cannot be looked up.
        """
        book = self.book(venue, symbol)
        if not 0 <= order_id < book.next_id:
            raise NoSuchOrder(no_such_id(order_id))
        order = book.find(order_id) or self._ledger.find(book, order_id)
        if order is None:
            raise NoSuchOrder(no_such_id(order_id))
        return order

    def orders_of(
        self, book: OrderBook, account: str, since: int = -1, only_open: bool = False
    ) -> Iterator[Order | None]:
        """The orders of an account in a book that have an id over `since` and have been placed
        before the first `next`, oldest first; None in between, where no order is open or none of
        the account was found so far.

        The lock must be held during each `next`, which looks up one order and at most IDS_AT_ONCE
        ids, and may be released in between: an order is as of the moment of its own. Raises
        CannotRead.

        Where few orders rest in the book, the open ones are found among those, so that what an
        account has done in the past costs nothing.
        """
        start, end = since + 1, book.next_id
        venue, symbol = book.venue, book.symbol
        while start < end:
            now_book = self._book_now(venue, symbol)  # after a rollback it is another one
            if now_book is None:
                return
            ids, start = self._ids_of(now_book, account, start, only_open)
            for order_id in ids:
                if book.is_gone:
                    return
                if order_id < end:
                    yield self._order_now(venue, symbol, order_id, only_open)
            if book.is_gone:
                return
            if not ids:
                yield None

    def add_publisher(self, publish: Publish) -> None:
        """Have it hear of every change from now on; nothing happens if it does already."""
        if publish not in self._publishers:
            self._publishers = (*self._publishers, publish)

    def remove_publisher(self, publish: Publish) -> None:
        """Have it hear of no change any more; nothing happens if it does not."""
        self._publishers = tuple(each for each in self._publishers if each != publish)

    def submit(self, book: OrderBook, new: NewOrder) -> Order:
        """Place an order and publish what it did; raises CannotWrite before anything has changed.

        A signal may end a change anywhere, and leave a book that contradicts itself: the ledger
        then has the next commit fail. Raises TradingHalted and StockSettled as well, and
        what the rules of the book refuse with.
        """
        terms = self._admit(book, new) if book.is_restricted else None
        now = self.now()
        self._ledger.require_writable()
        try:
            outcome = book.submit(new, now, terms)
            self._ledger.submit(book, outcome)
        except BaseException:
            self._ledger.roll_back()
            raise
        if outcome.book_moved:
            for publish in self._publishers:
                publish(book, outcome.executions)
        return outcome.order

    def cancel(self, order: Order) -> None:
        """Cancel an order and publish the quote, even if the order was closed already; raises
        CannotWrite before anything has changed.
        """
        book, now = self._venues[order.venue][order.symbol], self.now()
        if order.is_open:
            self._ledger.require_writable()
            self._close(book, order, now)
        for publish in self._publishers:
            publish(book, ())

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Take the lock, and commit before it is released unless `group_commit`, also after an
        error; raises as `commit` does.
        """
        with self.lock:
            try:
                yield
            finally:
                if not self.group_commit:
                    self.commit()

    def commit(self, flush: bool = False) -> None:
        """Commit what has changed since the last time, and hold those closed orders no more that
        the ledger can find from now on. With `flush` the ledger does what it has put off, too.

        Raises CannotWrite; then every book is as it was at the last commit.
        """
        if self.participant.has_changed:
            self.participant.record()
        try:
            forgotten = self._ledger.flush() if flush else self._ledger.commit()
        except CannotWrite:
            self._venues = {}  # what is not committed is not shown either
            self.restore(self._ledger.committed_books(), self._latest)
            self.participant.restore()
            for restore in self.restorers:
                restore()
            raise
        for order in forgotten:
            if order.venue in self._venues:  # else it was closed since
                self._venues[order.venue][order.symbol].forget(order)

    def flush(self) -> None:
        """Have the ledger do what it has put off, in a quiet moment; raises as `commit` does. The
        lock must not be held.
        """
        with self.lock:
            self.commit(flush=True)

    def close(self) -> None:
        """Take the lock for good (whoever waits for it waits until the process ends), and close the
        ledger.
        """
        self.lock.acquire()
        self._ledger.close()

    def require_room(self) -> None:
        """Raise TooManyBooks if no other book can be opened."""
        if self.book_count - len(self._reserved) >= self._max_books:
            raise TooManyBooks(f"{self._max_books} books are open; allowed: that many (--maxbooks)")

    def _ids_of(
        self, book: OrderBook, account: str, start: int, only_open: bool
    ) -> tuple[list[int], int]:
        """Some ids of an account's orders, those in the ledger included, and the id to go on from.
        An open order is never in the ledger alone.
        """
        if only_open and book.bids.resting + book.asks.resting <= RESTING_AT_ONCE:
            resting = book.resting_ids_of(account)
            return [each for each in resting if each >= start], book.next_id
        ids, reached = book.ids_of(account, start, IDS_AT_ONCE)
        stored = () if only_open else self._ledger.ids_of(book, account, start, IDS_AT_ONCE)
        if len(stored) == IDS_AT_ONCE:
            reached = min(reached, stored[-1] + 1)
        return sorted(each for each in {*ids, *stored} if each < reached), reached

    def _book_now(self, venue: str, symbol: str) -> OrderBook | None:
        """A book that was open before the lock was released; None if it is closed since."""
        return self._venues.get(venue, {}).get(symbol)

    def _order_now(self, venue: str, symbol: str, order_id: int, only_open: bool) -> Order | None:
        """An order that was there before the lock was released: it may have moved to the ledger, or
        a rollback may have taken it back.
        """
        book = self._book_now(venue, symbol)
        if book is None or order_id >= book.next_id:
            return None
        order = book.find(order_id)
        if only_open:
            return order if order is not None and order.is_open else None
        return order or self._ledger.find(book, order_id)

    def _open_book(self, venue: str, symbol: str) -> OrderBook:
        self.require_room()
        return self._open(OrderBook(venue, symbol, self.now()))

    def _open(self, book: OrderBook) -> OrderBook:
        self._ledger.require_writable()
        try:
            self._hold(book)
            self._ledger.open_book(book)
        except BaseException:
            self._ledger.roll_back()
            raise
        return book

    def _hold(self, book: OrderBook) -> None:
        self._venues.setdefault(book.venue, {})[book.symbol] = book
        if book.venue not in self._numbers:
            self._last_number += 1
            self._numbers[book.venue] = self._last_number
        self._note_restrictions(book)

    def _admit(self, book: OrderBook, new: NewOrder) -> Terms | None:
        """On which terms an order is placed in a book that is restricted. Own orders that it must
        not meet are cancelled. Raises as `submit` does.
        """
        if book.settled is not None:
            raise _settled(book.settled)
        if book.halted is not None:
            raise TradingHalted(book.halted)
        if book.rules is None:
            return None
        place, now = (book.venue, book.symbol), self.read_clock()
        rates = self._rates.setdefault(place, OrderRates(book.rules.orders_per_second))
        terms, own = admit(book.rules, book, new, rates, now)
        self._ledger.require_writable()
        rates.note(new.account, now)
        for order in own:
            self._close(book, order, self.now())
            for publish in self._publishers:
                publish(book, ())
        return terms

    def _close(self, book: OrderBook, order: Order, now: int) -> None:
        """Cancel an open order; the ledger is writable."""
        try:
            book.cancel(order, now)
            self._ledger.cancel(book, order)
        except BaseException:
            self._ledger.roll_back()
            raise


def _settled(price: int) -> StockSettled:
    return StockSettled(f"it was closed for good at {price} cents a share")
