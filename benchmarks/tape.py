# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
What the tape delivers and how late, beside the websocket library with its own loop.

The listeners are a process of their own (crowd.py), all on the ticker of one stock. Each row is a
number of listeners: 200 ticks a second ("paced"), a burst, and the 200 ticks a second once more
while this process places orders in another book as fast as it can ("busy"). Then the same with the
bare library, whose users would call send_message for each listener and each tick. Before all that,
listeners that never read: what the memory of this process grows by while they are sent a lot; and
what it costs and brings that Python's threads take turns faster while the tape runs.

    python3 benchmarks/tape.py [--listeners 10,100,500] [--burst 2000] [--seconds 3]
"""

import interrupts  # noqa: F401  # isort: skip
import argparse
import contextlib
import json
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from crowd import Listener
from simple_websocket_server import WebSocket, WebSocketServer

from disorderbook.accounts import Accounts
from disorderbook.engine.book import Execution, OrderBook
from disorderbook.engine.orders import NewOrder, OrderType, Side
from disorderbook.exchange import Exchange
from disorderbook.process.periodic import keep_collections_short
from disorderbook.protocol.messages import tick_message
from disorderbook.tape.feed import Tape
from disorderbook.tape.poller import SWITCH_SECONDS

TICKS_PER_SECOND = 200
PATIENCE = 60.0  # seconds for a burst
CROWD = Path(__file__).with_name("crowd.py")
LISTENED, OTHER = "FOOBAR", "OTHER"


class Publisher:
    """An exchange that notes what publishing a tick costs it, in microseconds."""

    def __init__(self, publish: Callable[[OrderBook, Sequence[Execution]], None]) -> None:
        self._publish = publish
        self._exchange = Exchange(publishers=[self._timed])
        self._orders = {LISTENED: 0, OTHER: 0}
        self.costs: list[float] = []

    def tick(self, symbol: str = LISTENED) -> None:
        """One order, which trades with the one before it or rests."""
        with self._exchange.transaction():
            book = self._exchange.book("TESTEX", symbol)
            side = Side.SELL if self._orders[symbol] % 2 else Side.BUY
            self._orders[symbol] += 1
            self._exchange.submit(book, NewOrder("A", side, OrderType.LIMIT, 5000, 10))

    def burst(self, ticks: int) -> None:
        """So many ticks of an unchanged book, as fast as they can be published."""
        with self._exchange.transaction():
            book = self._exchange.book("TESTEX", LISTENED)
        for _ in range(ticks):
            with self._exchange.transaction():
                self._timed(book, ())

    def pace(self, seconds: float, meanwhile: Callable[[], None]) -> int:
        """TICKS_PER_SECOND ticks at even distances; returns how often `meanwhile` was called."""
        start, calls = time.perf_counter(), 0
        for number in range(int(seconds * TICKS_PER_SECOND)):
            while time.perf_counter() < start + number / TICKS_PER_SECOND:
                meanwhile()
                calls += 1
            self.tick()
        return calls

    def median_cost(self) -> float:
        """Of the ticks since it was asked the last time."""
        costs, self.costs = self.costs, []
        return percentile(costs, 50)

    def _timed(self, book: OrderBook, executions: Sequence[Execution]) -> None:
        before = time.perf_counter()
        self._publish(book, executions)
        if book.symbol == LISTENED:
            self.costs.append((time.perf_counter() - before) * 1e6)


class Bare:
    """The library as it is: its own loop in a thread, send_message for each listener."""

    def __init__(self) -> None:
        self._server = WebSocketServer("127.0.0.1", 0, WebSocket)
        self.port = self._server.serversocket.getsockname()[1]
        self._is_over = False
        threading.Thread(target=self._serve, daemon=True).start()

    def publish(self, book: OrderBook, executions: Sequence[Execution]) -> None:
        message = tick_message(book.quote()).decode()
        for listener in list(self._server.connections.values()):
            listener.send_message(message)

    def close(self) -> None:
        self._is_over = True

    def _serve(self) -> None:
        while not self._is_over:
            self._server.handle_request()


class Crowd:
    """The process that listens."""

    def __init__(self, port: int, size: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(CROWD), str(port), str(size)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._size = size
        if self._answer() != "ready\n":
            raise ConnectionError("the listeners did not get ready")

    def expect(self, messages: int, patience: float, measure: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{messages} {patience} {measure}\n")
        self._process.stdin.flush()

    def result(self) -> dict[str, float]:
        return dict(json.loads(self._answer()))

    def close(self) -> None:
        self._process.communicate()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


class Costs(NamedTuple):
    """Microseconds of the exchange's turn for one tick that somebody listens to, medians."""

    paced: float
    busy: float
    burst: float


