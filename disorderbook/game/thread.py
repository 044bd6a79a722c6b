"""The game's thread: has the bots of all instances act when it is time.

The one rule: it holds the exchange's lock for one order at a time, and then lets others have the
interpreter. It begins when the first level is started, so an exchange where nobody plays has none.
"""

import logging
import threading
import time
from contextlib import suppress

from disorderbook.errors import Unavailable
from disorderbook.exchange import Exchange
from disorderbook.game.master import GameMaster
from disorderbook.process.periodic import join
from disorderbook.protocol.names import NANOSECONDS

SHORTEST_WAIT = 0.001  # seconds; what is due by then is done together, an order a turn of the lock
LONGEST_WAIT = 1.0  # seconds; the machine's clock may be set
FAILURE_SECONDS = 1.0  # until another attempt, after an error

log = logging.getLogger(__name__)


class GameThread:
    """Serves a game master within a `with` block, or until `stop`."""

    def __init__(self, exchange: Exchange, master: GameMaster) -> None:
        self._exchange, self._master = exchange, master
        self._is_over = False
        self._is_awake = threading.Event()
        self._thread: threading.Thread | None = None
        master.wake = self.wake

    def __enter__(self) -> "GameThread":
        with self._exchange.lock:
            if self._master.next_at is not None:  # levels of an earlier process
                self.wake()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wake(self) -> None:
        """Something is due earlier than was known. The exchange's lock must be held."""
        self._is_awake.set()
        if self._thread is None and not self._is_over:
            self._thread = threading.Thread(target=self._run, name="game", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End after the order that is under way, and let nobody wait for more."""
        with self._exchange.lock, suppress(Unavailable):
            self._is_over = True
            self._master.close()
            if self._thread is not None:  # somebody has played
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
                log.exception("The bots of a level have failed")
                seconds = FAILURE_SECONDS
            if seconds > 0:
                self._is_awake.wait(min(max(seconds, SHORTEST_WAIT), LONGEST_WAIT))
            else:
                time.sleep(0)  # whoever waits for the interpreter has it now

    def _act(self) -> float:
        """Have one order placed if one is due; returns in how many seconds the next one is."""
        exchange, master = self._exchange, self._master
        with exchange.transaction():
            if self._is_over:
                return 0.0
            master.act()
            due = master.next_at
            return LONGEST_WAIT if due is None else (due - exchange.now()) / NANOSECONDS
