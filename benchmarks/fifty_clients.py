# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
How a server does with fifty clients at once, and whether it numbers their orders without a gap.

    python3 benchmarks/fifty_clients.py [--url URL] [--clients 50] [--orders 200] [--processes 2]

Nobody else may trade the stock meanwhile. Python runs one thread of a process at a time, so the
clients are spread over a few processes.
"""

import interrupts  # noqa: F401  # isort: skip
import argparse
import itertools
import multiprocessing
import random
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

from options import FAILURE, START_PATIENCE, Options, between, run, server_at
from wire import Address, CannotMeasure, Connection, milliseconds, place, random_order, stock_path

MAX_CLIENTS, MAX_ORDERS = 500, 2000


class Results(NamedTuple):
    """What clients saw: times are seconds of the machine's monotonic clock."""

    ids: list[int]
    latencies: list[float]
    errors: list[str]
    start: float
    end: float


def main(options: argparse.Namespace) -> int:
    groups = min(options.processes, options.clients)
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(groups)
    with (
        server_at(options.url) as address,
        context.Pool(groups, initializer=start.wait, initargs=(START_PATIENCE,)) as pool,
    ):
        shares = [(address, options, range(n, options.clients, groups)) for n in range(groups)]
        results = joined(pool.starmap(trade, shares))
    fault = numbering_fault(results.ids)
    report(options, results, fault)
    return FAILURE if results.errors or fault else 0


def trade(address: Address, options: argparse.Namespace, clients: range) -> Results:
    """Let some of the clients trade, each in a thread of its own."""
    with ThreadPoolExecutor(len(clients)) as threads:
        return joined(list(threads.map(partial(one_client, address, options), clients)))


def one_client(address: Address, options: argparse.Namespace, number: int) -> Results:
    """Place a client's orders, unless the time is used up before; a refusal ends it."""
    chance = random.Random(options.seed + number)
    # A key opens one account, which all must then share.
    account = options.account if options.key else f"{options.account}{number:03d}"
    stock = stock_path(options.venue, options.symbol)
    results = Results([], [], [], time.perf_counter(), 0.0)
    with Connection(address, options.key) as connection:
        try:
            while len(results.ids) < options.orders:
                start = time.perf_counter()
                if start > results.start + options.seconds:
                    raise CannotMeasure(f"{options.seconds} seconds are over")
                results.ids.append(place(connection, stock, random_order(chance, account))["id"])
                results.latencies.append(time.perf_counter() - start)
        except CannotMeasure as gone:
            results.errors.append(str(gone))
    return results._replace(end=time.perf_counter())


def joined(results: list[Results]) -> Results:
    ids, latencies, errors = (list(itertools.chain(*column)) for column in list(zip(*results))[:3])
    return Results(
        ids, latencies, errors, min(r.start for r in results), max(r.end for r in results)
    )


def numbering_fault(ids: list[int]) -> str | None:
    """What is wrong with ids that should count up by one, in any order."""
    if len(set(ids)) < len(ids):
        return f"{len(ids) - len(set(ids))} orders share an id with another"
    if ids and max(ids) - min(ids) != len(ids) - 1:
        return f"{max(ids) - min(ids) + 1 - len(ids)} ids are missing"
    return None


def report(options: argparse.Namespace, results: Results, fault: str | None) -> None:
    count, spent = len(results.latencies), results.end - results.start
    print(
        f"{count} orders of {options.clients} clients in {spent:.1f} s: {count / spent:.0f} "
        f"orders/s, p50 {milliseconds(results.latencies, 0.5):.3f} ms, "
        f"p99 {milliseconds(results.latencies, 0.99):.3f} ms, {len(results.errors)} errors"
    )
    print(fault or "the ids have no gap and no duplicate")
    if results.errors:
        print(f"the first error: {results.errors[0]}")


def _options() -> Options:
    options = Options(__doc__, "FIFTYCLIENTS")
    options.add_url()
    options.add_seed()
    options.add_seconds(300.0, "most seconds to go on; to be late is an error")
    options.add("--clients", 50, between(1, MAX_CLIENTS), "clients at once")
    options.add("--orders", 200, between(1, MAX_ORDERS), "orders of each client")
    options.add("--processes", 2, between(1, 16), "processes to spread the clients over")
    return options


if __name__ == "__main__":
    run(main, _options())
