"""A private exchange inside the program that uses it, for notebooks and for tests of bots.

It lives in threads of its own, and leaves the program's signals, logging, descriptors and garbage
collector alone.
"""

import os
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager

from disorderbook.accounts import Accounts, check_admin_key, check_keys
from disorderbook.api.app import make_app
from disorderbook.api.services import Services
from disorderbook.assembly import (
    CannotStart,
    MarketSettings,
    assemble,
    cannot_listen,
    first_book,
    opened_replay,
    publish_access,
    running_tape,
)
from disorderbook.control.control import Control
from disorderbook.control.latency import OFF, LatencySettings, distribution
from disorderbook.control.replay import ReplayStatus, place_of
from disorderbook.errors import Ending, ExchangeError
from disorderbook.exchange import Exchange
from disorderbook.game.master import MAX_INSTANCES, checked_game
from disorderbook.game.run import DAY_SECONDS
from disorderbook.marketdata.mark import Mark
from disorderbook.options import check_integer, check_name, read_option, typed_options
from disorderbook.process.forks import OwnStack, closed_in_child
from disorderbook.process.periodic import join
from disorderbook.protocol.names import (
    HOST,
    LARGEST_PORT,
    MAX_BOOKS,
    MOST_BOOKS,
    NANOSECONDS,
)
from disorderbook.rules.file import GivenRules, given_rules
from disorderbook.server.limits import Limits
from disorderbook.server.origin import OriginPolicy, host_name
from disorderbook.server.response import WsgiApp
from disorderbook.server.server import InlineServer
from disorderbook.tape.feed import Tape
from disorderbook.tape.limits import limits_for
from disorderbook.timeline.clock import REAL, clock_settings, nanoseconds
from disorderbook.timeline.opponents import opponents_of

# The descriptors belong to the program around us: an exchange uses half of so many for each of its
# servers, and does not ask the system for more.
DESCRIPTORS = 512
MAX_LISTENERS = limits_for(DESCRIPTORS).listeners
LIMITS = Limits(connections=240, refused_connections=16)


class PrivateExchange:
    """Where to find an exchange that runs in this process.

    `url` is what `Market` and the bots take, such as http://127.0.0.1:54321. The same `port` leads
    to it on ::1, where the system has that address. `tape_port` is None without websockets.
    `control` begins the market anew, halts stocks, and so on.
    """

    def __init__(
        self, venue: str, symbol: str, port: int, tape: Tape | None, services: Services
    ) -> None:
        self.venue = venue
        self.symbol = symbol
        self.port = port
        self.tape_port = None if tape is None else tape.port
        self.url = f"http://{HOST}:{port}"
        self._exchange, self._timeline = services.exchange, services.timeline
        self._replay = services.replay
        self._gate, self._is_over = threading.Lock(), False
        assert services.control is not None and services.injection is not None
        self.control = Control(self._using, services.control, services.injection, services.journal)

    @property
    def time(self) -> float:
        """What the exchange's clock shows, in seconds since 1970 (UTC)."""
        return self.time_ns / NANOSECONDS

    @property
    def time_ns(self) -> int:
        """The same in nanoseconds, exactly; raises Ending after the end."""
        with self._using() as exchange:
            return exchange.read_clock()

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass, a day at most; returns when all that was due has happened. For
        the stepped clock and that of requests: raises ClockGoesByItself under another one,
        ValueError for other seconds, Ending after the end.
        """
        duration = nanoseconds(seconds)
        with self._using():
            moved = self._timeline.advance_later(duration)
        moved.result()

    @property
    def replay(self) -> ReplayStatus | None:
        """How far the replay is, None where there is none; raises Ending after the end."""
        with self._using():
            return None if self._replay is None else self._replay.status

    def close(self) -> None:
        """The block ends: whoever asks the clock from now on is refused."""
        with self._gate:
            self._is_over = True

    @contextmanager
    def _using(self) -> Iterator[Exchange]:
        """Have the exchange's lock, which nobody gets any more after the end; raises Ending. What
        is refused meanwhile gets its detail as a note, which a traceback shows.
        """
        with self._gate:
            if self._is_over:
                raise Ending
            try:
                with self._exchange.lock:
                    yield self._exchange
            except ExchangeError as refusal:
                if refusal.detail:
                    refusal.add_note(refusal.detail)
                raise

    @property
    def tape_url(self) -> str:
        """The URL of the tape, such as ws://127.0.0.1:54322; raises RuntimeError without one."""
        if self.tape_port is None:
            raise RuntimeError("This exchange has no tape; start it with websockets=True")
        return f"ws://{HOST}:{self.tape_port}"


