"""The command line: its options, what it runs, and the exit status.

The rule: whatever is wrong with an option, or stands in the way of a start, is one sentence on
stderr and USAGE_ERROR.
"""

import argparse
import io
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from disorderbook import __version__
from disorderbook.assembly import FIRST_SYMBOL, FIRST_VENUE, OWN_SERVER, SERVERS, CannotStart
from disorderbook.cli.admin_command import add_admin
from disorderbook.cli.new_bot import add_new_bot
from disorderbook.cli.relay_command import add_relay
from disorderbook.cli.replay import add_replay
from disorderbook.cli.shared_options import (
    DEFAULT,
    add_accounts,
    add_allowed_hosts,
    add_listeners,
    add_log_level,
    add_nats_files,
    add_port,
)
from disorderbook.cli.start import run_exchange
from disorderbook.cli.subcommands import (
    add_backup,
    add_bots,
    add_class,
    add_run,
    add_upgrade,
    run_export,
)
from disorderbook.cli.values import between, name, seconds, sensible
from disorderbook.cli.wait_command import add_wait
from disorderbook.control.latency import LATENCY_RULE, NONE, distribution
from disorderbook.game.chance import MAX_SEED
from disorderbook.game.master import MAX_INSTANCES, MOST_INSTANCES
from disorderbook.game.run import DAY_SECONDS
from disorderbook.marketdata.mark import Mark
from disorderbook.process.invocation import USAGE_ERROR
from disorderbook.process.log import start_log
from disorderbook.protocol.names import MAX_BOOKS, MOST_BOOKS
from disorderbook.protocol.shard import read_shard
from disorderbook.timeline.clock import (
    CLOCK_RULE,
    FASTEST,
    SLOWEST,
    ClockSettings,
    clock_settings,
    fast_clock,
)
from disorderbook.timeline.opponents import opponents_of

SUBCOMMANDS = [
    add_backup,
    add_upgrade,
    add_bots,
    add_run,
    add_class,
    add_new_bot,
    add_wait,
    add_relay,
    add_admin,
]


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


