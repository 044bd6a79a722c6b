"""Players of the levels, written against the interface of strategies: some that win, and naive ones
that must not.
"""

import re
from collections import defaultdict
from collections.abc import Callable
from typing import NamedTuple

from disorderbook.engine.orders import BUY, IMMEDIATE_OR_CANCEL, SELL
from disorderbook.game.simulation import PlayerView
from disorderbook.traders.market_view import MarketView, Strategy


class Player(Strategy):
    """Looks at a level; without `play` he is idle."""

    def step(self, market: MarketView) -> None:
        assert isinstance(market, PlayerView)
        self.play(market)

    def play(self, market: PlayerView) -> None:
        """Look at the market once and act on it."""


class BuysOnce(Player):
    """Sends one market order on day 0."""

    def __init__(self, quantity: int) -> None:
        self.quantity = quantity
        self.is_done = False

    def play(self, market: PlayerView) -> None:
        if not self.is_done:
            market.take(BUY, self.quantity)
            self.is_done = True


class BuysTheRest(Player):
    """Buys at the market, each day, what he has not got yet."""

    def __init__(self, goal: int) -> None:
        self.goal = goal

    def play(self, market: PlayerView) -> None:
        if market.shares < self.goal:
            market.take(BUY, self.goal - market.shares)


class BuysUnderTarget(Player):
    """Learns the client's target from the flash, and takes what is asked at that price or under."""

    GOAL, LEAST = 100_000, 10_000  # shares

    def play(self, market: PlayerView) -> None:
        flash = (market.flash or {}).get("info", "")
        target = re.search(r"target price is \$(\d+)\.(\d\d)\.$", flash)
        if target is None:
            market.take(BUY, 1)
            return
        price = int(target[1]) * 100 + int(target[2])
        ask = market.quote().ask
        if ask is not None and ask <= price:
            rest = max(self.LEAST, self.GOAL - market.shares)
            market.place(BUY, rest, price, IMMEDIATE_OR_CANCEL)


class QuotesRoundMean(Player):
    """Quotes round a running mean of the last price, and holds `most` shares, long or short."""

    def __init__(self, most: int = 500, distance: float = 0.015, window: int = 30) -> None:
        self.most, self.distance, self.window = most, distance, window
        self.prices: list[int] = []

    def play(self, market: PlayerView) -> None:
        market.cancel_oldest(beyond=0)
        last = market.quote().last
        if last is not None:
            self.prices = [*self.prices, last][-self.window :]
            self.quote_round(market, sum(self.prices) / len(self.prices))

    def quote_round(self, market: PlayerView, mean: float) -> None:
        """A bid and an ask that together keep within the limit."""
        bid, ask = (round(mean * (1 + side * self.distance)) for side in (-1, 1))
        if market.shares < self.most:
            market.place(BUY, self.most - market.shares, bid)
        if market.shares > -self.most:
            market.place(SELL, self.most + market.shares, ask)


