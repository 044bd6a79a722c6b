"""How often Python's threads take turns, which is a setting of the whole process."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SWITCH_SECONDS = 0.0005  # after which a thread that computes lets another one have its turn

_lock = threading.Lock()
_wanted_by = 0  # how many tapes run now
_before = 0.0  # the interval that the first of them found


@contextmanager
def quick_switches() -> Iterator[None]:
    """Turns every SWITCH_SECONDS until the last of all that want it ends."""
    global _wanted_by, _before
    with _lock:
        if not _wanted_by:
            _before = sys.getswitchinterval()
            sys.setswitchinterval(SWITCH_SECONDS)
        _wanted_by += 1
    try:
        yield
    finally:
        with _lock:
            _wanted_by -= 1
            if not _wanted_by:
                sys.setswitchinterval(_before)


def _forget() -> None:
    """In a forked process, where no tape runs."""
    global _lock, _wanted_by
    _lock = threading.Lock()
    if _wanted_by:
        _wanted_by = 0
        sys.setswitchinterval(_before)


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_forget)
