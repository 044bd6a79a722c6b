"""The market makers of the last three levels, who know the fair value nearly, and remember nothing.

The rule is measured: from 24 recordings (1,730 days) of dueling_bulldozers, and from the orders and
their owners in making_amends (5,115 of them, over 162 days).

- A maker re-quotes 2.2 times a day on average: it cancels all it has, and then looks.
- Its centre is the fair value, wrong by a normal error that is drawn anew each time (s.d. 2.7 %).
  In making_amends all makers share an error of the day (2.2 %), and each has a small one of its own
  (0.5 %): so closes of neighbouring days differ by 2.8 %, and those of 80 days hardly more.
- Three rungs a side, 0.49 % apart, the best ones 0.49 % from the centre. It never takes: its bids
  are 0.49 % under the best ask or lower, its asks over the best bid, so it follows a bulldozer.
- With the limit L and n shares a bid is for (L - n) / 3 shares, an ask for (L + n) / 3. In
  dueling_bulldozers n counts from the first re-quote of the day. Else an attack, which takes all of
  one side, would leave it with the other side only, for weeks; and 25 orders a day were recorded,
  which takes both.

The maker of irrational_exuberance quotes in the same way, round a centre of another kind. It was
never recorded; the rule is our own choice, and makes a bubble of what buyers do. The centre starts
at the fair value. At each re-quote it rises by 0.5 % for each share by which the maker's stock has
fallen since the one before, at most 3 %. While the maker is long, it goes 6 % of the way to 0.9 of
the fair value. Trades of others it never looks at.
"""

from typing import ClassVar

from disorderbook.traders.level_maker import carry_out
from disorderbook.traders.market_view import MAX_PRICE, MarketView, Remembering
from disorderbook.traders.today import Today

RUNGS = 3  # on each side
DISTANCE = 0.0049  # of two rungs, and of the best one from the centre
ERROR = 0.027  # s.d. of a re-quote
SOLD = 0.005  # that the bubble's centre rises by for each share that was sold
MOST = 0.03  # that it rises by at a re-quote
RETURN = 0.06  # of the way down that it goes at a re-quote while long
BOTTOM = 0.9  # of the fair value: where that way ends
HIGHEST = int(MAX_PRICE / (1 + DISTANCE * (RUNGS + 1)))  # centre with room for all asks


class RungMaker(Remembering):
    """Each turn is a re-quote, each step of it one cancel or order. It may be short or long `limit`
    shares; `error` is the s.d. of a re-quote's own error.
    """

    REMEMBERS: ClassVar[tuple[str, ...]] = ("plan", "since", "start")

    def __init__(
        self, today: Today, limit: int, error: float = ERROR, counts_daily: bool = False
    ) -> None:
        self.today = today
        self.limit = limit
        self.error = error
        self.counts_daily = counts_daily  # whether its position counts from the day's beginning
        self.since = 0  # the day from which it counts
        self.start = 0  # shares that it had then
        self.plan: list[list[int]] = []  # [signed quantity, price], last first

    def step(self, market: MarketView) -> bool:
        """Cancel what rests; when nothing does, decide what to post, and post it."""
        if not self.plan:
            for order_id in market.resting:
                market.cancel(order_id)
                return True
            market.refresh()
            self.plan = self._posts(market)
        if self.plan:
            carry_out(market, self.plan.pop())
        return bool(self.plan)

    def _centre(self, market: MarketView) -> float:
        """In cents."""
        return self.today.value * (1 + self.today.error + market.rng.gauss(0.0, self.error))

    def _position(self, market: MarketView) -> int:
        if self.counts_daily and self.today.day != self.since:
            self.since, self.start = self.today.day, market.shares
        return market.shares - self.start

    def _posts(self, market: MarketView) -> list[list[int]]:
        centre, top = self._centre(market), market.quote()
        ask, bid = round(centre * (1 + DISTANCE)), round(centre * (1 - DISTANCE))
        if top.bid is not None:
            ask = max(ask, round(top.bid * (1 + DISTANCE)), top.bid + 1)
        if top.ask is not None:
            bid = min(bid, round(top.ask * (1 - DISTANCE)), top.ask - 1)
        apart = max(1, round(centre * DISTANCE))
        position = self._position(market)
        asked, wanted = (self.limit + position) // RUNGS, (self.limit - position) // RUNGS
        rungs = range(RUNGS - 1, -1, -1)
        bids = [[wanted, bid - rung * apart] for rung in rungs if wanted > 0]
        asks = [[-asked, ask + rung * apart] for rung in rungs if asked > 0]
        return [post for post in bids + asks if 0 < post[1] <= MAX_PRICE]


class BubbleMaker(RungMaker):
    """The maker of irrational_exuberance."""

    REMEMBERS = (*RungMaker.REMEMBERS, "centre", "shares")

    def __init__(self, today: Today, limit: int) -> None:
        super().__init__(today, limit)
        self.centre = today.value
        self.shares = 0  # at the last re-quote

    def _centre(self, market: MarketView) -> float:
        sold = max(0, self.shares - market.shares)
        self.shares = market.shares
        self.centre *= 1 + min(MOST, SOLD * sold)
        if market.shares > 0:
            self.centre += RETURN * (BOTTOM * self.today.value - self.centre)
        self.centre = min(self.centre, HIGHEST)
        return self.centre
