"""Keeps Python's garbage collections short, so that no order waits for one.

Orders, fills and executions are invisible to the collector, but the containers that hold them are
not, and a collection of everything looks at each entry. What has survived one that took too long
is not looked at again: nearly all of it lives as long as the market. (It can still be freed by its
last reference; only a circle of references formed before then would stay.)
"""

import gc
import time

LONGEST_COLLECTION = 0.003  # seconds

_started_at = 0.0


def keep_collections_short() -> None:
    """Leave everything made so far out of collections, and watch how long they take from now."""
    gc.collect()
    gc.freeze()
    if _watch not in gc.callbacks:
        gc.callbacks.append(_watch)


def _watch(phase: str, collection: dict[str, int]) -> None:
    global _started_at
    if phase == "start":
        _started_at = time.perf_counter()
    elif time.perf_counter() - _started_at > LONGEST_COLLECTION:
        gc.freeze()