class Figures(NamedTuple):
    """Lags in milliseconds (median, 99 of 100), costs in microseconds, parts of 1."""

    paced: tuple[float, float]
    processor: float
    rate: float  # messages a second of a burst
    whole: float  # the part of a burst that arrived
    cost: Costs
    busy: tuple[float, float]
    orders: float  # a second, beside the ticks
    growth: float  # megabytes


def measure(source: Tape | Bare, size: int, options: argparse.Namespace) -> Figures:
    publisher, before = Publisher(source.publish), memory()
    with contextlib.closing(Crowd(source.port, size)) as crowd:
        lags, processor, _ = paced(publisher, crowd, options.seconds, lambda: time.sleep(0.0005))
        paced_cost = publisher.median_cost()
        rate, whole = burst(publisher, crowd, options.burst, size)
        burst_cost = publisher.median_cost()
        growth = memory() - before
        busy, _, orders = paced(publisher, crowd, options.seconds, lambda: publisher.tick(OTHER))
        cost = Costs(paced_cost, publisher.median_cost(), burst_cost)
        return Figures(lags, processor, rate, whole, cost, busy, orders, growth)


def paced(
    publisher: Publisher, crowd: Crowd, seconds: float, meanwhile: Callable[[], None]
) -> tuple[tuple[float, float], float, float]:
    """Lags, the part of a processor that it took, and calls of `meanwhile` in a second."""
    crowd.expect(int(seconds * TICKS_PER_SECOND), seconds + 5, "lags")
    before, start = time.process_time(), time.perf_counter()
    calls = publisher.pace(seconds, meanwhile)
    elapsed = time.perf_counter() - start
    processor = (time.process_time() - before) / elapsed
    heard = crowd.result()
    return (heard["p50"], heard["p99"]), processor, calls / elapsed


def burst(publisher: Publisher, crowd: Crowd, ticks: int, size: int) -> tuple[float, float]:
    """Messages a second until the last was read, and the part of them that arrived."""
    crowd.expect(ticks, PATIENCE, "count")
    time.sleep(0.2)
    start = time.time_ns()
    publisher.burst(ticks)
    heard = crowd.result()
    return heard["heard"] / (heard["last"] - start) * 1e9, heard["heard"] / (ticks * size)


def report_turns(seconds: float, rounds: int = 5, listeners: int = 10) -> None:
    """What it costs that Python's threads take turns faster while the tape runs: orders are placed
    without a pause, and each round is measured with both intervals.
    """
    found: dict[float, list[tuple[float, float, float]]] = {0.005: [], SWITCH_SECONDS: []}
    with contextlib.closing(Tape(Accounts(), 0)) as tape:
        publisher = Publisher(tape.publish)
        with contextlib.closing(Crowd(tape.port, listeners)) as crowd:
            for interval, rows in list(found.items()) * rounds:
                sys.setswitchinterval(interval)
                lags, _, orders = paced(publisher, crowd, seconds, lambda: publisher.tick(OTHER))
                rows.append((*lags, orders))
    for interval, rows in found.items():
        median, late, orders = (percentile(list(column), 50) for column in zip(*rows))
        print(
            f"Turns of {interval * 1000:g} ms: {orders:,.0f} orders a second, "
            f"lags {median:.2f} and {late:.2f} ms"
        )


