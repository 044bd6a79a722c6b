"""Copies of a durable market: a backup, the upgrade of a file of version 0.1, and an export as CSV.

The rule: what is copied stays as it is, whether or not an exchange is using it, and is of one
moment; a copy has its name only after all of it is there and right. A backup and an upgrade replace
nothing. SQLite takes the pages of one moment, the log's included, while the exchange writes on.
What the tables of version 0.1 do not say is derived where that is certain (why an order was
closed), and left empty where it is not (when an order was cancelled).
"""

import os
import sqlite3
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from disorderbook.engine.orders import Order
from disorderbook.ledger.archive import load_market
from disorderbook.ledger.file import (
    locked_for_reading,
    open_for_reading,
    open_ledger,
    open_read_only,
    write_empty_ledger,
)
from disorderbook.ledger.location import (
    ENDS,
    NEW,
    PRIVATE,
    CannotUse,
    InUse,
    Unusable,
    in_words,
    keep_names,
    located,
    replacements,
    unborn,
)
from disorderbook.ledger.score_export import (
    HISTORY_COLUMNS,
    SCORE_COLUMNS,
    Prices,
    history_rows,
    last_prices,
    score_rows,
)
from disorderbook.ledger.tables import (
    ADMIN_ACTIONS,
    APPLICATION_ID_0_1,
    BOOKS,
    CHECKSUM,
    EXECUTIONS,
    HISTORIES,
    INSTANCES,
    ORDERS,
    POSITIONS,
    SCHEMA_VERSION,
    TRADE_COUNTS,
    WRITE_BOOK,
    WRITE_EXECUTION,
    WRITE_INSTANCE,
    WRITE_ORDER,
    WRITE_POSITION,
    Damaged,
    Row,
    Summary,
    Table,
    verified,
    write_summary,
)
from disorderbook.protocol.spreadsheet import write_table

PAGES_AT_ONCE = 1000  # that are copied between two looks for a signal

Values = dict[str, Any]  # by column, as SQLite has them

# What the tables of version 0.1 do not have. Its executions were numbered as fills, and signed,
# from the second version of its schema on; the first had no journal either.
_NEW_COLUMNS = {
    "event",
    "closed_at",
    "closed_event",
    "close_reason",
    "events",
    "halted",
    "settled",
    "fees",
    "trades",
}
_UNNUMBERED = "venue, symbol, standing_id, incoming_id, price, quantity, ts"

# The execution that filled a standing order: its time, and the order that came in.
_LAST_FILL = """
    SELECT ts, incoming_id FROM executions WHERE (venue, symbol, standing_id) = (?, ?, ?)
    ORDER BY standing_fill DESC LIMIT 1
"""
_WRONG_SUM = """
    SELECT venue, symbol, id FROM orders AS o WHERE filled != (
        SELECT coalesce(sum(quantity), 0) FROM fills AS f
        WHERE (f.venue, f.symbol, f.order_id) = (o.venue, o.symbol, o.id)
    )
"""

# Name of a file: its columns, and where they come from.
EXPORTS: dict[str, tuple[str, str | Callable[[sqlite3.Connection, Prices], Iterator[Row]]]] = {
    "orders.csv": (
        ", ".join(ORDERS.names),
        "orders ORDER BY venue, symbol, id",
    ),
    "executions.csv": (
        ", ".join(["number", *(name for name in EXECUTIONS.names if not name.endswith("_fill"))]),
        "executions ORDER BY number",
    ),
    "settlements.csv": (
        "venue, symbol, price",
        "(SELECT number, venue, symbol, settled AS price FROM books WHERE settled IS NOT NULL) "
        "ORDER BY number",
    ),
    "scores.csv": (", ".join(SCORE_COLUMNS), score_rows),
    "history.csv": (", ".join(HISTORY_COLUMNS), history_rows),
}


def back_up(path: str, copy: str) -> Path:
    """Copy a market as of its last commit to a file that must not be there yet; returns that.

    The copy is for its owner only, and is not in WAL mode. Raises Unusable for a market that is
    none, is damaged or is of an older version, and OSError for the copy.
    """
    file, target = located(path), located(copy)
    if not file.exists():
        raise Unusable(f"{file} does not exist")
    with (
        locked_for_reading(file) as is_in_use,
        closing(open_for_reading(file, at_rest=not is_in_use)) as reader,
        checked_copy(file, target) as writer,
    ):
        # Of one moment, whatever the exchange writes between two steps.
        reader.execute("BEGIN")
        reader.execute("SELECT 1 FROM ledger").fetchone()
        reader.backup(writer, pages=PAGES_AT_ONCE, progress=_look_for_a_signal)
    return target


