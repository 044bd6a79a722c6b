"""What the levels' markets look like without a player, beside what was recorded in 2015 and 2016.

Figures are means over seeds. Money is in dollars: a number of shares belongs to the price at which
it was recorded. Levels 1 to 3 are measured at a first price of $85, the others as drawn.
"""

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from disorderbook.engine.book import Execution, OrderBook
from disorderbook.engine.orders import BUY, SELL, Order, Side
from disorderbook.game.casts import Conspiracy, Duel
from disorderbook.game.run import Run
from disorderbook.game.simulation import DAYS, find_level, play

FIRST_PRICE = 8500  # cents
NEAR, NEARER, WIDE = 0.15, 0.03, 0.30  # bounds, as parts of the recorded figure
Figures = dict[str, float]


class Bound(NamedTuple):
    """A recorded figure and how far ours may be away; `low` to `high` is a recorded range."""

    level: str
    figure: str
    recorded: str
    low: float | None = None
    high: float | None = None
    share: float = 0.0  # of the recorded figure, that the bounds are away from it

    def allows(self, value: float, wider: float = 1.0) -> bool:
        """Whether a figure is within bounds that are so many times as wide."""
        if self.low is None or self.high is None:
            return True
        extra = (self.high - self.low) / 2 * (wider - 1)
        return self.low - extra <= value <= self.high + extra


def within(level: str, figure: str, recorded: float, share: float) -> Bound:
    low, high = sorted((recorded * (1 - share), recorded * (1 + share)))
    return Bound(level, figure, f"{recorded:,g}", low, high, share)


CHOCK, SELL_SIDE, DUEL = "chock_a_block", "sell_side", "dueling_bulldozers"
BUBBLE, AMENDS = "irrational_exuberance", "making_amends"
BOUNDS = [
    within(CHOCK, "fills a day", 9.4, NEAR),
    within(CHOCK, "dollars a fill, 10 of 100", 2538, WIDE),
    within(CHOCK, "dollars a fill, 50 of 100", 8758, NEAR),
    within(CHOCK, "dollars a fill, 90 of 100", 14769, NEAR),
    within(CHOCK, "closing spread, %", 1.0, NEAR),
    within(CHOCK, "distance of rungs, %", 0.5, NEAR),
    within(CHOCK, "sum of a pair of rungs, $ million", 25_000 * 85 / 1e6, NEAR),
    within(CHOCK, "s.d. of a day's log return, %", 3.7, NEAR),
    within(CHOCK, "autocorrelation of log returns", -0.46, WIDE),
    Bound(CHOCK, "maker short, $ million", "0.425 to 0.7225", 0.425, 0.7225),
    Bound(CHOCK, "dollars a day", "90,100"),
    Bound(CHOCK, "closes with both sides, %", "54 to 77"),
    Bound(SELL_SIDE, "fills a day", "8 to 12", 8, 12),
    Bound(SELL_SIDE, "closing spread, %", "1 to 3"),
    Bound(SELL_SIDE, "maker short, $ million", ""),
    within(DUEL, "fills a day", 10.6, NEAR),
    Bound(DUEL, "orders a day", "25"),
    within(DUEL, "distance of rungs, %", 0.49, NEAR),
    within(DUEL, "sum of a pair of rungs, shares", 10_000, NEAR),
    Bound(DUEL, "s.d. of a day's change, %", "13 to 17", 15 * 0.85, 15 * 1.15),
    Bound(DUEL, "s.d. without attacks, %", "3.2 to 3.6", 3.4 * 0.85, 3.4 * 1.15),
    within(DUEL, "days an attack", 16.2, WIDE),
    within(DUEL, "gap of attacks, median days", 10, WIDE),
    within(DUEL, "price of a seller's attack / fair", 0.607, NEARER),
    within(DUEL, "price of a buyer's attack / fair", 1.308, NEARER),
    Bound(BUBBLE, "price on day 30 / first", "1.8 (rule)"),
    Bound(BUBBLE, "price on day 60 / first", "3.2 (rule)"),
    Bound(BUBBLE, "price on day 90 / first", "5.5 (rule)"),
    Bound(BUBBLE, "price on day 120 / first", "7.7 (rule)"),
    Bound(BUBBLE, "days of 200 with trades", "109 (rule)"),
    Bound(AMENDS, "orders a day", "67"),
    Bound(AMENDS, "ticks a day", "118"),
    Bound(AMENDS, "closing spread, %", "0.49 to 1"),
    within(AMENDS, "s.d. of a day's log return, %", 2.8, NEAR),
    Bound(AMENDS, "s.d. of 80 days' log return, %", "hardly more"),
    Bound(AMENDS, "insider's share of takes", "0.65 to 0.76"),
    Bound(AMENDS, "next lowest share of takes", "0.88"),
    Bound(AMENDS, "seeds of 40: insider's share of takes is lowest", "36 or more", 36, 40),
    Bound(AMENDS, "seeds of 40: by 0.1 or more", "25 or more", 25, 40),
    Bound(AMENDS, "seeds of 40: most of the ten largest takes", "36 or more", 36, 40),
    Bound(AMENDS, "seeds of 40: longest between trades", ""),
    Bound(AMENDS, "seeds of 40: the insider is the richest", "13 or fewer", 0, 13),
]


