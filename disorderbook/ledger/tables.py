"""From orders, fills and positions to rows and back; a row carries a checksum.

SQLite notices a page that makes no sense, but not a digit that has changed.

The tables of a ledger, for the exchange and for people with any SQLite tool.

What the tables of a durable market do not have yet.

Writes the tables that people read, within the caller's transaction.
"""

import sqlite3
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from disorderbook.engine.book import Execution, OrderBook, Outcome
from disorderbook.engine.orders import ORDER_TYPE_NAMES, SIDE_NAMES, Fill, Order
from disorderbook.engine.positions import Position
from disorderbook.ledger.base import Instance
from disorderbook.protocol.names import NANOSECONDS, timestamp

ORDER_COLUMNS = (
    "venue, symbol, id, account, side, type, price, quantity, ts, remaining, filled, checksum"
)


BOOK_COLUMNS = (
    "venue, symbol, opened, orders, bid_depth, ask_depth, accounts, quote_time, last_price, "
    "last_quantity, last_trade, checksum"
)


POSITION_COLUMNS = "venue, symbol, account, cash, shares, lowest, highest, checksum"


EXECUTION_COLUMNS = (
    "venue, symbol, standing_id, standing_fill, incoming_id, incoming_fill, price, quantity, ts, "
    "checksum"
)


timestamp = lru_cache(maxsize=256)(timestamp)  # an order and its fills share one


Row = tuple[Any, ...]


NumberedFill = tuple[int, int, Fill]  # id of its order, its number among that order's from 0


# What a database that cannot be read or written raises; the second where SQLite's own words, such
# as the name of a table, are damaged.
FAULTS = (sqlite3.Error, UnicodeDecodeError)


# A line for each of so many values; the quickest way to turn many into one text.
_LINES = ["\n".join(["%s"] * count) for count in range(16)]


_SIDES = {name: side for side, name in SIDE_NAMES.items()}


_TYPES = {name: order_type for order_type, name in ORDER_TYPE_NAMES.items()}


