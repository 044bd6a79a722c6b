"""Keeps Python's garbage collections short, so that no order waits for one.

Orders, fills and executions are invisible to the collector, but the containers that hold them are
not. Left to itself the collector counts how many more containers were made than freed. In a market
that forgets as many orders as it gets that takes minutes to grow, and then all of them are examined
at once. So collections go by the clock. What has survived a collection that took too long is not
examined again: nearly all of it lives as long as the market. (It is still freed with its last
reference; only a circle of references that was closed before then stays.)
"""

import gc
import time
from collections.abc import Callable

from disorderbook.process.periodic import Periodic

COLLECT_SECONDS = 0.1  # between two collections
LONGEST_COLLECTION = 0.003  # seconds


def keep_collections_short() -> Callable[[], None]:
    """Exempt everything made so far from collections, and collect by the clock from now on.

    Returns the function that ends this.
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
