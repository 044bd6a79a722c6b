"""The game master's answers."""

import json

from disorderbook.accounts import Accounts
from disorderbook.exchange import Exchange
from disorderbook.game.levels import LEVELS
from disorderbook.game.master import GameMaster
from disorderbook.game.messages import levels_message, results_message, start_message
from disorderbook.game.results import LevelResult


def test_levels_are_told_by_name() -> None:
    assert json.loads(levels_message())["levels"] == [{"name": name} for name in LEVELS]


def test_whole_seconds_stay_whole_where_a_day_is_shortened() -> None:
    instance = GameMaster(Exchange(), Accounts()).start("ANN", "first_steps")
    for seconds, told in ((5.0, 5), (0.05, 1), (1.5, 2), (60.0, 60)):
        assert json.loads(start_message(instance, seconds))["secondsPerTradingDay"] == told
    assert f'"secondsPerTradingDay":{5}' in start_message(instance, 5.0).decode()


def test_results_are_a_list() -> None:
    result = LevelResult("sell_side", "ANN", "won", 7, 5, 3, True, 2, False, 0)
    told = json.loads(results_message([result, result._replace(state="lost")]))["results"]
    assert [each["state"] for each in told] == ["won", "lost"]
    assert told[0]["ts"] == "1970-01-01T00:00:00.000000000Z"
    assert json.loads(results_message([])) == {"ok": True, "results": []}
