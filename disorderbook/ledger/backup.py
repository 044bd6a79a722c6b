"""Copies a durable market into another file, whether or not an exchange is using it.

SQLite takes the pages of one moment, the log's included, while the exchange writes on. The copy has
its name only after all of it was read and found right.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from disorderbook.ledger.opening import keep_names, locked_for_reading, open_for_reading
from disorderbook.ledger.refusing import Unusable, in_words, located
from disorderbook.ledger.restoring import load_market
from disorderbook.ledger.rows import EXECUTION_COLUMNS, ORDER_COLUMNS, Damaged, verified

NEW = "-new"  # ends the name of a copy that is being made
ENDS = ("", "-wal", "-shm", "-journal")  # of the names of what belongs to a database


def back_up(path: str, copy: str) -> Path:
    """Copy a market as of its last commit to a file that must not be there yet; returns that.

    The copy may be read by whoever may read the market, and is not in WAL mode. Raises Unusable
    for a market that is none, is damaged or is of an older version, and OSError for the copy.
    """
    file, target = located(path), located(copy)
    if not file.exists():
        raise Unusable(f"{file} does not exist")
    for end in (*ENDS, NEW):
        if os.path.lexists(f"{target}{end}"):
            raise Unusable(f"{target}{end} is there already, and a backup replaces nothing")
    with (
        locked_for_reading(file) as is_in_use,
        closing(open_for_reading(file, at_rest=not is_in_use)) as reader,
        _unborn(target) as unborn,
    ):
        with closing(sqlite3.connect(unborn, isolation_level=None)) as connection:
            with in_words(target):
                reader.backup(connection)
                connection.execute("PRAGMA journal_mode = DELETE")
            with in_words(file):
                check_rows(connection)
        shutil.copymode(file, unborn)
        unborn.rename(target)
    keep_names(target.parent)
    return target


def check_rows(connection: sqlite3.Connection) -> None:
    """Read everything that a market has; raises Damaged or sqlite3.Error."""
    load_market(connection)
    for columns, table in ((ORDER_COLUMNS, "orders"), (EXECUTION_COLUMNS, "executions")):
        for row in connection.execute(f"SELECT {columns} FROM {table}"):
            verified(row, f"a row of {table}")
    verdict, = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok":
        raise Damaged(verdict)


@contextmanager
def _unborn(target: Path) -> Iterator[Path]:
    """An empty file beside the target that nobody else may read, and that is gone afterwards."""
    unborn = target.with_name(f"{target.name}{NEW}")
    os.close(os.open(unborn, os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield unborn
    finally:
        for end in ENDS:
            Path(f"{unborn}{end}").unlink(missing_ok=True)
