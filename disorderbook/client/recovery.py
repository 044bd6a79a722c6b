"""What becomes of messages that were lost with a connection to the tape: executions are asked for
again, over the API.

The rule: each execution is told once, in the order of the tape. So what comes over the new
connection and is among those that were asked for is dropped.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from disorderbook.client.results import Execution, MarketError, Missed, read

T_co = TypeVar("T_co", covariant=True)


class Recovery(Protocol[T_co]):
    """How a listener gets the messages of an interruption."""

    def begin(self) -> None:
        """The first connection has just been made."""

    def recover(self) -> tuple[Sequence[T_co], bool]:
        """A connection has been made anew: what was missed, oldest first, and whether that is all
        of it.
        """


class MissedExecutions:
    """Reads executions, and gets those that were missed; `fetch` asks for those since a time, and
    raises MarketError.
    """

    def __init__(self, fetch: Callable[[str | None], Missed]) -> None:
        self._fetch = fetch
        self._begin: str | None = None  # a time before which nothing is missed
        self._latest = ""  # time of the last execution that was told
        self._told: set[tuple[int, int]] = set()  # order and number of fills of those of that time

    def pick(self, text: str | bytes, url: str) -> Execution | None:
        """The execution in a message; None if it was told already."""
        return self._new(read(text, Execution, url))

    def begin(self) -> None:
        """Note the exchange's time. Where it does not tell that, there will be a gap."""
        try:
            self._begin = self._fetch(None).ts
        except MarketError:
            self._begin = None

    def recover(self) -> tuple[list[Execution], bool]:
        """What was missed, and whether that is all of it."""
        since = self._latest or self._begin
        if since is None:
            self.begin()
            return [], False
        try:
            missed = self._fetch(since)
        except MarketError:
            self._begin_anew()
            return [], False
        if missed.ts < since:  # another exchange, whose time began anew
            self._begin_anew()
            return [], False
        found = [each for each in missed.executions if self._new(each) is not None]
        if not self._latest:
            self._begin = missed.ts
        return found, missed.complete

    def _begin_anew(self) -> None:
        self._latest, self._told = "", set()
        self.begin()

    def _new(self, execution: Execution) -> Execution | None:
        at, order = execution.filled_at, execution.order
        which = order.id, len(order.fills)
        if at < self._latest or at == self._latest and which in self._told:
            return None
        if at > self._latest:
            self._latest, self._told = at, set()
        self._told.add(which)
        return execution
