"""Connections that ask for a websocket: the server answers what came before on them, and leaves the
socket and everything that it has read to somebody else.
"""

import asyncio
import logging
import os
import queue
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from raw_http import Peer, Recorder, get, post, serving, wait_until
from raw_websocket import TEXT, frame, handshake

from disorderbook.server.head import Refusal
from disorderbook.server.limits import Limits
from disorderbook.server.reader import NOTHING, KnownHeads, RequestReader
from disorderbook.server.server import InlineServer, fastest_loop

LOOPS = {"fastest": fastest_loop, "asyncio": asyncio.new_event_loop}
LATE_FRAME = frame(TEXT, b"sent later")


class Taker:
    """Takes every connection, unless it is told to refuse."""

    def __init__(self) -> None:
        self.taken: queue.Queue[tuple[socket.socket, Any, bytes]] = queue.Queue()
        self.refusal: Refusal | None = None

    def __call__(self, sock: socket.socket, address: Any, received: bytes) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.taken.put((sock, address, received))

    def next(self) -> tuple[socket.socket, Any, bytes]:
        return self.taken.get(timeout=60)

    def read(self, size: int) -> bytes:
        """So many bytes of the next connection, which is closed; none of them may be missing."""
        sock, _, received = self.next()
        with sock:
            sock.settimeout(60)
            while len(received) < size:
                piece = sock.recv(65536)
                assert piece, received
                received += piece
        return received


@pytest.fixture
def taker() -> Taker:
    return Taker()


@pytest.fixture(params=LOOPS.values(), ids=LOOPS)
def new_loop(request: Any) -> Callable[[], asyncio.AbstractEventLoop]:
    return request.param


@pytest.fixture(params=[None, lambda: None], ids=["at once", "kept first"])
def server(request: Any, taker: Taker, new_loop: Any) -> Iterator[InlineServer]:
    with serving(Recorder(), new_loop, request.param, taker) as server:
        yield server


def read_by(reader: RequestReader, pieces: list[bytes]) -> bytes:
    for piece in pieces:
        reader.feed(piece)
    return reader.handshake


@pytest.mark.parametrize(
    "asked",
    [
        handshake(),
        handshake(method="POST"),
        handshake(version="1.0"),
        handshake(without=("connection",)),
        handshake(without=("host",)),
        handshake("/anywhere", "Upgrade: h2c, WebSocket", "Origin: http://evil.example"),
        handshake("/", "Content-Length: 5") + b"hello",
        handshake("/", "Content-Length: 5", without=("connection",)) + b"hello",
        handshake("/", "Transfer-Encoding: chunked") + b"5\r\nhello\r\n0\r\n\r\n",
        handshake("/", "Expect: 100-continue", "Content-Length: 1"),
        handshake("ws://127.0.0.1:8000/ob/api/ws/A/venues/V/tickertape"),
    ],
)
def test_a_handshake_is_left_as_it_came_in_any_pieces(asked: bytes) -> None:
    before = post("/one", b"body") + get("/two")
    sent = before + asked + frame(TEXT, b"and more")
    cuts = [[sent], [bytes([byte]) for byte in sent]]
    cuts += [[sent[:cut], sent[cut:]] for cut in range(1, len(sent))]
    for pieces in cuts:
        reader = RequestReader({}, Limits(), KnownHeads(), True)
        assert read_by(reader, pieces) == sent[len(before) :], pieces
        assert [request.head.environ["PATH_INFO"] for request in reader.ready] == ["/one", "/two"]
        assert reader.stage is NOTHING and reader.finished


@pytest.mark.parametrize(
    "asked",
    [
        get("/", "1.1", "Upgrade: h2c", "Connection: Upgrade"),
        get("/ob/api/ws/A/venues/V/tickertape"),
        get("/", "1.1", "X-Upgrade: websocket"),
    ],
)
def test_any_other_request_is_a_request(asked: bytes) -> None:
    reader = RequestReader({}, Limits(), KnownHeads(), True)
    assert read_by(reader, [asked]) == b"" and len(reader.ready) == 1


def test_a_handshake_is_a_request_where_nobody_takes_it() -> None:
    reader = RequestReader({}, Limits(), KnownHeads())
    assert read_by(reader, [handshake()]) == b""
    assert reader.ready[0].head.environ["HTTP_UPGRADE"] == "websocket"


def test_a_head_that_is_too_long_is_refused_and_left_to_nobody() -> None:
    reader = RequestReader({}, Limits(), KnownHeads(), True)
    with pytest.raises(Refusal, match="at most 16384 bytes"):
        reader.feed(handshake("/", "X: " + "x" * 16_384))


def test_the_socket_is_left_with_all_bytes_after_the_answers_before(
    server: InlineServer, taker: Taker
) -> None:
    asked = handshake() + frame(TEXT, b"at once")
    with Peer(server.port) as peer:
        peer.send(b"".join(get(f"/{number}") for number in range(40)) + asked)
        assert [peer.answer().body for _ in range(40)] == [b"GET /%d 0" % n for n in range(40)]
        peer.send(LATE_FRAME)
        assert taker.read(len(asked + LATE_FRAME)) == asked + LATE_FRAME
        assert peer.is_closed_by_server()


