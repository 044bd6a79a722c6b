"""Writes the tables that people read, within the caller's transaction."""

import sqlite3
from collections.abc import Iterable, Mapping

from disorderbook.engine.book import OrderBook
from disorderbook.gamemaster import Instance
from disorderbook.ledger.changes import BookChanges, Changes
from disorderbook.ledger.rows import (
    EXECUTION_COLUMNS, ORDER_COLUMNS, Row, book_row, execution_row, instance_row, order_row,
    position_row, signed,
)

_WRITE_ORDER = f"""
    INSERT INTO orders ({ORDER_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (venue, symbol, id) DO UPDATE SET
        remaining = excluded.remaining, filled = excluded.filled, checksum = excluded.checksum
"""
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
_WRITE_EXECUTION = f"""
    INSERT INTO executions ({EXECUTION_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_WRITE_LEDGER = """
    UPDATE ledger SET (schema_version, books, last_instance, journaled, checksum) = (?, ?, ?, ?, ?)
"""
_WRITE_INSTANCE = "INSERT OR REPLACE INTO instances VALUES (?, ?, ?, ?)"


def write_tables(
    connection: sqlite3.Connection, changes: Changes, instances: Mapping[int, Instance | None],
    summary: Row,
) -> None:
    """What has changed in books and in instances (None: it is gone), and the ledger's own row."""
    for book, changed in changes.books.items():
        _write_book(connection, book, changed)
    connection.executemany(_WRITE_BOOK, map(book_row, changes.books))
    if instances:
        gone = [(number,) for number, instance in instances.items() if not instance]
        connection.executemany("DELETE FROM instances WHERE id = ?", gone)
        present = filter(None, instances.values())
        connection.executemany(_WRITE_INSTANCE, map(instance_row, present))
    connection.execute(_WRITE_LEDGER, signed(*summary))


def write_orders(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """Add orders, or what has become of orders that were added before."""
    connection.executemany(_WRITE_ORDER, rows)


def _write_book(connection: sqlite3.Connection, book: OrderBook, changed: BookChanges) -> None:
    write_orders(connection, map(order_row, changed.orders.values()))
    if changed.executions:
        connection.executemany(_WRITE_EXECUTION, map(execution_row, changed.executions))
        positions = map(book.positions.__getitem__, changed.accounts)
        rows = (position_row(book, position) for position in positions)
        connection.executemany(_WRITE_POSITION, rows)
