"""What holds the tape back."""

import math
from typing import Any

import pytest

from disorderbook.engine.book import OrderBook
from disorderbook.tape.gate import LOOK_SECONDS, Gate
from disorderbook.timeline.clock import FastClock, RealClock, SteppedClock


def event(moment: int) -> Any:
    return (), OrderBook("TESTEX", "FOOBAR", moment).quote()


def test_what_is_shut_lets_nothing_through() -> None:
    gate = Gate(None, None, True)
    assert not gate.passes(event(0)) and not gate.is_new(event(0)) and gate.seconds() == math.inf
    gate.is_shut = False
    assert gate.passes(event(0))


def test_an_event_passes_when_its_delay_is_over_and_in_order() -> None:
    clock, delays = SteppedClock(1000), iter([50, 10])
    gate = Gate(lambda: next(delays), clock, False)
    first, second = event(1000), event(1005)
    assert gate.is_new(first) and not gate.passes(first) and not gate.is_new(first)
    clock.now = 1049
    assert not gate.passes(first)
    clock.now = 1050
    assert gate.passes(first)
    assert gate.passes(second)  # due at 1015, but never before the one before it
    assert list(delays) == []  # one for each


@pytest.mark.parametrize(
    "clock, least, most",
    [
        (lambda: RealClock(lambda: 10**9), 1.9, 2.1),
        (lambda: FastClock(0.01, 10**9), 190.0, 200.0),
        (lambda: SteppedClock(10**9), LOOK_SECONDS, LOOK_SECONDS),
    ],
)
def test_how_long_it_takes_in_real_time(clock: Any, least: float, most: float) -> None:
    gate = Gate(lambda: 2 * 10**9, clock(), False)
    assert not gate.passes(event(10**9))
    assert least <= gate.seconds() <= most
