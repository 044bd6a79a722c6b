"""Starts the program, however it is called: `python3 -m disorderbook`, the command `disorderbook`,
or disorderBook_main.py.

The rule: Ctrl-C and a reader who has read enough end it without a word, at any moment, also while
its modules are imported; so nothing else of ours is imported before `main` is called.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # as type checkers know it; importing typing would take its time
if TYPE_CHECKING:
    from typing import TextIO

INTERRUPTED = 130  # exit statuses, as a shell has them: 128 and the number of the signal
NOBODY_READS = 141  # SIGPIPE, as `disorderbook ... | head` ends other programs


def main() -> int:
    """Run the command line of this process; returns the exit status, or raises SystemExit."""
    try:
        try:
            from disorderbook.cli.main import main as run

            return run()
        finally:
            _flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _discard(sys.stdout, sys.stderr)
        return NOBODY_READS


def _flush() -> None:
    """Write what was printed; SystemExit says why that cannot be done: a disk is full."""
    try:
        if sys.stdout is not None:  # it was not closed from the start
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as fault:
        _discard(sys.stdout)
        raise SystemExit(f"disorderBook: Cannot print: {fault.strerror}") from None


def _discard(*streams: TextIO | None) -> None:
    """Leave nothing for Python to print, and to complain of, at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        if stream is not None:
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


if __name__ == "__main__":
    sys.exit(main())
