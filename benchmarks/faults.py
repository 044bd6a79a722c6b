# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
A fault that is off: how many of a million requests show one, and what they cost beside others.

Two exchanges answer the same requests, in turn, in this process. In one of them faults of every
kind, and latencies of orders and of the tape, were asked for and are off again: removed, or over.
Nothing was ever asked of the other. What is measured is the processor time of the thread that
answers. The ratio is the median over pairs of rounds; a ratio of the plain exchange to itself, from
its rounds by turns, says how much of it is noise. Some requests also go over sockets.

    python3 benchmarks/faults.py [--requests N] [--over-sockets N]
"""

import interrupts  # noqa: F401  # isort: skip
import argparse
import asyncio
import json
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from disorderbook.accounts import Accounts
from disorderbook.api.app import make_app
from disorderbook.assembly import MarketSettings, assemble
from disorderbook.control.fault_injection import FaultInjection
from disorderbook.control.faults import KINDS, STATUS
from disorderbook.in_process import PrivateExchange, listening_server, serve
from disorderbook.protocol.names import HOST
from disorderbook.server.connection import Service
from disorderbook.server.limits import Limits
from disorderbook.server.origin import OriginPolicy
from disorderbook.server.reader import RequestReader

ROUND = 2000  # requests of one exchange before it is the other's turn
WARM_UP = 2  # rounds of each that do not count
PIPELINED = 50  # requests that are sent at once
LINES = b"Host: 127.0.0.1\r\nContent-Type: application/json\r\n"
PATH = b"/ob/api/venues/TESTEX/stocks/FOOBAR"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--over-sockets", type=int, default=100_000)
    options = parser.parse_args()
    measure_in_process(options.requests)
    measure_over_sockets(options.over_sockets)


def disturb(injection: FaultInjection) -> None:
    """Ask for all there is, and have it off again."""
    for kind in KINDS:
        fields: dict[str, Any] = {"status": 503} if kind == STATUS else {}
        injection.add(kind, every=1, **fields)
        injection.add(kind, probability=0.5, account="ANN", **fields)
    injection.reject(1000)
    injection.set_latency(orders="uniform:10ms,90ms")
    injection.clear()
    injection.set_latency(orders="off")


# ---- in this process, by the way that a request takes behind the socket


def measure_in_process(count: int) -> None:
    rounds = max(1, count // (2 * ROUND))
    with answering(False) as plain, answering(True) as disturbed:
        for ask in (plain, disturbed) * WARM_UP:
            ask()
        pairs, struck = [], 0
        for number in range(rounds):
            if number % 2:
                (second, others), (first, some) = disturbed(), plain()
            else:
                (first, some), (second, others) = plain(), disturbed()
            pairs.append((first, second))
            struck += some + others
    ratios = [second / first for first, second in pairs]
    halves = [one[0] / other[0] for one, other in zip(pairs, pairs[1:], strict=False)]
    total = 2 * rounds * ROUND
    print(f"in process    {total:,} requests, {struck} struck")
    print(f"              {statistics.median(ratios):.3f} of a plain exchange's processor time")
    if halves:
        print(f"              ({statistics.median(halves):.3f}: a plain one beside itself)")
    each = 1e6 * statistics.median(first for first, _ in pairs) / ROUND
    print(f"              {each:.1f} us for a request to the plain one")


@contextmanager
def answering(is_disturbed: bool) -> Iterator[Callable[[], tuple[float, int]]]:
    """What answers a round: seconds of the processor, and how many answers were not usual."""
    with (
        listening_server(0, OriginPolicy()) as server,
        assemble(MarketSettings(), Accounts(), server=server) as services,
    ):
        app = make_app(services)
        service = _Service(app)
        server.treat_by = service.treat_by  # type: ignore[method-assign]
        if is_disturbed:
            assert services.injection is not None
            disturb(services.injection)
        reader = RequestReader({}, Limits(), service.heads, False)

        def ask() -> tuple[float, int]:
            for request in requests(ROUND):
                reader.feed(memoryview(request))
            waiting, unusual = tuple(reader.ready), 0
            reader.ready.clear()
            start = time.thread_time()
            answers = [service.answer(request) for request in waiting]
            spent = time.thread_time() - start
            for answer in answers:
                unusual += not (isinstance(answer, bytes) and answer.startswith(b"HTTP/1.1 200 "))
            return spent, unusual

        yield ask


class _Service(Service):
    """What the connections of a server share, without a server."""

    def __init__(self, app: Any) -> None:
        loop = asyncio.new_event_loop()

        async def begin() -> None:
            super(_Service, self).__init__(app, Limits(), {})

        loop.run_until_complete(begin())
        loop.close()


def requests(count: int) -> Iterator[bytes]:
    """Orders that trade with each other, cancels and quotes, in bytes."""
    for number in range(count):
        if number % 4 == 3:
            yield b"GET %b/quote HTTP/1.1\r\n%b\r\n" % (PATH, LINES)
        else:
            direction = "buy" if number % 2 else "sell"
            order = {"account": "ANN", "direction": direction, "qty": 10, "price": 5000}
            body = json.dumps(order | {"orderType": "limit"}).encode().ljust(100)
            head = b"POST %b/orders HTTP/1.1\r\n%bContent-Length: %d\r\n\r\n"
            yield head % (PATH, LINES, len(body)) + body


# ---- over sockets


def measure_over_sockets(count: int) -> None:
    with serve(journal=False) as exchange:
        inject(exchange)
        unusual, sent = 0, 0
        with socket.create_connection((HOST, exchange.port)) as peer:
            stream = peer.makefile("rb")
            while sent < count:
                peer.sendall(b"".join(requests(PIPELINED)))
                unusual += sum(next_status(stream) != b"200" for _ in range(PIPELINED))
                sent += PIPELINED
    print(f"over sockets  {sent:,} requests, {unusual} struck")


def inject(exchange: PrivateExchange) -> None:
    """Ask for all there is, and have it off again."""
    control = exchange.control
    for kind in KINDS:
        control.faults.add(kind, every=1, status=503 if kind == STATUS else None)
    control.reject(1000)
    control.latency(orders="uniform:10ms,90ms")
    control.faults.clear()
    control.latency(orders="off")


def next_status(stream: Any) -> bytes:
    status, length = stream.readline().split()[1], 0
    while (line := stream.readline()) != b"\r\n":
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    stream.read(length)
    return bytes(status)


if __name__ == "__main__":
    main()