@contextmanager
def checked_copy(file: Path, target: Path) -> Iterator[sqlite3.Connection]:
    """A connection to an empty database, for the block to write the market of `file` to.

    Then all of it is read; it gets its name if that is right, and is gone if not. Raises Unusable,
    also for a name that is taken, and OSError for the copy.
    """
    for end in (*ENDS, NEW):
        _check_is_free(f"{target}{end}")
    with unborn(target, PRIVATE) as new:
        with closing(sqlite3.connect(new, isolation_level=None)) as connection:
            with in_words(target):
                yield connection
                connection.execute("PRAGMA journal_mode = DELETE")
            with in_words(file):
                check_rows(connection)
        _check_is_free(str(target))  # still
        new.rename(target)
    keep_names(target.parent)


def _check_is_free(name: str) -> None:
    if os.path.lexists(name):
        raise Unusable(f"{name} is there already, and a copy replaces nothing")


def _look_for_a_signal(*_: int) -> None:
    """Python does so itself whenever it calls a function, and SQLite does not."""


def check_rows(connection: sqlite3.Connection) -> None:
    """Read everything that a market has; raises Damaged or sqlite3.Error."""
    load_market(connection)
    for table in (ORDERS, EXECUTIONS, HISTORIES, ADMIN_ACTIONS):
        _check_table(connection, table)
    (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok":
        raise Damaged(verdict)


def _check_table(connection: sqlite3.Connection, table: Table) -> None:
    """Compare each row with its checksum; raises Damaged or sqlite3.Error."""
    for row in connection.execute(f"SELECT {table.all} FROM {table.name}"):
        table.read(row)


def upgrade(old: str, new: str) -> Path:
    """Write the market of a file of version 0.1 to a file that must not be there yet; returns that.

    It is for its owner only. Raises Unusable for an old file that is in use, damaged or of another
    version, and OSError for the new one.
    """
    file, target = located(old), located(new)
    if not file.exists():
        raise Unusable(f"{file} does not exist")
    with locked_for_reading(file) as is_in_use:
        if is_in_use:
            raise InUse(f"{file} is in use by an exchange; end that first")
        with (
            closing(open_read_only(file, at_rest=True, check=_old_version)) as reader,
            checked_copy(file, target) as writer,
        ):
            write_empty_ledger(writer)
            reader.execute("BEGIN")
            writer.execute("BEGIN")
            _Upgrade(file, reader, writer).run()
            writer.execute("COMMIT")
    return target


def _old_version(connection: sqlite3.Connection, file: Path) -> int:
    """The version of an old ledger's schema; raises Unusable for any other file."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID_0_1:
        raise Unusable(f"{file} was not written by disorderBook 0.1")
    (version,) = connection.execute("SELECT schema_version FROM ledger").fetchone() or (None,)
    if version not in (1, 2):
        raise Damaged("the ledger has no summary")
    return int(version)


class _Upgrade:
    """What is read from an old file and written to a new one, table after table."""

    def __init__(self, file: Path, reader: sqlite3.Connection, writer: sqlite3.Connection) -> None:
        self._file = file
        self._reader = reader
        self._writer = writer
        with in_words(file):
            self._is_first = _old_version(reader, file) == 1

    def run(self) -> None:
        """Copy everything. Raises Unusable for the old file, sqlite3.Error for the new one."""
        write = self._writer.executemany
        executions = self._unnumbered_executions() if self._is_first else self._rows(EXECUTIONS)
        write(WRITE_EXECUTION, map(EXECUTIONS.sign, executions))
        write(WRITE_ORDER, map(self._order, self._rows(ORDERS)))
        write(WRITE_BOOK, map(self._book, self._rows(BOOKS)))
        write(WRITE_POSITION, self._positions())
        write(WRITE_INSTANCE, map(INSTANCES.sign, self._rows(INSTANCES)))
        if not self._is_first:  # its entries are written as they were
            write("INSERT INTO journal VALUES (?, ?, ?)", self._select("SELECT * FROM journal"))
        write_summary(self._writer, self._summary())
        with in_words(self._file):
            for venue, symbol, order_id in self._writer.execute(_WRONG_SUM):
                raise Damaged(f"the fills of order {order_id} of {symbol} at {venue} are missing")

    def _rows(self, table: Table) -> Iterator[Values]:
        """The rows of a table that both versions have, in the order in which they were added."""
        names = [name for name in table.names if name not in _NEW_COLUMNS]
        order = "number" if table in (EXECUTIONS, BOOKS, POSITIONS) else "id"
        query = f"SELECT {', '.join(names)}, {CHECKSUM} FROM {table.name} ORDER BY {order}"
        for row in self._select(query):
            with in_words(self._file):
                values = verified(row, f"a row of {table.name}")
            yield dict(zip(names, values, strict=True))

    def _select(self, query: str) -> Iterator[Row]:
        with in_words(self._file):
            yield from self._reader.execute(query)

    def _unnumbered_executions(self) -> Iterator[Values]:
        fills: Counter[tuple[str, str, int]] = Counter()  # so far, of each order
        for row in self._select(f"SELECT {_UNNUMBERED} FROM executions ORDER BY number"):
            values = dict(zip(_UNNUMBERED.split(", "), row, strict=True))
            for half in ("standing", "incoming"):
                order = values["venue"], values["symbol"], values[f"{half}_id"]
                values[f"{half}_fill"] = fills[order]
                fills[order] += 1
            yield values

    def _order(self, values: Values) -> Row:
        """A row with the order's id as the number of its event, and with what closed it."""
        order = Order(**ORDERS.decode(dict(values)), event=values["id"])
        closed_at, closed_event = values["ts"], values["id"]
        if order.close_reason in (None, "cancelled"):
            closed_at = closed_event = None
        elif order.close_reason == "filled":
            place = order.venue, order.symbol, order.id
            last = self._writer.execute(_LAST_FILL, place).fetchone()
            closed_at, closed_event = last or (closed_at, closed_event)
        return ORDERS.sign(
            {
                **values,
                "event": order.event,
                "closed_at": closed_at,
                "closed_event": closed_event,
                "close_reason": order.close_reason,
            }
        )

    def _positions(self) -> Iterator[Row]:
        """Rows with the counts of trades, which the orders and executions must be written for."""
        counts = {tuple(place): count for *place, count in self._writer.execute(TRADE_COUNTS)}
        for values in self._rows(POSITIONS):
            place = values["venue"], values["symbol"], values["account"]
            yield POSITIONS.sign({**values, "fees": 0, "trades": counts.get(place, 0)})

    def _book(self, values: Values) -> Row:
        return BOOKS.sign({**values, "events": values["orders"], "halted": None, "settled": None})

    def _summary(self) -> Summary:
        names = ["schema_version", "books", "last_instance", *["journaled"] * (not self._is_first)]
        query = f"SELECT {', '.join(names)}, {CHECKSUM} FROM ledger"
        with in_words(self._file):
            [row] = self._reader.execute(query).fetchall()
            _, books, last_instance, *journaled = verified(row, "the summary")
        return Summary(SCHEMA_VERSION, books, last_instance, *journaled or [0])


def export(path: str, folder: str, prices: Prices = last_prices) -> list[Path]:
    """Write a ledger's CSV files into a folder, made if need be; returns them. `prices` are what
    shares count for in the scores.

    All are of one moment, and have their names only when all are whole. New ones may be read by
    nobody who may not read the ledger; others keep their permissions. What an exchange that was
    killed has left in the journal is put into the tables first; one that is using the ledger does
    so itself, twice a second. Raises Unusable for the ledger, OSError for the folder.
    """
    file = located(path)
    if not file.exists():
        raise Unusable(f"{file} does not exist")
    _flush(path)
    with (
        locked_for_reading(file) as is_in_use,
        closing(open_for_reading(file, at_rest=not is_in_use)) as reader,
    ):
        reader.execute("BEGIN")
        if not is_in_use and reader.execute("SELECT 1 FROM journal").fetchone():
            raise Unusable(f"{file} has orders in its journal that cannot be put into its tables")
        return _write(reader, file, folder, prices)


def _flush(path: str) -> None:
    """Have a ledger's tables follow its journal, if that can be.

    Raises Unusable for what no exchange would go on with.
    """
    with suppress(InUse, CannotUse):  # for reading only, perhaps
        open_ledger(path, any_shard=True)[0].close()


def _write(reader: sqlite3.Connection, ledger: Path, folder: str, prices: Prices) -> list[Path]:
    with in_words(ledger):
        for table in (ORDERS, EXECUTIONS):  # those of scores check what they read
            _check_table(reader, table)
    mode = stat.S_IMODE(ledger.stat().st_mode) | stat.S_IWUSR
    with replacements(folder, list(EXPORTS), mode) as files:
        for file, (columns, source) in zip(files, EXPORTS.values(), strict=True):
            with file.open("w", newline="", encoding="utf-8") as opened:
                if isinstance(source, str):
                    rows: Iterator[Row] = reader.execute(f"SELECT {columns} FROM {source}")
                else:
                    rows = source(reader, prices)
                write_table(opened, columns.split(", "), _checked(ledger, rows))
    return [Path(folder, name) for name in EXPORTS]


def _checked(ledger: Path, rows: Iterator[Row]) -> Iterator[Row]:
    with in_words(ledger):
        # Not `yield from`: that would close a cursor when the connection is closed already.
        for row in rows:  # noqa: UP028
            yield row
