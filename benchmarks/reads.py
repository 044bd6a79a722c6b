# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
What reading costs others: an honest client's orders beside long reads, and what deaf clients hold.

The exchange is a process of its own with a book of so many orders; so are those who read. Beside
each kind of read an honest client places orders at a steady rate. The control run answers the same
reads by a constant, so the difference is what making and sending the answers costs. Each figure is
the median of the rounds.

"Deaf" is what clients hold that ask for the book and never read, while orders are placed; "busy"
is the rate of an honest client beside others that pipeline quotes, or ask for them one by one.

    python3 benchmarks/reads.py [--rounds 5] [--seconds 5] [--orders 100000] [--accounts 20000]
        [--readers 4] [--clients 1000] [--busy 500] [--parts reads,deaf,busy]
"""

import interrupts  # noqa: F401  # isort: skip
import argparse
import contextlib
import json
import multiprocessing
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import bottle

from disorderbook.accounts import Accounts
from disorderbook.api.app import DirectBottle, make_app
from disorderbook.api.services import Services
from disorderbook.assembly import OWN_SERVER, make_server
from disorderbook.engine.orders import NewOrder, OrderType, Side
from disorderbook.exchange import Exchange
from disorderbook.game.master import GameMaster
from disorderbook.marketdata.history import History
from disorderbook.process.periodic import keep_collections_short
from disorderbook.process.sockets import allow_descriptors
from disorderbook.protocol.names import MAX_BOOKS
from disorderbook.server.reader import HttpRequest
from disorderbook.server.response import Response
from disorderbook.timeline.clock import RealClock
from disorderbook.timeline.timeline import Timeline

HONEST_RATE = 50  # orders a second
MEANWHILE = 100  # orders a second while deaf clients hold what they hold
LEVELS = 1000
PATIENCE = 120.0  # seconds for an answer, or for the exchange to start
STOCK = "/ob/api/venues/TESTEX/stocks/FOOBAR"
READS = {
    "book": STOCK,
    "scores": f"{STOCK}/scores",
    "scores.json": f"{STOCK}/scores?format=json",
    "scores.csv": f"{STOCK}/scores?format=csv",
    "listing": "/ob/api/venues/TESTEX/accounts/MANY/orders",
    "listing of a stock": "/ob/api/venues/TESTEX/accounts/MANY/stocks/FOOBAR/orders",
    "v1 market": "/api/v1/venues/TESTEX/stocks/FOOBAR/market",
    "v1 trades": "/api/v1/venues/TESTEX/stocks/FOOBAR/trades",
    "v1 candles": "/api/v1/venues/TESTEX/stocks/FOOBAR/candles",
    "v1 scores": "/api/v1/venues/TESTEX/stocks/FOOBAR/scores",
    "metrics": "/metrics",
    "docs": "/docs",
}


class Constant(DirectBottle):
    """Answers every GET by the same few bytes."""

    def respond(self, request: HttpRequest) -> Response | None:
        return b'{"ok":true}\n' if request.head.method == "GET" else super().respond(request)


def serve(kind: str, orders: int, accounts: int) -> None:
    """Be the exchange: print the port, then serve until killed."""
    exchange, history = Exchange(MAX_BOOKS), History(0)
    fill(exchange, orders, accounts)
    accounts_now, timeline = Accounts(), Timeline(exchange, RealClock())
    master = GameMaster(exchange, accounts_now)
    services = Services(exchange, accounts_now, master, timeline, True, history)
    app = make_app(services, Constant if kind == "constant" else None)
    keep_collections_short()
    server = make_server(OWN_SERVER, 0)
    print(server.port, flush=True)
    bottle.run(app, server=server, quiet=True)


def fill(exchange: Exchange, orders: int, accounts: int) -> None:
    """Orders of one account that rest, and for each other account one that has traded."""
    book = exchange.book("TESTEX", "FOOBAR")
    for number in range(accounts):
        for account, side in (("MANY", Side.SELL), (f"ACCOUNT{number}", Side.BUY)):
            exchange.submit(book, NewOrder(account, side, OrderType.LIMIT, 5000, 10))
    for number in range(orders):
        price = 4000 - number % LEVELS
        exchange.submit(book, NewOrder("MANY", Side.BUY, OrderType.LIMIT, price, 10))


class Running(NamedTuple):
    port: int
    pid: int


@contextlib.contextmanager
def running(kind: str, options: argparse.Namespace) -> Iterator[Running]:
    command = [sys.executable, str(Path(__file__).resolve()), "--serve", kind]
    command += ["--orders", str(options.orders), "--accounts", str(options.accounts)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Running(int(process.stdout.readline()), process.pid)
        finally:
            process.kill()


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def order() -> bytes:
    fields = {"account": "HONEST", "venue": "TESTEX", "stock": "FOOBAR", "orderType": "limit"}
    body = json.dumps(fields | {"direction": "buy", "price": 3500, "qty": 1}).encode()
    head = f"POST {STOCK}/orders HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Client:
    """One connection that is kept."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stream = self.socket.makefile("rb")

    def ask(self, request: bytes) -> int:
        """The length of the answer's body."""
        self.socket.sendall(request)
        return self.answer()

    def answer(self) -> int:
        status, length, is_chunked = self._stream.readline(), 0, False
        if not status.startswith(b"HTTP/1.1 200"):
            sys.exit(f"The exchange answers {status!r}")
        while (line := self._stream.readline().lower()) != b"\r\n":
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
            is_chunked |= line.startswith(b"transfer-encoding: chunked")
        if not is_chunked:
            return len(self._stream.read(length))
        while size := int(self._stream.readline(), 16):
            length += len(self._stream.read(size))
            self._stream.readline()
        self._stream.readline()
        return length

    def close(self) -> None:
        self._stream.close()
        self.socket.close()


