"""The ledger of a market that ends with its process.

It bounds memory only: closed orders beyond the bound move to a database without a name, which the
system removes with the process. The rule: a commit moves orders for a millisecond and no longer.
"""

import logging
import sqlite3
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from disorderbook.engine.book import OrderBook, Outcome
from disorderbook.engine.orders import Fill, Order
from disorderbook.errors import CannotWrite, NoRoomForSnapshot
from disorderbook.ledger.archive import CLOSED_ORDERS_IN_MEMORY, Archive
from disorderbook.ledger.journal import write_orders
from disorderbook.ledger.tables import ORDERS, ORDERS_BY_ACCOUNT, NumberedFill, Row

MOVE_SECONDS = 0.001  # that a commit moves orders for; it finishes a step begun by then
BATCHES = 2000  # to a bound
FILLS_IN_A_STEP = 100
MOST_ROWS = 500_000  # of a table in a snapshot
RETRY_SECONDS = 1.0  # between attempts while nothing can be written
TRIAL_BYTES = 100_000  # more than a database of one page in memory keeps from its file
CACHE_KIBIBYTES = 2048  # more of it is written at once when it overflows first, for 8 ms

# Orders look like those of a durable market. Their fills are here without the other half of each
# trade, whose order may stay in memory for long.
_SCHEMA = f"""
{ORDERS.create()};
{ORDERS_BY_ACCOUNT};
CREATE TABLE fills (
    venue, symbol, order_id, number, price, quantity, ts,
    PRIMARY KEY (venue, symbol, order_id, number)
) WITHOUT ROWID;
"""
_WRITE_FILL = "INSERT INTO fills VALUES (?, ?, ?, ?, ?, ?, ?)"
_FILLS_OF_ORDER = """
    SELECT number, order_id, price, quantity, ts FROM fills
    WHERE (venue, symbol, order_id) = (?, ?, ?) AND number > ? ORDER BY number LIMIT ?
"""
_TABLES = ("fills", "orders")
_OF_BOOK = "WHERE (venue, symbol) = (?, ?)"
_LAST_FILL = """
    SELECT coalesce(max(number), -1) FROM fills WHERE (venue, symbol, order_id) = (?, ?, ?)
"""

log = logging.getLogger(__name__)


