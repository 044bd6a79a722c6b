"""`disorderbook wait`: ends once an exchange answers, for scripts that have just started one.

The rule: one line in any case. On stdout the URL of the exchange that answers, on stderr the
sentence why none does.
"""

import argparse
import sys
from collections.abc import Callable

from disorderbook.assembly import CannotStart
from disorderbook.cli.ports_file import read_url
from disorderbook.cli.values import seconds_between, sensible
from disorderbook.runner.readiness import (
    LEAST_TIMEOUT,
    MOST_TIMEOUT,
    NotYet,
    checked_address,
    wait_until_ready,
)

NOT_READY = 1  # exit status
INTERRUPTED = 130
USUAL_TIMEOUT = 10.0  # seconds


def add_wait(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    text = "wait until an exchange answers, print its URL, and end"
    parser = commands.add_parser(
        "wait",
        help=text,
        description=f"W{text[1:]}.",
        epilog=f"Exit status: 0: it answers; {NOT_READY}: not in time; 2: no such address or no "
        f"ports file; {INTERRUPTED}: interrupted.",
    )
    parser.set_defaults(run=run_wait)
    parser.add_argument(
        "url",
        nargs="?",
        metavar="URL",
        type=sensible(checked_address),
        help="where to ask, such as http://127.0.0.1:8000",
    )
    parser.add_argument(
        "--ports-file",
        dest="awaited_file",
        metavar="FILE",
        help="instead of URL: the --ports-file of an exchange that is starting",
    )
    parser.add_argument(
        "--timeout",
        type=seconds_between(LEAST_TIMEOUT, MOST_TIMEOUT),
        default=USUAL_TIMEOUT,
        metavar="SECONDS",
        help=f"how long to wait, {LEAST_TIMEOUT} to {MOST_TIMEOUT:g} (default: {USUAL_TIMEOUT:g})",
    )


def run_wait(options: argparse.Namespace) -> int:
    """Wait for the exchange that `url` or `awaited_file` names, `timeout` seconds at most; returns
    the exit status. Raises CannotStart for both, for neither, and for what is no ports file.
    """
    try:
        print(wait_until_ready(_place(options), options.timeout), flush=True)
    except NotYet as fault:
        print(f"disorderBook: {fault}", file=sys.stderr)
        return NOT_READY
    except ValueError as fault:
        raise CannotStart(str(fault)) from None
    except KeyboardInterrupt:
        print("disorderBook: Interrupted before an exchange has answered", file=sys.stderr)
        return INTERRUPTED
    return 0


def _place(options: argparse.Namespace) -> Callable[[], str]:
    """What says where to ask. A ports file is read again before each attempt: one that a crash has
    left is replaced as soon as the next exchange has started.
    """
    url, path = options.url, options.awaited_file
    if (url is None) == (path is None):
        raise CannotStart("wait needs either URL or --ports-file FILE")
    if path is None:
        return lambda: str(url)

    def find() -> str:
        told = read_url(path)
        if told is None:
            raise NotYet(f"no exchange has written {path}")
        return told

    return find
