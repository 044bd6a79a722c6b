"""Background jobs: a function that is called again and again, in a thread of its own.

Every such job of an exchange is a Periodic: flushing the ledger's tables, reading the accounts file
again, collecting garbage. It ends as soon as it is asked to, and does not hold up the end of
Python. The last of these jobs is here, since it belongs to the process and not to a market.
"""

import gc
import logging
import sys
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

COLLECT_SECONDS = 0.1  # between two collections
LONGEST_COLLECTION = 0.003  # seconds


class Periodic:
    """Calls `function` every `seconds`, from `start` to `stop` or within a `with` block.

    The first call comes after `seconds`, and each pause begins when the call before it has ended.
    An exception does not end the job: it is logged with its traceback, unless it is one of
    `expected`, which the function itself has reported. The thread is a daemon called `name`.
    """

    def __init__(
        self,
        name: str,
        seconds: float,
        function: Callable[[], None],
        expected: tuple[type[Exception], ...] = (),
    ) -> None:
        self._seconds = seconds
        self._function = function
        self._expected = expected
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> None:
        self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin; a job that has been stopped cannot begin again (RuntimeError)."""
        self._thread.start()

    def stop(self) -> None:
        """Wait for a call that is under way, and make no other one."""
        self._is_over.set()
        join(self._thread)

    def _run(self) -> None:
        while not self._is_over.wait(self._seconds):
            try:
                self._function()
            except self._expected:
                pass
            except Exception:
                log.exception("The background job %s has failed", self._thread.name)


def join(thread: threading.Thread) -> None:
    """Wait until a thread has ended, but not while Python itself ends: daemon threads do not run
    any more then, and from Python 3.13 on whoever waits for one waits for ever.
    """
    if not sys.is_finalizing():
        thread.join()


def keep_collections_short() -> Callable[[], None]:
    """Exempt everything made so far from garbage collections, and collect by the clock from now on,
    so that no order waits for a collection. Returns the function that ends this.

    Orders, fills and executions are invisible to the collector, but the containers that hold them
    are not. Left to itself the collector counts how many more containers were made than freed. In a
    market that forgets as many orders as it gets that takes minutes to grow, and then all of them
    are examined at once. What has survived a collection that took too long is not examined again:
    nearly all of it lives as long as the market. (It is still freed with its last reference; only a
    circle of references that was closed before then stays.)
    """
    gc.collect()
    gc.freeze()
    gc.disable()
    collector = Periodic("collector", COLLECT_SECONDS, _collect)
    collector.start()

    def end() -> None:
        collector.stop()
        gc.enable()

    return end


def _collect() -> None:
    started_at = time.perf_counter()
    gc.collect()
    if time.perf_counter() - started_at > LONGEST_COLLECTION:
        gc.freeze()
