"""The file of a market: made when there is none, brought up to date when it is old."""

import sqlite3
from pathlib import Path

import pytest
from disorderbook.ledger import opening, refusing, schema
from disorderbook.ledger.opening import open_for_reading, open_ledger
from disorderbook.ledger.refusing import Unusable
from durable_market import Stoppable, play, sell, state


def test_a_new_file_is_an_empty_market(tmp_path: Path) -> None:
    ledger, market = open_ledger(str(tmp_path / "market.db"))
    assert market[:5] == ([], [], 0, 0, 0) and not market.changes.books
    assert ledger.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    ledger.close()
    assert {path.name for path in tmp_path.iterdir()} == {"market.db", "market.db-lock"}


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


def test_a_file_that_is_closed_may_be_moved(tmp_path: Path) -> None:
    market = Stoppable(tmp_path / "market.db")
    play(market.exchange, (("V", "S"), sell(9)))
    before = state(market.exchange)
    market.exchange.close()
    (tmp_path / "market.db").rename(tmp_path / "elsewhere")
    moved = Stoppable(tmp_path / "elsewhere")
    assert state(moved.exchange) == before
    moved.exchange.close()


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next version of this program, which has two more migrations."""
    scripts = (
        *schema.MIGRATIONS, "ALTER TABLE orders ADD COLUMN note", "CREATE TABLE notes (note)",
    )
    monkeypatch.setattr(schema, "MIGRATIONS", scripts)
    for module in (schema, opening, refusing):
        monkeypatch.setattr(module, "SCHEMA_VERSION", len(scripts))


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
    assert connection.execute("SELECT schema_version FROM ledger").fetchone() == (4,)
    assert connection.execute("SELECT count(*), note FROM orders").fetchone() == (1, None)
    assert connection.execute("SELECT count(*) FROM notes").fetchone() == (0,)
    connection.close()


def test_a_migration_that_fails_changes_nothing(
    tmp_path: Path, newer: None, monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "market.db"
    with monkeypatch.context() as older:
        older.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:2])
        for module in (schema, opening, refusing):
            older.setattr(module, "SCHEMA_VERSION", 2)
        open_ledger(str(file))[0].close()
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE notes (note)")
    connection.close()
    before = file.read_bytes()
    with pytest.raises(Unusable, match="table notes already exists"):
        open_ledger(str(file))
    assert file.read_bytes() == before
