# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
What a database costs: orders a second over HTTP with and without one, orders that share a wait
for the disk, the time of a start, and of a question about an order that has left memory.

Every figure comes with what it is compared with, measured in turns in the same run.

    python3 benchmarks/ledger.py [--seconds 3] [--rounds 3] [--open 100000] [--folder DIR]
        [--parts rate,sync,start,status]
"""

import interrupts  # noqa: F401  # isort: skip
import argparse
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# A file here has the name of a package of the standard library, which must be found before it.
sys.path.append(sys.path.pop(0))

import http.client  # noqa: E402

import bottle  # noqa: E402
from load import STOCK, WARM, client_for  # noqa: E402

from disorderbook.accounts import Accounts  # noqa: E402
from disorderbook.api.app import make_app  # noqa: E402
from disorderbook.assembly import (
    OWN_SERVER,  # noqa: E402
    MarketSettings,  # noqa: E402
    assemble,  # noqa: E402
    make_server,  # noqa: E402
)
from disorderbook.cli.main import make_parser  # noqa: E402
from disorderbook.engine.orders import (
    NewOrder,  # noqa: E402
    OrderType,  # noqa: E402
    Side,  # noqa: E402
)
from disorderbook.exchange import Exchange  # noqa: E402
from disorderbook.ledger.archive import Archive  # noqa: E402
from disorderbook.ledger.file import open_ledger  # noqa: E402
from disorderbook.process.periodic import keep_collections_short  # noqa: E402

HISTORIES = (200_000, 2_000_000)  # closed orders of a market that is started again
ASKED = 3000  # statuses of each kind


def main() -> None:
    options = _parser().parse_args()
    if options.serve is not None:
        serve(options.serve, options.arguments)
        return
    client = client_for(options.seconds).name
    print(f"load from {client}; files in {options.folder or tempfile.gettempdir()}")
    for part in options.parts:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            PARTS[part](options, Path(folder))


def rate(options: argparse.Namespace, folder: Path) -> None:
    """Orders a second at 16 connections, without a database, with one, and with --sync."""
    client = client_for(options.seconds)
    rates: dict[str, list[float]] = {"no database": [], "--database": [], "with --sync": []}
    for number in range(options.rounds):
        file = ["-d", str(folder / f"{number}")]
        every: tuple[list[str], ...] = [], file, [*file[:1], f"{file[1]}s", "--sync"]
        for kind, arguments in zip(rates, every, strict=True):
            with running(*arguments) as server:
                client.measure(server.port, "orders", 16, min(WARM, options.seconds))
                load = client.measure(server.port, "orders", 16, options.seconds)
            if load.errors:
                sys.exit(f"Orders were not placed: {server.report}")
            rates[kind].append(load.rate)
    print_ratios("orders a second, 16 connections", rates, "{:9,.0f}")


def sync(options: argparse.Namespace, folder: Path) -> None:
    """Orders that share a commit with --sync, at 64 connections."""
    with running("-d", str(folder / "market"), "--sync") as server:
        load = client_for(options.seconds).measure(server.port, "orders", 64, options.seconds)
    print(
        f"\n--sync, 64 connections: {load.rate:,.0f} orders a second, p50 {load.p50:.1f} ms; "
        f"{server.report}"
    )


def start(options: argparse.Namespace, folder: Path) -> None:
    """Seconds until a market with more and less history has answered."""
    files = {f"{closed:,} closed": folder / f"{closed}" for closed in options.histories}
    for closed, file in zip(options.histories, files.values(), strict=True):
        fill(file, options.open, closed)
    times: dict[str, list[float]] = {name: [] for name in files}
    for _ in range(options.rounds):
        for name, file in files.items():
            before = time.perf_counter()
            with running("-d", str(file)) as server:
                ask(server.port, [0])
                times[name].append(time.perf_counter() - before)
    print_ratios(f"seconds to the first answer, {options.open:,} open orders", times, "{:9.2f}")


def status(options: argparse.Namespace, folder: Path) -> None:
    """The p50 of a status over HTTP, of an order in memory and of one that has left it."""
    draw = random.Random(1)
    for kind, arguments in (("temporary", []), ("--database", ["-d", str(folder / "market")])):
        with running(*arguments, before=250_000) as server:
            asked = {
                "in memory": [draw.randrange(200_000, 250_000) for _ in range(ASKED)],
                "archived": [draw.randrange(100_000) for _ in range(ASKED)],
            }
            times = {name: ask(server.port, ids) for name, ids in asked.items()}
        print_ratios(f"microseconds of a status, one connection, {kind}", times, "{:9.0f}")


def print_ratios(title: str, measured: dict[str, list[float]], form: str) -> None:
    print(f"\n{title} (median, least, most; compared with the first)")
    first = statistics.median(next(iter(measured.values())))
    for name, values in measured.items():
        middle = statistics.median(values)
        numbers = " ".join(map(form.format, (middle, min(values), max(values))))
        print(f"{name:18} {numbers} {middle / first:7.2f}", flush=True)


def ask(port: int, ids: list[int]) -> list[float]:
    """Microseconds that the status of each of these orders took."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    times = []
    for order_id in ids:
        before = time.perf_counter()
        connection.request("GET", f"{STOCK}/orders/{order_id}")
        answer = connection.getresponse().read()
        times.append((time.perf_counter() - before) * 1e6)
        if b'"ok":true' not in answer:
            sys.exit(f"No status of an order: {answer!r}")
    connection.close()
    return times


