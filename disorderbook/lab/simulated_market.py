"""The market inside a simulation: one book on a stepped clock, and what happens there by itself.

There are two kinds, which differ in who trades and in what a day is. With opponents a day is a
length of time. In a level it is a burst of the bots' orders and the silence after it, as in
`game.simulation`, and a strategy looks in the silence.

The exchange's lock must not be held.
"""

import random
from collections.abc import Iterator

from disorderbook.engine.orders import Order
from disorderbook.errors import NoSuchLevel
from disorderbook.exchange import Exchange
from disorderbook.game.chance import NAMES, Chance
from disorderbook.game.identity import identity
from disorderbook.game.referee import LAST_DAY, OPEN
from disorderbook.game.run import Place, Run
from disorderbook.game.simulation import PLAYER, PlayerView, find_level
from disorderbook.game.view import DirectView
from disorderbook.lab.record import LevelOutcome
from disorderbook.marketdata.history import History
from disorderbook.options import check_name
from disorderbook.protocol.names import NANOSECONDS
from disorderbook.rules.market import NO_RULES, RuleBook, fee_rates
from disorderbook.timeline.clock import STEPPED, ClockSettings, SteppedClock
from disorderbook.timeline.opponents import Opponents, opponents_of
from disorderbook.timeline.timeline import Source, Timeline

FIRST_NAMES = "TESTEX", "FOOBAR", "ME"  # venue, symbol and account, unless others are given


class SimulatedMarket:
    """What both kinds are. `place` is the venue, the stock, and the account of the strategy, whose
    view of the book `view` is; `day_ns` is the length of a day in nanoseconds.
    """

    view: DirectView

    def __init__(self, place: Place, day_ns: int, rules: RuleBook = NO_RULES) -> None:
        self.place, self.day_ns = place, day_ns
        self._clock = SteppedClock()
        self.start = self._clock.now
        self.history = History(self.start)
        publishers = [self.history.record]
        self.exchange = Exchange(publishers=publishers, clock=self._clock, rules=rules)
        self._book = self.exchange.book(place.venue, place.symbol)
        self.fees = fee_rates(self._book.rules)
        self.timeline = Timeline(self.exchange, self._clock)
        self.days_played = 0

    @property
    def now(self) -> int:
        """Nanoseconds since 1970: not before the last order."""
        return max(self._clock.now, self.exchange.latest)

    @property
    def day(self) -> int:
        """The trading day, from 0."""
        return (self._clock.now - self.start) // self.day_ns

    @property
    def is_decided(self) -> bool:
        """Whether a level is won or lost."""
        return False

    @property
    def flash(self) -> dict[str, str] | None:
        """What a level tells its player now."""
        return None

    def outcome(self) -> LevelOutcome | None:
        """How a level stands."""
        return None

    def accuse(self, account: str) -> None:
        """Take the one accusation of a level; raises ValueError where none is taken."""
        raise ValueError("Nobody can be accused here: that is for the level making_amends")

    def advance(self, nanoseconds: int) -> None:
        """Let so much time pass, with all that is due."""
        with self.exchange.transaction():
            self.timeline.advance(nanoseconds)

    def looks(self, days: int, looks: int) -> Iterator[None]:
        """Let so many days pass; yields at each of the `looks` of a day."""
        for _ in range(days):
            if self.is_decided:
                return
            yield from self._looks_of_day(looks)
            self.days_played += 1

    def orders(self) -> Iterator[Order]:
        """Those of everybody, by id."""
        for order_id in range(self._book.next_id):
            order = self._book.find(order_id)
            assert order is not None  # this exchange's ledger takes none out of memory
            yield order

    def _looks_of_day(self, looks: int) -> Iterator[None]:
        start = self._clock.now
        for number in range(1, looks + 1):
            at = start + self.day_ns * number // looks
            if at > self._clock.now:  # the strategy may have let time pass itself
                self.advance(at - self._clock.now)
            yield

    def _begin(self, source: Source) -> None:
        """Make the timeline of what happens by itself, and do what is due already."""
        self.timeline = Timeline(self.exchange, self._clock, [source], ClockSettings(STEPPED))
        self.advance(0)


