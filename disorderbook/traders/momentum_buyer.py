"""The momentum buyer of irrational_exuberance, who buys because others do, at any price.

That there were waves of small market buys, on days 0 and 1 and then every 12 days, was measured in
40 recorded days; and programs rely on it that one share at 2,000,000,000 is bought. How the bubble
bursts was never recorded, and is our own choice: a buyer whose last four fills fell, each lower
than the one before, sells all he has at the market and stays out for 6 to 15 days. Then he buys
again once the best ask is at most 1.1 of the fair value, and begins to count anew. A fill is the
last price of one of his orders.
"""

from disorderbook.engine.orders import BUY, SELL
from disorderbook.traders.market_view import MarketView, Remembering
from disorderbook.traders.today import Today

DAILY, WAVE = range(2)  # rounds
WAVE_SHARES = (1, 1, 2, 3)
FALLS = 4  # fills, each lower than the one before
OUT = (6, 15)  # days that he stays out
CHEAP = 1.1  # of the fair value


class MomentumBuyer(Remembering):
    """Each step is a market order, or none."""

    REMEMBERS = ("fills", "back_on")

    def __init__(self, today: Today) -> None:
        self.today = today
        self.fills: list[int] = []  # cents, the last FALLS
        self.back_on: int | None = None  # the first day on which he may buy again

    def step(self, market: MarketView) -> bool:
        """Buy; and if that was one fall too many, sell in a step more."""
        if self.back_on is not None:
            if self._comes_back(market):
                self.fills, self.back_on = [], None
            else:
                market.refresh()
                if market.shares > 0:
                    market.take(SELL, market.shares)
                return False
        before = market.cents
        market.take(BUY, self._wanted(market))
        if market.cents == before:
            return False
        self._count(market.quote().last or 0)
        if not self._is_afraid:
            return False
        self.back_on = self.today.day + market.rng.randint(*OUT)
        return True

    def _wanted(self, market: MarketView) -> int:
        return market.rng.choice(WAVE_SHARES) if self.today.round == WAVE else 1

    def _count(self, price: int) -> None:
        self.fills = [*self.fills, price][-FALLS:]

    @property
    def _is_afraid(self) -> bool:
        pairs = zip(self.fills, self.fills[1:])
        return len(self.fills) == FALLS and all(one > other for one, other in pairs)

    def _comes_back(self, market: MarketView) -> bool:
        ask = market.quote().ask
        return (
            self.today.day >= (self.back_on or 0)
            and ask is not None
            and ask <= CHEAP * self.today.value
        )
