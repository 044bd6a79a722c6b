"""A copy of a market in use is a market, and has what was there when it began."""

import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import ordinary_user
import pytest
from durable_market import Stoppable, begin_a_write_and_die, buy, play, sell, state

from disorderbook.ledger import copies
from disorderbook.ledger import file as ledger_file
from disorderbook.ledger.copies import back_up, export
from disorderbook.ledger.file import open_ledger
from disorderbook.ledger.location import Unusable


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def market_with_a_journal(file: Path) -> Stoppable:
    """Some of it is in the tables, the rest in the journal only."""
    market = Stoppable(file, clock=iter(range(1, 10**9)).__next__)
    for act in (sell(9), buy(2), sell(5, price=60)):
        play(market.exchange, (("V", "S"), act))
    market.flush()
    for act in (buy(3), sell(1, price=70), 2):
        play(market.exchange, (("V", "S"), act))
    return market


def test_a_copy_of_a_market_in_use_is_the_market_as_it_was(tmp_path: Path) -> None:
    market = market_with_a_journal(tmp_path / "market.db")
    before = state(market.exchange)
    copy = back_up(str(tmp_path / "market.db"), str(tmp_path / "copy.db"))
    assert copy == tmp_path / "copy.db"
    play(market.exchange, (("V", "S"), buy(1)))
    copied = Stoppable(copy)
    assert state(copied.exchange) == before != state(market.exchange)
    for exchange in (copied.exchange, market.exchange):
        exchange.close()


def test_a_copy_of_a_market_at_rest_is_that_market(tmp_path: Path) -> None:
    market = market_with_a_journal(tmp_path / "market.db")
    before = state(market.exchange)
    market.exchange.close()
    copied = Stoppable(back_up(str(tmp_path / "market.db"), str(tmp_path / "copy.db")))
    assert state(copied.exchange) == before
    copied.exchange.close()


def test_a_copy_is_one_file_that_may_be_read_where_nothing_may_be_written(tmp_path: Path) -> None:
    market = market_with_a_journal(tmp_path / "market.db")
    before = names(tmp_path)
    copy = back_up(str(tmp_path / "market.db"), str(tmp_path / "copy.db"))
    assert names(tmp_path) == before | {"copy.db"}
    assert copy.read_bytes()[18:20] == b"\x01\x01"  # not WAL (SQLite file format, section 1.3)
    market.exchange.close()


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o444])
def test_a_copy_is_its_owners_whoever_may_read_the_market(tmp_path: Path, mode: int) -> None:
    market = market_with_a_journal(tmp_path / "market.db")
    (tmp_path / "market.db").chmod(mode)
    copy = back_up(str(tmp_path / "market.db"), str(tmp_path / "copy.db"))
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    market.exchange.close()


