"""The timeline of an exchange: what happens by itself, and when.

A *source* (the game master, the opponents) says when it is due next, and acts when it is told to.
What is due at the same moment happens in the order of the sources. So what happens follows from the
clock alone, whoever asks: the thread of `timeline.thread`, a request that moves the clock, or a
program that has no threads at all.

Time passes in a stepped clock by `advance`, which goes from due moment to due moment, or later, by
`advance_later`, one action at a time.

The exchange's lock must be held for everything here but the construction.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Protocol

from disorderbook.engine.book import OrderBook
from disorderbook.errors import (
    CannotWrite,
    ClockGoesByItself,
    Ending,
    ExchangeError,
    MarketWasReset,
    TooManyAdvances,
    Unavailable,
)
from disorderbook.exchange import Exchange
from disorderbook.protocol.names import detail_of
from disorderbook.timeline.clock import LATEST, Clock, ClockSettings, SteppedClock

MOST_ADVANCES = 100  # that wait for the clock to be moved
PATIENCE = 8.0  # seconds; a listener who takes nothing has fallen behind before that
PAUSE = 0.001  # seconds
FAILED = "What the exchange does by itself has failed"

log = logging.getLogger(__name__)


def _do_nothing() -> None:
    """Of a timeline that no thread serves, and for which nobody waits."""


class Source(Protocol):
    """Something that acts by itself. What has failed is not due again."""

    @property
    def next_at(self) -> int | None:
        """When it is due, nanoseconds since 1970; None while it is not."""
        ...

    def act(self) -> object:
        """Do one thing that is due."""
        ...


class Timeline:
    """`wake` is what the thread that serves this timeline wants to be called when there is more to
    do than was known. `settings` are how the clock was asked for. `is_behind` says whether those
    who hear of what happens cannot keep up; simulated time waits for them, as far as `keep_pace` is
    called, so that what they hear does not depend on how fast it goes.
    """

    def __init__(
        self,
        exchange: Exchange,
        clock: Clock,
        sources: Sequence[Source] = (),
        settings: ClockSettings = ClockSettings(),
        is_behind: Callable[[], bool] | None = None,
    ) -> None:
        self._is_behind, self._patience = is_behind, PATIENCE
        self.clock, self.settings = clock, settings
        self.wake = _do_nothing
        self._exchange = exchange
        self._sources = tuple(sources)
        self._stepped = clock if isinstance(clock, SteppedClock) else None
        self._waiting: deque[tuple[int, Future[int]]] = deque()  # nanoseconds to go by
        self._target = 0  # of the first that waits, once it is under way
        self._is_over = False

    def add(self, source: Source) -> None:
        """Have a source act as well from now on, before the others at the same moment."""
        self._sources = (source, *self._sources)
        self.wake()

    @property
    def next_at(self) -> int | None:
        """When something is due, nanoseconds since 1970; None while nothing is."""
        return min(
            (due for source in self._sources if (due := source.next_at) is not None), default=None
        )

    @property
    def has_work(self) -> bool:
        """Whether there is anything to do, now or at some time."""
        return bool(self._waiting) or self.next_at is not None

    name = "timeline"

    def reset(self, book: OrderBook | None) -> None:
        """Let nobody wait for what comes no more; whoever serves this looks what is due now."""
        if book is None:
            self.refuse(MarketWasReset())
            self._target, self._patience = 0, PATIENCE
        self.wake()

    # ---- a clock that goes by itself, and what is due in any

    def act_next(self, until: int | None = None) -> bool:
        """Do the one thing that is due first, if it is by now; with `until`, have the stepped clock
        show its moment if it is due by then. False if nothing is due.
        """
        first: Source | None = None
        first_at = 0
        for source in self._sources:
            due = source.next_at
            if due is not None and (first is None or due < first_at):
                first, first_at = source, due
        if first is None:
            return False
        # Events of one moment have times one after the other, and so may be later than the clock.
        if first_at > self._exchange.read_clock():
            if until is None or first_at > until or self._stepped is None:
                return False
            self._stepped.now = first_at
        first.act()
        return True

    # ---- a stepped clock

    def advance(self, nanoseconds: int, after_each: Callable[[], None] = _do_nothing) -> None:
        """Let so much time pass at once, with all that is due. Raises ClockGoesByItself.

        What fails is logged, and time goes on.
        """
        clock = self._require_stepped()
        end = min(clock.now + nanoseconds, LATEST)
        while self._goes_on_to(end):
            after_each()
        clock.now = max(clock.now, end)

    def advance_in_pace(self, nanoseconds: int) -> None:
        """The same; without the lock it waits for those who cannot keep up. What has happened so
        far is committed then; raises CannotWrite.
        """
        self.advance(nanoseconds, self._keep_pace_unlocked)
        self._keep_pace_unlocked()

    def keep_pace(self) -> None:
        """Wait for those who cannot keep up, PATIENCE seconds at most until they could once more.
        The exchange's lock must not be held.
        """
        if self._is_behind is None:
            return
        while self._is_behind():
            if self._patience <= 0 or self._is_over:
                return
            start = time.monotonic()
            time.sleep(PAUSE)
            self._patience -= time.monotonic() - start
        self._patience = PATIENCE

    def _keep_pace_unlocked(self) -> None:
        if self._is_behind is None or not self._is_behind():
            return
        if not self._exchange.group_commit:
            self._exchange.commit()
        self._exchange.lock.release()
        try:
            self.keep_pace()
        finally:
            self._exchange.lock.acquire()

    def settle(self) -> None:
        """Do all that is due now."""
        self.advance(0)

    def advance_later(self, nanoseconds: int) -> "Future[int]":
        """Have the thread let so much time pass, after those that wait already; the future is done
        when all that was due has happened, and tells the time. Raises ClockGoesByItself,
        TooManyAdvances, Ending.
        """
        self._require_stepped()
        if self._is_over:
            raise Ending
        if len(self._waiting) >= MOST_ADVANCES:
            raise TooManyAdvances(
                detail_of("the clock", f"{len(self._waiting)} wait for it", f"{MOST_ADVANCES}")
            )
        future: Future[int] = Future()
        self._waiting.append((nanoseconds, future))
        if len(self._waiting) == 1:
            self._begin_first()
        self.wake()
        return future

    def act_or_move(self) -> bool:
        """Do one thing that is due, or that is due in the time that somebody waits for; at the end
        of that time, tell him. False if there is nothing to do.
        """
        if self._stepped is None or not self._waiting:
            return self.act_next()
        try:
            if self.act_next(self._target):
                return True
        except Unavailable:
            self.refuse(CannotWrite())
            raise
        self._stepped.now = max(self._stepped.now, self._target)
        _, future = self._waiting.popleft()
        self._begin_first()
        future.set_result(self._stepped.now)
        return True

    def refuse(self, refusal: ExchangeError) -> None:
        """Tell all that wait that time does not go on."""
        waiting, self._waiting = self._waiting, deque()
        for _, future in waiting:
            future.set_exception(refusal)

    def close(self) -> None:
        """Let nobody wait any more, now and later."""
        self._is_over = True
        self.refuse(Ending())

    def _goes_on_to(self, end: int) -> bool:
        """Do one thing that is due by then; False if nothing is, or nothing can be changed."""
        try:
            return self.act_next(end)
        except Unavailable:  # the ledger has logged why
            return False
        except Exception:
            log.exception(FAILED)
            return True

    def _begin_first(self) -> None:
        """The first that waits has its time from now on."""
        if self._waiting and self._stepped is not None:
            self._target = min(self._stepped.now + self._waiting[0][0], LATEST)

    def _require_stepped(self) -> SteppedClock:
        if self._stepped is None:
            raise ClockGoesByItself
        return self._stepped
