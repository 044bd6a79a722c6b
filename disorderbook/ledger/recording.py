"""The orders and cancels of a market, to be given again: read from its file, or from its export.

Both are read once, as of one moment, into a database of our own, which SQLite keeps in a temporary
file that has no name and is gone with its connection. So a running exchange is not held up however
long a replay takes, and a market of any size takes bounded memory. The rule: what is read must fit
together (ids and events without a gap, executions of orders that are there, sums), or it is refused
in a sentence before anything has begun. The original stays as it is; what its journal has alone
is read, too.
"""

import csv
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import ORDER_TYPE_NAMES, SIDE_NAMES, NewOrder
from disorderbook.ledger.archive import load_market
from disorderbook.ledger.copies import EXPORTS
from disorderbook.ledger.file import locked_for_reading, open_for_reading
from disorderbook.ledger.journal import BookChanges, Place
from disorderbook.ledger.location import CannotUse, Unusable, in_words, located
from disorderbook.ledger.tables import (
    EXECUTIONS,
    ORDERS,
    Damaged,
    Row,
    Table,
    nanoseconds,
    verified,
)
from disorderbook.protocol.names import (
    LAST_TIME,
    MAX_NAME_LENGTH,
    MAX_PRICE,
    MAX_QUANTITY,
    MOST_BOOKS,
    NANOSECONDS,
    timestamp,
)
from disorderbook.protocol.spreadsheet import read_guarded

EVENTS_AT_ONCE = 1000  # that are in memory
CACHE_KIBIBYTES = 16384  # of the temporary database
LONGEST_LINE = 10_000  # characters of a CSV file: three names in quotes take 1,600
BEFORE = NANOSECONDS  # a replay begins so long before its first event, to open its books
ORDERS_CSV, EXECUTIONS_CSV, *_ = EXPORTS  # of these a market is made again

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_TYPES = set(ORDER_TYPE_NAMES.values())
_SIDES = set(SIDE_NAMES.values())

_TABLES = (
    """CREATE TABLE placed (
        book INTEGER, id INTEGER, event INTEGER, ts INTEGER, account TEXT, side TEXT, type TEXT,
        price INTEGER, quantity INTEGER, filled INTEGER, cancel_event INTEGER, cancel_ts INTEGER,
        PRIMARY KEY (book, id)
    ) WITHOUT ROWID""",
    "CREATE TABLE traded (book INTEGER, incoming INTEGER, standing INTEGER, price INTEGER, "
    "quantity INTEGER)",
)
_PLACED = f"INSERT INTO placed VALUES ({', '.join('?' * 12)})"
_TRADED = "INSERT INTO traded VALUES (?, ?, ?, ?, ?)"