def is_busy(fault: Exception) -> bool:
    """Whether SQLite could not do what it was asked because another connection is in the way."""
    return getattr(fault, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


class Damaged(Exception):
    """What was read is not what was written; says what does not fit."""


def signed(*values: Any) -> Row:
    """A row with the checksum of its values at its end."""
    return *values, checksum(*values)


def verified(row: Row, what: str) -> Row:
    """The values of a row without the checksum at its end; raises Damaged."""
    *values, written = row
    if written != checksum(*values):
        raise Damaged(f"the checksum of {what} is wrong")
    return tuple(values)


def order_row(order: Order) -> Row:
    return signed(
        order.venue,
        order.symbol,
        order.id,
        order.account,
        SIDE_NAMES[order.side],
        ORDER_TYPE_NAMES[order.type],
        order.price,
        order.quantity,
        timestamp(order.ts),
        order.remaining,
        order.filled,
    )


def execution_row(trade: Execution) -> Row:
    standing = trade.standing
    return signed(
        standing.venue,
        standing.symbol,
        standing.id,
        trade.standing_fills - 1,
        trade.incoming.id,
        trade.incoming_fills - 1,
        trade.price,
        trade.quantity,
        timestamp(trade.ts),
    )


def book_row(book: OrderBook) -> Row:
    """A book's own row says enough of the others to notice if one of those is missing or old."""
    last = book.last_trade
    return signed(
        book.venue,
        book.symbol,
        timestamp(book.opened_at),
        book.next_id,
        book.bids.depth,
        book.asks.depth,
        len(book.positions),
        timestamp(book.quote_time),
        *((last.price, last.quantity, timestamp(last.ts)) if last else (None, None, None)),
    )


def position_row(book: OrderBook, position: Position) -> Row:
    cash = position.cash
    return signed(
        book.venue,
        book.symbol,
        position.account,
        cash if -(2**63) <= cash < 2**63 else str(cash),
        position.shares,
        position.lowest,
        position.highest,
    )


def instance_row(instance: Instance) -> Row:
    return signed(instance.id, instance.account, timestamp(instance.started_at))


def read_position(row: Row) -> Position:
    """Raises Damaged."""
    _, _, account, cash, shares, lowest, highest = verified(row, "a position")
    position = Position(account)
    position.cash, position.shares = int(cash), shares
    position.lowest, position.highest = lowest, highest
    return position


def read_instance(row: Row) -> Instance:
    """Raises Damaged."""
    instance_id, account, started = verified(row, "an instance")
    return Instance(instance_id, account, nanoseconds(started))


def read_order(row: Row, fills: Sequence[NumberedFill]) -> Order:
    """An order from its row and its fills, by number; raises Damaged."""
    venue, symbol, order_id, account, side, order_type, price, quantity, ts, remaining, filled = (
        verified(row, "an order")
    )
    order = Order(
        order_id,
        venue,
        symbol,
        account,
        _SIDES[side],
        _TYPES[order_type],
        price,
        quantity,
        nanoseconds(ts),
        remaining,
        filled,
    )
    if fills:
        order.fills = [fill for _, _, fill in fills]
    numbers = [(order_id, number) for number in range(len(fills))]
    if [fill[:2] for fill in fills] != numbers or sum(f.quantity for f in order.fills) != filled:
        raise Damaged(f"the fills of order {order_id} of {symbol} at {venue} are not complete")
    return order


def read_fill(row: Row) -> NumberedFill:
    """One half of an execution: its row behind 0 for the standing order's, 1 for the other's;
    raises Damaged.
    """
    half, *execution = row
    _, _, *numbers, price, quantity, ts = verified(tuple(execution), "an execution")
    order_id, number = numbers[2:] if half else numbers[:2]
    return order_id, number, Fill(price, quantity, nanoseconds(ts))


def nanoseconds(text: str) -> int:
    """The time that `messages.timestamp` has written, since 1970; raises Damaged."""
    try:
        seconds = datetime.fromisoformat(text[:19] + "+00:00").timestamp()
        return int(seconds) * NANOSECONDS + int(text[20:29])
    except ValueError:
        raise Damaged(f"{text!r} is no time") from None


def checksum(*values: Any) -> int:
    return zlib.crc32((_LINES[len(values)] % values).encode())


APPLICATION_ID = 0x0B00C  # in the file's header; says that a database is a ledger


# Prices are cents, quantities shares, times text in UTC. Names say which book a row belongs to, so
# that no query needs a join for it. A checksum is that of the other columns of its row.
_FIRST = """
CREATE TABLE ledger (
    schema_version INTEGER NOT NULL,
    books INTEGER NOT NULL,
    last_instance INTEGER NOT NULL,
    checksum INTEGER NOT NULL
);
CREATE TABLE books (
    number INTEGER PRIMARY KEY,
    venue TEXT NOT NULL,
    symbol TEXT NOT NULL,
    opened TEXT NOT NULL,
    orders INTEGER NOT NULL,
    bid_depth INTEGER NOT NULL,
    ask_depth INTEGER NOT NULL,
    accounts INTEGER NOT NULL,
    quote_time TEXT NOT NULL,
    last_price INTEGER,
    last_quantity INTEGER,
    last_trade TEXT,
    checksum INTEGER NOT NULL,
    UNIQUE (venue, symbol)
);
CREATE TABLE orders (
    venue TEXT NOT NULL,
    symbol TEXT NOT NULL,
    id INTEGER NOT NULL,
    account TEXT NOT NULL,
    side TEXT NOT NULL,
    type TEXT NOT NULL,
    price INTEGER NOT NULL,
    quantity INTEGER NOT NULL,
    ts TEXT NOT NULL,
    remaining INTEGER NOT NULL,
    filled INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (venue, symbol, id)
) WITHOUT ROWID;
CREATE INDEX orders_by_account ON orders (account, venue, symbol, id);
-- Holds whole rows, so that a start reads nothing of what is closed.
CREATE INDEX open_orders ON orders (
    venue, symbol, id, account, side, type, price, quantity, ts, remaining, filled, checksum
) WHERE remaining > 0;
CREATE TABLE fills (
    venue TEXT NOT NULL,
    symbol TEXT NOT NULL,
    order_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    price INTEGER NOT NULL,
    quantity INTEGER NOT NULL,
    ts TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (venue, symbol, order_id, number)
) WITHOUT ROWID;
CREATE TABLE executions (
    number INTEGER PRIMARY KEY,
    venue TEXT NOT NULL,
    symbol TEXT NOT NULL,
    standing_id INTEGER NOT NULL,
    incoming_id INTEGER NOT NULL,
    price INTEGER NOT NULL,
    quantity INTEGER NOT NULL,
    ts TEXT NOT NULL
);
-- Cash has no type: it is an integer, or its digits as text where 64 bits are too few.
CREATE TABLE positions (
    number INTEGER PRIMARY KEY,
    venue TEXT NOT NULL,
    symbol TEXT NOT NULL,
    account TEXT NOT NULL,
    cash NOT NULL,
    shares INTEGER NOT NULL,
    lowest INTEGER NOT NULL,
    highest INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    UNIQUE (venue, symbol, account)
);
CREATE TABLE instances (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    started TEXT NOT NULL,
    checksum INTEGER NOT NULL
);
"""


# What is asked of the books waits in the journal until there is enough of it for the tables, which
# then have all entries up to that number.
# An execution also says which fill it is of either order, counted from 0, so that fills are no rows
# of their own any more.
_SECOND = """
CREATE TABLE journal (
    number INTEGER PRIMARY KEY,
    asked BLOB NOT NULL,
    checksum INTEGER NOT NULL
);
ALTER TABLE ledger ADD COLUMN journaled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE executions RENAME TO old_executions;
CREATE TABLE executions (
    number INTEGER PRIMARY KEY,
    venue TEXT NOT NULL,
    symbol TEXT NOT NULL,
    standing_id INTEGER NOT NULL,
    standing_fill INTEGER NOT NULL,
    incoming_id INTEGER NOT NULL,
    incoming_fill INTEGER NOT NULL,
    price INTEGER NOT NULL,
    quantity INTEGER NOT NULL,
    ts TEXT NOT NULL,
    checksum INTEGER NOT NULL
);
INSERT INTO executions
WITH halves AS (
    SELECT number, 0 AS half, venue, symbol, standing_id AS id FROM old_executions
    UNION ALL SELECT number, 1, venue, symbol, incoming_id FROM old_executions
), numbered AS (
    SELECT number, half,
        row_number() OVER (PARTITION BY venue, symbol, id ORDER BY number) - 1 AS fill
    FROM halves
)
SELECT e.number, venue, symbol, standing_id, s.fill, incoming_id, i.fill, price, quantity, ts,
    checksum(venue, symbol, standing_id, s.fill, incoming_id, i.fill, price, quantity, ts)
FROM old_executions AS e
JOIN numbered AS s ON s.number = e.number AND s.half = 0
JOIN numbered AS i ON i.number = e.number AND i.half = 1;
DROP TABLE old_executions;
DROP TABLE fills;
CREATE INDEX executions_by_standing ON executions (venue, symbol, standing_id);
CREATE INDEX executions_by_incoming ON executions (venue, symbol, incoming_id);
CREATE VIEW fills AS
    SELECT venue, symbol, standing_id AS order_id, standing_fill AS number, price, quantity, ts
    FROM executions
    UNION ALL SELECT venue, symbol, incoming_id, incoming_fill, price, quantity, ts
    FROM executions
"""


# Each script leads from the version before it to its own; those that were released never change.
MIGRATIONS = (_FIRST, _SECOND)


SCHEMA_VERSION = len(MIGRATIONS)


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Run, inside the caller's transaction, every script after that of `version` (0: none yet)."""
    connection.create_function("checksum", -1, checksum, deterministic=True)
    for script in MIGRATIONS[version:]:
        for statement in script.split(";"):
            connection.execute(statement)


class BookChanges:
    """What has changed in one book."""

    __slots__ = ("orders", "executions", "accounts")

    def __init__(self) -> None:
        self.orders: dict[int, Order] = {}
        self.executions: list[Execution] = []
        self.accounts: dict[str, None] = {}  # in the order of their first trades


class Changes:
    """By book, and how many rows that is, about."""

    __slots__ = ("books", "size")

    def __init__(self) -> None:
        self.books: dict[OrderBook, BookChanges] = {}
        self.size = 0

    def open(self, book: OrderBook) -> None:
        """Take note of a new book."""
        self.books[book] = BookChanges()
        self.size += 1

    def submit(self, book: OrderBook, outcome: Outcome) -> None:
        """Take note of an order and what it led to."""
        changes, account = self._of(book), outcome.order.account
        changes.orders[outcome.order.id] = outcome.order
        for execution in outcome.executions:
            standing = execution.standing
            changes.orders[standing.id] = standing
            changes.accounts[standing.account] = changes.accounts[account] = None
        changes.executions += outcome.executions
        self.size += 1 + len(outcome.executions)

    def cancel(self, book: OrderBook, order: Order) -> None:
        """Take note of a cancelled order."""
        self._of(book).orders[order.id] = order
        self.size += 1

    def _of(self, book: OrderBook) -> BookChanges:
        changes = self.books.get(book)
        if changes is None:
            changes = self.books[book] = BookChanges()
        return changes


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
    connection: sqlite3.Connection,
    changes: Changes,
    instances: Mapping[int, Instance | None],
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