def read_for_ever(port: int, path: str, readers: int) -> None:
    """One process with so many readers, each of which asks again as soon as it has its answer."""
    clients, request = [Client(port) for _ in range(readers)], get(path)
    for client in clients:
        client.socket.sendall(request)
    while True:
        for client in clients:
            client.answer()
            client.socket.sendall(request)


def pipeline_for_ever(port: int, count: int, at_once: int) -> None:
    clients, requests = [Client(port) for _ in range(count)], get(f"{STOCK}/quote") * at_once
    for client in clients:
        client.socket.sendall(requests)
    while True:
        for client in clients:
            for _ in range(at_once):
                client.answer()
            client.socket.sendall(requests)


@contextlib.contextmanager
def beside(seconds: float, target: object, *arguments: object) -> Iterator[None]:
    """A process of its own that does this meanwhile; it begins so long before, at most."""
    process = multiprocessing.Process(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
    process.start()
    try:
        time.sleep(min(0.5, seconds))
        yield
    finally:
        process.kill()
        process.join()


def latencies(client: Client, seconds: float, rate: float) -> list[float]:
    """Seconds that each order took, counted from when it was due, so that a stall counts whole."""
    request, took = order(), []
    start, number = time.perf_counter(), 0
    while (due := start + number / rate) < start + seconds:
        time.sleep(max(0.0, due - time.perf_counter()))
        client.ask(request)
        took.append(time.perf_counter() - due)
        number += 1
    return sorted(took)


def percentile(values: list[float], part: float) -> float:
    """In milliseconds."""
    return values[min(len(values) - 1, int(part * len(values)))] * 1000


def measure_reads(options: argparse.Namespace) -> None:
    print(f"{'beside':20} {'p99':>8} {'p99.9':>8} {'control p99':>12} {'p99.9':>8}  (ms)")
    figures: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for _ in range(options.rounds):
        for kind in ("real", "constant"):
            with running(kind, options) as exchange:
                for name, path in {"nobody": "", **READS}.items():
                    with (
                        beside(options.seconds, read_for_ever, exchange.port, path, options.readers)
                        if path
                        else contextlib.nullcontext()
                    ):
                        client = Client(exchange.port)
                        took = latencies(client, options.seconds, HONEST_RATE)
                        client.close()
                    pair = percentile(took, 0.99), percentile(took, 0.999)
                    figures.setdefault(name, {}).setdefault(kind, []).append(pair)
    for name, kinds in figures.items():
        real, control = (
            [statistics.median(column) for column in zip(*kinds[kind], strict=True)]
            for kind in ("real", "constant")
        )
        print(f"{name:20} {real[0]:8.2f} {real[1]:8.2f} {control[0]:12.2f} {control[1]:8.2f}")


def resident(pid: int) -> float:
    """Megabytes of memory that a process has."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1000


def measure_deaf(options: argparse.Namespace) -> None:
    """Prints how much the exchange grows, and how much of it is left when the clients have gone."""
    rows, second = [], min(1.0, options.seconds)
    for _ in range(options.rounds):
        with running("real", options) as exchange:
            client = Client(exchange.port)
            size = client.ask(get(STOCK))
            latencies(client, second, MEANWHILE)
            before, most, crowd = resident(exchange.pid), 0.0, []
            for _ in range(options.clients):
                peer = socket.socket()
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                peer.connect(("127.0.0.1", exchange.port))
                peer.sendall(get(STOCK))
                crowd.append(peer)
                if len(crowd) % 20 == 0:
                    client.ask(order())
            took: list[float] = []
            for _ in range(max(1, round(options.seconds))):
                took += latencies(client, second, MEANWHILE)
                most = max(most, resident(exchange.pid))
            for peer in crowd:
                peer.close()
            latencies(client, second, MEANWHILE)
            left = resident(exchange.pid) - before
            rows.append((size / 1e6, most - before, left, percentile(sorted(took), 0.99)))
    size, grown, left, slowest = (statistics.median(column) for column in zip(*rows, strict=True))
    print(
        f"{options.clients} clients that never read a book of {size:.1f} MB: {grown:+.0f} MB, "
        f"{left:+.0f} MB when they have gone; an order's p99 {slowest:.2f} ms"
    )


def measure_busy(options: argparse.Namespace) -> None:
    """Prints the rate of an honest client, alone and beside busy ones."""
    print(f"{'beside ' + str(options.busy):24} {'orders/s':>9} {'alone':>9}")
    for name, at_once in (("that pipeline 50", 50), ("that ask one by one", 1)):
        rates = []
        for _ in range(options.rounds):
            with running("real", options) as exchange:
                alone = rate(exchange.port, options.seconds)
                with beside(
                    options.seconds, pipeline_for_ever, exchange.port, options.busy, at_once
                ):
                    rates.append((rate(exchange.port, options.seconds), alone))
        crowded, alone = (statistics.median(column) for column in zip(*rates, strict=True))
        print(f"{name:24} {crowded:9.0f} {alone:9.0f}")


def rate(port: int, seconds: float) -> float:
    """Orders a second of a client that places one after the other."""
    client, request, count = Client(port), order(), 0
    start = time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds:
        client.ask(request)
        count += 1
    client.close()
    return count / passed


PARTS = {"reads": measure_reads, "deaf": measure_deaf, "busy": measure_busy}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in (
        ("rounds", 5),
        ("orders", 100_000),
        ("accounts", 20_000),
        ("readers", 4),
        ("clients", 1000),
        ("busy", 500),
    ):
        parser.add_argument(f"--{name}", type=int, default=default, help=f"(default: {default})")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each run (default: 5)")
    parser.add_argument("--parts", default=",".join(PARTS), help="(default: all)")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    return parser


def main() -> None:
    options = _parser().parse_args()
    allow_descriptors()
    if options.serve:
        serve(options.serve, options.orders, options.accounts)
        return
    for part in options.parts.split(","):
        PARTS[part](options)


if __name__ == "__main__":
    main()
