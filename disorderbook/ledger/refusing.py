"""Why a file cannot serve as a ledger, in one sentence."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from disorderbook.ledger.rows import FAULTS, Damaged
from disorderbook.ledger.schema import APPLICATION_ID, SCHEMA_VERSION

SIGNATURE = b"SQLite format 3\0"  # how a database begins

_NOT_THE_FILES_FAULT = {
    sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY,
}


class Unusable(Exception):
    """The file cannot serve as a ledger, and is as it was; says why in one sentence."""


class InUse(Unusable):
    """Another exchange has it."""


@contextmanager
def in_words(file: Path) -> Iterator[None]:
    """Raise Unusable for whatever SQLite, the system or a checksum has to say against a file."""
    try:
        yield
    except OSError as fault:
        raise Unusable(f"{file} cannot be used: {fault.strerror}") from None
    except Damaged as fault:
        raise Unusable(f"{file} is damaged: {fault}") from None
    except FAULTS as fault:
        code = getattr(fault, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
        if code & 0xFF in _NOT_THE_FILES_FAULT:  # the lowest byte says what kind it is
            raise Unusable(f"{file} cannot be used: {fault}") from None
        raise Unusable(f"{file} is damaged: {fault}") from None


def check_beginning(file: Path) -> None:
    """Raise Unusable where it is plain without SQLite that this is no ledger.

    SQLite would take an empty file for a new database, and remove the log of a missing one.
    """
    log = file.with_name(f"{file.name}-wal")
    with in_words(file):
        if not file.exists():
            if log.exists() and log.stat().st_size:
                raise Unusable(f"{file} is missing, but the log of its last changes is in {log}")
            return
        with file.open("rb") as opened:
            beginning = opened.read(len(SIGNATURE))
    if not beginning:
        raise Unusable(f"{file} is empty, which no ledger is; remove it to begin a new market")
    if beginning != SIGNATURE:
        raise Unusable(f"{file} is no database")


def lock_file(file: Path) -> sqlite3.Connection:
    """Something that only one process can have, until it is closed or that process ends.

    It is SQLite's lock of another database, which is empty: everybody may read the ledger itself.
    """
    with in_words(file):
        lock = sqlite3.connect(
            f"{file}-lock", timeout=0, isolation_level=None, check_same_thread=False
        )
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as fault:
            lock.close()
            if fault.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise InUse(f"{file} is in use by another exchange") from None
            raise
    return lock


def checked_version(connection: sqlite3.Connection, file: Path) -> int:
    """The version of a ledger's schema; raises Unusable for a newer one, or what is no ledger."""
    application, = connection.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID:
        raise Unusable(f"{file} is a database, but no ledger of an exchange")
    row = connection.execute("SELECT schema_version FROM ledger").fetchone()
    if row is None or not isinstance(row[0], int):
        raise Damaged("the ledger has no summary")
    version: int = row[0]
    if version > SCHEMA_VERSION:
        raise Unusable(
            f"{file} was written by a newer disorderBook, in version {version} of the schema; "
            f"this one knows version {SCHEMA_VERSION}"
        )
    return version
