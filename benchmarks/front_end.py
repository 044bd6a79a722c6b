# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
Orders and quotes a second over HTTP: our server beside others, under the same application.

Each measurement has a server process of its own, with the real exchange behind it. The rounds are
interleaved, so that whatever else the machine does hits all servers alike; the figures are medians
of the rounds, with the least and the most rate, and how many times ours is faster is the median of
the rounds, too. The server "uncounted" is ours without the counts for /metrics. `--layers` says
instead what each layer of our server costs, and `--counting` what those counts do.

    python3 benchmarks/front_end.py [--seconds 2] [--rounds 3] [--connections 1,16,64]
        [--servers inline,waitress,wsgiref,uvicorn,uncounted] [--workloads orders,quotes,mix]
        [--own-clients] [--bare] [--layers] [--counting]
"""

import interrupts  # noqa: F401  # isort: skip
import argparse
import io
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bottle
from bare import BARE, Server, print_ratios, serve_bare
from counting import Alternating, Uncounted, print_counting
from layers import new_services, print_layers
from load import WARM, WORKLOADS, Client, Load, OwnClients, client_for

from disorderbook.api.app import make_app
from disorderbook.assembly import OWN_SERVER, make_server
from disorderbook.process.periodic import keep_collections_short

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))

from ports import free_port  # noqa: E402

FRONT_DOOR = Path(__file__).resolve()
UNCOUNTED, ALTERNATING = "uncounted", "alternating"
SERVERS = [OWN_SERVER, "waitress", "wsgiref", "uvicorn"]
TIMES_FASTER = {"waitress": 5, "wsgiref": 5, "uvicorn": 1.3}  # with many connections

Round = dict[str, Load]


def main() -> None:
    options = _parser().parse_args()
    client = OwnClients() if options.own_clients else client_for(options.seconds)
    if options.serve:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it ends it
    if options.serve == BARE:
        serve_bare(options.length)
    elif options.serve:
        serve(options.serve)
    elif options.bare:
        connections = options.connections
        print_ratios(client, running, OWN_SERVER, connections, options.rounds, options.seconds)
    elif options.layers:
        print_layers(client, command(OWN_SERVER), max(options.connections), options.seconds)
    elif options.counting:
        busiest = max(options.connections)
        print_counting(client, command(ALTERNATING), busiest, options.seconds)
    else:
        compare(client, options)


def compare(client: Client, options: argparse.Namespace) -> None:
    """Measure every server with every workload; print a table for each, then the targets."""
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores; load from {client.name}")
    targets: list[tuple[str, bool]] = []
    for workload in options.workloads:
        for connections in options.connections:
            rounds = [
                {
                    name: one(client, name, workload, connections, options.seconds)
                    for name in options.servers
                }
                for _ in range(options.rounds)
            ]
            print_table(workload, connections, rounds)
            if workload == "orders" and set(rounds[0]) == set(SERVERS):
                targets += check_targets(connections, rounds)
    for target, is_met in targets:
        print("met   " if is_met else "MISSED", target)


def one(client: Client, name: str, workload: str, connections: int, seconds: float) -> Load:
    with running(name) as server:
        client.measure(server.port, workload, connections, min(WARM, seconds))
        return client.measure(server.port, workload, connections, seconds)


def print_table(workload: str, connections: int, rounds: list[Round]) -> None:
    print(f"\n{workload}, {connections} connections")
    print(
        f"{'':10} {'a second':>9} {'least':>8} {'most':>8} {'p50 ms':>8} {'p99 ms':>8} "
        f"{'errors':>6} {'ours is':>8}"
    )
    for name in rounds[0]:
        rates = [measured[name].rate for measured in rounds]
        errors = sum(measured[name].errors for measured in rounds)
        p50, p99 = middle(rounds, lambda r: r[name].p50), middle(rounds, lambda r: r[name].p99)
        print(
            f"{name:10} {statistics.median(rates):9,.0f} {min(rates):8,.0f} {max(rates):8,.0f} "
            f"{p50:8.2f} {p99:8.2f} {errors:6} {times_faster(rounds, name):7.2f}x",
            flush=True,
        )


def check_targets(connections: int, rounds: list[Round]) -> Iterator[tuple[str, bool]]:
    """What the front end is meant to reach, and whether it did in these rounds."""
    at = f"orders, {connections} connections:"
    wanted = {"waitress": 1.5} if connections == 1 else TIMES_FASTER
    for name, least in wanted.items():
        times = times_faster(rounds, name)
        yield f"{at} {times:.2f} times {name} (at least {least})", times >= least
    if connections == 1:
        share = middle(rounds, lambda r: r[OWN_SERVER].p50 / r["waitress"].p50)
        yield f"{at} p50 {share:.2f} of waitress's (at most 0.7)", share <= 0.7
    if connections == 64:
        share = middle(rounds, lambda r: r[OWN_SERVER].p99 / r[OWN_SERVER].p50)
        yield f"{at} p99 {share:.1f} times p50 (under 4)", share < 4
    errors = sum(measured[OWN_SERVER].errors for measured in rounds)
    yield f"{at} {errors} errors (none)", errors == 0


def times_faster(rounds: list[Round], name: str) -> float:
    """How many times our rate is another's, in the same round."""
    return middle(rounds, lambda r: r[OWN_SERVER].rate / r[name].rate)


