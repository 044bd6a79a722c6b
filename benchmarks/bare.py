"""The least that an HTTP server on uvloop and httptools can do, and how near to that ours comes.

The bare server answers every request with the same bytes, as many as our answer to an order that
trades. The ratio of the two rates is what an order costs besides sockets and parsing. Where other
programs want the processors, too, the processor time of an order is steadier than the rate.
"""

import asyncio
import socket
import statistics
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from math import nan
from pathlib import Path
from typing import NamedTuple

import httptools
import uvloop
from load import ORDERS, WARM, Client, as_bytes

BARE = "bare"
WANTED = {1: 0.62, 16: 0.30, 64: 0.30}  # ours to bare, by connections
READ_BYTES = 65536


class Server(NamedTuple):
    """A server process."""

    port: int
    pid: int


Running = Callable[..., AbstractContextManager[Server]]
"""Starts a server by its name and its arguments."""


class Cost(NamedTuple):
    """Orders a second, and microseconds of the processors for each (NaN where no system says)."""

    rate: float
    microseconds: float


def print_ratios(
    client: Client, running: Running, own: str, connections: list[int], rounds: int, seconds: float
) -> None:
    """Measure both servers in turn, in every round, and print the medians."""
    with running(own) as server:
        length = len(answer_to_a_trade(server.port))
    print(f"orders a second, ours beside a bare server that answers {length} bytes; medians")
    for number in connections:
        pairs = []
        for _ in range(rounds):
            costs = []
            for name in ((own,), (BARE, "--length", str(length))):
                with running(*name) as server:
                    client.measure(server.port, "orders", number, min(WARM, seconds))
                    costs.append(measure(client, server, number, seconds))
            pairs.append(costs)
        print(row(number, pairs), flush=True)


def measure(client: Client, server: Server, connections: int, seconds: float) -> Cost:
    before = processor_time(server.pid)
    rate = client.measure(server.port, "orders", connections, seconds).rate
    return Cost(rate, (processor_time(server.pid) - before) / (rate * seconds) * 1e6)


def processor_time(process: int) -> float:
    """Seconds that the threads of a process have run for; NaN where the system is not Linux."""
    threads = Path(f"/proc/{process}/task")
    if not threads.exists():
        return nan
    return (
        sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads.iterdir())
        / 1e9
    )


def row(connections: int, pairs: list[list[Cost]]) -> str:
    """What the rounds say; each is our cost and the bare server's."""
    ours, bare = zip(*pairs)
    ratios = [one.rate / other.rate for one, other in pairs]
    ratio, least = statistics.median(ratios), WANTED.get(connections, 0.0)
    return (
        f"{connections:3} connections: "
        f"{median_of(ours, 'rate'):8,.0f} to {median_of(bare, 'rate'):8,.0f}, ratio {ratio:.3f} "
        f"({min(ratios):.3f} to {max(ratios):.3f}; wanted {least:.2f}); microseconds of the "
        f"processors {median_of(ours, 'microseconds'):.1f} to "
        f"{median_of(bare, 'microseconds'):.1f}"
    )


def median_of(costs: Iterable[Cost], figure: str) -> float:
    figures: list[float] = [getattr(cost, figure) for cost in costs]
    return statistics.median(figures)


def answer_to_a_trade(port: int) -> bytes:
    """What our server answers to the first order of the stream that meets another."""
    with socket.create_connection(("127.0.0.1", port)) as peer:
        for order in ORDERS:
            peer.sendall(as_bytes(order))
            answer = peer.recv(READ_BYTES)
            if b'"fills":[{' in answer:
                return answer
    raise AssertionError("no order of the stream trades")


def serve_bare(length: int) -> None:
    """Print the port, then answer every request with `length` bytes until killed."""
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(_serve(_constant(length)))


def _constant(length: int) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    size = length - len(head % length)
    return (head % size).ljust(length, b"x")


class BareProtocol(asyncio.Protocol):
    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._write = transport.write  # type: ignore[attr-defined]  # the type of another kind
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._write(self._answer)


async def _serve(answer: bytes) -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(listener.getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: BareProtocol(answer), sock=listener)
    await server.serve_forever()
