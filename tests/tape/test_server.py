"""The loop: crowds, descriptors, internal errors, and the end."""

import ast
import gc
import importlib.metadata
import logging
import os
import re
import resource
import selectors
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import simple_websocket_server as library
from raw_websocket import PATIENCE, PING, PONG, RawPeer, frame, handshake
from tape_market import market, message, wait_until

from disorderbook.tape import server, websocket
from disorderbook.tape.limits import TapeLimits
from disorderbook.tape.listener import Listener
from disorderbook.tape.outbox import Batch, Message
from disorderbook.tape.server import TapeServer

HOST = "127.0.0.1"


class Hello:
    """A feed that says one thing to everybody in each round, once it has `something`."""

    server: TapeServer

    def __init__(self) -> None:
        self.something = b""
        self.listeners: list[Listener] = []
        self.on_subscribe: Callable[[Listener], None] = self.listeners.append

    def has_news(self) -> bool:
        return bool(self.something)

    def deliver(self) -> None:
        if self.something:
            for listener in list(self.listeners):
                self.server.send(listener, Batch([Message(None, self.something)]))

    def mark(self, listener: Listener | None = None) -> int:
        return 0

    def has_told(self, mark: int) -> bool:
        return True

    def end(self) -> None:
        self.something = b""

    def subscribe(self, listener: Listener) -> None:
        self.on_subscribe(listener)

    def unsubscribe(self, listener: Listener) -> None:
        if listener in self.listeners:
            self.listeners.remove(listener)


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """For crowds; the soft limit is often 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 8192 if hard == resource.RLIM_INFINITY else min(8192, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def reset(sock: socket.socket) -> None:
    """End a connection abruptly."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


# What is used of the library.


def test_the_version_of_the_library_is_pinned() -> None:
    setup = (Path(__file__).parents[2] / "setup.cfg").read_text()
    pinned = re.search(r"simple-websocket-server==(\S+)", setup)
    assert pinned and pinned[1] == importlib.metadata.version("simple-websocket-server")


def names_of_the_library() -> set[str]:
    with socket.socket() as unused:
        owners = [library, library.WebSocket(None, unused, None)]
    return {name for owner in owners for name in dir(owner) if name not in dir(object)}