class TradesAgainstAttacks(QuotesRoundMean):
    """The same with less, round a median of the middle, so that there is room to trade up to 999
    shares against a bulldozer's order while it stands; what he has of them he gives back later.
    """

    ATTACK = 0.15  # a best price so far from the median is an attack
    FAIR = 0.03  # a best price so near to it is one at which shares are given back
    ALL = 999  # shares

    def __init__(self, most: int = 200, distance: float = 0.02, window: int = 11) -> None:
        super().__init__(most, distance, window)

    def play(self, market: PlayerView) -> None:
        market.cancel_oldest(beyond=0)
        bid, ask, _ = market.quote()
        median = sorted(self.prices)[len(self.prices) // 2] if self.prices else None
        if median and ask and ask < median * (1 - self.ATTACK):
            self.trade(market, self.ALL - market.shares, ask)
        elif median and bid and bid > median * (1 + self.ATTACK):
            self.trade(market, -self.ALL - market.shares, bid)
        elif bid and ask:
            self.prices = [*self.prices, (bid + ask) // 2][-self.window :]
            median = sorted(self.prices)[len(self.prices) // 2]
            if market.shares > self.most and bid > median * (1 - self.FAIR):
                self.trade(market, self.most - market.shares, bid)
            elif market.shares < -self.most and ask < median * (1 + self.FAIR):
                self.trade(market, -self.most - market.shares, ask)
            market.refresh()
            self.quote_round(market, median)

    def trade(self, market: PlayerView, shares: int, price: int) -> None:
        """Take so many shares at this price, or give them if it is a negative number."""
        if shares:
            side = BUY if shares > 0 else SELL
            market.place(side, abs(shares), price, IMMEDIATE_OR_CANCEL)


class QuotesInside(Player):
    """Offers `quantity` a cent inside of the best bid and ask; `most` shares at most, if said."""

    def __init__(self, quantity: int, most: int | None = None) -> None:
        self.quantity, self.most = quantity, most

    def play(self, market: PlayerView) -> None:
        market.cancel_oldest(beyond=0)
        bid, ask, _ = market.quote()
        if bid is None or ask is None or ask - bid < 3:
            return
        if self.most is None or market.shares + self.quantity <= self.most:
            market.place(BUY, self.quantity, bid + 1)
        if self.most is None or market.shares - self.quantity >= -self.most:
            market.place(SELL, self.quantity, ask - 1)


class RidesTheBubble(Player):
    """Sells 100 at so many times the ask for 25 days and until he is rich; then he offers 60 a day,
    each day 20 % lower.
    """

    DAYS = 25
    SOLD, OFFERED = 100, 60  # shares
    LOWER = 0.8
    LIMIT = 9_000  # shares that he may be short

    def __init__(self, dearer: float = 1.25, rich: int = 30_000_000) -> None:
        """`rich` is cash in cents."""
        self.dearer, self.rich = dearer, rich
        self.price: float | None = None  # cents, of his last offer of the second kind

    def play(self, market: PlayerView) -> None:
        market.cancel_oldest(beyond=0)
        _, ask, last = market.quote()
        if last is None or market.shares < -self.LIMIT:
            return
        if self.price is None and self.goes_on(market, last):
            self.drive_up(market, ask or last, last)
            return
        self.price = (self.price or last) * self.LOWER
        market.place(SELL, self.OFFERED, max(1, round(self.price)))

    def goes_on(self, market: PlayerView, last: int) -> bool:
        """Whether the bubble may grow still."""
        return market.day < self.DAYS or market.cents < self.rich

    def drive_up(self, market: PlayerView, ask: int, last: int) -> None:
        """Offer for more than others ask."""
        market.place(SELL, self.SOLD, round(ask * self.dearer))


class PumpsTheBubble(RidesTheBubble):
    """Offers 350 at 1.03 times the last price until that is 8 times the first; then lower and
    lower, by 10 % a day.
    """

    PUMPED, STEP, TOP, LOWER = 350, 1.03, 8, 0.9

    def __init__(self) -> None:
        super().__init__()
        self.first: int | None = None

    def goes_on(self, market: PlayerView, last: int) -> bool:
        self.first = self.first or last
        return last < self.TOP * self.first

    def drive_up(self, market: PlayerView, ask: int, last: int) -> None:
        market.place(SELL, self.PUMPED, round(last * self.STEP))


class OneShareAtAnyPrice(Player):
    """Offers one share at 2,000,000,000 and one at the market: once, or every day."""

    def __init__(self, daily: bool = False) -> None:
        self.daily = daily
        self.is_done = False

    def play(self, market: PlayerView) -> None:
        if not self.is_done:
            market.place(SELL, 1, 2_000_000_000)
        if self.daily or not self.is_done:
            market.take(SELL, 1)
        self.is_done = True


class Record(NamedTuple):
    """What was seen of an account: fills, those of them that were takes, sales and purchases."""

    fills: int
    takes: int
    sales: int
    shares: int
    cash: int


class Detective(Player):
    """Watches everybody's trades for `days`, and then accuses the account that `choose` picks."""

    def __init__(
        self, choose: Callable[[dict[str, Record], int, PlayerView], str], days: int = 200
    ) -> None:
        self.choose, self.days = choose, days
        self.seen: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])

    def play(self, market: PlayerView) -> None:
        for execution in market.executions():
            for order in (execution.standing, execution.incoming):
                record = self.seen[order.account]
                sign = 1 if order.side is BUY else -1
                record[0] += 1
                record[1] += order is execution.incoming
                record[2] += sign < 0
                record[3] += sign * execution.quantity
                record[4] -= sign * execution.quantity * execution.price
        if market.day >= self.days:
            records = {account: Record(*numbers) for account, numbers in self.seen.items()}
            market.accuse(self.choose(records, market.quote().last or 0, market))


def takes_least(records: dict[str, Record], price: int, market: PlayerView) -> str:
    """Of those who buy and sell, and do take, the one of whose fills the fewest are takes."""
    shares = {
        account: record.takes / record.fills
        for account, record in records.items()
        if 0 < record.sales < record.fills and record.takes > record.fills / 10
    }
    return min(shares, key=lambda account: shares[account])


def is_richest(records: dict[str, Record], price: int, market: PlayerView) -> str:
    """The one with the highest net asset value."""
    return max(records, key=lambda account: records[account].cash + records[account].shares * price)


def at_random(records: dict[str, Record], price: int, market: PlayerView) -> str:
    """Anybody."""
    return market.rng.choice(sorted(records))


class Contest(NamedTuple):
    """A player of a level, and how many of 40 seeds he must win (`least`) or may (`most`)."""

    name: str
    level: str
    make: Callable[[], Player]
    least: int = 0
    most: int = 40


WINNERS = [
    Contest("buys 100 at the market", "first_steps", lambda: BuysOnce(100), 36),
    Contest("takes what is asked under the target", "chock_a_block", BuysUnderTarget, 36),
    Contest("quotes round a running mean", "sell_side", QuotesRoundMean, 36),
    Contest("the same, and trades against attacks", "dueling_bulldozers", TradesAgainstAttacks, 33),
    Contest("sells dear, then lower and lower", "irrational_exuberance", RidesTheBubble, 36),
    Contest(
        "sells at 1.5 times the ask, to $10,000,000",
        "irrational_exuberance",
        lambda: RidesTheBubble(1.5, 1_000_000_000),
        36,
    ),
    Contest("pumps to 8 times the first", "irrational_exuberance", PumpsTheBubble, 36),
    Contest("accuses who takes least", "making_amends", lambda: Detective(takes_least), 36),
]
NAIVE = [
    Contest("one giant market order", "chock_a_block", lambda: BuysOnce(100_000), most=0),
    Contest("the rest at the market, daily", "chock_a_block", lambda: BuysTheRest(100_000), most=4),
    Contest("idle", "sell_side", Player, most=0),
    Contest("300 a side inside, no limit", "sell_side", lambda: QuotesInside(300), most=0),
    Contest("buys 900 and holds", "sell_side", lambda: BuysOnce(900), most=4),
    Contest("idle", "dueling_bulldozers", Player, most=0),
    Contest(
        "100 a side inside, 500 at most",
        "dueling_bulldozers",
        lambda: QuotesInside(100, 500),
        most=0,
    ),
    Contest("100 a side inside, no limit", "dueling_bulldozers", lambda: QuotesInside(100), most=0),
    Contest("idle", "irrational_exuberance", Player, most=0),
    Contest("buys 900 and holds", "irrational_exuberance", lambda: BuysOnce(900), most=0),
    Contest(
        "one share at 2,000,000,000, one at the market",
        "irrational_exuberance",
        OneShareAtAnyPrice,
        most=0,
    ),
    Contest(
        "one share at 2,000,000,000, one at the market daily",
        "irrational_exuberance",
        lambda: OneShareAtAnyPrice(daily=True),
        most=0,
    ),
    Contest("accuses at random", "making_amends", lambda: Detective(at_random, 60), most=2),
    Contest("accuses the richest", "making_amends", lambda: Detective(is_richest), most=13),
]
