"""The ledger of a durable market: what a turn has changed is in a file before its answer leaves."""

import logging
import sqlite3
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress

from disorderbook.engine.book import Execution, OrderBook, Outcome
from disorderbook.engine.orders import Order
from disorderbook.errors import CannotKeep
from disorderbook.gamemaster import Instance
from disorderbook.ledger.archive import (
    CLOSED_ORDERS_IN_MEMORY, Archive, closed_orders, reading,
)
from disorderbook.ledger.checkpoints import Checkpoints
from disorderbook.ledger.restoring import load_books
from disorderbook.ledger.rows import (
    FAULTS, Row, book_row, execution_row, fill_row, instance_row, order_row, position_row, signed,
)
from disorderbook.ledger.schema import SCHEMA_VERSION

FORGOTTEN_AT_ONCE = 1000  # orders that the exchange is told to forget after one commit, at most

_WRITE_BOOK = """
    INSERT INTO books (
        venue, symbol, opened, orders, bid_depth, ask_depth, accounts, quote_time, last_price,
        last_quantity, last_trade, checksum
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (venue, symbol) DO UPDATE SET
        orders = excluded.orders, bid_depth = excluded.bid_depth, ask_depth = excluded.ask_depth,
        accounts = excluded.accounts, quote_time = excluded.quote_time,
        last_price = excluded.last_price, last_quantity = excluded.last_quantity,
        last_trade = excluded.last_trade, checksum = excluded.checksum
"""
_WRITE_POSITION = """
    INSERT INTO positions (venue, symbol, account, cash, shares, lowest, highest, checksum)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (venue, symbol, account) DO UPDATE SET
        cash = excluded.cash, shares = excluded.shares, lowest = excluded.lowest,
        highest = excluded.highest, checksum = excluded.checksum
"""
_WRITE_EXECUTION = """
    INSERT INTO executions (venue, symbol, standing_id, incoming_id, price, quantity, ts)
    VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_WRITE_LEDGER = """
    UPDATE ledger SET (schema_version, books, last_instance, checksum) = (?1, ?2, ?3, ?4)
    WHERE checksum <> ?4
"""
_WRITE_INSTANCE = "INSERT OR REPLACE INTO instances VALUES (?, ?, ?, ?)"

log = logging.getLogger(__name__)


class Changes:
    """What has changed in a book since the last commit."""

    __slots__ = ("orders", "executions", "accounts")

    def __init__(self) -> None:
        self.orders: dict[int, Order] = {}
        self.executions: list[Execution] = []
        self.accounts: dict[str, None] = {}  # in the order of their first trades

    def add(self, outcome: Outcome) -> None:
        self.orders[outcome.order.id] = outcome.order
        for execution in outcome.executions:
            standing = execution.standing
            self.orders[standing.id] = standing
            self.accounts[standing.account] = self.accounts[outcome.order.account] = None
        self.executions += outcome.executions

    def fill_rows(self) -> Iterator[Row]:
        """Of each execution the fill of either order."""
        for trade in self.executions:
            what = trade.price, trade.quantity, trade.ts
            yield fill_row(trade.standing, trade.standing_fills - 1, *what)
            yield fill_row(trade.incoming, trade.incoming_fills - 1, *what)


class DurableLedger(Archive):
    """Writes down every change, and lets the exchange forget closed orders beyond `bound`.

    After a write that failed nothing may change any more until the exchange is started again:
    what the disk then holds is known only by reading it.
    """

    def __init__(
        self, connection: sqlite3.Connection, lock: sqlite3.Connection, checkpoints: Checkpoints,
        books: int, last_instance: int, bound: int = CLOSED_ORDERS_IN_MEMORY,
    ) -> None:
        super().__init__(connection)
        self._lock = lock  # what keeps other exchanges from the file
        self._checkpoints = checkpoints
        self._books = books  # how many there are
        self._last_instance = last_instance  # the highest id given so far
        self._bound = bound
        self._changes: dict[OrderBook, Changes] = {}
        self._instances: dict[int, Instance | None] = {}
        self._closed: deque[Order] = deque()  # in memory, the longest closed first
        self._has_failed = False

    def require_writable(self) -> None:
        """Raise CannotKeep after a write has failed."""
        if self._has_failed:
            raise CannotKeep

    def open_book(self, book: OrderBook) -> None:
        self._changes[book] = Changes()
        self._books += 1

    def submit(self, book: OrderBook, outcome: Outcome) -> None:
        self._changes_of(book).add(outcome)
        self._closed.extend(closed_orders(outcome))

    def cancel(self, book: OrderBook, order: Order) -> None:
        self._changes_of(book).orders[order.id] = order
        self._closed.append(order)

    def record_instance(self, instance_id: int, instance: Instance | None) -> None:
        """Take note of a level's instance that starts, changes or (None) ends; raises CannotKeep.
        """
        self.require_writable()
        self._instances[instance_id] = instance
        self._last_instance = max(self._last_instance, instance_id)

    def commit(self) -> Sequence[Order]:
        """Write down what has changed; returns some of the closed orders beyond the bound."""
        if self._changes or self._instances:
            try:
                self.connection.execute("BEGIN IMMEDIATE")
                self._write()
                self.connection.execute("COMMIT")
            except FAULTS as fault:
                self._fail(fault)
                raise CannotKeep from fault
            self._changes = {}
            self._instances = {}
            self._checkpoints.count(self.connection)
        surplus = min(len(self._closed) - self._bound, FORGOTTEN_AT_ONCE)  # may be below zero
        return [self._closed.popleft() for _ in range(surplus)]

    def kept_books(self) -> Sequence[OrderBook]:
        """The books as of the last commit that succeeded; raises CannotRead."""
        with reading():
            return load_books(self.connection)

    def close(self) -> None:
        """Drop what has not been committed, and let others have the file."""
        self._checkpoints.stop()
        super().close()
        self._lock.close()

    def _changes_of(self, book: OrderBook) -> Changes:
        changes = self._changes.get(book)
        if changes is None:
            changes = self._changes[book] = Changes()
        return changes

    def _write(self) -> None:
        write = self.connection.executemany
        for book, changes in self._changes.items():
            self.write_orders(map(order_row, changes.orders.values()))
            if changes.executions:
                self.write_fills(changes.fill_rows())
                write(_WRITE_EXECUTION, map(execution_row, changes.executions))
                positions = map(book.positions.__getitem__, changes.accounts)
                write(_WRITE_POSITION, (position_row(book, position) for position in positions))
        write(_WRITE_BOOK, map(book_row, self._changes))
        if self._instances:
            gone = [(number,) for number, instance in self._instances.items() if not instance]
            write("DELETE FROM instances WHERE id = ?", gone)
            write(_WRITE_INSTANCE, map(instance_row, filter(None, self._instances.values())))
        write(_WRITE_LEDGER, [signed(SCHEMA_VERSION, self._books, self._last_instance)])

    def _fail(self, fault: Exception) -> None:
        log.error("The ledger cannot be written, so nothing may change from now on: %s", fault)
        self._has_failed = True
        self._changes, self._instances, self._closed = {}, {}, deque()
        if self.connection.in_transaction:
            with suppress(*FAULTS):
                self.connection.execute("ROLLBACK")
