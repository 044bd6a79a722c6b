# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
How many orders a server takes over one connection, one after the other.

    python3 benchmarks/orders_in_30_seconds.py [--url URL] [--seconds 30]
"""

import interrupts  # noqa: F401  # isort: skip
import argparse
import random
import time

from options import Options, between, run, server_at
from wire import Connection, milliseconds, place, random_order, stock_path

MAX_ORDERS = 10**6  # keeps the books and the list of latencies within bounds


def main(options: argparse.Namespace) -> int:
    with server_at(options.url) as address, Connection(address, options.key) as connection:
        start = time.perf_counter()
        latencies = place_orders(connection, options)
        spent = time.perf_counter() - start
    print(
        f"{len(latencies)} orders in {spent:.1f} s: {len(latencies) / spent:.0f} orders/s, "
        f"p50 {milliseconds(latencies, 0.5):.3f} ms, p99 {milliseconds(latencies, 0.99):.3f} ms"
    )
    return 0


def place_orders(connection: Connection, options: argparse.Namespace) -> list[float]:
    """The seconds that each order took, until the time or the orders are used up."""
    chance = random.Random(options.seed)
    stock = stock_path(options.venue, options.symbol)
    latencies: list[float] = []
    end = time.perf_counter() + options.seconds
    while len(latencies) < options.orders and time.perf_counter() < end:
        order = random_order(chance, options.account)
        start = time.perf_counter()
        place(connection, stock, order)
        latencies.append(time.perf_counter() - start)
    return latencies


def _options() -> Options:
    options = Options(__doc__, "ONECLIENT")
    options.add_url()
    options.add_seed()
    options.add_seconds(30.0, "how long orders are placed")
    options.add("--orders", MAX_ORDERS, between(1, MAX_ORDERS), "most orders to place")
    return options


if __name__ == "__main__":
    run(main, _options())
