"""The tables that a ledger begins with."""

import re
import sqlite3
from pathlib import Path

import pytest
from disorderbook.ledger.schema import MIGRATIONS, SCHEMA_VERSION, migrate
from durable_market import Stoppable, buy, play, sell

README = (Path(__file__).parent.parent.parent / "README.md").read_text()
QUERIES = re.findall(r"^    (SELECT .*?);$", README, re.MULTILINE | re.DOTALL)


def test_a_new_ledger_gets_every_table() -> None:
    connection = sqlite3.connect(":memory:")
    migrate(connection, 0)
    tables = {name for name, in connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table'"
    )}
    assert {"orders", "fills", "executions", "positions"} <= tables


def test_a_ledger_of_this_version_needs_no_change() -> None:
    connection = sqlite3.connect(":memory:")
    migrate(connection, SCHEMA_VERSION)
    assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    assert SCHEMA_VERSION == len(MIGRATIONS)


def test_the_open_orders_are_read_from_their_index_alone() -> None:
    connection = sqlite3.connect(":memory:")
    migrate(connection, 0)
    plan = connection.execute(
        "EXPLAIN QUERY PLAN SELECT * FROM orders WHERE remaining > 0 ORDER BY venue, symbol, id"
    ).fetchall()
    assert [row[-1] for row in plan] == ["SCAN orders USING COVERING INDEX open_orders"]


def test_the_readme_names_every_table_and_column() -> None:
    connection = sqlite3.connect(":memory:")
    migrate(connection, 0)
    for table, in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'"):
        row = re.search(rf"^\| `{table}` \| (.*) \|$", README, re.MULTILINE)
        assert row, table
        columns = [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]
        assert [*re.findall(r"`(\w+)`", row[1]), "checksum"][:len(columns)] == columns


@pytest.mark.parametrize("query, expected", list(zip(QUERIES, [
    [("S", 5020 / 6)],
    [("1970-01-01T00:00:00.000000003Z", "S", "buy", 2, 10),
     ("1970-01-01T00:00:00.000000005Z", "S", "sell", 4, 1250)],
    [(2, "V", "S", 2, 3, 1250, 4, "1970-01-01T00:00:00.000000005Z"),
     (1, "V", "S", 0, 1, 10, 2, "1970-01-01T00:00:00.000000003Z")],
], strict=True)), ids=["vwap", "trades", "executions"])
def test_the_readmes_queries_answer_what_it_says(
    query: str, expected: list[object], tmp_path: Path,
) -> None:
    market = Stoppable(tmp_path / "market.db", clock=iter(range(1, 99)).__next__)
    for act in (sell(2, price=10), buy(2, account="ME", price=10),
                buy(4, price=1250), sell(4, account="ME", price=1250)):
        play(market.exchange, (("V", "S"), act))
    market.exchange.close()
    query = query.replace("2026-01-17", "1970-01-01").replace("2026-01-18", "1970-01-02")
    assert sqlite3.connect(tmp_path / "market.db").execute(query).fetchall() == expected
