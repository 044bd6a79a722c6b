"""The thread of what happens by itself."""

import threading

import pytest
from level_player import until

from disorderbook.accounts import Accounts
from disorderbook.errors import Ending
from disorderbook.exchange import Exchange
from disorderbook.game.master import GameMaster, GameSettings
from disorderbook.game.simulation import START
from disorderbook.timeline.clock import Clock, RealClock, SteppedClock
from disorderbook.timeline.thread import TimelineThread
from disorderbook.timeline.timeline import Timeline


def test_it_begins_with_the_first_level_and_trades_the_first_day_order_by_order() -> None:
    exchange = Exchange()
    master = GameMaster(exchange, Accounts())
    held: list[bool] = []
    commit = exchange.commit

    def count(flush: bool = False) -> None:
        held.append(exchange.lock.locked())
        commit(flush)

    exchange.commit = count  # type: ignore[method-assign]
    before = set(threading.enumerate())  # another test may keep an exchange
    with TimelineThread(exchange, master, Timeline(exchange, RealClock(), [master])):
        assert set(threading.enumerate()) <= before
        with exchange.lock:
            instance = master.start("ANN", "sell_side")
            opened = master.opened(instance)
        assert opened.result(60) is None
        with exchange.lock:
            assert instance.run is not None
            assert len(held) >= instance.run.book.event_count > 20 and all(held)
        assert [thread.name for thread in set(threading.enumerate()) - before] == ["timeline"]
    assert set(threading.enumerate()) <= before


def test_who_waits_when_it_ends_is_told() -> None:
    exchange = Exchange()
    master = GameMaster(exchange, Accounts())
    thread = TimelineThread(exchange, master, Timeline(exchange, RealClock(), [master]))
    with exchange.lock:
        opened = master.opened(master.start("ANN", "sell_side"))
        master._schedule.act = lambda now: None  # type: ignore[method-assign, assignment]
    thread.stop()
    with pytest.raises(Ending):
        opened.result(60)


@pytest.mark.parametrize("clock, acted", [(SteppedClock(), 3), (RealClock(lambda: START), 0)])
def test_at_the_end_a_stepped_clock_leaves_nothing_undone_that_is_due(
    clock: Clock, acted: int
) -> None:
    """Or it would depend on the thread how much is done of that."""
    exchange = Exchange(clock=clock.read)
    due, said = [START, START, START, START + 1000], []

    class Source:
        @property
        def next_at(self) -> int:
            return due[0]

        def act(self) -> None:
            said.append(due.pop(0))

    timeline = Timeline(exchange, clock, [Source()])
    TimelineThread(exchange, GameMaster(exchange, Accounts()), timeline).stop()
    assert len(said) == acted


def test_an_error_does_not_end_it(caplog: pytest.LogCaptureFixture) -> None:
    exchange = Exchange()
    master = GameMaster(exchange, Accounts(), GameSettings(day_seconds=0.05))
    with TimelineThread(exchange, master, Timeline(exchange, RealClock(), [master])):
        with exchange.lock:
            bad, good = master.start("ANN", "sell_side"), master.start("ANN", "first_steps")
            assert bad.run is not None
            bad.run._turns = [None]  # type: ignore[list-item]
        until(lambda: good.run is not None and good.run.day > 2)
    assert "has failed" in caplog.text and "not served any more" in caplog.text
