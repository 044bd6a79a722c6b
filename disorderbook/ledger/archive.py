"""Reads a market back from its tables: what is open at a start, a closed order when it is wanted.

A book never needs a closed order again, so memory holds a bounded number of them: an order leaves
memory only after its row and its fills are in the tables. The rule: what is read must fit together
(checksums, counts, sums, the journal), or it is refused as damaged.
"""

import logging
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby, islice
from operator import itemgetter
from typing import NamedTuple, overload

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import Fill, Order
from disorderbook.errors import CannotRead
from disorderbook.ledger.base import (
    ACTIONS_SHOWN,
    Instance,
    Ledger,
    Past,
    StoredAdmin,
    StoredGame,
    StoredScores,
)
from disorderbook.ledger.journal import Changes, entries, replay
from disorderbook.ledger.runs import load_game
from disorderbook.ledger.scores import load_scores
from disorderbook.ledger.tables import (
    ADMIN_ACTIONS,
    BOOKS,
    EXECUTIONS,
    FAULTS,
    INSTANCES,
    LEDGER,
    NOTICES,
    ORDERS,
    POSITIONS,
    Damaged,
    NumberedFill,
    Row,
    Summary,
    order_without_fills,
    read_action,
    read_fill,
    read_instance,
    read_notice,
    read_order,
    read_position,
)

FILLS_AT_ONCE = 256  # of an order that are read together, in about a millisecond
CLOSED_ORDERS_IN_MEMORY = 100_000  # of all books together; the rest is looked up in the ledger

_FIND_ORDER = f"SELECT {ORDERS.all} FROM orders WHERE (venue, symbol, id) = (?, ?, ?)"
_IDS_OF = """
    SELECT id FROM orders WHERE (account, venue, symbol) = (?, ?, ?) AND id >= ? ORDER BY id LIMIT ?
"""

log = logging.getLogger(__name__)


class Archive(Ledger, ABC):
    """A ledger with tables of orders and fills, and one connection to them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def find(self, book: OrderBook, order_id: int) -> Order:
        """A closed order that the book has accepted and forgotten; raises CannotRead."""
        place = book.venue, book.symbol, order_id
        with reading():
            row = self.connection.execute(_FIND_ORDER, place).fetchone()
            if row is None:
                raise Damaged(f"order {order_id} of {book.symbol} at {book.venue} is missing")
            values = ORDERS.read(row)
            fills = list(islice(self.fills_of_order(*place), FILLS_AT_ONCE))
            if len(fills) < FILLS_AT_ONCE:
                return _closed(read_order(values, fills))
            order = _closed(order_without_fills(values))
            order.fills = StoredFills(self, order)
            return order

    def ids_of(self, book: OrderBook, account: str, start: int, most: int) -> Sequence[int]:
        """The ids of an account's orders in the tables, some of which a book may hold, too."""
        values = account, book.venue, book.symbol, start, most
        with reading():
            return [order_id for (order_id,) in self.connection.execute(_IDS_OF, values)]

    @abstractmethod
    def fills_of_order(self, venue: str, symbol: str, order_id: int) -> Iterator[NumberedFill]:
        """By number; they are read FILLS_AT_ONCE at a time. Raises Damaged."""

    @abstractmethod
    def count_fills(self, venue: str, symbol: str, order_id: int) -> int:
        """As the number of the last one says, without reading the others."""

    def pages(self, query: str, *values: object) -> Iterator[Row]:
        """What a query gives, FILLS_AT_ONCE rows at a time: no cursor stays open in between. Its
        last two parameters are the first column of the last row so far, and how many are wanted.
        """
        rows: list[Row] = [(-1,)]
        while rows:
            rows = self.connection.execute(query, (*values, rows[-1][0], FILLS_AT_ONCE)).fetchall()
            yield from rows
            if len(rows) < FILLS_AT_ONCE:
                return

    def close(self) -> None:
        self.connection.close()


