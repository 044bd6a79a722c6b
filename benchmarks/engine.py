# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
What an order and a cancel cost, in microseconds, with more and more orders resting.

Beside the order book of this project runs a naive one, written the obvious way: orders are
dictionaries in the shape of the wire with their times as text, a side is a sorted list kept with
bisect.insort, and after each order both lists are rebuilt without the closed orders and the quote
is added up. That is how the server of 2016 did it.

    python3 benchmarks/engine.py [--sizes 0,10,1000,10000,100000,1000000] [--rounds 9]
"""

import interrupts  # noqa: F401  # isort: skip
import argparse
import bisect
import copy
import random
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import NewOrder, OrderType, Side
from disorderbook.process.periodic import keep_collections_short

MIDDLE = 50_000  # cents; orders that rest stay FAR cents away from it, those that trade are near
FAR = 100
PRICE_LEVELS = 5_000  # that resting orders spread over, on each side
SEED = 2016
NAIVE_LIMIT = 100_000  # resting orders beyond which the naive book would take minutes


class NaiveBook:
    """Limit orders only, no cancels: as much as is measured here."""

    def __init__(self) -> None:
        self.orders: list[dict[str, Any]] = []
        self.bids: list[dict[str, Any]] = []
        self.asks: list[dict[str, Any]] = []
        self.cash: dict[str, int] = {}
        self.shares: dict[str, int] = {}
        self.quote: dict[str, Any] = {}
        self.executions: list[dict[str, Any]] = []

    def submit(self, account: str, side: str, price: int, quantity: int) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat()
        order = {
            "ok": True,
            "venue": "TESTEX",
            "symbol": "FOOBAR",
            "direction": side,
            "originalQty": quantity,
            "qty": quantity,
            "price": price,
            "orderType": "limit",
            "id": len(self.orders),
            "account": account,
            "ts": now,
            "fills": [],
            "totalFilled": 0,
            "open": True,
        }
        self.orders.append(order)
        is_buy = side == "buy"
        for standing in self.asks if is_buy else self.bids:
            too_far = standing["price"] > price if is_buy else standing["price"] < price
            if too_far or not order["open"]:
                break
            self.trade(standing, order, now)
        if order["open"]:
            if is_buy:
                bisect.insort(self.bids, order, key=lambda o: (-o["price"], o["id"]))
            else:
                bisect.insort(self.asks, order, key=lambda o: (o["price"], o["id"]))
        self.tidy(now)
        return order

    def trade(self, standing: dict[str, Any], order: dict[str, Any], now: str) -> None:
        quantity, price = min(standing["qty"], order["qty"]), standing["price"]
        for party in (standing, order):
            party["fills"].append({"price": price, "qty": quantity, "ts": now})
            party["qty"] -= quantity
            party["totalFilled"] += quantity
            party["open"] = party["qty"] > 0
            sign, account = 1 if party["direction"] == "buy" else -1, party["account"]
            self.shares[account] = self.shares.get(account, 0) + sign * quantity
            self.cash[account] = self.cash.get(account, 0) - sign * quantity * price
        self.executions = [
            {
                "ok": True,
                "account": party["account"],
                "order": copy.copy(party),
                "standingId": standing["id"],
                "incomingId": order["id"],
                "price": price,
                "filled": quantity,
                "filledAt": now,
                "standingComplete": not standing["open"],
                "incomingComplete": not order["open"],
            }
            for party in (standing, order)
        ]
        self.quote["last"], self.quote["lastSize"], self.quote["lastTrade"] = price, quantity, now

    def tidy(self, now: str) -> None:
        self.bids = [order for order in self.bids if order["open"]]
        self.asks = [order for order in self.asks if order["open"]]
        for side, rows in (("bid", self.bids), ("ask", self.asks)):
            self.quote.pop(side, None)
            best = rows[0]["price"] if rows else None
            if rows:
                self.quote[side] = best
            self.quote[f"{side}Size"] = sum(o["qty"] for o in rows if o["price"] == best)
            self.quote[f"{side}Depth"] = sum(o["qty"] for o in rows)
        self.quote["quoteTime"] = now


class Costs:
    """Microseconds of a call: averages of rounds, and the worst single call of all."""

    def __init__(self) -> None:
        self.averages: list[float] = []
        self.worst = 0.0

    def measure(self, call: Callable[[int], object], calls: int) -> None:
        """One round: call(0), call(1), ..."""
        worst, clock, start = 0, time.perf_counter_ns, time.perf_counter_ns()
        before = start
        for number in range(calls):
            call(number)
            now = clock()
            if now - before > worst:
                worst = now - before
            before = now
        self.averages.append((before - start) / calls / 1000)
        self.worst = max(self.worst, worst / 1000)

    @property
    def median(self) -> float:
        return statistics.median(self.averages)

    def __str__(self) -> str:
        return f"{self.median:,.2f} ({self.worst:,.0f})"


def resting_price(draw: random.Random) -> tuple[Side, int]:
    away = FAR + draw.randrange(PRICE_LEVELS)
    return (Side.BUY, MIDDLE - away) if draw.random() < 0.5 else (Side.SELL, MIDDLE + away)


class Market:
    """A book with this many resting orders, the naive one beside it, and what they cost."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.book = OrderBook("TESTEX", "FOOBAR", 0)
        self.naive = filled_naive_book(size) if size <= NAIVE_LIMIT else None
        self.filling, self.order, self.cancel, self.naive_order = (Costs() for _ in range(4))
        self.draw = random.Random(SEED)
        if size:
            orders = [self.new_resting() for _ in range(size)]
            self.filling.measure(lambda n: self.book.submit(orders[n], n), size)

    def new_resting(self) -> NewOrder:
        side, price = resting_price(self.draw)
        return NewOrder("ann", side, OrderType.LIMIT, price, self.draw.randint(1, 100))

    def measure(self, calls: int) -> None:
        """A round of everything. Orders come in pairs: one rests, the next one takes it. Cancels
        are of orders anywhere in the book, added for the purpose, in a random order.
        """
        pair = [
            NewOrder(account, side, OrderType.LIMIT, MIDDLE, 10)
            for account, side in (("ann", Side.SELL), ("bob", Side.BUY))
        ]
        self.order.measure(lambda n: self.book.submit(pair[n & 1], n), calls)
        chosen = [self.book.submit(self.new_resting(), 0).order for _ in range(calls)]
        self.draw.shuffle(chosen)
        self.cancel.measure(lambda n: self.book.cancel(chosen[n], n), calls)
        if self.naive:
            naive, words = self.naive, [("ann", "sell"), ("bob", "buy")]
            fewer = max(10, min(calls, 500_000 // (self.size + 1)))
            self.naive_order.measure(lambda n: naive.submit(*words[n & 1], MIDDLE, 10), fewer)

    def row(self) -> str:
        row = f"{self.size:>9,} {self.order!s:>15} {self.cancel!s:>15} {self.filling.worst:>12,.0f}"
        if not self.naive:
            return row
        ratio = self.naive_order.median / self.order.median
        return row + f" {self.naive_order!s:>20} {ratio:>10,.1f}"


def filled_naive_book(size: int) -> NaiveBook:
    """The same, put together in one go, since one by one would take hours."""
    book, draw = NaiveBook(), random.Random(SEED)
    for number in range(size):
        side, price = resting_price(draw)
        quantity = draw.randint(1, 100)
        order = {
            "ok": True,
            "venue": "TESTEX",
            "symbol": "FOOBAR",
            "direction": side.name.lower(),
            "originalQty": quantity,
            "qty": quantity,
            "price": price,
            "orderType": "limit",
            "id": number,
            "account": "ann",
            "ts": "",
            "fills": [],
            "totalFilled": 0,
            "open": True,
        }
        book.orders.append(order)
        (book.bids if side is Side.BUY else book.asks).append(order)
    book.bids.sort(key=lambda o: (-o["price"], o["id"]))
    book.asks.sort(key=lambda o: (o["price"], o["id"]))
    return book


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="0,10,1000,10000,100000,1000000")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--calls", type=int, default=4000, help="in each round")
    options = parser.parse_args()
    keep_collections_short()
    markets = [Market(int(size)) for size in options.sizes.split(",")]
    for _ in range(options.rounds):
        for market in markets:
            market.measure(options.calls)
    print("Microseconds: median of the rounds' averages (worst single call)")
    print(
        f"{'resting':>9} {'order':>15} {'cancel':>15} {'worst filling':>12} "
        f"{'naive order':>19} {'naive/ours':>10}"
    )
    for market in markets:
        print(market.row())


if __name__ == "__main__":
    main()
