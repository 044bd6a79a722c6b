"""Keeps Python's garbage collections short, so that no order waits for one.

Orders, fills and executions are invisible to the collector, but the containers that hold them are
not. Left to itself it counts how many more were made than freed, which in a market that forgets as
many orders as it gets may take minutes to grow, and then looks at all of them at once. So it is
called by the clock. What has survived a collection that took too long is not looked at again:
nearly all of it lives as long as the market. (It can still be freed by its last reference; only a
circle of references formed before then would stay.)
"""

import gc
import threading
import time
from collections.abc import Callable

COLLECT_SECONDS = 0.1  # between two collections


LONGEST_COLLECTION = 0.003  # seconds


def keep_collections_short() -> Callable[[], None]:
    """Leave everything made so far out of collections, and collect by the clock from now on, until
    the function that is returned is called.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
    is_over = threading.Event()

    def collect_by_the_clock() -> None:
        while not is_over.wait(COLLECT_SECONDS):
            _collect()

    def end() -> None:
        is_over.set()
        collecting.join()
        gc.enable()

    collecting = threading.Thread(target=collect_by_the_clock, name="collector", daemon=True)
    collecting.start()
    return end


def _collect() -> None:
    started_at = time.perf_counter()
    gc.collect()
    if time.perf_counter() - started_at > LONGEST_COLLECTION:
        gc.freeze()
