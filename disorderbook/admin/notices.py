"""What the admin tells everybody: one announcement, and one countdown.

A countdown goes by the exchange's clock. It is told for LINGER_SECONDS after its end, so that a
page that asks now and then learns that it is over. Both are stored with the market.
"""

import copy
from collections.abc import Sequence

from disorderbook.engine.book import OrderBook
from disorderbook.exchange import Exchange
from disorderbook.ledger.base import Ledger, StoredNotice
from disorderbook.protocol.names import NANOSECONDS

ANNOUNCEMENT, COUNTDOWN = KINDS = ("announcement", "countdown")
LONGEST_ANNOUNCEMENT = 200  # characters
LONGEST_CAPTION = 100  # characters of a countdown's text
LONGEST_COUNTDOWN = 86400  # seconds
LINGER_SECONDS = 60


class Notices:
    """The notices of one exchange, whose lock must be held."""

    name = "notices"

    def __init__(self, exchange: Exchange, ledger: Ledger) -> None:
        self._exchange, self._ledger = exchange, ledger
        self._notices: dict[str, StoredNotice] = {}  # by kind

    def announce(self, text: str) -> None:
        """Tell this from now on; "" tells nothing. Raises CannotWrite before anything has
        changed.
        """
        notice = StoredNotice(ANNOUNCEMENT, text, self._exchange.read_clock())
        self._set(ANNOUNCEMENT, notice if text else None)

    def count_down(self, seconds: int, text: str) -> None:
        """Count so many seconds down from now on; 0 ends it. Raises as `announce` does."""
        now = self._exchange.read_clock()
        notice = StoredNotice(COUNTDOWN, text, now, now + seconds * NANOSECONDS)
        self._set(COUNTDOWN, notice if seconds else None)

    def find(self, kind: str) -> StoredNotice | None:
        """The notice of a kind, unless it was over long ago."""
        notice = self._notices.get(kind)
        if notice is None or notice.ends_at is None:
            return notice
        is_told = self.seconds_left(notice) > -LINGER_SECONDS
        return notice if is_told else None

    def seconds_left(self, notice: StoredNotice) -> float:
        """To the end of a countdown, below zero after it."""
        return ((notice.ends_at or 0) - self._exchange.read_clock()) / NANOSECONDS

    def restore(self, notices: Sequence[StoredNotice]) -> None:
        """Tell these and no others."""
        self._notices = {notice.kind: notice for notice in notices}

    def reset(self, book: OrderBook | None) -> None:
        """A new market has none."""
        if book is None:
            self._notices.clear()

    def save(self) -> object:
        return self._notices

    def load(self, state: dict[str, StoredNotice]) -> None:
        self._notices = copy.copy(state)

    def _set(self, kind: str, notice: StoredNotice | None) -> None:
        self._ledger.record_notice(kind, notice)
        self._notices.pop(kind, None)
        if notice is not None:
            self._notices[kind] = notice
