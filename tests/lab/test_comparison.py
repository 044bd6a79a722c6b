"""Paired differences: the interval against published tables, and how often two equal programs are
called different, by simulation.
"""

import random
from collections.abc import Callable

import pytest

from disorderbook.lab.comparison import (
    BETTER,
    SAME,
    UNDECIDED,
    WORSE,
    chance_of_signs,
    compared,
    looks_until,
    sentence,
    student_quantile,
)

# Abramowitz and Stegun, Handbook of Mathematical Functions (1964), table 26.10, and its
# asymptotic line, which is the normal distribution's.
STUDENT = [
    (0.975, 1, 12.706),
    (0.975, 2, 4.303),
    (0.975, 3, 3.182),
    (0.975, 9, 2.262),
    (0.975, 19, 2.093),
    (0.995, 1, 63.657),
    (0.995, 20, 2.845),
    (0.9995, 4, 8.610),
    (0.95, 30, 1.697),
    (0.975, 120, 1.980),
    (0.975, 10_000, 1.960),
    (0.75, 1, 1.000),
    (0.5, 7, 0.0),
]


@pytest.mark.parametrize("probability, freedom, value", STUDENT)
def test_students_t_is_as_in_the_tables(probability: float, freedom: int, value: float) -> None:
    assert student_quantile(probability, freedom) == pytest.approx(value, abs=0.0005)


@pytest.mark.parametrize("probability, freedom", [(0.4, 3), (1.0, 3), (0.9, 0), (float("nan"), 3)])
def test_what_is_no_quantile_is_refused(probability: float, freedom: int) -> None:
    with pytest.raises(ValueError, match="There is no quantile"):
        student_quantile(probability, freedom)


def test_the_interval_is_that_of_a_worked_example() -> None:
    """Student's own: the additional hours of sleep of ten patients (1908, p. 20): a mean of 1.58,
    and a standard deviation of 1.23 with n - 1, so t is 4.06.
    """
    dextro = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    laevo = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    told = compared(laevo, dextro)
    assert (told.seeds, told.won, told.tied, told.verdict) == (10, 9, 1, BETTER)
    assert told.difference == pytest.approx(1.58)
    assert (told.lowest, told.highest) == pytest.approx((0.7001, 2.4599), abs=1e-4)
    other = compared(dextro, laevo)
    assert (other.won, other.tied, other.verdict) == (0, 1, WORSE)


def test_what_is_the_same_everywhere_is_said_to_be() -> None:
    assert compared([1, 2, 3], [1, 2, 3]).verdict == SAME == compared([5], [5]).verdict


def test_a_few_seeds_decide_nothing_however_alike_they_are() -> None:
    """Six that agree are the first that chance gives in under 5 % of cases."""
    verdicts = [compared([1.0] * count, [0.0] * count).verdict for count in range(1, 8)]
    assert verdicts == [UNDECIDED] * 5 + [BETTER] * 2
    assert compared([1.0] * 6, [0.0] * 6, looks=2).verdict == UNDECIDED
    assert compared([1.0] * 4 + [0.0] * 16, [0.0] * 20).verdict == UNDECIDED


def test_the_chance_of_signs_is_counted_and_beyond_that_drawn() -> None:
    assert chance_of_signs([1.0, 1.0, -1.0]) == 1
    assert chance_of_signs([3.0, 1.0, 0.0, 2.0]) == 2 / 8
    assert chance_of_signs([0.1] * 9 + [-0.1]) == 22 / 1024
    assert chance_of_signs([5.0] * 40) == 1 / 10_000
    drawn = chance_of_signs([1.0] * 14 + [-1.0] * 6)
    assert drawn == pytest.approx(0.1153, abs=0.01)  # the sign test's, twice 0.0577


def test_results_of_different_seeds_are_refused() -> None:
    with pytest.raises(ValueError):
        compared([1, 2], [1])
    with pytest.raises(ValueError, match="nothing to compare"):
        compared([], [])


def test_looks_double_until_the_last() -> None:
    assert looks_until(320) == [10, 20, 40, 80, 160, 320]
    assert looks_until(100) == [10, 20, 40, 80, 100]
    assert looks_until(10) == [10] and looks_until(7) == [7]


EQUAL: dict[str, Callable[[random.Random], float]] = {
    "normal": lambda chance: chance.gauss(0, 1),
    "one or the other": lambda chance: chance.choice((-1.0, 1.0)),
    "mostly the same": lambda chance: chance.choice((-1.0, 0.0, 0.0, 0.0, 0.0, 1.0)),
    "rare and large": lambda chance: chance.gauss(0, 1) / (chance.random() or 1),
}


def decided(draw: Callable[[random.Random], float], chance: random.Random, looks: int) -> bool:
    """Whether one of the looks at growing numbers of differences decides."""
    results: list[float] = []
    for seeds in looks_until(40):
        results += [draw(chance) for _ in range(seeds - len(results))]
        if compared(results, [0.0] * seeds, looks).verdict in (BETTER, WORSE):
            return True
    return False


@pytest.mark.parametrize("kind", EQUAL)
def test_two_equal_programs_are_seldom_called_different(kind: str) -> None:
    chance = random.Random(7)
    looks = len(looks_until(40))
    called = sum(decided(EQUAL[kind], chance, looks) for _ in range(400))
    assert called <= 20


def test_without_the_correction_they_would_be_called_different_too_often() -> None:
    chance = random.Random(7)
    called = sum(decided(EQUAL["normal"], chance, 1) for _ in range(400))
    assert called > 30


def test_one_that_is_better_is_found_out() -> None:
    chance = random.Random(7)
    found = sum(decided(lambda chance: chance.gauss(0.8, 1), chance, 3) for _ in range(40))
    assert found >= 38


def test_each_answer_is_one_sentence() -> None:
    better = compared([100.0 + each for each in range(10)], [0.0] * 10)
    assert sentence(better, "new.py", "old.py") == (
        "new.py is better than old.py: 104.50 dollars more a seed (95 % interval of the difference:"
        " 102.33 to 106.67), won in 10 of 10 seeds."
    )
    worse = compared([0.0] * 10, [1000.0 + each for each in range(10)], looks=3)
    assert sentence(worse, "new.py", "old.py") == (
        "new.py is worse than old.py: 1,004.50 dollars less a seed (95 % interval of the"
        " difference: -1,007.31 to -1,001.69, corrected for 3 looks), won in 0 of 10 seeds."
    )
    unsure = compared([1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    assert sentence(unsure, "new.py", "old.py") == (
        "It is not to be told yet whether new.py is better than old.py: 0.00 dollars more a seed"
        " (95 % interval of the difference: -2.48 to 2.48), won in 1 of 3 seeds, tied in 1."
    )
    few = sentence(compared([3.0, 4.0, 5.0], [0.0] * 3), "new.py", "old.py")
    assert "1.52 to 6.48; so few seeds may agree by chance), won in 3 of 3" in few
    alone = sentence(compared([2.0], [1.0]), "new.py", "old.py")
    assert alone.endswith(
        ": 1.00 dollars more a seed (one seed has no interval), won in 1 of 1 seed."
    )
    same = compared([1.0, 2.0], [1.0, 2.0])
    assert sentence(same, "a", "b") == "a and b did the same in all 2 seeds."
    assert sentence(compared([1.0], [1.0]), "a", "b") == "a and b did the same in 1 seed."
