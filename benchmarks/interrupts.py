"""Imported first by every tool, so that Ctrl-C ends it without a word at any moment, also amid its
other imports. What it has begun is still ended on the way out; a shell sees the status 130.
"""

import sys


def _complain(kind, fault, place):  # type: ignore[no-untyped-def]  # typing comes later
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, fault, place)


sys.excepthook = _complain
