"""The tables of a ledger, for the exchange and for people with any SQLite tool.

Each column is spelled once, in a `Table` below: its name, its type, the attribute that it holds and
how that is written and read. SQL, rows, exports and checks derive from there. The rule: a row ends
with a checksum of its other values, because SQLite notices a page that makes no sense, but not a
digit that has changed.

Prices are cents, quantities shares, times text in UTC. Each row names its book, so that no query
needs a join for that.
"""

import sqlite3
import zlib
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import ORDER_TYPE_NAMES, SIDE_NAMES, Fill, Order, Side
from disorderbook.engine.positions import Position
from disorderbook.ledger.base import (
    HistoryState,
    Instance,
    InstanceState,
    StoredAction,
    StoredFreeze,
    StoredNotice,
    StoredResult,
    StoredRun,
    StoredSample,
    StoredScorer,
)
from disorderbook.protocol.names import NANOSECONDS, timestamp

APPLICATION_ID = 0x44424F4B  # "DBOK" in the header of the file: it is a ledger
APPLICATION_ID_0_1 = 0x0B00C  # the same in files of version 0.1, which have other tables

TEXT, INTEGER = "TEXT NOT NULL", "INTEGER NOT NULL"
CHECKSUM = "checksum"

Row = tuple[Any, ...]
NumberedFill = tuple[int, int, Fill]  # id of its order, its number among that order's from 0

# What a database that cannot be read or written raises; the second where SQLite's own words, such
# as the name of a table, are damaged.
FAULTS = (sqlite3.Error, UnicodeDecodeError)

timestamp = lru_cache(maxsize=256)(timestamp)  # an order and its fills share one

# A line for each of so many values; the quickest way to turn many into one text.
_LINES = ["\n".join(["%s"] * count) for count in range(24)]


class Damaged(Exception):
    """What was read is not what was written; says what does not fit."""


def nanoseconds(text: str) -> int:
    """The time that `timestamp` has written, since 1970; raises Damaged."""
    try:
        seconds = datetime.fromisoformat(text[:19] + "+00:00").timestamp()
        return int(seconds) * NANOSECONDS + int(text[20:29])
    except ValueError:
        raise Damaged(f"{text!r} is no time") from None


Convert = Callable[[Any], Any]


class Column(NamedTuple):
    """A column: what it holds of the object that a row is made of."""

    name: str
    type: str  # of SQL
    attribute: str = ""  # with dots if need be; the column's name where it is empty
    write: Convert | None = None  # from the attribute to what SQLite stores
    read: Convert | None = None  # and back
    is_changing: bool = False  # whether it may change after the row was added


class Table:
    """A table whose rows are signed; `columns` and `names` come without the checksum."""

    def __init__(
        self, name: str, what: str, columns: Sequence[Column], key: str = "", options: str = ""
    ) -> None:
        """`what` is a row in words; the key and the options are SQL."""
        self.name = name
        self.columns = columns
        self.names = tuple(column.name for column in columns)
        self.all = ", ".join([*self.names, CHECKSUM])  # as the methods below have a row
        self.what = what
        self._key = key
        self._options = options
        self._attributes = attrgetter(*(c.attribute or c.name for c in columns))
        self._writers = [(i, c.write) for i, c in enumerate(columns) if c.write is not None]
        self._readers = [(c.name, c.read) for c in columns if c.read is not None]

    def create(self, *before: str) -> str:
        """The statement that makes it, with other columns before its own."""
        columns = [f"{column.name} {column.type}" for column in self.columns]
        parts = [*before, *columns, f"{CHECKSUM} {INTEGER}", *filter(None, [self._key])]
        content = ",\n    ".join(parts)
        return f"CREATE TABLE {self.name} (\n    {content}\n) {self._options}".rstrip()

    def insert(self, verb: str = "INSERT") -> str:
        """The statement that adds a row."""
        marks = ", ".join("?" * (len(self.names) + 1))
        return f"{verb} INTO {self.name} ({self.all}) VALUES ({marks})"

    def upsert(self, key: str) -> str:
        """The statement that adds a row, or changes the one that has the same key."""
        names = [c.name for c in self.columns if c.is_changing]
        changes = ", ".join(f"{name} = excluded.{name}" for name in [*names, CHECKSUM])
        return f"{self.insert()} ON CONFLICT ({key}) DO UPDATE SET {changes}"

    def row(self, source: object) -> Row:
        """An object as a signed row."""
        values = list(self._attributes(source))
        for index, write in self._writers:
            values[index] = write(values[index])
        return signed(*values)

    def sign(self, values: dict[str, Any]) -> Row:
        """Stored values by column as a signed row."""
        return signed(*(values[name] for name in self.names))

    def read(self, row: Row) -> dict[str, Any]:
        """Attributes by column, of a row as `all` selects it; raises Damaged."""
        return self.decode(dict(zip(self.names, verified(row, self.what), strict=True)))

    def decode(self, values: dict[str, Any]) -> dict[str, Any]:
        """Attributes by column, of stored values by column, all of them or some."""
        for name, read in self._readers:
            if name in values:
                values[name] = read(values[name])
        return values


