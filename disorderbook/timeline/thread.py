"""The thread of what an exchange does by itself: it serves a timeline, when it is time.

The one rule: it holds the exchange's lock for one action at a time (an order of a level's bot, a
step of an opponent), and then lets others have the interpreter. It begins when there is something
to do, so an exchange where nobody plays, and that has no opponents, has none.
"""

import logging
import threading
import time
from contextlib import suppress

from disorderbook.errors import Unavailable
from disorderbook.exchange import Exchange
from disorderbook.game.master import GameMaster
from disorderbook.process.periodic import join
from disorderbook.timeline.timeline import FAILED, Timeline

SHORTEST_WAIT = 0.001  # seconds; what is due by then is done together, one a turn of the lock
LONGEST_WAIT = 1.0  # seconds; the machine's clock may be set
FAILURE_SECONDS = 1.0  # until another attempt, after an error

log = logging.getLogger(__name__)


class TimelineThread:
    """Serves a timeline, of which the game master is a part, within a `with` block, or until
    `stop`.
    """

    def __init__(self, exchange: Exchange, master: GameMaster, timeline: Timeline) -> None:
        self._exchange, self._master, self._timeline = exchange, master, timeline
        self._is_over = False
        self._is_awake = threading.Event()
        self._thread: threading.Thread | None = None
        master.wake = timeline.wake = self.wake

    def __enter__(self) -> "TimelineThread":
        with self._exchange.lock:
            if self._timeline.has_work:  # opponents, or levels of an earlier process
                self.wake()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wake(self) -> None:
        """Something is due earlier than was known. The exchange's lock must be held."""
        self._is_awake.set()
        if self._thread is None and not self._is_over:
            self._thread = threading.Thread(target=self._run, name="timeline", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End after the action that is under way, and let nobody wait for more. Where time stands
        still, all that is due by now is done first, so that how it ends depends on no thread.
        """
        with self._exchange.lock, suppress(Unavailable):
            self._is_over = True
            self._timeline.close()
            if self._timeline.clock.is_stepped:
                self._timeline.settle()
            self._master.close()
            if self._thread is not None:  # something has happened by itself
                self._exchange.commit()
        self._is_awake.set()
        if self._thread is not None:
            join(self._thread)

    def _run(self) -> None:
        while not self._is_over:
            self._is_awake.clear()
            try:
                seconds = self._act()
            except Unavailable:  # the ledger has logged why
                seconds = FAILURE_SECONDS
            except Exception:
                log.exception(FAILED)
                seconds = FAILURE_SECONDS
            if seconds > 0:
                self._is_awake.wait(min(max(seconds, SHORTEST_WAIT), LONGEST_WAIT))
            else:
                time.sleep(0)  # whoever waits for the interpreter has it now

    def _act(self) -> float:
        """Have one thing done if one is due; returns in how many seconds the next one is."""
        timeline = self._timeline
        timeline.keep_pace()
        with self._exchange.transaction():
            if self._is_over:
                return 0.0
            has_acted = timeline.act_or_move()
            due = timeline.next_at
            seconds = None if due is None else timeline.clock.seconds_until(due)
            if seconds is None:
                return 0.0 if has_acted else LONGEST_WAIT
            return seconds
