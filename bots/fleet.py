"""The command `python3 -m bots`: lists the bots, or runs several of them in one process."""

import argparse
import difflib
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

from admission import NotAdmitted, check_account, check_exchange, key_from, read_keys
from command_line import (
    add_market_options,
    make_traders,
    printer,
    random_seed,
    silence,
    stop_on_signals,
    verify_of,
)
from complaints import Complaints
from connections import Connections
from option_types import USAGE_ERROR, Parser, count_up_to, key, name, pause
from roster import ROSTER, listing
from status_line import status_shown
from stockfighter_minimal import Client
from trader import Trader, run_together

PROGRAM = "python3 -m bots"
MOST_COPIES = 100  # of each bot


class Copy(NamedTuple):
    """One running bot: its kind, for whom it trades, and the trader in each of its threads."""

    kind: str
    account: str
    traders: Sequence[Trader]

    def count(self, of: str) -> int:
        return sum(getattr(trader, of) for trader in self.traders)


def main(arguments: Sequence[str] | None = None) -> int:
    """List the bots, or run those that are named until Ctrl-C; returns the exit status."""
    parser = _parser()
    options = parser.parse_intermixed_args(arguments)
    _check_names(parser, options.names)
    if not options.names:
        printer(threading.Event())(listing())
        return 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    connections = Connections()
    client = Client(
        options.url,
        verify=verify_of(options),
        complain=Complaints(),
        make_session=connections.session,
    )
    try:
        keys = _keys(options)
        check_exchange(client)
        for account, its_key in keys.items():
            check_account(client.with_key(its_key), options.venue, options.symbol, account)
        client.close()
        return _run(options, keys, client, connections)
    except NotAdmitted as fault:
        print(f"{PROGRAM}: {fault}", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:  # before there was anything to stop
        return 0


def _run(
    options: argparse.Namespace, keys: dict[str, str], client: Client, connections: Connections
) -> int:
    stop = threading.Event()
    stop_on_signals(stop)
    say = printer(stop)
    seed = random_seed() if options.seed is None else options.seed
    fleet = _fleet(options, keys, client, seed)
    traders = [trader for copy in fleet for trader in copy.traders]
    if not options.quiet:
        say(
            f"{_names(fleet)} at {options.venue} {options.symbol}, {options.url}"
            f" with --seed {seed}; Ctrl-C stops."
        )
    started = time.monotonic()
    status = status_shown(lambda: _status(fleet, started), say)
    with nullcontext(lambda: None) if options.quiet else status as show:
        all_went_well = run_together(traders, stop, watch=show, cut=connections.cut)
    for line in _totals(fleet):
        say(line)
    return 0 if all_went_well else 1


def _fleet(
    options: argparse.Namespace, keys: dict[str, str], client: Client, seed: int
) -> list[Copy]:
    fleet = []
    for kind, number, account in _accounts(options):
        own_seed = random.Random(f"{seed} {kind} {number}").randrange(2**32)
        own_client = client.with_key(keys[account])
        traders = make_traders(ROSTER[kind].bot, own_client, options, account, own_seed, silence)
        fleet.append(Copy(kind, account, traders))
    return fleet


def _accounts(options: argparse.Namespace) -> Iterator[tuple[str, int, str]]:
    """Each copy's kind, number and account: the bot's own if it is alone of its kind, else NOISE1,
    NOISE2 and so on; but one that was named trades for all of them."""
    for kind in options.names:
        for number in range(1, options.copies + 1):
            own = ROSTER[kind].bot.account if options.copies == 1 else f"{kind.upper()}{number}"
            yield kind, number, options.account or own


def _keys(options: argparse.Namespace) -> dict[str, str]:
    """The key of each account that trades; raises NotAdmitted if the file has none for it."""
    in_file = None if options.accounts is None else read_keys(options.accounts)

    def key_of(kind: str, account: str) -> str:
        bot = ROSTER[kind].bot
        if options.key is not None:
            return str(options.key)
        if in_file is not None:
            return key_from(in_file, account)
        return bot.key if account == bot.account else ""

    return {account: key_of(kind, account) for kind, _, account in _accounts(options)}


def _status(fleet: Sequence[Copy], started: float) -> str:
    """The line that says how it goes."""
    minutes, seconds = divmod(int(time.monotonic() - started), 60)
    prices = [t.price_seen for copy in fleet for t in copy.traders if t.price_seen is not None]
    last = f"last {prices[0]}" if prices else "no trade seen"
    refused = sum(copy.count("sent") - copy.count("placed") for copy in fleet)
    placed = [
        f"{kind} {sum(copy.count('placed') for copy in fleet if copy.kind == kind)}"
        for kind in dict.fromkeys(copy.kind for copy in fleet)
    ]
    lost = f"  {refused} not placed" if refused else ""
    return f"{minutes}:{seconds:02}  {last}{lost}  orders: {', '.join(placed)}"


def _totals(fleet: Sequence[Copy]) -> Iterator[str]:
    """A line about each bot, and one about all."""
    for copy in fleet:
        yield f"{copy.kind} ({copy.account}): {_sum([copy])}."
    yield f"Total: {_sum(fleet)}."


def _sum(fleet: Sequence[Copy]) -> str:
    sent, placed, cancelled = (
        sum(copy.count(of) for copy in fleet) for of in ("sent", "placed", "cancelled")
    )
    return (
        f"{sent} orders sent, {placed} of them placed, {sent - placed} refused or lost,"
        f" {cancelled} cancelled"
    )


def _names(fleet: Sequence[Copy]) -> str:
    accounts: dict[str, list[str]] = {}
    for copy in fleet:
        accounts.setdefault(copy.kind, []).append(copy.account)
    return ", ".join(
        f"{len(own)} {kind} ({own[0]} to {own[-1]})" if own[0] != own[-1] else f"{kind} ({own[0]})"
        for kind, own in accounts.items()
    )


def _check_names(parser: argparse.ArgumentParser, names: Sequence[str]) -> None:
    for number, kind in enumerate(names):
        if kind not in ROSTER:
            nearest = difflib.get_close_matches(kind.lower(), ROSTER, 1, 0.5)
            meant = f"; did you mean {nearest[0]}?" if nearest else f"; {PROGRAM} lists them"
            parser.error(f"No bot is called {kind[:60]!r}{meant}")
        if kind in names[:number]:
            parser.error(f"The bot {kind} is named twice; --copies runs several of each")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog=PROGRAM,
        description="Run bots side by side against an exchange; without a name, list them.",
        epilog="Prices are in cents. An exchange that goes away is waited for.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="which bots")
    add(
        "--copies",
        type=count_up_to(MOST_COPIES),
        default=1,
        metavar="N",
        help="how many of each bot; each has an account (NOISE1, NOISE2) and a seed of its own",
    )
    add_market_options(parser)
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
    add(
        "--pause",
        type=pause,
        metavar="SECONDS",
        help="time between two orders, one number or the limits of a random one (default: what is"
        " usual for each bot)",
    )
    return parser
