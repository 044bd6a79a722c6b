"""What one client does to another: nothing, however many there are and whatever they leave undone.

The exchange runs as a process of its own, as users start it.
"""

import contextlib
import json
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from examples import examples
from hypothesis import given
from invariants import all_orders, check_invariants
from live import Exchange, running
from raw_http import Peer, Recorder, get, post, serving, wait_until
from streams import split_streams
from wsgi import BUY, ORDERS, Client

from disorderbook.process.sockets import allow_descriptors

FAIR_SHARE = 0.7  # of its undisturbed rate, for a client beside many that misbehave
WINDOW = 0.25  # seconds in which a rate is measured
WINDOWS = 40  # at most, until the rate is fair: the machine may be busy with something else
RESET = struct.pack("ii", 1, 0)  # for SO_LINGER: closing resets, and leaves no port in use
QUOTE = ORDERS.replace("orders", "quote")
BOOK = ORDERS.replace("/orders", "")


class Trader:
    """Places orders one after the other, and counts."""

    def __init__(self, port: int) -> None:
        self.peer = Peer(port)
        self.orders = 0

    def rate(self) -> float:
        """Orders a second, in one window; every one of them must be accepted."""
        start, count = time.perf_counter(), 0
        while (passed := time.perf_counter() - start) < WINDOW:
            direction = ("buy", "sell")[self.orders % 2]
            order = json.dumps(BUY | {"direction": direction}).encode()
            answer = self.peer.ask(post(ORDERS, order))
            assert answer.status == 200
            count += 1
            self.orders += 1
        return count / passed


@pytest.fixture(scope="module")
def exchange() -> Iterator[Exchange]:
    allow_descriptors()
    with running() as exchange:
        with Peer(exchange.port) as peer:  # so much to read that few answers fill a client's queue
            for number in range(900):
                order = BUY | {"price": 100 + number, "venue": "TESTEX"}
                assert peer.ask(post(ORDERS, json.dumps(order).encode())).status == 200
        yield exchange


MISBEHAVIOUR = {
    "idle": (500, b""),
    "with half a header": (500, get(QUOTE)[:40]),
    "stalled in the body": (500, post(ORDERS, json.dumps(BUY).encode())[:-5]),
    "that never read": (100, get(BOOK) * 100),
}


@pytest.mark.serial
@pytest.mark.parametrize("count, sent", MISBEHAVIOUR.values(), ids=MISBEHAVIOUR)
def test_many_clients_that_misbehave_do_not_hold_up_another(
    exchange: Exchange, count: int, sent: bytes
) -> None:
    trader = Trader(exchange.port)
    undisturbed = max(trader.rate() for _ in range(6))
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            peer = stack.enter_context(Peer(exchange.port, SO_RCVBUF=4096))
            peer.socket.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                peer.socket.send(sent)
        rates: list[float] = []
        while len(rates) < WINDOWS and max(rates, default=0) < FAIR_SHARE * undisturbed:
            rates.append(trader.rate())
    trader.peer.close()
    assert max(rates) >= FAIR_SHARE * undisturbed


needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="/proc tells what is measured")


@needs_proc
@pytest.mark.parametrize(
    "head, piece",
    [
        (b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n", b"x" * 100_000),
        (
            b"POST %b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"186A0\r\n" + b"x" * 100_000 + b"\r\n",
        ),
        (b"GET %b HTTP/1.1\r\nHost: a\r\nX: ", b"x" * 100_000),
    ],
)
def test_a_hundred_megabytes_are_refused_and_not_kept(
    exchange: Exchange, head: bytes, piece: bytes
) -> None:
    before = memory(exchange)
    with Peer(exchange.port) as peer:
        peer.send(head % ORDERS.encode())
        for _ in range(1000):
            peer.send(piece)
        [answer] = peer.answers()
    assert answer.error[0] in (413, 431)
    assert memory(exchange) - before < 10e6


@needs_proc
@pytest.mark.slow
def test_ten_thousand_clients_that_connect_and_leave_leave_nothing_behind() -> None:
    sent = (b"", b"G", get(QUOTE), post(ORDERS, b"{"), post(ORDERS, b"{}")[:-1], b"\x16\x03\x01")
    with running() as exchange:
        before = descriptors(exchange)
        for number in range(10_000):
            if number == 2_000:
                memory_before = memory(exchange)
            with socket.create_connection(("127.0.0.1", exchange.port)) as peer:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                peer.sendall(sent[number % len(sent)])
        assert wait_until(lambda: descriptors(exchange) <= before)
        assert memory(exchange) - memory_before < 10e6
        with Peer(exchange.port) as peer:
            assert peer.ask(get(QUOTE)).status == 200
    assert "Traceback" not in exchange.log()


@examples(1.2)
@given(split_streams())
def test_the_split_of_a_stream_does_not_change_the_answers(split: tuple[bytes, list[int]]) -> None:
    stream, cuts = split
    with serving(Recorder()) as server:
        whole = answers(server.port, stream, [])
        assert answers(server.port, stream, cuts) == whole


def answers(port: int, stream: bytes, cuts: list[int]) -> list[tuple[int, bytes]]:
    """Status and body of each answer to a stream that is sent in these pieces."""
    with Peer(port) as peer:
        peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start, end in zip([0, *cuts], [*cuts, len(stream)]):
            peer.send(stream[start:end])
        peer.socket.shutdown(socket.SHUT_WR)
        # Whether a client is told to continue depends on what has come by then.
        return [(a.status, a.body) for a in peer.answers() if a.status != 100]


@pytest.mark.slow
def test_fifty_clients_at_once_leave_books_without_a_gap_or_a_contradiction() -> None:
    market = Client()
    placed: list[dict[str, int]] = []
    failures: list[BaseException] = []

    def trade(number: int, port: int) -> None:
        try:
            with Peer(port) as peer:
                for turn in range(25):
                    placed.append(four_requests(peer, number, turn))
        except BaseException as failure:
            failures.append(failure)

    with serving(market.app) as server:
        threads = [
            threading.Thread(target=trade, args=(number, server.port)) for number in range(50)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []
    book = market.services.exchange.find_book("TESTEX", "FOOBAR")
    assert book is not None
    check_invariants(book)
    assert sorted(order["id"] for order in placed) == list(range(len(placed)))
    for order in placed:
        kept = book.find(order["id"])
        assert (kept.account, kept.quantity) == (order["account"], order["originalQty"])
    assert len(all_orders(book)) == len(placed) == 50 * 25


def four_requests(peer: Peer, number: int, turn: int) -> dict[str, int]:
    """Place an order, read it, cancel it or not, read the quote; returns the order as placed."""
    order = BUY | {
        "account": f"BOT{number}",
        "direction": ("buy", "sell")[(number + turn) % 2],
        "price": 5000 + (7 * number + 3 * turn) % 21,
        "qty": 1 + turn,
    }
    order_placed = peer.ask(post(ORDERS, json.dumps(order).encode())).json
    path = f"{ORDERS}/{order_placed['id']}"
    status = peer.ask(get(path)).json
    assert status["account"] == order["account"] and status["id"] == order_placed["id"]
    if turn % 3 == 0:
        assert peer.ask(get(path).replace(b"GET", b"DELETE")).json["open"] is False
    else:
        assert peer.ask(get(path)).status == 200
    assert peer.ask(get(QUOTE)).json["ok"] is True
    return order_placed


def memory(exchange: Exchange) -> int:
    """The most bytes of memory that the exchange has ever used."""
    status = Path(f"/proc/{exchange.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def descriptors(exchange: Exchange) -> int:
    return len(os.listdir(f"/proc/{exchange.process.pid}/fd"))
