"""A seeded market inside the program that uses it, on a clock that moves when it is told to.

    with Simulation(seed=7, opponents="market-maker taker noise") as sim:
        sim.run(strategy, days=100)
        print(sim.result().measures)

No sockets, threads or files: what trades is the exchange's own code, called one thing after the
other. So a run is a function of its seed and of what the strategy does, and the same over HTTP with
the stepped clock. The application behind the routes is made when a market is first asked for, and
its modules are imported then.

One thread uses a simulation at a time. Prices and cash are cents, quantities are shares.
"""

import inspect
import secrets
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import msgspec

from disorderbook.engine.orders import Order
from disorderbook.game.chance import MAX_SEED
from disorderbook.game.simulation import DAYS as MOST_DAYS
from disorderbook.game.simulation import MOST_LOOKS
from disorderbook.lab.measures import Curve, Measures, curve, measures
from disorderbook.lab.record import (
    DAYS,
    DECIDED,
    FAILED,
    INTERRUPTED,
    MOST_LAST_LINES,
    RefusedRequest,
    RunEnding,
    RunRecord,
)
from disorderbook.lab.simulated_market import LevelMarket, OpponentsMarket, SimulatedMarket
from disorderbook.options import check_integer, check_number, typed_options
from disorderbook.protocol.names import NANOSECONDS
from disorderbook.rules.file import GivenRules, given_rules
from disorderbook.timeline.clock import nanoseconds
from disorderbook.timeline.opponents import DRAWN_SEEDS
from disorderbook.traders.market_view import Strategy

if TYPE_CHECKING:
    from disorderbook.client import Market
    from disorderbook.lab.connection import Application

DAY_SECONDS = 5.0
SHORTEST_DAY, LONGEST_DAY = 0.05, 86_400.0
MOST_STEPS = 10_000  # of a Strategy at one look
NO_PANDAS = "to_pandas() needs pandas, which is not installed; run: pip install pandas"

Look = Callable[["Market", "Simulation"], object]
"""A strategy that is a plain function of the account's market and the simulation."""


class SimulationResult(msgspec.Struct, frozen=True):
    """What a simulation has come to so far: its numbers, and how they came about."""

    measures: Measures
    curve: Curve

    @property
    def state(self) -> str | None:
        """How the level stands: `open`, `won` or `lost`; None without a level."""
        return self.measures.level

    def to_pandas(self) -> Any:
        """The curve as a pandas.DataFrame: an index of times (UTC), and the columns price and nav
        (cents) and shares. Raises ModuleNotFoundError, with a sentence, without pandas.
        """
        try:
            library: Any = import_module("pandas")
        except ModuleNotFoundError:
            raise ModuleNotFoundError(NO_PANDAS, name="pandas") from None
        columns: dict[str, Any] = self.curve._asdict()
        index = library.to_datetime(columns.pop("times"), utc=True).rename("ts")
        columns["price"] = library.array(columns["price"], dtype="Int64")  # which knows no price
        return library.DataFrame(columns, index=index)


