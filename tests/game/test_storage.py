"""Levels in a file: what survives a kill and a restart."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from durable_levels import DurableLevels, orders

from disorderbook.engine.orders import BUY
from disorderbook.errors import CannotWrite, VenueClosed
from disorderbook.game.levels import LEVELS
from disorderbook.game.referee import Portfolio
from disorderbook.game.storage import restored, stored

DAYS = 3
IN_ITS_BURST = (0, 3, 11)  # actions after which there is a kill, on each of the days from 1


@pytest.fixture
def levels(tmp_path: Path) -> Iterator[DurableLevels]:
    levels = DurableLevels(tmp_path / "market.db")
    yield levels
    levels.close()


@pytest.mark.parametrize("name", LEVELS)
def test_a_kill_in_mid_day_changes_nothing_that_follows(name: str, tmp_path: Path) -> None:
    seen = []
    for is_killed in (False, True):
        folder = tmp_path / str(is_killed)
        folder.mkdir()
        levels = DurableLevels(folder / "market.db")
        with levels.exchange.transaction():
            instance = levels.master.start("ANN", name)
        levels.play_day(instance)
        for actions in IN_ITS_BURST:
            for _ in range(actions):
                levels.act()
            if is_killed:
                levels.kill()
                (instance,) = levels.master.current("ANN")
            levels.play_day(instance)
        standing = instance.standing(levels.clock.now)
        seen.append(
            [
                orders(levels, instance),
                levels.executions,
                levels.flashes,
                standing,
                instance.fills(0),
                instance.place,
                (instance.seed, instance.tries, instance.started),
                levels.exchange.titles_of(instance.place.venue),
            ]
        )
        levels.close()
    for one, other in zip(*seen, strict=True):
        assert one == other
    assert len(seen[0][4]) > DAYS


def test_the_clock_of_an_instance_stands_still_meanwhile(levels: DurableLevels) -> None:
    with levels.exchange.transaction():
        instance = levels.master.start("ANN", "sell_side")
    levels.play_day(instance)
    assert instance.run is not None
    due, progress = instance.run.next_at, instance.standing(levels.clock.now).progress
    began, then = instance.run.day_began, levels.clock.now
    hour = 3600 * 10**9
    levels.clock.now += hour
    levels.kill()
    (instance,) = levels.master.current("ANN")
    assert instance.run is not None
    # From the last moment that was recorded, which is that of the player's order.
    assert abs(instance.run.next_at - due - hour) < 1000
    assert abs(instance.run.day_began - began - hour) < 1000
    assert instance.standing(then + hour).progress == pytest.approx(progress, abs=1e-6)


def test_at_a_clean_end_the_clock_stops_at_once(levels: DurableLevels) -> None:
    with levels.exchange.transaction():
        instance = levels.master.start("ANN", "sell_side")
    levels.play_day(instance)
    assert instance.run is not None
    levels.clock.now += 10**8
    left = instance.run.next_at - levels.clock.now
    with levels.exchange.transaction():
        levels.master.close()
    levels.clock.now += 10**12
    levels.kill()
    (instance,) = levels.master.current("ANN")
    assert instance.run is not None
    assert abs(instance.run.next_at - levels.clock.now - left) < 1000


def test_a_pause_and_an_accusation_survive(levels: DurableLevels) -> None:
    with levels.exchange.transaction():
        instance = levels.master.start("ANN", "making_amends")
    levels.play_day(instance)
    with levels.exchange.transaction():
        levels.master.pause(instance)
    with levels.exchange.transaction():
        levels.master.judge(instance, "nobody")
    levels.kill()
    (instance,) = levels.master.current("ANN")
    assert instance.is_paused and instance.assisted and not instance.is_open
    assert levels.master.next_at is None  # its clock stands still
    assert instance.run is not None and instance.run.state == "lost"
    assert [result.state for result in levels.master.results] == ["lost"]
    levels.clock.now += 10**12
    with levels.exchange.transaction():
        levels.master.go_on(instance)
    assert levels.master.next_at is not None
    assert 0 < levels.master.next_at - levels.clock.now <= 5 * 10**9


def test_ids_names_and_starts_are_not_given_twice(levels: DurableLevels) -> None:
    used = set()
    for number in range(1, 4):
        with levels.exchange.transaction():
            instance = levels.master.start("ANN", "first_steps")
        assert (instance.id, instance.tries) == (number, number)
        assert instance.place.venue not in used
        used.add(instance.place.venue)
        with levels.exchange.transaction():
            levels.master.stop(instance)
        levels.names = random.Random(7)  # would give the same names once more
        levels.kill()
        assert levels.master.current("ANN") == [] and levels.master.next_at is None
        with pytest.raises(VenueClosed):
            levels.exchange.books(instance.place.venue)
        with pytest.raises(VenueClosed):
            levels.master._accounts.require_open(instance.place.venue)


def test_what_a_run_came_to_is_told_after_its_last_day(levels: DurableLevels) -> None:
    with levels.exchange.transaction():
        instance = levels.master.start("ANN", "sell_side")
    levels.play_day(instance)
    assert instance.run is not None
    instance.run.is_over = True
    levels.act()
    told = instance.standing(0), instance.fills(0)
    assert instance.run is None
    levels.kill()
    (instance,) = levels.master.current("ANN")
    assert instance.run is None and (instance.standing(0), instance.fills(0)) == told


def test_cash_of_any_size_is_stored(levels: DurableLevels) -> None:
    with levels.exchange.transaction():
        instance = levels.master.start("ANN", "sell_side")
    levels.play_day(instance)
    instance.let_go(levels.clock.now)
    assert instance.last is not None
    instance.last = instance.last._replace(holding=Portfolio(1, 2**70, 5))
    assert restored(stored(instance, 0), levels.exchange, 0).last == instance.last


def test_results_survive(levels: DurableLevels) -> None:
    for days in (2, 1):
        with levels.exchange.transaction():
            instance = levels.master.start("ANN", "first_steps")
        for _ in range(days):
            levels.play_day(instance)
        levels.trade(instance, BUY, 200)
        while instance.is_open:
            levels.act()
    results, best = list(levels.master.results), levels.master.results.best("ANN", "first_steps")
    assert len(results) == 2 and best == results[0] and best.state == "won"
    levels.kill()
    assert list(levels.master.results) == results
    assert levels.master.results.best("ANN", "first_steps") == best
    with levels.exchange.transaction():
        assert levels.master.start("ANN", "first_steps").tries == 3


def test_after_a_failed_commit_an_instance_is_as_of_the_last_one(levels: DurableLevels) -> None:
    with levels.exchange.transaction():
        kept = levels.master.start("ANN", "sell_side")
    levels.play_day(kept)
    state = stored(kept, 0)
    fills = kept.fills(0)
    with pytest.raises(CannotWrite), levels.exchange.transaction():
        levels.master.stop(kept)
        levels.master.start("BOB", "first_steps")
        levels.ledger.roll_back()
    (again,) = levels.master.current("ANN")
    assert stored(again, 0) == state and again.fills(0) == fills
    assert levels.master.current("BOB") == []
    assert [*levels.exchange.venues()] == [kept.place.venue]
    assert levels.master._accounts.private[kept.place.venue].player == "ANN"
    levels.master._accounts.require_open(kept.place.venue)
    for change in (
        lambda: levels.master.act(),
        lambda: levels.master.pause(again),
        lambda: levels.master.go_on(again),
        lambda: levels.master.advance(again),
        lambda: levels.master.judge(again, "X"),
        lambda: levels.master.restart(again),
        lambda: levels.master.stop(again),
        lambda: levels.master.start("CAT", "first_steps"),
    ):
        levels.clock.now = max(levels.clock.now, levels.master.next_at or 0)
        with pytest.raises(CannotWrite):
            change()
    assert stored(again, 0) == state and levels.master.current("ANN") == [again]


def test_a_state_is_of_the_same_transaction_as_the_order(levels: DurableLevels) -> None:
    """Each order of a bot is in the file with how far its burst has come, and not without."""
    with levels.exchange.transaction():
        instance = levels.master.start("ANN", "making_amends")
    for _ in range(30):
        with levels.exchange.lock:
            levels.master.act()
            assert levels.ledger.connection.in_transaction
            levels.exchange.commit()
        assert instance.run is not None
        expected = stored(instance, levels.exchange.latest)
        query = "SELECT commands FROM journal ORDER BY number DESC LIMIT 1"
        (last,) = levels.ledger.connection.execute(query).fetchone() or (b"",)
        assert expected.state.encode() in last or levels.ledger._changes.size == 0
    levels.exchange.close()
