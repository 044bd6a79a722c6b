"""The commands: one bot as a script runs it, and several bots in one process, with their options.

A bot alone waits for its exchange and prints each order. Several bots are admitted first, so that
a wrong address or key is one sentence; then a status line shows how they do. The rule: an option
is checked when it is parsed, and a wrong one is refused with a sentence that says why.
"""

import argparse
import difflib
import io
import math
import os
import random
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

from urllib3.exceptions import InsecureRequestWarning

from disorderbook.client.market import VARIABLES
from disorderbook.client.network import DEFAULT_URL, api_address, checked_verify, encoded
from disorderbook.process.invocation import USAGE_ERROR, ShortParser
from disorderbook.runner.display import Complaints, complain, status_line
from disorderbook.runner.gateway import (
    Endpoint,
    HttpGateway,
    NotAdmitted,
    Outage,
    Report,
    check_account,
    check_certificate,
    check_exchange,
    key_from,
    read_keys,
)
from disorderbook.runner.instances import BotInstance, Trader, count_orders, run_together
from disorderbook.traders.market_view import MarketView
from disorderbook.traders.registry import REGISTRY, Bot

Say = Callable[[str], None]
"""Prints a line of a report."""

MAX_NAME_LENGTH = 255  # characters of a venue, symbol or account
MAX_PAUSE = 86400.0  # seconds
MAX_ORDERS = 10**9
MAX_INSTANCES = 100  # of each bot
DEFAULT = " (default: %(default)s)"


def listing(program: str) -> str:
    """All bots, a line each, and what to type; `program` is the command that runs them."""
    width = max(map(len, REGISTRY))
    return "\n".join(
        [
            "The bots:",
            *(f"  {name:{width}}  {bot.line}" for name, bot in REGISTRY.items()),
            f"For a market that is alive: {program} market-maker taker noise",
            "(--help explains the options)",
        ]
    )


def run_bot(name: str, arguments: Sequence[str] | None = None) -> int:
    """Run one bot until it has finished or Ctrl-C; returns the exit status."""
    parser = bot_parser(Path(sys.argv[0]).name, REGISTRY[name])
    options = parser.parse_args(arguments)
    place = endpoint(options)
    try:
        check_certificate(place)
    except NotAdmitted as fault:
        parser.exit(USAGE_ERROR, f"{parser.prog}: {fault}\n")
    stop = threading.Event()
    _stop_on_signals(stop)
    say = _printer(stop)
    seed = _random_seed() if options.seed is None else options.seed
    factory = _Factory(options, stop, complain)
    traders = factory.traders(
        name, options.account, options.key, seed, _silence if options.quiet else say
    )
    if not options.quiet:
        say(
            f"{options.account} trades {options.venue} {options.symbol} at {options.url}"
            f" with --seed {seed}; Ctrl-C stops."
        )
    all_went_well = run_together(traders, stop)
    counts = count_orders(traders)
    say(
        f"Total: {counts.sent} orders sent, {counts.placed} of them placed,"
        f" {counts.cancelled} cancelled."
    )
    return 0 if all_went_well else 1


def run_bots(arguments: Sequence[str] | None = None, program: str = "disorderbook bots") -> int:
    """List the bots, or run those that are named until Ctrl-C; returns the exit status."""
    parser = bots_parser(program)
    options = parser.parse_intermixed_args(arguments)
    _check_names(parser, options.names)
    if not options.names:
        _printer(threading.Event())(listing(program))
        return 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    place = endpoint(options)
    try:
        keys = _keys(options)
        check_exchange(place)
        for account, key in keys.items():
            check_account(place, account, key)
        return _run(options, keys)
    except NotAdmitted as fault:
        print(f"{program}: {fault}", file=sys.stderr)
        return USAGE_ERROR


class _Factory:
    """Makes traders that trade as the options say, and end when `stop` is set."""

    def __init__(self, options: argparse.Namespace, stop: threading.Event, report: Report) -> None:
        self._options = options
        self._stop = stop
        self._report = report
        self._endpoint = endpoint(options)
        self._outage = Outage(self._endpoint.host, report)

    def traders(self, name: str, account: str, key: str, seed: int, say: Say) -> list[Trader]:
        """One trader for each thread of a bot; together they send `--orders` orders."""
        bot = REGISTRY[name]
        traders = []
        for number in range(bot.threads):
            gateway = HttpGateway(
                self._endpoint, account, key, self._outage, self._stop, self._report
            )
            orders = _share(self._options.orders, number, bot.threads)
            view = MarketView(gateway, account, seed + number, orders=orders, say=say)
            pause = self._options.pause or bot.pause
            traders.append(Trader(bot.make_strategy(), view, gateway, pause))
        return traders


def _share(orders: int | None, number: int, threads: int) -> int | None:
    """How many of all the orders the thread of this number sends."""
    return None if orders is None else len(range(number, orders, threads))


