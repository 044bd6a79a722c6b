"""The timeline: what is due happens in a fixed order, and a stepped clock moves when asked."""

from concurrent.futures import Future

import pytest

from disorderbook.errors import CannotWrite, ClockGoesByItself, Ending, TooManyAdvances
from disorderbook.exchange import Exchange
from disorderbook.game.simulation import START
from disorderbook.timeline.clock import LATEST, RealClock, SteppedClock
from disorderbook.timeline.timeline import MOST_ADVANCES, Timeline


class Script:
    """A source that is due at these moments after START, and notes when it acts."""

    def __init__(self, name: str, clock: SteppedClock, said: list[tuple[str, int]], *due: int):
        self.name, self.clock, self.said = name, clock, said
        self.due = [START + each for each in due]
        self.fault: Exception | None = None

    @property
    def next_at(self) -> int | None:
        return self.due[0] if self.due else None

    def act(self) -> None:
        if self.fault is not None:
            raise self.fault
        self.said.append((self.name, self.clock() - START))
        del self.due[0]


class World:
    def __init__(self) -> None:
        self.clock = SteppedClock()
        self.said: list[tuple[str, int]] = []
        self.one = Script("one", self.clock, self.said, 10, 20, 30)
        self.two = Script("two", self.clock, self.said, 5, 20, 40)
        self.timeline = Timeline(Exchange(clock=self.clock), self.clock, [self.one, self.two])

    def work(self) -> None:
        while self.timeline.act_or_move():
            pass


def test_time_goes_from_due_moment_to_due_moment_and_sources_in_their_order() -> None:
    world = World()
    world.timeline.advance(30)
    assert world.said == [("two", 5), ("one", 10), ("one", 20), ("two", 20), ("one", 30)]
    assert world.clock.now == START + 30
    world.timeline.advance(9)
    assert len(world.said) == 5 and world.clock.now == START + 39


def test_what_waits_for_time_is_told_when_all_has_happened_one_after_the_other() -> None:
    world = World()
    first, second = world.timeline.advance_later(10), world.timeline.advance_later(15)
    assert world.timeline.act_or_move() and not first.done() and len(world.said) == 1
    while not first.done():
        world.timeline.act_or_move()
    assert world.said == [("two", 5), ("one", 10)] and not second.done()
    world.work()
    assert (first.result(), second.result()) == (START + 10, START + 25)
    assert world.said[-1] == ("two", 20) and not world.timeline.act_or_move()


def test_one_that_begins_to_wait_does_not_make_the_first_wait_longer() -> None:
    world = World()
    first = world.timeline.advance_later(10)
    world.timeline.act_or_move()  # the clock shows 5
    world.timeline.advance_later(0)
    world.work()
    assert first.result() == START + 10 == world.clock.now


def test_a_failure_is_logged_and_time_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    world = World()

    def fail() -> None:
        world.one.due.clear()
        raise RuntimeError("a bug")

    world.one.act = fail  # type: ignore[method-assign]
    world.timeline.advance(50)
    assert [name for name, _ in world.said] == ["two"] * 3 and "a bug" in caplog.text
    assert world.clock.now == START + 50


def test_while_nothing_can_be_written_time_passes_for_requests_and_waits_are_refused() -> None:
    world = World()
    world.two.fault = CannotWrite()
    world.timeline.advance(7)
    assert world.clock.now == START + 7 and not world.said
    moved = world.timeline.advance_later(10)
    with pytest.raises(CannotWrite):
        world.work()
    with pytest.raises(CannotWrite):
        moved.result(0)


def test_at_the_end_all_that_wait_are_told_and_nobody_waits_any_more() -> None:
    world = World()
    waiting: list[Future[int]] = [world.timeline.advance_later(1) for _ in range(3)]
    world.timeline.close()
    for each in waiting:
        with pytest.raises(Ending):
            each.result(0)
    with pytest.raises(Ending):
        world.timeline.advance_later(1)


def test_so_many_may_wait_and_no_more() -> None:
    world = World()
    for _ in range(MOST_ADVANCES):
        world.timeline.advance_later(1)
    with pytest.raises(TooManyAdvances) as refusal:
        world.timeline.advance_later(1)
    assert "100" in refusal.value.detail
    world.work()
    assert world.clock.now == START + MOST_ADVANCES


def test_a_clock_that_goes_by_itself_is_not_moved() -> None:
    timeline = Timeline(Exchange(), RealClock())
    with pytest.raises(ClockGoesByItself):
        timeline.advance(1)
    with pytest.raises(ClockGoesByItself):
        timeline.advance_later(1)


def test_time_waits_for_those_who_cannot_keep_up_but_not_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[bool] = []
    answers = [True, True, False]

    def is_behind() -> bool:
        looks.append(exchange.lock.locked())
        return answers.pop(0) if answers else False

    clock = SteppedClock()
    exchange = Exchange(clock=clock)
    timeline = Timeline(exchange, clock, is_behind=is_behind)
    with exchange.lock:
        timeline.advance_in_pace(5)
        assert looks == [True, False, False] and exchange.lock.locked()
    monkeypatch.setattr("disorderbook.timeline.timeline.PATIENCE", 0.01)
    stalled = Timeline(exchange, clock, is_behind=lambda: True)
    for _ in range(2):
        stalled.keep_pace()
    assert stalled._patience <= 0


def test_in_one_request_time_waits_after_each_thing_that_happens() -> None:
    world = World()
    exchange, waits = world.timeline._exchange, []
    commits = []
    exchange.commit = lambda flush=False: commits.append(exchange.lock.locked())  # type: ignore[method-assign]

    def is_behind() -> bool:
        if not exchange.lock.locked():
            waits.append(list(world.said))
            return False
        return len(world.said) > len(waits)

    world.timeline._is_behind = is_behind
    with exchange.lock:
        world.timeline.advance_in_pace(20)
        assert waits == [world.said[: number + 1] for number in range(4)]
    assert commits == [True] * 4  # others may read what has happened


def test_no_clock_is_moved_beyond_what_a_time_stamp_can_say() -> None:
    clock = SteppedClock(LATEST - 5)
    timeline = Timeline(Exchange(clock=clock), clock)
    timeline.advance(100)
    moved = timeline.advance_later(100)
    timeline.act_or_move()
    assert clock.now == moved.result(0) == LATEST
