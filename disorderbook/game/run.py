"""A run: one instance of a level as it is played, with its market, its bots and its referee.

A run is a function of its seed and of what the player does. It is told the time and has no thread:
whoever runs it calls `act` when `next_at` has come, which places or cancels one order at most, with
the exchange's lock held. So the same code runs in real time and in simulated time.

A trading day is a burst of the bots' orders, 1 to 5 ms apart, and then silence. Day 0 has no
pauses: the player is answered when it is over. The last day is 499.

**What must be stored** for a run to go on after a restart, in mid-day too: `stored()`, as it was
after the last `act`, trade of the player, or `judge`; and the book, with its open orders, positions
and last trade. All else follows from the seed: the fair value and the turns of the day are drawn
again. Stored are the level's name, the seed, account, venue and symbol, the day, how many turns of
its burst have begun and whether the last of them is over, how many actions the burst has had (for
the pauses), what bots and referee remember, the state and its flash, and the times as distances
from `now`, so that the clock of a run stands still while the exchange is down.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from disorderbook.engine.book import Execution, OrderBook
from disorderbook.exchange import Exchange
from disorderbook.game.casts import Turn
from disorderbook.game.chance import NAMES, PLAN, START, VALUE, Chance
from disorderbook.game.identity import account_name
from disorderbook.game.levels import LEVELS, Level
from disorderbook.game.referee import LAST_DAY, LOST, OPEN, OUT_OF_TIME, WON, Portfolio, Verdict
from disorderbook.game.view import DirectView
from disorderbook.protocol.names import NANOSECONDS
from disorderbook.traders.today import Today

DAY_SECONDS = 5.0
SHORTEST_PAUSED_DAY = 0.2  # seconds; in a shorter day the bots make no pauses
LARGEST_BURST = 0.2  # of a day
EARLIEST_FIRST_DAY = 0.2  # of a day after the start, when day 1 begins at the earliest
MILLISECOND = NANOSECONDS // 1000

# Between two orders of a burst of a day of DAY_SECONDS, in nanoseconds: 1 to 5 ms, median 1.5.
PAUSES = tuple(int(MILLISECOND * (1 + 4 * (number / 36) ** 3)) for number in range(37))
FLASH_KEYS = {OPEN: "info", WON: "success", LOST: "error"}


class Place(NamedTuple):
    """Where a run is played: its venue and stock, and the player's account there."""

    venue: str
    symbol: str
    account: str


