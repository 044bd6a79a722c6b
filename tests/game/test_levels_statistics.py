"""The markets of the levels look like those that were recorded: few seeds, and bounds twice as wide
as the benchmark's (benchmarks/levels.py).
"""

import pytest
from level_statistics import AMENDS, BOUNDS, Bound, Figures, means, observe

SEEDS, DAYS = 5, 100
CASE_DAYS = 200  # of making_amends: ten large takes of one account take as long
GATED = [
    pytest.param(bound, marks=pytest.mark.slow if bound.level == AMENDS else ())
    for bound in BOUNDS
    if bound.low is not None
]
_measured: dict[str, Figures] = {}


def measured(level: str) -> Figures:
    if level not in _measured:
        days = CASE_DAYS if level == AMENDS else DAYS
        _measured[level] = means(observe(level, seed, days) for seed in range(SEEDS))
    return _measured[level]


@pytest.mark.parametrize("bound", GATED, ids=lambda bound: f"{bound.level}: {bound.figure}")
def test_a_figure_is_near_the_recorded_one(bound: Bound) -> None:
    value = measured(bound.level)[bound.figure]
    assert bound.allows(value, wider=2.0), value


def test_bounds_refuse_what_is_outside() -> None:
    fills = next(bound for bound in BOUNDS if bound.figure == "fills a day")
    assert fills.allows(9.4) and not fills.allows(9.4 * 1.16) and fills.allows(9.4 * 1.16, 2.0)
    assert not fills.allows(9.4 * 0.69, 2.0)