class StoredFills(Sequence[Fill]):
    """The fills of a closed order that has very many, which are read when somebody wants them. Who
    goes through them in slices has each read once.

    The lock must be held. Raises CannotRead where they are not complete, at the last of them.
    """

    def __init__(self, archive: Archive, order: Order) -> None:
        self._archive = archive
        self._place = order.venue, order.symbol, order.id
        self._shares = order.filled
        self._count = archive.count_fills(*self._place)
        self._position = 0  # of the next to be read
        self._fills = self._read()

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, which: int) -> Fill: ...

    @overload
    def __getitem__(self, which: slice) -> list[Fill]: ...

    def __getitem__(self, which: int | slice) -> Fill | list[Fill]:
        if isinstance(which, int):
            return self._between(range(self._count)[which], range(self._count)[which] + 1)[0]
        start, stop, step = which.indices(self._count)
        return self._between(start, stop)[::step] if step > 0 else list(self)[which]

    def _between(self, start: int, stop: int) -> list[Fill]:
        if start < self._position:
            self._fills, self._position = self._read(), 0
        with reading():
            found = list(islice(self._fills, start - self._position, stop - self._position))
            self._position = max(start, stop)
            if self._position == self._count:
                next(self._fills, None)  # whatever there is to be said against them
        return found

    def _read(self) -> Iterator[Fill]:
        venue, symbol, order_id = self._place
        count = shares = 0
        for fill_of, number, fill in self._archive.fills_of_order(*self._place):
            if (fill_of, number) != (order_id, count):
                break
            count, shares = count + 1, shares + fill.quantity
            yield fill
        if (count, shares) != (self._count, self._shares):
            raise Damaged(f"the fills of order {order_id} of {symbol} at {venue} are not complete")


@contextmanager
def reading() -> Iterator[None]:
    """Raise CannotRead, and log why, where a database cannot be read or makes no sense."""
    try:
        yield
    except (*FAULTS, Damaged) as error:
        log.error("The ledger cannot be read: %s", error)
        raise CannotRead from error


def fills_by_order(fills: Iterable[NumberedFill]) -> dict[int, list[NumberedFill]]:
    """Fills of one book, sorted, under the ids of their orders."""
    ordered = sorted(fills, key=itemgetter(0, 1))
    return {order_id: list(group) for order_id, group in groupby(ordered, itemgetter(0))}


def _closed(order: Order) -> Order:
    if order.is_open:
        raise Damaged(f"order {order.id} of {order.symbol} at {order.venue} is not in its book")
    return order


def fills_query(which: str, index: str = "") -> str:
    """Halves of executions, for `read_fill`, of the orders `o` of which this is true."""
    columns = ", ".join(f"e.{column}" for column in EXECUTIONS.all.split(", "))
    halves = [
        f"SELECT {half}, {columns} FROM orders AS o {index} CROSS JOIN executions AS e "
        f"ON (e.venue, e.symbol, e.{order}) = (o.venue, o.symbol, o.id) WHERE {which}"
        for half, order in enumerate(("standing_id", "incoming_id"))
    ]
    return " UNION ALL ".join(halves)


_OPEN_ORDERS = f"""
    SELECT {ORDERS.all} FROM orders
    WHERE (venue, symbol) = (?, ?) AND remaining > 0 ORDER BY id
"""

_OPEN_FILLS = fills_query(
    "o.venue = ?1 AND o.symbol = ?2 AND o.remaining > 0 AND o.filled > 0",
    "INDEXED BY open_orders",
)

_BOOKS = f"""
    SELECT {BOOKS.all} FROM books
    WHERE venue NOT IN (SELECT venue FROM runs WHERE ended IS NOT NULL) ORDER BY number
"""

_POSITIONS = f"""
    SELECT {POSITIONS.all} FROM positions WHERE (venue, symbol) = (?, ?) ORDER BY number
"""

_ACTIONS = f"SELECT {ADMIN_ACTIONS.all} FROM admin_actions ORDER BY number DESC LIMIT ?"

_LAST_ORDER = f"""
    SELECT {ORDERS.all} FROM orders WHERE (venue, symbol) = (?, ?) ORDER BY id DESC LIMIT 1
"""


class Market(NamedTuple):
    """What a ledger holds of what is in memory while its market runs."""

    books: list[OrderBook]  # of venues that are open, oldest first
    book_count: int  # those of runs that have ended included
    instances: list[Instance]  # of levels, oldest first
    last_instance: int  # the highest id of an instance that was given
    latest: int  # no time that was recorded is later; nanoseconds since 1970
    journaled: int  # number of the last entry of the journal
    changes: Changes  # what the tables do not have
    game: StoredGame
    admin: StoredAdmin
    scores: StoredScores
    pasts: Sequence[Past] = ()  # of the books


