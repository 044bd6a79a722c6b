"""Waiting for the end of our own threads, also when Python itself ends."""

import sys
import threading


def join(thread: threading.Thread) -> None:
    """Wait until the thread has ended, unless Python ends: it runs daemon threads no more then, and
    from 3.13 on whoever waits for one does so for ever.
    """
    if not sys.is_finalizing():
        thread.join()
