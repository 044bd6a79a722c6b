"""Opens the file of a durable market, and makes it where there is none.

The rule: a file is locked first, then its log is examined, its tables are migrated and the whole
market is read; if anything is wrong the file is refused in a sentence and stays as it was.
"""

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from disorderbook.ledger.archive import CLOSED_ORDERS_IN_MEMORY, Market, load_market, read_summary
from disorderbook.ledger.durable import DurableLedger
from disorderbook.ledger.location import (
    HEADER_SIZE,
    MODE,
    NEW,
    PRIVATE,
    Busy,
    CannotUse,
    InUse,
    Unusable,
    beside,
    check_beginning,
    check_name_of_log,
    check_sqlite,
    check_there_is_no_log,
    checked_version,
    in_words,
    keep_names,
    located,
    page_size,
    unborn,
)
from disorderbook.ledger.lock import FileLock, lock_name
from disorderbook.ledger.tables import (
    APPLICATION_ID,
    SCHEMA_VERSION,
    Summary,
    create_tables,
    migrate,
    write_summary,
)
from disorderbook.ledger.trades import load_pasts
from disorderbook.ledger.wal import Checkpoints, Log, LogSync, cut_off, read_log
from disorderbook.protocol.shard import Shard

BUSY_SECONDS = 2.0  # to wait for somebody else who writes to the file
CACHE_KIBIBYTES = 16384
LOOKS_FOR_LOG = 40  # of an exchange that starts or ends
BETWEEN_LOOKS = 0.05  # seconds
PAGE_BYTES = 1024  # an order touches a few bytes of several pages, and each is written whole
Check = Callable[[sqlite3.Connection, Path], int]
"""Gives the version of the file that a connection reads; raises Unusable or Damaged."""

log = logging.getLogger(__name__)


def open_ledger(
    path: str,
    sync: bool = False,
    bound: int = CLOSED_ORDERS_IN_MEMORY,
    drop_damaged_log: bool = False,
    private: bool = False,
    shard: Shard | None = None,
    any_shard: bool = False,
) -> tuple[DurableLedger, Market]:
    """The ledger in a file, made now if there is none, and the market in it; raises Unusable.

    With `sync` each commit waits until the disk has it. Closed orders beyond `bound` are not kept
    in memory. The tables get what was still in the journal. With `drop_damaged_log` commits behind
    damage in the log are left out, and a copy of the log is kept. With `private` new files are for
    their owner only. `shard` is which of several exchanges the file belongs to, from now on; with
    `any_shard` it may be that of any, and stays it.
    """
    file = located(path)
    lock = _lock(file, private)
    try:
        with _whole_log(file, lock, drop_damaged_log):
            _roll_back(file)
            if not any_shard:
                _check_shard(file, shard)
            return _open(file, lock, sync, bound, shard)
    except BaseException:
        lock.close()
        raise


def _open(
    file: Path, lock: FileLock, sync: bool, bound: int, shard: Shard | None
) -> tuple[DurableLedger, Market]:
    _bring_up_to_date(file)
    with closing(open_for_reading(file)) as reader, in_words(file):
        market = load_market(reader)
        market = market._replace(pasts=load_pasts(reader, market))
    connection = _connect(file, sync)
    with in_words(file):
        _write_shard(connection, shard)
        lock.protect()
    log_sync = None if sync else _sync_log(file)
    return DurableLedger(connection, lock, Checkpoints(file), market, bound, log_sync), market


@contextmanager
def _whole_log(file: Path, lock: FileLock, drop_damage: bool) -> Iterator[None]:
    """While a file is opened. Raises Unusable if the log is damaged, unless its end may be dropped:
    it has that again if the file cannot be opened all the same.
    """
    damage = _damage(file, lock)
    if damage is None:
        yield
        return
    if not drop_damage:
        raise _damaged_log(file, damage)
    if lock.is_open_elsewhere():
        raise CannotUse(f"{file} is open in another program; close that to drop its damaged log")
    with in_words(file):
        copy = cut_off(file, damage.end)
    try:
        yield
    except BaseException:
        copy.replace(beside(file, "-wal"))
        raise
    keep_names(file.parent)
    log.warning(
        "%d commits were dropped with a damaged log, a copy of which is %s", damage.lost, copy
    )


