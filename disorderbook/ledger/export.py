"""Writes a durable market's orders and executions as CSV, for spreadsheets."""

import csv
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from disorderbook.ledger.opening import open_for_reading, open_ledger
from disorderbook.ledger.refusing import Unusable, check_beginning, in_words
from disorderbook.ledger.rows import Row

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

    Both are of one moment, also when an exchange is using the ledger. What one that was killed
    has left in the journal is put into the tables first. Raises Unusable for the ledger, OSError
    for the folder.
    """
    file = Path(path).resolve()
    check_beginning(file)
    if not file.exists():
        raise Unusable(f"{file} does not exist")
    with suppress(Unusable):  # it is in use, or for reading only
        open_ledger(path)[0].close()
    Path(folder).mkdir(parents=True, exist_ok=True)
    with closing(open_for_reading(file)) as reader:
        reader.execute("BEGIN")
        return [_write(reader, file, Path(folder, name)) for name in EXPORTS]


def _write(reader: sqlite3.Connection, ledger: Path, file: Path) -> Path:
    columns, rows = EXPORTS[file.name]
    with file.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.writer(opened)
        writer.writerow(columns.split(", "))
        writer.writerows(_rows(reader, ledger, f"SELECT {columns} FROM {rows}"))
    return file


def _rows(reader: sqlite3.Connection, ledger: Path, query: str) -> Iterator[Row]:
    with in_words(ledger):
        yield from reader.execute(query)