def test_the_socket_is_left_as_it_is_with_the_clients_address(
    server: InlineServer, taker: Taker
) -> None:
    with Peer(server.port) as peer:
        peer.send(handshake())
        sock, address, _ = taker.next()
        with sock:
            assert address == sock.getpeername() == peer.socket.getsockname()
            assert wait_until(lambda: server.counts().connections == 0)
            sock.setblocking(True)
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            assert peer.answer().body == b"ok"
        assert peer.is_closed_by_server()


def test_the_socket_is_not_left_before_a_slow_client_has_read_its_answers(
    taker: Taker, new_loop: Any, caplog: pytest.LogCaptureFixture
) -> None:
    large = 3_000_000
    with (
        serving(Recorder(), new_loop, None, taker) as server,
        Peer(server.port, SO_RCVBUF=4096) as peer,
    ):
        peer.send(get(f"/large/{large}") + get("/then") + handshake())
        assert peer.answer().body == b"x" * large
        assert peer.answer().body == b"GET /then 0"
        assert taker.read(len(handshake())) == handshake()
        assert peer.is_closed_by_server()
    assert not caplog.records  # as there are where asyncio ends a connection twice


def test_who_never_reads_the_answers_before_is_cut_off(taker: Taker, new_loop: Any) -> None:
    with (
        serving(Recorder(), new_loop, None, taker, write_seconds=0.1) as server,
        Peer(server.port, SO_RCVBUF=4096) as peer,
    ):
        peer.send(get("/large/9000000") + handshake())
        assert wait_until(lambda: server.counts().connections == 1)
        assert wait_until(lambda: server.counts().connections == 0)
        assert taker.taken.empty()


def test_the_place_among_the_connections_is_free_again(taker: Taker, new_loop: Any) -> None:
    with serving(Recorder(), new_loop, None, taker, connections=1) as server:
        for _ in range(5):
            with Peer(server.port) as peer:
                peer.send(handshake())
                sock, _, _ = taker.next()
                with sock, Peer(server.port) as other:
                    assert other.ask(get("/")).status == 200
            assert wait_until(lambda: server.counts().connections == 0)
        assert server.counts().refused == {}


def test_one_connection_too_many_is_refused_as_ever(taker: Taker) -> None:
    with (
        serving(Recorder(), upgrade=taker, connections=1, excess_seconds=10) as server,
        Peer(server.port) as first,
        Peer(server.port) as second,
    ):
        assert first.ask(get("/")).status == 200
        assert second.ask(handshake()).error == (503, "At most 1 connections are open at a time")
        assert taker.taken.empty()


def test_who_is_not_taken_gets_the_refusal(server: InlineServer, taker: Taker) -> None:
    taker.refusal = Refusal("503 Service Unavailable", "There is no room", "allowed: 1")
    with Peer(server.port) as peer:
        peer.send(get("/before") + handshake())
        assert peer.answer().body == b"GET /before 0"
        answer = peer.answer()
        assert answer.error == (503, "There is no room")
        assert answer.headers["x-error-detail"] == '"allowed: 1"'
        assert peer.is_closed_by_server()
    assert server.counts().refused == {"503 Service Unavailable": 1}


def test_nothing_after_a_request_to_close_is_a_handshake(
    server: InlineServer, taker: Taker
) -> None:
    with Peer(server.port) as peer:
        peer.send(get("/last", "1.1", "Connection: close") + handshake())
        assert [answer.body for answer in peer.answers()] == [b"GET /last 0"]
    assert taker.taken.empty()


def test_without_descriptors_the_client_is_cut_off(
    taker: Taker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_descriptors(descriptor: Any) -> int:
        raise OSError(24, "Too many open files")

    with serving(Recorder(), asyncio.new_event_loop, None, taker) as server:
        with Peer(server.port) as peer:
            assert peer.ask(get("/")).status == 200
            monkeypatch.setattr(socket, "dup", no_descriptors)
            peer.send(handshake())
            assert peer.is_closed_by_server()
        assert wait_until(lambda: server.counts().connections == 0)
        assert server.counts().dropped == 1
    assert "127.0.0.1 is cut off: Too many open files" in caplog.text


def test_no_descriptor_stays_open(server: InlineServer, taker: Taker) -> None:
    def connect() -> None:
        with Peer(server.port) as peer:
            peer.send(handshake())
            if taker.refusal is None:
                taker.next()[0].close()
            else:
                assert peer.answer().status == 503
            assert peer.is_closed_by_server()
        assert wait_until(lambda: server.counts().connections == 0)

    def counted() -> int:
        return len(os.listdir("/proc/self/fd"))

    connect()
    before = counted()
    for _ in range(10):
        connect()
    taker.refusal = Refusal("503 Service Unavailable", "There is no room")
    for _ in range(10):
        connect()
    assert wait_until(lambda: counted() <= before)
    assert counted() <= before


def test_a_socket_that_was_left_outlives_the_server(taker: Taker, new_loop: Any) -> None:
    with serving(Recorder(), new_loop, None, taker) as server:
        peer = Peer(server.port)
        peer.send(handshake())
        sock, _, _ = taker.next()
    with peer, sock:
        sock.setblocking(True)
        sock.sendall(b"x")
        assert peer.socket.recv(9) == b"x"


def test_a_taken_connection_is_not_logged(
    server: InlineServer, taker: Taker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with Peer(server.port) as peer:
        peer.send(handshake())
        taker.next()[0].close()
        assert peer.is_closed_by_server()
    assert not caplog.records