def _damage(file: Path, lock: FileLock) -> Log | None:
    """What is in the log, if commits stand behind damage there; raises Unusable."""
    with in_words(file):
        found = read_log(file, page_size(lock.beginning(HEADER_SIZE)))
    return found if found.lost else None


def _damaged_log(file: Path, found: Log) -> Unusable:
    place = f"frame {found.intact + 1} of {found.frames}"
    return Unusable(
        f"{beside(file, '-wal')} is damaged: {found.lost} commits stand behind {place}, which is "
        "not right; --drop-damaged-log goes on without them and keeps a copy of the log"
    )


def _lock(file: Path, private: bool) -> FileLock:
    """A ledger's file before SQLite has anything to do with it, made now if there is none."""
    check_sqlite(file)
    with in_words(file):
        if not file.exists():
            check_there_is_no_log(file)
            return _create(file, private)
        lock = FileLock(file)
    try:
        _check_header(file, lock)
        return lock.named(file, lock_name(file, private))
    except BaseException:
        lock.close()
        raise


@contextmanager
def locked_for_reading(file: Path) -> Iterator[bool]:
    """Keep exchanges from a file that is not in use; raises Unusable for what is no ledger.

    Gives whether an exchange is using it: then nothing of it was opened.
    """
    check_sqlite(file)
    lock = _lock_for_reading(file)
    if lock is None:
        yield True
        return
    with closing(lock):
        _check_header(file, lock)
        damage = _damage(file, lock)
        if damage is not None:
            raise _damaged_log(file, damage)
        _roll_back(file)
        yield False


def _lock_for_reading(file: Path) -> FileLock | None:
    """A lock that keeps exchanges from a file, None if one is using it. While one starts or ends
    its log need not be there; raises InUse if it does not come: it is beside another name.
    """
    for _ in range(LOOKS_FOR_LOG):
        with in_words(file), suppress(InUse):
            return FileLock(file, exclusive=False)
        if beside(file, "-wal").exists():
            return None
        time.sleep(BETWEEN_LOOKS)
    raise InUse(f"{file} is in use by an exchange under another name; use that one")


def _check_header(file: Path, lock: FileLock) -> None:
    with in_words(file):
        beginning = lock.beginning(HEADER_SIZE)
    check_beginning(file, beginning)
    check_name_of_log(file, beginning, lock.names)


def open_for_reading(file: Path, at_rest: bool = False) -> sqlite3.Connection:
    """A connection that cannot write, to a ledger of this version; raises Unusable."""
    return open_read_only(file, at_rest, _this_version)


def open_read_only(file: Path, at_rest: bool, check: Check) -> sqlite3.Connection:
    """A connection that cannot write, to a file that passes a check; raises Unusable.

    `at_rest` says that no exchange is using the file, nor can begin to: then it is also read where
    it is still in WAL mode, and nobody may write the index of a log beside it.
    """
    try:
        return _look_into(file, check)[0]
    except Busy:
        raise  # it does change
    except CannotUse:
        if not at_rest or any(_has_content(beside(file, end)) for end in ("-wal", "-journal")):
            raise
        return _look_into(file, check, "&immutable=1")[0]


def _this_version(connection: sqlite3.Connection, file: Path) -> int:
    version = checked_version(connection, file)
    if version < SCHEMA_VERSION:
        raise Unusable(f"{file} is of an older version; start an exchange with it once")
    return version


def _has_content(file: Path) -> bool:
    return file.exists() and file.stat().st_size > 0


def _look_into(file: Path, check: Check, how: str = "") -> tuple[sqlite3.Connection, int]:
    """A connection that cannot write, and the version that a check of the file gives."""
    with in_words(file):
        connection = sqlite3.connect(
            f"{file.as_uri()}?mode=ro{how}",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
        )
        try:
            return connection, check(connection, file)
        except BaseException:
            connection.close()
            raise


