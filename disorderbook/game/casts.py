"""The casts of the levels: which bots trade there, and whose turn it is when in a day.

A cast's plan of a day follows from the instance's seed and the day alone, so that after a restart
in mid-day the plan is made again and gone on with. What a bot does in its turn it decides when the
turn comes (see disorderbook/traders/).
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

from disorderbook.engine.orders import BUY, SELL
from disorderbook.game.chance import Chance
from disorderbook.traders.active_trader import ActiveTrader
from disorderbook.traders.bulldozer import (
    FIRST_BLOW,
    LAST_BLOW,
    LAST_DAY,
    LEAVE,
    SECOND_BLOW,
    THIRD_BLOW,
    Bulldozer,
)
from disorderbook.traders.insider import Insider
from disorderbook.traders.level_maker import LevelMaker
from disorderbook.traders.level_noise import LevelNoise
from disorderbook.traders.market_buyer import RETAIL, MarketBuyer
from disorderbook.traders.market_view import Remembering
from disorderbook.traders.momentum_buyer import DAILY, WAVE, MomentumBuyer
from disorderbook.traders.rung_maker import BubbleMaker, RungMaker
from disorderbook.traders.today import Today


class Member(NamedTuple):
    """A bot of a cast; bots are numbered in the order of the list."""

    account: str
    strategy: Remembering


class Turn(NamedTuple):
    """A bot acts; `round` counts its turns on the day from 0."""

    bot: int
    round: int = 0


class Cast(ABC):
    """The bots of one instance. `culprit` is the account to accuse, where there is one."""

    culprit: str | None = None

    def __init__(self, members: list[Member]) -> None:
        self.members = members

    @abstractmethod
    def turns(self, day: int, chance: Chance) -> list[Turn]:
        """Who acts on a day, counted from 0, in what order; draws from `chance` only."""


MakeCast = Callable[[Today, Chance, Callable[[], str]], Cast]
"""Makes a cast of what its bots know of a day, of a generator for what differs between instances,
and of a function that gives a new account's name."""


class SmallMarket(Cast):
    """Levels 1 to 3: a market maker, ten noise traders and five retail traders.

    A day's burst, as measured: noise and retail in random order, cut at a random place (mostly
    early); the first part, the maker, the rest, the maker; a second round of the noise traders; the
    maker. On day 0 the maker acts first of all.
    """

    MAKER = 0
    NOISE = range(1, 11)
    RETAIL = range(11, 16)
    LATER = 0.04  # probability that a retail trader buys on a day after the second

    def __init__(self, today: Today, limit: int) -> None:
        super().__init__(
            [
                Member("mm", LevelMaker(today, limit)),
                *(Member(f"noise-{n}", LevelNoise(today)) for n, _ in enumerate(self.NOISE, 1)),
                *(
                    Member(f"retail-{n}", MarketBuyer(*RETAIL))
                    for n, _ in enumerate(self.RETAIL, 1)
                ),
            ]
        )

    def turns(self, day: int, chance: Chance) -> list[Turn]:
        buying = [bot for bot in self.RETAIL if day <= 1 or chance.random() < self.LATER]
        first = chance.shuffled([*self.NOISE, *buying])
        second = chance.shuffled([*self.NOISE, *(buying if day == 0 else ())])
        cut = 0 if day == 0 else int(len(first) * chance.random() ** 2)
        return [
            *(Turn(bot) for bot in first[:cut]),
            Turn(self.MAKER, 0),
            *(Turn(bot) for bot in first[cut:]),
            Turn(self.MAKER, 1),
            *(Turn(bot, 1) for bot in second),
            Turn(self.MAKER, 2),
        ]


def requotes(chance: Chance) -> int:
    """How often a maker of the last three levels re-quotes on a day: 2.2 times on average."""
    return 3 if chance.random() < 0.2 else 2


def inserted(turns: list[Turn], others: list[Turn], places: list[float]) -> list[Turn]:
    """Turns, and others among them at places from 0 (before all) to 1; both keep their order."""
    count = len(turns)
    keyed = [((number + 0.5) / count, turn) for number, turn in enumerate(turns)]
    keyed += zip(sorted(places), others)
    return [turn for _, turn in sorted(keyed, key=lambda pair: pair[0])]