class OpponentsMarket(SimulatedMarket):
    """A market of opponents; `names` are venue, symbol and account, None for the usual one. All
    orders must obey the `rules`. Raises ValueError.
    """

    def __init__(
        self,
        seed: int,
        opponents: str,
        names: tuple[str | None, ...],
        day_ns: int,
        rules: RuleBook = NO_RULES,
    ) -> None:
        bots = opponents_of(opponents)
        super().__init__(_place(names), day_ns, rules)
        account = self.place.account
        if account in {bot.account for bot in bots}:
            raise ValueError(f"{account!r} is the account of an opponent")
        chance = random.Random(f"{seed} {account}")
        self.view = DirectView(self.exchange, self._book, account, chance)
        self._begin(Opponents(self.exchange, self._clock, self._book, bots, seed))


class LevelMarket(SimulatedMarket):
    """A level, whose names follow from the seed, too; day 0 has been traded. Raises ValueError."""

    def __init__(self, seed: int, name: str, day_ns: int) -> None:
        try:
            level = find_level(name)
        except NoSuchLevel as refusal:
            raise ValueError(f"{refusal}: {refusal.detail}") from None
        names, chance = Chance(), Chance()
        names.begin(seed, NAMES, day=1)
        chance.begin(seed, PLAYER)
        account, venue, symbol = identity(names, level.account)
        super().__init__(Place(venue, symbol, account), day_ns)
        day = day_ns / NANOSECONDS
        self._run = run = Run(level, seed, self.exchange, self.place, self.start, day)
        self.view = view = PlayerView(self.exchange, run, chance)
        for publish in (run.watch, view.record):
            self.exchange.add_publisher(publish)
        self._last_played = -1  # day
        self._begin(_LevelSource(run, self._clock))

    @property
    def day(self) -> int:
        return self._run.day

    @property
    def is_decided(self) -> bool:
        return self._run.state != OPEN

    @property
    def flash(self) -> dict[str, str] | None:
        return self._run.flash

    def outcome(self) -> LevelOutcome | None:
        run, holding = self._run, self._run.holding()
        return LevelOutcome(run.level.name, run.state, run.day, holding.nav if holding else 0)

    def accuse(self, account: str) -> None:
        if not self._run.level.takes_accusation:
            super().accuse(account)
        check_name("account", account)
        self._run.judge(account)

    def _looks_of_day(self, looks: int) -> Iterator[None]:
        run = self._run
        if run.day == self._last_played:
            self._go_on_to_next_day()
        self._last_played = run.day
        silence = max(0, run.next_at - self._clock.now) // (looks + 1)
        for _ in range(looks):
            if self.is_decided:
                return
            self.advance(silence)
            yield
        if run.day == LAST_DAY and not self.is_decided:
            self._go_on_to_next_day()  # there is none

    def _go_on_to_next_day(self) -> None:
        run = self._run
        self.advance(max(0, run.next_at - self._clock.now))
        while run.is_bursting and not run.is_over:
            self.advance(max(0, run.next_at - self._clock.now))


class _LevelSource:
    """A run as a source of a timeline."""

    def __init__(self, run: Run, clock: SteppedClock) -> None:
        self._run, self._clock = run, clock

    @property
    def next_at(self) -> int | None:
        return None if self._run.is_over else self._run.next_at

    def act(self) -> None:
        self._run.act(self._clock.now)


def _place(names: tuple[str | None, ...]) -> Place:
    venue, symbol, account = (
        usual if name is None else name for name, usual in zip(names, FIRST_NAMES, strict=True)
    )
    for option, name in (("venue", venue), ("symbol", symbol), ("account", account)):
        check_name(option, name)
    return Place(venue, symbol, account)