class Simulation:
    """One stock at one venue, with opponents or the bots of a level.

    `seed` is what all chance follows from; None draws one, which `seed` tells. `opponents` are bots
    by name (`market-maker, taker, noise:3`), separated by commas or blanks; `level` is a level of
    the game instead, whose day 0 has been traded at the start. `days` is the most that `run` may
    play, and `day_seconds` how long each takes. `account` is whose result is told; in a level it is
    the player's, as venue and symbol are the level's. `rules` are what every order must obey: a
    file as of --rules, or its tables as dictionaries; a level has its own. Raises ValueError,
    naming the option, for what is of another type or cannot be used, and OSError for a file that
    cannot be read.

    After `close`, or an interruption such as Ctrl-C, it can still be read, and does nothing more.
    """

    @typed_options
    def __init__(
        self,
        seed: int | None = None,
        opponents: str = "",
        *,
        level: str | None = None,
        days: int = MOST_DAYS,
        day_seconds: float = DAY_SECONDS,
        venue: str | None = None,
        symbol: str | None = None,
        account: str | None = None,
        rules: GivenRules = None,
    ) -> None:
        self.seed: int = secrets.randbelow(DRAWN_SEEDS) if seed is None else seed
        check_integer("seed", self.seed, 0, MAX_SEED)
        check_integer("days", days, 1, MOST_DAYS)
        check_number("day_seconds", day_seconds, SHORTEST_DAY, LONGEST_DAY)
        day = round(day_seconds * NANOSECONDS)
        names, book = (venue, symbol, account), given_rules(rules)
        self._inside: SimulatedMarket
        if level is None:
            self._inside = OpponentsMarket(self.seed, opponents, names, day, book)
        elif opponents or rules is not None or any(name is not None for name in names):
            raise ValueError("A level has bots, rules, a venue, a stock and an account of its own")
        else:
            self._inside = LevelMarket(self.seed, level, day)
        self.venue, self.symbol, self.account = self._inside.place
        self.days, self.day_seconds = days, day / NANOSECONDS
        self._ending = RunEnding(DAYS)
        self._is_running = self._is_closed = False
        self._application: Application | None = None
        self._markets: WeakSet[Market] = WeakSet()

    # ---- what happens

    def advance(self, seconds: float) -> None:
        """Let so much time pass (0 to LONGEST_ADVANCE seconds), with all that is due. Raises
        ValueError, and RuntimeError after `close`.
        """
        self._require_open()
        with self._closing_if_interrupted():
            self._inside.advance(nanoseconds(seconds))

    def run(self, strategy: Strategy | Look, days: int | None = None, looks: int = 1) -> None:
        """Have a strategy look at the market `looks` times a day, evenly spread, for so many days,
        or for all that are left; in a level until it is decided.

        A Strategy has its steps with the account's view of the book; a plain function is called
        with the account's market and this simulation. In a level the looks are in the silence after
        the bots' burst, and none is at the day's end; else the last one is.

        What the strategy raises comes out of here; time stands still then. Raises ValueError for
        numbers out of bounds, and RuntimeError after `close` or within another `run`.
        """
        self._require_open()
        if self._is_running:
            raise RuntimeError("This simulation runs a strategy already")
        left = self.days - self._inside.days_played
        if not left:
            raise ValueError(f"All {self.days} days of this simulation have been played")
        check_integer("days", left if days is None else days, 1, left)
        check_integer("looks", looks, 1, MOST_LOOKS)
        look = self._look_of(strategy)
        with self._closing_if_interrupted(), self._noting_the_end():
            for _ in self._inside.looks(left if days is None else days, looks):
                look()
                self._require_open()

    def market(self, account: str | None = None) -> "Market":
        """The stock as an account trades it, by default that whose result is told: a Market as over
        HTTP, whose `ticks` and `executions` tell what has happened so far, and end there. Raises
        RuntimeError after `close`.
        """
        self._require_open()
        from disorderbook.client import Market

        connection = self._served().connection()
        name = self.account if account is None else account
        market = Market(self.venue, self.symbol, name, connection=connection)
        self._markets.add(market)
        return market

    def accuse(self, account: str) -> None:
        """The one accusation of the level making_amends. Raises ValueError elsewhere and for what
        is no name, and RuntimeError after `close`.
        """
        self._require_open()
        self._inside.accuse(account)

    def close(self) -> None:
        """Close every market, and do nothing more."""
        self._is_closed = True
        for market in list(self._markets):
            market.close()

    def __enter__(self) -> "Simulation":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- how things stand

    @property
    def time(self) -> float:
        """Seconds since 1970 on the simulation's clock, which begins at a fixed moment."""
        return self._inside.now / NANOSECONDS

    @property
    def day(self) -> int:
        """The trading day, from 0."""
        return self._inside.day

    @property
    def state(self) -> str | None:
        """How the level stands: `open`, `won` or `lost`; None without a level."""
        outcome = self._inside.outcome()
        return None if outcome is None else outcome.state

    @property
    def flash(self) -> dict[str, str] | None:
        """What the level tells its player now, under info, success or error, if anything."""
        return self._inside.flash

    def result(self, account: str | None = None) -> SimulationResult:
        """What an account has come to so far, by default that of the simulation. Takes time in
        proportion to the orders of everybody.
        """
        record = self.record(account)
        return SimulationResult(measures(record), curve(record))

    def record(self, account: str | None = None) -> RunRecord:
        """All that has happened so far, from an account's point of view. `requests` and refusals
        are those over markets; a Strategy sends none.
        """
        inside, journal = self._inside, self._application and self._application.journal
        return RunRecord(
            self.seed,
            self.venue,
            self.symbol,
            self.account if account is None else account,
            inside.start,
            inside.now,
            inside.day_ns,
            self.days,
            [_as_it_stands(order) for order in inside.orders()],
            journal.count if journal else 0,
            journal.refusal_count if journal else 0,
            list(map(RefusedRequest.of, journal.refusals() if journal else ())),
            [],
            self._ending,
            inside.outcome(),
            inside.fees,
        )

    def report(self, path: str | Path) -> None:
        """Write the report of the laboratory about this run: one HTML file. Raises OSError."""
        from disorderbook.lab.report import report

        report([self.record()], path)

    # ---- inside

    def _require_open(self) -> None:
        if self._is_closed:
            how = "interrupted" if self._ending.reason == INTERRUPTED else "closed"
            raise RuntimeError(f"This simulation was {how}, and can only be read")

    def _served(self) -> "Application":
        if self._application is None:
            from disorderbook.lab.connection import Application

            inside = self._inside
            self._application = Application(inside.exchange, inside.history, inside.timeline)
        return self._application

    def _look_of(self, strategy: Strategy | Look) -> Callable[[], object]:
        if isinstance(strategy, Strategy):
            return lambda: self._step(strategy)
        if not _is_plain_function(strategy):
            raise ValueError(
                f"{strategy!r:.80} is no Strategy and no function of market and simulation"
            )
        market = self.market()
        return lambda: strategy(market, self)

    def _step(self, strategy: Strategy) -> None:
        # Nobody else is there to take the exchange's lock, and a strategy that asks a market has
        # it taken by that.
        view = self._inside.view
        for _ in range(MOST_STEPS):
            view.refresh()
            if not strategy.step(view):
                return
        raise RuntimeError(f"The strategy wants more than {MOST_STEPS} steps at one look")

    @contextmanager
    def _noting_the_end(self) -> Iterator[None]:
        """Note how a run ends."""
        self._is_running, self._ending = True, RunEnding(DAYS)
        try:
            yield
            if self._inside.is_decided:
                self._ending = RunEnding(DECIDED)
        except Exception:
            lines = traceback.format_exc().splitlines()[-MOST_LAST_LINES:]
            self._ending = RunEnding(FAILED, last_lines=tuple(lines))
            raise
        finally:
            self._is_running = False

    @contextmanager
    def _closing_if_interrupted(self) -> Iterator[None]:
        """Ctrl-C may come amid an order, and leave a book that contradicts itself."""
        try:
            yield
        except Exception:
            raise
        except BaseException:
            self._ending = RunEnding(INTERRUPTED)
            self.close()
            raise


def _is_plain_function(strategy: object) -> bool:
    """Whether calling it does something: not a class, nor what makes a coroutine or a generator."""
    if not callable(strategy) or isinstance(strategy, type):
        return False
    made = strategy if inspect.isroutine(strategy) else type(strategy).__call__
    return not (
        inspect.iscoroutinefunction(made)
        or inspect.isgeneratorfunction(made)
        or inspect.isasyncgenfunction(made)
    )


def _as_it_stands(order: Order) -> Order:
    """A closed order itself, and a copy of an open one, which may still change."""
    return msgspec.structs.replace(order, fills=tuple(order.fills)) if order.remaining else order
