"""Keeps a file for one exchange, whatever it is called.

The rule: nothing of a file is opened by SQLite before its lock is held here. `FileLock` also
notices when the file that was opened has been replaced.

A process loses its POSIX locks on a file when it closes any descriptor of that file (fcntl(2)), and
SQLite's own are of that kind. Whoever reads the database next, from another process, then believes
to be the last one with it, and removes the log that is in use. So a second opening in this process
is refused before it opens anything; and where the system has locks that belong to a descriptor
(Linux: F_OFD_SETLK), one of ours holds what SQLite's readers hold, and cannot be lost so.

There are three locks. A byte of the file itself, far behind its end, says that an exchange has it:
a lock belongs to what the file is, so links and mounts make no difference. A database beside it,
`-lock`, is for the name, as long as there is no file yet, for older versions of this program, and
for systems without fcntl. A table in memory is for this process.
"""

import os
import sqlite3
import struct
import sys
import threading
from contextlib import suppress
from pathlib import Path

from disorderbook.ledger.location import MODE, PRIVATE, InUse, beside, in_words

try:
    import fcntl
except ImportError:  # Windows: the name and this process are what is left to lock
    HAS_LOCKS = OF_DESCRIPTORS = False
else:
    HAS_LOCKS = True
    OF_DESCRIPTORS = sys.platform == "linux" and hasattr(fcntl, "F_OFD_SETLK")

Region = tuple[int, int]  # of a file: its first byte, and how many
OURS: Region = (1 << 62, 1)  # far from what a database may have, and from SQLite's locks
READERS: Region = ((1 << 30) + 2, 510)  # of a database: SQLite's SHARED lock (os.h)
SHARERS: Region = (128, 1)  # of a -shm file: held while it is open ("WAL-mode file format", 2.3)
EVERYTHING: Region = (0, 0)

Identity = tuple[int, int]  # what a file is: its device and its number there
_mutex = threading.Lock()
_held: dict[Identity, "FileLock"] = {}
_inherited: set[Identity] = set()  # held by the process that this one was forked from
_parked: dict[tuple[Identity, int], int] = {}  # descriptors that are not to be closed, by flags


class FileLock:
    """A file that no other exchange has, until it is closed; raises InUse or OSError.

    Without `exclusive` others may read it, with a lock of the same kind, and it need not be
    writable.
    """

    def __init__(self, file: Path, exclusive: bool = True) -> None:
        self.file = file
        self.is_inherited = False  # by a fork: then it is the parent's, and closing does nothing
        self._flags = (os.O_RDWR if exclusive else os.O_RDONLY) | getattr(os, "O_BINARY", 0)
        self._name: sqlite3.Connection | None = None
        self._shared: int | None = None  # descriptor of the -shm file
        self._seen: dict[Path, Identity] = {}
        with _mutex:
            self._identity = _identity(file)
            if self._identity in _held:
                raise _in_use(file)
            if self._identity in _inherited:
                raise InUse(f"{file} was in use when this process was forked; start another one")
            self._descriptor = _open(file, self._flags)
            if not _lock(self._descriptor, OURS, exclusive):
                _close(self._descriptor, self._identity, self._flags, READERS)
                raise _in_use(file)
            _held[self._identity] = self

    def named(self, file: Path, name: sqlite3.Connection) -> "FileLock":
        """This lock, which from now on holds the name, too: `name` is what `lock_name` gave, and
        `file` what the file is called by now.
        """
        self.file, self._name = file, name
        return self

    def beginning(self, size: int) -> bytes:
        """The first bytes of the file, without opening it."""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        return os.read(self._descriptor, size)

    @property
    def names(self) -> int:
        """How many names the file has: hard links."""
        return os.fstat(self._descriptor).st_nlink

    def is_open_elsewhere(self) -> bool:
        """Whether SQLite has the file open, before it does so for us; False where none can tell."""
        return OF_DESCRIPTORS and _is_locked(self._descriptor, READERS)

    def protect(self) -> None:
        """Once SQLite has the file in WAL mode: keep others from taking its log away, and
        remember which files these are; raises InUse.
        """
        if not OF_DESCRIPTORS and not _lock(self._descriptor, OURS, exclusive=True):
            raise _in_use(self.file)  # lost, and taken, when SQLite closed a descriptor
        names = [self.file, *(beside(self.file, end) for end in ("-wal", "-shm"))]
        self._seen = {name: _identity(name) for name in names}
        if OF_DESCRIPTORS:
            self._shared = _open(names[-1], os.O_RDONLY)
            _lock(self._shared, SHARERS, exclusive=False)
            _lock(self._descriptor, READERS, exclusive=False)

    def release_log(self) -> None:
        """Let SQLite, and nobody but it, take the log away: for the end."""
        if OF_DESCRIPTORS:
            _unlock(self._descriptor, READERS)

    def stray(self) -> Path | None:
        """The first of the database, its log and its -shm that is not the file any more that was
        opened, but gone or another one; None while all is well.
        """
        for name, identity in self._seen.items():
            try:
                if _identity(name) != identity:
                    return name
            except OSError:
                return name
        return None

    def close(self) -> None:
        """Let others have the file; for when SQLite has closed it."""
        with _mutex:
            if self.is_inherited or _held.get(self._identity) is not self:
                return
            if self._shared is not None:
                _close(self._shared, self._seen[beside(self.file, "-shm")], os.O_RDONLY, SHARERS)
            _close(self._descriptor, self._identity, self._flags, READERS)
            del _held[self._identity]
        if self._name is not None:
            self._name.close()

    def leave_to_parent(self) -> None:
        """In a process that was forked. What its descriptors lock stays locked by the parent's."""
        self.is_inherited = True
        for descriptor in filter(None, (self._descriptor, self._shared)):
            os.close(descriptor)


