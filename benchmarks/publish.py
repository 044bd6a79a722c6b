# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
What publishing to a NATS server costs: orders a second, and microseconds of the processor that the
exchange takes for one, without it, with it, and with a server that is not there or does not read.

An exchange of each kind runs at the same time, and they are measured in turn, round after round, so
that all meet the same moments of the machine; what is compared is the median of the ratios within a
round. Nobody subscribes to the server, which shares the processors with everything else.

    python3 benchmarks/publish.py [--seconds 2] [--rounds 5] [--connections 16]
"""

import argparse
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from load import client_for
from options import MAIN, Options, between, run

HOST = "127.0.0.1"
NATS_SERVER = shutil.which("nats-server", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
PATIENCE = 20.0  # seconds for a server to start
WITHOUT, DEAD, STOPPED = "without --publish", "no server there", "a server that stopped"
WITH, ALL = "with a server", "with executions"


def main(options: argparse.Namespace) -> int:
    if NATS_SERVER is None:
        print("nats-server is not installed", file=sys.stderr)
        return 1
    client = client_for(options.seconds)
    with ExitStack() as stack:
        alive, stopped = (stack.enter_context(nats_server(NATS_SERVER)) for _ in range(2))
        to_alive = ["--publish", f"nats://{HOST}:{alive[0]}"]
        kinds = {
            WITHOUT: [],
            DEAD: ["--publish", f"nats://{HOST}:{free_port()}"],
            STOPPED: ["--publish", f"nats://{HOST}:{stopped[0]}"],
            WITH: to_alive,
            ALL: [*to_alive, "--publish-executions"],
        }
        ports = {kind: stack.enter_context(exchange(more)) for kind, more in kinds.items()}
        os.kill(stopped[1], signal.SIGSTOP)
        rates: dict[str, list[float]] = {kind: [] for kind in kinds}
        costs: dict[str, list[float]] = {kind: [] for kind in kinds}
        for _ in range(options.rounds):
            for kind, (port, pid) in ports.items():
                before = processor_seconds(pid)
                load = client.measure(port, "orders", options.connections, options.seconds)
                orders = load.rate * options.seconds
                rates[kind].append(load.rate)
                costs[kind].append((processor_seconds(pid) - before) / orders * 1e6)
    print(f"{options.connections} connections, medians of {options.rounds} rounds")
    print(f"{'':22}  orders/s   ratio  us of the processor an order   ratio")
    for kind in kinds:
        rate, cost = statistics.median(rates[kind]), statistics.median(costs[kind])
        slower, dearer = (ratio(each[kind], each[WITHOUT]) for each in (rates, costs))
        print(f"{kind:22}  {rate:8,.0f}  {slower:6.3f}  {cost:28.1f}  {dearer:6.3f}")
    return 0


def ratio(measured: list[float], base: list[float]) -> float:
    """The median of the ratios within a round."""
    return statistics.median(one / other for one, other in zip(measured, base))


def processor_seconds(pid: int) -> float:
    """What a process has used so far, with all its threads; on Linux."""
    with open(f"/proc/{pid}/stat") as file:
        user, system = file.read().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@contextmanager
def nats_server(program: str) -> Iterator[tuple[int, int]]:
    """Its port and its process id; it is killed at the end."""
    port = free_port()
    command = [program, "-a", HOST, "-p", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            wait_for(port)
            yield port, server.pid
        finally:
            server.kill()


@contextmanager
def exchange(options: list[str]) -> Iterator[tuple[int, int]]:
    """The port and the process id of an exchange, which runs within the block."""
    port = free_port()
    command = [sys.executable, str(MAIN), "-p", str(port), "--log-level", "error", *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            wait_for(port)
            yield port, server.pid
        finally:
            server.terminate()


def free_port() -> int:
    with socket.create_server((HOST, 0)) as probe:
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection((HOST, port)).close()
            return
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


if __name__ == "__main__":
    tool = Options(__doc__, "FOOBAR")
    tool.add_seconds(2, "how long each exchange is measured in each round")
    tool.add("--rounds", 5, between(1, 100), "how often each is measured")
    tool.add("--connections", 16, between(1, 1000), "how many clients there are")
    run(main, tool)
