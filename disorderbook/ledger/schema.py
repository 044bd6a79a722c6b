"""The tables of a ledger, for the exchange and for people with any SQLite tool."""

import sqlite3

from disorderbook.ledger.rows import checksum

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
