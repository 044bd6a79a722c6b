"""The command line: reads it, runs what it names, and returns the exit status."""

import argparse
import io
import os
import signal
import sys
from collections.abc import Callable, Sequence

from disorderbook.assembly import CannotStart
from disorderbook.cli.market_file import run_export
from disorderbook.cli.options import USAGE_ERROR, make_parser
from disorderbook.process.log import start_log


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the exchange or a subcommand until it is done or interrupted; returns the exit status.

    A CannotStart is one sentence on stderr and USAGE_ERROR.
    """
    options = make_parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name may be in any script
    start_log(options.log_level)
    if options.accounts is not None:
        os.umask(0o077)  # every new file may say what the scores hide
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        return _task(options)(options)
    except CannotStart as fault:
        print(f"disorderBook: {fault}", file=sys.stderr)
        return USAGE_ERROR


def _task(options: argparse.Namespace) -> Callable[[argparse.Namespace], int]:
    """What to run: a subcommand, the export or, if neither was named, the exchange."""
    run: Callable[[argparse.Namespace], int] = options.run
    return run if options.command or options.export is None else run_export
