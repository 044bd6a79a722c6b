"""The insider of making_amends: an active trader of half the pace, who knows something.

The rule is measured: from 5,115 orders with their owners and the executions of 100 accounts over
162 days, and six recordings of who it was. On most days he is like any active trader. Besides,
every 30 days, he sells all his shares in one limit order at 0.998 of the fair value; it rests
about half of the time (that share of takes is recorded; the price is our choice), and is then
eaten in pieces. Then he does nothing until he buys for all his cash, at 1.05 of the best ask: on
the first of the days 11 to 15 after the sale on which the ask is below the fair value; on day 15
in any case; or on the first later day that has an ask.

So he takes less often than others, but most of the largest takes are his, and he waits longest
between trades; and he is not richer than others, since others are as often right by chance.
"""

from disorderbook.engine.orders import BUY, SELL
from disorderbook.traders.active_trader import ActiveTrader
from disorderbook.traders.level_noise import trade
from disorderbook.traders.market_view import MarketView
from disorderbook.traders.today import Today

CYCLE = 30  # days from one sale of everything to the next
EARLIEST, LATEST = 11, 15  # days after the sale on which he buys
SALE = 0.998  # of the fair value
PURCHASE = 1.05  # of the best ask
ORDINARY = 0.5  # probability of an order on a day between


class Insider(ActiveTrader):
    """He has a turn every day; `first_sale` is a day."""

    REMEMBERS = ("sold_on",)

    def __init__(self, today: Today, first_sale: int) -> None:
        super().__init__(today)
        self.first_sale = first_sale
        self.sold_on: int | None = None  # the day of the sale, until he has bought

    def step(self, market: MarketView) -> bool:
        """Sell everything, wait, buy, or be like others."""
        if self.sold_on is not None:
            return self._wait(market, self.today.day - self.sold_on)
        if self._is_day_of_sale or market.rng.random() < ORDINARY:
            return super().step(market)
        return False

    @property
    def _is_day_of_sale(self) -> bool:
        return self.today.day >= self.first_sale and (
            (self.today.day - self.first_sale) % CYCLE == 0
        )

    def _act(self, market: MarketView) -> None:
        if self._is_day_of_sale:
            self.sold_on = self.today.day
            trade(market, SELL, self.shares(market), int(self.today.value * SALE))
        else:
            super()._act(market)

    def _wait(self, market: MarketView, days: int) -> bool:
        ask = market.quote().ask
        if days < EARLIEST or ask is None or (days < LATEST and ask >= self.today.value):
            return False
        market.refresh()
        for order_id in market.resting:
            market.cancel(order_id)
            return True
        self.sold_on = None
        price = int(ask * PURCHASE)
        trade(market, BUY, int(self.cash(market) / price), price)
        return False