class Run:
    """A level from its start to the end of its last day; its market must be its own.

    The exchange's lock must be held for everything here. `day_seconds` is the length of a day.
    `watch` must be among the exchange's publishers, or be called by one for this book.
    """

    def __init__(
        self,
        level: Level,
        seed: int,
        exchange: Exchange,
        place: Place,
        now: int,
        day_seconds: float = DAY_SECONDS,
    ) -> None:
        self.level, self.seed, self.place = level, seed, place
        self.day = 0
        self.state, self.verdict = OPEN, ""
        self.is_over = False  # whether the last day has ended; then the bots act no more
        self.next_at = now  # when `act` is due
        self.book = exchange.book(place.venue, place.symbol)
        self.day_began = now  # nanoseconds: when the day's burst was due
        self.acted_at = now  # when `act` was called last
        self._day_ns = int(day_seconds * NANOSECONDS)
        pace = self._day_ns / (DAY_SECONDS * NANOSECONDS)
        if day_seconds < SHORTEST_PAUSED_DAY:
            pace = 0
        self._pauses = [int(pause * pace) for pause in PAUSES]
        self._longer_pauses = [int(pause * pace * level.spacing) for pause in PAUSES]
        self._chance = Chance()
        self._chance.begin(seed, START)
        self.first_price = self._chance.randint(*level.first_prices)
        self._drift = self._chance.uniform(*level.walk.drift)
        self._phase = self._chance.uniform(EARLIEST_FIRST_DAY, 1.0)
        self.today = Today(float(self.first_price))
        self.cast = level.make_cast(self.today, self._chance, free_names(seed, place.account))
        self.referee = level.make_referee(self.first_price)
        self._bots = [
            (member.strategy, DirectView(exchange, self.book, member.account, self._chance))
            for member in self.cast.members
        ]
        self._remembering = [
            (str(number), strategy)
            for number, (strategy, _) in enumerate(self._bots)
            if strategy.REMEMBERS
        ]
        self.is_bursting = True  # whether the bots' burst of the day is under way
        self._turn_is_on = False
        self._acting = self._bots[0]  # whose turn it is
        self._begun = self._actions = 0  # turns of the burst, and its orders and cancels
        self._turns = self._plan()

    # ---- time

    def act(self, now: int) -> None:
        """Do what is due at `now`, nanoseconds: at most one order or cancel. Sets `next_at`."""
        self.acted_at = now
        if self.is_over or (not self.is_bursting and not self._begin_day(now)):
            return
        book = self.book
        events = book.event_count
        while book.event_count == events:
            if not self._turn_is_on and not self._begin_next_turn():
                self._end_burst(now)
                return
            strategy, view = self._acting
            self._turn_is_on = bool(strategy.step(view))
        self._actions += 1
        if self.day:  # else it stays due first of all: somebody waits for the end of day 0
            self.next_at = now + self._pause(now)

    @property
    def is_opening(self) -> bool:
        """Whether day 0's burst is under way, which the player waits for."""
        return self.day == 0 and self.is_bursting

    def delay(self, nanoseconds: int) -> None:
        """Have everything that is to come so much later, after the run's clock stood still."""
        self.next_at += nanoseconds
        self.day_began += nanoseconds

    def progress(self, now: int) -> float:
        """How much of the trading day is over, from 0 to 1."""
        length = self._day_ns * (self._phase if self.day == 0 else 1.0)
        return min(1.0, max(0.0, (now - self.day_began) / length))

    # ---- what the player is told

    @property
    def trading_day(self) -> int | None:
        """The day, from 1; None until day 1 has begun."""
        return self.day or None

    @property
    def flash(self) -> dict[str, str] | None:
        """What is to be told, under its key, if there is anything."""
        if self.state != OPEN:
            return {FLASH_KEYS[self.state]: self.verdict}
        holding = self.holding()
        text = None if holding is None else self.referee.news(holding)
        return None if text is None else {FLASH_KEYS[OPEN]: text}

    def holding(self) -> Portfolio | None:
        """What the player holds, at the last price; None before his first trade."""
        position, last = self.book.positions.get(self.place.account), self.book.last_trade
        if position is None or last is None:
            return None
        return Portfolio(position.shares, position.cash, last.price)

    def judge(self, account: str) -> bool:
        """Take an accusation, the only one: once the level is decided it changes nothing. False
        where this level takes none.
        """
        verdict = self.referee.judge(account, self.cast.culprit)
        self._decide(verdict)
        return verdict is not None

    def watch(self, book: OrderBook, executions: Sequence[Execution]) -> None:
        """Have the referee look if the player has traded. A publisher of the exchange."""
        if not executions or book is not self.book or self.state != OPEN:
            return
        account = self.place.account
        for execution in executions:
            if account in (execution.standing.account, execution.incoming.account):
                holding = self.holding()
                self._decide(None if holding is None else self.referee.at_trade(holding))
                return

    # ---- storage

    def stored(self) -> dict[str, Any]:
        """What must be stored, as JSON can hold it; see the module's text."""
        return {
            "level": self.level.name,
            "seed": self.seed,
            "place": list(self.place),
            "day_ns": self._day_ns,
            "day": self.day,
            "state": self.state,
            "verdict": self.verdict,
            "is_over": self.is_over,
            "is_bursting": self.is_bursting,
            "turn_is_on": self._turn_is_on,
            "begun": self._begun,
            "actions": self._actions,
            "next_in": self.next_at - self.acted_at,
            "day_in": self.day_began - self.acted_at,
            "referee": self.referee.memory(),
            "bots": {number: strategy.memory() for number, strategy in self._remembering},
        }

    @classmethod
    def restored(cls, stored: Mapping[str, Any], exchange: Exchange, now: int) -> "Run":
        """The run that `stored` tells of, at `now`; its book must be as it was then."""
        run = cls(
            LEVELS[stored["level"]],
            stored["seed"],
            exchange,
            Place(*stored["place"]),
            now,
            stored["day_ns"] / NANOSECONDS,
        )
        for day in range(1, stored["day"] + 1):
            run.today.value *= run._growth(day)
        run.day = run.today.day = stored["day"]
        run.state, run.verdict, run.is_over = (
            stored[name] for name in ("state", "verdict", "is_over")
        )
        run.is_bursting, run._begun, run._actions = (
            stored[name] for name in ("is_bursting", "begun", "actions")
        )
        run._day_ns = stored["day_ns"]
        run.next_at, run.day_began = now + stored["next_in"], now + stored["day_in"]
        run._turns = run._plan()
        run.referee.remember(stored["referee"])
        run._adopt(stored["bots"])
        if stored["turn_is_on"]:
            run._begin_turn()
        return run

    # ---- inside

    def _adopt(self, memories: Mapping[str, Any]) -> None:
        """Give the bots back what they remember, and the orders that they have in the book."""
        views = {view.account: view for _, view in self._bots}
        levels = [*self.book.bids, *self.book.asks]
        resting = [order for level in levels for order in level.orders.values()]
        for order in sorted(resting, key=lambda order: order.id):
            if order.account in views:
                views[order.account].adopt(order)
        for number, memory in memories.items():
            self._bots[int(number)][0].remember(memory)

    def _begin_next_turn(self) -> bool:
        """False once all turns of the burst are over."""
        if self._begun == len(self._turns):
            return False
        self._begun += 1
        self._begin_turn()
        return True

    def _begin_turn(self) -> None:
        """Begin the last of the turns that have begun, also once more after a restart."""
        bot, self.today.round = self._turns[self._begun - 1]
        self._turn_is_on, self._acting = True, self._bots[bot]
        self._chance.begin(self.seed, bot, self.day, self.today.round)

    def _begin_day(self, now: int) -> bool:
        """Begin the next day's burst; False if there is none."""
        if self.day == LAST_DAY:
            self.is_over = True
            self._decide(OUT_OF_TIME)
            return False
        is_far_behind = now - self.next_at > self._day_ns
        self.day_began = now if is_far_behind else self.next_at
        self.day += 1
        self.today.day = self.day
        self.today.value *= self._growth(self.day)
        self.is_bursting, self._begun, self._actions = True, 0, 0
        self._turns = self._plan()
        return True

    def _end_burst(self, now: int) -> None:
        self.is_bursting = False
        first = self._phase if self.day == 0 else 1.0
        self.next_at = max(now, self.day_began + int(first * self._day_ns))
        holding, last = self.holding(), self.book.last_trade
        if holding is None:
            holding = Portfolio(0, 0, last.price if last else self.first_price)
        if self.state == OPEN:
            self._decide(self.referee.at_close(holding, self.day))

    def _plan(self) -> list[Turn]:
        self._first_pause = self.seed + self.day * 5
        longest = int(LARGEST_BURST * self._day_ns) if self.day else 0
        self._no_pauses_from = self.day_began + longest
        self._chance.begin(self.seed, PLAN, self.day)
        return self.cast.turns(self.day, self._chance)

    def _growth(self, day: int) -> float:
        """The factor by which the fair value moves from the day before."""
        self._chance.begin(self.seed, VALUE, day)
        return 1 + self._drift + self.level.walk.noise * self._chance.gauss(0.0, 1.0)

    def _pause(self, now: int) -> int:
        """Nanoseconds until the next order of the burst."""
        if now >= self._no_pauses_from:
            return 0
        pauses = self._pauses if self._turn_is_on else self._longer_pauses
        return pauses[(self._actions * 17 + self._first_pause) % len(PAUSES)]

    def _decide(self, verdict: Verdict | None) -> None:
        if verdict is not None and self.state == OPEN:
            self.state, self.verdict = verdict


def free_names(seed: int, taken: str) -> Callable[[], str]:
    """Gives accounts' names, each of them once, and never the one that is taken."""
    names, used = Chance(), {taken}
    names.begin(seed, NAMES)

    def name() -> str:
        while (drawn := account_name(names)) in used:
            pass
        used.add(drawn)
        return drawn

    return name
