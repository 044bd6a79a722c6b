"""The file of a market: made when there is none, brought up to date when it is old."""

import sqlite3
from pathlib import Path

import pytest
from durable_market import Stoppable, begin_a_write_and_die, play, sell, state

from disorderbook.ledger import durable, location, tables
from disorderbook.ledger import file as ledger_file
from disorderbook.ledger.file import open_for_reading, open_ledger
from disorderbook.ledger.location import Unusable
from disorderbook.ledger.tables import SCHEMA_VERSION


def test_a_new_file_is_an_empty_market(tmp_path: Path) -> None:
    ledger, market = open_ledger(str(tmp_path / "market.db"))
    assert (market.books, market.latest, market.last_instance) == ([], 0, 0)
    assert not market.changes.books
    assert ledger.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    ledger.close()
    assert {path.name for path in tmp_path.iterdir()} == {"market.db", "market.db-lock"}


def setting(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_every_setting_of_the_file_and_its_connection_takes_effect(tmp_path: Path) -> None:
    ledger, _ = open_ledger(str(tmp_path / "market.db"))
    wanted = {
        "page_size": 1024,
        "application_id": tables.APPLICATION_ID,
        "journal_mode": "wal",
        "synchronous": 1,
        "wal_autocheckpoint": 0,
        "secure_delete": 0,
        "cache_size": -ledger_file.CACHE_KIBIBYTES,
        "busy_timeout": 50,
    }
    assert {name: setting(ledger.connection, name) for name in wanted} == wanted
    ledger.close()
    assert int.from_bytes((tmp_path / "market.db").read_bytes()[16:18], "big") == 1024


@pytest.mark.parametrize("sync, level", [(False, 1), (True, 2)])
def test_sync_is_sqlites_full(tmp_path: Path, sync: bool, level: int) -> None:
    ledger, _ = open_ledger(str(tmp_path / "market.db"), sync)
    assert ledger.connection.execute("PRAGMA synchronous").fetchone() == (level,)
    ledger.close()


def test_what_a_killed_first_start_has_left_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "market.db-new").write_bytes(b"SQLite for")
    ledger, market = open_ledger(str(tmp_path / "market.db"))
    assert market.books == []
    ledger.close()


def test_a_first_start_that_fails_leaves_no_half_of_a_market(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        fault = sqlite3.OperationalError("database or disk is full")
        fault.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise fault

    monkeypatch.setattr(ledger_file, "create_tables", fail)
    with pytest.raises(Unusable, match="cannot be used: database or disk is full"):
        open_ledger(str(tmp_path / "market.db"))
    assert [path.name for path in tmp_path.iterdir()] == ["market.db-lock"]


def test_a_file_that_is_closed_may_be_moved(tmp_path: Path) -> None:
    market = Stoppable(tmp_path / "market.db")
    play(market.exchange, (("V", "S"), sell(9)))
    before = state(market.exchange)
    market.exchange.close()
    (tmp_path / "market.db").rename(tmp_path / "elsewhere")
    moved = Stoppable(tmp_path / "elsewhere")
    assert state(moved.exchange) == before
    moved.exchange.close()


def test_a_file_that_cannot_be_written_is_refused_at_once(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ledger_file, "BUSY_SECONDS", 0.01)
    open_ledger(str(tmp_path / "market.db"))[0].close()
    meddler = sqlite3.connect(tmp_path / "market.db", isolation_level=None)
    meddler.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unusable, match="market.db cannot be used: another program is using it"):
        open_ledger(str(tmp_path / "market.db"))
    meddler.close()
    open_ledger(str(tmp_path / "market.db"))[0].close()


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The version after the next, which has two more migrations."""
    scripts = (
        *tables.MIGRATIONS,
        "ALTER TABLE orders ADD COLUMN note",
        "CREATE TABLE notes (note)",
    )
    monkeypatch.setattr(tables, "MIGRATIONS", scripts)
    for module in (tables, ledger_file, location, durable):
        monkeypatch.setattr(module, "SCHEMA_VERSION", 1 + len(scripts))


def test_an_older_ledger_is_migrated(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    file = tmp_path / "market.db"
    market = Stoppable(file)
    play(market.exchange, (("V", "S"), sell(9)))
    before = state(market.exchange)
    market.exchange.close()
    request.getfixturevalue("newer")
    with pytest.raises(Unusable, match="is of an older version"):
        open_for_reading(file)
    market.start()
    assert state(market.exchange) == before
    market.exchange.close()
    connection = sqlite3.connect(file)
    assert connection.execute("SELECT schema_version FROM ledger").fetchone() == (
        SCHEMA_VERSION + 2,
    )
    assert connection.execute("SELECT count(*), note FROM orders").fetchone() == (1, None)
    assert connection.execute("SELECT count(*) FROM notes").fetchone() == (0,)
    connection.close()


def test_a_migration_that_fails_changes_nothing(
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    file = tmp_path / "market.db"
    open_ledger(str(file))[0].close()
    request.getfixturevalue("newer")
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE notes (note)")
    connection.close()
    before = file.read_bytes()
    with pytest.raises(Unusable, match="table notes already exists"):
        open_ledger(str(file))
    assert file.read_bytes() == before


def test_what_a_kill_outside_of_wal_mode_has_begun_is_undone(tmp_path: Path) -> None:
    market = Stoppable(tmp_path / "market.db")
    play(market.exchange, (("V", "S"), sell(9)))
    before = state(market.exchange)
    market.exchange.close()
    market = Stoppable(begin_a_write_and_die(tmp_path / "market.db", tmp_path / "copy.db"))
    assert state(market.exchange) == before
    market.exchange.close()
    assert not (tmp_path / "copy.db-journal").exists()
