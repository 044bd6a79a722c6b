"""A bulldozer of dueling_bulldozers: an investor who attacks the stock with all his capital.

The rule is measured: from 107 attacks in 24 recordings (1,730 trading days).

- An attack comes every 16 days on average; three quarters of them are the seller's, the others the
  buyer's.
- A seller's limit is 0.607 of the fair value (0.557 to 0.657), a buyer's 1.308 (1.243 to 1.403).
  The size is capital by price; capital grows evenly from $10 million on day 0 to $20 million on
  day 499. The order sweeps the whole other side, and the rest of it stays as the best price.
- Within the same burst there are 1 to 3 blows more: he cancels, and comes back 1 % nearer to the
  fair value; on his own side with half of the capital (3 of 4), or, before the last blow, on the
  other side with half of what he has traded.
- The last order stands on his own side, 4.9 seconds long, into the next day's burst.
"""

from disorderbook.engine.orders import BUY, SELL, Side
from disorderbook.traders.level_noise import trade
from disorderbook.traders.market_view import MarketView, Remembering
from disorderbook.traders.today import Today

FIRST_BLOW, SECOND_BLOW, THIRD_BLOW, LAST_BLOW, LEAVE = range(5)  # rounds
PRICES = {SELL: (0.607, 0.02, 0.557, 0.657), BUY: (1.308, 0.035, 1.243, 1.403)}
"""Of an attack, as parts of the fair value: median, s.d., lowest, highest."""
CAPITAL = 1_000_000_000  # cents on day 0
LAST_DAY = 499  # when it has doubled
NEARER = 0.01  # by which a blow is nearer to the fair value than the one before
OWN_SIDE = 0.75  # probability of a blow on his own side


class Bulldozer(Remembering):
    """Attacks on `side`; a turn is a blow, or the end of the attack (round LEAVE)."""

    REMEMBERS = ("price", "traded")

    def __init__(self, today: Today, side: Side) -> None:
        self.today = today
        self.side = side
        self.price = 0  # cents, of the last blow
        self.traded = 0  # shares since the attack began, and before it

    def step(self, market: MarketView) -> bool:
        """Cancel what rests; when nothing does, place the blow."""
        for order_id in market.resting:
            market.cancel(order_id)
            return True
        market.refresh()
        if self.today.round == FIRST_BLOW:
            self._attack(market)
        elif self.today.round != LEAVE:
            self._come_back(market)
        return False

    def _attack(self, market: MarketView) -> None:
        median, deviation, lowest, highest = PRICES[self.side]
        factor = min(max(market.rng.gauss(median, deviation), lowest), highest)
        self.price = round(self.today.value * factor)
        self.traded = market.shares
        trade(market, self.side, self._capital // self.price, self.price)

    def _come_back(self, market: MarketView) -> None:
        self.price = round(self.price * (1 + NEARER if self.side is SELL else 1 - NEARER))
        traded = abs(market.shares - self.traded)
        if self.today.round == LAST_BLOW or market.rng.random() < OWN_SIDE or traded < 2:
            trade(market, self.side, self._capital // 2 // self.price, self.price)
        else:
            other = BUY if self.side is SELL else SELL
            trade(market, other, traded // 2, self.price)

    @property
    def _capital(self) -> int:
        return CAPITAL + CAPITAL * self.today.day // LAST_DAY