# What each order has traded in all, and what as it came in.
_SUMS = (
    """CREATE TABLE sums (book INTEGER, id INTEGER, filled INTEGER, PRIMARY KEY (book, id))
    WITHOUT ROWID""",
    """INSERT INTO sums SELECT book, id, sum(quantity) FROM (
        SELECT book, incoming AS id, quantity FROM traded
        UNION ALL SELECT book, standing, quantity FROM traded
    ) GROUP BY book, id ORDER BY book, id""",
    """CREATE TABLE takes (
        book INTEGER, id INTEGER, count INTEGER, shares INTEGER, lowest INTEGER, highest INTEGER,
        PRIMARY KEY (book, id)
    ) WITHOUT ROWID""",
    """INSERT INTO takes SELECT book, incoming, count(*), sum(quantity), min(price), max(price)
    FROM traded GROUP BY book, incoming ORDER BY book, incoming""",
    "DROP TABLE traded",
)
_NO_ORDER = """
    SELECT book, id FROM sums WHERE NOT EXISTS (
        SELECT 1 FROM placed AS p WHERE (p.book, p.id) = (sums.book, sums.id)
    ) LIMIT 1
"""
_WRONG_SUM = """
    SELECT p.book, p.id FROM placed AS p LEFT JOIN sums AS s USING (book, id)
    WHERE p.filled != coalesce(s.filled, 0) LIMIT 1
"""
_IDS = "SELECT book, count(*), max(id) FROM placed GROUP BY book"
_EVENTS = (
    """CREATE TABLE events (
        number INTEGER PRIMARY KEY, ts INTEGER, book INTEGER, event INTEGER, id INTEGER,
        account TEXT, side TEXT, type TEXT, price INTEGER, quantity INTEGER, is_cancelled INTEGER,
        count INTEGER, shares INTEGER, lowest INTEGER, highest INTEGER
    )""",
    """INSERT INTO events SELECT NULL, * FROM (
        SELECT ts, book, event, id, account, side, type, price, p.quantity,
            cancel_ts IS NOT NULL, coalesce(t.count, 0), coalesce(t.shares, 0),
            coalesce(t.lowest, 0), coalesce(t.highest, 0)
        FROM placed AS p LEFT JOIN takes AS t USING (book, id)
        UNION ALL SELECT cancel_ts, book, cancel_event, id, NULL, NULL, NULL, 0, 0, 0, 0, 0, 0, 0
        FROM placed WHERE cancel_ts IS NOT NULL
    ) ORDER BY ts, book, event""",
    "DROP TABLE placed",
    "DROP TABLE sums",
    "DROP TABLE takes",
)
_ORDER_OF_EVENTS = "SELECT ts, book, event, account IS NULL FROM events ORDER BY number"
_PORTION = "SELECT * FROM events WHERE number > ? ORDER BY number LIMIT ?"

Values = dict[str, Any]  # by column, as SQLite has them; times are nanoseconds


class Taken(NamedTuple):
    """What an order traded as it came in: how many executions, how many shares, and between which
    prices, in cents; all of it is 0 where it traded nothing.
    """

    executions: int = 0
    shares: int = 0
    lowest: int = 0
    highest: int = 0


class RecordedEvent(NamedTuple):
    """An event of the original: a placing, or the cancel of an order that was open."""

    number: int  # from 1, in the order in which they happened
    ts: int  # nanoseconds since 1970
    place: Place
    order_id: int  # in the original
    new: NewOrder | None  # None: a cancel
    is_cancelled: bool = False  # whether a cancel of this order comes later
    taken: Taken = Taken()


class Recording:
    """What is to be given again. The thread that has the exchange's lock may use it."""

    def __init__(self, connection: sqlite3.Connection, name: str, left_out: int) -> None:
        self.name = name  # of what it was read from
        self.left_out = left_out  # venues of levels
        self.places: list[Place] = []  # of the books, oldest first
        self.orders = self.cancels = 0
        self.first = self.last = 0  # times of events
        self._connection = connection
        self._by_number: list[Place] = []

    @property
    def start(self) -> int:
        """When the books are open, nanoseconds since 1970."""
        return self.first - BEFORE

    def portion(self, after: int) -> list[RecordedEvent]:
        """The next events behind the one of this number, EVENTS_AT_ONCE at most; raises
        CannotUse.
        """
        with _writing(self.name):
            rows = self._connection.execute(_PORTION, (after, EVENTS_AT_ONCE)).fetchall()
        return list(map(self._event, rows))

    def renamed(self, place: Place) -> None:
        """Have its only book at another place."""
        self.places = self._by_number = [place]

    def close(self) -> None:
        """All that was read is gone."""
        self._connection.close()

    def _event(self, row: Row) -> RecordedEvent:
        number, ts, book, _, order_id, account, side, type_, price, quantity, cancelled, *taken = (
            row
        )
        place = self._by_number[book]
        if account is None:
            return RecordedEvent(number, ts, place, order_id, None)
        words = ORDERS.decode({"side": side, "type": type_})
        new = NewOrder(account, words["side"], words["type"], price, quantity)
        return RecordedEvent(number, ts, place, order_id, new, bool(cancelled), Taken(*taken))