def make_parser() -> argparse.ArgumentParser:
    """The parser of the command line, which ends the process with one sentence and USAGE_ERROR for
    a bad option. `run` of what it returns is the function to call with it.
    """
    parser: argparse.ArgumentParser = _Parser(
        prog="disorderbook",
        description="A local stock exchange for trading bots; speaks the Stockfighter protocol.",
    )
    parser.set_defaults(run=run_exchange, replay=None, replay_as=None)
    _add_exchange_options(parser.add_argument)
    parser.add_argument("--version", action="version", version=f"disorderBook {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for add_subcommand in SUBCOMMANDS:
        add_subcommand(commands)
    add_replay(commands, _add_exchange_options)
    return parser


def _add_exchange_options(add: Callable[..., object]) -> None:
    """Call `add`, a parser's `add_argument`, for each option of an exchange."""
    add_port(add, 8000, "port of the REST interface", "-p", "--port")
    add(
        "-b",
        "--maxbooks",
        type=between(1, MOST_BOOKS),
        default=MAX_BOOKS,
        help="most order books that can be opened" + DEFAULT,
    )
    add(
        "-v",
        "--venue",
        type=name,
        default=None,
        help=f"venue that exists from the start (default: {FIRST_VENUE}, if the market is new)",
    )
    add(
        "-s",
        "--symbol",
        "--stock",
        type=name,
        default=None,
        help=f"stock that exists from the start (default: {FIRST_SYMBOL}, if the market is new)",
    )
    add_accounts(add, "turns authentication on")
    add(
        "-d",
        "--database",
        metavar="FILE",
        default=None,
        help="store the market in this file, and continue the one that is there",
    )
    add(
        "--sync",
        action="store_true",
        help="have a change on the disk before it is answered: with --database, even a power cut "
        "loses nothing",
    )
    add(
        "--drop-damaged-log",
        action="store_true",
        help="go on with a --database in whose log some changes stand behind damage, without them; "
        "the log is copied first",
    )
    add(
        "--export",
        metavar="DIR",
        default=None,
        help="write orders.csv, executions.csv and so on of --database to this folder, and end",
    )
    add(
        "-e",
        "--extra",
        "--excess",
        action="store_true",
        help="allow listing all orders of an account",
    )
    add(
        "-w",
        "--ws",
        "--websocket",
        "--websockets",
        action="store_true",
        dest="websockets",
        help="serve the tape over websockets, on the REST port and on --wsport",
    )
    add_port(add, 8001, "port for websockets alone", "--wsport", "--ws_port")
    add_listeners(add)
    add(
        "--day-seconds",
        type=seconds,
        default=DAY_SECONDS,
        metavar="SECONDS",
        help=f"how long a trading day of a level takes (default: {DAY_SECONDS:g})",
    )
    add(
        "--seed",
        type=between(0, MAX_SEED),
        default=None,
        metavar="N",
        help="what the markets of the levels and the opponents follow from: with the same N they"
        " repeat (default: chance)",
    )
    add(
        "--maxinstances",
        type=between(1, MOST_INSTANCES),
        default=MAX_INSTANCES,
        help="most levels that can be played at a time" + DEFAULT,
    )
    add(
        "--shard",
        type=sensible(read_shard),
        metavar="K/N",
        default=None,
        help="this is exchange K of N behind a proxy that chooses among them by the venue's name:"
        " ids of levels and names of their venues end in K",
    )
    add(
        "--opponents",
        type=sensible(opponents_of),
        metavar="LIST",
        default=(),
        help="bots that trade the first book in the exchange itself, such as "
        "market-maker,taker,noise:3",
    )
    add(
        "--clock",
        type=sensible(clock_settings),
        metavar="CLOCK",
        default=ClockSettings(),
        help=f"what the exchange goes by: {CLOCK_RULE} that a request moves it by (default: real)",
    )
    add(
        "--speed",
        type=sensible(fast_clock),
        metavar="X",
        default=None,
        help="instead of --clock: so many simulated seconds pass in a real one,"
        f" {SLOWEST:g} to {FASTEST:g}",
    )
    add(
        "--latency",
        type=sensible(distribution),
        metavar="SPEC",
        default=NONE,
        help="hold orders and cancels for so long before they are done: " + LATENCY_RULE,
    )
    add(
        "--tape-latency",
        type=sensible(distribution),
        metavar="SPEC",
        default=NONE,
        help="send the messages of the tape so much later, as for --latency; needs --websockets",
    )
    add(
        "--control",
        action="store_true",
        help="let programs on this machine begin the market anew, halt stocks and so on, below "
        "/api/v1/control/",
    )
    add(
        "--admin-key-file",
        metavar="FILE",
        default=None,
        help="the file whose one line is the admin's key, which --control and a clock to be moved "
        "need with --accounts; with it there are the routes below /api/v1/admin/",
    )
    add(
        "--rules",
        metavar="FILE",
        default=None,
        help="what orders must obey: limits, price bands, fees and so on, in TOML (docs/rules.md)",
    )
    add(
        "--mark",
        choices=[mark.value for mark in Mark],
        default=Mark.LAST.value,
        metavar="MARK",
        help="what a share counts for in scores and net asset values: the last price (last), the "
        "middle of the best bid and ask (mid), or the last price within the band of --rules (band)"
        + DEFAULT,
    )
    add(
        "--publish",
        metavar="URL",
        default=None,
        help="publish quotes and trades to this NATS server, nats://HOST:PORT or tls://HOST:PORT, "
        "or to a cluster, nats://A:PORT,B:PORT; needs the extra disorderbook[nats] (docs/scale.md)",
    )
    add(
        "--publish-executions",
        action="store_true",
        help="publish the executions of all accounts as well, to whoever may subscribe there",
    )
    add_nats_files(add, "publish-")
    add(
        "--ports-file",
        metavar="FILE",
        default=None,
        help="write the ports to this file, as JSON, once both listen; it is gone after the end",
    )
    add_allowed_hosts(add, "exchange")
    add(
        "--server",
        choices=SERVERS,
        default=OWN_SERVER,
        metavar="NAME",
        help="HTTP server under the application: inline, our own, or waitress, which is an extra"
        + DEFAULT,
    )
    add_log_level(add)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One sentence instead of the whole usage."""
        self.exit(USAGE_ERROR, f"disorderBook: {message} (--help lists the options)\n")
