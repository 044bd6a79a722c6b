"""The taker: market orders of random sides and quantities, which leave nothing in the book."""

from disorderbook.engine.orders import BUY, SELL
from disorderbook.traders.market_view import MarketView, Strategy

MIN_QUANTITY, MAX_QUANTITY = 10, 60  # shares of an order


class Taker(Strategy):
    """Each step takes what somebody else has offered, if there is any."""

    def step(self, market: MarketView) -> None:
        """Send one market order."""
        side = market.rng.choice((BUY, SELL))
        market.take(side, market.rng.randint(MIN_QUANTITY, MAX_QUANTITY))
