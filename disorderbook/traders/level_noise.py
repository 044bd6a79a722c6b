"""The noise trader of the first three levels, who has an opinion of his own and no news.

The rule is measured, from the same recordings as that of the level's market maker.

- He begins with $100,000 and no shares.
- He has one order at a time: when his turn comes he cancels the old one, also if he then does
  nothing. He acts with a probability of 0.9 in the first round of a day, 0.25 in the second.
- When he acts he draws a price V within 5 % of the fair value. If V is above the best ask or nobody
  asks, he buys at limit V for 20 % of his cash. If V is below the best bid or nobody bids, he sells
  20 % of his shares at V. Where both hold, chance decides.

So on the first day all buy, and every trade is with somebody who is wrong by 5 % at most.
"""

from disorderbook.engine.orders import BUY, SELL, Side
from disorderbook.traders.market_view import MarketView, Remembering
from disorderbook.traders.today import Today

START_CENTS = 10_000_000
ERROR = 0.05  # of his value of a share
SHARE = 0.2  # of cash or shares that go into an order
ACTS = (0.9, 0.25)  # probability, by round of a day


class LevelNoise(Remembering):
    """Each step cancels the old order or decides on a new one."""

    def __init__(self, today: Today) -> None:
        self.today = today

    def step(self, market: MarketView) -> bool:
        """Cancel what rests; when nothing does, place an order or none."""
        for order_id in market.resting:
            market.cancel(order_id)
            return True
        market.refresh()
        if market.rng.random() < ACTS[self.today.round]:
            self._act(market)
        return False

    def _act(self, market: MarketView) -> None:
        price = int(self.today.value * market.rng.uniform(1 - ERROR, 1 + ERROR))
        top = market.quote()
        buys = top.ask is None or price > top.ask
        sells = top.bid is None or price < top.bid
        if buys and sells:
            buys = market.rng.random() < 0.5
        if buys:
            trade(market, BUY, int(SHARE * (START_CENTS + market.cents) / price), price)
        elif sells:
            trade(market, SELL, int(SHARE * market.shares), price)


def trade(market: MarketView, side: Side, quantity: int, price: int) -> None:
    """Place an order, if it is for any share."""
    if quantity > 0:
        market.place(side, quantity, price)
