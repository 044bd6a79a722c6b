"""The market inside: a level is played in it as by `play`, and opponents trade by its clock."""

import pytest
from level_players import WINNERS

from disorderbook.game.simulation import play
from disorderbook.lab.simulated_market import LevelMarket, OpponentsMarket

DAY = 5 * 10**9  # nanoseconds


@pytest.mark.parametrize(
    "contest", [each for each in WINNERS if each.level in ("sell_side", "chock_a_block")], ids=str
)
def test_a_level_goes_as_in_play(contest) -> None:  # type: ignore[no-untyped-def]
    player = contest.make()
    market = LevelMarket(3, contest.level, DAY)
    for _ in market.looks(500, 1):
        market.view.refresh()
        while player.step(market.view):
            market.view.refresh()
    played = play(contest.level, 3, contest.make())
    outcome = market.outcome()
    assert outcome is not None
    assert (outcome.state, outcome.day, outcome.nav) == (played.state, played.day, played.nav)
    assert [order.price for order in market.orders()] == [
        played.run.book.find(number).price  # type: ignore[union-attr]
        for number in range(played.run.book.next_id)
    ]


def test_a_level_ends_after_its_last_day() -> None:
    market = LevelMarket(3, "chock_a_block", 10**8)
    looks = sum(1 for _ in market.looks(500, 1))
    outcome = market.outcome()
    assert looks == 500 and outcome is not None and outcome.state == "lost"
    assert list(market.looks(1, 1)) == []


def test_looks_of_a_level_are_in_its_silence() -> None:
    market = LevelMarket(3, "sell_side", DAY)
    days = []
    for _ in market.looks(3, 2):
        days.append((market.day, market._run.is_bursting))
    assert days == [(day, False) for day in (0, 0, 1, 1, 2, 2)]


def test_days_with_opponents_are_lengths_of_time() -> None:
    market = OpponentsMarket(7, "noise", (None, None, None), DAY)
    times = [(market.now - market.start) // 10**6 for _ in market.looks(2, 2)]
    assert times == [2500, 5000, 7500, 10000]
    assert market.days_played == 2 and market.outcome() is None and market.flash is None
