"""What a durable ledger does beside the exchange's lock: it syncs its log, and checkpoints it.

A commit puts pages into the log (`-wal`). `LogSync` has the disk take them once a second, where
commits do not wait for the disk themselves. `Checkpoints` moves them to their places in the
database, so that the log does not grow without end. The rule: both work with a descriptor or a
connection of their own, so that no order waits for a disk.
"""

import logging
import os
import sqlite3
import threading
from pathlib import Path

from disorderbook.ledger.tables import FAULTS
from disorderbook.process.periodic import Periodic, join

SYNC_SECONDS = 1.0  # so a power cut takes little more than what this time has brought
BUSY_MILLISECONDS = 50  # that anything waits for another program that uses the file
ROWS_BETWEEN = 30_000  # commits write the same pages again and again; each is moved but once
LONG_LOG = 131_072  # pages that the log may hold before it must begin anew; a row is about one

log = logging.getLogger(__name__)


class LogSync:
    """Syncs a file each second if `note_write` was called since the last time, until `stop`.

    It keeps one descriptor from beginning to end: a process that closes any descriptor of a
    database drops the locks that SQLite has of it there.
    """

    def __init__(self, file: Path) -> None:
        """Raises OSError."""
        self.has_failed = False  # then nobody knows any more what the disk holds
        self._file = file
        self._descriptor = os.open(file, os.O_RDWR)
        self._is_due = False
        self._job = Periodic("log-sync", SYNC_SECONDS, self.sync)
        self._job.start()

    def note_write(self) -> None:
        """Have the next sync do something."""
        self._is_due = True

    def sync(self) -> None:
        """Wait until the disk has all that was written, if anything was since the last time."""
        if not self._is_due or self.has_failed:
            return
        self._is_due = False  # before, for what is written meanwhile
        try:
            sync_data(self._descriptor)
        except OSError as error:
            log.error("The disk has not taken what was written to %s: %s", self._file, error)
            self.has_failed = True

    def stop(self) -> None:
        """Sync for the last time."""
        self._job.stop()
        self.sync()
        os.close(self._descriptor)


def sync_data(descriptor: int) -> None:
    """As `os.fdatasync`, which not every system has; raises OSError."""
    getattr(os, "fdatasync", os.fsync)(descriptor)


class Checkpoints(threading.Thread):
    """Checkpoints a database each time that `count` has counted ROWS_BETWEEN rows, until `stop`.

    The exchange writes on meanwhile. So the log always holds some pages that are not in the
    database yet, and never begins anew by itself. Once it is too long, `count` does the little
    that is left, in the thread that writes.
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
        """End the thread, after the checkpoint that it is at."""
        self._is_stopped = True
        self._is_due.set()
        join(self)


def _checkpoint(connection: sqlite3.Connection) -> int:
    """Move what no reader holds back; returns how many pages the log has."""
    try:
        _, pages, _ = connection.execute("PRAGMA wal_checkpoint").fetchone()
    except FAULTS as error:
        # Nothing is lost. The log grows on, until the disk is full and a commit says so.
        log.warning("The log of the database cannot be moved to its place: %s", error)
        return 0
    return int(pages)
