"""The active trader of dueling_bulldozers and making_amends, who values the stock for himself.

The rule is measured: from the trades of dueling_bulldozers (1,730 days), and from the orders of 24
accounts of making_amends over 162 days.

- He begins with $100,000, half in cash and half in shares at the first price.
- He sends a limit order a day (0.97 in making_amends) and cancels the one before. Its limit is his
  own valuation: the fair value, wrong by a normal error of 3.5 %.
- If that is above the middle between the best bid and ask (the fair value where one is missing) he
  buys for 20 % of his cash, else he sells 20 % of his shares.

So 9 of 10 of his orders go through the best price and take, and a coin is never thrown for the
side.
"""

from disorderbook.engine.orders import BUY, SELL
from disorderbook.traders.level_noise import trade
from disorderbook.traders.market_view import MarketView, Remembering
from disorderbook.traders.today import Today

CAPITAL = 10_000_000  # cents: cash and shares that he begins with
ERROR = 0.035  # s.d. of his valuation
SHARE = 0.2  # of cash or shares that go into an order


class ActiveTrader(Remembering):
    """Each step cancels the old order or places a new one."""

    def __init__(self, today: Today) -> None:
        self.today = today
        self.start_cents = CAPITAL // 2
        self.start_shares = int(CAPITAL / 2 / today.first_value)

    def step(self, market: MarketView) -> bool:
        """Cancel what rests; when nothing does, place an order."""
        for order_id in market.resting:
            market.cancel(order_id)
            return True
        market.refresh()
        self._act(market)
        return False

    def cash(self, market: MarketView) -> int:
        """All his cash in cents."""
        return self.start_cents + market.cents

    def shares(self, market: MarketView) -> int:
        """All his shares."""
        return self.start_shares + market.shares

    def _act(self, market: MarketView) -> None:
        value = self.today.value
        price = max(1, int(value * (1 + market.rng.gauss(0.0, ERROR))))
        bid, ask, _ = market.quote()
        middle = value if bid is None or ask is None else (bid + ask) / 2
        if price > middle:
            trade(market, BUY, int(SHARE * self.cash(market) / price), price)
        else:
            trade(market, SELL, int(SHARE * self.shares(market)), price)
