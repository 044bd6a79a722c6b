"""The options that every bot takes, and how one is started, stopped and summed up."""

import argparse
import io
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from admission import NotAdmitted, check_certificate
from connections import Connections
from option_types import (
    MOST_ORDERS,
    USAGE_ERROR,
    Parser,
    certificates,
    count_up_to,
    key,
    name,
    pause,
    url,
)
from stockfighter_minimal import DEFAULT_URL, Client
from trader import Trader, run_together
from urllib3.exceptions import InsecureRequestWarning

DEFAULT = " (default: %(default)s)"


class Bot(NamedTuple):
    """A kind of trader with what its script is shipped with: whose orders, how often (seconds), in
    how many threads."""

    make_trader: Callable[..., Trader]
    account: str
    key: str
    pause: tuple[float, float] = (0.3, 0.7)
    threads: int = 1


def main(description: str | None, bot: Bot, arguments: Sequence[str] | None = None) -> int:
    """Run a bot until it has finished or Ctrl-C; returns the exit status."""
    parser = _parser(description, bot)
    options = parser.parse_args(arguments)
    stop = threading.Event()
    connections = Connections()
    client = Client(
        options.url, options.key, stop, verify=verify_of(options), make_session=connections.session
    )
    try:
        check_certificate(client)
    except NotAdmitted as fault:
        parser.exit(USAGE_ERROR, f"{parser.prog}: {fault}\n")
    except KeyboardInterrupt:  # before there was anything to stop
        return 0
    stop_on_signals(stop)
    say = printer(stop)
    seed = random_seed() if options.seed is None else options.seed
    traders = make_traders(
        bot, client, options, options.account, seed, silence if options.quiet else say
    )
    if not options.quiet:
        say(
            f"{options.account} trades {options.venue} {options.symbol} at {options.url}"
            f" with --seed {seed}; Ctrl-C stops."
        )
    all_went_well = run_together(traders, stop, cut=connections.cut)
    say(total(traders))
    return 0 if all_went_well else 1


def make_traders(
    bot: Bot,
    client: Client,
    options: argparse.Namespace,
    account: str,
    seed: int,
    say: Callable[[str], None],
) -> list[Trader]:
    """One trader for each thread; they share a client, and together send `--orders` orders."""
    shares = [
        None if options.orders is None else len(range(number, options.orders, bot.threads))
        for number in range(bot.threads)
    ]
    return [
        bot.make_trader(
            client,
            venue=options.venue,
            symbol=options.symbol,
            account=account,
            seed=seed + number,
            pause=options.pause or bot.pause,
            orders=orders,
            say=say,
        )
        for number, orders in enumerate(shares)
    ]


def total(traders: Sequence[Trader]) -> str:
    """What they have done, in a sentence."""
    sent, placed, cancelled = (
        sum(counts) for counts in zip(*((t.sent, t.placed, t.cancelled) for t in traders))
    )
    return f"Total: {sent} orders sent, {placed} of them placed, {cancelled} cancelled."


def random_seed() -> int:
    return random.randrange(2**32)


def stop_on_signals(stop: threading.Event) -> None:
    """Set the event at Ctrl-C and SIGTERM, and do nothing else."""
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, lambda *_: stop.set())


def printer(stop: threading.Event) -> Callable[[str], None]:
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


def silence(line: str) -> None:
    """Say nothing."""


def verify_of(options: argparse.Namespace) -> bool | str:
    """Whose certificates are trusted, as `Client` takes it."""
    if options.insecure:
        # Whoever asked for it need not be told with each request.
        warnings.simplefilter("ignore", InsecureRequestWarning)
        return False
    return options.ca or True


def add_market_options(parser: argparse.ArgumentParser) -> None:
    """Where to trade, how much, and how it is repeated."""
    add = parser.add_argument
    add("--url", type=url, default=DEFAULT_URL, help="the exchange" + DEFAULT)
    trust = parser.add_mutually_exclusive_group()
    trust.add_argument(
        "--ca",
        type=certificates,
        metavar="FILE",
        help="trust an https exchange whose certificate is, or is signed by, one of this file (PEM)"
        " (default: those that everybody trusts)",
    )
    trust.add_argument("--insecure", action="store_true", help="trust any certificate")
    add("--venue", type=name, default="TESTEX", help="where to trade" + DEFAULT)
    add("--symbol", type=name, default="FOOBAR", help="which stock" + DEFAULT)
    add(
        "--orders",
        type=count_up_to(MOST_ORDERS),
        metavar="N",
        help="stop after sending this many orders, refused ones too (default: go on for ever)",
    )
    add(
        "--seed",
        type=int,
        metavar="N",
        help="the same number and the same answers give the same orders (default: a random one)",
    )
    add("--quiet", action="store_true", help="print only the total and what goes wrong")


def _parser(description: str | None, bot: Bot) -> argparse.ArgumentParser:
    parser = Parser(
        prog=Path(sys.argv[0]).name,
        description=description,
        epilog="Prices are in cents. An exchange that is not there is waited for.",
        allow_abbrev=False,
    )
    add_market_options(parser)
    add = parser.add_argument
    add("--account", type=name, default=bot.account, help="for whom" + DEFAULT)
    add(
        "--key",
        type=key,
        default=bot.key,
        help="the account's API key, for an exchange that was started with -a" + DEFAULT,
    )
    add(
        "--pause",
        type=pause,
        metavar="SECONDS",
        help="time between two orders, one number or the limits of a random one"
        f" (default: {'-'.join(f'{limit:g}' for limit in sorted(set(bot.pause)))})",
    )
    return parser
