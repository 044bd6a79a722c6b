"""The tables of a ledger, for the exchange and for people with any SQLite tool."""

import sqlite3

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

# Each script leads from the version before it to its own; those that were released never change.
MIGRATIONS = (_FIRST,)
SCHEMA_VERSION = len(MIGRATIONS)


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Run, inside the caller's transaction, every script after that of `version` (0: none yet)."""
    for script in MIGRATIONS[version:]:
        for statement in script.split(";"):
            connection.execute(statement)
