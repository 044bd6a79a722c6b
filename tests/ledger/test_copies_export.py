"""A market as CSV files."""

import csv
import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import ordinary_user
import pytest
from durable_market import Stoppable, buy, play, sell

from disorderbook.ledger import copies
from disorderbook.ledger import file as ledger_file
from disorderbook.ledger.copies import EXPORTS, export
from disorderbook.ledger.file import open_ledger
from disorderbook.ledger.location import CannotUse, Unusable


def read(file: Path) -> list[list[str]]:
    with file.open(newline="", encoding="utf-8") as opened:
        return list(csv.reader(opened))


def test_orders_and_executions_are_written_while_the_market_runs(tmp_path: Path) -> None:
    market = Stoppable(tmp_path / "market.db", clock=lambda: 1453070587123456789)
    for act in (sell(9, account='a, "b"\nü'), buy(2), buy(8, price=60)):
        play(market.exchange, (("V", "S"), act))
    market.flush()
    orders, executions, *_ = export(str(tmp_path / "market.db"), str(tmp_path / "new" / "folder"))
    assert [file.name for file in (orders, executions)] == ["orders.csv", "executions.csv"]
    assert read(orders) == [
        [
            "venue",
            "symbol",
            "id",
            "account",
            "side",
            "type",
            "price",
            "quantity",
            "ts",
            "remaining",
            "filled",
            "event",
            "closed_at",
            "closed_event",
            "close_reason",
        ],
        [
            "V",
            "S",
            "0",
            'a, "b"\nü',
            "sell",
            "limit",
            "50",
            "9",
            "2016-01-17T22:43:07.123456790Z",
            "0",
            "9",
            "0",
            "2016-01-17T22:43:07.123456792Z",
            "2",
            "filled",
        ],
        [
            "V",
            "S",
            "1",
            "bob",
            "buy",
            "limit",
            "50",
            "2",
            "2016-01-17T22:43:07.123456791Z",
            "0",
            "2",
            "1",
            "2016-01-17T22:43:07.123456791Z",
            "1",
            "filled",
        ],
        [
            "V",
            "S",
            "2",
            "bob",
            "buy",
            "limit",
            "60",
            "8",
            "2016-01-17T22:43:07.123456792Z",
            "1",
            "7",
            "2",
            "",
            "",
            "",
        ],
    ]
    assert read(executions) == [
        ["number", "venue", "symbol", "standing_id", "incoming_id", "price", "quantity", "ts"],
        ["1", "V", "S", "0", "1", "50", "2", "2016-01-17T22:43:07.123456791Z"],
        ["2", "V", "S", "0", "2", "50", "7", "2016-01-17T22:43:07.123456792Z"],
    ]
    market.exchange.close()


def test_no_cell_of_any_column_is_a_formula(tmp_path: Path) -> None:
    market = Stoppable(tmp_path / "market.db")
    for act in (sell(9, account="=1+1"), buy(9)):
        play(market.exchange, (("@SUM(A1)", "\t=1"), act))
    market.exchange.close()
    for file in export(str(tmp_path / "market.db"), str(tmp_path)):
        columns, *rows = read(file)
        for row in rows:
            for column, cell in zip(columns, row, strict=True):
                is_number = cell.removeprefix("-").isdecimal() or not cell
                assert is_number or cell[0] not in "=+-@\t", f"{column} of {file.name}"
            assert row[columns.index("venue")] == "'@SUM(A1)"
            assert row[columns.index("symbol")] in ("'\t=1", "")  # that of a whole venue
    orders = read(tmp_path / "orders.csv")
    assert [row[3] for row in orders] == ["account", "'=1+1", "bob"]


def test_what_a_crash_has_left_in_the_journal_is_exported(tmp_path: Path) -> None:
    market = Stoppable(tmp_path / "market.db")
    for _ in range(3):
        play(market.exchange, (("V", "S"), sell(1)))
    (tmp_path / "copy").mkdir()
    for name in ("market.db", "market.db-wal"):
        shutil.copy(tmp_path / name, tmp_path / "copy" / name)
    market.exchange.close()
    orders, *_ = export(str(tmp_path / "copy" / "market.db"), str(tmp_path))
    assert [row[2] for row in read(orders)] == ["id", "0", "1", "2"]


def test_a_ledger_whose_journal_cannot_be_put_into_the_tables_is_not_exported_by_halves(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ledger_file, "BUSY_SECONDS", 0.01)
    market = Stoppable(tmp_path / "market.db")
    play(market.exchange, (("V", "S"), sell(1)))
    play(market.exchange, (("V", "S"), sell(1)))
    copy = tmp_path / "copy.db"
    shutil.copy(tmp_path / "market.db", copy)
    shutil.copy(tmp_path / "market.db-wal", tmp_path / "copy.db-wal")
    market.exchange.close()
    meddler = sqlite3.connect(copy, isolation_level=None)
    meddler.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unusable, match="has orders in its journal that cannot be put"):
        export(str(copy), str(tmp_path / "folder"))
    assert not (tmp_path / "folder").exists()
    meddler.close()
    orders, *_ = export(str(copy), str(tmp_path / "folder"))
    assert len(read(orders)) == 3


def test_what_is_no_ledger_is_not_exported(tmp_path: Path) -> None:
    (tmp_path / "nonsense").write_text("nonsense")
    for name, why in (("nonsense", "is no database"), ("nowhere", "does not exist")):
        with pytest.raises(Unusable, match=why):
            export(str(tmp_path / name), str(tmp_path))
    assert [file.name for file in tmp_path.iterdir()] == ["nonsense"]


