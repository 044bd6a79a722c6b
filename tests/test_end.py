"""The end comes at once, whatever the clients are doing: SIGTERM with 200 of them that hang."""

import json
import socket
from collections.abc import Callable
from contextlib import ExitStack

import pytest
from live import Exchange, killed
from raw_http import get, post
from raw_websocket import TICKERS, RawPeer, close_frame, handshake
from wsgi import BUY, ORDERS

from disorderbook.server.limits import Limits as RestLimits
from disorderbook.tape.limits import TapeLimits

OF_EACH = 20  # clients of each of the ten kinds
SMALL = 4096  # bytes of a receive buffer that is soon full
TICKS = 5000  # more than the sockets of somebody who does not read hold
BOOK = "/ob/api/venues/TESTEX/stocks/FOOBAR"


def test_nobody_may_hold_up_the_end_for_half_a_second() -> None:
    rest, tape = RestLimits(), TapeLimits()
    assert rest.stop_seconds + 2 * tape.goodbye_seconds < 0.3  # the rest is for Python to end


@pytest.mark.serial
def test_200_clients_that_hang_do_not_hold_up_the_end() -> None:
    with killed("--websockets", "--wsport", "0") as exchange, ExitStack() as stack:
        port = int(exchange.process.wait_for(r"ws://127\.0\.0\.1:(\d+)/ob/api/ws/")[1])
        clients = [
            stack.enter_context(client)
            for make in kinds(port, exchange.port).values()
            for client in map(make, range(OF_EACH))
        ]
        assert len(clients) == 200
        trade(exchange)
        # Generous: it was 5 seconds once, and is 0.3 on a machine that is not busy.
        assert exchange.process.end(patience=4.0) == 0


def kinds(tape: int, rest: int) -> dict[str, Callable[[int], RawPeer]]:
    """Ways to hang, each as a function that makes a client."""

    def saying(port: int, words: bytes) -> Callable[[int], RawPeer]:
        def make(_: int) -> RawPeer:
            peer = RawPeer(port, receive_buffer=SMALL)
            peer.send(words)
            return peer

        return make

    def listening(path: str, words: bytes = b"", size: int = 65536) -> Callable[[int], RawPeer]:
        def make(_: int) -> RawPeer:
            peer = RawPeer.listening(tape, path, receive_buffer=size)
            peer.send(words)
            return peer

        return make

    return {
        "silent before the handshake": saying(tape, b""),
        "in mid-handshake": saying(tape, handshake()[:40]),
        "refused with a status and held": saying(tape, handshake(method="POST")),
        "refused with a close frame and held": listening("/nowhere"),
        "in mid-close": listening(TICKERS.replace("TESTEX", "QUIET"), close_frame(1000)),
        "a listener that does not read": listening(TICKERS, size=SMALL),
        "silent at REST": saying(rest, b""),
        "in mid-head": saying(rest, get(BOOK)[:-2]),
        "in mid-body": saying(rest, post(ORDERS, json.dumps(BUY).encode())[:-1]),
        "one who asks and does not read": saying(rest, get(BOOK) * 200),
    }


def trade(exchange: Exchange) -> None:
    """Many orders, to fill what is between the tape and those who do not read it."""
    order = post(ORDERS, json.dumps(BUY).encode())
    with socket.create_connection(("127.0.0.1", exchange.port)) as trader:
        trader.settimeout(20)
        for _ in range(TICKS // 50):
            trader.sendall(order * 50)
            seen = b""
            while seen.count(b"HTTP/1.1 200") < 50:
                seen += trader.recv(1 << 16)
