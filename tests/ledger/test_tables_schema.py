"""The tables that a ledger begins with."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from durable_market import Stoppable, buy, play, sell

from disorderbook.engine.orders import NewOrder, OrderType, Side
from disorderbook.ledger.base import StoredRun
from disorderbook.ledger.tables import (
    MIGRATIONS,
    ORDERS,
    RUNS,
    SCHEMA_VERSION,
    WRITE_RUN,
    create_tables,
    migrate,
)

PAGE = (Path(__file__).parents[2] / "docs" / "database.md").read_text()
QUERIES = re.findall(r"^    ((?:SELECT|WITH) .*?);$", PAGE, re.MULTILINE | re.DOTALL)


def test_a_new_ledger_gets_every_table() -> None:
    connection = sqlite3.connect(":memory:")
    create_tables(connection)
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
    assert SCHEMA_VERSION == 1 + len(MIGRATIONS)


def test_the_open_orders_are_read_from_their_index_alone() -> None:
    connection = sqlite3.connect(":memory:")
    create_tables(connection)
    plan = connection.execute(
        f"EXPLAIN QUERY PLAN SELECT {ORDERS.all} FROM orders WHERE remaining > 0 "
        "ORDER BY venue, symbol, id"
    ).fetchall()
    assert [row[-1] for row in plan] == ["SCAN orders USING COVERING INDEX open_orders"]


def test_the_page_names_every_table_and_column() -> None:
    connection = sqlite3.connect(":memory:")
    create_tables(connection)
    for (table,) in connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'view' OR type = 'table'"
    ).fetchall():
        row = re.search(rf"^\| `{table}` \| (.*) \|$", PAGE, re.MULTILINE)
        assert row, table
        columns = [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]
        documented = re.findall(r"`(\w+)`", row[1])
        assert documented == [column for column in columns if column != "checksum"]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A market with every way for an order to be closed, a stock and a minute of its own each."""
    file = tmp_path_factory.mktemp("queries") / "market.db"
    begin = 1768690800 * 10**9  # 2026-01-17T23:00:00Z
    running = Stoppable(file, clock=iter(range(begin, 2 * begin, 60 * 10**9)).__next__)
    for symbol in ("FOOBAR", "BAZ"):
        for act in (
            sell(2, price=10),
            buy(2, account="ME", price=10),
            buy(4, price=1250),
            sell(4, account="ME", price=1250),
            NewOrder("ME", Side.BUY, OrderType.FILL_OR_KILL, 5, 5),
            NewOrder("ME", Side.SELL, OrderType.IMMEDIATE_OR_CANCEL, 5, 5),
            sell(7, account="ME", price=20),
            6,
            sell(8, price=30),
        ):
            play(running.exchange, (("TESTEX", symbol), act))
    running.exchange.close()
    run = StoredRun("TESTEX", "FOOBAR", 1, "ann", "sell_side", "ME", 7, False, begin, 2 * begin)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(WRITE_RUN, RUNS.row(run))
    return file


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: " ".join(query.split())[:40])
def test_each_query_of_the_page_finds_something(query: str, market: Path) -> None:
    with closing(sqlite3.connect(market)) as connection:
        assert connection.execute(query).fetchall()


def test_the_queries_answer_what_the_page_says(market: Path) -> None:
    with closing(sqlite3.connect(market)) as connection:
        answers = [connection.execute(query).fetchall() for query in QUERIES]
    looks_back, vwap, trades, executions, events, reasons, waiting = answers
    assert [(row[0], *row[4:]) for row in looks_back] == [("sell_side", -2, 4980 - 2 * 1250)]
    assert vwap == [("BAZ", 5020 / 6), ("FOOBAR", 5020 / 6)]
    assert [row[1:] for row in trades] == [
        (symbol, *trade)
        for symbol in ("FOOBAR", "BAZ")
        for trade in (("buy", 2, 10), ("sell", 4, 1250))
    ]
    assert [row[0] for row in executions] == [4, 3, 2, 1]
    assert [row[:3] for row in events] == [
        *[(number, "place", number) for number in range(7)],
        (7, "cancel", 6),
        (8, "place", 7),
    ]
    assert dict(reasons) == {"filled": 8, "killed": 2, "rest": 2, "cancelled": 2}
    assert len(waiting) == 8


def test_an_orders_fills_are_found_by_an_index() -> None:
    connection = sqlite3.connect(":memory:")
    create_tables(connection)
    plan = connection.execute(
        "EXPLAIN QUERY PLAN SELECT * FROM fills WHERE (venue, symbol, order_id) = (1, 2, 3)"
    ).fetchall()
    assert sum("INDEX executions_by_" in row[-1] for row in plan) == 2
    assert not any("SCAN" in row[-1] for row in plan)
