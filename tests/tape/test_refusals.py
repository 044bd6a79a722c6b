"""Who is refused is told why, but not at once, and nobody else notices."""

import json
import math
import select
import socket
import threading

import pytest
from raw_websocket import EXECUTIONS, PATIENCE, TICKERS, Answer, Frame, RawPeer, handshake
from tape_market import Market, market, message, wait_until

from disorderbook.accounts import Accounts
from disorderbook.tape import server as tape_server

KEYS = Accounts({"ANN": "annkey"})
NEVER = 1000.0  # seconds that no test takes
CHECK_SECONDS = 0.02  # between the tape's looks at its deadlines
NOWHERE = "/nowhere"
REFUSED = {
    "a foreign website": (handshake(TICKERS, "Origin: http://evil.example"), 403),
    "a wrong method": (handshake(method="POST"), 405),
    "no websocket": (handshake(without=("upgrade",)), 426),
    "nonsense": (b"nonsense\r\n\r\n", 400),
    "a header without an end": (b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000, 431),
}


@pytest.fixture(autouse=True)
def frequent_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tape_server, "CHECK_SECONDS", CHECK_SECONDS)


def hurry(services: Market) -> None:
    """Let all the time pass that anybody but a listener has."""
    for connection in tuple(services.tape._server.connections.values()):
        if connection._deadline < math.inf:
            connection._deadline = 0.0


def hurried(services: Market, peer: RawPeer) -> Answer:
    """What a peer is answered once that time has passed."""

    def is_answered() -> bool:
        hurry(services)  # again and again: a deadline is set after its connection was counted
        return bool(select.select([peer.socket], [], [], 0)[0])

    wait_until(is_answered)
    return peer.answer()


def is_silent(peer: RawPeer) -> bool:
    """Whether nothing comes for longer than the tape takes between two looks at its deadlines."""
    peer.socket.settimeout(5 * CHECK_SECONDS)
    try:
        peer.socket.recv(1)
    except TimeoutError:
        return True
    finally:
        peer.socket.settimeout(PATIENCE)
    return False


def refused(services: Market, path: str = NOWHERE) -> tuple[str, Frame]:
    """What a websocket that may not listen is told: the sentence and the close frame."""
    with services.peer(path) as peer:
        said, closing = peer.frames()
    return message(said)["error"], closing


# The sentence.


def test_the_reason_is_the_sentence_of_the_frame__difference_26() -> None:
    with market(KEYS) as services:
        sentence, closing = refused(services, EXECUTIONS)
    assert closing.code == 1008
    assert sentence == closing.reason and "no API key was received" in sentence


def test_of_a_long_sentence_the_reason_is_the_beginning__difference_26() -> None:
    with market() as services:
        sentence, closing = refused(services)
    assert len(sentence) > 200 and closing.reason == sentence[:123]


# A second later.


def test_a_refused_websocket_is_told_so_later__difference_26() -> None:
    with market(refusal_seconds=NEVER) as services, services.peer(NOWHERE) as peer:
        wait_until(lambda: services.tape.counts().refused == 1)
        assert is_silent(peer)
        hurry(services)
        said, closing = peer.frames()
        assert "is not one of" in message(said)["error"] and closing.code == 1008


@pytest.mark.parametrize("sent, status", REFUSED.values(), ids=REFUSED)
def test_a_status_comes_later_too__difference_26(sent: bytes, status: int) -> None:
    with market(refusal_seconds=NEVER) as services, RawPeer(services.port) as peer:
        peer.send(sent)
        wait_until(lambda: services.tape.counts().refused == 1)
        assert is_silent(peer)
        answer = hurried(services, peer)
        assert answer.status == status and not json.loads(peer.body(answer))["ok"]
        assert peer.has_hung_up()


def test_a_crowd_and_slowness_are_told_later_too__difference_26() -> None:
    with market(refusal_seconds=NEVER, listeners=1) as services, services.peer() as good:
        with RawPeer(services.port) as many, RawPeer(services.port) as slow:
            many.send(handshake())
            slow.send(handshake()[:30])
            wait_until(lambda: services.tape.counts().refused == 1)
            assert is_silent(many) and is_silent(slow)
            answer = hurried(services, many)
            assert answer.status == 503
            assert answer.headers["x-error-detail"] == '"there are more listeners; allowed: 1"'
            wait_until(lambda: services.tape.counts().refused == 2)
            answer = hurried(services, slow)
            assert answer.status == 408
            assert "the handshake took longer; allowed: " in answer.headers["x-error-detail"]
        services.tick()
        assert message(good.frame())["ok"]


# And nobody else notices.


def test_who_is_held_is_no_listener_and_takes_nobodys_room__difference_26() -> None:
    limits = {"listeners": 1, "pending": 1, "refused": 20, "refusal_seconds": NEVER}
    with market(**limits) as services:
        held = [services.peer(NOWHERE) for _ in range(10)]
        for _ in range(10):
            held.append(RawPeer(services.port))
            held[-1].send(handshake(method="POST"))
        wait_until(lambda: services.tape.counts().refused == 20)
        assert services.tape.counts().listeners == 0
        with services.peer() as good:
            services.tick()
            assert message(good.frame())["ok"]
        for peer in held:
            peer.socket.close()
        wait_until(
            lambda: not services.tape._server.connections and not services.tape._server._refused
        )


