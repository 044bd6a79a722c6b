"""How an exchange is put together, for the command line and for programs that run their own.

Every part is a context manager. The HTTP server gets its port first, so that a taken port is known
before a file is touched; then the tape and the services behind the routes begin, and the server
serves last. They end in the reverse order.
"""

import logging
import os
import random
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import NamedTuple

import bottle

from disorderbook.accounts import Accounts
from disorderbook.admin.actions import AdminActions
from disorderbook.api.metrics import Metrics
from disorderbook.api.services import ROUTES, Services
from disorderbook.control.control import MarketControl
from disorderbook.control.fault_injection import FaultInjection
from disorderbook.control.faults import Faults
from disorderbook.control.journal import RequestJournal, account_of
from disorderbook.control.latency import NONE, LatencySettings
from disorderbook.control.replay import Replay, ReplaySettings, Tell, tell_nobody
from disorderbook.engine.book import OrderBook
from disorderbook.errors import ExchangeError, Unavailable
from disorderbook.exchange import Exchange, Publish
from disorderbook.game.master import GameMaster, GameSettings
from disorderbook.game.simulation import START
from disorderbook.ledger.archive import Market
from disorderbook.ledger.base import Ledger
from disorderbook.ledger.file import open_ledger
from disorderbook.ledger.journal import Place
from disorderbook.ledger.location import Unusable
from disorderbook.ledger.recording import read_recording
from disorderbook.ledger.temporary import TemporaryLedger
from disorderbook.marketdata.history import History
from disorderbook.marketdata.mark import Mark
from disorderbook.marketdata.nav_series import NavRecorder
from disorderbook.marketdata.scoreboard import Scoreboard
from disorderbook.nats.connection import NatsAccess, check_access, nats_access
from disorderbook.nats.publisher import Publisher
from disorderbook.process.forks import closed_in_child
from disorderbook.process.periodic import Periodic
from disorderbook.protocol.names import (
    IPV6_HOST,
    MAX_BOOKS,
    error_message,
)
from disorderbook.rules.market import NO_RULES, RuleBook
from disorderbook.server.origin import OriginPolicy
from disorderbook.server.server import CAN_LEAVE_SOCKETS, InlineServer
from disorderbook.tape.feed import Tape
from disorderbook.tape.limits import MAX_LISTENERS, TapeLimits, limits_for
from disorderbook.timeline.clock import Clock, ClockSettings
from disorderbook.timeline.opponents import Opponent, Opponents
from disorderbook.timeline.thread import TimelineThread
from disorderbook.timeline.timeline import Timeline

OWN_SERVER, WAITRESS = "inline", "waitress"
SERVERS = (OWN_SERVER, WAITRESS)  # each answers in this process, where the exchange is

FIRST_VENUE, FIRST_SYMBOL = "TESTEX", "FOOBAR"
UPKEEP_SECONDS = 0.5  # so the tables are never further behind the journal
log = logging.getLogger(__name__)


class CannotStart(Exception):
    """The exchange cannot start as asked; says why in one sentence."""


class MarketSettings(NamedTuple):
    """Which market to open, where it is stored, and who may use it."""

    venue: str | None = None  # opened at the start; None means FIRST_VENUE in a new market
    symbol: str | None = None  # opened at the start; None means FIRST_SYMBOL in a new market
    max_books: int = MAX_BOOKS
    extra: bool = False  # whether the orders of an account may be listed
    database: str | None = None  # the file of the market; None means memory
    sync: bool = False  # whether each change is on the disk before it is answered
    origins: OriginPolicy = OriginPolicy()  # which web pages may ask, and by which host names
    drop_damaged_log: bool = False  # whether commits behind damage in the log may be left out
    private: bool = False  # whether new files are for their owner only
    game: GameSettings = GameSettings()  # how levels are played
    opponents: tuple[Opponent, ...] = ()  # who trade the first book by themselves
    clock: ClockSettings = ClockSettings()  # what the exchange goes by
    has_journal: bool = False  # whether the requests of clients are recorded
    replay: ReplaySettings | None = None  # what was recorded and is given again, in a new market
    has_control: bool = False  # whether there are routes that control the market
    latency: LatencySettings = LatencySettings()  # of orders and of the tape
    admin_key: str | None = None  # which those need, and moving the clock
    rules: RuleBook = NO_RULES  # what orders must obey
    mark: Mark = Mark.LAST  # what shares count for in net asset values
    publish: NatsAccess | None = None  # the NATS server that market data goes to
    publish_executions: bool = False  # whether those of all accounts go there, too