class Observer:
    """Watches a level that nobody plays, order by order and close by close."""

    def __init__(self) -> None:
        self.day = 0
        self.executions: list[Execution] = []
        self.trading_days: set[int] = set()
        self.closes: list[int] = []
        self.spreads: list[float] = []
        self.rungs: list[float] = []  # distances, as parts of a price
        self.pairs: list[float] = []  # shares of a bid and an ask
        self.short: list[int] = []  # shares of the maker
        self.attacks: dict[Side, list[float]] = {BUY: [], SELL: []}  # prices / fair values
        self.traded_on: dict[str, list[int]] = defaultdict(list)

    def publish(self, book: OrderBook, executions: Sequence[Execution]) -> None:
        """A publisher of the exchange."""
        self.executions += executions
        if executions:
            self.trading_days.add(self.day)
        for execution in executions:
            for order in (execution.standing, execution.incoming):
                self.traded_on[order.account].append(self.day)

    def after_day(self, run: Run) -> None:
        """Look at the close."""
        book = run.book
        quote = book.quote()
        self.closes.append(quote.last or run.first_price)
        if quote.bid and quote.ask:
            self.spreads.append((quote.ask - quote.bid) / ((quote.ask + quote.bid) / 2))
        maker = run.cast.members[0].account
        position = book.positions.get(maker)
        self.short.append(-position.shares if position else 0)
        self._look_at_rungs(book, maker)
        if isinstance(run.cast, Duel) and run.day in run.cast.attacks:
            account = run.cast.members[run.cast.attacks[run.day]].account
            first = next(o for o in book.orders_of(account) if o.ts >= run.day_began)
            self.attacks[first.side].append(first.price / run.today.value)
        self.day += 1

    def _look_at_rungs(self, book: OrderBook, maker: str) -> None:
        sides: dict[Side, list[Order]] = {BUY: [], SELL: []}
        for ladder in (book.bids, book.asks):
            for level in ladder:
                for order in level.orders.values():
                    if order.account == maker:
                        sides[order.side].append(order)
        bids, asks = sides[BUY], sides[SELL]
        for orders in (bids, asks):
            for one, other in zip(orders, orders[1:]):
                self.rungs.append(abs(one.price - other.price) / one.price)
        if bids and asks:
            self.pairs.append(bids[0].quantity + asks[0].quantity)


def observe(name: str, seed: int, days: int) -> Figures:
    """The figures of one seed."""
    level = find_level(name)
    if name in (CHOCK, SELL_SIDE):
        level = level._replace(first_prices=(FIRST_PRICE, FIRST_PRICE))
    observer = Observer()
    result = play(
        level, seed, days=days, publishers=[observer.publish], after_day=observer.after_day
    )
    run = result.run
    money = sorted(e.price * e.quantity / 100 for e in observer.executions)
    returns = [math.log(b / a) for a, b in zip(observer.closes, observer.closes[1:])]
    figures: Figures = {
        "fills a day": len(money) / days,
        "dollars a day": sum(money) / days,
        "dollars a fill, 10 of 100": quantile(money, 0.1),
        "dollars a fill, 50 of 100": quantile(money, 0.5),
        "dollars a fill, 90 of 100": quantile(money, 0.9),
        "closing spread, %": 100 * statistics.median(observer.spreads),
        "closes with both sides, %": 100 * len(observer.spreads) / days,
        "distance of rungs, %": 100 * statistics.mean(observer.rungs),
        "sum of a pair of rungs, shares": statistics.mean(observer.pairs),
        "sum of a pair of rungs, $ million": statistics.mean(observer.pairs) * FIRST_PRICE / 1e8,
        "s.d. of a day's log return, %": 100 * statistics.pstdev(returns),
        "autocorrelation of log returns": autocorrelation(returns),
        "maker short, $ million": statistics.mean(observer.short[20:]) * FIRST_PRICE / 1e8,
        "orders a day": run.book.next_id / days,
        "ticks a day": run.book.event_count / days,
    }
    if isinstance(run.cast, Duel):
        figures |= attack_figures(observer, run.cast, days)
    if name == BUBBLE:
        figures |= bubble_figures(observer, run.first_price)
    if isinstance(run.cast, Conspiracy):
        figures |= insider_figures(observer, run)
    return figures


