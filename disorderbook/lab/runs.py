"""Runs of a program in markets that follow from seeds: one seed here, many in worker processes.

A run has an exchange of its own. Under the request clock time goes on with the program's requests
and sleeps, and with nothing else, so a program of one thread that draws its chance from its seed
has the same run again. The exchange notes how all stands at the very moment when the run is over,
whatever the program does while it is being ended.
"""

import os
import pickle
import signal
import struct
import subprocess
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple

import msgspec

from disorderbook.accounts import Accounts
from disorderbook.api.app import make_app
from disorderbook.api.services import Services
from disorderbook.assembly import MarketSettings, assemble, first_book, running_tape
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
from disorderbook.lab.clock import (
    LONGEST_STEP,
    REQUESTS,
    SHORTEST_STEP,
    Clock,
    ClockSettings,
    FastClock,
    fast_clock,
)
from disorderbook.lab.journal import ClientRequest, RequestJournal
from disorderbook.lab.opponents import opponents_of
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
    packed,
    unpacked,
)
from disorderbook.protocol.names import HOST, NANOSECONDS
from disorderbook.server.origin import OriginPolicy

MOST_DAYS = 10_000
MOST_JOBS = 64  # worker processes
LONGEST_PATIENCE = 3600.0  # seconds
MOST_PROGRAM_REQUESTS = 1_000_000  # of a run; a program that sends more floods the exchange
LOOK_SECONDS = 0.02  # between two looks at how the program does
OPENING_SECONDS = 60.0  # for a level's bots to trade day 0
WORKER_SECONDS = 10.0  # for a worker to end in, with its program
KEY = "disorderbook-run"  # what the program may send, and has to send at a level


class RunSettings(NamedTuple):
    """What is run, and where.

    `program` is a file and its arguments. The market is that of a `level`, or one with `opponents`.
    It takes `days` trading days of `day_seconds` each. Each request takes `step` nanoseconds, or
    `speed` simulated seconds pass in a real one. A program that sends no request for `patience`
    real seconds hangs. `logs` is the folder for what it prints (None: that is not written). It
    trades for `account`; at a level, for the account that the level gives.
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


class WorkerFailed(Exception):
    """A worker process could not do a run; says why in one sentence."""


def checked_settings(settings: RunSettings) -> RunSettings:
    """The settings; raises ValueError with a sentence for what cannot be run."""
    check_program(settings.program)
    checked_game(settings.day_seconds, None, 1)
    if settings.level is not None and settings.level not in LEVELS:
        raise ValueError(f"No level is called {settings.level!r}; there are {', '.join(LEVELS)}")
    if settings.level is not None and settings.opponents:
        raise ValueError("A level has its own bots, so there are no opponents beside them")
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


def run_seed(
    settings: RunSettings,
    seed: int,
    *,
    started: Callable[[int], None] = lambda pid: None,
    is_stopped: Callable[[], bool] = lambda: False,
) -> RunRecord:
    """Run the program once, with a market that follows from the seed.

    `started` is told the process of the program. Once `is_stopped`, the run ends as interrupted.
    Raises ValueError for settings that cannot be, CannotStart, or whatever ends this process; the
    program is ended then, too.
    """
    checked_game(checked_settings(settings).day_seconds, seed, 1)
    with _market(settings, seed) as market:
        log = None if settings.logs is None else str(Path(settings.logs) / f"seed-{seed}.log")
        command = command_of(settings.program, market.places)
        environment = environment_of(market.places, market.clock_file)
        with Program(command, environment, market.clock, log) as program:
            started(program.pid)
            _wait_for_end(settings, market.finish, program, is_stopped)
        return market.record(settings, seed, program)


class Finish:
    """How all stands at the end of a run: a source of the timeline, which is due at the moment
    `end`, or when the level is decided. The lock is held but in `take`.
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
        self.fault: Exception | None = None  # that all that stood could not be noted
        self._exchange, self._book, self._end = exchange, book, end
        self._instance = instance

    @property
    def next_at(self) -> int | None:
        """When it is due, nanoseconds since 1970; None once all has been noted."""
        if self.reason:
            return None
        return self._end if self._is_open else self.clock()

    def act(self) -> None:
        """Note how all stands."""
        self._take(DAYS if self._is_open else DECIDED)

    def take(self, reason: str) -> None:
        """Note how all stands now, unless that has been done. The lock must not be held."""
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
            [_refused(each) for each in finish.refusals],
            [each for each in program.printed if each.ts <= finish.end or is_own],
            RunEnding(finish.reason, program.status if is_own else None, lines, program.log),
            finish.level,
        )


