"""Writes a durable market's orders and executions as CSV, for spreadsheets.

Copies a durable market into another file, whether or not an exchange is using it.

SQLite takes the pages of one moment, the log's included, while the exchange writes on. The copy has
its name only after all of it was read and found right.
"""

import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

from disorderbook.ledger.creation import ENDS, NEW, unborn
from disorderbook.ledger.file import keep_names, locked_for_reading, open_for_reading, open_ledger
from disorderbook.ledger.lock import PRIVATE, CannotUse, InUse, Unusable, in_words, located
from disorderbook.ledger.restore import load_market
from disorderbook.ledger.tables import EXECUTIONS, ORDERS, Damaged, Row
from disorderbook.protocol.spreadsheet import write_table

# Name of a file: its columns, and where they come from.
EXPORTS = {
    "orders.csv": (
        ", ".join(ORDERS.names),
        "orders ORDER BY venue, symbol, id",
    ),
    "executions.csv": (
        ", ".join(["number", *(name for name in EXECUTIONS.names if not name.endswith("_fill"))]),
        "executions ORDER BY number",
    ),
}


def export(path: str, folder: str) -> list[Path]:
    """Write a ledger's CSV files into a folder, made if need be; returns them.

    Both are of one moment, and have their names only when both are whole. New ones may be read by
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
        Path(folder).mkdir(parents=True, exist_ok=True)
        return _write(reader, file, folder)


def _flush(path: str) -> None:
    """Have a ledger's tables follow its journal, if that can be.

    Raises Unusable for what no exchange would go on with.
    """
    with suppress(InUse, CannotUse):  # for reading only, perhaps
        open_ledger(path)[0].close()


def _write(reader: sqlite3.Connection, ledger: Path, folder: str) -> list[Path]:
    files = [Path(folder, name) for name in EXPORTS]
    mode = stat.S_IMODE(ledger.stat().st_mode) | stat.S_IWUSR
    with ExitStack() as unfinished:
        written = {}
        for file, (columns, rows) in zip(files, EXPORTS.values(), strict=True):
            target = located(str(file))
            target.with_name(f"{target.name}{NEW}").unlink(missing_ok=True)  # a kill has left it
            new = written[target] = unfinished.enter_context(unborn(target, mode))
            with new.open("w", newline="", encoding="utf-8") as opened:
                found = _rows(reader, ledger, f"SELECT {columns} FROM {rows}")
                write_table(opened, columns.split(", "), found)
        for target, new in written.items():
            if target.exists():
                shutil.copymode(target, new)
            new.replace(target)
    return files


def _rows(reader: sqlite3.Connection, ledger: Path, query: str) -> Iterator[Row]:
    with in_words(ledger):
        # Not `yield from`: that would close a cursor when the connection is closed already.
        for row in reader.execute(query):  # noqa: UP028
            yield row


PAGES_AT_ONCE = 1000  # that are copied between two looks for a signal


def back_up(path: str, copy: str) -> Path:
    """Copy a market as of its last commit to a file that must not be there yet; returns that.

    The copy is for its owner only, and is not in WAL mode. Raises Unusable for a market that is
    none, is damaged or is of an older version, and OSError for the copy.
    """
    file, target = located(path), located(copy)
    if not file.exists():
        raise Unusable(f"{file} does not exist")
    for end in (*ENDS, NEW):
        _check_is_free(f"{target}{end}")
    with (
        locked_for_reading(file) as is_in_use,
        closing(open_for_reading(file, at_rest=not is_in_use)) as reader,
        unborn(target, PRIVATE) as new,
    ):
        with closing(sqlite3.connect(new, isolation_level=None)) as connection:
            with in_words(target):
                # Of one moment, whatever the exchange writes between two steps.
                reader.execute("BEGIN")
                reader.execute("SELECT 1 FROM ledger").fetchone()
                reader.backup(connection, pages=PAGES_AT_ONCE, progress=_look_for_a_signal)
                connection.execute("PRAGMA journal_mode = DELETE")
            with in_words(file):
                check_rows(connection)
        _check_is_free(str(target))  # still
        new.rename(target)
    keep_names(target.parent)
    return target


def _check_is_free(name: str) -> None:
    if os.path.lexists(name):
        raise Unusable(f"{name} is there already, and a backup replaces nothing")


def _look_for_a_signal(*_: int) -> None:
    """Python does so itself whenever it calls a function, and SQLite does not."""


def check_rows(connection: sqlite3.Connection) -> None:
    """Read everything that a market has; raises Damaged or sqlite3.Error."""
    load_market(connection)
    for table in (ORDERS, EXECUTIONS):
        for row in connection.execute(f"SELECT {table.all} FROM {table.name}"):
            table.read(row)
    (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok":
        raise Damaged(verdict)
