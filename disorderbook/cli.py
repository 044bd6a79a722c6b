"""The command line: options, wiring, start and stop."""

import argparse
import logging
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn
from urllib.parse import quote

import bottle

from disorderbook.accounts import Accounts, load_accounts
from disorderbook.collector import keep_collections_short
from disorderbook.errors import ExchangeError
from disorderbook.exchange import MAX_BOOKS, MAX_NAME_LENGTH, Exchange
from disorderbook.gamemaster import GameMaster
from disorderbook.ledger.export import export
from disorderbook.ledger.opening import open_ledger
from disorderbook.ledger.refusing import Unusable
from disorderbook.ledger.temporary import TemporaryLedger
from disorderbook.rest.api import House
from disorderbook.rest.app import make_app
from disorderbook.rest.serving import HOST, serve

USAGE_ERROR = 2  # exit status

log = logging.getLogger(__name__)


class UsageError(Exception):
    """The exchange cannot start as asked; says why in one sentence."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run an exchange until it is interrupted; returns the exit status."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _run(options)
    except KeyboardInterrupt:
        pass
    except UsageError as fault:
        print(f"disorderBook: {fault}", file=sys.stderr)
        return USAGE_ERROR
    return 0


def _run(options: argparse.Namespace) -> None:
    if options.export is not None:
        _export(options.database, options.export)
        return
    house = _build(options)
    try:
        _serve(house, options)
    finally:
        house.exchange.close()


def _serve(house: House, options: argparse.Namespace) -> None:
    port = _free_port(options.port)
    _greet(port, options, house)
    keep_collections_short()
    try:
        serve(make_app(house), options.server, port)
    except ImportError as missing:
        raise UsageError(f"The server {options.server} is not installed: {missing}") from None
    except OSError as fault:
        raise UsageError(f"Cannot listen on port {port}: {fault.strerror}") from None


def _build(options: argparse.Namespace) -> House:
    """Everything behind the routes, with the first book open."""
    accounts = _accounts(options.accounts)
    if options.sync and options.database is None:
        raise UsageError("--sync needs --database, the file to keep the market in")
    if options.database is None:
        exchange = Exchange(options.maxbooks, ledger=TemporaryLedger())
        gamemaster = GameMaster()
    else:
        exchange, gamemaster = _continue(options)
    try:
        with exchange.turn:
            exchange.book(options.venue, options.symbol)
    except ExchangeError as refusal:
        raise UsageError(f"Cannot open {options.symbol} at {options.venue}: {refusal}") from None
    return House(exchange, accounts, gamemaster, options.extra)


def _continue(options: argparse.Namespace) -> tuple[Exchange, GameMaster]:
    """The market of a database, as it was left."""
    try:
        ledger, market = open_ledger(options.database, options.sync)
    except Unusable as fault:
        raise UsageError(str(fault)) from None
    exchange = Exchange(options.maxbooks, ledger=ledger)
    exchange.restore(market.books, market.latest)
    return exchange, GameMaster(ledger.record_instance, market.instances, market.last_instance)


def _export(database: str | None, folder: str) -> None:
    if database is None:
        raise UsageError("--export needs --database, the file to export from")
    try:
        written = export(database, folder)
    except Unusable as fault:
        raise UsageError(str(fault)) from None
    except OSError as fault:
        raise UsageError(f"Cannot write to {folder}: {fault.strerror}") from None
    print("Wrote", *written)


def _accounts(path: str | None) -> Accounts:
    if path is None:
        return Accounts()
    try:
        return load_accounts(path)
    except OSError as fault:
        raise UsageError(f"Cannot read the accounts file {path}: {fault.strerror}") from None
    except ValueError as fault:
        raise UsageError(f"The accounts file {fault}") from None


def _free_port(port: int) -> int:
    """The port itself if nobody listens there, or any free one for port 0."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as fault:
            raise UsageError(f"Cannot listen on port {port}: {fault.strerror}") from None
        return int(probe.getsockname()[1])


def _greet(port: int, options: argparse.Namespace, house: House) -> None:
    url = f"http://{HOST}:{port}/ob/api/"
    stock = f"venues/{quote(options.venue)}/stocks/{quote(options.symbol)}"
    order = '{"account": "ME", "direction": "buy", "orderType": "limit", "price": 5000, "qty": 9}'
    key = '-H "X-Starfighter-Authorization: KEY" ' if house.accounts.need_keys else ""
    print(f"disorderBook starting up on port {port}")
    if not house.accounts.need_keys:
        print(" -----> Warning: running WITHOUT AUTHENTICATION!")
    print(f"""
Connect to  {url}  (Ctrl-C stops)
Place an order:
  curl {key}-d '{order}' \\
    {url}{stock}/orders
Start a bot:
  python3 bots/bot_noise.py --url {url} --venue {options.venue} --symbol {options.symbol}
""", flush=True)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One sentence instead of the whole usage."""
        self.exit(USAGE_ERROR, f"disorderBook: {message} (--help lists the options)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="disorderBook",
        description="A local stock exchange for trading bots; speaks the Stockfighter protocol.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("-p", "--port", type=_between(0, 65535), default=8000,
        help="port of the REST interface; 0 picks a free one")
    add("-b", "--maxbooks", type=_between(1, 10**6), default=MAX_BOOKS,
        help="most order books that can be opened")
    add("-v", "--venue", type=_name, default="TESTEX", help="venue that exists from the start")
    add("-s", "--symbol", "--stock", type=_name, default="FOOBAR",
        help="stock that exists from the start")
    add("-a", "--accounts", metavar="FILE", default=None,
        help="JSON file of account names and API keys; turns authentication on")
    add("-d", "--database", metavar="FILE", default=None,
        help="keep the market in this file, and go on with the one that is there")
    add("--sync", action="store_true",
        help="have a change on the disk before it is answered: with --database, even a power cut "
        "loses nothing")
    add("--export", metavar="DIR", default=None,
        help="write orders.csv and executions.csv of --database to this folder, and end")
    add("-e", "--extra", "--excess", action="store_true",
        help="allow listing all orders of an account")
    add("-w", "--ws", "--websocket", "--websockets", action="store_true", dest="websockets",
        help="run the websocket server")
    add("--wsport", "--ws_port", type=_between(0, 65535), default=8001,
        help="port of the websocket server; 0 picks a free one")
    add("--server", choices=sorted(bottle.server_names), default="waitress", metavar="NAME",
        help="HTTP server under the application, any that Bottle knows")
    return parser


def _between(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text[:9]) <= most):
            raise argparse.ArgumentTypeError(f"{text!r} is no integer from {least} to {most}")
        return int(text)

    return parse


def _name(text: str) -> str:
    if not 1 <= len(text) <= MAX_NAME_LENGTH or "/" in text:
        raise argparse.ArgumentTypeError(
            f"a name has 1 to {MAX_NAME_LENGTH} characters and no slash"
        )
    return text
