"""What is kept of runs of levels that have ended."""

import csv
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from durable_levels import DurableLevels

from disorderbook.engine.orders import BUY
from disorderbook.ledger import runs
from disorderbook.ledger.copies import export
from disorderbook.ledger.tables import create_tables


@pytest.fixture
def levels(tmp_path: Path) -> Iterator[DurableLevels]:
    levels = DurableLevels(tmp_path / "market.db")
    yield levels
    levels.close()


def test_the_newest_results_are_kept(
    levels: DurableLevels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "_OLD_RESULTS", runs._OLD_RESULTS.replace("10000", "2"))
    for _ in range(4):
        with levels.exchange.transaction():
            instance = levels.master.start("ANN", "first_steps")
        levels.play_day(instance)
        levels.trade(instance, BUY, 200)
        while instance.is_open:
            levels.act()
    newest = list(levels.master.results)[:2]
    levels.kill()
    assert list(levels.master.results) == newest


def test_of_ended_runs_the_newest_keep_their_market(levels: DurableLevels, tmp_path: Path) -> None:
    kept = runs.MARKETS_KEPT
    venues = []
    for number in range(kept + 3):
        player = "BOB" if number == 0 else "ANN"
        with levels.exchange.transaction():
            instance = levels.master.start(player, "irrational_exuberance")
        levels.play_day(instance)
        venues.append(instance.place.venue)
        with levels.exchange.transaction():
            levels.master.stop(instance)
    for _ in range(10):
        levels.exchange.flush()
    wanted = [venues[0], *venues[-kept:]]
    read = levels.ledger.connection.execute
    for table in ("books", "orders", "executions", "positions"):
        found = {venue for (venue,) in read(f"SELECT DISTINCT venue FROM {table}")}
        assert found == set(wanted), table
    assert [venue for (venue,) in read("SELECT venue FROM runs ORDER BY number")] == venues
    levels.kill()  # what is left fits together
    assert all(not levels.exchange.is_free(venue) for venue in venues)
    levels.exchange.close()
    folder = tmp_path / "csv"
    export(str(levels.file), str(folder))
    with (folder / "orders.csv").open() as file:
        assert {row["venue"] for row in csv.DictReader(file)} == set(wanted)


def test_a_large_market_is_deleted_a_few_rows_at_a_time_also_after_a_restart(
    levels: DurableLevels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "_OLD_MARKETS", runs._OLD_MARKETS.replace("OFFSET 20", "OFFSET 0"))
    monkeypatch.setattr(runs, "DELETED_AT_ONCE", 5)
    with levels.exchange.transaction():
        instance = levels.master.start("ANN", "first_steps")
    levels.play_day(instance)

    def count() -> int:
        query = "SELECT count(*) FROM orders"
        return int(levels.ledger.connection.execute(query).fetchone()[0])

    levels.exchange.flush()
    before = count()
    with levels.exchange.transaction():
        levels.master.stop(instance)
    assert count() == before - 5
    levels.kill()
    levels.exchange.flush()
    assert count() == before - 10
    for _ in range(before):
        levels.exchange.flush()
    levels.kill()
    assert count() == 0
    assert levels.ledger.connection.execute("SELECT count(*) FROM books").fetchone() == (0,)


def test_old_markets_are_found_without_a_look_at_every_run() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        create_tables(connection)
        plan = connection.execute(f"EXPLAIN QUERY PLAN {runs._OLD_MARKETS}", ("ann",)).fetchall()
    assert len(plan) == 1 and "INDEX ended_runs_by_player (player=?)" in plan[0][-1]
