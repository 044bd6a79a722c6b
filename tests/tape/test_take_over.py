"""Websockets at the port for HTTP: the tape goes on as if it had accepted the connection itself."""

import json
import math
import os
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from raw_http import get
from raw_websocket import (
    CLOSE,
    EXECUTIONS,
    PING,
    PONG,
    TEXT,
    TICKERS,
    RawPeer,
    close_frame,
    frame,
    handshake,
)
from tape_market import Market, market, market_behind_http, message, wait_until

from disorderbook.accounts import Accounts
from disorderbook.server.head import Refusal

KEYS = Accounts({"ANN": "annkey"})
NEVER = 1000.0  # seconds that no test takes


@pytest.fixture(scope="module")
def services() -> Iterator[Market]:
    with market_behind_http() as opened:
        yield opened


def sent_in(peer: RawPeer, *pieces: bytes) -> None:
    for piece in pieces:
        peer.send(piece)


def test_a_listener_hears_the_tape__difference_27(services: Market) -> None:
    with services.peer() as peer:
        services.tick()
        assert message(peer.frame())["ok"]
    wait_until(lambda: services.tape.counts().listeners == 0)


def test_handshake_and_frames_may_be_cut_anywhere_behind_a_request__difference_27(
    services: Market,
) -> None:
    asked = get("/first") + handshake() + frame(PING, b"one") + frame(PING, b"two")
    start = len(get("/first"))
    cuts = [[asked[:cut], asked[cut:]] for cut in range(start - 2, len(asked))]
    for pieces in [[asked], [bytes([byte]) for byte in asked], *cuts]:
        with RawPeer(services.port) as peer:
            sent_in(peer, *pieces)
            assert peer.body(peer.answer()) == b"GET /first 0"
            assert peer.answer().status == 101
            assert [peer.frame(), peer.frame()] == [(PONG, b"one", True), (PONG, b"two", True)]


def test_a_close_frame_behind_the_handshake_is_answered__difference_27(services: Market) -> None:
    with RawPeer(services.port) as peer:
        peer.send(handshake() + close_frame(1000) + frame(TEXT, b"too late"))
        assert peer.answer().status == 101
        assert [got.code for got in peer.frames()] == [1000]


def test_much_behind_the_handshake_is_read_in_pieces_and_counted__difference_27() -> None:
    pings = b"".join(frame(PING, b"%4d" % number) for number in range(1500))
    assert 3 * 4096 < len(pings) < 16_384
    with market_behind_http() as roomy, RawPeer(roomy.port) as peer:
        peer.send(handshake() + pings)
        assert peer.answer().status == 101
        assert [peer.frame().payload for _ in range(1500)] == [b"%4d" % n for n in range(1500)]
        assert not roomy.tape._server._unread
    with market_behind_http(received_bytes=5000) as strict, RawPeer(strict.port) as peer:
        peer.send(handshake() + pings)
        assert peer.answer().status == 101
        assert peer.frames()[-1].code == 1008


def test_a_frame_that_breaks_the_protocol_closes__difference_27(services: Market) -> None:
    with RawPeer(services.port) as peer:
        peer.send(handshake() + frame(TEXT, b"bare", mask=False))
        assert peer.answer().status == 101
        assert [got.code for got in peer.frames()] == [1002]


@pytest.mark.parametrize(
    "path, status",
    [
        (f"/key/annkey{EXECUTIONS}", None),
        (f"{EXECUTIONS}?api_key=annkey", None),
        (EXECUTIONS, 1008),
        (f"/key/wrong{EXECUTIONS}", 1008),
        ("//any/prefix//ws/ANN/venues/A%2FB/tickertape/?x=1", None),
        ("/ob/api/ws/nonsense", 1008),
        ("/", 1008),
    ],
)
def test_paths_and_keys_are_those_of_the_tape__difference_27(path: str, status: int | None) -> None:
    with market_behind_http(KEYS) as keyed, keyed.peer(path) as peer:
        if status is None:
            peer.send(frame(PING))
            assert peer.frame() == (PONG, b"", True)
        else:
            said, closing = peer.frames()
            assert message(said)["ok"] is False and closing.code == status


def test_the_answers_are_the_same_byte_for_byte__difference_27(services: Market) -> None:
    for asked in (
        handshake(),
        handshake(TICKERS, "Origin: http://evil.example"),
        handshake(TICKERS, "Host: evil.example"),
        handshake(TICKERS, "X: " + "x" * 9000),
        handshake(TICKERS, "Content-Length: 5") + b"hello",
        handshake(version="1.0"),
        handshake("/nowhere"),
    ):
        answers = []
        for port in (services.tape.port, services.port):
            with RawPeer(port) as peer:
                peer.send(asked)
                peer.socket.shutdown(socket.SHUT_WR)
                answers.append(b"".join(iter(lambda: peer.socket.recv(65536), b"")))
        assert answers[0] == answers[1] and answers[0].startswith(b"HTTP/1.1 ")