def _optional(convert: Convert) -> Convert:
    return lambda value: None if value is None else convert(value)


def _of_last(attribute: str, write: Convert = lambda value: value) -> Convert:
    """From a book's last trade to one of its attributes; None before the first trade."""
    return _optional(lambda fill: write(getattr(fill, attribute)))


def _cents(amount: int) -> int | str:
    """An integer, or its digits as text where 64 bits are too few."""
    return amount if -(2**63) <= amount < 2**63 else str(amount)


class Holding(NamedTuple):
    """What a row of positions is made of."""

    book: OrderBook
    position: Position


class Summary(NamedTuple):
    """What the ledger's own row is made of."""

    schema_version: int
    books: int
    last_instance: int  # the highest id of an instance that was given
    journaled: int  # the number of the last entry of the journal that the tables have


_BY_SIDE = {name: side for side, name in SIDE_NAMES.items()}
_BY_TYPE = {name: order_type for order_type, name in ORDER_TYPE_NAMES.items()}
_ORDER_KEY = "venue, symbol, id"
_BOOK_KEY = "venue, symbol"
_POSITION_KEY = "venue, symbol, account"

ORDERS = Table(
    "orders",
    "an order",
    (
        Column("venue", TEXT),
        Column("symbol", TEXT),
        Column("id", INTEGER),
        Column("account", TEXT),
        Column("side", TEXT, write=SIDE_NAMES.__getitem__, read=_BY_SIDE.__getitem__),
        Column("type", TEXT, write=ORDER_TYPE_NAMES.__getitem__, read=_BY_TYPE.__getitem__),
        Column("price", INTEGER),
        Column("quantity", INTEGER),
        Column("ts", TEXT, write=timestamp, read=nanoseconds),
        Column("remaining", INTEGER, is_changing=True),
        Column("filled", INTEGER, is_changing=True),
        Column("event", INTEGER),
        Column("closed_at", "TEXT", "", _optional(timestamp), _optional(nanoseconds), True),
        Column("closed_event", "INTEGER", is_changing=True),
        Column("close_reason", "TEXT", is_changing=True),
    ),
    f"PRIMARY KEY ({_ORDER_KEY})",
    "WITHOUT ROWID",
)

EXECUTIONS = Table(
    "executions",
    "an execution",
    (
        Column("venue", TEXT, "standing.venue"),
        Column("symbol", TEXT, "standing.symbol"),
        Column("standing_id", INTEGER, "standing.id"),
        Column("standing_fill", INTEGER, "standing_fills", lambda count: count - 1),
        Column("incoming_id", INTEGER, "incoming.id"),
        Column("incoming_fill", INTEGER, "incoming_fills", lambda count: count - 1),
        Column("price", INTEGER),
        Column("quantity", INTEGER),
        Column("ts", TEXT, write=timestamp, read=nanoseconds),
    ),
)

# The row of a book says enough of the others to notice if one of those is missing or old.
BOOKS = Table(
    "books",
    "a book",
    (
        Column("venue", TEXT),
        Column("symbol", TEXT),
        Column("opened", TEXT, "opened_at", timestamp, nanoseconds),
        Column("orders", INTEGER, "next_id", is_changing=True),
        Column("events", INTEGER, "event_count", is_changing=True),
        Column("bid_depth", INTEGER, "bids.depth", is_changing=True),
        Column("ask_depth", INTEGER, "asks.depth", is_changing=True),
        Column("accounts", INTEGER, "positions", len, is_changing=True),
        Column("quote_time", TEXT, "", timestamp, nanoseconds, True),
        Column("last_price", "INTEGER", "last_trade", _of_last("price"), None, True),
        Column("last_quantity", "INTEGER", "last_trade", _of_last("quantity"), None, True),
        Column("last_trade", "TEXT", "", _of_last("ts", timestamp), _optional(nanoseconds), True),
        Column("halted", "TEXT", is_changing=True),
        Column("settled", "INTEGER", is_changing=True),
    ),
    f"UNIQUE ({_BOOK_KEY})",
)

