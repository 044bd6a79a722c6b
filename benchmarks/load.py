"""Keeps a server busy for some seconds and says how it did: with wrk where that is installed,
otherwise with client processes of our own, each of which waits for an answer before it asks again.
"""

import json
import multiprocessing
import re
import selectors
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from itertools import cycle
from typing import NamedTuple, Protocol

HAS_WRK = shutil.which("wrk") is not None
WARM = 1.0  # seconds that a server is busy, at most, before it is measured

STOCK = "/ob/api/venues/TESTEX/stocks/FOOBAR"
MIDDLE = 5000  # cents
TIMEOUT = 5.0  # seconds until an answer counts as an error


class Ask(NamedTuple):
    method: str
    path: str
    body: str = ""


class Load(NamedTuple):
    """Requests a second; milliseconds until half, and 99 in 100, of the answers were there."""

    rate: float
    p50: float
    p99: float
    errors: int


def order(number: int) -> Ask:
    """Buys and sells in turn, so near the middle that most of them trade."""
    return Ask(
        "POST",
        f"{STOCK}/orders",
        json.dumps(
            {
                "account": f"BOT{number % 10}",
                "venue": "TESTEX",
                "stock": "FOOBAR",
                "direction": "sell" if number % 2 else "buy",
                "orderType": "limit",
                "price": MIDDLE + number * 7 % 11 - 5,
                "qty": 50 + number * 13 % 100,
            }
        ),
    )


ORDERS = [order(number) for number in range(220)]
QUOTE = Ask("GET", f"{STOCK}/quote")
WORKLOADS = {
    "orders": ORDERS,
    "quotes": [QUOTE],
    "mix": [ask for order in ORDERS for ask in (order, QUOTE)],
}


class Client(Protocol):
    name: str

    def measure(self, port: int, workload: str, connections: int, seconds: float) -> Load:
        """Load the server on this port with closed loops, as many as there are connections."""


SCRIPT = """
local asks, number = {}, 0
function init(arguments)
%s
end
function request()
  number = number %% #asks + 1
  return asks[number]
end
function done(summary, latency)
  local e = summary.errors
  io.write(string.format('\\nRESULT {"requests": %%d, "microseconds": %%d, "p50": %%f, '
    .. '"p99": %%f, "errors": %%d}\\n', summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


class Wrk:
    name = "wrk"

    def measure(self, port: int, workload: str, connections: int, seconds: float) -> Load:
        lines = [
            f"  asks[{number}] = wrk.format('{ask.method}', '{ask.path}', "
            f"{{['Content-Type'] = 'application/json'}}, {_lua(ask.body)})"
            for number, ask in enumerate(WORKLOADS[workload], start=1)
        ]
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            script.write(SCRIPT % "\n".join(lines))
            script.flush()
            done = subprocess.run(
                [
                    "wrk",
                    "-t1",
                    f"-c{connections}",
                    f"-d{seconds:.0f}s",
                    f"--timeout={TIMEOUT:g}s",
                    "-s",
                    script.name,
                    f"http://127.0.0.1:{port}",
                ],
                capture_output=True,
                text=True,
                check=True,
            )
        result = json.loads(done.stdout.split("RESULT ")[1])
        return Load(
            result["requests"] / result["microseconds"] * 1e6,
            result["p50"] / 1000,
            result["p99"] / 1000,
            result["errors"],
        )


def _lua(text: str) -> str:
    return f"'{text}'" if text else "nil"


def client_for(seconds: float) -> Client:
    """Wrk where it is installed, which knows but whole seconds."""
    return Wrk() if HAS_WRK and seconds == int(seconds) else OwnClients()


class OwnClients:
    name = "client processes of our own (wrk is not installed, or not wanted)"

    def measure(self, port: int, workload: str, connections: int, seconds: float) -> Load:
        shares = [share for share in (connections // 2, connections - connections // 2) if share]
        with multiprocessing.Pool(len(shares)) as clients:
            results = clients.starmap(
                _be_clients, [(port, WORKLOADS[workload], share, seconds) for share in shares]
            )
        waits = sorted(wait for waits, _ in results for wait in waits)
        hundredths = statistics.quantiles(waits, n=100)
        return Load(
            len(waits) / seconds,
            hundredths[49] * 1000,
            hundredths[98] * 1000,
            sum(errors for _, errors in results),
        )


def _be_clients(
    port: int, asks: list[Ask], connections: int, seconds: float
) -> tuple[list[float], int]:
    """Seconds that each answer took, and how many requests had none or a bad one."""
    requests = cycle([as_bytes(ask) for ask in asks])
    waits: list[float] = []
    errors = 0
    with selectors.DefaultSelector() as selector:
        for _ in range(connections):
            _Client(port, selector).ask(next(requests))
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            ready = selector.select(TIMEOUT)
            errors += 0 if ready else connections
            for key, _ in ready:
                answered = key.data.read()
                if answered is None:
                    continue
                errors += not answered
                waits.append(time.perf_counter() - key.data.asked_at)
                key.data.ask(next(requests))
    return waits, errors


class _Client:
    """One connection, opened anew whenever the server has closed it."""

    def __init__(self, port: int, selector: selectors.BaseSelector) -> None:
        self.port, self.selector = port, selector
        self.socket: socket.socket | None = None

    def ask(self, request: bytes) -> None:
        self.received = b""
        self.asked_at = time.perf_counter()
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), TIMEOUT)
            self.selector.register(self.socket, selectors.EVENT_READ, self)
        self.socket.sendall(request)

    def read(self) -> bool | None:
        """Whether the answer was good, or None if the rest of it is still to come."""
        assert self.socket is not None  # something was asked
        piece = self.socket.recv(65536)
        self.received += piece
        head, _, body = self.received.partition(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
        if piece and not (length and len(body) >= int(length[1])):
            return None
        if not piece or head.startswith(b"HTTP/1.0"):
            self.selector.unregister(self.socket)
            self.socket.close()
            self.socket = None
        return head.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200"))


def as_bytes(ask: Ask) -> bytes:
    return (
        f"{ask.method} {ask.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(ask.body)}\r\n\r\n{ask.body}"
    ).encode()
