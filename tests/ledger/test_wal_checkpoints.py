"""The log is moved into the database while the market runs, and begins anew."""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from durable_market import Stoppable, play, sell

from disorderbook.ledger import wal

MOST_TURNS = 20_000


def tables_without_the_log(file: Path) -> int:
    """How many orders are in the database itself; 0 while some of its pages are being moved."""
    connection = sqlite3.connect(f"{file.as_uri()}?immutable=1", uri=True)
    try:
        return int(connection.execute("SELECT count(*) FROM orders").fetchone()[0])
    except sqlite3.DatabaseError:
        return 0
    finally:
        connection.close()


def wait_for_orders_in_the_database(file: Path, count: int) -> None:
    moved = threading.Event()
    for _ in range(5000):
        if tables_without_the_log(file) == count:
            return
        moved.wait(0.002)
    raise AssertionError("they are in the log only")


@pytest.fixture(autouse=True)
def always_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wal, "ROWS_BETWEEN", 1)


def test_what_is_in_the_log_reaches_the_database_by_itself(tmp_path: Path) -> None:
    file = tmp_path / "market.db"
    market = Stoppable(file)
    play(market.exchange, (("V", "S"), sell(9)))
    market.flush()
    wait_for_orders_in_the_database(file, 1)
    market.exchange.close()


def test_the_log_begins_anew_while_orders_keep_coming(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wal, "LONG_LOG", 200)
    market = Stoppable(tmp_path / "market.db")
    play(market.exchange, (("V", "S"), sell(1)))
    log = tmp_path / "market.db-wal"
    first = beginnings(log)
    for _ in range(MOST_TURNS):
        play(market.exchange, (("V", "S"), sell(1)))
        if beginnings(log) > first:
            break
    assert beginnings(log) > first
    market.exchange.close()


def test_the_thread_that_writes_moves_what_a_reader_held_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the log begins anew with the next commit, and not before."""
    monkeypatch.setattr(wal, "LONG_LOG", 0)
    file, log = tmp_path / "market.db", tmp_path / "market.db-wal"
    writer = sqlite3.connect(file, isolation_level=None)
    writer.executescript("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; CREATE TABLE t(x)")
    reader = sqlite3.connect(file, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM t").fetchall()
    background = wal.Checkpoints(file)
    writer.execute("INSERT INTO t VALUES (1)")
    background.count(writer)
    wait_until(lambda: background._is_too_long)
    background.stop()
    reader.close()
    first = beginnings(log)
    writer.execute("INSERT INTO t VALUES (2)")
    assert beginnings(log) == first, "the reader has held pages back"
    background.count(writer)
    writer.execute("INSERT INTO t VALUES (3)")
    assert beginnings(log) == first + 1 and not background._is_too_long
    writer.close()


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(5000):
        if condition():
            return
        threading.Event().wait(0.002)
    raise AssertionError("it did not happen")


def beginnings(log: Path) -> int:
    """How often a log has begun anew, as its header says."""
    with log.open("rb") as opened:
        return int.from_bytes(opened.read(16)[12:], "big")


def test_it_is_rows_that_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    market = Stoppable(tmp_path / "market.db")
    play(market.exchange, (("V", "S"), sell(1)))
    monkeypatch.setattr(wal, "ROWS_BETWEEN", 1000)
    market.exchange.group_commit = True
    for _ in range(1000):
        play(market.exchange, (("V", "S"), sell(1)))
    market.exchange.commit()  # just one, but of a thousand rows
    wait_for_orders_in_the_database(tmp_path / "market.db", 1001)
    market.exchange.close()


def test_it_ends_with_the_ledger(tmp_path: Path) -> None:
    market = Stoppable(tmp_path / "market.db")
    checkpointing = market.exchange._ledger._checkpoints
    assert checkpointing.is_alive()
    market.exchange.close()
    assert not checkpointing.is_alive()
