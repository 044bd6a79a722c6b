"""Moves what the log holds to its place in the database, beside the exchange's turns."""

import logging
import sqlite3
import threading
from pathlib import Path

from disorderbook.ledger.rows import FAULTS

SECONDS_BETWEEN = 0.5
LONG_LOG = 65_536  # pages that the log may hold before it must begin anew

log = logging.getLogger(__name__)


class Checkpoints(threading.Thread):
    """A thread with a connection of its own, until `stop`.

    It works while the exchange writes on. While orders keep coming the log therefore always holds
    some that are not in the database yet, and never begins anew: once it is too long, whoever
    writes has to do the little that is left (`finish`).
    """

    def __init__(self, file: Path) -> None:
        super().__init__(name="checkpoints", daemon=True)
        self._too_long = False
        self._file = file
        self._stopped = threading.Event()
        self.start()

    def run(self) -> None:
        connection = sqlite3.connect(self._file, isolation_level=None)
        while not self._stopped.wait(SECONDS_BETWEEN):
            self._too_long = _checkpoint(connection) > LONG_LOG
        connection.close()

    def finish(self, connection: sqlite3.Connection) -> None:
        """Let the log begin anew if it is too long; for whoever has just committed."""
        if self._too_long:
            self._too_long = False
            _checkpoint(connection)

    def stop(self) -> None:
        self._stopped.set()
        self.join()


def _checkpoint(connection: sqlite3.Connection) -> int:
    """Move what nobody holds back; returns how many pages the log has."""
    try:
        _, pages, _ = connection.execute("PRAGMA wal_checkpoint").fetchone()
    except FAULTS as fault:
        # Nothing is lost. The log grows on, until the disk is full and a commit says so.
        log.warning("The log of the database cannot be moved to its place: %s", fault)
        return 0
    return int(pages)
