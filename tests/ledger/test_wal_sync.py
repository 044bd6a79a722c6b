"""Without --sync the disk has each order after a second; the exchange does not wait for it."""

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from durable_market import Stoppable, play, sell, state

from disorderbook.errors import CannotWrite
from disorderbook.ledger import wal
from disorderbook.ledger.file import open_ledger
from disorderbook.ledger.wal import LogSync

PATIENCE = 20.0  # seconds
NEVER = 1e6  # seconds


class Disk:
    """Counts what it is asked to take, and by which threads; `has_taken` is released for each."""

    def __init__(self) -> None:
        self.inodes: list[int] = []
        self.threads: set[str] = set()
        self.has_taken = threading.Semaphore(0)
        self.fault: OSError | None = None

    def sync_data(self, descriptor: int) -> None:
        self.inodes.append(os.fstat(descriptor).st_ino)
        self.threads.add(threading.current_thread().name)
        self.has_taken.release()
        if self.fault is not None:
            raise self.fault


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(wal, "sync_data", disk.sync_data)
    return disk


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread does nothing by itself."""
    monkeypatch.setattr(wal, "SYNC_SECONDS", NEVER)


def test_it_is_a_second() -> None:
    assert wal.SYNC_SECONDS == 1.0
    page = (Path(__file__).parent.parent.parent / "docs" / "database.md").read_text()
    assert "once a second" in page


def test_what_is_written_reaches_the_disk_by_itself_and_off_the_loop(
    tmp_path: Path,
    disk: Disk,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wal, "SYNC_SECONDS", 0.01)
    market = Stoppable(tmp_path / "market.db")
    log = (tmp_path / "market.db-wal").stat().st_ino
    for _ in range(3):
        play(market.exchange, (("V", "S"), sell(9)))
        assert disk.has_taken.acquire(timeout=PATIENCE)
    assert set(disk.inodes) == {log} and disk.threads == {"log-sync"}
    market.exchange.close()


def test_many_commits_share_a_sync_and_none_is_made_for_nothing(
    tmp_path: Path,
    disk: Disk,
    by_hand: None,
) -> None:
    market = Stoppable(tmp_path / "market.db")
    log_sync: LogSync = market.exchange._ledger._log_sync
    log_sync.sync()
    assert len(disk.inodes) == 0
    for count in (1, 2):
        for _ in range(50):
            play(market.exchange, (("V", "S"), sell(9)))
        assert len(disk.inodes) == count - 1
        log_sync.sync()
        log_sync.sync()
        assert len(disk.inodes) == count
    market.exchange.commit()
    log_sync.sync()
    assert len(disk.inodes) == 2
    market.flush()  # into the tables, which is a write
    log_sync.sync()
    assert len(disk.inodes) == 3
    market.exchange.close()


def test_the_end_leaves_nothing_to_be_synced(tmp_path: Path, disk: Disk, by_hand: None) -> None:
    before = {*threading.enumerate()}
    market = Stoppable(tmp_path / "market.db")
    play(market.exchange, (("V", "S"), sell(9)))
    descriptor = market.exchange._ledger._log_sync._descriptor
    market.exchange.close()
    assert len(disk.inodes) == 1
    assert not any(thread.name == "log-sync" for thread in {*threading.enumerate()} - before)
    with pytest.raises(OSError):
        os.fstat(descriptor)


def test_with_sync_each_commit_does_it_and_nobody_else(tmp_path: Path) -> None:
    ledger, _ = open_ledger(str(tmp_path / "market.db"), sync=True)
    assert ledger._log_sync is None
    ledger.close()


def test_a_disk_that_takes_nothing_is_a_failed_write(
    tmp_path: Path,
    disk: Disk,
    by_hand: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    market = Stoppable(tmp_path / "market.db")
    play(market.exchange, (("V", "S"), sell(9)))
    before = state(market.exchange)
    disk.fault = OSError(errno.EIO, "Input/output error")
    market.exchange._ledger._log_sync.sync()
    acts: list[Callable[[], None]] = [
        lambda: play(market.exchange, (("V", "S"), sell(9))),
        lambda: play(market.exchange, (("V", "S"), 0)),
    ]
    for act in acts:
        with pytest.raises(CannotWrite):
            act()
    assert state(market.exchange) == before
    assert caplog.text.count("has not taken") == caplog.text.count("does not reach the disk") == 1
    disk.fault = None
    market.stop()
    play(market.exchange, (("V", "S"), sell(9)))
    market.exchange.close()


def test_other_systems_have_fsync_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.delattr(os, "fdatasync", raising=False)
    monkeypatch.setattr(os, "fsync", synced.append)
    wal.sync_data(7)
    assert synced == [7]