def test_a_copy_that_is_made_in_steps_is_of_one_moment(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    market = market_with_a_journal(tmp_path / "market.db")
    before, steps = state(market.exchange), []

    def trade(*_: int) -> None:
        steps.append(1)
        play(market.exchange, (("V", "S"), sell(1)))
        market.flush()

    monkeypatch.setattr(copies, "PAGES_AT_ONCE", 1)
    monkeypatch.setattr(copies, "_look_for_a_signal", trade)
    copied = Stoppable(back_up(str(tmp_path / "market.db"), str(tmp_path / "copy.db")))
    assert len(steps) > 10 and state(copied.exchange) == before
    for exchange in (copied.exchange, market.exchange):
        exchange.close()


def test_what_has_got_the_name_meanwhile_is_not_replaced(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    open_ledger(str(tmp_path / "market.db"))[0].close()
    target = tmp_path / "copy.db"
    monkeypatch.setattr(copies, "check_rows", lambda _: target.write_text("precious"))
    with pytest.raises(Unusable, match="copy.db is there already"):
        back_up(str(tmp_path / "market.db"), str(target))
    assert target.read_text() == "precious" and not (tmp_path / "copy.db-new").exists()


def test_a_market_that_another_program_is_writing_to_is_not_taken_for_one_at_rest(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ledger_file, "BUSY_SECONDS", 0.01)
    file = tmp_path / "market.db"
    open_ledger(str(file))[0].close()
    with closing(sqlite3.connect(file, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        for use in (back_up, export):
            with pytest.raises(Unusable, match="another program is using it"):
                use(str(file), str(tmp_path / "copy"))
    assert names(tmp_path) == {"market.db", "market.db-lock"}


def test_while_it_is_made_nobody_else_may_read_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    market = market_with_a_journal(tmp_path / "market.db")
    modes: list[int] = []

    def look(connection: sqlite3.Connection) -> None:
        modes.append(stat.S_IMODE((tmp_path / "copy.db-new").stat().st_mode))

    monkeypatch.setattr(copies, "check_rows", look)
    back_up(str(tmp_path / "market.db"), str(tmp_path / "copy.db"))
    assert modes == [0o600]
    market.exchange.close()


@pytest.mark.parametrize(
    "name",
    [
        "copy.db",
        "copy.db-wal",
        "copy.db-shm",
        "copy.db-journal",
        "copy.db-new",
    ],
)
def test_nothing_is_replaced(tmp_path: Path, name: str) -> None:
    market = market_with_a_journal(tmp_path / "market.db")
    (tmp_path / name).write_text("precious")
    with pytest.raises(Unusable, match=f"{name} is there already"):
        back_up(str(tmp_path / "market.db"), str(tmp_path / "copy.db"))
    with pytest.raises(Unusable, match="market.db is there already"):
        back_up(str(tmp_path / "market.db"), str(tmp_path / "market.db"))
    assert (tmp_path / name).read_text() == "precious"
    market.exchange.close()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE orders SET quantity = quantity + 1 WHERE id = 1",  # closed: no start reads it
        "UPDATE executions SET price = price + 1",
        "UPDATE positions SET cash = cash + 1",
        "UPDATE journal SET checksum = checksum + 1",
        "UPDATE ledger SET books = 2",
        "UPDATE books SET orders = orders + 1",
    ],
)
def test_a_damaged_market_is_not_copied(tmp_path: Path, damage: str) -> None:
    market = market_with_a_journal(tmp_path / "market.db")
    connection = sqlite3.connect(tmp_path / "market.db", isolation_level=None)
    connection.execute(damage)
    connection.close()
    before = names(tmp_path)
    with pytest.raises(Unusable, match="market.db is damaged"):
        back_up(str(tmp_path / "market.db"), str(tmp_path / "copy.db"))
    assert names(tmp_path) == before
    market.exchange.close()


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_a_market_at_rest_is_copied_by_who_may_only_read_it(mode: str) -> None:
    with ordinary_user.folder() as folder, ordinary_user.folder() as elsewhere:
        market = Stoppable(folder / "market.db")
        play(market.exchange, (("V", "S"), sell(1)))
        market.exchange.close()
        connection = sqlite3.connect(folder / "market.db")
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.close()
        elsewhere.chmod(0o777)
        with ordinary_user.may_only_read(folder):
            copy = back_up(str(folder / "market.db"), str(elsewhere / "copy.db"))
        market = Stoppable(copy)  # what was for reading only can be gone on with
        assert market.exchange.book("V", "S").next_id == 1
        market.exchange.close()


def test_what_a_crash_has_left_is_copied(tmp_path: Path) -> None:
    market = market_with_a_journal(tmp_path / "market.db")
    before = state(market.exchange)
    (tmp_path / "crashed").mkdir()
    for name in ("market.db", "market.db-wal"):
        shutil.copy(tmp_path / name, tmp_path / "crashed" / name)
    market.exchange.close()
    copy = back_up(str(tmp_path / "crashed" / "market.db"), str(tmp_path / "copy.db"))
    copied = Stoppable(copy)
    assert state(copied.exchange) == before
    copied.exchange.close()


def test_what_a_kill_outside_of_wal_mode_has_begun_is_not_copied(tmp_path: Path) -> None:
    market = market_with_a_journal(tmp_path / "market.db")
    before = state(market.exchange)
    market.exchange.close()
    killed = begin_a_write_and_die(tmp_path / "market.db", tmp_path / "killed.db")
    copied = Stoppable(back_up(str(killed), str(tmp_path / "copy.db")))
    assert state(copied.exchange) == before
    copied.exchange.close()