class Server:
    """A running exchange; `report` says in the end what it has committed."""

    port = 0
    report = ""


@contextmanager
def running(*arguments: str, before: int = 0) -> Iterator[Server]:
    """An exchange in a process of its own, after this many orders before it serves."""
    command = [sys.executable, __file__, "--serve", str(before), "--", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        server = Server()
        try:
            server.port = int(process.stdout.readline().split()[-1])
            yield server
            process.send_signal(signal.SIGTERM)
            server.report = process.stdout.read().splitlines()[-1]
        finally:
            process.kill()


def serve(before: int, arguments: list[str]) -> None:
    """Be an exchange with these options of the command line, and count transactions."""
    options = make_parser().parse_args(arguments)
    transactions: list[None] = []
    settings = MarketSettings(database=options.database, sync=options.sync)
    server = make_server(OWN_SERVER, 0)
    with assemble(settings, Accounts(), server=server) as services:
        book = services.exchange.book("TESTEX", "FOOBAR")
        trade(services.exchange, before, 0)
        first = book.next_id
        ledger = services.exchange._ledger
        if not isinstance(ledger, Archive):
            sys.exit("This ledger makes no commits that could be counted")
        ledger.connection.set_trace_callback(
            lambda statement: transactions.append(None) if statement == "COMMIT" else None
        )
        signal.signal(signal.SIGTERM, lambda *_: server.stop())
        keep_collections_short()
        print(server.port, flush=True)
        bottle.run(make_app(services), server=server, quiet=True)
        placed = book.next_id - first
    print(
        f"{placed:,} orders in {len(transactions):,} commits"
        + (f", {placed / len(transactions):.1f} each" if transactions else "")
    )


def fill(file: Path, open_orders: int, closed: int) -> None:
    """A market with so many orders, the open ones spread over its history."""
    ledger, market = open_ledger(str(file), bound=0)
    ledger.connection.execute("PRAGMA synchronous = OFF")
    exchange = Exchange(ledger=ledger)
    exchange.restore(market.books, market.latest)
    exchange.group_commit = True
    trade(exchange, closed, open_orders)
    exchange.close()


def trade(exchange: Exchange, closed: int, open_orders: int) -> None:
    """Pairs of orders that close each other, and others that stay open, evenly mixed."""
    book, draw = exchange.book("TESTEX", "FOOBAR"), random.Random(1)
    for number in range(closed):
        side = Side.BUY if number % 2 else Side.SELL
        account = f"BOT{draw.randrange(10)}"
        exchange.submit(book, NewOrder(account, side, OrderType.LIMIT, 5000, 10))
        for _ in range((number + 1) * open_orders // closed - number * open_orders // closed):
            price = draw.randint(4000, 4990)
            exchange.submit(book, NewOrder(account, Side.BUY, OrderType.LIMIT, price, 10))
        if number % 100 == 99 or number == closed - 1:
            exchange.commit()


PARTS = {"rate": rate, "sync": sync, "start": start, "status": status}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--seconds", type=float, default=3)
    add("--rounds", type=int, default=3)
    add("--open", type=int, default=100_000)
    add("--histories", type=lambda text: [int(n) for n in text.split(",")], default=HISTORIES)
    add("--folder", help="where the databases are made")
    add("--parts", type=lambda text: text.split(","), default=list(PARTS))
    add("--serve", type=int, help=argparse.SUPPRESS)
    add("arguments", nargs="*", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    main()
