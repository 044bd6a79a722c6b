"""Orders and quotes a second over HTTP: our server beside others, under the same application.

Each measurement has a server process of its own, with the real exchange behind it. The rounds are
interleaved, so that whatever else the machine does hits all servers alike; the figures are medians
of the rounds with the least and the most. `--layers` says instead what each layer of our server
costs.

    python3 benchmarks/http.py [--seconds 2] [--rounds 3] [--connections 1,16,64]
        [--servers inline,waitress,wsgiref,uvicorn] [--workloads orders,quotes,mix] [--layers]
"""

import argparse
import io
import os
import platform
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

from disorderbook.accounts import Accounts
from disorderbook.collector import keep_collections_short
from disorderbook.exchange import MAX_BOOKS, Exchange
from disorderbook.gamemaster import GameMaster
from disorderbook.rest.api import House
from disorderbook.rest.app import make_app
from disorderbook.rest.serving import OWN_SERVER, make_server

from load import CLIENT, WORKLOADS, Load, measure

FRONT_DOOR = Path(__file__).with_name("http.py")
SERVERS = [OWN_SERVER, "waitress", "wsgiref", "uvicorn"]


def main() -> None:
    options = _parser().parse_args()
    if options.serve:
        serve(options.serve)
    else:
        compare(options)


def compare(options: argparse.Namespace) -> None:
    """Measure every server with every workload and print the table and the targets."""
    print(f"{platform.python_version()}, {os.cpu_count()} cores; load from {CLIENT}")
    for workload in options.workloads:
        for connections in options.connections:
            rounds = [
                {name: one(name, workload, connections, options.seconds)
                 for name in options.servers}
                for _ in range(options.rounds)
            ]
            print_table(workload, connections, rounds)


def one(name: str, workload: str, connections: int, seconds: int) -> Load:
    with running(name) as port:
        measure(port, workload, connections, 1)  # so that everything is warm
        return measure(port, workload, connections, seconds)


def print_table(workload: str, connections: int, rounds: list[dict[str, Load]]) -> None:
    print(f"\n{workload}, {connections} connections")
    print(f"{'':10} {'a second':>9} {'least':>8} {'most':>8} {'p50 ms':>8} {'p99 ms':>8} "
          f"{'errors':>6} {'ours is':>8}")
    own = statistics.median(r[SERVERS[0]].rate for r in rounds) if SERVERS[0] in rounds[0] else 0
    for name in rounds[0]:
        loads = [measured[name] for measured in rounds]
        rates = [load.rate for load in loads]
        rate = statistics.median(rates)
        p50, p99 = (statistics.median(times) for times in zip(*[load[1:3] for load in loads]))
        errors = sum(load.errors for load in loads)
        print(f"{name:10} {rate:9,.0f} {min(rates):8,.0f} {max(rates):8,.0f} {p50:8.2f} {p99:8.2f} "
              f"{errors:6} {own / rate:7.2f}x", flush=True)


@contextmanager
def running(name: str) -> Iterator[int]:
    """A server process of this name; gives its port."""
    with subprocess.Popen(
        [sys.executable, str(FRONT_DOOR), "--serve", name], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            _wait_for(port)
            yield port
        finally:
            process.kill()


def _wait_for(port: int) -> None:
    """Until the server listens; only ours does when it says its port."""
    deadline = time.monotonic() + 10
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, "the server does not start"
            time.sleep(0.02)


def serve(name: str) -> None:
    """Be a server: print the port, then serve until killed."""
    exchange = Exchange(MAX_BOOKS)
    exchange.book("TESTEX", "FOOBAR")
    app = make_app(House(exchange, Accounts(), GameMaster(), extra=False))
    keep_collections_short()
    if name == "uvicorn":
        serve_with_uvicorn(app)
    else:
        server = make_server(name, 0)
        print(server.port, flush=True)
        bottle.run(app, server=server, quiet=True)


def serve_with_uvicorn(app: Callable[..., Any]) -> None:
    import uvicorn

    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(
        asgi(app), loop="uvloop", http="httptools", lifespan="off", log_level="warning",
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
            "REQUEST_METHOD": scope["method"], "PATH_INFO": scope["path"], "SCRIPT_NAME": "",
            "QUERY_STRING": scope["query_string"].decode("latin-1"),
            "SERVER_PROTOCOL": "HTTP/1.1", "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body), "wsgi.errors": sys.stderr, "wsgi.url_scheme": "http",
        }
        for header, value in scope["headers"]:
            key = header.decode("latin-1").upper().replace("-", "_")
            environ.setdefault(f"HTTP_{key}", value.decode("latin-1"))
        started: list[Any] = []
        chunks = app(environ, lambda *arguments: started.extend(arguments))
        headers = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in started[1]]
        await send({
            "type": "http.response.start", "status": int(started[0][:3]), "headers": headers,
        })
        await send({"type": "http.response.body", "body": b"".join(chunks)})

    return inline


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--seconds", type=int, default=2)
    add("--rounds", type=int, default=3)
    add("--connections", type=lambda text: [int(n) for n in text.split(",")], default=[1, 16, 64])
    add("--servers", type=lambda text: text.split(","), default=SERVERS)
    add("--workloads", type=lambda text: text.split(","), default=list(WORKLOADS))
    add("--layers", action="store_true")
    add("--serve", metavar="NAME", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    main()