def test_a_refusal_is_held_counted_and_logged__differences_26_27(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with market_behind_http(refusal_seconds=NEVER) as services:
        with services.peer("/nowhere") as websocket, RawPeer(services.port) as plain:
            plain.send(handshake(TICKERS, "Origin: http://evil.example"))
            wait_until(lambda: services.tape.counts().refused == 2)
            assert services.tape.counts().listeners == 0
            for connection in tuple(services.tape._server.connections.values()):
                assert math.isfinite(connection._deadline)
                connection._deadline = 0.0
            assert websocket.frames()[-1].code == 1008
            assert plain.answer().status == 403
            for peer in (websocket, plain):
                port = peer.socket.getsockname()[1]
                assert f"A listener at 127.0.0.1:{port} is refused" in caplog.text


def test_a_listener_too_many_is_refused__difference_27() -> None:
    with market_behind_http(listeners=1) as services, services.peer() as good:
        for port in (services.port, services.tape.port):
            with RawPeer(port) as peer:
                peer.send(handshake())
                answer = peer.answer()
                assert answer.status == 503 and answer.headers["retry-after"] == "5"
        services.tick()
        assert message(good.frame())["ok"]


def test_without_room_for_a_connection_http_says_so__difference_27() -> None:
    limits = {"listeners": 1, "pending": 1, "pause_seconds": 0.01}
    with market_behind_http(**limits) as services, services.peer() as good:
        with RawPeer(services.tape.port) as pending:
            wait_until(lambda: len(services.tape._server.connections) == 2)
            with RawPeer(services.port) as peer:
                peer.send(handshake())
                answer = peer.answer()
                assert answer.status == 503
                assert "no room" in json.loads(peer.body(answer))["error"]
                assert "allowed: 2" in answer.headers["x-error-detail"]
                assert peer.has_hung_up()
            pending.socket.close()
        wait_until(lambda: len(services.tape._server.connections) == 1)
        with RawPeer(services.port) as peer:  # there is room again, but not for a listener
            peer.send(handshake())
            assert peer.answer().headers["retry-after"] == "5"
        services.tick()
        assert message(good.frame())["ok"]


def test_those_that_wait_for_the_tape_take_room_of_both_ways__difference_27() -> None:
    with market(listeners=2, pending=1) as services:
        server = services.tape._server
        holding, held = threading.Event(), threading.Event()
        services.tape._server._feed = Busy(services.tape, held, holding)
        server.waker.wake()
        assert held.wait(60)
        ends = [connected() for _ in range(4)]
        for ours, _ in ends[:3]:
            services.tape.take_over(ours, ("127.0.0.1", 1), b"")
        with pytest.raises(Refusal, match="no room"):
            services.tape.take_over(ends[3][0], ("127.0.0.1", 1), b"")
        assert server._room() == 0
        holding.set()
        wait_until(lambda: len(server.connections) == 3)
    for ours, theirs in ends[:3]:
        assert ours.fileno() < 0 and theirs.recv(1) == b""
    assert ends[3][0].fileno() >= 0
    for pair in ends:
        for end in pair:
            end.close()


def connected() -> tuple[socket.socket, socket.socket]:
    """Both ends of a connection of TCP."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname())
        return listening.accept()[0], client


class Busy:
    """A tape's feed whose delivery takes until `holding` is set, once."""

    def __init__(self, feed: Any, held: threading.Event, holding: threading.Event) -> None:
        self._feed, self._held, self._holding = feed, held, holding

    def __getattr__(self, name: str) -> Any:
        return getattr(self._feed, name)

    def deliver(self) -> None:
        self._held.set()
        assert self._holding.wait(60)
        self._feed.deliver()


def test_a_crowd_loses_nothing_and_leaves_no_descriptor__difference_27() -> None:
    def counted() -> int:
        return len(os.listdir("/proc/self/fd"))

    with market_behind_http() as services:
        with services.peer():
            pass
        wait_until(lambda: not services.tape._server.connections)
        before = counted()
        peers = [services.peer() for _ in range(100)]
        assert services.tape.counts().listeners == 100
        services.tick()
        for peer in peers:
            assert message(peer.frame())["ok"]
            peer.socket.close()
        wait_until(lambda: services.tape.counts().listeners == 0 and counted() <= before)


def test_who_vanishes_before_the_tape_looks_is_forgotten__difference_27(services: Market) -> None:
    for sent in (handshake(), get("/first") + handshake() + frame(PING)):
        with RawPeer(services.port) as peer:
            peer.send(sent)
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    wait_until(lambda: not services.tape._server.connections)
    with services.peer() as peer:
        services.tick()
        assert message(peer.frame())["ok"]


def test_the_end_says_goodbye_on_both_ports__difference_27() -> None:
    with market_behind_http() as services:
        peers = [services.peer(), RawPeer.listening(services.tape.port)]
        services.tick()
    for peer in peers:
        told, closing = peer.frames()
        assert message(told)["ok"] and (closing.opcode, closing.code) == (CLOSE, 1001)
        peer.socket.close()


def test_after_the_end_nobody_is_taken_over__difference_27() -> None:
    with market() as services:
        pass
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(Refusal):
        services.tape.take_over(ours, ("127.0.0.1", 1), handshake())
