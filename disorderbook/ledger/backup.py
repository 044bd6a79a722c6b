"""Copies a durable market into another file, whether or not an exchange is using it.

SQLite takes the pages of one moment, the log's included, while the exchange writes on. The rule: a
copy has its name only after all of it was read and found right, and replaces nothing.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from disorderbook.ledger.creation import ENDS, NEW, unborn
from disorderbook.ledger.file import keep_names, locked_for_reading, open_for_reading
from disorderbook.ledger.lock import PRIVATE, Unusable, in_words, located
from disorderbook.ledger.restore import load_market
from disorderbook.ledger.tables import EXECUTIONS, ORDERS, Damaged

PAGES_AT_ONCE = 1000  # that are copied between two looks for a signal


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
    for table in (ORDERS, EXECUTIONS):
        for row in connection.execute(f"SELECT {table.all} FROM {table.name}"):
            table.read(row)
    (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok":
        raise Damaged(verdict)
