"""Records of runs in which the strategies of the package trade on a clock that jumps."""

import random

from disorderbook.engine.orders import Order
from disorderbook.exchange import Exchange
from disorderbook.game.simulation import START, SimulatedClock
from disorderbook.game.view import DirectView
from disorderbook.lab.record import DAYS, Printed, RefusedRequest, RunEnding, RunRecord
from disorderbook.protocol.names import NANOSECONDS
from disorderbook.traders.buy_low_sell_high import BuyLowSellHigh
from disorderbook.traders.market_maker import MarketMaker
from disorderbook.traders.market_view import Strategy
from disorderbook.traders.noise import NoiseTrader
from disorderbook.traders.taker import Taker

DAY = 5 * NANOSECONDS
PAUSES = {"MAKER": 1.2, "TAKER": 0.9, "NOISE": 0.5, "BOT": 0.7}  # seconds, on average


def simulated_run(seed: int, days: int) -> RunRecord:
    """A program that buys low and sells high, among a market maker, a taker and noise. It prints a
    line after each of its orders, and asks for something that is refused once a day.
    """
    clock = SimulatedClock()
    exchange = Exchange(clock=clock)
    book = exchange.book("LABEX", "ACME")
    strategies: dict[str, Strategy] = {
        "MAKER": MarketMaker(),
        "TAKER": Taker(),
        "NOISE": NoiseTrader(),
        "BOT": BuyLowSellHigh(),
    }
    chance = random.Random(seed)
    views = {name: DirectView(exchange, book, name, random.Random(seed)) for name in strategies}
    due = dict.fromkeys(strategies, START)
    printed: list[Printed] = []
    end = START + days * DAY
    while (next_one := min(due, key=lambda name: due[name])) and due[next_one] < end:
        clock.now = max(clock.now, due[next_one])
        strategies[next_one].step(views[next_one])
        if next_one == "BOT":
            text = f"position {views['BOT'].shares}, cash {views['BOT'].cents / 100:,.2f}"
            printed.append(Printed(exchange.latest, "stdout", text))
        due[next_one] += int(chance.uniform(0.2, 1.8) * PAUSES[next_one] * NANOSECONDS)
    orders = [order for number in range(book.next_id) if (order := book.find(number))]
    return record_of_market(seed, orders, end, days, printed)


def record_of_market(
    seed: int, orders: list[Order], end: int, days: int, printed: list[Printed]
) -> RunRecord:
    refusals = [
        RefusedRequest(
            START + day * DAY + DAY // 2,
            "POST",
            "/ob/api/venues/LABEX/stocks/ACME/orders",
            400,
            "Order rejected: price missing or impossible",
            "price is an integer from 1 to 2147483647, and not -3",
        )
        for day in range(days)
    ]
    own = sum(order.account == "BOT" for order in orders)
    return RunRecord(
        *(seed, "LABEX", "ACME", "BOT", START, end, DAY, days, orders),
        *(own + days, days, refusals, printed, RunEnding(DAYS)),
    )
