"""The options that every bot takes, and how one is started, stopped and summed up."""

import argparse
import io
import math
import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

from stockfighter_minimal import DEFAULT_URL, Client, api_url
from trader import Trader, run_together

USAGE_ERROR = 2  # exit status
LONGEST_NAME = 255  # characters of a venue, symbol or account
LONGEST_PAUSE = 86400.0  # seconds
MOST_ORDERS = 10**9


class Defaults(NamedTuple):
    """What makes a script of a kind of trader: whose orders, how often, in how many threads."""

    account: str
    key: str
    pause: str = "0.3-0.7"
    threads: int = 1


def main(
    description: str | None,
    make_trader: Callable[..., Trader],
    defaults: Defaults,
    arguments: Sequence[str] | None = None,
) -> int:
    """Run bots until they have finished or Ctrl-C; returns the exit status."""
    options = _parser(description, defaults).parse_args(arguments)
    stop = threading.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, lambda *_: stop.set())
    say = _printer(stop)
    seed = random.randrange(2**32) if options.seed is None else options.seed
    traders = _make(make_trader, options, seed, defaults.threads, stop, say)
    if not options.quiet:
        say(f"{options.account} trades {options.venue} {options.symbol} at {options.url}"
            f" with --seed {seed}; Ctrl-C stops.")
    all_went_well = run_together(traders, stop)
    say(_total(traders))
    return 0 if all_went_well else 1


def _make(
    make_trader: Callable[..., Trader],
    options: argparse.Namespace,
    seed: int,
    threads: int,
    stop: threading.Event,
    say: Callable[[str], None],
) -> list[Trader]:
    """One trader for each thread; they share a client, and together send `--orders` orders."""
    client = Client(options.url, options.key, stop)
    shares = [
        None if options.orders is None else len(range(number, options.orders, threads))
        for number in range(threads)
    ]
    return [
        make_trader(
            client, venue=options.venue, symbol=options.symbol, account=options.account,
            seed=seed + number, pause=options.pause, orders=orders,
            say=_silence if options.quiet else say,
        )
        for number, orders in enumerate(shares)
    ]


def _total(traders: Sequence[Trader]) -> str:
    sent, placed, cancelled = (
        sum(counts) for counts in zip(*((t.sent, t.placed, t.cancelled) for t in traders))
    )
    return f"Total: {sent} orders sent, {placed} of them placed, {cancelled} cancelled."


def _printer(stop: threading.Event) -> Callable[[str], None]:
    """A function that prints a line whole; when nobody reads on, it stops the bots."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name may be in any script

    def say(line: str) -> None:
        try:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            stop.set()

    return say


def _silence(line: str) -> None:
    pass


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One sentence instead of the whole usage."""
        self.exit(USAGE_ERROR, f"{self.prog}: {message} (--help lists the options)\n")


def _parser(description: str | None, defaults: Defaults) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=Path(sys.argv[0]).name,
        description=description,
        epilog="Prices are in cents. An exchange that is not there is waited for.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    default = " (default: %(default)s)"
    add("--url", type=_url, default=DEFAULT_URL, help="the exchange" + default)
    add("--venue", type=_name, default="TESTEX", help="where to trade" + default)
    add("--symbol", type=_name, default="FOOBAR", help="which stock" + default)
    add("--account", type=_name, default=defaults.account, help="for whom" + default)
    add("--key", type=_key, default=defaults.key,
        help="the account's API key, for an exchange that was started with -a" + default)
    add("--pause", type=_pause, default=defaults.pause, metavar="SECONDS",
        help="time between two orders, one number or the limits of a random one" + default)
    add("--orders", type=_count, metavar="N",
        help="stop after sending this many orders, refused ones too (default: go on for ever)")
    add("--seed", type=int, metavar="N",
        help="the same number and the same answers give the same orders (default: a random one)")
    add("--quiet", action="store_true", help="print only the total and what goes wrong")
    return parser


def _url(text: str) -> str:
    try:
        return api_url(text)
    except ValueError as fault:
        raise argparse.ArgumentTypeError(str(fault)) from None


def _name(text: str) -> str:
    if not 1 <= len(text) <= LONGEST_NAME or not text.isprintable():
        raise argparse.ArgumentTypeError(
            f"a name has 1 to {LONGEST_NAME} characters that can be printed"
        )
    return text


def _key(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise argparse.ArgumentTypeError("a key has characters that can be printed, no spaces"
                                         " around it")
    return text


def _pause(text: str) -> tuple[float, float]:
    first, dash, last = text.partition("-")
    try:
        least, most = float(first), float(last if dash else first)
    except ValueError:
        least = most = math.nan
    if not 0 <= least <= most <= LONGEST_PAUSE:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither seconds, like 4, nor two limits, like 0.3-0.7"
        )
    return least, most


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:10]) <= MOST_ORDERS):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {MOST_ORDERS}")
    return int(text)