def _run(options: argparse.Namespace, keys: dict[str, str]) -> int:
    stop = threading.Event()
    _stop_on_signals(stop)
    say = _printer(stop)
    seed = _random_seed() if options.seed is None else options.seed
    factory = _Factory(options, stop, Complaints())
    instances = [
        BotInstance(
            name,
            account,
            factory.traders(name, account, keys[account], _own_seed(seed, name, number), _silence),
        )
        for name, number, account in _accounts(options)
    ]
    if not options.quiet:
        say(
            f"{_names(instances)} at {options.venue} {options.symbol}, {options.url}"
            f" with --seed {seed}; Ctrl-C stops."
        )
    status = status_line(lambda: _status(instances, started), say)
    traders = [trader for instance in instances for trader in instance.traders]
    with nullcontext(lambda: None) if options.quiet else status as show:
        started = time.monotonic()
        all_went_well = run_together(traders, stop, watch=show)
    for line in _totals(instances):
        say(line)
    return 0 if all_went_well else 1


def _own_seed(seed: int, name: str, number: int) -> int:
    return random.Random(f"{seed} {name} {number}").randrange(2**32)


def _accounts(options: argparse.Namespace) -> Iterator[tuple[str, int, str]]:
    """Name, number and account of each instance.

    The account is the bot's own if there is one instance of it, and NOISE1, NOISE2 and so on if
    there are several. An account that was named trades for all of them.
    """
    for name in options.names:
        for number in range(1, options.copies + 1):
            own = REGISTRY[name].account if options.copies == 1 else f"{name.upper()}{number}"
            yield name, number, options.account or own


def _keys(options: argparse.Namespace) -> dict[str, str]:
    """The key of each account that trades; raises NotAdmitted if the file has none for it."""
    in_file = None if options.accounts is None else read_keys(options.accounts)

    def key_of(name: str, account: str) -> str:
        if options.key is not None:
            return str(options.key)
        if in_file is not None:
            return key_from(in_file, account)
        return REGISTRY[name].key if account == REGISTRY[name].account else ""

    return {account: key_of(name, account) for name, _, account in _accounts(options)}


def _status(instances: Sequence[BotInstance], started: float) -> str:
    """The line about how the bots do; `started` is in monotonic seconds."""
    minutes, seconds = divmod(int(time.monotonic() - started), 60)
    traders = [trader for instance in instances for trader in instance.traders]
    prices = [each.view.last_price for each in traders if each.view.last_price is not None]
    last = f"last {prices[0]}" if prices else "no trade seen"
    counts = count_orders(traders)
    placed: dict[str, int] = {}
    for instance in instances:
        number = count_orders(instance.traders).placed
        placed[instance.name] = placed.get(instance.name, 0) + number
    lost = f"  {counts.sent - counts.placed} not placed" if counts.sent > counts.placed else ""
    orders = ", ".join(f"{name} {number}" for name, number in placed.items())
    return f"{minutes}:{seconds:02}  {last}{lost}  orders: {orders}"


def _totals(instances: Sequence[BotInstance]) -> Iterator[str]:
    """A line about each bot, and one about all."""
    for instance in instances:
        yield f"{instance.name} ({instance.account}): {_sum(instance.traders)}."
    yield f"Total: {_sum([trader for instance in instances for trader in instance.traders])}."


def _sum(traders: Sequence[Trader]) -> str:
    sent, placed, cancelled = count_orders(traders)
    return (
        f"{sent} orders sent, {placed} of them placed, {sent - placed} refused or lost,"
        f" {cancelled} cancelled"
    )


def _names(instances: Sequence[BotInstance]) -> str:
    accounts: dict[str, list[str]] = {}
    for instance in instances:
        accounts.setdefault(instance.name, []).append(instance.account)
    return ", ".join(
        f"{len(own)} {name} ({own[0]} to {own[-1]})" if own[0] != own[-1] else f"{name} ({own[0]})"
        for name, own in accounts.items()
    )


def _check_names(parser: argparse.ArgumentParser, names: Sequence[str]) -> None:
    for number, name in enumerate(names):
        if name not in REGISTRY:
            nearest = difflib.get_close_matches(name.lower(), REGISTRY, 1, 0.5)
            meant = f"; did you mean {nearest[0]}?" if nearest else f"; {parser.prog} lists them"
            parser.error(f"No bot is called {name[:60]!r}{meant}")
        if name in names[:number]:
            parser.error(f"The bot {name} is named twice; --copies runs several of each")


def _random_seed() -> int:
    return random.randrange(2**32)