def _create(file: Path, private: bool) -> FileLock:
    """A ledger without a market, whole and locked from the moment when it has its name."""
    name = lock_name(file, private)
    try:
        if file.exists():  # since just now
            raise InUse(f"{file} is in use by another exchange")
        with in_words(file):
            file.with_name(f"{file.name}{NEW}").unlink(missing_ok=True)  # a kill has left it
            with unborn(file, PRIVATE if private else MODE) as new:
                with closing(sqlite3.connect(new, isolation_level=None)) as connection:
                    write_empty_ledger(connection)
                lock = FileLock(new)
                new.replace(file)
    except BaseException:
        name.close()
        raise
    keep_names(file.parent)
    return lock.named(file, name)


def write_empty_ledger(connection: sqlite3.Connection) -> None:
    """Make an empty database a ledger without a market, in WAL mode; raises sqlite3.Error."""
    # Before anything that writes the file's header, or it would change nothing.
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN")
    create_tables(connection)
    write_summary(connection, Summary(SCHEMA_VERSION, 0, 0, 0))
    connection.execute("COMMIT")


def _roll_back(file: Path) -> None:
    """Undo what an exchange began and was killed in, outside of WAL mode: the step into that mode
    or out of it, or a migration. A connection that cannot write would refuse the file.
    """
    if file.with_name(f"{file.name}-journal").exists():
        with in_words(file), closing(_connection(file)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()


def _connection(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None)


def _bring_up_to_date(file: Path) -> None:
    """Run the migrations that an older ledger lacks, all of them or none if it is damaged."""
    reader, version = _look_into(file, checked_version)
    # While the reader is there, closing the other moves nothing from the log into the file.
    with closing(reader):
        if version == SCHEMA_VERSION:
            return
        with closing(_connection(file)) as connection, in_words(file):
            connection.execute("BEGIN IMMEDIATE")
            _migrate(connection, version)
            connection.execute("COMMIT")


def _check_shard(file: Path, shard: Shard | None) -> None:
    """Raise Unusable for a file whose levels a proxy would look for at another exchange."""
    with closing(_look_into(file, checked_version)[0]) as reader, in_words(file):
        stored = _stored_shard(reader)
        (levels,) = reader.execute("SELECT count(*) FROM instances").fetchone()
    if stored is not None and stored != shard:
        given = "none" if shard is None else f"--shard {shard}"
        raise Unusable(f"{file} is that of --shard {stored}, and {given} was given")
    if stored is None and shard is not None and levels:
        raise Unusable(
            f"{file} was used without --shard and has levels ({levels}), whose ids and venues do"
            f" not tell that they are of {shard}: stop them first"
        )


def _stored_shard(reader: sqlite3.Connection) -> Shard | None:
    """Which exchange a file belongs to. It stands in the file's header, where SQLite leaves a
    number to programs: tens for the exchange, units for how many there are; 0 for none.
    """
    (number,) = reader.execute("PRAGMA user_version").fetchone()
    return Shard(*divmod(number, 10)) if number else None


def _write_shard(connection: sqlite3.Connection, shard: Shard | None) -> None:
    if shard is not None and _stored_shard(connection) is None:
        connection.execute(f"PRAGMA user_version = {10 * shard.number + shard.total}")


def _sync_log(file: Path) -> LogSync:
    """What flushes the log, which is there since the connection has begun a transaction."""
    with in_words(file):
        log_sync = LogSync(file.with_name(f"{file.name}-wal"))
    keep_names(file.parent)  # as SQLite does when it syncs a new log for the first time
    return log_sync


def _migrate(connection: sqlite3.Connection, version: int) -> None:
    migrate(connection, version)
    write_summary(connection, read_summary(connection)._replace(schema_version=SCHEMA_VERSION))
    load_market(connection)


def _connect(file: Path, sync: bool) -> sqlite3.Connection:
    with in_words(file):
        connection = sqlite3.connect(
            file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {'FULL' if sync else 'NORMAL'}")
        connection.execute("PRAGMA wal_autocheckpoint = 0")  # a thread does it
        connection.execute("PRAGMA secure_delete = OFF")  # nothing here is ever deleted for good
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")
        # Rather now than with the first order: a file that is for reading only, for instance.
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE ledger SET books = books")
        connection.execute("ROLLBACK")
    return connection