def test_beyond_those_who_may_be_held_one_is_told_and_cut_at_once__difference_26() -> None:
    with market(refused=1, refusal_seconds=NEVER, linger_seconds=NEVER) as services:
        with services.peer(NOWHERE) as held, services.peer(NOWHERE) as websocket:
            said, closing = websocket.frames()
            assert "is not one of" in message(said)["error"] and closing.code == 1008
            with RawPeer(services.port) as peer:
                peer.send(handshake(method="POST"))
                assert peer.answer().status == 405
            wait_until(lambda: len(services.tape._server.connections) == 1)
            assert is_silent(held)


def test_who_has_closed_his_side_is_told_and_cut_at_once__difference_26() -> None:
    with market(refusal_seconds=NEVER) as services:
        with services.peer(NOWHERE) as websocket, RawPeer(services.port) as plain:
            plain.send(handshake(method="POST"))
            for peer in (websocket, plain):
                peer.socket.shutdown(socket.SHUT_WR)
            assert websocket.frames()[-1].code == 1008 and plain.answer().status == 405
        wait_until(lambda: not services.tape._server.connections)


def test_who_never_hangs_up_is_held_until_he_is_cut_off__difference_26() -> None:
    with market(linger_seconds=NEVER, refusal_seconds=0.0) as services:
        with services.peer(NOWHERE) as peer:
            assert peer.frames()[-1].code == 1008
            assert len(services.tape._server._refused) == 1
            hurry(services)
            wait_until(lambda: not services.tape._server._refused)


def test_the_end_waits_for_nobody_who_is_held_but_tells_him__difference_26() -> None:
    with market(refusal_seconds=NEVER, goodbye_seconds=NEVER) as services:
        websocket, plain = services.peer(NOWHERE), RawPeer(services.port)
        plain.send(handshake(method="POST"))
        wait_until(lambda: services.tape.counts().refused == 2)
        ending = threading.Thread(target=services.tape.close, daemon=True)
        ending.start()
        ending.join(PATIENCE)
        assert not ending.is_alive()
        assert websocket.frames()[-1].code == 1008 and plain.answer().status == 405
        websocket.socket.close()
        plain.socket.close()


# And it shows.


def test_each_refusal_is_counted_and_logged__difference_26(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with market(KEYS) as services:
        with services.peer(EXECUTIONS + "?api_key=wrong") as websocket:
            websocket.frames()
            host, port = websocket.socket.getsockname()
        with RawPeer(services.port) as plain:
            plain.send(handshake(TICKERS, "Origin: http://evil.example"))
            assert plain.answer().status == 403
        assert services.tape.counts().refused == 2
    lines = [(record.levelname, record.message) for record in caplog.records]
    assert lines[0] == (
        "WARNING",
        f"A listener at {host}:{port} is refused: Unknown account or wrong API key",
    )
    assert len(lines) == 2 and "Requests from other websites" in lines[1][1]


SECRET = "secret-key"


@pytest.mark.parametrize(
    "sent",
    [
        handshake(f"/key/{SECRET}{EXECUTIONS}"),
        handshake(f"{EXECUTIONS}?api_key={SECRET}"),
        handshake(f"/key/{SECRET}/ob/api/ws/ANN/nonsense?api_key={SECRET}"),
        handshake(f"/key/{SECRET}/nonsense/ob/api"),
        handshake(f"/key/{SECRET}{EXECUTIONS}", version="2.0"),
        handshake(f"/key/{SECRET}{EXECUTIONS}", version="1.x"),
        handshake(f"/key/{SECRET}{EXECUTIONS}", version="1.1 x"),
        handshake(f"/key/{SECRET}/ \xe9\x00{EXECUTIONS}"),
        handshake(f"/key/{SECRET}{EXECUTIONS}", "Origin: null"),
        handshake(f"/key/{SECRET}{EXECUTIONS}", "Host: evil example"),
        handshake(f"/key/{SECRET}{EXECUTIONS}", f"X-Starfighter-Authorization : {SECRET}"),
        handshake(f"/key/{SECRET}{EXECUTIONS}", method=SECRET),
        handshake(EXECUTIONS, f"Cookie: api_key={SECRET}"),
    ],
)
def test_no_key_is_ever_logged_or_told__difference_25(
    caplog: pytest.LogCaptureFixture, sent: bytes
) -> None:
    caplog.set_level(0)
    with market(KEYS) as services, RawPeer(services.port) as peer:
        peer.send(sent)
        wait_until(lambda: services.tape.counts().refused == 1)
        answer = b""
        while piece := peer.socket.recv(65536):
            answer += piece
    assert len(caplog.records) == 1
    assert SECRET not in caplog.text and SECRET.encode() not in answer
