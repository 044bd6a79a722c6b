"""The log of a market (`-wal`): synced and checkpointed while it grows, and examined after a kill.

A commit puts pages into the log. `LogSync` has the disk take them once a second, where commits do
not wait for the disk themselves. `Checkpoints` moves them to their places in the database, so that
the log does not grow without end. The rule: both work with a descriptor or a connection of their
own, beside the exchange's lock, so that no order waits for a disk.

`read_log` tells damage in a log from its end. A log is a header and frames, each a page with a
header of its own ("Database File Format", 4.1 to 4.3). A frame's checksum goes on from that of the
frame before it, and its two salts are the header's; when the log begins anew the salts change, and
frames of older salts are left behind the new ones. SQLite takes what stands before the first frame
that is not right, up to the last commit, and does not say that anything is behind it. A process
that was killed leaves nothing there that was committed: frames of these salts, a commit among them,
behind a broken one mean damage.
"""

import errno
import logging
import os
import shutil
import sqlite3
import struct
import threading
from collections.abc import Iterator
from itertools import count, pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

from disorderbook.ledger.location import beside
from disorderbook.ledger.tables import FAULTS
from disorderbook.process.periodic import Periodic, join

SYNC_SECONDS = 1.0  # so a power cut takes little more than what this time has brought
BUSY_MILLISECONDS = 50  # that anything waits for another program that uses the file
ROWS_BETWEEN = 30_000  # commits write the same pages again and again; each is moved but once
LONG_LOG = 131_072  # pages that the log may hold before it must begin anew; a row is about one

MAGIC = {0x377F0682: "<", 0x377F0683: ">"}  # and in which order bytes make a word of a checksum
VERSION = 3007000

_HEADER = struct.Struct(">8I")  # magic, version, page size, sequence, salts, checksum
_FRAME = struct.Struct(">6I")  # page, size of the database after a commit (else 0), salts, checksum
_UNSUMMED = 8  # bytes of the header that are not in its own checksum: that itself
_SUMMED = 8  # bytes of a frame's header that are in its checksum

Pair = tuple[int, int]

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


class Log(NamedTuple):
    """What is in a log, as far as it can be told."""

    frames: int  # whole ones
    intact: int  # before the first that is not right
    end: int  # of the last commit before that; bytes
    lost: int  # commits of the same salts behind it


class _Frame(NamedTuple):
    is_commit: bool
    salts: Pair
    checksum: Pair


def read_log(file: Path, page_size: int) -> Log:
    """The log of a database whose pages have this size; raises OSError."""
    path = beside(file, "-wal")
    if not path.exists() or path.stat().st_size < _HEADER.size:
        return Log(0, 0, 0, 0)
    with path.open("rb") as opened:
        return _examine(_Content(opened, path.stat().st_size), page_size)


class _Content:
    """Bytes of a log. Not a mapping of it: that kills who reads what another program (which may
    have the database open) has just cut off.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.size = size
        self._file = file

    def read(self, start: int, size: int) -> bytes:
        """Raises OSError if they are not there any more."""
        self._file.seek(start)
        content = self._file.read(size)
        if len(content) < size:
            raise OSError(errno.EBUSY, "another program has cut its log off meanwhile")
        return content


def _examine(content: _Content, page_size: int) -> Log:
    header = content.read(0, _HEADER.size)
    magic, version, size, _, *salts_and_checksum = _HEADER.unpack(header)
    salts, checksum = _halves(salts_and_checksum)
    order = MAGIC.get(magic)
    is_right = (
        order and version == VERSION and checksum == _checksum(order, header[:-_UNSUMMED], (0, 0))
    )
    frames = list(_frames(content, size if is_right else page_size))
    if not order or not is_right:
        salts = _first_salts(frames)
        return Log(len(frames), 0, 0, _commits(frames, salts))
    intact = end = 0
    for number, frame in enumerate(frames):
        start = _HEADER.size + number * (_FRAME.size + size)
        whole = content.read(start, _FRAME.size + size)
        checksum = _checksum(order, whole[:_SUMMED], checksum)
        checksum = _checksum(order, whole[_FRAME.size :], checksum)
        if frame.salts != salts or frame.checksum != checksum:
            break
        intact = number + 1
        if frame.is_commit:
            end = start + len(whole)
    return Log(len(frames), intact, end, _commits(frames[intact + 1 :], salts))


def _frames(content: _Content, page_size: int) -> Iterator[_Frame]:
    step = _FRAME.size + page_size
    for start in range(_HEADER.size, content.size - step + 1, step):
        _, database_size, *salts_and_checksum = _FRAME.unpack(content.read(start, _FRAME.size))
        yield _Frame(database_size > 0, *_halves(salts_and_checksum))


def _commits(frames: list[_Frame], salts: Pair) -> int:
    return sum(frame.is_commit and frame.salts == salts for frame in frames)


def _first_salts(frames: list[_Frame]) -> Pair:
    """What the header's were. The newest frames are the first; one of them may be damaged."""
    for frame, following in pairwise(frames):
        if frame.salts == following.salts:
            return frame.salts
    return frames[0].salts if frames else (0, 0)


def _halves(words: list[int]) -> tuple[Pair, Pair]:
    return (words[0], words[1]), (words[2], words[3])


def _checksum(order: str, content: bytes, before: Pair) -> Pair:
    first, second = before
    for even, odd in struct.iter_unpack(f"{order}II", content):
        first = first + even + second & 0xFFFFFFFF
        second = second + odd + first & 0xFFFFFFFF
    return first, second


def cut_off(file: Path, end: int) -> Path:
    """Shorten the log of a database that nobody has open to so many bytes; returns a copy of it as
    it was, which the disk has. Raises OSError.
    """
    path = beside(file, "-wal")
    copy = _copy(path)
    os.truncate(path, end)
    return copy


def _copy(path: Path) -> Path:
    names = (beside(path, f"-damaged-{number}") for number in count(1))
    copy = next(name for name in names if not name.exists())
    # For its owner only until it has the log's own permissions.
    descriptor = os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with open(descriptor, "wb") as target, path.open("rb") as source:
            shutil.copyfileobj(source, target)
            target.flush()
            os.fsync(descriptor)
        shutil.copymode(path, copy)
    except BaseException:
        copy.unlink()  # a part of it would be taken for the whole
        raise
    return copy
