"""The tables that a ledger begins with."""

import re
import sqlite3
from pathlib import Path

import pytest
from durable_market import Stoppable, buy, play, sell

from disorderbook.ledger.tables import (
    EXECUTION_COLUMNS,
    MIGRATIONS,
    SCHEMA_VERSION,
    migrate,
    read_fill,
)

PAGE = (Path(__file__).parents[2] / "docs" / "database.md").read_text()
QUERIES = re.findall(r"^    (SELECT .*?);$", PAGE, re.MULTILINE | re.DOTALL)


def test_a_new_ledger_gets_every_table() -> None:
    connection = sqlite3.connect(":memory:")
    migrate(connection, 0)
    tables = {
        name
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
        )
    }
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


def test_the_page_names_every_table_and_column() -> None:
    connection = sqlite3.connect(":memory:")
    migrate(connection, 0)
    for (table,) in connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'view' OR type = 'table'"
    ).fetchall():
        row = re.search(rf"^\| `{table}` \| (.*) \|$", PAGE, re.MULTILINE)
        assert row, table
        columns = [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]
        documented = re.findall(r"`(\w+)`", row[1])
        assert documented == [column for column in columns if column != "checksum"]


@pytest.mark.parametrize(
    "query, expected",
    list(
        zip(
            QUERIES,
            [
                [("S", 5020 / 6)],
                [
                    ("1970-01-01T00:00:00.000000003Z", "S", "buy", 2, 10),
                    ("1970-01-01T00:00:00.000000005Z", "S", "sell", 4, 1250),
                ],
                [
                    (2, "S", 1250, 4, "1970-01-01T00:00:00.000000005Z"),
                    (1, "S", 10, 2, "1970-01-01T00:00:00.000000003Z"),
                ],
            ],
            strict=True,
        )
    ),
    ids=["vwap", "trades", "executions"],
)
def test_the_pages_queries_answer_what_it_says(
    query: str,
    expected: list[object],
    tmp_path: Path,
) -> None:
    market = Stoppable(tmp_path / "market.db", clock=iter(range(1, 99)).__next__)
    for act in (
        sell(2, price=10),
        buy(2, account="ME", price=10),
        buy(4, price=1250),
        sell(4, account="ME", price=1250),
    ):
        play(market.exchange, (("V", "S"), act))
    market.exchange.close()
    query = query.replace("2026-01-17", "1970-01-01").replace("2026-01-18", "1970-01-02")
    assert sqlite3.connect(tmp_path / "market.db").execute(query).fetchall() == expected


def test_executions_of_the_first_version_are_numbered_as_fills_and_signed() -> None:
    connection = sqlite3.connect(":memory:")
    for statement in MIGRATIONS[0].split(";"):
        connection.execute(statement)
    trades = [("V", "S", 0, 1), ("V", "S", 0, 2), ("V", "T", 0, 2), ("V", "S", 2, 3)]
    connection.executemany(
        "INSERT INTO executions (venue, symbol, standing_id, incoming_id, price, quantity, ts) "
        "VALUES (?, ?, ?, ?, 5, 6, '2016-01-17T22:43:07.123456789Z')",
        trades,
    )
    migrate(connection, 1)
    rows = connection.execute(
        f"SELECT 0, {EXECUTION_COLUMNS} FROM executions ORDER BY number"
    ).fetchall()
    numbers = [(row[3], row[4], row[5], row[6]) for row in rows]
    assert numbers == [(0, 0, 1, 0), (0, 1, 2, 0), (0, 0, 2, 0), (2, 1, 3, 0)]
    assert [read_fill(row)[:2] for row in rows] == [(0, 0), (0, 1), (0, 0), (2, 1)]


def test_an_orders_fills_are_found_by_an_index() -> None:
    connection = sqlite3.connect(":memory:")
    migrate(connection, 0)
    plan = connection.execute(
        "EXPLAIN QUERY PLAN SELECT * FROM fills WHERE (venue, symbol, order_id) = (1, 2, 3)"
    ).fetchall()
    assert sum("INDEX executions_by_" in row[-1] for row in plan) == 2
    assert not any("SCAN" in row[-1] for row in plan)