def load_market(connection: sqlite3.Connection, has_journal: bool = True) -> Market:
    """Everything that is open, as the tables and the journal say, or the tables alone; raises
    Damaged or sqlite3.Error.
    """
    _, count, last_instance, flushed = read_summary(connection)
    instances = _load_instances(connection, last_instance)
    books = _load_books(connection, count)
    times = [_latest(connection, book) for book in books]
    times += [instance.started_at for instance in instances]
    by_place = {(book.venue, book.symbol): book for book in books}
    journaled, changes = flushed, Changes()
    for entry in entries(connection, flushed) if has_journal else ():
        for command in entry:
            replay(command, by_place, changes)
            times.append(command.ts)
        journaled += 1
    game = load_game(connection, changes)
    times += [state.ts for state in game.states]
    admin = load_admin(connection)
    times += [action.ts for action in admin.actions]
    scores = load_scores(connection)
    times += [sample.ts for sample in scores.samples]
    times += [freeze.ts for freeze in scores.freezes]
    latest = max(times, default=0)
    return Market(
        books, count, instances, last_instance, latest, journaled, changes, game, admin, scores
    )


def load_admin(connection: sqlite3.Connection) -> StoredAdmin:
    """What the admin has done lately, and says; raises Damaged or sqlite3.Error."""
    rows = connection.execute(_ACTIONS, (ACTIONS_SHOWN,)).fetchall()
    notices = connection.execute(f"SELECT {NOTICES.all} FROM notices").fetchall()
    return StoredAdmin([*map(read_action, reversed(rows))], [*map(read_notice, notices)])


def _load_instances(connection: sqlite3.Connection, last: int) -> list[Instance]:
    rows = connection.execute(f"SELECT {INSTANCES.all} FROM instances ORDER BY id").fetchall()
    instances = [read_instance(row) for row in rows]
    if any(instance.id > last for instance in instances):
        raise Damaged("an instance is newer than the last one")
    return instances


def _load_books(connection: sqlite3.Connection, count: int) -> list[OrderBook]:
    """Every book of a venue that is open with its open orders, oldest first, as the tables have
    it.
    """
    (found,) = connection.execute("SELECT count(*) FROM books").fetchone()
    if found != count:
        raise Damaged(f"there are {found} books instead of {count}")
    return [_load_book(connection, row) for row in connection.execute(_BOOKS).fetchall()]


def _load_book(connection: sqlite3.Connection, row: Row) -> OrderBook:
    values = BOOKS.read(row)
    place = venue, symbol = values["venue"], values["symbol"]
    book = OrderBook(venue, symbol, values["opened"])
    price, quantity = values["last_price"], values["last_quantity"]
    book.restore(
        _open_orders(connection, venue, symbol),
        values["orders"],
        values["events"],
        map(read_position, connection.execute(_POSITIONS, place).fetchall()),
        values["quote_time"],
        None if price is None else Fill(price, quantity, values["last_trade"]),
    )
    book.halted, book.settled = values["halted"], values["settled"]
    _check(book, [values["bid_depth"], values["ask_depth"], values["accounts"]])
    return book


def _open_orders(connection: sqlite3.Connection, venue: str, symbol: str) -> list[Order]:
    fills = fills_by_order(map(read_fill, connection.execute(_OPEN_FILLS, (venue, symbol))))
    rows = map(ORDERS.read, connection.execute(_OPEN_ORDERS, (venue, symbol)).fetchall())
    orders = [read_order(values, fills.get(values["id"], ())) for values in rows]
    for order in orders:
        if order.remaining + order.filled != order.quantity:
            raise Damaged(f"order {order.id} of {symbol} at {venue} does not add up")
    return orders


def _check(book: OrderBook, expected: list[int]) -> None:
    """Raise Damaged if rows that belong to a book are missing, or older than the book's own."""
    positions = book.positions.values()
    if [book.bids.depth, book.asks.depth, len(positions)] != expected:
        raise Damaged(f"{book.symbol} at {book.venue} is not complete")
    if sum(p.cash + p.fees for p in positions) or sum(p.shares for p in positions):
        raise Damaged(f"the positions in {book.symbol} at {book.venue} do not balance")


def _latest(connection: sqlite3.Connection, book: OrderBook) -> int:
    """The latest time in a book, which a fill-or-kill order that was killed has without a trace
    in the quote; raises Damaged if the last order is not there.
    """
    row = connection.execute(_LAST_ORDER, (book.venue, book.symbol)).fetchone()
    times = [book.opened_at, book.quote_time]
    last_id = -1
    if row is not None:
        values = ORDERS.read(row)
        last_id = values["id"]
        times.append(values["ts"])
    if last_id + 1 != book.next_id:
        raise Damaged(f"the last order of {book.symbol} at {book.venue} is missing")
    return max(times)


def read_summary(connection: sqlite3.Connection) -> Summary:
    """The ledger's own row; raises Damaged or sqlite3.Error."""
    rows = connection.execute(f"SELECT {LEDGER.all} FROM ledger").fetchall()
    if len(rows) != 1:
        raise Damaged("the ledger has no summary")
    return Summary(**LEDGER.read(rows[0]))