@contextmanager
@typed_options
def serve(
    port: int = 0,
    *,
    venue: str | None = None,
    symbol: str | None = None,
    accounts: Mapping[str, str] | None = None,
    database: str | os.PathLike[str] | None = None,
    sync: bool = False,
    drop_damaged_log: bool = False,
    extra: bool = True,
    max_books: int = MAX_BOOKS,
    websockets: bool = False,
    tape_port: int = 0,
    max_listeners: int = MAX_LISTENERS,
    allowed_hosts: Collection[str] = (),
    day_seconds: float = DAY_SECONDS,
    seed: int | None = None,
    max_instances: int = MAX_INSTANCES,
    opponents: str = "",
    clock: str = REAL,
    speed: float | None = None,
    replay: str | os.PathLike[str] | None = None,
    replay_as: str | None = None,
    control: bool = False,
    admin_key: str | None = None,
    journal: bool = True,
    latency: str = OFF,
    tape_latency: str = OFF,
    rules: GivenRules = None,
    mark: str = Mark.LAST.value,
    publish: str | None = None,
    publish_executions: bool = False,
    publish_credentials: str | os.PathLike[str] | None = None,
    publish_ca: str | os.PathLike[str] | None = None,
) -> Iterator[PrivateExchange]:
    """An exchange that is ready when the block begins and gone when it ends, for this machine only.

    `venue` and `symbol` are open from the start: by default TESTEX and FOOBAR, or the oldest book
    of a database that has any. Port 0 picks a free one. `accounts` are names and keys, and turn
    authentication on. `database` is the file of the market; `sync` has each change on the disk
    before it is answered; `drop_damaged_log` goes on without the changes that stand behind damage
    in the file's log, which is copied first. `extra` allows listing an account's orders;
    `max_books` is the most books that can be opened; `websockets` runs the tape, on the same port
    and on `tape_port`, for `max_listeners` at a time (at most and by default 217);
    `allowed_hosts` are names besides localhost by which clients may call it. `day_seconds` is how
    long a trading day of a level takes, `seed` what the levels' markets and the opponents follow
    from (None: chance), and `max_instances` how many levels may run.

    `opponents` are bots that trade the first book in the exchange itself, such as
    "market-maker,taker,noise:3". `clock` is what the exchange goes by: "real", "stepped" (it moves
    by `advance` alone) or "requests:50ms" (each request moves it by so much); with `speed` so many
    seconds pass in a real one. `replay` is the file of a market, or the folder of an export, whose
    orders and cancels are given again in a new market; `replay_as` is where, VENUE/STOCK, if it has
    a single book. With `control` there are the routes below /api/v1/control/, besides the `control`
    of what this gives. They need `admin_key`, and so does moving the clock over HTTP; where there
    are accounts and no such key, nobody may move it, and there can be no such routes. With such a
    key there are the routes below /api/v1/admin.
    `journal` has it keep what clients ask, for `control.requests`. `latency` is how long orders and
    cancels are held before they are done, and `tape_latency` how late the tape is: such as "50ms",
    "uniform:10ms,90ms" or "lognormal:90ms,0.3" (median and sigma), drawn from the seed.

    `rules` are what orders must obey: a file as of --rules, or its tables as dictionaries. `mark`
    is what a share counts for in net asset values: "last", "mid" or "band" (of the rules).

    `publish` is the URL of a NATS server, or `nats://A:PORT,B:PORT` of a cluster, that gets quotes
    and trades, and with `publish_executions` the executions of all accounts. `publish_credentials`
    is a file of a NATS user, and `publish_ca` the certificate that proves the server.

    A process that is forked within the block can trade like any other, and leaves the exchange
    alone when it ends. Raises CannotStart, or ValueError, naming the option, for what is of
    another type or cannot be used, and for what needs a database without one.
    """
    _check(ports={"port": port, "tape_port": tape_port}, names={"venue": venue, "symbol": symbol})
    check_integer("max_books", max_books, 1, MOST_BOOKS)
    check_integer("max_listeners", max_listeners, 1, MAX_LISTENERS)
    game = checked_game(day_seconds, seed, max_instances)
    goes_by, bots = clock_settings(clock, speed), opponents_of(opponents)
    if database is None and (sync or drop_damaged_log):
        raise ValueError("sync and drop_damaged_log need database, the file of the market")
    keys = _accounts(accounts)
    if admin_key is not None:
        check_admin_key("admin_key", admin_key, keys)
    elif control and keys.need_keys:
        raise ValueError("control needs admin_key where there are accounts")
    file = None if database is None else os.fspath(database)
    origins = OriginPolicy(read_option("allowed_hosts", host_name, each) for each in allowed_hosts)
    settings = MarketSettings(
        venue,
        symbol,
        max_books,
        extra,
        file,
        sync,
        origins,
        drop_damaged_log,
        accounts is not None,
        game,
        bots,
        goes_by,
        has_control=control,
        admin_key=admin_key,
        has_journal=journal,
        latency=LatencySettings(
            read_option("latency", distribution, latency),
            read_option("tape_latency", distribution, tape_latency),
        ),
        rules=given_rules(rules),
        mark=_mark(mark),
        publish=publish_access(
            publish, publish_executions, _path(publish_credentials), _path(publish_ca)
        ),
        publish_executions=publish_executions,
    )
    place = None if replay_as is None else read_option("replay_as", place_of, replay_as)
    if replay is None and place is not None:
        raise ValueError("replay_as needs replay, the market that is given again")
    with OwnStack() as own:
        server = own.enter_context(listening_server(port, origins))
        tape = None
        if websockets:
            tape = own.enter_context(
                running_tape(keys, tape_port, DESCRIPTORS, origins, max_listeners)
            )
        if replay is not None:
            recording = own.enter_context(opened_replay(os.fspath(replay), place, file))
            settings = settings._replace(replay=recording)
        services = own.enter_context(assemble(settings, keys, tape, server))
        own.enter_context(running_server(server, make_app(services)))
        book = first_book(services.exchange, settings)
        exchange = PrivateExchange(book.venue, book.symbol, server.port, tape, services)
        with closing(exchange):
            yield exchange


