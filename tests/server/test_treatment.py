"""Requests that a server treats otherwise than usual, as a client meets them."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from raw_http import Peer, Recorder, get, post, serving, wait_until

from disorderbook.server import treatment as bounds
from disorderbook.server.reader import HttpRequest
from disorderbook.server.response import HttpResponse
from disorderbook.server.server import fastest_loop
from disorderbook.server.treatment import Delivery, Treatment

LOOPS = {"fastest": fastest_loop, "asyncio": asyncio.new_event_loop}
COMMITS: dict[str, Any] = {"at once": None, "committed first": lambda: None}
REFUSED = HttpResponse("503 Service Unavailable", [("Retry-After", "7")], b"{}")
LATE = Treatment(delay=0.02)


def treating(**treatments: Treatment) -> Callable[[HttpRequest], Treatment | None]:
    """Those whose path begins with a name are treated so."""

    def treat(request: HttpRequest) -> Treatment | None:
        return treatments.get(request.head.environ["PATH_INFO"].strip("/").partition("/")[0])

    return treat


@pytest.fixture(params=LOOPS.values(), ids=LOOPS)
def new_loop(request: Any) -> Any:
    return request.param


@pytest.fixture(params=COMMITS.values(), ids=COMMITS)
def commit(request: Any) -> Any:
    return request.param


def service_of(server: Any, peer: Peer) -> Any:
    """What the connections share, once the server runs."""
    assert peer.ask(get("/first")).status == 200
    return server._service


def late_timer(service: Any) -> Any:
    """That of the one request that is held."""
    found: list[Any] = []

    def look() -> bool:
        found[:] = [each._timer for each in tuple(service.connections) if each._timer]
        return bool(found)

    assert wait_until(look)
    return found[0]


def test_each_way_to_treat_a_request(new_loop: Any, commit: Any) -> None:
    app = Recorder()
    with serving(app, new_loop, commit) as server:
        server.treat_by(
            treating(
                lost=Treatment(is_lost=True, delivery=Delivery.DROPPED),
                dropped=Treatment(delivery=Delivery.DROPPED),
                instead=Treatment(instead=REFUSED),
                cut=Treatment(delivery=Delivery.CUT),
                silent=Treatment(delivery=Delivery.WITHHELD),
                late=LATE,
            )
        )
        for path, is_done in (("/lost", False), ("/dropped", True)):
            with Peer(server.port) as peer:
                assert peer.ask(get("/usual")).body == b"GET /usual 0"
                peer.send(get(path) + get("/behind"))
                assert peer.is_closed_by_server()
            assert (("GET", path, b"") in app.asked) is is_done
        with Peer(server.port) as peer, pytest.raises(AssertionError):
            peer.ask(get("/cut"))
        with Peer(server.port) as peer:
            peer.send(get("/cut"))
            sent = peer._stream.read()  # to the end
            assert b"\r\nContent-Length: 10\r\n" in sent and sent.endswith(b"\r\n\r\nGET /")
        with Peer(server.port) as peer:
            refused = peer.ask(get("/instead"))
            assert (refused.status, refused.headers["retry-after"]) == (503, "7")
            assert peer.ask(get("/late")).body == b"GET /late 0"
        paths = [path for _, path, _ in app.asked]
        assert "/instead" not in paths and "/behind" not in paths
        server.treat_by(None)
        with Peer(server.port) as peer:
            assert peer.ask(get("/lost")).body == b"GET /lost 0"


def test_requests_behind_a_late_one_keep_their_order_and_others_do_not_wait(commit: Any) -> None:
    app = Recorder()
    with serving(app, commit=commit) as server, Peer(server.port) as peer:
        server.treat_by(treating(late=Treatment(delay=0.3)))
        peer.send(get("/first") + post("/late", b"x") + get("/last"))
        assert peer.answer().body == b"GET /first 0"
        with Peer(server.port) as other:
            assert other.ask(get("/other")).status == 200
        assert [peer.answer().body for _ in range(2)] == [b"POST /late 1", b"GET /last 0"]
    assert [path for _, path, _ in app.asked] == ["/first", "/other", "/late", "/last"]


def test_long_answers_are_late_and_cut_as_well(commit: Any) -> None:
    with serving(Recorder(), commit=commit) as server:
        server.treat_by(treating(large=LATE))
        with Peer(server.port) as peer:
            assert len(peer.ask(get("/large/2000000")).body) == 2_000_000
        server.treat_by(treating(large=Treatment(delivery=Delivery.CUT)))
        with Peer(server.port) as peer:
            peer.send(get("/large/2000000"))
            head, _, body = peer._stream.read().partition(b"\r\n\r\n")
            assert len(body) == 1_000_000 and b"Content-Length: 2000000" in head


class InSteps:
    """An answer in steps."""

    def __call__(self, environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return (b"step" for _ in range(3))


@pytest.mark.parametrize("delivery, end", [(Delivery.SENT, b"0\r\n\r\n"), (Delivery.CUT, b"")])
def test_answers_in_steps_are_late_and_cut_as_well(delivery: Delivery, end: bytes) -> None:
    with serving(InSteps()) as server, Peer(server.port) as peer:
        server.treat_by(treating(steps=Treatment(0.01, delivery=delivery)))
        peer.send(get("/steps", "1.1", "Connection: close"))
        sent = peer._stream.read()
        assert b"chunked" in sent and sent.endswith(b"0\r\n\r\n") is bool(end)


def test_so_many_wait_for_nothing_and_their_ends_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("disorderbook.server.connection.MOST_SILENT", 3)
    assert bounds.MOST_SILENT == 100
    with serving(Recorder()) as server:
        server.treat_by(treating(silent=Treatment(delivery=Delivery.WITHHELD)))
        with Peer(server.port) as peer:
            service = service_of(server, peer)
        peers = []
        for number in range(1, 5):
            peers.append(Peer(server.port))
            peers[-1].send(get("/silent") + get("/behind"))
            assert wait_until(lambda n=number: len(service.silent) == min(n, 3))
        assert peers[0].is_closed_by_server()
        peers[1].close()
        assert wait_until(lambda: len(service.silent) == 2)
        server.stop()
        assert peers[2].is_closed_by_server() and peers[3].is_closed_by_server()
        peers[2].close()
        peers[3].close()


def test_a_silent_connection_is_closed_at_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("disorderbook.server.connection.SILENT_SECONDS", 0.0)
    with serving(Recorder()) as server, Peer(server.port) as peer:
        server.treat_by(treating(silent=Treatment(delivery=Delivery.WITHHELD)))
        peer.send(get("/silent"))
        assert peer.is_closed_by_server()


def test_a_stop_does_not_wait_for_what_is_late(commit: Any) -> None:
    app = Recorder()
    with serving(app, commit=commit, stop_seconds=10.0) as server, Peer(server.port) as peer:
        server.treat_by(treating(late=Treatment(delay=1000.0)))
        service = service_of(server, peer)
        peer.send(get("/late"))
        late_timer(service)
        server.stop()
        assert peer.answer().body == b"GET /late 0"


def test_a_client_that_has_gone_leaves_nothing_behind() -> None:
    app = Recorder()
    with serving(app) as server, Peer(server.port) as peer:
        server.treat_by(treating(late=Treatment(delay=1000.0)))
        service = service_of(server, peer)
        peer.send(get("/late"))
        timer = late_timer(service)
        [connection] = service.connections
        service.loop.call_soon_threadsafe(connection.abort)
        assert wait_until(lambda: not service.connections)
        assert timer.cancelled() and len(app.asked) == 1


def test_what_fails_to_say_how_is_a_500() -> None:
    def treat(request: HttpRequest) -> Treatment | None:
        raise ValueError("a fault")

    with serving(Recorder()) as server, Peer(server.port) as peer:
        server.treat_by(treat)
        assert peer.ask(get("/")).error[0] == 500


def test_nothing_is_committed_and_the_late_request_is_refused() -> None:
    failing = threading.Event()
    body = b'{"ok":false,"error":"nothing is stored"}'
    with serving(Recorder(), commit=lambda: body if failing.is_set() else None) as server:
        server.treat_by(treating(late=LATE))
        with Peer(server.port) as peer:
            assert peer.ask(get("/late")).status == 200
            failing.set()
            assert peer.ask(post("/late", b"x")).status == 503
