"""How many requests each route was sent, how they ended and how long they took.

What a request costs is the point here: its answer only takes note of it, and dozens of notes are
counted in one go, which is several times as fast as counting each when everything needed for that
has left the processor's caches.
"""

from bisect import bisect_left
from collections import defaultdict, deque
from threading import Lock
from typing import NamedTuple

BOUNDS = (  # seconds, each with the requests that took no longer
    0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
    0.1, 0.25, 1.0,
)
COUNTED_AT_ONCE = 64  # notes


class Tally:
    """What was counted of the requests of one route."""

    __slots__ = ("buckets", "seconds")

    def __init__(self) -> None:
        # By status line, and then by time: up to each of BOUNDS, and the rest.
        self.buckets: dict[str, list[int]] = defaultdict(lambda: [0] * (len(BOUNDS) + 1))
        self.seconds = 0.0  # that all of them took together


Note = tuple[Tally, str, float]
"""A request: where it is counted, its status line such as "200 OK", the seconds that it took."""


class Counted(NamedTuple):
    """The requests of one route at one moment."""

    method: str
    route: str
    statuses: dict[int, int]
    buckets: list[int]  # by time: up to each of BOUNDS, and the rest
    seconds: float  # that all of them took together


class Tallies:
    """The tallies of all routes. Whoever answers appends to `notes`, and calls `count` when there
    are COUNTED_AT_ONCE of them. Both may be done in any thread: no request is lost.
    """

    def __init__(self) -> None:
        self.notes: deque[Note] = deque()
        self._tallies: dict[tuple[str, str], Tally] = {}
        self._lock = Lock()

    def tally(self, method: str, route: str) -> Tally:
        """Where the requests of a route are counted; `route` is its pattern, never a path."""
        return self._tallies.setdefault((method, route), Tally())

    def count(self) -> None:
        """Count what was noted."""
        with self._lock:
            take = self.notes.popleft
            for _ in range(len(self.notes)):
                tally, line, seconds = take()
                tally.buckets[line][bisect_left(BOUNDS, seconds)] += 1
                tally.seconds += seconds

    def read(self) -> list[Counted]:
        """Every route that was sent a request, with what was noted until now."""
        self.count()
        with self._lock:
            return [
                Counted(*names, _by_status(tally), _by_time(tally), tally.seconds)
                for names, tally in self._tallies.items() if tally.buckets
            ]


def _by_status(tally: Tally) -> dict[int, int]:
    """Requests by status, which may come in lines of different wording."""
    statuses: dict[int, int] = {}
    for line, counts in tally.buckets.items():
        status = int(line[:3])
        statuses[status] = statuses.get(status, 0) + sum(counts)
    return statuses


def _by_time(tally: Tally) -> list[int]:
    return list(map(sum, zip(*tally.buckets.values())))
