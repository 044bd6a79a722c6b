"""The schedule serves each run when it is due, one order at a time, and in turn."""

from disorderbook.exchange import Exchange
from disorderbook.game.levels import LEVELS
from disorderbook.game.run import Place, Run
from disorderbook.game.schedule import Schedule


def a_run(exchange: Exchange, number: int) -> Run:
    place = Place(f"V{number}", "S", "A")
    return Run(LEVELS["first_steps"], number, exchange, place, 0)


def test_runs_take_turns_by_what_is_due() -> None:
    exchange = Exchange()
    schedule = Schedule()
    assert schedule.next_at is None and schedule.act(10**18) is None
    runs = [a_run(exchange, number) for number in range(3)]
    numbers = [schedule.add(run) for run in runs]
    served = []
    for _ in range(1000):
        due = schedule.next_at
        assert due == min(run.next_at for run in runs)
        assert schedule.act(due - 1) is None
        served.append(schedule.act(due))
    assert {run.day for run in runs} <= {served[-1].day - 1, served[-1].day, served[-1].day + 1}
    schedule.remove(numbers[0])
    schedule.remove(numbers[0])
    assert len(schedule) == 2
    for _ in range(200):
        assert schedule.act(schedule.next_at or 0) is not runs[0]


def test_a_run_that_is_over_is_served_no_more() -> None:
    schedule = Schedule()
    run = a_run(Exchange(), 1)
    schedule.add(run)
    while schedule.next_at is not None:
        schedule.act(schedule.next_at)
    assert run.is_over and len(schedule) == 0
