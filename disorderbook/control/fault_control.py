"""Faults, latencies and the tape, for the program that has the exchange in itself.

Each method takes the exchange's lock, and raises Ending after the end. Besides, all raise the
refusals of the routes (`disorderbook.errors`) for what cannot be, and then nothing has changed.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import NamedTuple

from disorderbook.control.fault_injection import FaultInjection
from disorderbook.control.faults import Fault
from disorderbook.exchange import Exchange

Using = Callable[[], AbstractContextManager[Exchange]]
"""Gives the exchange with its lock held; raises Ending after the end."""


class Latencies(NamedTuple):
    """The latencies of orders and cancels, and of the tape, in the words of `latency`."""

    orders: str
    tape: str


class FaultControl:
    """The faults of requests; iterating gives them, oldest first, with what each has struck."""

    def __init__(self, using: Using, injection: FaultInjection) -> None:
        self._using, self._injection = using, injection

    def __iter__(self) -> Iterator[Fault]:
        with self._using():
            return iter(self._injection.faults.all())

    def __len__(self) -> int:
        with self._using():
            return len(self._injection.faults.all())

    def add(
        self,
        kind: str,
        *,
        next: int | None = None,
        every: int | None = None,
        probability: float | None = None,
        route: str | None = None,
        account: str | None = None,
        status: int | None = None,
        sentence: str | None = None,
        retry_after: int | None = None,
    ) -> Fault:
        """Have requests of clients fail: `kind` is "drop-before", "drop-after", "cut", "silence" or
        "status", which takes a `status` of 400 to 599, a `sentence`, and `retry_after` in seconds.

        They are the `next` so many (1 if nothing is said), each `every`th, or each with a
        `probability`; to a `route` such as "POST /ob/api/venues/*/stocks/*/orders", or for an
        `account`, if that is said. Raises WrongType, IllegalValue, MissingField, TooManyFaults.
        """
        with self._using():
            return self._injection.add(
                kind,
                next=next,
                every=every,
                probability=probability,
                route=route,
                account=account,
                status=status,
                sentence=sentence,
                retry_after=retry_after,
            )

    def remove(self, fault_id: int) -> None:
        """Raises NoSuchFault."""
        with self._using():
            self._injection.remove(fault_id)

    def clear(self) -> None:
        """Remove all."""
        with self._using():
            self._injection.clear()


class TapeControl:
    """What the tape does worse than it could. All raises NoTape where there is none."""

    def __init__(self, using: Using, injection: FaultInjection) -> None:
        self._using, self._injection = using, injection

    def hold(self) -> None:
        """Send nothing until `release`. Of what happens meanwhile 20,000 events are kept; then
        only the newest state of each book is, and who listens to executions is closed at the
        release.
        """
        with self._using():
            self._injection.hold_tape()

    def release(self) -> None:
        """Send what was kept, in its order, and go on."""
        with self._using():
            self._injection.release_tape()

    def disconnect(
        self, account: str | None = None, venue: str | None = None, code: int | None = None
    ) -> int:
        """End the connections of listeners: all, those whose URL names an account, or those at a
        venue. Without a `code` it is without a close frame, as if the network had failed. Returns
        how many there were. Raises WrongType, IllegalValue.
        """
        with self._using():
            return self._injection.disconnect_tape(account, venue, code)
