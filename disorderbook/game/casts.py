"""The casts of the levels: which bots trade there, and whose turn it is when in a day.

A cast's plan of a day follows from the instance's seed and the day alone, so that after a restart
in mid-day the plan is made again and gone on with. What a bot does in its turn it decides when the
turn comes (see disorderbook/traders/).
"""

from collections.abc import Callable
from typing import NamedTuple

from disorderbook.game.chance import Chance
from disorderbook.traders.level_maker import LevelMaker
from disorderbook.traders.level_noise import LevelNoise
from disorderbook.traders.market_buyer import RETAIL, MarketBuyer
from disorderbook.traders.market_view import Remembering
from disorderbook.traders.today import Today


class Member(NamedTuple):
    """A bot of a cast; bots are numbered in the order of the list."""

    account: str
    strategy: Remembering


class Turn(NamedTuple):
    """A bot acts; `round` counts its turns on the day from 0."""

    bot: int
    round: int = 0


class Cast:
    """The bots of one instance. `culprit` is the account to accuse, where there is one."""

    culprit: str | None = None

    def __init__(self, members: list[Member]) -> None:
        self.members = members

    def turns(self, day: int, chance: Chance) -> list[Turn]:
        """Who acts on a day, counted from 0, in what order; draws from `chance` only."""
        raise NotImplementedError


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
        first, second = [*self.NOISE, *buying], [*self.NOISE, *(buying if day == 0 else ())]
        chance.shuffle(first)
        chance.shuffle(second)
        cut = 0 if day == 0 else int(len(first) * chance.random() ** 2)
        return [
            *(Turn(bot) for bot in first[:cut]),
            Turn(self.MAKER, 0),
            *(Turn(bot) for bot in first[cut:]),
            Turn(self.MAKER, 1),
            *(Turn(bot, 1) for bot in second),
            Turn(self.MAKER, 2),
        ]
