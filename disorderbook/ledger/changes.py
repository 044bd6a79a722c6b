"""What the tables of a durable market do not have yet, and how it gets there.

The rule: changes hold the books' own orders, so a row is written as the order is at the flush,
however often it has changed since the last one.
"""

import sqlite3
from collections.abc import Iterable, Mapping

from disorderbook.engine.book import Execution, OrderBook, Outcome
from disorderbook.engine.orders import Order
from disorderbook.ledger.base import Instance
from disorderbook.ledger.tables import (
    BOOKS,
    EXECUTIONS,
    INSTANCES,
    ORDERS,
    POSITIONS,
    WRITE_BOOK,
    WRITE_EXECUTION,
    WRITE_INSTANCE,
    WRITE_ORDER,
    WRITE_POSITION,
    Holding,
    Row,
    Summary,
    write_summary,
)


class BookChanges:
    """What has changed in one book."""

    __slots__ = ("orders", "executions", "accounts")

    def __init__(self) -> None:
        self.orders: dict[int, Order] = {}
        self.executions: list[Execution] = []
        self.accounts: dict[str, None] = {}  # in the order of their first trades


class Changes:
    """What has changed, by book; `size` is about how many rows that is."""

    __slots__ = ("books", "size")

    def __init__(self) -> None:
        self.books: dict[OrderBook, BookChanges] = {}
        self.size = 0

    def open(self, book: OrderBook) -> None:
        """Add a new book."""
        self.books[book] = BookChanges()
        self.size += 1

    def submit(self, book: OrderBook, outcome: Outcome) -> None:
        """Add an order and what it led to."""
        changes, account = self._of(book), outcome.order.account
        changes.orders[outcome.order.id] = outcome.order
        for execution in outcome.executions:
            standing = execution.standing
            changes.orders[standing.id] = standing
            changes.accounts[standing.account] = changes.accounts[account] = None
        changes.executions += outcome.executions
        self.size += 1 + len(outcome.executions)

    def cancel(self, book: OrderBook, order: Order) -> None:
        """Add a cancelled order."""
        self._of(book).orders[order.id] = order
        self.size += 1

    def _of(self, book: OrderBook) -> BookChanges:
        changes = self.books.get(book)
        if changes is None:
            changes = self.books[book] = BookChanges()
        return changes


def write_tables(
    connection: sqlite3.Connection,
    changes: Changes,
    instances: Mapping[int, Instance | None],
    summary: Summary,
) -> None:
    """Write what has changed in books and in instances (None: it is gone), and the ledger's own
    row, within the caller's transaction.
    """
    for book, changed in changes.books.items():
        _write_book(connection, book, changed)
    connection.executemany(WRITE_BOOK, map(BOOKS.row, changes.books))
    if instances:
        gone = [(number,) for number, instance in instances.items() if not instance]
        connection.executemany("DELETE FROM instances WHERE id = ?", gone)
        present = filter(None, instances.values())
        connection.executemany(WRITE_INSTANCE, map(INSTANCES.row, present))
    write_summary(connection, summary)


def write_orders(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """Add orders, or what has become of orders that were added before."""
    connection.executemany(WRITE_ORDER, rows)


def _write_book(connection: sqlite3.Connection, book: OrderBook, changed: BookChanges) -> None:
    write_orders(connection, map(ORDERS.row, changed.orders.values()))
    if changed.executions:
        connection.executemany(WRITE_EXECUTION, map(EXECUTIONS.row, changed.executions))
        rows = (
            POSITIONS.row(Holding(book, book.positions[account])) for account in changed.accounts
        )
        connection.executemany(WRITE_POSITION, rows)