def make(file: Path, private: bool) -> None:
    """Make an empty file, unless it is there; `private` ones are for their owner only."""
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL, PRIVATE if private else MODE))


def lock_name(file: Path, private: bool = False) -> sqlite3.Connection:
    """Something that only one process can have by a file's name, until it is closed; raises InUse
    or Unusable.

    It is SQLite's lock of another database, which is empty.
    """
    with in_words(file):
        make(beside(file, "-lock"), private)
        lock = sqlite3.connect(
            beside(file, "-lock"), timeout=0, isolation_level=None, check_same_thread=False
        )
        try:
            lock.execute("PRAGMA journal_mode = MEMORY")  # or there would be one more file
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            lock.close()
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise _in_use(file) from None
            raise
    return lock


def _in_use(file: Path) -> InUse:
    return InUse(f"{file} is in use by another exchange")


def _identity(file: Path) -> Identity:
    status = os.stat(file)
    return status.st_dev, status.st_ino


def _open(file: Path, flags: int) -> int:
    parked = _parked.pop((_identity(file), flags), None)
    return os.open(file, flags) if parked is None else parked


def _close(descriptor: int, identity: Identity, flags: int, region: Region) -> None:
    """Unlock and close a descriptor, or put it aside for good while somebody has SQLite's lock.

    That may be another connection of this process, such as a notebook's, which would lose it.
    """
    if HAS_LOCKS:
        _unlock(descriptor, EVERYTHING)
    if OF_DESCRIPTORS and _is_locked(descriptor, region):
        _parked[identity, flags] = descriptor
    else:
        os.close(descriptor)


def _lock(descriptor: int, region: Region, exclusive: bool) -> bool:
    """Lock some bytes unless somebody else has them; returns whether that was possible."""
    if not HAS_LOCKS:
        return True
    start, length = region
    try:
        if OF_DESCRIPTORS:
            kind = fcntl.F_WRLCK if exclusive else fcntl.F_RDLCK
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _flock(kind, region))
        else:
            how = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
            fcntl.lockf(descriptor, how | fcntl.LOCK_NB, length, start)
    except (BlockingIOError, PermissionError):  # EAGAIN or EACCES, as the system likes
        return False
    return True


def _unlock(descriptor: int, region: Region) -> None:
    if OF_DESCRIPTORS:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _flock(fcntl.F_UNLCK, region))
    else:
        fcntl.lockf(descriptor, fcntl.LOCK_UN, region[1], region[0])


def _is_locked(descriptor: int, region: Region) -> bool:
    """Whether anybody but this descriptor has a lock there."""
    answer = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, _flock(fcntl.F_WRLCK, region))
    return bool(struct.unpack_from("h", answer)[0] != fcntl.F_UNLCK)


def _flock(kind: int, region: Region) -> bytes:
    """Linux's struct flock: type, whence, start, length, and a process, which must be 0."""
    return struct.pack("hhqqi4x", kind, os.SEEK_SET, *region, 0)


def _leave_to_parent() -> None:
    """In a child of a fork: SQLite here still believes to have the parent's locks."""
    global _mutex
    _mutex = threading.Lock()
    for lock in _held.values():
        lock.leave_to_parent()
    for descriptor in _parked.values():
        os.close(descriptor)
    _inherited.update(_held)
    _held.clear()
    _parked.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)