class Duel(Cast):
    """Level 4: a maker, eleven active traders and two bulldozers.

    Attacks come every 16 days on average, as measured: gaps are 3, 10 and 33 days at 10, 50 and 90
    of 100, and the first attack is on day 2 to 24. Three quarters of them are the seller's. An
    attack begins in the first half of a burst, so that others trade at its price before the day
    closes.
    """

    MAKER, SELLER, BUYER = range(3)
    TRADERS = range(3, 14)
    LIMIT = 15_000  # shares of the maker
    FIRST = (2, 24)  # days
    MEDIAN_GAP, SPREAD = 10.0, 0.93  # days, and s.d. of the gap's logarithm
    SHORTEST_GAP = 2  # days; on the first of them the attack before comes to its end
    SELLS = 0.75
    BLOWS = {1: [LAST_BLOW], 2: [SECOND_BLOW, LAST_BLOW], 3: [SECOND_BLOW, THIRD_BLOW, LAST_BLOW]}

    def __init__(self, today: Today, chance: Chance, name: Callable[[], str]) -> None:
        strategies: list[Remembering] = [
            RungMaker(today, self.LIMIT, counts_daily=True),
            Bulldozer(today, SELL),
            Bulldozer(today, BUY),
            *(ActiveTrader(today) for _ in self.TRADERS),
        ]
        super().__init__([Member(name(), strategy) for strategy in strategies])
        self.attacks: dict[int, int] = {}  # by day: which bot attacks
        day = chance.randint(*self.FIRST)
        while day <= LAST_DAY:
            self.attacks[day] = self.SELLER if chance.random() < self.SELLS else self.BUYER
            gap = math.exp(chance.gauss(math.log(self.MEDIAN_GAP), self.SPREAD))
            day += max(self.SHORTEST_GAP, round(gap))

    def turns(self, day: int, chance: Chance) -> list[Turn]:
        turns = [Turn(bot) for bot in chance.shuffled(self.TRADERS)]
        quotes = [Turn(self.MAKER, number) for number in range(requotes(chance))]
        places = [chance.random() for _ in quotes]
        turns = inserted(turns, quotes, [0.0, *places[1:]] if day == 0 else places)
        if day in self.attacks:
            rounds = [FIRST_BLOW, *self.BLOWS[chance.randint(1, 3)]]
            blows = [Turn(self.attacks[day], round) for round in rounds]
            places = [chance.random() / 2, *(chance.random() for _ in rounds[1:])]
            turns = inserted(turns, blows, places)
        if day - 1 in self.attacks:
            turns.insert(1, Turn(self.attacks[day - 1], LEAVE))
        return turns


class Bubble(Cast):
    """Level 5: a maker with little stock, and 25 momentum buyers.

    A wave on days 0 and 1 and then every 12 days; on every other day one to five buy.
    """

    MAKER = 0
    BUYERS = range(1, 26)
    LIMIT = 750  # shares of the maker
    PERIOD = 12  # days

    def __init__(self, today: Today, chance: Chance, name: Callable[[], str]) -> None:
        strategies: list[Remembering] = [
            BubbleMaker(today, self.LIMIT),
            *(MomentumBuyer(today) for _ in self.BUYERS),
        ]
        super().__init__([Member(name(), strategy) for strategy in strategies])

    def turns(self, day: int, chance: Chance) -> list[Turn]:
        is_wave = day <= 1 or (day - 1) % self.PERIOD == 0
        count, kind = (len(self.BUYERS), WAVE) if is_wave else (chance.randint(1, 5), DAILY)
        buyers = chance.drawn(self.BUYERS, count)
        quotes = [Turn(self.MAKER, number) for number in range(requotes(chance))]
        places = [chance.random() for _ in quotes]
        buys = [Turn(bot, kind) for bot in buyers]
        return inserted(buys, quotes, [0.0, *places[1:]] if day == 0 else places)


class Conspiracy(Cast):
    """Level 6: three makers, 24 active traders, 72 who buy now and then, and an insider.

    The makers share an error of the day. Who buys does so on days 0, 1 and 11, and then every 12
    days, each with a probability of his own, which gives the recorded 1 to 16 fills in 162 days.
    """

    MAKERS = range(3)
    TRADERS = range(3, 27)
    BUYERS = range(27, 99)
    INSIDER = 99
    LIMIT = 45_000  # shares of a maker
    ERROR, OWN_ERROR = 0.022, 0.005  # s.d. of the day's, and of a re-quote's own
    ACTS = 0.97  # probability that an active trader has a turn
    SIZE = 10  # shares that those buy who buy now and then
    PERIOD, FIRST = 12, 11  # days
    SALE = (1, 30)  # day of the insider's first sale
    BUYS = (0.05, 1.0)  # lowest and highest probability of buying on one of the days

    def __init__(self, today: Today, chance: Chance, name: Callable[[], str]) -> None:
        self.today = today
        strategies: list[Remembering] = [
            *(RungMaker(today, self.LIMIT, self.OWN_ERROR) for _ in self.MAKERS),
            *(ActiveTrader(today) for _ in self.TRADERS),
            *(MarketBuyer(self.SIZE, self.SIZE) for _ in self.BUYERS),
            Insider(today, chance.randint(*self.SALE)),
        ]
        super().__init__([Member(name(), strategy) for strategy in strategies])
        self.culprit = self.members[self.INSIDER].account
        self.eagerness = {bot: chance.uniform(*self.BUYS) for bot in self.BUYERS}

    def turns(self, day: int, chance: Chance) -> list[Turn]:
        self.today.error = chance.gauss(0.0, self.ERROR)
        turns = [Turn(bot) for bot in self.TRADERS if chance.random() < self.ACTS]
        turns.append(Turn(self.INSIDER))
        if day <= 1 or day % self.PERIOD == self.FIRST:
            turns += [Turn(bot) for bot in self.BUYERS if chance.random() < self.eagerness[bot]]
        turns = chance.shuffled(turns)
        quotes = chance.shuffled(
            Turn(maker, number) for maker in self.MAKERS for number in range(requotes(chance))
        )
        places = [chance.random() for _ in quotes]
        return inserted(turns, quotes, [0.0, *places[1:]] if day == 0 else places)
