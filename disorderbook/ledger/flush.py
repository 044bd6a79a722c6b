"""Has the disk take what was written to a file, once a second and beside the exchange's lock.

Without it a power cut could take all that was written since the system last thought of it.
"""

import logging
import os
import threading
from pathlib import Path

from disorderbook.threads import join

FLUSH_SECONDS = 1.0  # so what a power cut can take is not much older

log = logging.getLogger(__name__)


class Flush(threading.Thread):
    """Flushes a file in each second after which `note_write` was called, until `stop`.

    It has a descriptor of its own from the beginning to the end: who closes one of a database
    drops the locks that SQLite has of it in this process.
    """

    def __init__(self, file: Path) -> None:
        """Raises OSError."""
        super().__init__(name="flush", daemon=True)
        self.has_failed = False  # then what the disk holds is not known any more
        self._file = file
        self._descriptor = os.open(file, os.O_RDWR)
        self._is_due = False
        self._is_over = threading.Event()
        self.start()

    def run(self) -> None:
        while not self._is_over.wait(FLUSH_SECONDS):
            self.flush()

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
        self._is_over.set()
        join(self)
        self.flush()
        os.close(self._descriptor)


def sync_data(descriptor: int) -> None:
    """As `os.fdatasync`, which not every system has; raises OSError."""
    getattr(os, "fdatasync", os.fsync)(descriptor)
