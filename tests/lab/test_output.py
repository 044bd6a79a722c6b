"""The files of a trial: read back, they are the records."""

import csv
from pathlib import Path
from typing import Any

import pytest
from records import record_of, traded_book

from disorderbook.engine.orders import SIDE_NAMES
from disorderbook.lab.measures import curve, measures
from disorderbook.lab.output import FILES, PackedRecords, trial_files
from disorderbook.ledger.location import Unusable
from disorderbook.ledger.tables import ORDERS
from disorderbook.protocol.names import timestamp

RECORDS = [record_of(traded_book(seed, 150)[1], seed=seed) for seed in (7, 8)]


def written(folder: Path) -> None:
    with trial_files(str(folder)) as files:
        for record in RECORDS:
            files.add(record)
        files.finish(b"{}\n")


def rows(path: Path) -> list[dict[str, Any]]:
    with path.open(newline="", encoding="utf-8") as opened:
        return list(csv.DictReader(opened))


def test_the_files_have_what_the_records_have(tmp_path: Path) -> None:
    written(tmp_path / "new")
    assert {path.name for path in (tmp_path / "new").iterdir()} == {*FILES}
    fills, orders, curves = (rows(tmp_path / "new" / name) for name in FILES[1:])
    own = [
        (record.seed, order)
        for record in RECORDS
        for order in record.orders
        if order.account == "A"
    ]
    assert [(int(row["seed"]), int(row["id"])) for row in orders] == [
        (seed, order.id) for seed, order in own
    ]
    assert list(orders[0]) == ["seed", *ORDERS.names] and orders[0]["side"] in SIDE_NAMES.values()
    assert {
        (row["seed"], row["order"], row["ts"], row["price"], row["quantity"]) for row in fills
    } == {
        (str(seed), str(order.id), timestamp(fill.ts), str(fill.price), str(fill.quantity))
        for seed, order in own
        for fill in order.fills
    }
    for record in RECORDS:
        told, seed = measures(record), str(record.seed)
        mine = [row for row in fills if row["seed"] == seed]
        assert [int(row["number"]) for row in mine] == list(range(1, told.fills + 1))
        assert int(mine[-1]["shares"]) == told.shares
        assert [row["ts"] for row in mine] == sorted(row["ts"] for row in mine)
        taken = sum(int(row["quantity"]) for row in mine if row["is_take"] == "1")
        assert told.takes is not None and taken / told.traded == told.takes
        drawn = [row for row in curves if row["seed"] == seed]
        assert [int(row["nav"]) for row in drawn] == curve(record).nav
        assert drawn[0]["price"] == "" and drawn[-1]["ts"] == timestamp(record.end)


def test_files_of_an_earlier_trial_are_replaced_when_all_is_well(tmp_path: Path) -> None:
    for name in FILES:
        (tmp_path / name).write_text("old")
    with pytest.raises(KeyboardInterrupt), trial_files(str(tmp_path)) as files:
        files.add(RECORDS[0])
        raise KeyboardInterrupt
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(
        FILES, "old"
    )
    written(tmp_path)
    assert (tmp_path / "summary.json").read_text() == "{}\n" and rows(tmp_path / "fills.csv")


def test_what_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError), trial_files(str(tmp_path / "file")):
        pass
    (tmp_path / "fills.csv").mkdir()
    with pytest.raises(Unusable), trial_files(str(tmp_path)):
        pass


def test_a_name_is_no_formula(tmp_path: Path) -> None:
    record = record_of(traded_book(7, 60, accounts="=B")[1], account="=")
    with trial_files(str(tmp_path)) as files:
        files.add(record)
        files.finish(b"")
    assert {row["account"] for row in rows(tmp_path / "orders.csv")} == {"'="}


def test_records_are_kept_packed() -> None:
    kept = PackedRecords()
    for record in RECORDS:
        kept.add(record)
    assert len(kept) == 2 and [measures(each) for each in kept] == list(map(measures, RECORDS))
    assert [each.seed for each in kept[1:]] == [8] and measures(kept[-1]) == measures(RECORDS[1])
