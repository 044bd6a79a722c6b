"""Who plays well wins a level, and who is naive does not; all of it in simulated time.

The benchmark (benchmarks/levels.py) plays 40 seeds of each.
"""

import pytest
from level_players import NAIVE, WINNERS, Contest

from disorderbook.game.simulation import play

SEEDS = range(8)
SLOW = ("dueling_bulldozers", "making_amends")  # more than two seconds of the processor


def name_of(contest: Contest) -> str:
    return f"{contest.level}: {contest.name}"


@pytest.mark.parametrize(
    "contest",
    [pytest.param(each, marks=pytest.mark.slow if each.level in SLOW else ()) for each in WINNERS],
    ids=name_of,
)
def test_a_good_player_wins(contest: Contest) -> None:
    states = [play(contest.level, seed, contest.make()).state for seed in SEEDS]
    assert states.count("won") >= 7, states


@pytest.mark.parametrize("contest", NAIVE, ids=name_of)
def test_a_naive_player_does_not_win(contest: Contest) -> None:
    assert play(contest.level, 0, contest.make()).state != "won"