@contextmanager
def assemble(
    settings: MarketSettings,
    accounts: Accounts,
    tape: Tape | None = None,
    server: bottle.ServerAdapter | None = None,
    clock: Clock | None = None,
) -> Iterator[Services]:
    """Everything behind the routes of a server, with the first book open; raises CannotStart. A
    `clock` is used in the place of one that the settings ask for, and is of their kind.

    Our own server commits the changes of many requests at once, if the market is in a file.
    """
    _check_books(settings)
    check_mark(settings.mark, settings.rules)
    ledger, market = _open_ledger(settings)
    if clock is None:
        start = settings.replay.recording.start if settings.replay else START
        clock = settings.clock.clock(market.latest if market else 0, start)
    bands = settings.rules if settings.mark is Mark.BAND else NO_RULES
    history = History(clock(), clock, bands)
    publishers: list[Publish] = [history.record]
    forget = [history.forget]
    if tape is not None:
        publishers.append(tape.publish)
        forget.append(tape.forget)
    publisher = _publisher(settings)
    if publisher is not None:
        publishers.append(publisher.add)
        forget.append(publisher.forget)
    exchange = Exchange(settings.max_books, publishers, clock.read, ledger, settings.rules)
    if market is not None:
        exchange.restore(market.books, market.latest)
    scoreboard = Scoreboard(exchange, history, settings.mark, ledger)
    gamemaster = GameMaster(
        exchange,
        accounts,
        settings.game,
        has_tape=tape is not None,
        forget=forget,
        ledger=ledger,
        last_id=market.last_instance if market else 0,
        names=_names(settings),
    )
    if market is not None:
        _go_on_with(history, scoreboard, exchange, ledger, market, settings)
        with exchange.lock:
            gamemaster.go_on_from(market.game, market.latest)
            scoreboard.recorder.note_all()
    try:
        replay = _replay(exchange, clock, settings.replay)
        book = first_book(exchange, settings)
        opponents = _opponents(exchange, clock, book, settings, market)
        recorder = scoreboard.recorder
        sources = [each for each in (replay, gamemaster, *opponents, recorder) if each is not None]
        waits_for = tape.is_behind if tape and settings.clock.is_simulated else None
        timeline = Timeline(exchange, clock, sources, settings.clock, waits_for)
        recorder.wake = lambda: timeline.wake()  # which its thread sets
        journal = _journal(settings, clock, accounts, server)
        control = MarketControl(exchange, (book.venue, book.symbol), (ledger, clock))
        actions = _admin_actions(exchange, accounts, control, ledger, market, scoreboard)
        injection = _injection(settings, exchange, timeline, accounts, server, tape, journal)
        control.register(replay, gamemaster, history, tape, *opponents, timeline, journal)
        control.register(recorder, scoreboard, scoreboard.rankings)
        control.register(injection, actions.notices, actions.record)
        if settings.database is not None and isinstance(server, InlineServer):
            exchange.group_commit = True
            server.commit = lambda: _commit(exchange)
        if isinstance(server, InlineServer):
            server.at_stop = lambda: _let_nobody_wait(exchange, timeline)
        # After Unavailable the ledger has logged why, and refuses every change from then on.
        with (
            _publishing(publisher, exchange),
            Periodic("upkeep", UPKEEP_SECONDS, exchange.flush, (Unavailable,)),
            _sampled_at_end(exchange, recorder),
            TimelineThread(exchange, gamemaster, timeline),
        ):
            yield Services(
                exchange,
                accounts,
                gamemaster,
                timeline,
                settings.extra,
                history,
                _websocket_port(server, tape),
                _metrics(server, tape, publisher),
                settings.origins,
                journal,
                replay,
                control,
                injection,
                settings.has_control,
                settings.admin_key,
                actions,
                scoreboard,
            )
    finally:
        exchange.close()


@contextmanager
def _sampled_at_end(exchange: Exchange, recorder: NavRecorder) -> Iterator[None]:
    """Have what is stored say what accounts were worth at the end, however it comes."""
    try:
        yield
    finally:
        if exchange.is_stored:
            with exchange.lock:
                recorder.finish()


def first_book(exchange: Exchange, settings: MarketSettings) -> OrderBook:
    """The book that is open from the start. In a market that has books, and where the settings name
    none, that is the oldest. The lock must not be held. Raises CannotStart.
    """
    with exchange.transaction():
        if settings.venue is None and settings.symbol is None:
            for name in exchange.venues():
                return next(exchange.books(name))
    venue, symbol = settings.venue or FIRST_VENUE, settings.symbol or FIRST_SYMBOL
    try:
        with exchange.transaction():
            return exchange.book(venue, symbol)
    except ExchangeError as refusal:
        raise CannotStart(f"Cannot open {symbol} at {venue}: {refusal}") from None