def _stop_on_signals(stop: threading.Event) -> None:
    """Set the event at Ctrl-C and SIGTERM, and do nothing else."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())


def _printer(stop: threading.Event) -> Say:
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
    """Say nothing."""


def bot_parser(program: str, bot: Bot) -> ShortParser:
    """The options of a script that runs one bot."""
    parser = ShortParser(
        prog=program,
        description=bot.description,
        epilog="Prices are in cents. An exchange that is not there is waited for.",
    )
    _add_market_options(parser)
    add = parser.add_argument
    account, own_key = _variable("ACCOUNT") or bot.account, _variable("KEY") or bot.key
    add("--account", type=name, default=account, help="for whom" + DEFAULT)
    add(
        "--key",
        type=key,
        default=own_key,
        help="the account's API key, for an exchange that was started with -a" + DEFAULT,
    )
    usual = "-".join(f"{limit:g}" for limit in sorted(set(bot.pause)))
    _add_pause(parser, usual)
    return parser


def bots_parser(program: str) -> ShortParser:
    """The options of the command that runs several bots."""
    parser = ShortParser(
        prog=program,
        description="Run bots side by side against an exchange; without a name, list them.",
        epilog="Prices are in cents. An exchange that goes away is waited for.",
    )
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="which bots")
    add(
        "--copies",
        type=count_up_to(MAX_INSTANCES),
        default=1,
        metavar="N",
        help="how many of each bot; each has an account (NOISE1, NOISE2) and a seed of its own",
    )
    _add_market_options(parser)
    add(
        "--account",
        type=name,
        default=_variable("ACCOUNT"),
        help="for whom all of them trade (default: an account for each)",
    )
    add(
        "--key",
        type=key,
        default=_variable("KEY"),
        help="the account's API key, for an exchange that was started with -a (default: what"
        " accounts.json has for the bot)",
    )
    add(
        "--accounts",
        type=Path,
        metavar="FILE",
        help="take the keys from the accounts file that the exchange was started with",
    )
    _add_pause(parser, "what is usual for each bot")
    return parser


def endpoint(options: argparse.Namespace) -> Endpoint:
    """Where the options say to trade."""
    verify = options.ca or True
    if options.insecure:
        # Whoever wants that need not be warned at each request.
        warnings.simplefilter("ignore", InsecureRequestWarning)
        verify = False
    return Endpoint(options.url, options.venue, options.symbol, verify)


def url(text: str) -> str:
    """The address of an exchange."""
    try:
        return api_address(text) + "/"
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no url of an exchange, like {DEFAULT_URL}"
        ) from None


def certificates(text: str) -> str:
    """The name of a file or folder that holds certificates."""
    try:
        return str(checked_verify(text))
    except ValueError as fault:
        raise argparse.ArgumentTypeError(str(fault)) from None


def name(text: str) -> str:
    """The name of a venue, a stock or an account."""
    if not 1 <= len(text) <= MAX_NAME_LENGTH or not text.isprintable():
        raise argparse.ArgumentTypeError(
            f"a name has 1 to {MAX_NAME_LENGTH} characters that can be printed"
        )
    try:
        encoded(text)
    except ValueError as fault:
        raise argparse.ArgumentTypeError(str(fault)) from None
    return text


def key(text: str) -> str:
    """An API key; the empty text is none."""
    if not text.isprintable() or text != text.strip():
        raise argparse.ArgumentTypeError(
            "a key has characters that can be printed, no spaces around it"
        )
    return text


def pause(text: str) -> tuple[float, float]:
    """The shortest and the longest time between two steps, in seconds."""
    first, dash, last = text.partition("-")
    try:
        least, most = float(first), float(last if dash else first)
    except ValueError:
        least = most = math.nan
    if not 0 <= least <= most <= MAX_PAUSE:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither seconds, like 4, nor two limits, like 0.3-0.7"
        )
    return least, most


def count_up_to(most: int) -> Callable[[str], int]:
    """What reads a number from 1 to this."""

    def count(text: str) -> int:
        is_short = text.isascii() and text.isdigit() and len(text) <= len(str(most))
        if not is_short or not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {most}")
        return int(text)

    return count


def _add_market_options(parser: ShortParser) -> None:
    """Where to trade, how much, and how it is repeated. `disorderbook run` sets variables of the
    environment, which are the defaults then.
    """
    add = parser.add_argument
    address = _variable("URL") or f"{api_address(DEFAULT_URL)}/"
    venue, symbol = _variable("VENUE") or "TESTEX", _variable("SYMBOL") or "FOOBAR"
    add("--url", type=url, default=address, help="the exchange" + DEFAULT)
    trust = parser.add_mutually_exclusive_group()
    trust.add_argument(
        "--ca",
        type=certificates,
        metavar="FILE",
        help="trust an https exchange whose certificate is, or is signed by, one of this file (PEM)"
        " (default: those that everybody trusts)",
    )
    trust.add_argument("--insecure", action="store_true", help="trust any certificate")
    add("--venue", type=name, default=venue, help="where to trade" + DEFAULT)
    add("--symbol", type=name, default=symbol, help="which stock" + DEFAULT)
    add(
        "--orders",
        type=count_up_to(MAX_ORDERS),
        metavar="N",
        help="stop after sending this many orders, refused ones too (default: go on for ever)",
    )
    add(
        "--seed",
        type=int,
        default=_variable("SEED"),
        metavar="N",
        help="the same number and the same answers give the same orders (default: a random one)",
    )
    add("--quiet", action="store_true", help="print only the total and what goes wrong")


def _variable(name: str) -> str | None:
    """What the environment says, as it does for a `Market`; None if that is nothing."""
    return os.environ.get(VARIABLES + name) or None


def _add_pause(parser: ShortParser, usual: str) -> None:
    parser.add_argument(
        "--pause",
        type=pause,
        metavar="SECONDS",
        help="time between two orders, one number or the limits of a random one"
        f" (default: {usual})",
    )