def names_used() -> set[str]:
    """All that comes after a dot, and all imports from the library, in the tape's modules."""
    used = set()
    for path in Path(server.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                used.add(node.attr)
            elif isinstance(node, ast.FunctionDef):
                used.add(node.name)
            elif isinstance(node, ast.ClassDef):
                used |= {
                    name.id
                    for line in node.body
                    if isinstance(line, ast.Assign)
                    for name in line.targets
                    if isinstance(name, ast.Name)
                }
            elif isinstance(node, ast.ImportFrom) and node.module == library.__name__:
                used |= {alias.name for alias in node.names}
    return used


def test_the_table_of_undocumented_names_is_right_and_complete() -> None:
    rows = re.findall(r"^\|[^|]*\|([^|]*)\|", websocket.__doc__ or "", re.MULTILINE)
    listed = set(" ".join(rows[2:]).split())  # below the head
    assert listed <= names_used() & names_of_the_library()
    documented = {"WebSocket", "close", "send_message", "request", "data"}
    ambiguous = {"select", "socket", "struct", "server", "listeners"}  # modules, and names of ours
    assert names_used() & names_of_the_library() - documented - ambiguous <= listed


# Crowds.


def test_two_hundred_at_once_are_all_in(
    many_descriptors: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They connect before one is accepted, which nothing but they wakes the tape for."""
    monkeypatch.setattr(server, "CHECK_SECONDS", 3600.0)
    with market() as services:
        tape, have_connected = services.tape._server, threading.Event()
        accept = tape._accept_connections

        def accept_later(acceptor: object) -> None:
            assert have_connected.wait(PATIENCE)
            accept(acceptor)

        monkeypatch.setattr(tape, "_accept_connections", accept_later)
        peers = [RawPeer(services.port) for _ in range(200)]
        have_connected.set()
        for peer in peers:
            peer.send(handshake())
        assert {peer.answer().status for peer in peers} == {101}
        services.tick()
        for peer in peers:
            assert message(peer.frame())["ok"]
            peer.socket.close()


def test_descriptors_beyond_1023_are_as_good_as_any(many_descriptors: None) -> None:
    spare = [os.dup(0) for _ in range(1100)]
    try:
        with market() as services, services.peer() as peer:
            assert peer.socket.fileno() > 1023
            services.tick()
            assert message(peer.frame())["ok"]
    finally:
        for descriptor in spare:
            os.close(descriptor)


def test_beyond_the_limit_a_newcomer_is_refused_politely_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with market(listeners=2) as services, services.peer() as first, services.peer():
        with RawPeer(services.port) as third:
            third.send(handshake())
            answer = third.answer()
            assert answer.status == 503 and answer.headers["retry-after"] == "5"
            assert b"There are 2 listeners already" in third.body(answer)
            host, port = third.socket.getsockname()
        [record] = caplog.records
        assert record.levelname == "WARNING" and record.message == (
            f"A listener at {host}:{port} is refused: There are 2 listeners already"
        )
        assert services.tape.counts().refused == 1
        first.socket.close()
        wait_until(lambda: services.tape.counts().listeners == 1)
        services.peer().socket.close()


def test_beyond_all_limits_newcomers_wait_until_somebody_leaves() -> None:
    with market(listeners=1, pending=1, pause_seconds=0.05) as services:
        crowd = [RawPeer(services.port) for _ in range(4)]
        wait_until(lambda: services.tape._server._acceptors[0].is_paused)
        assert len(services.tape._server.connections) == 2
        for peer in crowd[:3]:
            peer.socket.close()
        crowd[3].send(handshake())
        assert crowd[3].answer().status == 101
        crowd[3].socket.close()


# Descriptors.


def test_out_of_descriptors_it_pauses_says_so_once_and_recovers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with market(pause_seconds=0.1) as services, caplog.at_level(logging.WARNING):
        peers = [RawPeer.__new__(RawPeer) for _ in range(10)]
        sockets = [socket.socket() for _ in peers]
        highest = max(sock.fileno() for sock in sockets)
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 4, hard))
        try:
            for sock in sockets:
                sock.settimeout(60)
                sock.connect((HOST, services.port))
                sock.sendall(handshake())
            wait_until(lambda: bool(caplog.records))
            before = time.process_time()
            time.sleep(0.5)  # five attempts
            assert time.process_time() - before < 0.1, "it does not spin"
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for sock in sockets:
            assert sock.recv(1000).startswith(b"HTTP/1.1 101 ")
            sock.close()
        said = [record.message for record in caplog.records]
        assert said == ["The tape accepts no connections for now: Too many open files"]


def test_a_newcomer_with_the_descriptor_of_one_who_was_just_dropped_stays() -> None:
    feed = Hello()
    tape = feed.server = TapeServer(0, feed, TapeLimits())
    old = [RawPeer(tape.port) for _ in range(20)]
    for peer in old:
        peer.send(handshake())
    while len(feed.listeners) < len(old):
        tape.run_once()
    descriptors = {listener.client.fileno() for listener in feed.listeners}
    # In one round: connections to be accepted, the old ones gone, and something to send them.
    new = [RawPeer(tape.port) for _ in old]
    for peer in old:
        reset(peer.socket)
    kept = [os.dup(0) for _ in old]  # the numbers that the peers themselves have given up
    feed.something = b"\x81\x02hi"
    tape.run_once()
    feed.something = b""
    assert descriptors & set(tape.connections) and not feed.listeners
    for peer in new:
        peer.send(handshake() + frame(PING))
    while len(feed.listeners) < len(new):
        tape.run_once()
    tape.run_once()
    for peer in new:
        assert peer.answer().status == 101 and peer.frame() == (PONG, b"", True)
        peer.socket.close()
    for descriptor in kept:
        os.close(descriptor)
    tape._is_stopping = True
    tape.run()


def test_500_listeners_that_come_and_go_leave_nothing_behind() -> None:
    with market() as services:
        services.peer().socket.close()
        wait_until(lambda: not services.tape._server.connections)
        before = open_descriptors()
        is_over = threading.Event()
        trading = threading.Thread(
            target=lambda: [services.trade() for _ in iter(lambda: is_over.wait(0.0005), True)]
        )
        trading.start()
        for number in range(500):
            with RawPeer(services.port) as peer:
                peer.send(handshake()[: None if number % 5 else 50])
                if number % 5 > 1:
                    assert peer.answer().status == 101
                if number % 5 > 2:
                    peer.send(frame(PING)[: number % 7])
        is_over.set()
        trading.join()
        wait_until(lambda: not services.tape._server.connections)
        assert open_descriptors() == before
        assert services.tape.counts().listeners == 0 and not services.tape._listeners
        gc.collect()
        assert not any(isinstance(each, Listener) for each in gc.get_objects())


# Waking, and internal errors.


def test_a_listener_hears_of_a_tick_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but the tick wakes the tape: it would not look at its deadlines for an hour."""
    monkeypatch.setattr(server, "CHECK_SECONDS", 3600.0)
    with market() as services, services.peer() as peer:
        for number in range(50):
            if number % 2:  # woken every other time, else found napping
                wait_until(lambda: services.tape._server.waker.asleep)
            services.tick()
            assert message(peer.frame())["ok"]


def test_while_nothing_happens_the_tape_sleeps() -> None:
    with market() as services, services.peer():
        before = time.process_time()
        time.sleep(0.5)
        assert time.process_time() - before < 0.05


def test_an_internal_error_closes_that_listener_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    feed = Hello()
    tape = feed.server = TapeServer(0, feed, TapeLimits())
    tape.start()
    feed.on_subscribe = lambda listener: print(1 // 0)
    with RawPeer(tape.port) as peer:
        peer.send(handshake())
        assert peer.answer().status == 101
        closing = peer.frame()
        assert closing is not None and closing.code == 1011 and peer.frame() is None
    assert "ZeroDivisionError" in caplog.text and "Traceback" in caplog.text
    feed.on_subscribe = feed.listeners.append
    with RawPeer.listening(tape.port):
        tape.close()


def test_a_pong_that_came_in_time_counts_however_long_the_tape_was_busy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def be_busy() -> None:
        peer.send(frame(PONG))
        time.sleep(0.6)

    monkeypatch.setattr(server, "CHECK_SECONDS", 0.0)
    feed = Hello()
    tape = feed.server = TapeServer(0, feed, TapeLimits(ping_seconds=0.0, pong_seconds=0.5))
    with RawPeer(tape.port) as peer:
        peer.send(handshake())
        peer.socket.settimeout(0.01)
        while True:
            tape.run_once()
            try:
                assert peer.answer().status == 101
                break
            except TimeoutError:
                pass
        while not feed.listeners[0]._pinged_at:  # type: ignore[attr-defined]
            tape.run_once()
        monkeypatch.setattr(feed, "deliver", be_busy)
        tape.run_once()
        monkeypatch.undo()
        assert feed.listeners
        tape.run_once()
        assert not feed.listeners[0].closed
    tape._is_stopping = True
    tape.run()


def test_small_frames_are_not_held_back_by_the_kernel() -> None:
    with market() as services, services.peer():
        [listener] = services.tape._server.connections.values()
        assert listener.client.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_an_error_of_the_feed_does_not_end_the_tape(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "CHECK_SECONDS", 0.01)
    feed = Hello()
    tape = feed.server = TapeServer(0, feed, TapeLimits())
    tape.start()
    monkeypatch.setattr(feed, "deliver", lambda: print(1 // 0))
    with RawPeer.listening(tape.port):
        wait_until(lambda: "has held up the tape" in caplog.text)
        RawPeer.listening(tape.port).socket.close()
        tape.close()


# The end.


def test_at_the_end_every_listener_is_told_and_the_thread_ends() -> None:
    before = set(threading.enumerate())
    with market() as services:
        polite, silent, newcomer = services.peer(), services.peer(), RawPeer(services.port)
        services.tick()
        services.tape.close()
        assert "tape" not in {thread.name for thread in set(threading.enumerate()) - before}
        for peer in (polite, silent):
            tick, closing = peer.frames()
            assert message(tick)["ok"] and closing.code == 1001
        assert newcomer.has_hung_up()
        for peer in (polite, silent, newcomer):
            peer.socket.close()


def test_with_polite_listeners_the_end_comes_at_once() -> None:
    with market(goodbye_seconds=10 * PATIENCE) as services:
        peer = services.peer()
        reader = threading.Thread(target=lambda: (peer.frames(), peer.socket.close()))
        reader.start()
        closing = threading.Thread(target=services.tape.close)
        closing.start()
        closing.join(PATIENCE)
        assert not closing.is_alive()
        reader.join()


def test_after_the_end_publishing_and_closing_do_nothing() -> None:
    with market() as services:
        with services.peer():
            services.tape.close()
        services.tick(10)
        assert not services.tape.has_news()
        services.tape.close()


def test_nothing_is_left_of_a_tape_that_has_ended() -> None:
    before = open_descriptors()
    for _ in range(3):
        with market() as services, services.peer():
            services.tick()
    assert open_descriptors() == before


def test_a_taken_port_is_an_oserror_and_leaves_nothing_behind() -> None:
    with market() as services:
        before = open_descriptors()
        with pytest.raises(OSError):
            TapeServer(services.port, Hello(), TapeLimits())
        gc.collect()
        assert open_descriptors() == before


def test_threads_take_turns_faster_only_while_the_tape_runs() -> None:
    before = sys.getswitchinterval()
    with market() as services, services.peer():
        assert sys.getswitchinterval() == pytest.approx(0.0005)
    assert sys.getswitchinterval() == before


def test_it_works_with_select_where_there_is_nothing_better(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(selectors, "DefaultSelector", selectors.SelectSelector)
    with market() as services, services.peer() as peer:
        services.tick()
        assert message(peer.frame())["ok"]