POSITIONS = Table(
    "positions",
    "a position",
    (
        Column("venue", TEXT, "book.venue"),
        Column("symbol", TEXT, "book.symbol"),
        Column("account", TEXT, "position.account"),
        Column("cash", "NOT NULL", "position.cash", _cents, int, True),
        Column("shares", INTEGER, "position.shares", is_changing=True),
        Column("lowest", INTEGER, "position.lowest", is_changing=True),
        Column("highest", INTEGER, "position.highest", is_changing=True),
        Column("fees", "NOT NULL", "position.fees", _cents, int, True),
        Column("trades", INTEGER, "position.trades", is_changing=True),
    ),
    f"UNIQUE ({_POSITION_KEY})",
)

INSTANCES = Table(
    "instances",
    "an instance",
    (
        Column("id", "INTEGER PRIMARY KEY"),
        Column("account", TEXT),
        Column("started", TEXT, "started_at", timestamp, nanoseconds),
    ),
)

STATES = Table(
    "instance_states",
    "the state of an instance",
    (
        Column("id", "INTEGER PRIMARY KEY"),
        Column("ts", TEXT, write=timestamp, read=nanoseconds),
        Column("state", TEXT),
    ),
)

RUNS = Table(
    "runs",
    "a run",
    (
        Column("venue", TEXT),
        Column("symbol", TEXT),
        Column("instance", INTEGER),
        Column("player", TEXT),
        Column("level", TEXT),
        Column("account", TEXT),
        Column("seed", INTEGER),
        Column("seed_chosen", INTEGER, write=int, read=bool),
        Column("started", TEXT, "started_at", timestamp, nanoseconds),
        Column("ended", "TEXT", "ended_at", _optional(timestamp), _optional(nanoseconds), True),
        Column("has_market", INTEGER, write=int, read=bool, is_changing=True),
    ),
    "UNIQUE (venue)",
)

RESULTS = Table(
    "results",
    "a result",
    (
        Column("player_id", TEXT),
        Column("level", TEXT),
        Column("player", TEXT),
        Column("state", TEXT),
        Column("days", INTEGER),
        Column("nav", "NOT NULL", write=_cents, read=int),
        Column("seed", INTEGER),
        Column("seed_chosen", INTEGER, write=int, read=bool),
        Column("tries", INTEGER),
        Column("assisted", INTEGER, write=int, read=bool),
        Column("ts", TEXT, write=timestamp, read=nanoseconds),
    ),
)

HISTORIES = Table(
    "histories",
    "a history",
    (
        Column("venue", TEXT),
        Column("symbol", TEXT),
        Column("orders", INTEGER, is_changing=True),
        Column("trades", INTEGER, is_changing=True),
        Column("since", TEXT, "", timestamp, nanoseconds, True),
        Column("state", TEXT, is_changing=True),
    ),
    f"UNIQUE ({_BOOK_KEY})",
)

SCORERS = Table(
    "score_accounts",
    "an account of the scores",
    (Column("venue", TEXT), Column("number", INTEGER), Column("account", TEXT)),
    "UNIQUE (venue, number)",
)

SAMPLES = Table(
    "score_samples",
    "a sample of the scores",
    (
        Column("venue", TEXT),
        Column("step", INTEGER, is_changing=True),
        Column("slot", INTEGER),
        Column("ts", TEXT, "", timestamp, nanoseconds, True),
        Column("navs", TEXT, is_changing=True),
    ),
    "UNIQUE (venue, slot)",
)

FREEZES = Table(
    "frozen_scores",
    "the frozen scores of a venue",
    (
        Column("venue", TEXT),
        Column("ts", TEXT, write=timestamp, read=nanoseconds),
        Column("state", TEXT),
    ),
    "UNIQUE (venue)",
)

ADMIN_ACTIONS = Table(
    "admin_actions",
    "an action of the admin",
    (
        Column("ts", TEXT, write=timestamp, read=nanoseconds),
        Column("action", TEXT),
        Column("venue", "TEXT"),
        Column("symbol", "TEXT"),
        Column("account", "TEXT"),
        Column("detail", "TEXT"),
    ),
)

NOTICES = Table(
    "notices",
    "a notice",
    (
        Column("kind", TEXT),
        Column("text", TEXT),
        Column("ts", TEXT, write=timestamp, read=nanoseconds),
        Column("ends", "TEXT", "ends_at", _optional(timestamp), _optional(nanoseconds)),
    ),
    "UNIQUE (kind)",
)

