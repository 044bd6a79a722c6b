"""Buy low, sell high: orders that bring the position back to zero at a better price."""

from disorderbook.engine.orders import BUY, SELL
from disorderbook.traders.market_view import MarketView, Strategy

QUANTITY = 100  # shares of an order
DISTANCE = 50  # cents from the last price
RESTING = 10  # orders it leaves in the book


class BuyLowSellHigh(Strategy):
    """Sells while it owns shares, buys while it owes shares, and else does either at random.

    It trades nothing before the stock has a last price.
    """

    def __init__(self) -> None:
        self._is_waiting = False

    def step(self, market: MarketView) -> None:
        """Report the position, place one order, and cancel what is beyond the limit."""
        market.refresh()
        price = market.quote().last
        if price is None:
            if not self._is_waiting:
                market.say("Waiting for a first trade.")
            self._is_waiting = True
            return
        nav = market.cents + market.shares * price
        market.say(
            f"Shares: {market.shares}, cents: {market.cents}, NAV: {nav} (last price {price})"
        )
        if market.shares > 0 or (market.shares == 0 and market.rng.random() < 0.5):
            market.place(SELL, QUANTITY, price + DISTANCE)
        else:
            market.place(BUY, QUANTITY, price - DISTANCE)
        market.cancel_oldest(beyond=RESTING)