@contextmanager
def opened_replay(
    path: str, place: Place | None, database: str | None, at_end: Tell = tell_nobody
) -> Iterator[ReplaySettings]:
    """What the file of a market, or the folder of an export, has to be given again; its one book
    at `place`, if that is said. `database` is the new market's file. Raises CannotStart.
    """
    if database is not None and os.path.lexists(database):
        raise CannotStart(f"A replay begins a new market, and {database} is there already")
    try:
        recording = read_recording(path, place)
    except Unusable as fault:
        raise CannotStart(str(fault)) from None
    with closing(recording):
        yield ReplaySettings(recording, at_end)


@contextmanager
def running_tape(
    accounts: Accounts,
    port: int,
    descriptors: int,
    origins: OriginPolicy,
    listeners: int = MAX_LISTENERS,
) -> Iterator[Tape]:
    """The websocket server while it runs, for so many listeners at most; the process may have so
    many descriptors. Raises CannotStart.
    """
    limits = listener_limits(descriptors, listeners)
    try:
        tape = Tape(accounts, port, limits, origins)
    except OSError as fault:
        raise cannot_listen(port, fault) from None
    with closed_in_child(tape.port), tape:
        yield tape


def listener_limits(descriptors: int, listeners: int) -> TapeLimits:
    """Those of so many listeners, or of as many as the process may have; the log says so then."""
    limits = limits_for(descriptors, listeners)
    if limits.listeners < listeners:
        log.warning("The system lets this process have only %d listeners", limits.listeners)
    return limits


def make_server(
    name: str, port: int, origins: OriginPolicy = OriginPolicy()
) -> bottle.ServerAdapter:
    """One of SERVERS for `bottle.run`, which listens from now on. It knows its port, also if asked
    for port 0. Raises CannotStart if waitress is not installed, OSError if the port is taken.
    """
    if name == OWN_SERVER:
        return InlineServer(port, origins=origins)
    try:
        from disorderbook.server.waitress_server import WaitressServer
    except ImportError:
        raise CannotStart(
            "The server waitress is not installed; run: pip install 'disorderbook[waitress]'"
        ) from None
    return WaitressServer(port)


def cannot_listen(port: int, fault: OSError) -> CannotStart:
    """The sentence for a port where `listen` has failed."""
    place = f" of {IPV6_HOST}" if fault.filename == IPV6_HOST else ""
    return CannotStart(f"Cannot listen on port {port}{place}: {fault.strerror}")


def check_mark(mark: Mark, rules: RuleBook) -> None:
    """Raise CannotStart for marks at a band that no stock has."""
    if mark is Mark.BAND and not rules.has_bands:
        raise CannotStart("--mark band needs --rules in which some stock has a band")


def _check_books(settings: MarketSettings) -> None:
    """Raise CannotStart for a replay of more books than may be open."""
    if settings.replay is not None:
        recording = settings.replay.recording
        if len(recording.places) > settings.max_books:
            raise CannotStart(
                f"{recording.name} has {len(recording.places)} books, and {settings.max_books} may "
                "be open (--maxbooks)"
            )


def _replay(exchange: Exchange, clock: Clock, settings: ReplaySettings | None) -> Replay | None:
    """What gives a recording again, with its books open; raises CannotStart."""
    if settings is None:
        return None
    try:
        replay = Replay(exchange, clock, settings)
        with exchange.transaction():
            replay.open_books()
    except (ExchangeError, Unusable) as refusal:
        name = settings.recording.name
        raise CannotStart(f"Cannot open the books of {name}: {refusal}") from None
    return replay


def _names(settings: MarketSettings) -> random.Random | None:
    """What the levels' names are drawn from: a seed, where everything is to repeat."""
    if settings.clock.is_simulated and settings.game.seed is not None:
        return random.Random(f"{settings.game.seed} names")
    return None


def _opponents(
    exchange: Exchange,
    clock: Clock,
    book: OrderBook,
    settings: MarketSettings,
    market: Market | None,
) -> list[Opponents]:
    """The opponents of the first book, if there are any."""
    if not settings.opponents:
        return []
    latest, seed = market.latest if market else 0, settings.game.seed
    return [Opponents(exchange, clock, book, settings.opponents, seed, latest)]


def _admin_actions(
    exchange: Exchange,
    accounts: Accounts,
    control: MarketControl,
    ledger: Ledger,
    market: Market | None,
    scoreboard: Scoreboard,
) -> AdminActions:
    """What the admin can do, and what was done and said before a start."""
    actions = AdminActions(exchange, accounts, control, ledger, scoreboard)
    if market is not None:
        actions.restore(market.admin)
        exchange.restorers.append(lambda: actions.restore(ledger.committed_admin()))
    return actions


