"""Writes a durable market's orders and executions as CSV, for spreadsheets."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from disorderbook.ledger.opening import open_for_reading, open_ledger
from disorderbook.ledger.refusing import InUse, Unusable, check_beginning, in_words
from disorderbook.ledger.rows import Row
from disorderbook.spreadsheet import write_table

# Name of a file: its columns, and where they come from.
EXPORTS = {
    "orders.csv": (
        "venue, symbol, id, account, side, type, price, quantity, ts, remaining, filled",
        "orders ORDER BY venue, symbol, id",
    ),
    "executions.csv": (
        "number, venue, symbol, standing_id, incoming_id, price, quantity, ts",
        "executions ORDER BY number",
    ),
}


def export(path: str, folder: str) -> list[Path]:
    """Write a ledger's CSV files into a folder, made if need be; returns them.

    Both are of one moment. What an exchange that was killed has left in the journal is put into
    the tables first; one that is using the ledger does so itself, twice a second. Raises Unusable
    for the ledger, OSError for the folder.
    """
    file = Path(path).resolve()
    check_beginning(file)
    if not file.exists():
        raise Unusable(f"{file} does not exist")
    is_in_use = _settle(path)
    with closing(open_for_reading(file)) as reader:
        reader.execute("BEGIN")
        if not is_in_use and reader.execute("SELECT 1 FROM journal").fetchone():
            raise Unusable(f"{file} has orders in its journal that cannot be put into its tables")
        Path(folder).mkdir(parents=True, exist_ok=True)
        return [_write(reader, file, Path(folder, name)) for name in EXPORTS]


def _settle(path: str) -> bool:
    """Have a ledger's tables follow its journal, if that can be; returns whether it is in use."""
    try:
        open_ledger(path)[0].close()
    except InUse:
        return True
    except Unusable:
        pass  # for reading only, perhaps
    return False


def _write(reader: sqlite3.Connection, ledger: Path, file: Path) -> Path:
    columns, rows = EXPORTS[file.name]
    with file.open("w", newline="", encoding="utf-8") as opened:
        found = _rows(reader, ledger, f"SELECT {columns} FROM {rows}")
        write_table(opened, columns.split(", "), found)
    return file


def _rows(reader: sqlite3.Connection, ledger: Path, query: str) -> Iterator[Row]:
    with in_words(ledger):
        yield from reader.execute(query)
