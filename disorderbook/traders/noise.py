"""The noise trader: random limit orders around the last price, or at any price at all."""

from typing import NamedTuple

from disorderbook.engine.orders import BUY, SELL
from disorderbook.traders.market_view import (
    FIRST_PRICE,
    MAX_PRICE,
    MAX_QUANTITY,
    MarketView,
    Strategy,
)


class Noise(NamedTuple):
    """What the orders of a NoiseTrader look like."""

    spread: int | None = 100  # cents that a price may be away from the last one; None: any price
    min_quantity: int = 50  # shares of an order
    max_quantity: int = 150
    resting: int = 10  # orders it leaves in the book


EXTREME = Noise(spread=None, min_quantity=1, max_quantity=MAX_QUANTITY)


class NoiseTrader(Strategy):
    """Each step places one random order and cancels the oldest beyond those it may leave."""

    def __init__(self, noise: Noise = Noise()) -> None:
        self.noise = noise

    def step(self, market: MarketView) -> None:
        """Place one order, and cancel what is beyond the limit."""
        side = market.rng.choice((BUY, SELL))
        quantity = market.rng.randint(self.noise.min_quantity, self.noise.max_quantity)
        market.place(side, quantity, self._price(market))
        market.cancel_oldest(beyond=self.noise.resting)

    def _price(self, market: MarketView) -> int:
        if self.noise.spread is None:
            return market.rng.randint(1, MAX_PRICE)
        distance = market.rng.randint(-self.noise.spread, self.noise.spread)
        return (market.quote().last or FIRST_PRICE) + distance
