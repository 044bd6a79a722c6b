"""Listeners that are slow to come, silent, noisy or gone, and what becomes of them."""

import socket
import struct
import threading

import pytest
from raw_websocket import (
    CLOSE,
    EXECUTIONS,
    PING,
    PONG,
    TEXT,
    TICKERS,
    Frame,
    RawPeer,
    close_frame,
    frame,
    handshake,
)
from tape_market import market, message, wait_until

from disorderbook.server.origin import OriginPolicy
from disorderbook.tape import listener
from disorderbook.tape.limits import TapeLimits


def last_words(peer: RawPeer) -> Frame:
    """The last frame before the tape hangs up."""
    return peer.frames()[-1]


# Deadlines.


def test_a_handshake_that_takes_too_long_is_refused() -> None:
    with market(handshake_seconds=0.1) as services, RawPeer(services.port) as peer:
        peer.send(handshake()[:30])
        assert peer.answer().status == 408
        assert peer.has_hung_up()


def test_whoever_says_nothing_at_all_is_refused_too() -> None:
    with market(handshake_seconds=0.1) as services, RawPeer(services.port) as peer:
        assert peer.answer().status == 408


def test_a_listener_is_pinged_and_stays_as_long_as_it_answers() -> None:
    with market(ping_seconds=0.0, pong_seconds=10.0) as services, services.peer() as peer:
        for _ in range(3):
            assert peer.frame() == (PING, b"", True)
            peer.send(frame(PONG))
        services.tick()
        assert message(peer.frame())["ok"]


class Clock:
    """Stands for `time` in the listener's module."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


def test_the_first_ping_is_counted_from_the_handshake(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(listener, "time", clock)
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        far.setblocking(False)
        limits = TapeLimits(handshake_seconds=30.0, ping_seconds=20.0)
        connected = listener.Listener(near, ("127.0.0.1", 1), limits, OriginPolicy())
        clock.now = 15.0
        far.send(handshake())
        assert connected.read()
        connected.accept()
        connected.flush()
        assert far.recv(65536).startswith(b"HTTP/1.1 101 ")
        connected.check(35.0)
        with pytest.raises(BlockingIOError):
            far.recv(1)
        connected.check(35.1)
        assert far.recv(2) == bytes([0x80 | PING, 0])


def test_a_listener_that_does_not_answer_a_ping_is_closed() -> None:
    with market(ping_seconds=0.0, pong_seconds=0.1) as services, services.peer() as peer:
        assert peer.frame() == (PING, b"", True)
        closing = last_words(peer)
        assert closing.code == 1008 and "pong" in closing.reason
        wait_until(lambda: services.tape.counts().listeners == 0)


def test_a_listener_that_never_hangs_up_is_cut_off() -> None:
    with market(linger_seconds=0.1) as services, services.peer() as peer:
        peer.send(close_frame(1000))
        assert peer.frame() == (CLOSE, struct.pack("!H", 1000), True)
        assert peer.frame() is None
        wait_until(lambda: not services.tape._server.connections)


# Noisy ones.


def test_who_says_more_than_64_kib_in_10_seconds_is_closed() -> None:
    said = frame(TEXT, b"x" * 4000)
    with market() as services, services.peer() as noisy:
        try:
            for _ in range(65536 // len(said) + 2):
                noisy.send(said)
        except ConnectionError:
            pass
        assert last_words(noisy).code == 1008


def test_who_says_as_much_in_a_longer_time_may_stay() -> None:
    said = frame(TEXT, b"x" * 4000)
    with market(received_seconds=0.001) as services, services.peer() as talkative:
        for number in range(65536 // len(said) + 2):
            talkative.send(said + frame(PING, b"%d" % number))
            assert talkative.frame() == (PONG, b"%d" % number, True)


def test_a_flood_of_pings_is_limited_like_everything_else() -> None:
    with market() as services, services.peer() as noisy:
        try:
            for _ in range(20):
                noisy.send(frame(PING, b"x" * 125) * 40)
        except ConnectionError:
            pass
        assert last_words(noisy).code == 1008


# Those who die.


@pytest.mark.parametrize(
    "said",
    [b"", frame(TEXT, b"half of it")[:7], frame(PING)[:1]],
    ids=["silent", "within a text", "within a head"],
)
@pytest.mark.parametrize("abruptly", [False, True])
def test_a_listener_that_dies_harms_nobody(said: bytes, abruptly: bool) -> None:
    with market() as services, services.peer() as good:
        dying = services.peer()
        dying.send(said)
        if abruptly:  # a reset instead of a goodbye
            dying.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        dying.socket.close()
        for _ in range(100):
            services.trade()
        for _ in range(200):
            assert message(good.frame())["ok"]
        wait_until(lambda: services.tape.counts().listeners == 1)


def test_listeners_die_in_mid_frame_while_orders_flow() -> None:
    with market() as services, services.peer(EXECUTIONS) as good:
        trading = threading.Thread(target=lambda: [services.trade() for _ in range(2000)])
        trading.start()
        for number in range(100):
            with services.peer((TICKERS, EXECUTIONS)[number % 2]) as dying:
                dying.send(frame(TEXT, b"never finished")[:5])
        for number in range(2000):
            assert message(good.frame())["standingId"] == 2 * number
        trading.join()
        wait_until(lambda: services.tape.counts().listeners == 1)