class TemporaryLedger(Archive):
    """Moves closed orders beyond `bound` out of memory, the longest closed first.

    While that fails (a full disk) they stay in memory, up to another `bound` of them; then nothing
    may change until it works again. Each commit tries.
    """

    def __init__(self, bound: int = CLOSED_ORDERS_IN_MEMORY) -> None:
        super().__init__(sqlite3.connect("", isolation_level=None, check_same_thread=False))
        self.connection.execute("PRAGMA synchronous = OFF")
        self.connection.execute("PRAGMA journal_mode = MEMORY")
        self.connection.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")
        self.connection.executescript(_SCHEMA)
        _try_to_write()
        self._bound = bound
        self._batch = max(1, bound // BATCHES)  # orders that are moved together if all is well
        self._closed: deque[Order] = deque()  # in memory, the longest closed first
        self._moved_fills = 0  # of the first of them
        self._retry_at: float | None = None  # on the monotonic clock; None while all is well

    def require_writable(self) -> None:
        """Raise CannotWrite while orders cannot be moved and memory has no room for more."""
        if self._retry_at is not None and len(self._closed) > 2 * self._bound:
            raise CannotWrite

    def reset(self, book: OrderBook | None) -> None:
        """Have no order any more, at once; raises CannotWrite if none can be deleted."""
        self._replace(book, {})
        place = None if book is None else (book.venue, book.symbol)
        others = [o for o in self._closed if place and (o.venue, o.symbol) != place]
        if not others or others[0] is not self._closed[0]:
            self._moved_fills = 0
        self._closed = deque(others)

    def _replace(self, book: OrderBook | None, rows: Mapping[str, Sequence[Row]]) -> None:
        """Have these rows instead of those of a book, or of all; raises CannotWrite."""
        which, place = ("", ()) if book is None else (_OF_BOOK, (book.venue, book.symbol))
        try:
            self.connection.execute("BEGIN")
            for table in _TABLES:
                self.connection.execute(f"DELETE FROM {table} {which}", place)
                if rows.get(table):
                    marks = ", ".join("?" * len(rows[table][0]))
                    self.connection.executemany(
                        f"INSERT INTO {table} VALUES ({marks})", rows[table]
                    )
            self.connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._fail(error)
            raise CannotWrite from error
        self._retry_at = None

    def save(self) -> object:
        """What `load` goes on from; raises NoRoomForSnapshot if too much was moved."""
        rows = {}
        for table in _TABLES:
            found = self.connection.execute(f"SELECT * FROM {table} LIMIT {MOST_ROWS}").fetchall()
            if len(found) == MOST_ROWS:
                raise NoRoomForSnapshot(f"{MOST_ROWS} closed orders or fills are not in memory")
            rows[table] = found
        return rows, self._closed, self._moved_fills

    def load(self, state: Any) -> None:
        rows, closed, moved_fills = state
        self._replace(None, rows)
        self._closed, self._moved_fills = closed, moved_fills

    def submit(self, book: OrderBook, outcome: Outcome) -> None:
        self._closed.extend(outcome.closed_orders())

    def cancel(self, book: OrderBook, order: Order) -> None:
        self._closed.append(order)

    def commit(self) -> Sequence[Order]:
        """Move some of the orders beyond the bound; returns those."""
        if len(self._closed) < self._bound + self._batch:
            return ()
        if self._retry_at is not None and time.monotonic() < self._retry_at:
            return ()
        return self._move()

    def fills_of_order(self, venue: str, symbol: str, order_id: int) -> Iterator[NumberedFill]:
        for number, of_order, price, quantity, ts in self.pages(
            _FILLS_OF_ORDER, venue, symbol, order_id
        ):
            yield of_order, number, Fill(price, quantity, ts)

    def count_fills(self, venue: str, symbol: str, order_id: int) -> int:
        [last] = self.connection.execute(_LAST_FILL, (venue, symbol, order_id)).fetchone()
        return int(last) + 1

    def _move(self) -> Sequence[Order]:
        moved: list[Order] = []
        moved_fills = self._moved_fills
        try:
            self.connection.execute("BEGIN")
            self._move_for_a_while(moved)
            self.connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._closed.extendleft(reversed(moved))
            self._moved_fills = moved_fills
            self._fail(error)
            return ()
        self._retry_at = None
        return moved

    def _move_for_a_while(self, moved: list[Order]) -> None:
        deadline = time.monotonic() + MOVE_SECONDS
        while len(self._closed) > self._bound and time.monotonic() < deadline:
            order, start = self._closed[0], self._moved_fills
            if order.fills:
                fills = order.fills[start : start + FILLS_IN_A_STEP]
                place = order.venue, order.symbol, order.id
                self.connection.executemany(
                    _WRITE_FILL,
                    (
                        (*place, number, fill.price, fill.quantity, fill.ts)
                        for number, fill in enumerate(fills, start)
                    ),
                )
                self._moved_fills += len(fills)
            if self._moved_fills == len(order.fills):
                write_orders(self.connection, [ORDERS.row(order)])
                moved.append(self._closed.popleft())
                self._moved_fills = 0

    def _fail(self, error: sqlite3.Error) -> None:
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        if self._retry_at is None:
            log.error("Closed orders cannot be moved out of memory for now: %s", error)
        self._retry_at = time.monotonic() + RETRY_SECONDS


def _try_to_write() -> None:
    """Say at once, and not after some 200,000 orders, that there is nowhere to move them to."""
    try:
        with closing(sqlite3.connect("", isolation_level=None)) as trial:
            trial.execute("PRAGMA cache_size = 1")
            trial.execute("BEGIN")
            trial.execute("CREATE TABLE trial (content)")
            trial.execute("INSERT INTO trial VALUES (zeroblob(?))", (TRIAL_BYTES,))
    except sqlite3.Error as error:
        log.warning(
            "No temporary file can be written (see SQLITE_TMPDIR), so orders will be refused once "
            "memory holds too many that are closed: %s",
            error,
        )
