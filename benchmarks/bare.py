"""The least that an HTTP server on uvloop and httptools can do, and how near to that ours comes.

The bare server answers every request with the same bytes, as many as our answer to an order that
trades. The ratio of the two rates is what an order costs besides sockets and parsing.
"""

import asyncio
import socket
import statistics
from collections.abc import Callable
from contextlib import AbstractContextManager

import httptools
import uvloop
from load import ORDERS, Client, as_bytes

BARE = "bare"
WANTED = {1: 0.62, 16: 0.30, 64: 0.30}  # ours to bare, by connections
READ_BYTES = 65536

Running = Callable[..., AbstractContextManager[int]]
"""Starts a server by its name and its arguments; gives its port."""


def print_ratios(
    client: Client, running: Running, own: str, connections: list[int], rounds: int, seconds: int
) -> None:
    """Measure both servers in turn, in every round, and print the medians."""
    with running(own) as port:
        length = len(answer_to_a_trade(port))
    print(f"orders a second, ours beside a bare server that answers {length} bytes; medians")
    for number in connections:
        pairs = []
        for _ in range(rounds):
            rates = []
            for name in ((own,), (BARE, "--length", str(length))):
                with running(*name) as port:
                    client.measure(port, "orders", number, 1)  # so that everything is warm
                    rates.append(client.measure(port, "orders", number, seconds).rate)
            pairs.append(rates)
        ours, bare = (statistics.median(rates) for rates in zip(*pairs))
        ratios = [one / other for one, other in pairs]
        ratio, least = statistics.median(ratios), WANTED.get(number, 0.0)
        print(
            f"{'met   ' if ratio >= least else 'MISSED'} {number:3} connections: {ours:8,.0f} to "
            f"{bare:8,.0f}, ratio {ratio:.3f} ({min(ratios):.3f} to {max(ratios):.3f}; "
            f"wanted {least:.2f})",
            flush=True,
        )


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
