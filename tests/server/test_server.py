"""Starting and stopping the server: whose port it is, what is finished, and how soon it ends."""

import asyncio
import contextlib
import gc
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bottle
import pytest
from fork_server import popen
from raw_http import PATIENCE, Peer, Recorder, get, post, serving

from disorderbook.server.limits import Limits
from disorderbook.server.server import InlineServer, fastest_loop

ROOT = Path(__file__).parent.parent.parent

PROGRAM = """
import signal, sys
from disorderbook.server.server import InlineServer

def app(environ, start_response):
    start_response("200 OK", [])
    return [b"hello"]

server = InlineServer(port=0)
for name in (signal.SIGTERM, signal.SIGINT):
    signal.signal(name, lambda *_: server.stop())
print(server.port, flush=True)
server.run(app)
print("ended")
"""


@contextmanager
def running(app: Any, **limits: float) -> Iterator[tuple[InlineServer, threading.Thread]]:
    """A server whose thread the test may watch."""
    server = InlineServer(port=0, limits=Limits(**limits))  # type: ignore[arg-type]
    thread = threading.Thread(target=server.run, args=(app,), daemon=True)
    thread.start()
    try:
        yield server, thread
    finally:
        server.stop()
        server.stop()
        thread.join(PATIENCE)


def test_the_port_is_known_before_serving() -> None:
    server = InlineServer(port=0)
    assert server.port > 0 and server.host == "127.0.0.1"
    server.stop()
    server.run(Recorder())


def test_a_taken_port_is_the_callers_to_decide_about() -> None:
    with serving(Recorder()) as server:
        with pytest.raises(OSError, match="in use"):
            InlineServer(port=server.port)


def test_listening_sockets_can_be_given() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    server = InlineServer(listeners=[listener])
    assert server.port == listener.getsockname()[1]
    server.stop()
    server.run(Recorder())
    assert listener.fileno() == -1


def test_a_client_may_connect_before_the_server_runs() -> None:
    server = InlineServer(port=0)
    with Peer(server.port) as early:
        early.send(get("/early", "1.1", "Connection: close"))
        thread = threading.Thread(target=server.run, args=(Recorder(),))
        thread.start()
        assert early.answers()[0].body == b"GET /early 0"
        server.stop()
        thread.join(PATIENCE)
    assert not thread.is_alive()


def test_bottle_runs_it_like_any_other_server() -> None:
    app = bottle.Bottle()
    server = InlineServer(port=0)
    app.get("/stop")(server.stop)
    thread = threading.Thread(target=bottle.run, args=(app, server), kwargs={"quiet": True})
    thread.start()
    with Peer(server.port) as peer:
        assert peer.ask(get("/stop")).status == 200
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_stopping_an_idle_server_takes_no_time() -> None:
    with running(Recorder(), stop_seconds=10 * PATIENCE) as (server, thread):
        with Peer(server.port) as idle, Peer(server.port) as silent:
            assert idle.ask(get("/")).status == 200
            server.stop()
            thread.join(PATIENCE)
            assert not thread.is_alive()
            assert idle.answers() == silent.answers() == []
            with pytest.raises(OSError):
                Peer(server.port)


def test_a_request_under_way_is_finished_and_nobody_new_is_accepted() -> None:
    with running(Recorder(), stop_seconds=PATIENCE) as (server, thread):
        with Peer(server.port) as head, Peer(server.port) as body, Peer(server.port) as idle:
            head.send(get("/head")[:-2])
            body.send(post("/body", b"abc")[:-1])
            assert idle.ask(get("/")).status == 200
            server.stop()
            assert idle.is_closed_by_server()
            with pytest.raises(OSError):
                Peer(server.port)
            head.send(b"\r\n" + get("/next"))
            body.send(b"c")
            assert [a.body for a in head.answers()] == [b"GET /head 0", b"GET /next 0"]
            [last] = body.answers()
            assert last.body == b"POST /body 3" and last.headers["connection"] == "close"
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_what_takes_too_long_is_dropped_when_the_server_is_stopped() -> None:
    with running(Recorder(), stop_seconds=0.3) as (server, thread):
        with Peer(server.port) as stalled, Peer(server.port, SO_RCVBUF=4096) as deaf:
            stalled.send(get("/")[:-2])
            deaf.send(get("/large/5000000"))
            deaf.socket.recv(1)
            start = time.monotonic()
            server.stop()
            thread.join(PATIENCE)
            assert not thread.is_alive()
            assert time.monotonic() - start > 0.2  # it has waited for them all the same
            assert stalled.is_closed_by_server()