LEDGER = Table(
    "ledger",
    "the summary",
    tuple(Column(field, INTEGER) for field in Summary._fields),
)

WRITE_ORDER = ORDERS.upsert(_ORDER_KEY)
WRITE_BOOK = BOOKS.upsert(_BOOK_KEY)
WRITE_POSITION = POSITIONS.upsert(_POSITION_KEY)
WRITE_EXECUTION = EXECUTIONS.insert()
WRITE_INSTANCE = INSTANCES.insert("INSERT OR REPLACE")
WRITE_STATE = STATES.insert("INSERT OR REPLACE")
WRITE_RUN = RUNS.upsert("venue")
WRITE_RESULT = RESULTS.insert()
WRITE_HISTORY = HISTORIES.upsert(_BOOK_KEY)
WRITE_SCORER = SCORERS.insert("INSERT OR REPLACE")
WRITE_SAMPLE = SAMPLES.upsert("venue, slot")
WRITE_FREEZE = FREEZES.insert("INSERT OR REPLACE")
WRITE_ACTION = ADMIN_ACTIONS.insert()
WRITE_NOTICE = NOTICES.insert()
WRITE_SUMMARY = LEDGER.insert()

ORDERS_BY_ACCOUNT = "CREATE INDEX orders_by_account ON orders (account, venue, symbol, id)"

_NUMBER = "number INTEGER PRIMARY KEY"

_SCHEMA = (
    LEDGER.create(),
    BOOKS.create(_NUMBER),
    ORDERS.create(),
    ORDERS_BY_ACCOUNT,
    # Holds whole rows, so that a start reads nothing of what is closed.
    f"CREATE INDEX open_orders ON orders ({ORDERS.all}) WHERE remaining > 0",
    EXECUTIONS.create(_NUMBER),
    "CREATE INDEX executions_by_standing ON executions (venue, symbol, standing_id)",
    "CREATE INDEX executions_by_incoming ON executions (venue, symbol, incoming_id)",
    """CREATE VIEW fills AS
    SELECT venue, symbol, standing_id AS order_id, standing_fill AS number, price, quantity, ts
    FROM executions
    UNION ALL SELECT venue, symbol, incoming_id, incoming_fill, price, quantity, ts
    FROM executions""",
    POSITIONS.create(_NUMBER),
    INSTANCES.create(),
    STATES.create(),
    RUNS.create(_NUMBER),
    """CREATE INDEX ended_runs_by_player ON runs (player, number)
    WHERE has_market AND ended IS NOT NULL""",
    RESULTS.create(_NUMBER),
    f"CREATE TABLE journal ({_NUMBER}, commands BLOB NOT NULL, checksum {INTEGER})",
    HISTORIES.create(),
    ADMIN_ACTIONS.create(_NUMBER),
    NOTICES.create(),
    SCORERS.create(),
    SAMPLES.create(),
    FREEZES.create(),
)

BOOK_TABLES = ("orders", "executions", "positions", "histories", "books")
"""Those that have rows of a book, by its venue and symbol."""

VENUE_TABLES = ("score_accounts", "score_samples", "frozen_scores")
"""Those that have rows of all books of a venue together."""

MARKET_TABLES = (
    *BOOK_TABLES,
    *VENUE_TABLES,
    "instances",
    "instance_states",
    "runs",
    "results",
    "journal",
    "admin_actions",
    "notices",
)
"""All but the summary."""

# How many executions each account took part in; one with itself is one of them.
TRADE_COUNTS = """
    SELECT venue, symbol, account, count(*) AS trades FROM (
        SELECT e.venue, e.symbol, e.number, o.account FROM executions AS e JOIN orders AS o
        ON (o.venue, o.symbol, o.id) = (e.venue, e.symbol, e.standing_id)
        UNION SELECT e.venue, e.symbol, e.number, o.account FROM executions AS e JOIN orders AS o
        ON (o.venue, o.symbol, o.id) = (e.venue, e.symbol, e.incoming_id)
    ) GROUP BY venue, symbol, account
"""

