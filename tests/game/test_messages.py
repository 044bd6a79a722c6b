"""The game master's answers."""

import json
from threading import Lock

from disorderbook.accounts import Accounts
from disorderbook.engine.orders import BUY
from disorderbook.exchange import Exchange
from disorderbook.game.instance import OwnFill
from disorderbook.game.levels import LEVELS
from disorderbook.game.master import GameMaster
from disorderbook.game.messages import (
    ROWS_AT_ONCE,
    fills_message,
    levels_message,
    results_message,
    start_message,
)
from disorderbook.game.results import LevelResult, Results
from disorderbook.protocol.route import Steps, made_in_steps


def all_steps(steps: Steps) -> list[bytes]:
    body = made_in_steps(steps, Lock(), b"")
    return [body] if isinstance(body, bytes) else list(body)


def test_levels_are_told_by_name() -> None:
    assert json.loads(levels_message())["levels"] == [{"name": name} for name in LEVELS]


def test_whole_seconds_stay_whole_where_a_day_is_shortened() -> None:
    instance = GameMaster(Exchange(), Accounts()).start("ANN", "first_steps")
    for seconds, told in ((5.0, 5), (0.05, 1), (1.5, 2), (60.0, 60)):
        assert json.loads(start_message(instance, seconds))["secondsPerTradingDay"] == told
    assert f'"secondsPerTradingDay":{5}' in start_message(instance, 5.0).decode()


def _result(number: int) -> LevelResult:
    return LevelResult("sell_side", "ANN", "won", 7, number, 3, True, 2, False, 0)


def test_results_are_a_list() -> None:
    results = [_result(5), _result(5)._replace(state="lost")]
    told = json.loads(b"".join(all_steps(results_message(results))))["results"]
    assert [each["state"] for each in told] == ["won", "lost"]
    assert told[0]["ts"] == "1970-01-01T00:00:00.000000000Z"
    [nothing] = all_steps(results_message([]))
    assert json.loads(nothing) == {"ok": True, "results": []}


def test_results_are_told_some_at_a_time_as_they_were() -> None:
    results = Results()
    for number in range(2 * ROWS_AT_ONCE):
        results.add("ANN", _result(number))
    steps = results_message(results)
    results.add("ANN", _result(-1))
    told = all_steps(steps)
    assert [step.count(b'"nav"') for step in told] == [ROWS_AT_ONCE, ROWS_AT_ONCE, 0]
    navs = [each["nav"] for each in json.loads(b"".join(told))["results"]]
    assert navs == list(reversed(range(2 * ROWS_AT_ONCE)))


def test_a_players_fills_are_told_some_at_a_time() -> None:
    instance = GameMaster(Exchange(), Accounts()).start("ANN", "first_steps")
    fills = [OwnFill(number, 5, 3, 0, BUY, 5000, 10) for number in range(1, 2 * ROWS_AT_ONCE + 8)]
    instance._fills.extend(fills)
    instance.fill_count = len(fills)
    told = all_steps(fills_message(instance, since=6))
    assert [step.count(b'"day"') for step in told] == [ROWS_AT_ONCE, ROWS_AT_ONCE, 1]
    numbers = [each["number"] for each in json.loads(b"".join(told))["fills"]]
    assert numbers == list(range(7, len(fills) + 1))
