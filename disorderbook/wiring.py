"""What an exchange is put together from, for the command line and for programs that run their own.

Everything is a context manager that is ended in the reverse order: the tape, then the house behind
the routes; a server comes last.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import bottle

from disorderbook.accounts import Accounts
from disorderbook.engine.book import Execution, OrderBook
from disorderbook.errors import ExchangeError
from disorderbook.exchange import MAX_BOOKS, MAX_NAME_LENGTH, Exchange, Publish
from disorderbook.forks import closed_in_child
from disorderbook.gamemaster import GameMaster
from disorderbook.history import History
from disorderbook.ledger.opening import open_ledger
from disorderbook.ledger.refusing import Unusable
from disorderbook.ledger.temporary import TemporaryLedger
from disorderbook.ledger.upkeep import Upkeep
from disorderbook.origin import OriginPolicy
from disorderbook.rest.house import House
from disorderbook.rest.metrics import Metrics
from disorderbook.rest.server import InlineServer
from disorderbook.sockets import IPV6_HOST
from disorderbook.tape.feed import Tape
from disorderbook.tape.limits import limits_for


FIRST_VENUE, FIRST_SYMBOL = "TESTEX", "FOOBAR"
LARGEST_PORT = 65535
NAME_RULE = f"a name has 1 to {MAX_NAME_LENGTH} characters that can be printed and no slash"


class CannotStart(Exception):
    """The exchange cannot start as asked; says why in one sentence."""


class Wanted(NamedTuple):
    """What market there shall be."""

    venue: str | None = None  # that exists from the start; None is FIRST_VENUE in a new market
    symbol: str | None = None  # the same of a stock
    max_books: int = MAX_BOOKS
    extra: bool = False  # whether the orders of an account may be listed
    database: str | None = None  # the file that keeps it
    sync: bool = False  # whether each change is on the disk before it is answered
    origins: OriginPolicy = OriginPolicy()  # which web pages may ask, and by which host names
    drop_damaged_log: bool = False  # whether commits behind damage in the log may be left out
    private: bool = False  # whether new files are for their owner only


@contextmanager
def running_tape(
    accounts: Accounts, port: int, descriptors: int, origins: OriginPolicy
) -> Iterator[Tape]:
    """The websocket server, in a process with so many descriptors; raises CannotStart."""
    try:
        tape = Tape(accounts, port, limits_for(descriptors), origins)
    except OSError as fault:
        raise cannot_listen(port, fault) from None
    with closed_in_child(tape.port), tape:
        yield tape


@contextmanager
def open_house(
    wanted: Wanted, accounts: Accounts, tape: Tape | None = None,
    server: bottle.ServerAdapter | None = None,
) -> Iterator[House]:
    """Everything behind the routes of a server, with the first book open; raises CannotStart."""
    history = History(time.time_ns())
    publish = history.record if tape is None else _both(history.record, tape.publish)
    if wanted.database is None:
        exchange = Exchange(wanted.max_books, publish, ledger=TemporaryLedger())
        gamemaster = GameMaster()
    else:
        exchange, gamemaster = _continue(wanted, wanted.database, publish)
    try:
        first_book(exchange, wanted)
        tape_port = tape.port if tape else None
        with Upkeep(exchange.settle):
            yield House(
                exchange, accounts, gamemaster, wanted.extra, history, tape_port,
                _metrics(server, tape), wanted.origins,
            )
    finally:
        exchange.close()


def is_name(text: str) -> bool:
    """Whether a venue or a stock can be called so from the start, and be asked for in a URL."""
    return 1 <= len(text) <= MAX_NAME_LENGTH and "/" not in text and text.isprintable()


def cannot_listen(port: int, fault: OSError) -> CannotStart:
    place = f" of {IPV6_HOST}" if fault.filename == IPV6_HOST else ""
    return CannotStart(f"Cannot listen on port {port}{place}: {fault.strerror}")


def _metrics(server: bottle.ServerAdapter | None, tape: Tape | None) -> Metrics:
    return Metrics(
        server.counts if isinstance(server, InlineServer) else None, tape.counts if tape else None
    )


def _both(first: Publish, second: Publish) -> Publish:
    """A publisher that tells two."""

    def publish(book: OrderBook, executions: Sequence[Execution]) -> None:
        first(book, executions)
        second(book, executions)

    return publish


def _continue(
    wanted: Wanted, database: str, publish: Publish
) -> tuple[Exchange, GameMaster]:
    """The market of a database, as it was left."""
    try:
        ledger, market = open_ledger(
            database, wanted.sync, drop_damaged_log=wanted.drop_damaged_log,
            private=wanted.private,
        )
    except Unusable as fault:
        raise CannotStart(str(fault)) from None
    exchange = Exchange(wanted.max_books, publish, ledger=ledger)
    exchange.restore(market.books, market.latest)
    return exchange, GameMaster(ledger.record_instance, market.instances, market.last_instance)


def first_book(exchange: Exchange, wanted: Wanted) -> OrderBook:
    """The book that is there from the start: in a market that has books and where none was asked
    for, the oldest. Raises CannotStart.
    """
    with exchange.turn:
        if wanted.venue is None and wanted.symbol is None:
            for name in exchange.venues():
                return next(exchange.books(name))
    venue, symbol = wanted.venue or FIRST_VENUE, wanted.symbol or FIRST_SYMBOL
    try:
        with exchange.turn:
            return exchange.book(venue, symbol)
    except ExchangeError as refusal:
        raise CannotStart(f"Cannot open {symbol} at {venue}: {refusal}") from None