# A version that changes a table adds a script here, which leads a file from the version before it
# to its own. One that was released never changes. Scripts sign rows of books and positions anew
# with `checksum(...)`; before those of another table are, `migrate` has to look at them, too.
MIGRATIONS: tuple[str, ...] = (
    # The first files of version 1 had no levels, and others an index that found old runs slowly.
    """CREATE TABLE IF NOT EXISTS instance_states (
    id INTEGER PRIMARY KEY,
    ts TEXT NOT NULL,
    state TEXT NOT NULL,
    checksum INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS runs (
    number INTEGER PRIMARY KEY,
    venue TEXT NOT NULL,
    symbol TEXT NOT NULL,
    instance INTEGER NOT NULL,
    player TEXT NOT NULL,
    level TEXT NOT NULL,
    account TEXT NOT NULL,
    seed INTEGER NOT NULL,
    seed_chosen INTEGER NOT NULL,
    started TEXT NOT NULL,
    ended TEXT,
    has_market INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    UNIQUE (venue)
);
CREATE TABLE IF NOT EXISTS results (
    number INTEGER PRIMARY KEY,
    player_id TEXT NOT NULL,
    level TEXT NOT NULL,
    player TEXT NOT NULL,
    state TEXT NOT NULL,
    days INTEGER NOT NULL,
    nav NOT NULL,
    seed INTEGER NOT NULL,
    seed_chosen INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    assisted INTEGER NOT NULL,
    ts TEXT NOT NULL,
    checksum INTEGER NOT NULL
);
DROP INDEX IF EXISTS runs_by_player;
CREATE INDEX IF NOT EXISTS ended_runs_by_player ON runs (player, number)
    WHERE has_market AND ended IS NOT NULL;
CREATE TABLE histories (
    venue TEXT NOT NULL,
    symbol TEXT NOT NULL,
    orders INTEGER NOT NULL,
    trades INTEGER NOT NULL,
    since TEXT NOT NULL,
    state TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    UNIQUE (venue, symbol)
)""",
    """ALTER TABLE books ADD COLUMN halted TEXT;
ALTER TABLE books ADD COLUMN settled INTEGER;
UPDATE books SET checksum = checksum(
    venue, symbol, opened, orders, events, bid_depth, ask_depth, accounts, quote_time,
    last_price, last_quantity, last_trade, halted, settled
)""",
    """ALTER TABLE positions ADD COLUMN fees NOT NULL DEFAULT 0;
UPDATE positions SET checksum = checksum(
    venue, symbol, account, cash, shares, lowest, highest, fees
)""",
    """CREATE TABLE admin_actions (
    number INTEGER PRIMARY KEY,
    ts TEXT NOT NULL,
    action TEXT NOT NULL,
    venue TEXT,
    symbol TEXT,
    account TEXT,
    detail TEXT,
    checksum INTEGER NOT NULL
);
CREATE TABLE notices (
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    ts TEXT NOT NULL,
    ends TEXT,
    checksum INTEGER NOT NULL,
    UNIQUE (kind)
)""",
    f"""ALTER TABLE positions ADD COLUMN trades INTEGER NOT NULL DEFAULT 0;
UPDATE positions SET trades = counted.trades FROM ({TRADE_COUNTS}) AS counted
WHERE (positions.venue, positions.symbol, positions.account)
    = (counted.venue, counted.symbol, counted.account);
UPDATE positions SET checksum = checksum(
    venue, symbol, account, cash, shares, lowest, highest, fees, trades
);
CREATE TABLE score_accounts (
    venue TEXT NOT NULL,
    number INTEGER NOT NULL,
    account TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    UNIQUE (venue, number)
);
CREATE TABLE score_samples (
    venue TEXT NOT NULL,
    step INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    ts TEXT NOT NULL,
    navs TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    UNIQUE (venue, slot)
);
CREATE TABLE frozen_scores (
    venue TEXT NOT NULL,
    ts TEXT NOT NULL,
    state TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    UNIQUE (venue)
)""",
)

SCHEMA_VERSION = 1 + len(MIGRATIONS)


def create_tables(connection: sqlite3.Connection) -> None:
    """Make the tables of this version, inside the caller's transaction; the ledger has no row."""
    for statement in _SCHEMA:
        connection.execute(statement)


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Bring tables of an older version up to this one, inside the caller's transaction; raises
    Damaged where a row is not as it was signed, which nobody would see any more afterwards.
    """
    if version < SCHEMA_VERSION:
        for table in (BOOKS, POSITIONS):
            _check_signatures(connection, table)
    connection.create_function("checksum", -1, checksum, deterministic=True)
    for script in MIGRATIONS[version - 1 :]:
        for statement in script.split(";"):
            connection.execute(statement)


def _check_signatures(connection: sqlite3.Connection, table: Table) -> None:
    """Raise Damaged for a row of a table with the columns of any version: those that were added
    later are signed behind the others.
    """
    columns = connection.execute(f"PRAGMA table_info({table.name})")
    names = [name for _, name, *_ in columns if name not in ("number", CHECKSUM)]
    for row in connection.execute(f"SELECT {', '.join(names)}, {CHECKSUM} FROM {table.name}"):
        verified(row, table.what)


def write_summary(connection: sqlite3.Connection, summary: Summary) -> None:
    """Replace the ledger's own row."""
    connection.execute("DELETE FROM ledger")
    connection.execute(WRITE_SUMMARY, LEDGER.row(summary))


