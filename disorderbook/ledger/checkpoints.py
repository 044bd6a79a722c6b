"""Has the disk take what was written to a file, once a second and beside the exchange's lock.

Without it a power cut could take all that was written since the system last thought of it.

Moves what the log holds to its place in the database, beside the exchange's turns.
"""

import logging
import os
import sqlite3
import threading
from pathlib import Path

from disorderbook.ledger.tables import FAULTS
from disorderbook.process.periodic import Periodic, join

FLUSH_SECONDS = 1.0  # so what a power cut can take is not much older


log = logging.getLogger(__name__)


class Flush:
    """Flushes a file in each second after which `note_write` was called, until `stop`.

    It has a descriptor of its own from the beginning to the end: who closes one of a database
    drops the locks that SQLite has of it in this process.
    """

    def __init__(self, file: Path) -> None:
        """Raises OSError."""
        self.has_failed = False  # then what the disk holds is not known any more
        self._file = file
        self._descriptor = os.open(file, os.O_RDWR)
        self._is_due = False
        self._job = Periodic("flush", FLUSH_SECONDS, self.flush)
        self._job.start()

    def note_write(self) -> None:
        self._is_due = True

    def flush(self) -> None:
        """Wait until the disk has all that was written, if anything was since the last time."""
        if not self._is_due or self.has_failed:
            return
        self._is_due = False  # before, for what is written meanwhile
        try:
            sync_data(self._descriptor)
        except OSError as fault:
            log.error("The disk has not taken what was written to %s: %s", self._file, fault)
            self.has_failed = True

    def stop(self) -> None:
        """Flush for the last time."""
        self._job.stop()
        self.flush()
        os.close(self._descriptor)


def sync_data(descriptor: int) -> None:
    """As `os.fdatasync`, which not every system has; raises OSError."""
    getattr(os, "fdatasync", os.fsync)(descriptor)


ROWS_BETWEEN = 30_000  # commits write the same pages again and again; each is moved but once


BUSY_MILLISECONDS = 50  # that anything waits for another program that uses the file


LONG_LOG = 131_072  # pages that the log may hold before it must begin anew; a row is about one


class Checkpoints(threading.Thread):
    """A thread with a connection of its own, until `stop`; told of each commit by `count`.

    It works while the exchange writes on. While orders keep coming the log therefore always holds
    some that are not in the database yet, and never begins anew: once it is too long, whoever
    writes has to do the little that is left.
    """

    def __init__(self, file: Path) -> None:
        super().__init__(name="checkpoints", daemon=True)
        self._file = file
        self._rows = 0  # that had been written when the thread last had something to do
        self._is_due = threading.Event()
        self._is_too_long = False
        self._is_stopped = False
        self.start()

    def run(self) -> None:
        connection = sqlite3.connect(
            self._file, timeout=BUSY_MILLISECONDS / 1000, isolation_level=None
        )
        while self._is_due.wait() and not self._is_stopped:
            self._is_due.clear()
            self._is_too_long = _checkpoint(connection) > LONG_LOG
        connection.close()

    def count(self, connection: sqlite3.Connection) -> None:
        """Count a commit of this connection, and let the log begin anew if it is too long."""
        if connection.total_changes - self._rows >= ROWS_BETWEEN:
            self._rows = connection.total_changes
            self._is_due.set()
        if self._is_too_long:
            self._is_too_long = False
            _checkpoint(connection)

    def stop(self) -> None:
        self._is_stopped = True
        self._is_due.set()
        join(self)


def _checkpoint(connection: sqlite3.Connection) -> int:
    """Move what nobody holds back; returns how many pages the log has."""
    try:
        _, pages, _ = connection.execute("PRAGMA wal_checkpoint").fetchone()
    except FAULTS as fault:
        # Nothing is lost. The log grows on, until the disk is full and a commit says so.
        log.warning("The log of the database cannot be moved to its place: %s", fault)
        return 0
    return int(pages)