@contextmanager
def _market(settings: RunSettings, seed: int) -> Iterator[_Market]:
    """A private exchange with its opponents or its level, ready for a program."""
    origins, accounts = OriginPolicy(), Accounts()
    market = MarketSettings(
        extra=True,
        game=checked_game(settings.day_seconds, seed, 1),
        opponents=opponents_of(settings.opponents),
        clock=_clock_settings(settings),
        has_journal=True,
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
    """Wait until the run is over, and have noted how all stood then."""
    signs, since = None, time.monotonic()
    while not finish.is_taken.wait(LOOK_SECONDS):
        status = program.status
        if status is not None:
            return finish.take(FAILED if status else EXITED)
        if is_stopped():
            return finish.take(INTERRUPTED)
        if finish.journal.count > MOST_PROGRAM_REQUESTS:
            return finish.take(FLOODED)
        lives = finish.journal.count, 0 if settings.speed else finish.clock()
        if lives != signs:
            signs, since = lives, time.monotonic()
        elif time.monotonic() - since > settings.patience:
            return finish.take(HUNG)


def _refused(request: ClientRequest) -> RefusedRequest:
    _, ts, method, path, _, status, sentence, detail = request
    return RefusedRequest(ts, method, path, status, sentence, detail)


def _outcome(instance: LevelInstance, now: int) -> LevelOutcome:
    standing = instance.standing(now)
    nav = 0 if standing.holding is None else standing.holding.nav
    return LevelOutcome(instance.level.name, standing.state, standing.trading_day or 0, nav)


# ---- many seeds


def run_seeds(
    settings: RunSettings, seeds: Iterable[int], jobs: int | None = None
) -> Generator[RunRecord, None, None]:
    """Run the program once with each seed, and give the records in the order of the seeds.

    So many runs are under way at once, each in a worker process, by default as many as there are
    cores; one job needs none. When the generator is closed all of them are ended, and their
    programs. Raises ValueError at once for settings that cannot be, and WorkerFailed or what a run
    raises when its turn comes.
    """
    checked_settings(settings)
    jobs = _cores() if jobs is None else jobs
    if not 1 <= jobs <= MOST_JOBS:
        raise ValueError(f"There are 1 to {MOST_JOBS} jobs, and not {jobs}")
    if jobs == 1:
        return (run_seed(settings, seed) for seed in seeds)
    return _in_workers(settings, iter(seeds), jobs)


def _in_workers(
    settings: RunSettings, seeds: Iterator[int], jobs: int
) -> Generator[RunRecord, None, None]:
    with _Workers(settings) as workers, ThreadPoolExecutor(jobs) as threads:
        try:
            running: deque[Future[bytes]] = deque()
            while True:
                while len(running) < 2 * jobs and (seed := next(seeds, None)) is not None:
                    running.append(threads.submit(workers.run, seed))
                if not running:
                    return
                yield unpacked(running.popleft().result())
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
            workers.close()


class _Workers:
    """A worker process for each thread that asks for a run."""

    def __init__(self, settings: RunSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._own = threading.local()
        self._all: list[_Worker] = []
        self._is_over = False

    def __enter__(self) -> "_Workers":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, seed: int) -> bytes:
        """A packed record."""
        worker = getattr(self._own, "worker", None)
        if worker is None:
            with self._lock:
                if self._is_over:
                    raise WorkerFailed("The runs have been ended")
                worker = self._own.worker = _Worker()
                self._all.append(worker)
        return worker.run(self._settings, seed)

    def close(self) -> None:
        """End all workers and their programs."""
        with self._lock:
            self._is_over = True
            workers, self._all = self._all, []
        for worker in workers:
            worker.ask_to_end()
        for worker in workers:
            worker.end()


# What a worker says, each with a length before it: that its program runs as a process of that
# number, the packed record of the run, or what has gone wrong.
_HEAD = struct.Struct("<cQ")
_STARTED, _RECORD, _REFUSED, _FAILED = b"S", b"R", b"V", b"F"
_WORK = "import sys; sys.path[:] = {path!r}; from disorderbook.lab.runs import work; work()"


class _Worker:
    """A process that runs seeds one after the other. It ends when its stdin does, and so also when
    this process does, however that comes.
    """

    def __init__(self) -> None:
        self._program: int | None = None  # the process group that it runs
        self._process = subprocess.Popen(
            [sys.executable, "-c", _WORK.format(path=sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is our matter
        )

    def run(self, settings: RunSettings, seed: int) -> bytes:
        """A packed record; raises ValueError and WorkerFailed."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with suppress(OSError):  # then it says nothing, either
            self._process.stdin.write(_message(_STARTED, pickle.dumps((settings, seed))))
            self._process.stdin.flush()
        while True:
            kind, content = _read(self._process.stdout)
            if kind == _STARTED:
                self._program = int.from_bytes(content, "little")
                continue
            if kind == b"":
                self.end()
                raise WorkerFailed(
                    f"The worker process of seed {seed} has ended with the status"
                    f" {self._process.returncode}"
                )
            self._program = None
            if kind == _RECORD:
                return content
            raise (ValueError if kind == _REFUSED else WorkerFailed)(content.decode())

    def ask_to_end(self) -> None:
        """Have it end its program and then itself."""
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()

    def end(self) -> None:
        """Wait for its end, and see to it after WORKER_SECONDS."""
        self.ask_to_end()
        try:
            self._process.wait(WORKER_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.returncode and self._program is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._program, signal.SIGKILL)


def work() -> None:
    """What a worker process does until its stdin ends."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nobody else writes among the messages
    is_over = threading.Event()
    jobs = _jobs_from(sys.stdin.buffer, is_over)
    for settings, seed in jobs:
        kind, content = _done(settings, seed, out, is_over.is_set)
        with suppress(BrokenPipeError):
            _say(out, kind, content)


def _jobs_from(stream: IO[bytes], is_over: threading.Event) -> Iterator[tuple[RunSettings, int]]:
    """What comes over stdin. A thread reads it, so that its end is seen in the middle of a run."""
    from queue import SimpleQueue

    jobs: SimpleQueue[bytes | None] = SimpleQueue()

    def read() -> None:
        while True:
            kind, content = _read(stream)
            if kind == b"":
                is_over.set()
                jobs.put(None)
                return
            jobs.put(content)

    threading.Thread(target=read, name="seeds", daemon=True).start()
    while (content := jobs.get()) is not None:
        settings, seed = pickle.loads(content)
        yield RunSettings(*settings), seed


def _done(
    settings: RunSettings, seed: int, out: IO[bytes], is_stopped: Callable[[], bool]
) -> tuple[bytes, bytes]:
    def started(pid: int) -> None:
        _say(out, _STARTED, pid.to_bytes(8, "little"))

    try:
        record = run_seed(settings, seed, started=started, is_stopped=is_stopped)
        return _RECORD, packed(record)
    except ValueError as fault:
        return _REFUSED, str(fault).encode()
    except Exception:
        return _FAILED, f"The run of seed {seed} has failed:\n{traceback.format_exc()}".encode()


def _message(kind: bytes, content: bytes) -> bytes:
    return _HEAD.pack(kind, len(content)) + content


def _say(out: IO[bytes], kind: bytes, content: bytes) -> None:
    out.write(_message(kind, content))
    out.flush()


def _read(stream: IO[bytes]) -> tuple[bytes, bytes]:
    """The next message; of the kind b"" at the end."""
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return b"", b""
    kind, length = _HEAD.unpack(head)
    content = stream.read(length)
    return (kind, content) if len(content) == length else (b"", b"")


def _cores() -> int:
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(count or 1, MOST_JOBS)
