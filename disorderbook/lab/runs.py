"""Runs of a program in markets that follow from seeds: one seed here, many in worker processes.

A run has an exchange of its own. Under the request clock time goes on with the program's requests
and sleeps, and with nothing else, so a program of one thread that draws its chance from its seed
has the same run again. What counts is how the market stands at the moment when the run is over,
whatever the program does while it is being ended.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from disorderbook.accounts import Accounts
from disorderbook.api.app import make_app
from disorderbook.api.services import Services
from disorderbook.assembly import MarketSettings, assemble, first_book, running_tape
from disorderbook.control.journal import RequestJournal
from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import Order
from disorderbook.exchange import Exchange
from disorderbook.game.instance import LevelInstance
from disorderbook.game.levels import LEVELS
from disorderbook.game.master import checked_game
from disorderbook.in_process import (
    DESCRIPTORS,
    MAX_LISTENERS,
    listening_server,
    running_server,
)
from disorderbook.lab.program import (
    ClockFile,
    Program,
    ShownClock,
    check_program,
    clock_path,
    command_of,
    environment_of,
)
from disorderbook.lab.record import (
    DAYS,
    DECIDED,
    EXITED,
    FAILED,
    FLOODED,
    HUNG,
    INTERRUPTED,
    LevelOutcome,
    RefusedRequest,
    RunEnding,
    RunRecord,
)
from disorderbook.protocol.names import HOST, NANOSECONDS
from disorderbook.rules.market import NO_RULES, RuleBook, fee_rates
from disorderbook.server.origin import OriginPolicy
from disorderbook.timeline.clock import (
    LONGEST_STEP,
    REQUESTS,
    SHORTEST_STEP,
    Clock,
    ClockSettings,
    FastClock,
    fast_clock,
)
from disorderbook.timeline.opponents import opponents_of

MOST_DAYS = 10_000
LONGEST_PATIENCE = 3600.0  # seconds
MOST_PROGRAM_REQUESTS = 1_000_000  # of a run; a program that sends more floods the exchange
LOOK_SECONDS = 0.02  # between two looks at how the program does
OPENING_SECONDS = 60.0  # for a level's bots to trade day 0
KEY = "disorderbook-run"  # what the program may send, and has to send at a level


class RunSettings(NamedTuple):
    """What is run, and where.

    `program` is a file and its arguments. The market is that of a `level`, or one with `opponents`.
    It takes `days` trading days of `day_seconds` each. Each request takes `step` nanoseconds, or
    `speed` simulated seconds pass in a real one. A program that sends no request for `patience`
    real seconds hangs. `logs` is the folder for what it prints (None: that is not written). It
    trades for `account`; at a level, for the account that the level gives. `venue` and `symbol`
    (None: the usual ones) name the stock, where all orders must obey `rules`; a level has its own.
    """

    program: tuple[str, ...]
    level: str | None = None
    opponents: str = ""
    days: int = 100
    day_seconds: float = 5.0
    step: int = NANOSECONDS // 20
    speed: float | None = None
    patience: float = 60.0
    logs: str | None = None
    account: str = "ME"
    venue: str | None = None
    symbol: str | None = None
    rules: RuleBook = NO_RULES


def checked_settings(settings: RunSettings) -> RunSettings:
    """The settings; raises ValueError with a sentence for what cannot be run."""
    check_program(settings.program)
    checked_game(settings.day_seconds, None, 1)
    if settings.level is not None:
        _check_level(settings)
    opponents_of(settings.opponents)
    if not 1 <= settings.days <= MOST_DAYS:
        raise ValueError(f"A run takes 1 to {MOST_DAYS} days, and not {settings.days}")
    if settings.speed is not None:
        fast_clock(settings.speed)
    elif not SHORTEST_STEP <= settings.step <= LONGEST_STEP:
        raise ValueError(f"A request takes 1 us to 60 s, and not {settings.step} ns")
    if not 0 < settings.patience <= LONGEST_PATIENCE:
        raise ValueError(f"The patience is up to {LONGEST_PATIENCE:g} s, not {settings.patience}")
    return settings


def _check_level(settings: RunSettings) -> None:
    if settings.level not in LEVELS:
        raise ValueError(f"No level is called {settings.level!r}; there are {', '.join(LEVELS)}")
    if settings.opponents:
        raise ValueError("A level has its own bots, so there are no opponents beside them")
    if settings.rules != NO_RULES or settings.venue or settings.symbol:
        raise ValueError("A level has its own venue, stock and rules")


def run_seed(
    settings: RunSettings,
    seed: int,
    *,
    announce: Callable[[], object] | None = None,
    is_stopped: Callable[[], bool] = lambda: False,
) -> RunRecord:
    """Run the program once, with a market that follows from the seed.

    `announce` is called in the process of the program, as `lab.program.Program` says. Once
    `is_stopped`, the run ends as interrupted.
    Raises ValueError for settings that cannot be, CannotStart, or whatever ends this process; the
    program is ended then, too.
    """
    checked_game(checked_settings(settings).day_seconds, seed, 1)
    with _market(settings, seed) as market:
        log = None if settings.logs is None else str(Path(settings.logs) / f"seed-{seed}.log")
        command = command_of(settings.program, market.places)
        environment = environment_of(market.places, market.clock_file)
        with Program(command, environment, market.clock, log, announce) as program:
            _wait_for_end(settings, market.finish, program, is_stopped)
        return market.record(settings, seed, program)


class Finish:
    """Copies the market at the end of a run: a source of the timeline, which is due at the moment
    `end`, or when the level is decided. The lock must be held, but for `take`.
    """

    def __init__(
        self,
        exchange: Exchange,
        clock: Clock,
        book: OrderBook,
        end: int,
        journal: RequestJournal,
        instance: LevelInstance | None,
    ) -> None:
        self.clock, self.journal = clock, journal
        self.is_taken = threading.Event()
        self.reason = ""
        self.fault: Exception | None = None  # why the market could not be copied
        self._exchange, self._book, self._end = exchange, book, end
        self._instance = instance

    @property
    def next_at(self) -> int | None:
        """When it is due, nanoseconds since 1970; None once the market is copied."""
        if self.reason:
            return None
        return self._end if self._is_open else self.clock()

    def act(self) -> None:
        """Copy the market, since its days are over or its level is decided."""
        self._take(DAYS if self._is_open else DECIDED)

    def take(self, reason: str) -> None:
        """Copy the market now, unless that has been done. The lock must not be held."""
        with self._exchange.lock:
            if not self.reason:
                self._take(reason)

    def _take(self, reason: str) -> None:
        """Only once: what fails here would fail again."""
        self.reason, self.end = reason, min(self.clock(), self._end)
        try:
            self.orders = list(self._copies())
            self.requests, self.refusal_count = self.journal.count, self.journal.refusal_count
            self.refusals = self.journal.refusals()
            self.level = None if self._instance is None else _outcome(self._instance, self.end)
        except Exception as fault:
            self.fault = fault
        finally:
            self.is_taken.set()

    @property
    def _is_open(self) -> bool:
        return self._instance is None or self._instance.is_open

    def _copies(self) -> Iterator[Order]:
        for number in range(self._book.next_id):
            order = self._book.find(number) or self._exchange.order(
                self._book.venue, self._book.symbol, number
            )
            yield msgspec.structs.replace(order, fills=tuple(order.fills))


class _Market(NamedTuple):
    """Where a program trades: what it is told, and what is noted of it."""

    places: dict[str, str]
    clock: Clock
    clock_file: str
    start: int
    finish: Finish

    def record(self, settings: RunSettings, seed: int, program: Program) -> RunRecord:
        """All that is kept of the run, once it is over."""
        finish = self.finish
        if finish.fault is not None:
            raise finish.fault
        is_own = finish.reason in (EXITED, FAILED)
        lines = program.last_lines
        return RunRecord(
            seed,
            self.places["venue"],
            self.places["symbol"],
            self.places["account"],
            self.start,
            finish.end,
            round(settings.day_seconds * NANOSECONDS),
            settings.days,
            finish.orders,
            finish.requests,
            finish.refusal_count,
            [RefusedRequest.of(each) for each in finish.refusals],
            [each for each in program.printed if each.ts <= finish.end or is_own],
            RunEnding(finish.reason, program.status if is_own else None, lines, program.log),
            finish.level,
            fee_rates(settings.rules.of(self.places["venue"], self.places["symbol"])),
        )


@contextmanager
def _market(settings: RunSettings, seed: int) -> Iterator[_Market]:
    """A private exchange with its opponents or its level, ready for a program."""
    origins, accounts = OriginPolicy(), Accounts()
    market = MarketSettings(
        settings.venue,
        settings.symbol,
        extra=True,
        game=checked_game(settings.day_seconds, seed, 1),
        opponents=opponents_of(settings.opponents),
        clock=_clock_settings(settings),
        has_journal=True,
        rules=settings.rules,
    )
    with ExitStack() as own:
        path = own.enter_context(clock_path())
        clock = own.enter_context(_shown_clock(market.clock, path))
        server = own.enter_context(listening_server(0, origins))
        tape = own.enter_context(running_tape(accounts, 0, DESCRIPTORS, origins, MAX_LISTENERS))
        services = own.enter_context(assemble(market, accounts, tape, server, clock))
        own.enter_context(running_server(server, make_app(services)))
        authority = f"{HOST}:{server.port}/ob/api"
        places = {
            "url": f"http://{authority}/",
            "tape_url": f"ws://{authority}/ws/",
            "account": settings.account,
            "key": KEY,
            "seed": str(seed),
            "instance": "",
        }
        start, finish = _opened(settings, seed, services, market, clock, places)
        yield _Market(places, clock, path, start, finish)


def _opened(
    settings: RunSettings,
    seed: int,
    services: Services,
    market: MarketSettings,
    clock: Clock,
    places: dict[str, str],
) -> tuple[int, Finish]:
    """When the run begins, and what notes its end; adds to `places` where it is."""
    instance = None if settings.level is None else _started(services, settings.level, seed)
    book = first_book(services.exchange, market)
    with services.exchange.lock:
        start = clock()
        if instance is not None:
            assert instance.run is not None
            book, start = instance.run.book, instance.started
            places |= {"account": instance.place.account, "instance": str(instance.id)}
        places |= {"venue": book.venue, "symbol": book.symbol}
        end = start + settings.days * round(settings.day_seconds * NANOSECONDS)
        assert services.journal is not None
        finish = Finish(services.exchange, clock, book, end, services.journal, instance)
        services.timeline.add(finish)
    return start, finish


def _started(services: Services, level: str, seed: int) -> LevelInstance:
    """An instance of a level, whose day 0 has been traded."""
    with services.exchange.transaction():
        player = services.accounts.player_of(KEY)
        instance = services.gamemaster.start(player, level, seed)
        opened = services.gamemaster.opened(instance)
    opened.result(OPENING_SECONDS)
    return instance


def _clock_settings(settings: RunSettings) -> ClockSettings:
    if settings.speed is not None:
        return fast_clock(settings.speed)
    return ClockSettings(REQUESTS, step=settings.step)


@contextmanager
def _shown_clock(settings: ClockSettings, path: str) -> Iterator[Clock]:
    """A clock that programs can read in a file."""
    clock = settings.clock()
    if isinstance(clock, FastClock):
        with closing(ClockFile(path, clock(), clock.speed)):
            yield clock
    else:
        with closing(ShownClock(clock(), path)) as shown:
            yield shown


def _wait_for_end(
    settings: RunSettings, finish: Finish, program: Program, is_stopped: Callable[[], bool]
) -> None:
    """Wait until the run is over, and the market as it was then is copied."""
    last, since = None, time.monotonic()
    while not finish.is_taken.wait(LOOK_SECONDS):
        status = program.status
        if status is not None:
            return finish.take(FAILED if status else EXITED)
        if is_stopped():
            return finish.take(INTERRUPTED)
        if finish.journal.count > MOST_PROGRAM_REQUESTS:
            return finish.take(FLOODED)
        signs = finish.journal.count, 0 if settings.speed else finish.clock()  # of life
        if signs != last:
            last, since = signs, time.monotonic()
        elif time.monotonic() - since > settings.patience:
            return finish.take(HUNG)


def _outcome(instance: LevelInstance, now: int) -> LevelOutcome:
    standing = instance.standing(now)
    nav = 0 if standing.holding is None else standing.holding.nav
    return LevelOutcome(instance.level.name, standing.state, standing.trading_day or 0, nav)
