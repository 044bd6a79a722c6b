"""The clocks, and how one is asked for."""

import math

import pytest

from disorderbook.game.simulation import START
from disorderbook.protocol.names import NANOSECONDS
from disorderbook.timeline.clock import (
    FASTEST,
    LATEST,
    LONGEST_ADVANCE,
    SLOWEST,
    ClockSettings,
    FastClock,
    RealClock,
    SteppedClock,
    clock_settings,
    nanoseconds,
)


def test_a_clock_is_asked_for_in_words() -> None:
    assert clock_settings() == clock_settings("real") == ClockSettings()
    assert clock_settings("stepped") == ClockSettings("stepped")
    assert clock_settings("requests:50ms") == ClockSettings("requests", step=50_000_000)
    assert clock_settings("requests:1.5s") == ClockSettings("requests", step=1_500_000_000)
    assert clock_settings("requests:1us") == ClockSettings("requests", step=1000)
    assert clock_settings(speed=50) == ClockSettings("speed", 50.0)


@pytest.mark.parametrize(
    "clock",
    [
        "",
        "fast",
        "Real",
        "real:1s",
        "stepped:50ms",
        "requests",
        "requests:",
        "requests:50",
        "requests:0ms",
        "requests:0.9us",
        "requests:61s",
        "requests:-1s",
        "requests:1h",
        "requests:999999999s",
        "requests:\u0661s",
    ],
)
def test_what_is_no_clock_is_refused_in_one_sentence(clock: str) -> None:
    with pytest.raises(ValueError, match="is no clock: ") as refusal:
        clock_settings(clock)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("speed", [0, -1, SLOWEST / 2, FASTEST * 2, math.nan, math.inf, 10**400])
def test_no_clock_has_such_a_speed(speed: float) -> None:
    with pytest.raises(ValueError, match=r"A speed is from 0.01 to 1000"):
        clock_settings(speed=speed)


@pytest.mark.parametrize("clock", ["stepped", "requests:50ms"])
def test_a_speed_and_a_stepped_clock_contradict_each_other(clock: str) -> None:
    with pytest.raises(ValueError, match="contradict each other"):
        clock_settings(clock, 50)


def test_a_simulated_clock_begins_at_a_fixed_moment_or_behind_the_market_that_goes_on() -> None:
    settings = clock_settings("stepped")
    assert settings.clock()() == settings.clock(START - 1)() == START
    assert settings.clock(START + 7)() == START + 7
    fast = clock_settings(speed=0.01).clock(START + NANOSECONDS)
    assert START + NANOSECONDS <= fast() < START + 2 * NANOSECONDS


def test_which_clocks_go_by_themselves() -> None:
    assert RealClock(lambda: 3 * NANOSECONDS).seconds_until(5 * NANOSECONDS) == 2
    assert SteppedClock().seconds_until(START) is None
    fast = FastClock(100.0)
    seconds = fast.seconds_until(fast() + 100 * NANOSECONDS)
    assert seconds is not None and 0.5 < seconds <= 1
    assert fast() < (later := fast()) or later == fast()
    assert FastClock(1000.0, LATEST)() == LATEST  # no time stamp would do for more


@pytest.mark.parametrize(
    "seconds", [-1e-9, LONGEST_ADVANCE + 1, math.nan, math.inf, 10**400, True, "5"]
)
def test_a_clock_is_moved_by_no_such_seconds(seconds: float) -> None:
    with pytest.raises(ValueError, match="A clock is moved by 0 to 86400 seconds, and not "):
        nanoseconds(seconds)


def test_fractions_of_seconds_are_kept() -> None:
    assert nanoseconds(0.1) == 100_000_000 and nanoseconds(2) == 2 * NANOSECONDS
