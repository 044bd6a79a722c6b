"""The clocks that an exchange can go by, and how one is asked for.

Every clock returns nanoseconds since 1970 (UTC) when it is called. A *simulated* clock begins at a
fixed moment, START, or at the last one of the market that is gone on with. Three kinds are:
`speed` goes by itself, so many times as fast as the machine's; `stepped` stands still until it is
told to move; `requests` is stepped, and each request moves it by a step besides.
"""

import math
import re
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from disorderbook.engine.book import OrderBook
from disorderbook.game.simulation import START
from disorderbook.protocol.names import LAST_TIME, NANOSECONDS

REAL, SPEED, STEPPED, REQUESTS = "real", "speed", "stepped", "requests"  # kinds

SLOWEST, FASTEST = 0.01, 1000.0  # simulated seconds in a real one
SHORTEST_STEP, LONGEST_STEP = 1000, 60 * NANOSECONDS  # nanoseconds a request: 1 us, 1 min
LONGEST_ADVANCE = 86_400.0  # seconds
LATEST = LAST_TIME

UNITS = {"us": 1000, "ms": NANOSECONDS // 1000, "s": NANOSECONDS}
CLOCK_RULE = "real, stepped, or requests:STEP with a step such as 50ms (us, ms or s)"
_STEP = re.compile(r"(?P<number>[0-9]{1,9}(\.[0-9]{1,9})?)(?P<unit>us|ms|s)")


class Clock(Protocol):
    """What an exchange goes by. `is_stepped`: it moves only when it is told to. `read` is what an
    order calls for the time: the machine's own function if that is all. `speed` is simulated
    seconds in a real one, 1 for a clock that does not go by itself.
    """

    read: Callable[[], int]
    speed: float
    name: str

    def reset(self, book: OrderBook | None) -> None:
        """Begin anew, unless it is one book only that does."""
        ...

    @property
    def is_simulated(self) -> bool: ...

    @property
    def is_stepped(self) -> bool: ...

    def __call__(self) -> int:
        """The time in nanoseconds since 1970."""
        ...

    def seconds_until(self, moment: int) -> float | None:
        """Real seconds until the clock shows that; None if it never does by itself."""
        ...


class ClockSettings(NamedTuple):
    """Which clock: its kind; simulated seconds in a real one; nanoseconds that a request takes."""

    kind: str = REAL
    speed: float = 1.0
    step: int = 0

    @property
    def is_simulated(self) -> bool:
        """Whether it is any but the machine's."""
        return self.kind != REAL

    @property
    def is_stepped(self) -> bool:
        """Whether it moves only when it is told to."""
        return self.kind in (STEPPED, REQUESTS)

    def clock(self, latest: int = 0, start: int = START) -> "Clock":
        """Such a clock, which begins at `start` and behind `latest`, nanoseconds since 1970, if
        simulated.
        """
        if self.kind == REAL:
            return RealClock()
        if self.kind == SPEED:
            fast = FastClock(self.speed, start)
            fast.begin(max(start, latest))
            return fast
        stepped = SteppedClock(start)
        stepped.now = max(start, latest)
        return stepped


class RealClock:
    """The machine's clock, or another one that goes by itself."""

    is_simulated = is_stepped = False
    speed = 1.0
    name = "clock"

    def __init__(self, now: Callable[[], int] = time.time_ns) -> None:
        self.read = now

    def __call__(self) -> int:
        return self.read()

    def seconds_until(self, moment: int) -> float | None:
        return (moment - self.read()) / NANOSECONDS

    def reset(self, book: OrderBook | None) -> None:
        """The machine's time goes on."""

    def save(self) -> object:
        return None

    def load(self, state: None) -> None:
        """The machine's time goes on."""


class FastClock:
    """Goes `speed` times as fast as the machine's, from `start`, nanoseconds since 1970."""

    is_simulated, is_stepped = True, False
    name = "clock"

    def __init__(self, speed: float, start: int = START) -> None:
        self.speed, self.read = speed, self.__call__
        self.shown: int | None = None  # in the place of the time, while what was due by now is done
        self._first = start
        self.begin(start)

    def begin(self, start: int) -> None:
        """Show that now, nanoseconds since 1970, and go on from there."""
        self._start, self._real_start = start, time.monotonic_ns()

    def reset(self, book: OrderBook | None) -> None:
        if book is None:
            self.begin(self._first)

    def save(self) -> object:
        return self()

    def load(self, state: int) -> None:
        self.begin(state)

    def __call__(self) -> int:
        if self.shown is not None:
            return self.shown
        gone = (time.monotonic_ns() - self._real_start) * self.speed
        return min(self._start + int(gone), LATEST)

    def seconds_until(self, moment: int) -> float | None:
        return (moment - self()) / (NANOSECONDS * self.speed)


class SteppedClock:
    """Shows `now`, which its timeline moves, and nobody else."""

    is_simulated = is_stepped = True
    speed = 1.0
    name = "clock"

    def __init__(self, start: int = START) -> None:
        self.now, self.read = start, self.__call__
        self._first = start

    def reset(self, book: OrderBook | None) -> None:
        if book is None:
            self.now = self._first

    def save(self) -> object:
        return self.now

    def load(self, state: int) -> None:
        self.now = state

    def __call__(self) -> int:
        return self.now

    def seconds_until(self, moment: int) -> float | None:
        return None


def clock_settings(clock: str = REAL, speed: float | None = None) -> ClockSettings:
    """The clock of these words; raises ValueError with a sentence. A speed needs the real clock."""
    if not isinstance(clock, str):
        raise ValueError(f"{clock!r:.40} is no clock: {CLOCK_RULE}")
    kind, colon, step = clock.partition(":")
    if speed is not None:
        if clock != REAL:
            raise ValueError(f"A speed and the clock {clock[:40]!r} contradict each other")
        return fast_clock(speed)
    if kind == REQUESTS:
        return ClockSettings(REQUESTS, step=_step(clock, step))
    if colon or kind not in (REAL, STEPPED):
        raise ValueError(f"{clock[:40]!r} is no clock: {CLOCK_RULE}")
    return ClockSettings(kind)


def fast_clock(speed: float | str) -> ClockSettings:
    """The clock that goes so many times as fast; raises ValueError with a sentence."""
    try:
        times = float(speed)
    except (TypeError, ValueError, OverflowError):
        times = math.nan
    if not SLOWEST <= times <= FASTEST:  # which no NaN is
        raise ValueError(f"A speed is from {SLOWEST:g} to {FASTEST:g}, and not {speed!s:.40}")
    return ClockSettings(SPEED, times)


def nanoseconds(seconds: float) -> int:
    """So many seconds for a clock to be moved by; raises ValueError with a sentence."""
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not is_number or not 0 <= seconds <= LONGEST_ADVANCE:  # which no NaN is
        raise ValueError(
            f"A clock is moved by 0 to {LONGEST_ADVANCE:g} seconds, and not {seconds!r:.40}"
        )
    return round(seconds * NANOSECONDS)


def _step(clock: str, text: str) -> int:
    found = _STEP.fullmatch(text)
    step = round(float(found["number"]) * UNITS[found["unit"]]) if found else 0
    if not SHORTEST_STEP <= step <= LONGEST_STEP:
        raise ValueError(
            f"{clock[:40]!r} is no clock: a request's step is from 1us to 60s, such as 50ms"
        )
    return step
