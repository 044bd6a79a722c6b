"""Starts the program, however it is called: `python3 -m disorderbook`, the command `disorderbook`,
or disorderBook_main.py.

The rule: Ctrl-C and a reader who has read enough end it without a word, at any moment, also while
its modules are imported; so nothing else of ours is imported before `main` is called.
"""

import os
import sys

INTERRUPTED = 130  # exit statuses, as a shell has them: 128 and the number of the signal
NOBODY_READS = 141  # SIGPIPE, as `disorderbook ... | head` ends other programs


def main() -> int:
    """Run the command line of this process; returns the exit status, or raises SystemExit."""
    try:
        try:
            from disorderbook.cli.main import main as run

            return run()
        finally:
            if sys.stdout is not None:  # it was not closed from the start
                sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _discard_output()
        return NOBODY_READS


def _discard_output() -> None:
    """Leave nothing for Python to print, and to complain of, at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            os.dup2(nowhere, stream.fileno())


if __name__ == "__main__":
    sys.exit(main())
