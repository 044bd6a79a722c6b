"""The numbers of the messages that a relay hears: which is missing, which comes late or again.

The one rule: what is kept of them is bounded by the bytes that it takes, and beyond that all is
forgotten and said to be.
"""

import re
from collections.abc import Mapping, Set

from disorderbook.nats.messages import RUN_HEADER, SEQUENCE_HEADER
from disorderbook.tape.subscriptions import Subscription

LONGEST_RUN = 64  # characters; ours have 16
MOST_RUNS = 1000  # that are remembered after others have replaced them
NUMBER_BYTES = 300  # about that a number takes, besides its subject
MOST_BYTES = 32 * 2**20

# Why executions may be missing.
MISSING = "executions are missing between the exchange and the relay"
RESTARTED = "the exchange has started anew: executions may be missing"
TWO_EXCHANGES = "two exchanges publish the same book: executions may be missing"
MANY_BOOKS = "there are too many books to see whether executions are missing"


class Repeated(ValueError):
    """This message, or a later one of its subject, has come before."""


class Numbers:
    """The last run and number of each subject, by subscription."""

    def __init__(self) -> None:
        self._last: dict[Subscription, dict[str, tuple[str, int]]] = {}
        self._bytes = 0
        self._replaced: set[str] = set()  # runs that others have replaced

    def check(
        self, wanted: Subscription, subject: str, headers: Mapping[str, str] | None
    ) -> str | None:
        """Why messages may be missing before this one; None if none is. Raises Repeated."""
        found = headers or {}
        run, text = found.get(RUN_HEADER, ""), found.get(SEQUENCE_HEADER, "")
        if not 0 < len(run) <= LONGEST_RUN or not re.fullmatch("[0-9]{1,18}", text):
            return None  # somebody else's, which nobody has numbered
        numbers = self._last.setdefault(wanted, {})
        before, number = numbers.get(subject), int(text)
        if before is not None and before[0] == run and number <= before[1]:
            raise Repeated
        numbers[subject] = run, number
        if before is None:
            return self._check_room(subject)
        if run == before[0]:
            return None if number == before[1] + 1 else MISSING
        if len(self._replaced) >= MOST_RUNS:
            self._replaced.clear()
        self._replaced.add(before[0])
        return TWO_EXCHANGES if run in self._replaced else RESTARTED

    def forget_others(self, wanted: Set[Subscription]) -> None:
        """Keep what is still wanted."""
        for each in self._last.keys() - wanted:
            self.forget(each)

    def forget(self, wanted: Subscription) -> None:
        """Nobody wants that any more."""
        for subject in self._last.pop(wanted, ()):
            self._bytes -= len(subject) + NUMBER_BYTES

    def _check_room(self, subject: str) -> str | None:
        self._bytes += len(subject) + NUMBER_BYTES
        if self._bytes <= MOST_BYTES:
            return None
        self._last.clear()
        self._bytes = 0
        return MANY_BOOKS
