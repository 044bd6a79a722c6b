"""The tables that a ledger begins with."""

import sqlite3

from disorderbook.ledger.schema import MIGRATIONS, SCHEMA_VERSION, migrate


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
