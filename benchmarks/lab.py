# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
A simulation beside the same strategies on a bare engine: what an instant costs, and where it goes.

The bare loop has the opponents' strategies, views, chance and pauses, and an OrderBook that their
orders go to; it must place the very same orders. The parts in between add one thing each: the
exchange around the book (clock, publishers, ledger), the history of its trades, and then the
simulation itself (timeline, opponents). An instant is a moment at which one of the opponents has
its step; no two have the same. All is processor time, the quickest of the rounds, which take turns.

Then what a request over a market of the simulation costs. Then a whole day of 6.5 hours, with a
program that looks at it once a second: it asks for the quote, and every tenth time it places an
order.

    python3 benchmarks/lab.py [--opponents LIST] [--seconds N] [--day N] [--rounds N]
"""

import interrupts  # noqa: F401  # isort: skip
import argparse
import heapq
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, cast

from disorderbook.client import Market
from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import NewOrder, Order
from disorderbook.exchange import Exchange, Publish
from disorderbook.game.simulation import START
from disorderbook.game.view import DirectView
from disorderbook.lab import Simulation
from disorderbook.marketdata.history import History
from disorderbook.protocol.names import NANOSECONDS
from disorderbook.timeline.clock import SteppedClock
from disorderbook.timeline.opponents import opponents_of
from disorderbook.traders.market_view import Strategy
from disorderbook.traders.registry import REGISTRY

SEED = 7
OPPONENTS = "market-maker taker noise"
MOST = 6.0  # times the bare loop
LEAST = 10_000  # instants a second and core
DAY = 23_400  # seconds: 6.5 hours
DAYS = 3  # that are tried at most
ORDER_EVERY = 10  # looks
REQUESTS = 1000  # of each kind in a round


class BareEngine:
    """What a view needs of an exchange: an order goes to the book, and that is all."""

    def __init__(self, book: OrderBook) -> None:
        self.book = book
        self.now = START

    def submit(self, book: OrderBook, new: NewOrder) -> Order:
        self.now += 1
        return book.submit(new, self.now).order

    def cancel(self, order: Order) -> None:
        if order.is_open:
            self.now += 1
            self.book.cancel(order, self.now)


class Trader(NamedTuple):
    """An opponent; pauses are nanoseconds, the shortest and how much longer it may be."""

    strategy: Strategy
    view: DirectView
    pause: tuple[int, int]


class Measured(NamedTuple):
    """Seconds of processor time, the instants in them, and the orders that were placed."""

    seconds: float
    instants: int
    orders: list[tuple[str, int, int, int]]


def traders(opponents: str, engine: object, book: OrderBook) -> Iterator[Trader]:
    """The opponents that a simulation of SEED has."""
    for each in opponents_of(opponents):
        bot = REGISTRY[each.name]
        chance = random.Random(f"{SEED} {each.name} {each.number} {each.thread}")
        view = DirectView(cast(Exchange, engine), book, each.account, chance)
        shortest, longest = (round(pause * NANOSECONDS) for pause in bot.pause)
        yield Trader(bot.make_strategy(), view, (shortest, longest - shortest))


def loop(
    opponents: str, seconds: int, engine: Any, book: OrderBook, clock: SteppedClock
) -> Measured:
    """The opponents in turn, each when its pause is over."""
    playing = list(traders(opponents, engine, book))
    waiting: list[tuple[int, int]] = []
    for number, trader in enumerate(playing):
        shortest, spread = trader.pause
        waiting.append((START + shortest + int(spread * trader.view.rng.random()), number))
    heapq.heapify(waiting)
    end, instants = START + seconds * NANOSECONDS, 0
    start = time.process_time()
    while waiting[0][0] <= end:
        clock.now, number = waiting[0]
        strategy, view, (shortest, spread) = playing[number]
        while strategy.step(view):
            pass
        instants += 1
        pause = shortest + int(spread * view.rng.random())
        heapq.heapreplace(waiting, (clock.now + pause, number))
    return Measured(time.process_time() - start, instants, told(book))


def told(book: OrderBook) -> list[tuple[str, int, int, int]]:
    """What tells two runs apart."""
    found = (book.find(number) for number in range(book.next_id))
    return [(each.account, each.price, each.quantity, each.filled) for each in found if each]


def bare(opponents: str, seconds: int) -> Measured:
    """Without an exchange."""
    book = OrderBook("TESTEX", "FOOBAR", START)
    return loop(opponents, seconds, BareEngine(book), book, SteppedClock())


def on_exchange(opponents: str, seconds: int, publishers: Sequence[Publish] = ()) -> Measured:
    """With an exchange that tells these publishers."""
    clock = SteppedClock()
    exchange = Exchange(publishers=publishers, clock=clock)
    return loop(opponents, seconds, exchange, exchange.book("TESTEX", "FOOBAR"), clock)


def with_history(opponents: str, seconds: int) -> Measured:
    """With an exchange and its history."""
    return on_exchange(opponents, seconds, [History(START).record])


def simulated(opponents: str, seconds: int) -> Measured:
    """The simulation itself."""
    with Simulation(SEED, opponents) as sim:
        start = time.process_time()
        sim.advance(seconds)
        needed = time.process_time() - start
        orders = sim.record().orders
    placed = [(each.account, each.price, each.quantity, each.filled) for each in orders]
    return Measured(needed, 0, placed)


PARTS: dict[str, Callable[[str, int], Measured]] = {
    "bare engine loop": bare,
    "with the exchange": on_exchange,
    "with its history": with_history,
    "Simulation": simulated,
}


def measured(opponents: str, seconds: int, rounds: int) -> dict[str, Measured]:
    """The quickest round of each part, which take turns."""
    best: dict[str, Measured] = {}
    for _ in range(rounds):
        for name, part in PARTS.items():
            found = part(opponents, seconds)
            if name not in best or found.seconds < best[name].seconds:
                best[name] = found
    return best


def look(market: Market, sim: Simulation) -> None:
    """A program that asks for the quote, and now and then buys or sells a share at it."""
    top = market.quote()
    second = round(sim.time)
    if second % ORDER_EVERY or not (top.bid and top.ask):
        return
    if second % (2 * ORDER_EVERY):
        market.buy(top.ask, 1)
    else:
        market.sell(top.bid, 1)


def request_costs(opponents: str, rounds: int) -> str:
    """Microseconds of a quote and of an order that rests."""
    with Simulation(SEED, opponents) as sim:
        market = sim.market()
        sim.advance(10)
        quote = min(seconds_of(market.quote) for _ in range(rounds))
        order = min(seconds_of(lambda: market.buy(1, 1)) for _ in range(rounds))
    return f"over a Market: {quote * 1e6:.1f} us a quote, {order * 1e6:.1f} us an order"


def seconds_of(request: Callable[[], object]) -> float:
    """Of one of REQUESTS."""
    start = time.process_time()
    for _ in range(REQUESTS):
        request()
    return (time.process_time() - start) / REQUESTS


def whole_day(opponents: str, seconds: int, rounds: int) -> str:
    """The quickest of some days with a look a second."""
    needed, orders, requests = min(one_day(opponents, seconds) for _ in range(min(rounds, DAYS)))
    return (
        f"a day of {seconds / 3600:.1f} h, looked at once a second: {needed:.2f} s"
        f" ({orders:,} orders, {requests:,} requests of the program)"
    )


def one_day(opponents: str, seconds: int) -> tuple[float, int, int]:
    """Seconds of processor time, orders, requests."""
    start = time.process_time()
    with Simulation(SEED, opponents, day_seconds=seconds) as sim:
        sim.run(look, days=1, looks=seconds)
    needed = time.process_time() - start
    record = sim.record()
    return needed, len(record.orders), record.requests


def table(best: dict[str, Measured]) -> Iterator[str]:
    """Each part beside the bare loop."""
    base = best["bare engine loop"]
    yield f"{'':20} {'us an instant':>13} {'instants/s':>11} {'times bare':>11}"
    for name, found in best.items():
        microseconds = found.seconds / base.instants * 1e6
        rate, ratio = base.instants / found.seconds, found.seconds / base.seconds
        yield f"{name:20} {microseconds:13.1f} {rate:11,.0f} {ratio:11.2f}"


def verdicts(best: dict[str, Measured]) -> Iterator[str]:
    """What was asked for."""
    base, whole = best["bare engine loop"], best["Simulation"]
    ratio, rate = whole.seconds / base.seconds, base.instants / whole.seconds
    yield f"{'met   ' if ratio <= MOST else 'MISSED'} at most {MOST:g} times the bare loop"
    yield f"{'met   ' if rate >= LEAST else 'MISSED'} {LEAST:,} instants a second and core"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--opponents", default=OPPONENTS, help="(default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=3600, help="simulated, of the comparison")
    parser.add_argument("--day", type=int, default=DAY, help="seconds of the whole day")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    best = measured(options.opponents, options.seconds, options.rounds)
    first = best["bare engine loop"]
    if any(each.orders != first.orders for each in best.values()):
        sys.exit("The parts do not place the same orders, so they cannot be compared")
    print(
        f"{options.opponents}: {options.seconds} s, {first.instants:,} instants,"
        f" {len(first.orders):,} orders"
    )
    for line in table(best):
        print(line)
    print(request_costs(options.opponents, options.rounds))
    print(whole_day(options.opponents, options.day, options.rounds))
    for line in verdicts(best):
        print(line)


if __name__ == "__main__":
    main()