def test_who_stops_twice_waits_for_nobody() -> None:
    with running(Recorder(), stop_seconds=10 * PATIENCE) as (server, thread):
        with Peer(server.port) as stalled:
            stalled.send(get("/")[:-2])
            assert Peer(server.port).ask(get("/")).status == 200
            server.stop()
            server.stop()
            thread.join(PATIENCE)
            assert not thread.is_alive()


def test_stopping_a_server_that_has_ended_does_no_harm() -> None:
    with running(Recorder()) as (server, thread):
        server.stop()
        thread.join(PATIENCE)
        server.stop()


@contextmanager
def program(loop: str, first: str = "") -> Iterator[subprocess.Popen[str]]:
    """A process that serves, after some lines of Python; tell its port by its first line."""
    hide = "import sys; sys.modules['uvloop'] = None\n" if loop == "asyncio" else ""
    with popen(
        [sys.executable, "-c", hide + first + PROGRAM],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as started:
        try:
            yield started
        finally:
            started.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_with_few_descriptors_there_are_fewer_connections_and_no_trouble(loop: str) -> None:
    few = "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))\n"
    with program(loop, few) as server, contextlib.ExitStack() as stack:
        port = int(server.stdout.readline())
        first = stack.enter_context(Peer(port))
        for _ in range(400):
            with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                stack.enter_context(Peer(port))
        assert first.ask(get("/")).body == b"hello"
        server.terminate()
        log = server.stderr.read()
        assert server.wait(PATIENCE) == 0
    first_line, *refused = log.splitlines()
    assert first_line == "The system lets this process have only 96 connections"
    assert set(refused) <= {
        "127.0.0.1 is refused: At most 96 connections are open at a time",
        "127.0.0.1 is cut off: there are too many connections",
    }


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to send")
@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_signal_ends_the_program_with_status_0(name: signal.Signals, loop: str) -> None:
    with program(loop) as server:
        port = int(server.stdout.readline())
        with Peer(port) as idle, Peer(port) as late:
            assert idle.ask(get("/")).body == b"hello"
            late.send(get("/")[:-2])
            assert idle.ask(get("/")).body == b"hello"
            server.send_signal(name)
            assert idle.is_closed_by_server()
            late.send(b"\r\n")
            assert late.answers()[0].body == b"hello"
        assert server.stdout.read() == "ended\n"
        assert server.wait(PATIENCE) == 0


NewLoop = Callable[[], asyncio.AbstractEventLoop]


@pytest.mark.parametrize("new_loop", [fastest_loop, asyncio.new_event_loop])
@pytest.mark.parametrize("turns", range(6))
def test_nothing_is_left_of_connections_that_come_while_it_stops(
    new_loop: NewLoop, turns: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """The loop has let some in that are no connections yet, and some have just become one."""
    assert transports_after_a_stop_among_newcomers(new_loop, turns) == []
    gc.collect()
    assert capfd.readouterr().err == ""


def transports_after_a_stop_among_newcomers(new_loop: NewLoop, turns: int) -> list[str]:
    """Those that are not closed, of a server that is stopped some turns of its loop after many
    clients came.
    """
    server = InlineServer(port=0, new_loop=new_loop, limits=Limits(stop_seconds=0.05))

    def application(environ: Any, start_response: Any) -> list[bytes]:
        # On the server's thread: they are there before it looks at its sockets again.
        for _ in range(40):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        stop_later(turns)
        start_response("200 OK", [])
        return [b"hello"]

    def stop_later(turns: int) -> None:
        if turns:
            asyncio.get_running_loop().call_soon(stop_later, turns - 1)
        else:
            server.stop()

    before = transports()  # of other servers; to hold them keeps their ids theirs
    known = set(map(id, before))
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(Peer(server.port))
        first.send(get("/"))
        server.run(application)
        left = [repr(each) for each in transports() if id(each) not in known]
        return [each for each in left if "closed" not in each]


def transports() -> list[asyncio.BaseTransport]:
    """All of this process."""
    return [each for each in gc.get_objects() if isinstance(each, asyncio.BaseTransport)]


def test_without_uvloop_the_loop_is_asyncios(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    loop = fastest_loop()
    assert isinstance(loop, asyncio.AbstractEventLoop) and "uvloop" not in repr(type(loop))
    loop.close()
