# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
Resident memory of an exchange after few and after many orders, when about as many are open.

Each market runs in a process of its own, without HTTP: orders and cancels of ten accounts in two
books, where old orders are cancelled so that as many stay open as are asked for. Also printed is
the longest time for which moving orders out of memory has held a turn, on the clock (which counts
what else the machine did) and of the processor.

    python3 benchmarks/memory.py [--orders 500000,5000000] [--open 10000] [--endless]
"""

import interrupts  # noqa: F401  # isort: skip
import argparse
import multiprocessing
import os
import random
import signal
import time
from collections import deque
from typing import NamedTuple

from disorderbook.engine.orders import NewOrder, Order, OrderType, Side
from disorderbook.exchange import Exchange
from disorderbook.ledger.base import Ledger
from disorderbook.ledger.temporary import TemporaryLedger
from disorderbook.process.periodic import keep_collections_short

MIDDLE = 5000  # cents
ACCOUNTS = [f"BOT{number}" for number in range(10)]
SEED = 2016


class Measured(NamedTuple):
    orders: int
    resident: float  # MiB at the end
    open_orders: int
    microseconds: float  # an order
    longest_move: float  # ms
    busiest_move: float  # ms of the processor


def run(orders: int, open_orders: int, endless: bool) -> Measured:
    """Trade in this process until so many orders were placed."""
    ledger: Ledger = Ledger() if endless else TemporaryLedger()
    exchange, draw = Exchange(ledger=ledger), random.Random(SEED)
    books = [exchange.book("TESTEX", symbol) for symbol in ("FOOBAR", "BARFOO")]
    resting: deque[Order] = deque()
    keep_collections_short()
    longest, busiest, start = 0.0, 0.0, time.perf_counter()
    for number in range(orders):
        order = exchange.submit(books[number % 2], new_order(draw))
        if order.is_open:
            resting.append(order)
        while len(resting) > open_orders:
            exchange.cancel(resting.popleft())
        before, busy = time.perf_counter(), time.thread_time()
        exchange.commit()
        busiest = max(busiest, time.thread_time() - busy)
        longest = max(longest, time.perf_counter() - before)
    seconds = time.perf_counter() - start
    still_open = sum(order.is_open for order in resting)
    each = seconds / orders * 1e6
    return Measured(orders, resident(), still_open, each, longest * 1000, busiest * 1000)


def new_order(draw: random.Random) -> NewOrder:
    """Half of them trade at once; the others rest away from the middle, most of them for long."""
    side = draw.choice((Side.BUY, Side.SELL))
    away = draw.randint(-40, 400)
    price = MIDDLE - away if side is Side.BUY else MIDDLE + away
    order_type = OrderType.LIMIT if draw.random() < 0.5 else OrderType.IMMEDIATE_OR_CANCEL
    if order_type is OrderType.IMMEDIATE_OR_CANCEL:
        price = MIDDLE + (50 if side is Side.BUY else -50)
    return NewOrder(draw.choice(ACCOUNTS), side, order_type, price, draw.randint(1, 100))


def resident() -> float:
    """MiB of memory that this process has now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--orders", type=lambda text: [int(n) for n in text.split(",")], default=[500000, 5000000])
    add("--open", type=int, default=10_000)
    add("--endless", action="store_true", help="also without a bound")
    options = parser.parse_args()
    print(
        f"{'orders':>10} {'open':>7} {'MiB':>7} {'us/order':>9} {'longest move, ms':>17} "
        f"{'of processor':>12}"
    )
    for endless in (False, True) if options.endless else (False,):
        measured = []
        for orders in options.orders:
            ignored = (signal.SIGINT, signal.SIG_IGN)  # by the worker, which is ended with the pool
            context = multiprocessing.get_context("spawn")
            with context.Pool(1, signal.signal, ignored) as pool:
                m = pool.apply(run, (orders, options.open, endless))
            measured.append(m)
            print(
                f"{m.orders:10,} {m.open_orders:7,} {m.resident:7.1f} {m.microseconds:9.1f} "
                f"{m.longest_move:17.2f} {m.busiest_move:12.2f}"
                f"{'  (endless memory)' if endless else ''}",
                flush=True,
            )
        growth = measured[-1].resident / measured[0].resident - 1
        print(f"growth from the first to the last: {growth:+.1%}")


if __name__ == "__main__":
    main()
