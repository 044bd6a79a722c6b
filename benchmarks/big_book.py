# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
How long a server takes to answer a big book, and an order and a quote on top of it.

    python3 benchmarks/big_book.py [--url URL] [--orders 100000] [--levels 100 10000]

Every number of price levels gets a stock of its own. The first row is a book with nothing in it.
"""

import interrupts  # noqa: F401  # isort: skip
import argparse
import statistics
import sys
import time
from typing import Any

from options import Options, between, run, server_at
from wire import (
    CannotMeasure,
    Connection,
    check_unused,
    limit_order,
    milliseconds,
    place,
    refused,
    stock_path,
)

MAX_ORDERS, MAX_LEVELS = 10**6, 10**6
MIDDLE = 10**7  # cents; half of the levels are below it, half above
READS = 5  # of the book; medians are printed
REQUESTS = 200  # orders and quotes on top of it

HEADINGS = (
    "resting",
    "levels",
    "MB",
    "first",
    "again",
    "changed",
    "order p50",
    "p99",
    "quote p50",
    "p99",
)
ROW = "{:>8} {:>7} {:>6.1f}" + " {:>9.3f}" * 7


def main(options: argparse.Namespace) -> int:
    print("Times in milliseconds; the book is asked for first, again, and after one more order.")
    print(" ".join(f"{h:>{w}}" for h, w in zip(HEADINGS, (8, 7, 6, *(9,) * 7))))
    with server_at(options.url) as address, Connection(address, options.key) as connection:
        for levels in (0, *options.levels):
            stock = stock_path(options.venue, f"{options.symbol}{levels}")
            orders = options.orders if levels else 0
            build(connection, stock, options, orders, levels)
            figures = measure(connection, stock, options.account, levels or 1)
            print(ROW.format(orders, levels, *figures), flush=True)
    return 0


def build(
    connection: Connection,
    stock: str,
    options: argparse.Namespace,
    orders: int,
    levels: int,
) -> None:
    """Let orders rest in the book, none of which trades; raises CannotMeasure if it is not empty
    to begin with, or if that takes too long.
    """
    check_unused(connection, stock)
    end = time.perf_counter() + options.seconds
    for number in range(orders):
        if time.perf_counter() > end:
            raise CannotMeasure(f"Only {number} orders were placed in {options.seconds} seconds")
        order = resting_order(options.account, number % levels)
        place(connection, stock, order)
        if (number + 1) % 10_000 == 0:
            print(f"{number + 1} orders rest", file=sys.stderr)


def measure(connection: Connection, stock: str, account: str, levels: int) -> list[float]:
    """Megabytes and milliseconds, in the order of HEADINGS."""
    first, size = timed_read(connection, stock)
    again = [timed_read(connection, stock)[0] for _ in range(READS)]
    changed = []
    for number in range(READS):
        place(connection, stock, resting_order(account, number % levels))
        changed.append(timed_read(connection, stock)[0])
    orders, quotes = [], []
    for number in range(REQUESTS):
        start = time.perf_counter()
        place(connection, stock, resting_order(account, number % levels))
        middle = time.perf_counter()
        connection.ask("GET", f"{stock}/quote")
        orders.append(middle - start)
        quotes.append(time.perf_counter() - middle)
    return [
        size / 1e6,
        first * 1000,
        statistics.median(again) * 1000,
        statistics.median(changed) * 1000,
        milliseconds(orders, 0.5),
        milliseconds(orders, 0.99),
        milliseconds(quotes, 0.5),
        milliseconds(quotes, 0.99),
    ]


def timed_read(connection: Connection, stock: str) -> tuple[float, int]:
    """Seconds that the book took to arrive, and its size in bytes."""
    start = time.perf_counter()
    answer = connection.ask("GET", stock)
    if answer.status != 200:
        raise refused(stock, answer)
    return time.perf_counter() - start, len(answer.body)


def resting_order(account: str, level: int) -> dict[str, Any]:
    """An order for the nth price level away from the middle, on alternating sides."""
    distance = 1 + level // 2
    if level % 2:
        return limit_order(account, "sell", MIDDLE + distance, 100)
    return limit_order(account, "buy", MIDDLE - distance, 100)


def _options() -> Options:
    options = Options(__doc__, "BIGBOOK")
    options.add_url()
    options.add_seconds(1800.0, "most seconds for building one book")
    options.add("--orders", 100_000, between(1, MAX_ORDERS), "orders that rest in a book")
    options.add_argument(
        "--levels",
        type=between(1, MAX_LEVELS),
        nargs="+",
        default=[100, 10_000],
        help="price levels that they are spread over, for one book after the other "
        "(default: 100 10000)",
    )
    return options


if __name__ == "__main__":
    run(main, _options())
