"""The command line: wiring, start and stop."""

import argparse
import contextlib
import io
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import NoReturn
from urllib.parse import quote

import bottle

from disorderbook.accounts import Accounts, load_accounts
from disorderbook.collector import keep_collections_short
from disorderbook.descriptors import allow_descriptors
from disorderbook.engine.book import Execution, OrderBook
from disorderbook.errors import ExchangeError
from disorderbook.exchange import Exchange, Publish
from disorderbook.gamemaster import GameMaster
from disorderbook.history import History
from disorderbook.journal import start_journal
from disorderbook.ledger.export import export
from disorderbook.ledger.opening import open_ledger
from disorderbook.ledger.refusing import Unusable
from disorderbook.ledger.temporary import TemporaryLedger
from disorderbook.ledger.upkeep import Upkeep
from disorderbook.options import USAGE_ERROR, make_parser
from disorderbook.rest.api import House
from disorderbook.rest.app import make_app
from disorderbook.rest.metrics import Metrics
from disorderbook.rest.server import InlineServer
from disorderbook.rest.serving import HOST, keep_together, make_server
from disorderbook.tape.feed import Tape
from disorderbook.tape.limits import limits_for

END_PATIENCE = 2.0  # seconds that a server has to end in


class UsageError(Exception):
    """The exchange cannot start as asked; says why in one sentence."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run an exchange until it is interrupted; returns the exit status."""
    options = make_parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name may be in any script
    start_journal(options.log_level)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    try:
        _run(options)
    except KeyboardInterrupt:
        pass
    except UsageError as fault:
        print(f"disorderBook: {fault}", file=sys.stderr)
        return USAGE_ERROR
    return 0


def _end(number: int, frame: object) -> NoReturn:
    """Interrupt the server, and do without its consent if it swallows that, as wsgiref does."""
    last_resort = threading.Timer(END_PATIENCE, os._exit, (0,))
    last_resort.daemon = True
    last_resort.start()
    raise KeyboardInterrupt


def _run(options: argparse.Namespace) -> None:
    if options.export is not None:
        _export(options.database, options.export)
        return
    accounts = _accounts(options.accounts)
    server = _server(options)
    with (
        _tape(options, accounts) as tape,
        _house(options, accounts, tape, _metrics(server, tape)) as house,
    ):
        with contextlib.suppress(OSError):  # nobody reads it
            _greet(server.port, options, house, tape)
        keep_collections_short()
        if options.database is not None and isinstance(server, InlineServer):
            keep_together(server, house.exchange)
        _stop_on_signals(server)
        try:
            bottle.run(make_app(house), server=server, quiet=True)
        except ImportError as missing:
            raise UsageError(f"The server {options.server} is not installed: {missing}") from None
        except Exception as fault:
            raise UsageError(f"The server {options.server} does not run: {fault}") from fault


def _server(options: argparse.Namespace) -> bottle.ServerAdapter:
    try:
        return make_server(options.server, options.port)
    except OSError as fault:
        raise _cannot_listen(options.port, fault) from None


def _stop_on_signals(server: bottle.ServerAdapter) -> None:
    """Let our own server finish what is under way; the others are interrupted."""
    if isinstance(server, InlineServer):
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: server.stop())


@contextlib.contextmanager
def _tape(options: argparse.Namespace, accounts: Accounts) -> Iterator[Tape | None]:
    """The websocket server while it runs, None unless it was asked for."""
    if not options.websockets:
        yield None
        return
    try:
        tape = Tape(accounts, options.wsport, HOST, limits_for(allow_descriptors()))
    except OSError as fault:
        raise _cannot_listen(options.wsport, fault) from None
    with tape:
        yield tape


def _metrics(server: bottle.ServerAdapter, tape: Tape | None) -> Metrics:
    return Metrics(
        server.counts if isinstance(server, InlineServer) else None, tape.counts if tape else None
    )


@contextlib.contextmanager
def _house(
    options: argparse.Namespace, accounts: Accounts, tape: Tape | None,
    metrics: Metrics | None = None,
) -> Iterator[House]:
    """Everything behind the routes, with the first book open."""
    history = History(time.time_ns())
    publish = history.record if tape is None else _both(history.record, tape.publish)
    if options.sync and options.database is None:
        raise UsageError("--sync needs --database, the file to keep the market in")
    if options.database is None:
        exchange = Exchange(options.maxbooks, publish, ledger=TemporaryLedger())
        gamemaster = GameMaster()
    else:
        exchange, gamemaster = _continue(options, publish)
    try:
        _open_first_book(exchange, options.venue, options.symbol)
        tape_port = tape.port if tape else None
        counted = metrics or Metrics()
        with Upkeep(exchange.settle):
            yield House(
                exchange, accounts, gamemaster, options.extra, history, tape_port, counted
            )
    finally:
        exchange.close()


def _both(first: Publish, second: Publish) -> Publish:
    """A publisher that tells two."""

    def publish(book: OrderBook, executions: Sequence[Execution]) -> None:
        first(book, executions)
        second(book, executions)

    return publish


def _open_first_book(exchange: Exchange, venue: str, symbol: str) -> None:
    try:
        with exchange.turn:
            exchange.book(venue, symbol)
    except ExchangeError as refusal:
        raise UsageError(f"Cannot open {symbol} at {venue}: {refusal}") from None


def _continue(options: argparse.Namespace, publish: Publish) -> tuple[Exchange, GameMaster]:
    """The market of a database, as it was left."""
    try:
        ledger, market = open_ledger(options.database, options.sync)
    except Unusable as fault:
        raise UsageError(str(fault)) from None
    exchange = Exchange(options.maxbooks, publish, ledger=ledger)
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


def _cannot_listen(port: int, fault: OSError) -> UsageError:
    return UsageError(f"Cannot listen on port {port}: {fault.strerror}")


def _greet(port: int, options: argparse.Namespace, house: House, tape: Tape | None) -> None:
    front = f"http://{HOST}:{port}/"
    url = f"{front}ob/api/"
    stock = f"venues/{quote(options.venue)}/stocks/{quote(options.symbol)}"
    venue, symbol = shlex.quote(options.venue), shlex.quote(options.symbol)
    order = '{"account": "ME", "direction": "buy", "orderType": "limit", "price": 5000, "qty": 9}'
    key = '-H "X-Starfighter-Authorization: KEY" ' if house.accounts.need_keys else ""
    keys = f" --accounts {shlex.quote(options.accounts)}" if options.accounts is not None else ""
    print(f"disorderBook starting up on port {port}")
    if not house.accounts.need_keys:
        print(" -----> Warning: running WITHOUT AUTHENTICATION!")
    print(f"""
Connect to  {url}  (Ctrl-C stops)
Watch it at {front}
Place an order:
  curl {key}-d '{order}' \\
    {url}{stock}/orders
Bring the market to life:
  python3 -m bots market-maker taker noise{keys} --url {url} --venue {venue} --symbol {symbol}
""", flush=True)
    if tape:
        tape_url = f"ws://{HOST}:{tape.port}/ob/api/ws/"
        print(f"""Watch the tape ({tape_url}ACCOUNT/venues/VENUE/tickertape):
  python3 bots/watch_tape.py --url {tape_url} --venue {venue}
""", flush=True)