def _check(ports: Mapping[str, int], names: Mapping[str, str | None]) -> None:
    for option, port in ports.items():
        check_integer(option, port, 0, LARGEST_PORT)
    for option, name in names.items():
        if name is not None:
            check_name(option, name)


def _accounts(keys: Mapping[str, str] | None) -> Accounts:
    if keys is None:
        return Accounts()
    check_keys("accounts", dict(keys))
    return Accounts(keys)


def _path(file: str | os.PathLike[str] | None) -> str | None:
    return None if file is None else os.fspath(file)


def _mark(mark: str) -> Mark:
    try:
        return Mark(mark)
    except ValueError:
        raise ValueError(f"mark is {mark!r}; allowed: {', '.join(Mark)}") from None


@contextmanager
def listening_server(port: int, origins: OriginPolicy) -> Iterator[InlineServer]:
    """A server that listens from now on; its sockets are closed at the end of the block."""
    try:
        server = InlineServer(port, limits=LIMITS, origins=origins)
    except OSError as fault:
        raise cannot_listen(port, fault) from None
    with closed_in_child(server.port), closing(server):
        yield server


@contextmanager
def running_server(server: InlineServer, app: WsgiApp) -> Iterator[None]:
    """Serve in a thread until the end of the block. A connection that comes before the thread has
    begun is answered as soon as it has.
    """
    thread = threading.Thread(target=server.run, args=(app,), name="exchange", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.stop()
        join(thread)


__all__ = ["CannotStart", "PrivateExchange", "serve"]
