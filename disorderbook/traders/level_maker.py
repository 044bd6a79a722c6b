"""The market maker of the first three levels, whose orders are there when others want to trade,
and which forgets.

The rule is measured: from 27,300 ticks that players recorded of 17 instances of chock_a_block, and
4,700 of sell_side, in 2015 and 2016.

- Every day it has a value of its own, C, within 5 % of the fair value, and independent of the day
  before and of all trading.
- It quotes in waves. A wave reads the best prices with its own orders still there; then it cancels
  them all; then it posts three rungs a side, s apart, which is 0.5 %: asks above A, the higher of C
  and the best bid, and bids below B, the lower of C and the best ask. So it never takes, and the
  spread is 1 % once two waves have followed each other.
- With the limit L and n shares an ask is for (L + n) / 10 shares, a bid for (L - n) / 10. So buying
  from it moves no price, only the size of what it asks.
- In the second wave of a day it posts less by what it posted at the same price in the first, though
  it has cancelled that. Days still end with both sides, thanks to the third.
"""

from disorderbook.engine.orders import BUY, SELL
from disorderbook.traders.market_view import MarketView, Remembering
from disorderbook.traders.today import Today

RUNGS = 3  # on each side
DISTANCE = 0.005  # of two rungs, as a part of the price they are counted from
ERROR = 0.05  # of its value of a day
SHARE = 10  # a rung is for this part of what its limit leaves
FORGETFUL_ROUND = 1


class LevelMaker(Remembering):
    """Each turn is a wave, each step of it one cancel or order; it may be short or long `limit`
    shares.
    """

    REMEMBERS = ("centre", "posted", "plan")

    def __init__(self, today: Today, limit: int) -> None:
        self.today = today
        self.limit = limit
        self.centre = 0  # C in cents
        self.posted: list[list[int]] = []  # in the wave before: [signed quantity, price]
        self.plan: list[list[int]] = []  # of this wave, last first: [id] or as in `posted`

    def step(self, market: MarketView) -> bool:
        """Cancel or post what comes next in the wave."""
        if not self.plan:
            self._decide(market)
        if self.plan:
            carry_out(market, self.plan.pop())
        return bool(self.plan)

    def _decide(self, market: MarketView) -> None:
        market.refresh()
        if self.today.round == 0:
            error = market.rng.uniform(-ERROR, ERROR)
            self.centre = round(self.today.value * (1 + error))
        posts = self._posts(market)
        wanted = posts
        if self.today.round == FORGETFUL_ROUND:
            before = {price: quantity for quantity, price in self.posted}
            posts = [[quantity - before.get(price, 0), price] for quantity, price in posts]
        self.posted = wanted
        self.plan = [post for post, full in zip(posts, wanted) if post[0] * full[0] > 0] + cancels(
            market
        )

    def _posts(self, market: MarketView) -> list[list[int]]:
        """[Signed quantity, price] of each order, last first."""
        top = market.quote()
        above = max(self.centre, top.bid or 0)
        below = min(self.centre, top.ask or self.centre)
        up, down = (max(1, int(base * DISTANCE)) for base in (above, below))
        asked, wanted = (
            (self.limit + market.shares) // SHARE,
            (self.limit - market.shares) // SHARE,
        )
        bids = [[wanted, below - rung * down] for rung in range(RUNGS, 0, -1) if wanted > 0]
        asks = [[-asked, above + rung * up] for rung in range(1, RUNGS + 1) if asked > 0]
        return bids + asks


def cancels(market: MarketView) -> list[list[int]]:
    """[Id] of each resting order: bids last, and first the ask that is nearest."""
    orders = market.resting.values()
    asks = sorted((order.price, order.id) for order in orders if order.side is SELL)
    bids = sorted((-order.price, order.id) for order in orders if order.side is BUY)
    return [[order_id] for _, order_id in reversed(asks + bids)]


def carry_out(market: MarketView, planned: list[int]) -> None:
    """Cancel [id], or place [signed quantity, price]."""
    if len(planned) == 1:
        market.cancel(planned[0])
    else:
        quantity, price = planned
        market.place(BUY if quantity > 0 else SELL, abs(quantity), price)
