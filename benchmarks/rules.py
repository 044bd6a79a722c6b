# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
What an order costs in a market with every rule there is, beside one in a market without rules.

Two exchanges in this process take the same orders, in turn, a round each. What is measured is
processor time of `Exchange.submit`; no order is refused. The ratio is the median over the rounds.

    python3 benchmarks/rules.py [--orders N] [--resting N]
"""

import interrupts  # noqa: F401  # isort: skip
import argparse
import random
import statistics
import time

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import BUY, LIMIT, MARKET, SELL, NewOrder
from disorderbook.exchange import Exchange
from disorderbook.rules.file import rule_book
from disorderbook.rules.market import NO_RULES, RuleBook

ROUND = 1000  # orders of one exchange before it is the other's turn
ACCOUNTS = [f"TRADER{number}" for number in range(30)]
EVERY_RULE = {
    "position_limit": 10**9,
    "largest_order": 10**6,
    "open_orders": 10**6,
    "band": 50,
    "start_price": 5000,
    "band_around": "start",
    "orders_per_second": 1000,
    "self_trade": "cancel-newer",
    "taker_fee": 5,
    "maker_fee": -2,
    "tick_size": 1,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--resting", type=int, default=2_000, help="orders that rest before")
    options = parser.parse_args()
    free, ruled = (market(rules, options.resting) for rules in (NO_RULES, every_rule()))
    chance = random.Random(1)
    times = []
    for _ in range(max(2, options.orders // ROUND)):
        orders = [new_order(chance) for _ in range(ROUND)]
        times.append([place(*each, orders) for each in (free, ruled)])
    plain, bound = (statistics.median(each) / ROUND * 1e6 for each in zip(*times, strict=True))
    ratio = statistics.median(b / a for a, b in times)
    print(f"{plain:.1f} us an order without rules, {bound:.1f} us with all of them: {ratio:.2f}")


def every_rule() -> RuleBook:
    return rule_book({"market": EVERY_RULE})


def market(rules: RuleBook, resting: int) -> tuple[Exchange, OrderBook]:
    """An exchange whose clock goes on by a tenth of a second with each order."""
    now = iter(range(10**18, 2 * 10**18, 10**8))
    exchange = Exchange(clock=now.__next__, rules=rules)
    book, chance = exchange.book("TESTEX", "FOOBAR"), random.Random(0)
    for _ in range(resting):
        side = chance.choice((BUY, SELL))
        price = 5000 + chance.randint(1, 500) * (1 if side is SELL else -1)
        exchange.submit(book, NewOrder(chance.choice(ACCOUNTS), side, LIMIT, price, 100))
    return exchange, book


def new_order(chance: random.Random) -> NewOrder:
    side, kind = chance.choice((BUY, SELL)), chance.choice((LIMIT, LIMIT, LIMIT, MARKET))
    price = 0 if kind is MARKET else 5000 + chance.randint(-20, 20)
    return NewOrder(chance.choice(ACCOUNTS), side, kind, price, chance.randint(1, 100))


def place(exchange: Exchange, book: OrderBook, orders: list[NewOrder]) -> float:
    """Seconds of processor time."""
    start = time.process_time()
    for order in orders:
        exchange.submit(book, order)
    return time.process_time() - start


if __name__ == "__main__":
    main()
