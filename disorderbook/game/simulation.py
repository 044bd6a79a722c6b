"""A level in simulated time: on a private exchange in memory, whose clock jumps to whatever is due.

    from disorderbook.game import play
    result = play("chock_a_block", seed=7, player=MyStrategy())

The player is a strategy as bots are (disorderbook/traders/market_view.py); his view is a
PlayerView, which also shows what a level tells its player. He looks at the market `looks` times a
day, evenly spread over the silence after the bots' burst: a program that polls, and is not faster
than the bots.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from disorderbook.engine.book import Execution, OrderBook
from disorderbook.errors import NoSuchLevel
from disorderbook.exchange import Exchange, Publish
from disorderbook.game.chance import MAX_SEED, NAMES, Chance
from disorderbook.game.identity import identity
from disorderbook.game.levels import LEVELS, Level
from disorderbook.game.referee import LAST_DAY, OPEN
from disorderbook.game.run import Place, Run
from disorderbook.game.view import DirectView
from disorderbook.protocol.names import NANOSECONDS
from disorderbook.traders.market_view import Strategy

START = 1_450_000_000 * NANOSECONDS  # when simulated time begins; any moment would do
PLAYER = 255  # the number of his stream of chance
DAYS = LAST_DAY + 1
MOST_LOOKS = 100_000  # a day


class SimulatedClock:
    """Tells the time it was last set to, in nanoseconds since 1970."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now


class PlayerView(DirectView):
    """What the player of a level sees and may do, besides trading."""

    def __init__(self, exchange: Exchange, run: Run, chance: Chance) -> None:
        super().__init__(exchange, run.book, run.place.account, chance)
        self._run = run
        self._executions: list[Execution] = []

    @property
    def day(self) -> int:
        """The trading day; 0 while the level says none."""
        return self._run.trading_day or 0

    @property
    def flash(self) -> dict[str, str] | None:
        """What the level tells the player now."""
        return self._run.flash

    @property
    def state(self) -> str:
        """`open`, `won` or `lost`."""
        return self._run.state

    def record(self, book: OrderBook, executions: Sequence[Execution]) -> None:
        """Keep what `executions` will show: a publisher of the exchange."""
        self._executions.extend(executions)

    def executions(self) -> list[Execution]:
        """Everybody's trades since the last time this was asked. The names of accounts in them are
        what the leaks of making_amends tell; a fair player of another level does not look at them.
        """
        executions, self._executions = self._executions, []
        return executions

    def accuse(self, account: str) -> None:
        """The one accusation of making_amends."""
        self._run.judge(account)


class Result(NamedTuple):
    """How a level ended: `day` is its last day played, from 0, `nav` is cents."""

    state: str
    day: int
    nav: int
    shares: int
    flash: dict[str, str] | None
    run: Run


def play(
    level: Level | str,
    seed: int,
    player: Strategy | None = None,
    days: int = DAYS,
    *,
    looks: int = 1,
    publishers: Sequence[Publish] = (),
    after_day: Callable[[Run], None] | None = None,
) -> Result:
    """Play a level until it is decided, or for so many days (1 to 500); raises NoSuchLevel, and
    ValueError for a number that cannot be used.

    `publishers` are told every order as an exchange's are; `after_day` is called after each day's
    burst and the player's looks.
    """
    _require("seed", seed, 0, MAX_SEED)
    _require("days", days, 1, DAYS)
    _require("looks", looks, 0, MOST_LOOKS)
    simulation = LevelSimulation(level, seed, player, publishers)
    run = simulation.run
    while run.day < days and not run.is_over:
        simulation.play_day(looks)
        if after_day is not None:
            after_day(run)
        if run.day == days - 1 or (player is not None and run.state != OPEN):
            break
    if run.day == LAST_DAY and run.state == OPEN:
        simulation.act()  # the end of the last day
    return simulation.result()


class LevelSimulation:
    """A level, day after day; `play` is a loop over it."""

    def __init__(
        self,
        level: Level | str,
        seed: int,
        player: Strategy | None = None,
        publishers: Sequence[Publish] = (),
    ) -> None:
        if isinstance(level, str):
            level = find_level(level)
        self.clock = SimulatedClock()
        self.exchange = Exchange(publishers=publishers, clock=self.clock)
        names = Chance()
        names.begin(seed, NAMES, day=1)
        account, venue, symbol = identity(names, level.account)
        place = Place(venue, symbol, account)
        self.run = Run(level, seed, self.exchange, place, START)
        self.exchange.add_publisher(self.run.watch)
        self._player = player
        chance = Chance()
        chance.begin(seed, PLAYER)
        self.view = PlayerView(self.exchange, self.run, chance)
        if player is not None:
            self.exchange.add_publisher(self.view.record)

    def play_day(self, looks: int = 1) -> None:
        """The next day's burst, and the player's looks in the silence after it."""
        run, clock = self.run, self.clock
        self.act()
        while run.is_bursting:
            clock.now = run.next_at
            run.act(clock.now)
        silence = (run.next_at - clock.now) // (looks + 1)
        for _ in range(looks):
            if self._player is None or run.state != OPEN:
                break
            clock.now += silence
            self._look(self._player)

    def act(self) -> None:
        """What is due next."""
        self.clock.now = max(self.clock.now, self.run.next_at)
        self.run.act(self.clock.now)

    def result(self) -> Result:
        """How things stand."""
        holding = self.run.holding()
        nav, shares = (holding.nav, holding.shares) if holding else (0, 0)
        return Result(self.run.state, self.run.day, nav, shares, self.run.flash, self.run)

    def _look(self, player: Strategy) -> None:
        self.view.refresh()
        while player.step(self.view):
            self.view.refresh()


def _require(name: str, number: object, least: int, most: int) -> None:
    if type(number) is not int or not least <= number <= most:
        raise ValueError(f"{name} is an integer from {least} to {most}, and not {number!r:.80}")


def find_level(name: str) -> Level:
    """The level of that name; raises NoSuchLevel."""
    if name not in LEVELS:
        raise NoSuchLevel(name, ", ".join(LEVELS))
    return LEVELS[name]
