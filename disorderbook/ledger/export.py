"""Writes a durable market's orders and executions as CSV, for spreadsheets.

The rule: all files are of one moment, and have their names only when all are whole.
"""

import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

from disorderbook.ledger.creation import NEW, unborn
from disorderbook.ledger.file import locked_for_reading, open_for_reading, open_ledger
from disorderbook.ledger.lock import CannotUse, InUse, Unusable, in_words, located
from disorderbook.ledger.tables import EXECUTIONS, ORDERS, Row
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
