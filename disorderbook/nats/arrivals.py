"""What has come from NATS and was not sent to listeners yet.

The one rule: what a NATS server sends is bounded here. Beyond MANY_QUOTES that wait, the newest of
each book is kept: when sending to thousands of listeners takes longer than the quotes take to come,
those that come meanwhile become one. Executions stay in their order; when there is no room for more
of them, or when some may be missing, that is noted at their place, and listeners are closed for it.
"""

import threading
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from disorderbook.tape.poller import Waker
from disorderbook.tape.subscriptions import Subscription

MAX_EXECUTIONS = 20_000
MAX_BYTES = 64 * 2**20  # of these, and of quotes
MANY_QUOTES = 64  # that wait, so that they are conflated
MAX_QUOTES = 20_000  # of so many books then, and MAX_BYTES; beyond, the oldest is left out

_Key = tuple[Subscription, str]  # the subject


class ExecutionArrival(NamedTuple):
    """An execution, for the listeners of one subscription."""

    wanted: Subscription
    payload: bytes


class Gap(NamedTuple):
    """Here executions may be missing: of a subscription, or of all if that is None."""

    wanted: Subscription | None
    reason: str


class Arrivals:
    """Written by the thread that hears NATS, and read by the tape's thread, which `waker` wakes."""

    def __init__(self, waker: Waker) -> None:
        self._waker = waker
        self.conflated = 0  # quotes that were replaced by newer ones
        self._lock = threading.Lock()
        self._quotes: list[tuple[_Key, bytes]] = []
        self._latest: dict[_Key, bytes] = {}  # those that did not fit
        self._latest_bytes = 0
        self._executions: deque[ExecutionArrival | Gap] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._executions) + len(self._quotes) + len(self._latest)

    def add_quote(self, wanted: Subscription, subject: str, payload: bytes) -> None:
        key = wanted, subject
        with self._lock:
            if len(self._quotes) < MANY_QUOTES and not self._latest:
                self._quotes.append((key, payload))
            else:
                self._conflate(key, payload)
        self._wake()

    def add_execution(self, wanted: Subscription, payload: bytes) -> None:
        with self._lock:
            self._executions.append(ExecutionArrival(wanted, payload))
            self._bytes += len(payload)
            self._check_room()
        self._wake()

    def add_gap(self, wanted: Subscription | None, reason: str) -> None:
        """Executions that came before may be missing."""
        with self._lock:
            if wanted is None:  # whoever hears executions is closed, so those before need not wait
                self._give_up(reason)
            else:
                self._executions.append(Gap(wanted, reason))
                self._check_room()
        self._wake()

    # For the tape's thread.

    def executions(self, most_bytes: int) -> Iterator[ExecutionArrival | Gap]:
        """What comes next of them, about so many bytes at most."""
        while most_bytes > 0:
            with self._lock:
                if not self._executions:
                    return
                arrival = self._executions.popleft()
                if isinstance(arrival, ExecutionArrival):
                    self._bytes -= len(arrival.payload)
                    most_bytes -= len(arrival.payload)
            yield arrival

    def quotes(self) -> list[tuple[_Key, bytes]]:
        """All of them, which are then no longer here, once the executions before are taken."""
        with self._lock:
            if self._executions:
                return []
            quotes, self._quotes = self._quotes, []
            latest, self._latest, self._latest_bytes = self._latest, {}, 0
            if not latest:
                return quotes
            kept = [(key, payload) for key, payload in quotes if key not in latest]
            self.conflated += len(quotes) - len(kept)
            return [*kept, *latest.items()]

    def undelivered(self) -> set[Subscription]:
        """Subscriptions with executions that wait."""
        with self._lock:
            return {each.wanted for each in self._executions if each.wanted is not None}

    def _conflate(self, key: _Key, payload: bytes) -> None:
        if key in self._latest:
            self._leave_out(key)
        self._latest[key] = payload
        self._latest_bytes += _size(key, payload)
        while len(self._latest) > MAX_QUOTES or self._latest_bytes > MAX_BYTES:
            self._leave_out(next(iter(self._latest)))

    def _leave_out(self, key: _Key) -> None:
        self._latest_bytes -= _size(key, self._latest.pop(key))
        self.conflated += 1

    def _wake(self) -> None:
        if self._waker.asleep:
            self._waker.wake()

    def _check_room(self) -> None:
        if len(self._executions) > MAX_EXECUTIONS or self._bytes > MAX_BYTES:
            self._give_up("fell behind: too many executions have come at once")

    def _give_up(self, reason: str) -> None:
        self._executions.clear()
        self._bytes = 0
        self._executions.append(Gap(None, reason))


def _size(key: _Key, payload: bytes) -> int:
    return len(key[1]) + len(payload)