def read_recording(path: str, place: Place | None = None) -> Recording:
    """What the file of a market, or the folder of an export, has; with `place`, its one book is
    there. Levels are left out of a file, whose tables say which they are. Raises Unusable.
    """
    with _writing(path):
        connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    try:
        recording = _Reader(path, connection).read()
        if place is not None:
            if len(recording.places) != 1:
                raise Unusable(
                    f"{path} has {len(recording.places)} books, and only a single one can be "
                    "replayed at another place"
                )
            recording.renamed(place)
    except BaseException:
        connection.close()
        raise
    return recording


@contextmanager
def _writing(name: str) -> Iterator[None]:
    """Raise CannotUse for what is wrong with the temporary database."""
    try:
        yield
    except sqlite3.Error as error:
        raise CannotUse(f"The temporary copy of {name} cannot be used: {error}") from None


class _Reader:
    """Fills the temporary database, checks it, and gives the recording."""

    def __init__(self, path: str, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection
        self._numbers: dict[Place, int] = {}  # of books, from 0
        self._left_out = 0

    def read(self) -> Recording:
        with in_words(Path(self._path)):
            is_folder = Path(self._path).is_dir()
        with _writing(self._path):
            self._run(
                "PRAGMA journal_mode = OFF",
                "PRAGMA synchronous = OFF",
                f"PRAGMA cache_size = -{CACHE_KIBIBYTES}",
                *_TABLES,
                "BEGIN",
            )
            if is_folder:
                self._read_export(Path(self._path))
            else:
                self._read_file(located(self._path))
            try:
                return self._checked(is_folder)
            except Damaged as fault:
                raise Unusable(f"{self._path} is damaged: {fault}") from None

    # ---- a file, and an export

    def _read_file(self, file: Path) -> None:
        if not file.exists():
            raise Unusable(f"{file} does not exist")
        with (
            locked_for_reading(file) as is_in_use,
            closing(open_for_reading(file, at_rest=not is_in_use)) as reader,
            in_words(file),
        ):
            reader.execute("BEGIN")
            levels = {venue for (venue,) in reader.execute("SELECT venue FROM runs")}
            for place in reader.execute("SELECT venue, symbol FROM books ORDER BY number"):
                if place[0] in levels:
                    self._left_out += 1
                else:
                    self._numbers[place] = len(self._numbers)
            changes = load_market(reader).changes.books
            for add, rows in (
                (self._add_orders, _order_rows(reader, changes)),
                (self._add_executions, _execution_rows(reader, changes)),
            ):
                add(values for values in rows if values["venue"] not in levels)

    def _read_export(self, folder: Path) -> None:
        for name, table, add in (
            (ORDERS_CSV, ORDERS, self._add_orders),
            (EXECUTIONS_CSV, EXECUTIONS, self._add_executions),
        ):
            file = located(str(folder / name))
            if not file.exists():
                raise Unusable(f"{file} does not exist, which an export has")
            with in_words(file), file.open(newline="", encoding="utf-8") as opened:
                lines = csv.reader(_bounded_lines(opened), strict=True)
                try:
                    add(_csv_rows(lines, EXPORTS[name][0].split(", "), table))
                except (csv.Error, Damaged) as fault:
                    raise Damaged(f"line {lines.line_num}: {fault}") from None

    # ---- rows

    def _add_orders(self, orders: Iterable[Values]) -> None:
        try:
            self._connection.executemany(_PLACED, map(self._placed, orders))
        except sqlite3.IntegrityError:
            raise Damaged("an order is there twice") from None

    def _placed(self, order: Values) -> Row:
        _check_order(order)
        is_cancelled = order["close_reason"] == "cancelled"
        return (
            self._number(order),
            order["id"],
            order["event"],
            order["ts"],
            order["account"],
            order["side"],
            order["type"],
            order["price"],
            order["quantity"],
            order["filled"],
            order["closed_event"] if is_cancelled else None,
            order["closed_at"] if is_cancelled else None,
        )

    def _add_executions(self, executions: Iterable[Values]) -> None:
        self._connection.executemany(_TRADED, map(self._traded, executions))

    def _traded(self, execution: Values) -> Row:
        _require(execution, "price", 0, MAX_PRICE)
        _require(execution, "quantity", 1, MAX_QUANTITY)
        place = execution["venue"], execution["symbol"]
        if place not in self._numbers:
            raise Damaged(f"there is an execution, and no order, of {_book(place)}")
        incoming, standing = execution["incoming_id"], execution["standing_id"]
        return self._numbers[place], incoming, standing, execution["price"], execution["quantity"]

    def _number(self, order: Values) -> int:
        place = order["venue"], order["symbol"]
        number = self._numbers.setdefault(place, len(self._numbers))
        if number >= MOST_BOOKS:
            raise Damaged(f"there are more than {MOST_BOOKS} books")
        return number

    # ---- all together

    def _checked(self, is_folder: bool) -> Recording:
        places = list(self._numbers)
        self._run(*_SUMS)
        for book, order_id in self._connection.execute(_NO_ORDER):
            raise Damaged(f"{_order(places[book], order_id)} is missing, of which executions tell")
        for book, order_id in self._connection.execute(_WRONG_SUM):
            raise Damaged(f"the executions of {_order(places[book], order_id)} are not complete")
        for book, count, last in self._connection.execute(_IDS):
            if count != last + 1:
                raise Damaged(f"orders of {_book(places[book])} are missing")
        self._run(*_EVENTS, "COMMIT")
        return self._counted(places, is_folder)

    def _counted(self, places: list[Place], is_folder: bool) -> Recording:
        """The recording, after a look at every event; the books of an export in the order of their
        first ones.
        """
        recording = Recording(self._connection, self._path, self._left_out)
        expected: dict[int, int] = {}  # the next event of each book
        ts = 0
        for ts, book, event, is_cancel in self._connection.execute(_ORDER_OF_EVENTS):
            if event != expected.get(book, 0):
                raise Damaged(
                    f"event {expected.get(book, 0)} of {_book(places[book])} is missing, there "
                    "twice, or at a wrong time"
                )
            expected[book] = event + 1
            recording.first = recording.first or ts
            recording.cancels += is_cancel
            recording.orders += not is_cancel
        if not recording.orders:
            raise Unusable(f"{self._path} has no orders to replay{self._levels()}")
        recording.last = ts
        recording._by_number = places
        recording.places = [places[book] for book in expected] if is_folder else places
        return recording

    def _levels(self) -> str:
        return " but those of levels" if self._left_out else ""

    def _run(self, *statements: str) -> None:
        for statement in statements:
            self._connection.execute(statement)


def _order_rows(
    reader: sqlite3.Connection, changes: Mapping[OrderBook, BookChanges]
) -> Iterator[Values]:
    """Each order as the tables have it, or as the journal has changed it since."""
    changed = {
        (order.venue, order.symbol, order.id): ORDERS.row(order)
        for book in changes.values()
        for order in book.orders.values()
    }
    rows = reader.execute(f"SELECT {ORDERS.all} FROM orders ORDER BY venue, symbol, id")
    yield from _stored(ORDERS, (row for row in rows if row[:3] not in changed))
    yield from _stored(ORDERS, changed.values())


def _execution_rows(
    reader: sqlite3.Connection, changes: Mapping[OrderBook, BookChanges]
) -> Iterator[Values]:
    """The executions of the tables, and then those that the journal alone leads to."""
    yield from _stored(EXECUTIONS, reader.execute(f"SELECT {EXECUTIONS.all} FROM executions"))
    for book in changes.values():
        yield from _stored(EXECUTIONS, map(EXECUTIONS.row, book.executions))


def _order(place: Place, order_id: int) -> str:
    return f"order {order_id} of {_book(place)}"


def _book(place: Place) -> str:
    """A book in a sentence, which a name in any file must not break."""
    venue, symbol = (name if name.isprintable() else repr(name) for name in place)
    return f"{symbol} at {venue}"


def _check_order(order: Values) -> None:
    """Raise Damaged, or Unusable for what version 0.1 did not write down."""
    for name in ("venue", "symbol", "account"):
        if len(order[name]) > MAX_NAME_LENGTH:
            raise Damaged(f"a name has over {MAX_NAME_LENGTH} characters")
    if order["side"] not in _SIDES or order["type"] not in _TYPES:
        raise Damaged(f"{order['side']!r:.40} and {order['type']!r:.40} are no side and type")
    for name, least, most in (
        ("id", 0, 2**53),
        ("price", 0, MAX_PRICE),
        ("quantity", 1, MAX_QUANTITY),
        ("event", 0, 2**53),
        ("ts", BEFORE, LAST_TIME),
    ):
        _require(order, name, least, most)
    _require(order, "filled", 0, order["quantity"])
    if order["close_reason"] == "cancelled":
        what = _order((order["venue"], order["symbol"]), order["id"])
        if order["closed_at"] is None or order["closed_event"] is None:
            raise Unusable(
                f"When {what} was cancelled was not written down by version 0.1, so that its "
                "market cannot be replayed"
            )
        _require(order, "closed_at", order["ts"], LAST_TIME)
        _require(order, "closed_event", order["event"] + 1, 2**53)


def _require(values: Values, name: str, least: int, most: int) -> None:
    number = values[name]
    if not isinstance(number, int) or not least <= number <= most:
        raise Damaged(f"{name} is {number!r:.40}, and not from {least} to {most}")


def _stored(table: Table, rows: Iterable[Row]) -> Iterator[Values]:
    """The values of signed rows; raises Damaged."""
    for row in rows:
        values = dict(zip(table.names, verified(row, f"a row of {table.name}"), strict=True))
        for name in ("ts", "closed_at"):
            if values.get(name) is not None:
                values[name] = nanoseconds(values[name])
        yield values


def _csv_rows(lines: Iterator[list[str]], columns: list[str], table: Table) -> Iterator[Values]:
    """The values of the lines of an exported table; raises Damaged or csv.Error."""
    readers = [_reader_of(table, name) for name in columns]
    if next(lines, None) != columns:
        raise Damaged(f"these are not the columns of an export, {', '.join(columns)}")
    for cells in lines:
        if len(cells) != len(columns):
            raise Damaged(f"there are {len(cells)} cells instead of {len(columns)}")
        yield {name: read(cell) for name, read, cell in zip(columns, readers, cells, strict=True)}


def _bounded_lines(opened: TextIO) -> Iterator[str]:
    while line := opened.readline(LONGEST_LINE):
        if not line.endswith(("\n", "\r")):  # the latter within a name
            raise Damaged(f"it is cut, or has over {LONGEST_LINE} characters")
        yield line


def _reader_of(table: Table, name: str) -> Callable[[str], Any]:
    """What reads a cell of a column."""
    kinds = {column.name: column.type for column in table.columns}
    kind = kinds.get(name, "INTEGER NOT NULL")  # the number of an execution
    read: Callable[[str], Any] = read_guarded
    if name in ("ts", "closed_at"):
        read = _time
    elif kind.startswith("INTEGER"):
        read = _integer
    return read if kind.endswith("NOT NULL") else lambda cell: read(cell) if cell else None


def _integer(cell: str) -> int:
    if not _INTEGER.fullmatch(cell):
        raise Damaged(f"{cell!r:.40} is no integer")
    return int(cell)


def _time(cell: str) -> int:
    ts = nanoseconds(cell)
    if timestamp(ts) != cell:
        raise Damaged(f"{cell!r:.40} is no time")
    return ts
