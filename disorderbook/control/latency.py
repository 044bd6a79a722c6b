"""Latencies: how long something is on its way, drawn from a distribution.

A distribution is asked for in words: `50ms`, `uniform:10ms,90ms` (both ends are possible), or
`lognormal:90ms,0.3`, whose median and sigma (the standard deviation of the logarithm) are given.
What is drawn is never more than LONGEST_LATENCY.
"""

import math
import random
import re
from typing import NamedTuple

from disorderbook.protocol.names import NANOSECONDS
from disorderbook.timeline.clock import UNITS

LONGEST_LATENCY = 60 * NANOSECONDS  # nanoseconds
LARGEST_SIGMA = 3.0
OFF, FIXED, UNIFORM, LOGNORMAL = "off", "fixed", "uniform", "lognormal"  # kinds

LATENCY_RULE = "50ms, uniform:10ms,90ms or lognormal:90ms,0.3 (us, ms or s, at most 60s), or off"
_DURATION = re.compile(r"(?P<number>[0-9]{1,9}(\.[0-9]{1,9})?)(?P<unit>us|ms|s)")
_NUMBER = re.compile(r"[0-9]{1,3}(\.[0-9]{1,9})?")


class Distribution(NamedTuple):
    """What latencies are drawn from: `low` and `high` in nanoseconds, where a fixed one has only
    `low`; and the lognormal one its median there, besides `sigma`. `text` is how it was asked for.
    """

    text: str = OFF
    kind: str = OFF
    low: int = 0
    high: int = 0
    sigma: float = 0.0

    def drawn(self, chance: random.Random) -> int:
        """A latency in nanoseconds."""
        if self.kind == UNIFORM:
            return chance.randint(self.low, self.high)
        if self.kind == LOGNORMAL:
            drawn = self.low * math.exp(self.sigma * chance.gauss(0.0, 1.0))
            return min(int(drawn), LONGEST_LATENCY)
        return self.low


NONE = Distribution()


class LatencySettings(NamedTuple):
    """The latencies of orders and cancels, and of the tape's messages."""

    orders: Distribution = NONE
    tape: Distribution = NONE


def distribution(text: str) -> Distribution:
    """The distribution of these words; raises ValueError with a sentence."""
    if not isinstance(text, str):
        raise _nonsense(text)
    if text == OFF:
        return NONE
    kind, colon, rest = text.partition(":")
    if not colon:
        return Distribution(text, FIXED, _duration(text, text))
    first, comma, second = rest.partition(",")
    if kind == UNIFORM and comma:
        low, high = _duration(text, first), _duration(text, second)
        if low <= high:
            return Distribution(text, UNIFORM, low, high)
    if kind == LOGNORMAL and comma and _NUMBER.fullmatch(second):
        if float(second) <= LARGEST_SIGMA:
            return Distribution(text, LOGNORMAL, _duration(text, first), 0, float(second))
    raise _nonsense(text)


def _duration(text: str, part: str) -> int:
    """Nanoseconds."""
    found = _DURATION.fullmatch(part)
    if found is None:
        raise _nonsense(text)
    duration = round(float(found["number"]) * UNITS[found["unit"]])
    if duration > LONGEST_LATENCY:
        raise _nonsense(text)
    return duration


def _nonsense(text: object) -> ValueError:
    return ValueError(f"{str(text)[:40]!r} is no latency: {LATENCY_RULE}")