def _open_ledger(settings: MarketSettings) -> tuple[Ledger, Market | None]:
    """That of a new market in memory, or of a file, with the market as it was left."""
    if settings.database is None:
        return TemporaryLedger(), None
    try:
        return open_ledger(
            settings.database,
            settings.sync,
            drop_damaged_log=settings.drop_damaged_log,
            private=settings.private,
            shard=settings.game.shard,
        )
    except Unusable as fault:
        raise CannotStart(str(fault)) from None


def _go_on_with(
    history: History,
    scoreboard: Scoreboard,
    exchange: Exchange,
    ledger: Ledger,
    market: Market,
    settings: MarketSettings,
) -> None:
    """Have the past of a market in its history, and the ledger store it; raises CannotStart."""
    try:
        history.restore(market.pasts)
        scoreboard.restore(market.scores)
    except ValueError as fault:
        exchange.close()
        raise CannotStart(f"A history in {settings.database} makes no sense: {fault}") from None
    exchange.restorers.append(lambda: history.restore(ledger.committed_pasts()))
    exchange.restorers.append(lambda: scoreboard.restore(ledger.committed_scores()))
    ledger.keep_history(history.states)


def _journal(
    settings: MarketSettings,
    clock: Clock,
    accounts: Accounts,
    server: bottle.ServerAdapter | None,
) -> RequestJournal | None:
    """The journal of requests, if it was asked for, or with control."""
    if not settings.has_journal and not settings.has_control:
        return None
    journal = RequestJournal(clock, accounts)
    if isinstance(server, InlineServer):
        server.tell_refusal = journal.observe_refusal
    return journal


def _injection(
    settings: MarketSettings,
    exchange: Exchange,
    timeline: Timeline,
    accounts: Accounts,
    server: bottle.ServerAdapter | None,
    tape: Tape | None,
    journal: RequestJournal | None,
) -> FaultInjection:
    """What makes the exchange worse when somebody asks for that; raises CannotStart."""
    own = server if isinstance(server, InlineServer) else None
    if settings.latency.orders is not NONE and own is None:
        raise CannotStart("--latency needs our own server (--server inline)")
    if settings.latency.tape is not NONE and tape is None:
        raise CannotStart("--tape-latency needs --websockets: there is no tape to be late")
    seed = settings.game.seed
    faults = Faults(
        [(method, path) for method, path, _ in ROUTES],
        lambda request: account_of(request.head.environ, request.body, accounts),
        seed,
    )
    return FaultInjection(exchange, timeline, faults, own, tape, settings.latency, seed, journal)


def _websocket_port(server: bottle.ServerAdapter | None, tape: Tape | None) -> int | None:
    """The port for HTTP, which passes websockets on to the tape from now on, or the tape's own if
    that is not possible; None without a tape.
    """
    if tape is None:
        return None
    if not CAN_LEAVE_SOCKETS or not isinstance(server, InlineServer):
        return tape.port
    server.upgrade = tape.take_over
    return int(server.port)


def _metrics(
    server: bottle.ServerAdapter | None, tape: Tape | None, publisher: Publisher | None
) -> Metrics:
    return Metrics(
        server.counts if isinstance(server, InlineServer) else None,
        tape.counts if tape else None,
        publisher.counts if publisher else None,
    )


def publish_access(
    url: str | None, executions: bool, credentials: str | None, ca: str | None
) -> NatsAccess | None:
    """The NATS server that options name, None for none; raises CannotStart."""
    if url is None:
        if executions or credentials is not None or ca is not None:
            raise CannotStart(
                "--publish-executions, --publish-credentials and --publish-ca need --publish"
            )
        return None
    return nats_access_of(url, credentials, ca)


def nats_access_of(url: str, credentials: str | None, ca: str | None) -> NatsAccess:
    """The NATS servers that a URL names, and who we are there; raises CannotStart."""
    try:
        access = nats_access(url)._replace(credentials=credentials, ca=ca)
        check_access(access)
    except ValueError as fault:
        raise CannotStart(str(fault)) from None
    return access


def _publisher(settings: MarketSettings) -> Publisher | None:
    """What publishes to a NATS server, if that was asked for."""
    if settings.publish is None:
        return None
    return Publisher(settings.publish, settings.publish_executions)


@contextmanager
def _publishing(publisher: Publisher | None, exchange: Exchange) -> Iterator[None]:
    """Publish within the block; what waits at its end still goes out."""
    if publisher is None:
        yield
        return
    publisher.start(exchange)
    with closing(publisher):
        yield


def _commit(exchange: Exchange) -> bytes | None:
    """Commit what many requests have changed; returns the body of a refusal if that fails."""
    try:
        with exchange.lock:
            exchange.commit()
    except ExchangeError as refusal:
        return error_message(str(refusal)) + b"\n"
    return None


def _let_nobody_wait(exchange: Exchange, timeline: Timeline) -> None:
    """The server ends: whoever waits for a time that may never come is told."""
    with exchange.lock:
        timeline.close()
