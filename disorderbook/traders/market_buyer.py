"""Who buys a few shares at whatever they cost: the retail traders of the first three levels, and
the 72 noise accounts of making_amends.

Measured: retail trades are market buys of 10 to 13 shares, most of them on the first two days, in
the recordings of chock_a_block. The noise accounts of making_amends buy one size, all of them the
same, and never sell; who buys when is the level's plan. (Of 100 recorded accounts, 72 did that.)
"""

from disorderbook.engine.orders import BUY
from disorderbook.traders.market_view import MarketView, Remembering

RETAIL = (10, 13)  # shares of an order


class MarketBuyer(Remembering):
    """Each step is one market order for `low` to `high` shares."""

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high

    def step(self, market: MarketView) -> bool:
        """Buy."""
        market.take(BUY, market.rng.randint(self.low, self.high))
        return False
