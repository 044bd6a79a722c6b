"""The options of the bots' commands, checked, with a sentence about what is wrong."""

import argparse
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from urllib3.exceptions import InsecureRequestWarning

from disorderbook.client.network import DEFAULT_URL, api_address, checked_verify, encoded
from disorderbook.runner.gateway import Endpoint
from disorderbook.runner.registry import Bot

USAGE_ERROR = 2  # exit status
MAX_NAME_LENGTH = 255  # characters of a venue, symbol or account
MAX_PAUSE = 86400.0  # seconds
MAX_ORDERS = 10**9
MAX_INSTANCES = 100  # of each bot
DEFAULT = " (default: %(default)s)"


class Parser(argparse.ArgumentParser):
    """A parser of command lines that is short when it refuses one."""

    def error(self, message: str) -> NoReturn:
        """One sentence instead of the whole usage."""
        self.exit(USAGE_ERROR, f"{self.prog}: {message} (--help lists the options)\n")


def bot_parser(program: str, bot: Bot) -> Parser:
    """The options of a script that runs one bot."""
    parser = Parser(
        prog=program,
        description=bot.description,
        epilog="Prices are in cents. An exchange that is not there is waited for.",
        allow_abbrev=False,
    )
    _add_market_options(parser)
    add = parser.add_argument
    add("--account", type=name, default=bot.account, help="for whom" + DEFAULT)
    add(
        "--key",
        type=key,
        default=bot.key,
        help="the account's API key, for an exchange that was started with -a" + DEFAULT,
    )
    usual = "-".join(f"{limit:g}" for limit in sorted(set(bot.pause)))
    _add_pause(parser, usual)
    return parser


def bots_parser(program: str) -> Parser:
    """The options of the command that runs several bots."""
    parser = Parser(
        prog=program,
        description="Run bots side by side against an exchange; without a name, list them.",
        epilog="Prices are in cents. An exchange that goes away is waited for.",
        allow_abbrev=False,
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
    add("--account", type=name, help="for whom all of them trade (default: an account for each)")
    add(
        "--key",
        type=key,
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


def _add_market_options(parser: Parser) -> None:
    """Where to trade, how much, and how it is repeated."""
    add = parser.add_argument
    add("--url", type=url, default=f"{api_address(DEFAULT_URL)}/", help="the exchange" + DEFAULT)
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
        type=count_up_to(MAX_ORDERS),
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


def _add_pause(parser: Parser, usual: str) -> None:
    parser.add_argument(
        "--pause",
        type=pause,
        metavar="SECONDS",
        help="time between two orders, one number or the limits of a random one"
        f" (default: {usual})",
    )
