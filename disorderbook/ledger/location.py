"""Where a ledger is on the disk: its file, those beside it, and why a file cannot be a ledger.

The rule: a file that is refused stays as it was, and why is one sentence (`Unusable`). A new file
has its name only when all of it is there.
"""

import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from disorderbook.ledger.tables import (
    APPLICATION_ID,
    APPLICATION_ID_0_1,
    FAULTS,
    SCHEMA_VERSION,
    Damaged,
    is_busy,
)

OLDEST_SQLITE = (3, 33, 0)  # the first with UPDATE ... FROM, and the name sqlite_schema
SIGNATURE = b"SQLite format 3\0"  # how a database begins
HEADER_SIZE = 100
_PAGE_SIZE = 16  # place in the header of two bytes
_WRITE_VERSION = 18  # place in the header of what is 2 in WAL mode, where there may be a log
ENDS = ("", "-wal", "-shm", "-journal")  # of the names of what belongs to a database
NEW = "-new"  # ends the name of a file until all of it is there
_ENDS_OF_LEDGER = (*ENDS, "-lock", NEW)
_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_NOT_THE_FILES_FAULT = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
}
MODE = 0o666  # of a new file, before the process's umask
PRIVATE = 0o600  # where only its owner may read it


class Unusable(Exception):
    """The file cannot serve as a ledger, and is as it was; says why in one sentence."""


class InUse(Unusable):
    """Another exchange has it."""


class CannotUse(Unusable):
    """The system or somebody else is in the way, and the file may be all right."""


class Busy(CannotUse):
    """Another program has locked it."""


@contextmanager
def in_words(file: Path) -> Iterator[None]:
    """Raise Unusable for whatever SQLite, the system or a checksum has to say against a file."""
    try:
        yield
    except OSError as error:
        raise CannotUse(f"{file} cannot be used: {error.strerror}") from None
    except Damaged as error:
        raise Unusable(f"{file} is damaged: {error}") from None
    except FAULTS as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
        if is_busy(error):
            raise Busy(f"{file} cannot be used: another program is using it ({error})") from None
        if code & 0xFF in _NOT_THE_FILES_FAULT:  # the lowest byte says what kind it is
            raise CannotUse(f"{file} cannot be used: {error}") from None
        raise Unusable(f"{file} is damaged: {error}") from None


def check_sqlite(file: Path) -> None:
    """Raise CannotUse for a file of this Python, whose SQLite is too old to bring it up to date."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        raise CannotUse(
            f"{file} cannot be used: this Python has SQLite {sqlite3.sqlite_version}, and a market "
            f"in a file needs {oldest} or newer"
        )


def located(path: str) -> Path:
    """The file that a path leads to, which need not be there; raises Unusable for anything but a
    file, and so for what would stand in the way of the files beside it. Opens nothing.
    """
    if path == ":memory:":
        raise Unusable(":memory: is no file; without a database the market is in memory")
    try:
        file = Path(path).resolve()
    except (OSError, ValueError, RuntimeError) as error:  # a loop of links, or a NUL in the name
        raise Unusable(f"{path!r} cannot be used: {error}") from None
    with in_words(file):
        for end in _ENDS_OF_LEDGER:
            _check_is_file(file.with_name(f"{file.name}{end}"))
    return file


def _check_is_file(file: Path) -> None:
    with suppress(FileNotFoundError):
        kind = stat.S_IFMT(os.stat(file).st_mode)
        if kind != stat.S_IFREG:
            raise Unusable(f"{file} cannot be used: it is {_KINDS.get(kind, 'no file')}")


def check_there_is_no_log(file: Path) -> None:
    """Raise Unusable if a file is missing whose log is there: SQLite would remove that."""
    log = file.with_name(f"{file.name}-wal")
    with in_words(file):
        if log.exists() and log.stat().st_size:
            raise Unusable(f"{file} is missing, but the log of its last changes is in {log}")


def check_beginning(file: Path, beginning: bytes) -> None:
    """Raise Unusable where it is plain without SQLite that this is no ledger.

    SQLite would take an empty file for a new database.
    """
    if not beginning:
        raise Unusable(f"{file} is empty, which no ledger is; remove it to begin a new market")
    if beginning[: len(SIGNATURE)] != SIGNATURE:
        raise Unusable(f"{file} is no database")


def page_size(beginning: bytes) -> int:
    """Bytes of a page, as the header of a database says."""
    size = int.from_bytes(beginning[_PAGE_SIZE : _PAGE_SIZE + 2], "big")
    return 65536 if size == 1 else size


def check_name_of_log(file: Path, beginning: bytes, names: int) -> None:
    """Raise Unusable where the log may be beside another name of the file (a hard link)."""
    is_in_wal_mode = beginning[_WRITE_VERSION:][:1] == b"\2"
    if names > 1 and is_in_wal_mode and not file.with_name(f"{file.name}-wal").exists():
        raise Unusable(
            f"{file} has another name (a hard link), and its log may be beside that; "
            "use that name, or remove it"
        )


def checked_version(connection: sqlite3.Connection, file: Path) -> int:
    """The version of a ledger's schema; raises Unusable for a newer one, or what is no ledger."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application == APPLICATION_ID_0_1:
        raise Unusable(
            f"{file} was written by disorderBook 0.1; `disorderbook upgrade {file} NEW` writes its "
            "market to a new file for this version"
        )
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


def beside(file: Path, end: str) -> Path:
    """The file that SQLite or we put beside a database, such as its log ("-wal")."""
    return file.with_name(file.name + end)


@contextmanager
def unborn(target: Path, mode: int) -> Iterator[Path]:
    """An empty file beside the target, to be renamed; gone afterwards if it was not.

    `mode` is its permissions before the process's umask. Raises OSError, as where it is there.
    """
    file = target.with_name(f"{target.name}{NEW}")
    os.close(os.open(file, os.O_CREAT | os.O_EXCL, mode))
    try:
        yield file
    finally:
        for end in ENDS:
            Path(f"{file}{end}").unlink(missing_ok=True)


@contextmanager
def replacements(folder: str, names: Sequence[str], mode: int) -> Iterator[list[Path]]:
    """Files to be written in the place of those of these names in a folder, which is made if need
    be. All of them take the names after the block, and none does if that fails.

    Those that replace nothing have `mode`, before the process's umask, as their permissions, and
    the others those of what they replace. Raises Unusable for what is no file, and OSError.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    with ExitStack() as unfinished:
        written = {}
        for name in names:
            target = located(os.path.join(folder, name))
            target.with_name(f"{target.name}{NEW}").unlink(missing_ok=True)  # a kill has left it
            written[target] = unfinished.enter_context(unborn(target, mode))
        yield list(written.values())
        for target, new in written.items():
            if target.exists():
                shutil.copymode(target, new)
            new.replace(target)


def keep_names(folder: Path) -> None:
    """Have the disk know which files are in a folder."""
    with suppress(OSError):  # not every system lets a folder be opened
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