@pytest.mark.parametrize(
    ("table", "first"), (("orders", "id = 0"), ("executions", "standing_id = 0"))
)
def test_a_changed_row_is_not_exported(tmp_path: Path, table: str, first: str) -> None:
    market = Stoppable(tmp_path / "market.db")
    for order in (sell(1), buy(1)) * 2:  # no start reads the first ones
        play(market.exchange, (("V", "S"), order))
    market.exchange.close()
    connection = sqlite3.connect(tmp_path / "market.db", isolation_level=None)
    connection.execute(f"UPDATE {table} SET price = price + 1 WHERE {first}")
    connection.close()
    with pytest.raises(Unusable, match="is damaged: the checksum of"):
        export(str(tmp_path / "market.db"), str(tmp_path / "csv"))
    assert not list(tmp_path.glob("csv/*.csv"))


def exported_ids(file: Path, mode: str) -> list[str]:
    """Ids of the orders that somebody gets who may not write to the file's folder."""
    connection = sqlite3.connect(file)
    connection.execute(f"PRAGMA journal_mode = {mode}")
    connection.close()
    with ordinary_user.folder() as elsewhere:
        elsewhere.chmod(0o777)
        with ordinary_user.may_only_read(file.parent):
            orders, *_ = export(str(file), str(elsewhere / "csv"))
            return [row[2] for row in read(orders)]


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])  # as a clean end leaves it, and once did
def test_a_market_at_rest_is_exported_by_who_may_only_read_it(mode: str) -> None:
    with ordinary_user.folder() as folder:
        market = Stoppable(folder / "market.db")
        play(market.exchange, (("V", "S"), sell(1)))
        market.exchange.close()
        assert exported_ids(folder / "market.db", mode) == ["id", "0"]
        assert {path.name for path in folder.iterdir()} == {"market.db", "market.db-lock"}


def test_a_log_is_never_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file alone, read as if nothing could change it, would be an older market."""
    ways: list[str] = []

    def look(file: Path, check: object, how: str = "") -> object:
        ways.append(how)
        raise CannotUse("no")

    monkeypatch.setattr(ledger_file, "_look_into", look)
    with ordinary_user.folder() as folder:
        for end in ("-wal", "-journal"):
            (folder / f"market.db{end}").write_bytes(b"some")
            with pytest.raises(CannotUse):
                ledger_file.open_for_reading(folder / "market.db", at_rest=True)
            (folder / f"market.db{end}").write_bytes(b"")
        with pytest.raises(CannotUse):
            ledger_file.open_for_reading(folder / "market.db")
        assert ways == ["", "", ""]
        with pytest.raises(CannotUse):
            ledger_file.open_for_reading(folder / "market.db", at_rest=True)
        assert ways[3:] == ["", "&immutable=1"]


def test_no_exchange_begins_with_a_file_that_is_read_as_one_at_rest(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    open_ledger(str(tmp_path / "market.db"))[0].close()
    refusals: list[str] = []

    def write(opened: object, *_: object) -> None:
        with pytest.raises(Unusable) as refusal:
            open_ledger(str(tmp_path / "market.db"))
        refusals.append(str(refusal.value))

    monkeypatch.setattr(copies, "write_table", write)
    export(str(tmp_path / "market.db"), str(tmp_path / "csv"))
    assert len(refusals) == len(EXPORTS) and all("is in use" in refusal for refusal in refusals)


def test_an_export_that_fails_leaves_what_was_there(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    market, folder = Stoppable(tmp_path / "market.db"), tmp_path / "csv"
    play(market.exchange, (("V", "S"), sell(1)))
    market.exchange.close()
    before = [file.read_bytes() for file in export(str(tmp_path / "market.db"), str(folder))]

    def fail(opened: TextIO, columns: object, rows: Iterator[object]) -> None:
        next(rows, None)
        opened.write("half")
        if "executions" in str(opened.name):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(copies, "write_table", fail)
    with pytest.raises(OSError, match="No space"):
        export(str(tmp_path / "market.db"), str(folder))
    assert {path.name for path in folder.iterdir()} == set(EXPORTS)
    assert [(folder / name).read_bytes() for name in EXPORTS] == before


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640])
def test_who_may_not_read_the_market_may_not_read_what_is_exported(
    tmp_path: Path,
    mode: int,
) -> None:
    open_ledger(str(tmp_path / "market.db"))[0].close()
    (tmp_path / "market.db").chmod(mode)
    for allowed in (mode | 0o200, 0o644):  # and what is there keeps its permissions
        for file in export(str(tmp_path / "market.db"), str(tmp_path / "csv")):
            assert file.stat().st_mode & 0o777 == allowed
            file.chmod(0o644)


def test_what_a_killed_export_has_left_is_replaced_and_what_is_no_file_is_refused(
    tmp_path: Path,
) -> None:
    open_ledger(str(tmp_path / "market.db"))[0].close()
    (tmp_path / "orders.csv-new").write_text("half")
    export(str(tmp_path / "market.db"), str(tmp_path))
    assert not (tmp_path / "orders.csv-new").exists()
    (tmp_path / "orders.csv").unlink()
    os.mkfifo(tmp_path / "orders.csv")
    with pytest.raises(Unusable, match="orders.csv cannot be used: it is a FIFO"):
        export(str(tmp_path / "market.db"), str(tmp_path))
