"""scores.csv and history.csv: what accounts have, and what they were worth over time."""

import csv
from pathlib import Path

import pytest
from controlled_market import Assembled
from durable_market import make_older
from wsgi import ORDERS

from disorderbook.accounts import Accounts
from disorderbook.assembly import CannotStart, MarketSettings, assemble
from disorderbook.cli.main import make_parser
from disorderbook.cli.subcommands import run_export
from disorderbook.timeline.clock import clock_settings

BIG = 2**31 - 1


def send(client: Assembled, account: str, side: str, price: int, stock: str, qty: int) -> None:
    body = {"account": account, "direction": side, "orderType": "limit", "price": price, "qty": qty}
    answer = client("POST", ORDERS.replace("FOOBAR", stock), body)
    assert answer.status == 200 and answer.json["ok"]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A market where somebody has traded one share with himself at the highest price there is."""
    file = tmp_path_factory.mktemp("export") / "market.db"
    settings = MarketSettings(database=str(file), clock=clock_settings("stepped"))
    with assemble(settings, Accounts()) as services:
        client = Assembled(services)
        for stock in ("FOOBAR", "=OTHER"):
            send(client, "=eve", "sell", 100, stock, 10)
            send(client, "bob", "buy", 100, stock, 10)
        client.advance(3)
        for side in ("sell", "buy"):
            send(client, "bob", side, BIG, "FOOBAR", 1)
        send(client, "bob", "buy", 90, "FOOBAR", 1)
        send(client, "bob", "sell", 99, "FOOBAR", 1)
        client.advance(3)
        assert client("POST", "/gm/levels/first_steps").status == 200
        with services.exchange.transaction():
            services.exchange.settle(services.exchange.book("TESTEX", "=OTHER"), 120)
    return file


def exported(file: Path, folder: Path, *options: str) -> dict[str, list[dict[str, str]]]:
    arguments = ["-d", str(file), "--export", str(folder), *options]
    assert run_export(make_parser().parse_args(arguments)) == 0
    tables = {}
    for name in ("scores.csv", "history.csv"):
        with (folder / name).open(newline="", encoding="utf-8") as opened:
            tables[name] = list(csv.DictReader(opened))
    return tables


def test_scores_are_of_each_stock_and_of_the_whole_venue(file: Path, tmp_path: Path) -> None:
    rows = [tuple(row.values()) for row in exported(file, tmp_path)["scores.csv"]]
    nav = 10 * BIG - 1000
    assert rows == [
        ("TESTEX", "FOOBAR", "bob", f"{nav}", "-1000", "10", "2", f"{BIG}"),
        ("TESTEX", "FOOBAR", "'=eve", f"{-nav}", "1000", "-10", "1", f"{BIG}"),
        ("TESTEX", "'=OTHER", "bob", "200", "-1000", "10", "1", "120"),
        ("TESTEX", "'=OTHER", "'=eve", "-200", "1000", "-10", "1", "120"),
        ("TESTEX", "", "bob", f"{nav + 200}", "-2000", "20", "3", ""),
        ("TESTEX", "", "'=eve", f"{-nav - 200}", "2000", "-20", "2", ""),
    ]


def test_they_are_marked_as_the_options_say(file: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text("[market]\nband = 10\n")
    for options, price in (
        (["--mark", "mid"], "94"),
        (["--mark", "band", "--rules", str(rules)], "100"),
    ):
        [row] = [
            row
            for row in exported(file, tmp_path, *options)["scores.csv"]
            if (row["symbol"], row["account"]) == ("FOOBAR", "bob")
        ]
        assert row["price"] == price and int(row["nav"]) == 10 * int(price) - 1000
    with pytest.raises(CannotStart, match="--mark band needs --rules"):
        exported(file, tmp_path, "--mark", "band")


def test_the_history_has_a_row_for_each_account_at_each_sample(file: Path, tmp_path: Path) -> None:
    rows = exported(file, tmp_path)["history.csv"]
    assert list(rows[0]) == ["venue", "time", "account", "nav"]
    times = sorted({row["time"] for row in rows})
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    assert len(rows) == 2 * len(times) >= 4 and times[0].endswith("Z")
    assert [row["nav"] for row in rows if row["account"] == "bob"][-1] == f"{10 * BIG - 1000}"


def test_a_file_of_an_older_version_is_exported_without_a_history(tmp_path: Path) -> None:
    file = tmp_path / "market.db"
    settings = MarketSettings(database=str(file), clock=clock_settings("stepped"))
    with assemble(settings, Accounts()) as services:
        client = Assembled(services)
        send(client, "ann", "sell", 100, "FOOBAR", 10)
        send(client, "bob", "buy", 100, "FOOBAR", 10)
        client.advance(3)
    make_older(file, 1)
    tables = exported(file, tmp_path / "csv")
    assert tables["history.csv"] == [] and len(tables["scores.csv"]) == 4
    assert {row["trades"] for row in tables["scores.csv"]} == {"1"}