def middle(rounds: list[Round], figure: Callable[[Round], float]) -> float:
    return statistics.median(figure(measured) for measured in rounds)


@contextmanager
def running(name: str, *arguments: str) -> Iterator[Server]:
    """A server process of this name."""
    with subprocess.Popen(
        [*command(name), *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            _wait_for(port)
            yield Server(port, process.pid)
        finally:
            process.kill()


def command(name: str) -> list[str]:
    return [sys.executable, str(FRONT_DOOR), "--serve", name]


def _wait_for(port: int) -> None:
    """Until the server listens; only ours does when it says its port."""
    deadline = time.monotonic() + 10
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def serve(name: str) -> None:
    """Be a server: print the port, then serve until killed."""
    app = application(name)
    keep_collections_short()
    if name == "uvicorn":
        serve_with_uvicorn(app)
    else:
        server = server_for(name)
        print(server.port, flush=True)
        bottle.run(app, server=server, quiet=True)


def server_for(name: str) -> bottle.ServerAdapter:
    """A server that knows its port."""
    if name != "wsgiref":
        return make_server(OWN_SERVER if name in (UNCOUNTED, ALTERNATING) else name, 0)
    return bottle.WSGIRefServer("127.0.0.1", free_port())


def application(name: str) -> Callable[..., Any]:
    if name == ALTERNATING:
        return Alternating(new_services())
    return make_app(new_services(), Uncounted if name == UNCOUNTED else None)


def serve_with_uvicorn(app: Callable[..., Any]) -> None:
    import uvicorn

    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(
        asgi(app),
        loop="uvloop",
        http="httptools",
        lifespan="off",
        log_level="warning",
        access_log=False,
    )
    uvicorn.Server(config).run(sockets=[listener])


def asgi(app: Callable[..., Any]) -> Callable[..., Any]:
    """The application called inline by an ASGI server, with as little as possible in between."""

    async def inline(scope: dict[str, Any], receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        environ = {
            "REQUEST_METHOD": scope["method"],
            "PATH_INFO": scope["path"],
            "SCRIPT_NAME": "",
            "QUERY_STRING": scope["query_string"].decode("latin-1"),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.url_scheme": "http",
        }
        for header, value in scope["headers"]:
            key = header.decode("latin-1").upper().replace("-", "_")
            environ.setdefault(f"HTTP_{key}", value.decode("latin-1"))
        started: list[Any] = []
        chunks = app(environ, lambda *arguments: started.extend(arguments))
        headers = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in started[1]]
        await send(
            {
                "type": "http.response.start",
                "status": int(started[0][:3]),
                "headers": headers,
            }
        )
        await send({"type": "http.response.body", "body": b"".join(chunks)})

    return inline


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--seconds", type=float, default=2)
    add("--rounds", type=int, default=3)
    add("--connections", type=lambda text: [int(n) for n in text.split(",")], default=[1, 16, 64])
    add("--servers", type=lambda text: text.split(","), default=SERVERS)
    add("--workloads", type=lambda text: text.split(","), default=list(WORKLOADS))
    add("--own-clients", action="store_true", help="do not use wrk")
    add("--bare", action="store_true")
    add("--layers", action="store_true")
    add("--counting", action="store_true")
    add("--serve", metavar="NAME", help=argparse.SUPPRESS)
    add("--length", type=int, default=500, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    main()
