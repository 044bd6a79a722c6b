"""The file of a market: made when there is none, brought up to date when it is old."""

import sqlite3
from pathlib import Path

import pytest
from durable_market import Stoppable, begin_a_write_and_die, buy, play, sell, state

from disorderbook.ledger import file as ledger_file
from disorderbook.ledger import lock, tables
from disorderbook.ledger.file import open_for_reading, open_ledger
from disorderbook.ledger.lock import Unusable
from disorderbook.ledger.tables import signed


def test_a_new_file_is_an_empty_market(tmp_path: Path) -> None:
    ledger, market = open_ledger(str(tmp_path / "market.db"))
    assert market[:5] == ([], [], 0, 0, 0) and not market.changes.books
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


def test_a_file_with_pages_of_another_size_stays_as_it_is(tmp_path: Path, oldest: Path) -> None:
    assert int.from_bytes(oldest.read_bytes()[16:18], "big") == 4096
    market = Stoppable(oldest)
    play(market.exchange, (("V", "S"), sell(9)))
    assert setting(market.exchange._ledger.connection, "page_size") == 4096
    market.exchange.close()
    assert int.from_bytes(oldest.read_bytes()[16:18], "big") == 4096


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

    monkeypatch.setattr(ledger_file, "migrate", fail)
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
    """The next version of this program, which has two more migrations."""
    scripts = (
        *tables.MIGRATIONS,
        "ALTER TABLE orders ADD COLUMN note",
        "CREATE TABLE notes (note)",
    )
    monkeypatch.setattr(tables, "MIGRATIONS", scripts)
    for module in (tables, ledger_file, lock):
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


@pytest.fixture
def oldest(tmp_path: Path) -> Path:
    """A market as the first version has written it, with partial fills and a self-trade."""
    file = tmp_path / "old.db"
    market = Stoppable(tmp_path / "market.db", clock=iter(range(1, 10**9)).__next__)
    for act in (sell(9), buy(2), buy(3, account="ann"), buy(1, price=40), sell(8), buy(6)):
        play(market.exchange, (("V", "S"), act))
    with market.exchange.transaction():
        market.gamemaster.start("ANN", 5)
    market.exchange.close()
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute(f"PRAGMA application_id = {tables.APPLICATION_ID}")
    connection.execute("PRAGMA journal_mode = WAL")
    for statement in tables.MIGRATIONS[0].split(";"):
        connection.execute(statement)
    connection.execute("ATTACH ? AS new", (str(tmp_path / "market.db"),))
    for table in ("books", "orders", "positions", "instances"):
        connection.execute(f"INSERT INTO main.{table} SELECT * FROM new.{table}")
    connection.execute(
        "INSERT INTO executions SELECT number, venue, symbol, standing_id, "
        "incoming_id, price, quantity, ts FROM new.executions"
    )
    connection.execute("INSERT INTO ledger VALUES (?, ?, ?, ?)", signed(1, 1, 1))
    connection.close()
    return file


def test_a_market_of_the_first_version_goes_on(oldest: Path) -> None:
    past, market = (Stoppable(oldest.with_name(name)) for name in ("market.db", "old.db"))
    assert state(market.exchange) == state(past.exchange)
    assert market.gamemaster.instance(1) == past.gamemaster.instance(1)
    for exchange in (past.exchange, market.exchange):
        play(exchange, (("V", "S"), buy(1)))
        exchange.close()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE positions SET cash = cash + 1",
        "DELETE FROM executions WHERE number = 4",
    ],
)
def test_a_damaged_market_of_the_first_version_is_left_as_it_is(oldest: Path, damage: str) -> None:
    connection = sqlite3.connect(oldest)
    connection.execute(damage)
    connection.commit()
    connection.close()
    before = oldest.read_bytes()
    with pytest.raises(Unusable, match="is damaged"):
        open_ledger(str(oldest))
    assert oldest.read_bytes() == before


def test_a_migration_that_fails_changes_nothing(
    tmp_path: Path,
    newer: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "market.db"
    with monkeypatch.context() as older:
        older.setattr(tables, "MIGRATIONS", tables.MIGRATIONS[:2])
        for module in (tables, ledger_file, lock):
            older.setattr(module, "SCHEMA_VERSION", 2)
        open_ledger(str(file))[0].close()
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
