"""What each layer of our server costs an order, in microseconds.

Each is measured alone in this process with the same stream of orders, the best of some rounds. The
whole is the processor time of a server process under load, so that what no layer explains is the
sockets: the event loop, the system's calls, and sharing the machine with whoever makes the load.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import bottle
from counting import Uncounted
from load import ORDERS, Client, as_bytes

from disorderbook.accounts import Accounts
from disorderbook.api.app import make_app
from disorderbook.api.services import Services
from disorderbook.exchange import Exchange
from disorderbook.game.master import GameMaster
from disorderbook.marketdata.history import History
from disorderbook.process.periodic import keep_collections_short
from disorderbook.protocol import messages
from disorderbook.protocol.names import MAX_BOOKS
from disorderbook.protocol.parse import plain_order
from disorderbook.server.limits import Limits
from disorderbook.server.reader import HttpRequest, KnownHeads, RequestReader
from disorderbook.server.response import answer
from disorderbook.timeline.clock import RealClock
from disorderbook.timeline.timeline import Timeline

ROUNDS = 7
REPEATED = 20  # times the stream, in each round
ENVIRON = {
    "SCRIPT_NAME": "",
    "SERVER_NAME": "127.0.0.1",
    "SERVER_PORT": "8000",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": False,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
    "REMOTE_ADDR": "127.0.0.1",
    "SERVER_SOFTWARE": "disorderBook",
}
BYTES = [as_bytes(order) for order in ORDERS] * REPEATED
BODIES = [order.body.encode() for order in ORDERS] * REPEATED


def new_services() -> Services:
    exchange, accounts = Exchange(MAX_BOOKS), Accounts()
    exchange.book("TESTEX", "FOOBAR")
    master, timeline = GameMaster(exchange, accounts), Timeline(exchange, RealClock())
    return Services(exchange, accounts, master, timeline, False, History(0))


def print_layers(
    client: Client, server_command: list[str], connections: int, seconds: float
) -> None:
    keep_collections_short()
    reading = cost(read, lambda: BYTES)
    answering = cost(lambda request: answer(ignore, constant, request), requests)
    app, uncounted = make_app(new_services()), make_app(new_services(), Uncounted)
    direct, without = costs(
        [
            app.respond,
            uncounted.respond,
        ],
        requests,
    )
    bottles = cost(lambda environ: list(bottle.Bottle.wsgi(app, environ, ignore)), environs)
    json = cost(parse, lambda: BODIES) + cost(messages.order_message, placed_orders)
    engine = cost(submit, new_orders)
    print("microseconds for an order")
    for name, microseconds in [
        ("HTTP parser", reading),
        ("answer", answering),
        ("Bottle, the direct way", without - json - engine),
        ("JSON", json),
        ("engine", engine),
        ("counting for /metrics", direct - without),
        ("all of these", reading + answering + direct),
    ]:
        print(f"  {name:28} {microseconds:6.1f}")
    print(f"  {'(Bottle, its own way':28} {bottles - json - engine:6.1f})")
    whole = processor_time(client, server_command, connections, seconds)
    if whole is not None:
        print(f"  {f'whole, {connections} connections':28} {whole:6.1f}")
        print(f"  {'so sockets and sharing':28} {whole - reading - answering - direct:6.1f}")


def cost(function: Callable[[Any], object], items: Callable[[], Iterable[Any]]) -> float:
    """Microseconds of the processor that a call takes, in the best of the rounds; each has new
    items.
    """
    return costs([function], items)[0]


def costs(
    functions: list[Callable[[Any], object]], items: Callable[[], Iterable[Any]]
) -> list[float]:
    """The same for several, of which each has its turn in every round."""
    best = [float("inf")] * len(functions)
    for _ in range(ROUNDS):
        for number, function in enumerate(functions):
            prepared = list(items())
            start = time.thread_time()
            for item in prepared:
                function(item)
            best[number] = min(best[number], (time.thread_time() - start) / len(prepared))
    return [seconds * 1e6 for seconds in best]


_reader = RequestReader(ENVIRON, Limits(), KnownHeads())


def read(request: bytes) -> HttpRequest:
    _reader.feed(request)
    return _reader.ready.popleft()


def requests() -> list[HttpRequest]:
    return [read(request) for request in BYTES]


def environs() -> list[dict[str, Any]]:
    return [request.environ() for request in requests()]


def constant(request: HttpRequest) -> bytes:
    """An application that does nothing, so that calling it is what is measured."""
    return b"{}\n"


def ignore(*arguments: object) -> Any:
    pass


def parse(body: bytes) -> Any:
    return plain_order(body, "TESTEX", "FOOBAR")


_exchange = new_services().exchange
_book = _exchange.book("TESTEX", "FOOBAR")


def new_orders() -> list[Any]:
    return [parse(body) for body in BODIES]


def submit(new: Any) -> Any:
    return _exchange.submit(_book, new)


def placed_orders() -> list[Any]:
    return [submit(new) for new in new_orders()]


def processor_time(
    client: Client, command: list[str], connections: int, seconds: float
) -> float | None:
    """Microseconds of a server's processors for each order; None where the system hides that."""
    if not Path("/proc/self/stat").exists():
        return None
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            client.measure(port, "orders", connections, 1)
            before = ticks(server.pid)
            load = client.measure(port, "orders", connections, seconds)
            used = ticks(server.pid) - before
            return used / os.sysconf("SC_CLK_TCK") / (load.rate * seconds) * 1e6
        finally:
            server.kill()


def ticks(process: int) -> int:
    """What the process has used of all processors, in the system's ticks."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])