def percentile(values: list[float], percent: int) -> float:
    return sorted(values)[len(values) * percent // 100]


def memory() -> float:
    """Megabytes that this process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def deaf(source: Tape | Bare, ticks: int, listeners: int = 10) -> float:
    """Megabytes that this process grows by."""
    crowd = [Listener(source.port) for _ in range(listeners)]
    publisher, before = Publisher(source.publish), memory()
    for _ in range(0, ticks, 1000):
        publisher.burst(1000)
        while isinstance(source, Tape) and source.has_news():
            time.sleep(0.0005)
    publisher.costs.clear()
    growth = memory() - before
    for listener in crowd:
        listener.socket.close()
    return growth


def without_a_tape(seconds: float) -> tuple[float, Costs]:
    """Orders a second in this process while nobody listens, and what it costs to publish nothing,
    which is mostly the time of asking for the time.
    """
    publisher = Publisher(lambda book, executions: None)
    publisher.pace(seconds, lambda: time.sleep(0.0005))
    paced_cost = publisher.median_cost()
    orders = publisher.pace(seconds, lambda: publisher.tick(OTHER)) / seconds
    busy_cost = publisher.median_cost()
    publisher.burst(2000)
    return orders, Costs(paced_cost, busy_cost, publisher.median_cost())


SOURCES: dict[str, Callable[[], Tape | Bare]] = {
    "the tape": lambda: Tape(Accounts(), 0),
    "the bare library": Bare,
}


def report(name: str, size: int, figures: Figures, alone: float) -> None:
    lag, busy, cost = figures.paced, figures.busy, figures.cost
    print(
        f"{name:>16} {size:>5} {lag[0]:>8.2f} {lag[1]:>7.2f} {figures.processor:>6.0%}"
        f" {cost.paced:>7.1f} {cost.busy:>5.1f} {cost.burst:>5.1f}"
        f" {figures.rate:>11,.0f} {figures.whole:>6.0%} {busy[0]:>8.2f} {busy[1]:>7.2f}"
        f" {figures.orders / alone:>7.0%} {figures.growth:>6.0f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listeners", default="10,100,500")
    parser.add_argument("--burst", type=int, default=2000, help="ticks")
    parser.add_argument("--seconds", type=float, default=3.0, help="of paced ticks")
    parser.add_argument("--deaf", type=int, default=1_000_000, help="ticks to deaf listeners")
    options = parser.parse_args()
    keep_collections_short()
    for name, start in SOURCES.items():
        ticks = options.deaf if name == "the tape" else options.deaf // 20
        with contextlib.closing(start()) as source:
            growth = deaf(source, ticks)
        print(f"Ten deaf listeners, {ticks:,} ticks: {name} grows by {growth:.0f} MB")
    report_turns(options.seconds / 3)
    alone, nothing = without_a_tape(options.seconds)
    print(
        "\nLags in ms (median, p99); what publishing costs in us (medians: paced, busy, in a"
        f"\nburst; publishing nothing is timed as {nothing.paced:.1f}, {nothing.busy:.1f} and "
        f"{nothing.burst:.1f}); orders beside it, of the {alone:,.0f} a second"
        "\nwithout it; growth in MB"
    )
    print(
        f"{'':>16} {'':>5} {'paced':>16} {'cpu':>6} {'publishing':>19} {'burst msg/s':>11}"
        f" {'whole':>6} {'busy':>16} {'orders':>7} {'growth':>6}"
    )
    found: dict[tuple[str, int], Figures] = {}
    for name, start in SOURCES.items():
        for size in map(int, options.listeners.split(",")):
            with contextlib.closing(start()) as source:
                figures = found[name, size] = measure(source, size, options)
            report(name, size, figures, alone)
    for size in map(int, options.listeners.split(",")):
        ours, bare = found["the tape", size], found["the bare library", size]
        print(
            f"{size:>5} listeners: a burst {ours.rate / bare.rate:.1f} times as fast, "
            f"a paced tick after 1/{bare.paced[0] / ours.paced[0]:.0f} of the time"
        )


if __name__ == "__main__":
    main()
