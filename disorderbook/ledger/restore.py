"""Reads a durable market back: what is open, and what is told of the rest."""

import sqlite3
from typing import NamedTuple

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import Fill, Order
from disorderbook.ledger.archive import fills_by_order
from disorderbook.ledger.base import Instance
from disorderbook.ledger.journal import entries, replay
from disorderbook.ledger.tables import (
    BOOK_COLUMNS,
    EXECUTION_COLUMNS,
    ORDER_COLUMNS,
    POSITION_COLUMNS,
    Changes,
    Damaged,
    Row,
    nanoseconds,
    read_fill,
    read_instance,
    read_order,
    read_position,
    verified,
)


def fills_query(which: str, index: str = "") -> str:
    """Halves of executions, for `read_fill`, of the orders `o` of which this is true."""
    columns = ", ".join(f"e.{column}" for column in EXECUTION_COLUMNS.split(", "))
    halves = [
        f"SELECT {half}, {columns} FROM orders AS o {index} CROSS JOIN executions AS e "
        f"ON (e.venue, e.symbol, e.{order}) = (o.venue, o.symbol, o.id) WHERE {which}"
        for half, order in enumerate(("standing_id", "incoming_id"))
    ]
    return " UNION ALL ".join(halves)


_OPEN_ORDERS = f"""
    SELECT {ORDER_COLUMNS} FROM orders
    WHERE (venue, symbol) = (?, ?) AND remaining > 0 ORDER BY id
"""


_OPEN_FILLS = fills_query(
    "o.venue = ?1 AND o.symbol = ?2 AND o.remaining > 0 AND o.filled > 0",
    "INDEXED BY open_orders",
)


_POSITIONS = f"""
    SELECT {POSITION_COLUMNS} FROM positions WHERE (venue, symbol) = (?, ?) ORDER BY number
"""


_LAST_ORDER = f"""
    SELECT {ORDER_COLUMNS} FROM orders WHERE (venue, symbol) = (?, ?) ORDER BY id DESC LIMIT 1
"""


class Market(NamedTuple):
    """What a ledger holds of what is in memory while its market runs."""

    books: list[OrderBook]  # oldest first
    instances: list[Instance]  # of levels, oldest first
    last_instance: int  # the highest id of an instance that was given
    latest: int  # no time that was recorded is later; nanoseconds since 1970
    journaled: int  # number of the last entry of the journal
    changes: Changes  # what the tables do not have


def load_market(connection: sqlite3.Connection) -> Market:
    """Everything that is open; raises Damaged or sqlite3.Error."""
    _, count, last_instance, tables = _summary(connection)
    instances = _load_instances(connection, last_instance)
    books = _load_books(connection, count)
    times = [_latest(connection, book) for book in books]
    times += [instance.started_at for instance in instances]
    by_place = {(book.venue, book.symbol): book for book in books}
    journaled, changes = tables, Changes()
    for entry in entries(connection, tables):
        for command in entry:
            replay(command, by_place, changes)
            times.append(command.ts)
        journaled += 1
    return Market(books, instances, last_instance, max(times, default=0), journaled, changes)


def _load_instances(connection: sqlite3.Connection, last: int) -> list[Instance]:
    rows = connection.execute(
        "SELECT id, account, started, checksum FROM instances ORDER BY id"
    ).fetchall()
    instances = [read_instance(row) for row in rows]
    if any(instance.id > last for instance in instances):
        raise Damaged("an instance is newer than the last one")
    return instances


def _load_books(connection: sqlite3.Connection, count: int) -> list[OrderBook]:
    """Every book with its open orders, oldest first, as the tables have it."""
    rows = connection.execute(f"SELECT {BOOK_COLUMNS} FROM books ORDER BY number").fetchall()
    if len(rows) != count:
        raise Damaged(f"there are {len(rows)} books instead of {count}")
    return [_load_book(connection, row) for row in rows]


def _load_book(connection: sqlite3.Connection, row: Row) -> OrderBook:
    venue, symbol, opened, next_id, *expected, quote_time, price, quantity, last_trade = verified(
        row, "a book"
    )
    book = OrderBook(venue, symbol, nanoseconds(opened))
    positions = connection.execute(_POSITIONS, (venue, symbol)).fetchall()
    book.restore(
        _open_orders(connection, venue, symbol),
        next_id,
        next_id,
        map(read_position, positions),
        nanoseconds(quote_time),
        None if price is None else Fill(price, quantity, nanoseconds(last_trade)),
    )
    _check(book, expected)
    return book


def _open_orders(connection: sqlite3.Connection, venue: str, symbol: str) -> list[Order]:
    fills = fills_by_order(map(read_fill, connection.execute(_OPEN_FILLS, (venue, symbol))))
    rows = connection.execute(_OPEN_ORDERS, (venue, symbol)).fetchall()
    orders = [read_order(row, fills.get(row[2], ())) for row in rows]
    for order in orders:
        if order.remaining + order.filled != order.quantity:
            raise Damaged(f"order {order.id} of {symbol} at {venue} does not add up")
    return orders


def _check(book: OrderBook, expected: list[int]) -> None:
    """Raise Damaged if rows that belong to a book are missing, or older than the book's own."""
    positions = book.positions.values()
    if [book.bids.depth, book.asks.depth, len(positions)] != expected:
        raise Damaged(f"{book.symbol} at {book.venue} is not complete")
    if sum(p.cash for p in positions) or sum(p.shares for p in positions):
        raise Damaged(f"the positions in {book.symbol} at {book.venue} do not balance")


def _latest(connection: sqlite3.Connection, book: OrderBook) -> int:
    """The latest time in a book, which a fill-or-kill order that was killed has without a trace
    in the quote; raises Damaged if the last order is not there.
    """
    row = connection.execute(_LAST_ORDER, (book.venue, book.symbol)).fetchone()
    times = [book.opened_at, book.quote_time]
    last_id = -1
    if row is not None:
        _, _, last_id, *_, ts, _, _ = verified(row, "an order")
        times.append(nanoseconds(ts))
    if last_id + 1 != book.next_id:
        raise Damaged(f"the last order of {book.symbol} at {book.venue} is missing")
    return max(times)


def _summary(connection: sqlite3.Connection) -> Row:
    """Schema version, number of books, highest id of an instance, last entry in the tables."""
    rows = connection.execute(
        "SELECT schema_version, books, last_instance, journaled, checksum FROM ledger"
    ).fetchall()
    if len(rows) != 1:
        raise Damaged("the ledger has no summary")
    return verified(rows[0], "the summary")