def read_order(values: dict[str, Any], fills: Sequence[NumberedFill]) -> Order:
    """An order from what `ORDERS.read` gives and from its fills, by number; raises Damaged."""
    order = order_without_fills(values)
    if fills:
        order.fills = [fill for _, _, fill in fills]
    numbers = [(order.id, number) for number in range(len(fills))]
    traded = sum(fill.quantity for fill in order.fills)
    if [fill[:2] for fill in fills] != numbers or traded != order.filled:
        place = f"{order.symbol} at {order.venue}"
        raise Damaged(f"the fills of order {order.id} of {place} are not complete")
    return order


def order_without_fills(values: dict[str, Any]) -> Order:
    """An order from what `ORDERS.read` gives, for its fills to be added."""
    del values["close_reason"]  # derived
    return Order(**values)


def read_fill(row: Row) -> NumberedFill:
    """One half of an execution: its row behind 0 for the standing order's, 1 for the other's;
    raises Damaged.
    """
    half, *execution = row
    values = EXECUTIONS.read(tuple(execution))
    order = "incoming" if half else "standing"
    fill = Fill(values["price"], values["quantity"], values["ts"])
    return values[f"{order}_id"], values[f"{order}_fill"], fill


def read_own_fill(row: Row) -> tuple[int, Side, Fill]:
    """An order's id and side, and a fill, of these and the fill's price, quantity and time; raises
    Damaged.
    """
    order_id, side, price, quantity, ts = row
    return order_id, _BY_SIDE[side], Fill(price, quantity, nanoseconds(ts))


def read_position(row: Row) -> Position:
    """Raises Damaged."""
    values = POSITIONS.read(row)
    position = Position(values["account"])
    position.cash, position.shares = values["cash"], values["shares"]
    position.lowest, position.highest = values["lowest"], values["highest"]
    position.fees, position.trades = values["fees"], values["trades"]
    return position


def read_instance(row: Row) -> Instance:
    """Raises Damaged."""
    values = INSTANCES.read(row)
    return Instance(values["id"], values["account"], values["started"])


def read_state(row: Row) -> InstanceState:
    """Raises Damaged."""
    return InstanceState(**STATES.read(row))


def read_run(row: Row) -> StoredRun:
    """Raises Damaged."""
    return StoredRun(*RUNS.read(row).values())


def read_result(row: Row) -> StoredResult:
    """Raises Damaged."""
    return StoredResult(*RESULTS.read(row).values())


def read_scorer(row: Row) -> StoredScorer:
    """Raises Damaged."""
    return StoredScorer(**SCORERS.read(row))


def read_sample(row: Row) -> StoredSample:
    """Raises Damaged."""
    return StoredSample(**SAMPLES.read(row))


def read_freeze(row: Row) -> StoredFreeze:
    """Raises Damaged."""
    return StoredFreeze(**FREEZES.read(row))


def read_history(row: Row) -> HistoryState:
    """Raises Damaged."""
    return HistoryState(**HISTORIES.read(row))


def read_action(row: Row) -> StoredAction:
    """Raises Damaged."""
    return StoredAction(**ADMIN_ACTIONS.read(row))


def read_notice(row: Row) -> StoredNotice:
    """Raises Damaged."""
    return StoredNotice(*NOTICES.read(row).values())


def is_busy(error: Exception) -> bool:
    """Whether SQLite could not do what it was told because another connection is in the way."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def signed(*values: Any) -> Row:
    """A row with the checksum of its values at its end."""
    return *values, checksum(*values)


def verified(row: Row, what: str) -> Row:
    """The values of a row without the checksum at its end; raises Damaged."""
    *values, written = row
    if written != checksum(*values):
        raise Damaged(f"the checksum of {what} is wrong")
    return tuple(values)


def checksum(*values: Any) -> int:
    """The CRC-32 of values, each on a line of its own."""
    return zlib.crc32((_LINES[len(values)] % values).encode())
