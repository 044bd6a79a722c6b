"""Moves what the log holds to its place in the database, beside the exchange's turns."""

import logging
import sqlite3
import threading
from pathlib import Path

from disorderbook.ledger.rows import FAULTS
from disorderbook.threads import join

ROWS_BETWEEN = 30_000  # commits write the same pages again and again; each is moved but once
BUSY_MILLISECONDS = 50  # that anything waits for another program that uses the file
LONG_LOG = 131_072  # pages that the log may hold before it must begin anew; a row is about one

log = logging.getLogger(__name__)


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
        """Take note of a commit by this connection, and let the log begin anew if it is too long.
        """
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
