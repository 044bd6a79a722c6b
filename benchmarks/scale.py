# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
What an order costs with one exchange and with two, asked directly and through nginx.

All that an order needs is counted: microseconds that exchanges and nginx ran for, and not the load.
The configuration of nginx is made of the same template as those of deploy/. Rounds are interleaved,
and figures are medians of them; ratios are of figures of the same round. Rates are bounded by the
processors, which the load needs as well: microseconds tell what more processors would bring.

    python3 benchmarks/scale.py [--seconds 2] [--rounds 3] [--connections 16] [--own-clients]
"""

import interrupts  # noqa: F401  # isort: skip
import argparse
import contextlib
import http.client
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from bare import Cost, Server, processor_time
from front_end import running
from load import ORDERS, WARM, WORKLOADS, Ask, Client, OwnClients, client_for
from options import between
from wire import CannotMeasure

from disorderbook.assembly import OWN_SERVER
from disorderbook.classroom.proxy import ProxyServer, nginx_command, nginx_program, server_text

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))

from ports import free_port  # noqa: E402

VENUES = ("TESTEX", "OTHEREX")
PATIENCE = 30.0  # seconds for nginx to listen
MAIN = """
daemon off;
master_process off;
pid nginx.pid;
error_log stderr emerg;
events {{ worker_connections 1024; }}
http {{
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
{server}
}}
"""
OTHER = [
    order._replace(**{part: getattr(order, part).replace(*VENUES) for part in ("path", "body")})
    for order in ORDERS
]
WORKLOADS["other venue"] = OTHER
WORKLOADS["both venues"] = [order for pair in zip(ORDERS, OTHER, strict=True) for order in pair]


class SetUp(NamedTuple):
    """Processes that answer, exchanges first, and what is asked at which of their ports at the same
    time.
    """

    name: str
    processes: tuple[Server, ...]
    loads: tuple[tuple[int, str], ...]
    exchanges: int

    def measure(self, client: Client, connections: int, seconds: float) -> Cost:
        """Raises CannotMeasure if an order is refused."""
        share = max(1, connections // len(self.loads))
        placed, ran, began = self._placed(), self._processor_time(), time.perf_counter()
        with ThreadPoolExecutor(len(self.loads)) as threads:
            asks = [
                threads.submit(client.measure, port, workload, share, seconds)
                for port, workload in self.loads
            ]
            errors = sum(ask.result().errors for ask in asks)
        took = time.perf_counter() - began
        ran, placed = self._processor_time() - ran, self._placed() - placed
        if errors:
            raise CannotMeasure(f"{self.name}: {errors} orders were refused or not answered")
        return Cost(placed / took, ran / placed * 1e6)

    def _processor_time(self) -> float:
        return sum(processor_time(process.pid) for process in self.processes)

    def _placed(self) -> int:
        """How many orders its exchanges have had: the ids of one more at each, together."""
        exchanges = self.processes[: self.exchanges]
        return sum(map(_place_one, exchanges, (ORDERS, OTHER)))


def _place_one(exchange: Server, orders: list[Ask]) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", exchange.port, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.request(*orders[0])
        return int(json.load(connection.getresponse())["id"])


def main() -> None:
    options = _parser().parse_args()
    client = OwnClients() if options.own_clients else client_for(options.seconds)
    with contextlib.ExitStack() as stack:
        one, two = (stack.enter_context(running(OWN_SERVER)) for _ in VENUES)
        before_one = stack.enter_context(nginx((one.port,)))
        before_two = stack.enter_context(nginx((one.port, two.port), tuple((v,) for v in VENUES)))
        print_table(set_ups(one, two, before_one, before_two), client, options)


def set_ups(one: Server, two: Server, before_one: Server, before_two: Server) -> list[SetUp]:
    """The first is what the others are compared with."""
    both = ((one.port, "orders"), (two.port, "other venue"))
    through = ((before_two.port, "both venues"),)
    return [
        SetUp("1 exchange", (one,), both[:1], 1),
        SetUp("2 exchanges", (one, two), both, 2),
        SetUp("1 behind nginx", (one, before_one), ((before_one.port, "orders"),), 1),
        SetUp("2 behind nginx", (one, two, before_two), through, 2),
    ]


def print_table(each: list[SetUp], client: Client, options: argparse.Namespace) -> None:
    for set_up in each:
        set_up.measure(client, options.connections, min(WARM, options.seconds))
    rounds = [
        [set_up.measure(client, options.connections, options.seconds) for set_up in each]
        for _ in range(options.rounds)
    ]
    print(f"{options.connections} connections, load from {client.name}")
    print(f"{'':16}{'µs an order':>12}{'ratio':>8}{'(least to most)':>18}{'orders/s':>10}")
    for set_up, costs in zip(each, zip(*rounds, strict=True), strict=True):
        firsts = [round[0].microseconds for round in rounds]
        ratios = [cost.microseconds / first for cost, first in zip(costs, firsts, strict=True)]
        spread = f"({min(ratios):.2f} to {max(ratios):.2f})"
        print(
            f"{set_up.name:16}{statistics.median(cost.microseconds for cost in costs):12.1f}"
            f"{statistics.median(ratios):8.2f}{spread:>18}"
            f"{statistics.median(cost.rate for cost in costs):10,.0f}"
        )


@contextlib.contextmanager
def nginx(ports: tuple[int, ...], venues: tuple[tuple[str, ...], ...] = ()) -> Iterator[Server]:
    """One process of it before exchanges at these ports; raises CannotMeasure."""
    program = nginx_program()
    if program is None:
        raise CannotMeasure("nginx is not installed")
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        server = ProxyServer(
            ports, (f"127.0.0.1:{port}",), ("_",), logs=f"{folder}/", named_venues=venues
        )
        Path(folder, "nginx.conf").write_text(MAIN.format(server=server_text(server)))
        with subprocess.Popen(nginx_command(program), cwd=folder) as process:
            try:
                _wait_for(port, process)
                yield Server(port, process.pid)
            finally:
                process.terminate()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise CannotMeasure("nginx does not start") from None
            time.sleep(0.02)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--seconds", type=between(0.1, 60), default=2.0, help="of each measurement (default: 2)")
    add("--rounds", type=between(1, 100), default=3, help="(default: 3)")
    add("--connections", type=between(2, 1000), default=16, help="(default: 16)")
    add("--own-clients", action="store_true", help="also where wrk is installed")
    return parser


if __name__ == "__main__":
    try:
        main()
    except CannotMeasure as fault:
        raise SystemExit(str(fault)) from None