def attack_figures(observer: Observer, cast: Duel, days: int) -> Figures:
    """Of the plan of attacks, which is the same whatever happens, all 500 days."""
    closes, attacks = observer.closes, list(cast.attacks)
    changes = {day: closes[day] / closes[day - 1] - 1 for day in range(1, days)}
    quiet = [changes[day] for day in changes if not {day, day - 1} & cast.attacks.keys()]
    gaps = [later - day for day, later in zip(attacks, attacks[1:])]
    figures = {
        "s.d. of a day's change, %": 100 * statistics.pstdev(changes.values()),
        "s.d. without attacks, %": 100 * statistics.pstdev(quiet),
        "gap of attacks, median days": statistics.median(gaps),
        "days an attack": DAYS / len(attacks),
    }
    for side, who in ((SELL, "seller"), (BUY, "buyer")):
        if observer.attacks[side]:
            figures[f"price of a {who}'s attack / fair"] = statistics.median(observer.attacks[side])
    return figures


def bubble_figures(observer: Observer, first_price: int) -> Figures:
    figures = {
        f"price on day {day} / first": observer.closes[day] / first_price
        for day in (30, 60, 90, 120)
        if day < len(observer.closes)
    }
    return figures | {"days of 200 with trades": float(len(observer.trading_days))}


def insider_figures(observer: Observer, run: Run) -> Figures:
    """The chances are 0 or 40, so that their mean over seeds is in seeds of 40."""
    makers = {member.account for member in run.cast.members[:3]}
    culprit = run.cast.culprit or ""
    fills: dict[str, list[bool]] = defaultdict(list)  # whether each was a take
    sides: dict[str, set[Side]] = defaultdict(set)
    takes: dict[int, int] = defaultdict(int)  # shares, by order
    owners = {}
    for execution in observer.executions:
        for order in (execution.standing, execution.incoming):
            fills[order.account].append(order is execution.incoming)
            sides[order.account].add(order.side)
        takes[execution.incoming.id] += execution.quantity
        owners[execution.incoming.id] = execution.incoming.account
    shares = {a: statistics.mean(fills[a]) for a in fills if len(sides[a]) == 2 and a not in makers}
    next_lowest = min(share for account, share in shares.items() if account != culprit)
    largest = [owners[order] for order in sorted(takes, key=lambda o: -takes[o])[:10]]
    waits = {a: wait(observer.traded_on[a]) for a in shares}
    last = run.book.last_trade
    navs = {a: p.net_asset_value(last.price if last else 0) for a, p in run.book.positions.items()}
    apart = [math.log(b / a) for a, b in zip(observer.closes, observer.closes[80:])]
    return {
        "s.d. of 80 days' log return, %": 100 * statistics.pstdev(apart) if apart else 0.0,
        "insider's share of takes": shares[culprit],
        "next lowest share of takes": next_lowest,
        "seeds of 40: insider's share of takes is lowest": 40.0 * (shares[culprit] < next_lowest),
        "seeds of 40: by 0.1 or more": 40.0 * (shares[culprit] <= next_lowest - 0.1),
        "seeds of 40: most of the ten largest takes": 40.0 * (largest.count(culprit) > 5),
        "seeds of 40: longest between trades": 40.0
        * (max(waits, key=waits.__getitem__) == culprit),
        "seeds of 40: the insider is the richest": 40.0
        * (max(navs, key=navs.__getitem__) == culprit),
    }


def wait(days: Sequence[int]) -> float:
    """The average time between trades, in days."""
    return (days[-1] - days[0]) / max(1, len(set(days)) - 1)


def quantile(ordered: Sequence[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def autocorrelation(values: Sequence[float]) -> float:
    mean = statistics.mean(values)
    products = sum((a - mean) * (b - mean) for a, b in zip(values, values[1:]))
    return products / sum((value - mean) ** 2 for value in values)


def means(figures: Iterable[Figures]) -> Figures:
    """The mean of each figure over the seeds that have it."""
    values: dict[str, list[float]] = defaultdict(list)
    for seed in figures:
        for name, value in seed.items():
            values[name].append(value)
    return {name: statistics.mean(each) for name, each in values.items()}
