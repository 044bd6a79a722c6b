"""The levels as data: in order, within their ranges, and in words of their own."""

import pytest

from disorderbook.game.levels import LEVELS, Level
from disorderbook.game.simulation import LevelSimulation

RANGES = {
    "chock_a_block": (2600, 9999),
    "sell_side": (6000, 10000),
    "dueling_bulldozers": (6000, 10000),
}


@pytest.mark.parametrize("level", LEVELS.values(), ids=list(LEVELS))
def test_a_level_tells_what_a_player_needs(level: Level) -> None:
    assert LEVELS[level.name] is level
    assert set(level.instructions) >= {"Instructions", "Order Types"}
    for word in ("market", "limit", "fok", "ioc"):
        assert word in level.instructions["Order Types"]
    assert level.goal and level.limits


@pytest.mark.parametrize("level", LEVELS.values(), ids=list(LEVELS))
def test_first_prices_lie_within_the_levels_range(level: Level) -> None:
    low, high = RANGES.get(level.name, (2600, 10300))
    prices = [LevelSimulation(level, seed).run.first_price for seed in range(60)]
    assert low <= min(prices) <= low + (high - low) * 0.1
    assert high >= max(prices) >= high - (high - low) * 0.1
