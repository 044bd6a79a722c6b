"""Long answers: written in slices as the client takes them, within one budget for all, and made in
steps. What is counted is bytes, slices, steps and passes.
"""

import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from passes import Peer, make_passes, on_a_loop
from raw_http import PATIENCE, get, post, serving, wait_until
from raw_http import Peer as SocketPeer

from disorderbook.server.connection import Service
from disorderbook.server.limits import Limits
from disorderbook.server.response import Change
from disorderbook.server.server import fastest_loop

SLICE = Limits().slice_bytes
BOOK = tuple(bytes([number]) * 100_000 for number in range(20))  # 2 MB in chunks
LARGE = sum(map(len, BOOK))


class App:
    """Answers /book with chunks that all share, /own with such that nobody shares, and /steps and
    /change in steps; counts what is made and what is closed.
    """

    def __init__(self) -> None:
        self.made: list[str] = []
        self.closed: list[str] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        path = environ["PATH_INFO"]
        start_response("200 OK", [("Content-Type", "text/plain")])
        if path == "/book":
            return list(BOOK)
        if path == "/own":
            return [b"o" * LARGE]
        if path.startswith("/steps"):
            return self.steps(path)
        if path.startswith("/change"):
            return Change(self.steps(path))
        return [path.encode()]

    def steps(self, path: str) -> Iterator[bytes]:
        """/steps/NUMBER/BYTES/FAILS-AT"""
        number, size, fails = (int(part) for part in (path + "/0/0/-1").split("/")[2:5])
        try:
            for step in range(number):
                if step == fails:
                    raise ValueError("a step failed")
                self.made.append(path)
                yield b"%d" % (step % 10) * size
        finally:
            self.closed.append(path)


@pytest.fixture
def app() -> App:
    return App()


def steps_path(number: int, size: int, fails: int = -1, what: str = "steps") -> str:
    return f"/{what}/{number}/{size}/{fails}"


def expected(number: int, size: int) -> bytes:
    return b"".join(b"%d" % (step % 10) * size for step in range(number))


def test_a_client_that_never_reads_holds_one_slice_and_references(app: App) -> None:
    async def test(service: Service) -> None:
        peers = [Peer(service, room=1000) for _ in range(50)]
        for peer in peers:
            peer.send(get("/book"))
        await make_passes(200)
        for peer in peers:
            [slice_] = peer.transport.slices
            assert sum(map(len, slice_)) == SLICE
            shared = [part.obj if isinstance(part, memoryview) else part for part in slice_[1:]]
            assert all(any(part is chunk for chunk in BOOK) for part in shared)
        assert LARGE < service.unsent.bytes < LARGE + 50 * 300  # and a head for each
        for peer in peers:
            peer.leave()
        await make_passes(1)
        assert service.unsent.bytes == 0

    on_a_loop(app, test)


def test_a_slow_client_gets_everything_slice_by_slice(app: App) -> None:
    async def test(service: Service) -> None:
        peer = Peer(service, room=0)
        peer.send(get("/book") + get("/next"))
        given = [0]
        for _ in range(LARGE // 100_000 + 1):
            await make_passes(3)
            given.append(sum(sum(map(len, parts)) for parts in peer.transport.slices))
            peer.transport.allow(100_000)
        assert {after - before for before, after in zip(given, given[1:-2])} == {0, SLICE}
        await make_passes(3)
        assert [answer.body for answer in peer.answers()] == [b"".join(BOOK), b"/next"]
        assert service.unsent.bytes == 0

    on_a_loop(app, test)


def test_short_answers_that_a_client_leaves_count_too(app: App) -> None:
    async def test(service: Service) -> None:
        peer = Peer(service, room=50)
        peer.send(get("/short") * 40)
        await make_passes(5)
        assert len(peer.transport.slices) == 1
        assert service.unsent.bytes == sum(map(len, peer.transport.slices[0]))
        peer.transport.allow(10**9)
        await make_passes(5)
        assert len(peer.answers()) == 40 and service.unsent.bytes == 0

    on_a_loop(app, test)


def test_beyond_the_budget_new_answers_are_503_and_others_are_not_touched(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(service: Service) -> None:
        first, sharing, second = (Peer(service, room=1000) for _ in range(3))
        first.send(get("/book"))
        second.send(get("/own"))  # one more is let in, and is beyond the budget
        await make_passes(3)
        other = Peer(service)
        for path in ("/own", steps_path(3, 1000)):
            other.send(get(path))
            await make_passes(3)
            refusal = other.answers()[-1]
            sentence = "Too many answers wait for clients that do not read them; try again later"
            assert refusal.error == (503, sentence) and refusal.headers["retry-after"] == "1"
            assert "3000000 bytes" in refusal.headers["x-error-detail"]
        assert app.made == []
        other.send(get("/short") + post("/own", b"") + get("/short"))
        sharing.send(get("/book"))
        await make_passes(30)
        assert [len(answer.body) for answer in other.answers()[2:]] == [6, LARGE, 6]
        assert sharing.transport.slices  # it adds nothing but its head
        for peer in (first, sharing, second):  # no answer that has begun is cut
            while len(peer.transport.taken) < LARGE:
                peer.transport.allow(SLICE)
                await make_passes(2)
            assert len(peer.answers()[0].body) == LARGE
        assert service.unsent.bytes == 0
        other.send(get("/own"))
        await make_passes(30)
        assert len(other.answers()[-1].body) == LARGE
        assert service.refused == {"503 Service Unavailable": 2}

    with caplog.at_level(logging.WARNING):
        on_a_loop(app, test, unsent_bytes=3_000_000)
    assert caplog.text.count("127.0.0.1 is refused: Too many answers wait") == 2


def test_the_budget_comes_back_when_clients_leave(app: App) -> None:
    async def test(service: Service) -> None:
        deaf = [Peer(service, room=1000) for _ in range(2)]
        for peer in deaf:
            peer.send(get("/own"))
        await make_passes(5)
        other = Peer(service)
        other.send(get("/own"))
        await make_passes(30)
        for peer in deaf:
            peer.leave()
        await make_passes(1)
        other.send(get("/own"))
        await make_passes(30)
        assert [answer.status for answer in other.answers()] == [503, 200]

    on_a_loop(app, test, unsent_bytes=LARGE + 1000)


def test_steps_that_were_begun_go_on_beyond_the_budget(app: App) -> None:
    async def test(service: Service) -> None:
        peer, deaf = Peer(service), Peer(service, room=0)
        peer.send(get(steps_path(40, 1000)))
        await make_passes(5)
        begun = len(app.made)
        deaf.send(get("/own"))
        await make_passes(60)
        assert 0 < begun < 40 == len(app.made)
        assert peer.answers()[0].body == expected(40, 1000)

    on_a_loop(app, test, unsent_bytes=1)


def test_twenty_listings_make_one_step_in_each_pass_in_turn(app: App) -> None:
    async def test(service: Service) -> None:
        peers = [Peer(service) for _ in range(20)]
        for number, peer in enumerate(peers):
            peer.send(get(f"/steps/40/10/-1/{number}"))
        before = 0
        while len(app.closed) < 20:
            await make_passes(1)
            assert len(app.made) <= before + 1
            before = len(app.made)
        for start in range(40, 440, 20):  # all have begun, and none is at its end
            assert len(set(app.made[start : start + 20])) == 20
        await make_passes(2)
        assert {peer.answers()[0].body for peer in peers} == {expected(40, 10)}

    on_a_loop(app, test)


def test_the_next_step_is_made_when_the_client_has_taken_the_one_before(app: App) -> None:
    async def test(service: Service) -> None:
        peer = Peer(service, room=0)
        peer.send(get(steps_path(4, 600_000)))
        for step in range(1, 5):
            await make_passes(20)
            assert len(app.made) == step
            for _ in range(3):  # a step of three slices
                assert sum(map(len, peer.transport.slices[-1])) <= SLICE
                assert service.unsent.bytes <= 600_000 + 300
                peer.transport.allow(SLICE)
                await make_passes(20)
        assert peer.answers()[0].body == expected(4, 600_000) and service.unsent.bytes == 0

    on_a_loop(app, test)


@pytest.mark.parametrize("ask", [get, partial(post, body=b"x")], ids=["GET", "POST"])
def test_a_client_that_vanishes_ends_the_steps(app: App, ask: Callable[[str], bytes]) -> None:
    """Also those that tell what was changed before them, of which nobody reads anything."""

    async def test(service: Service) -> None:
        waiting, taking, ready = Peer(service, room=0), Peer(service), Peer(service)
        for peer in (waiting, taking, ready):
            peer.send(ask(steps_path(1000, 1000)))
        await make_passes(10)
        made = len(app.made)
        for peer in (waiting, taking, ready):
            peer.leave()
        await make_passes(10)
        assert len(app.made) == made and len(app.closed) == 3
        assert service.unsent.bytes == 0

    on_a_loop(app, test)


def test_a_first_step_that_fails_is_a_500_and_the_connection_goes_on(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(service: Service) -> None:
        peer = Peer(service)
        peer.send(get(steps_path(3, 100, fails=0)) + get("/next"))
        await make_passes(10)
        refusal, after = peer.answers()
        assert refusal.error[0] == 500 and after.body == b"/next"

    on_a_loop(app, test)
    assert "GET /steps/3/100/0 failed" in caplog.text and "a step failed" in caplog.text


def test_a_later_step_that_fails_cuts_the_connection(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(service: Service) -> None:
        peer = Peer(service)
        peer.send(get(steps_path(3, 100, fails=2)) + get("/next"))
        await make_passes(10)
        with pytest.raises(EOFError):  # no client takes it for the whole
            peer.answers()
        assert peer.transport.is_aborted and len(app.closed) == 1
        assert service.unsent.bytes == 0 and not service.connections

    on_a_loop(app, test)
    assert "GET /steps/3/100/2 failed" in caplog.text


@pytest.mark.parametrize("fails", [-1, 90])
def test_what_a_client_that_vanishes_has_asked_to_change_is_changed(app: App, fails: int) -> None:
    committed: list[int] = []

    def commit() -> None:
        committed.append(len(app.made))

    async def test(service: Service) -> None:
        peers = [Peer(service, room=0), Peer(service)]
        for peer in peers:
            peer.send(post(steps_path(100, 1000, fails, "change"), b"x"))
        await make_passes(10)
        assert len(app.made) < 100
        for peer in peers:
            peer.leave()
        await make_passes(500)
        assert len(app.made) == 2 * (100 if fails < 0 else fails) == committed[-1]
        assert len(app.closed) == 2 and service.unsent.bytes == 0

    on_a_loop(app, test, commit)


def test_what_is_changed_for_who_has_gone_waits_for_no_other_steps(app: App) -> None:
    async def test(service: Service) -> None:
        reader, gone = Peer(service), Peer(service, room=0)
        reader.send(get(steps_path(1000, 1)))
        gone.send(post(steps_path(50, 1, what="change"), b"x"))
        await make_passes(5)
        gone.leave()
        await make_passes(120)
        assert len(app.closed) == 1 and app.closed[0].startswith("/change")

    on_a_loop(app, test)


def test_the_end_of_a_server_waits_for_what_is_changed_for_who_has_gone(app: App) -> None:
    with serving(app, stop_seconds=PATIENCE) as server:
        with SocketPeer(server.port) as peer:
            peer.send(post(steps_path(5000, 1, what="change"), b"x"))
            assert wait_until(lambda: bool(app.made))
        server.stop()
        assert wait_until(lambda: bool(app.closed))
    assert len(app.made) == 5000


def test_empty_steps_send_nothing_and_do_not_end_the_answer() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        yield b""
        start_response("201 Created", [])
        yield b""
        yield b"a"
        yield b""
        yield b"b"

    async def test(service: Service) -> None:
        peer = Peer(service)
        peer.send(get("/") + get("/"))
        await make_passes(30)
        assert [(answer.status, answer.body) for answer in peer.answers()] == [(201, b"ab")] * 2

    on_a_loop(app, test)


def test_the_end_of_an_answer_in_steps_is_the_connections_over_http_1_0(app: App) -> None:
    async def test(service: Service) -> None:
        peer = Peer(service)
        peer.send(get(steps_path(3, 100), "1.0", "Connection: keep-alive") + get("/next", "1.0"))
        await make_passes(10)
        [answer] = peer.answers()
        assert answer.body == expected(3, 100) and answer.headers["connection"] == "close"
        assert "transfer-encoding" not in answer.headers and peer.transport.has_ended

    on_a_loop(app, test)


def test_a_request_to_close_is_heeded_after_a_long_answer(app: App) -> None:
    async def test(service: Service) -> None:
        for path in (steps_path(3, 100), "/book"):
            peer = Peer(service)
            peer.send(get(path, "1.1", "Connection: close"))
            await make_passes(20)
            assert peer.answers()[0].headers["connection"] == "close" and peer.transport.has_ended

    on_a_loop(app, test)


def test_head_makes_no_steps_but_the_first(app: App) -> None:
    async def test(service: Service) -> None:
        peer = Peer(service)
        peer.send(get(steps_path(5, 100)).replace(b"GET", b"HEAD") + get("/next"))
        await make_passes(10)
        head, _, rest = peer.transport.taken.partition(b"\r\n\r\n")
        assert b"200 OK" in head and b"Content-Length" not in head
        assert rest.startswith(b"HTTP/1.1 200 OK") and len(app.made) == len(app.closed) == 1

    on_a_loop(app, test)


def test_each_step_is_sent_after_a_commit(app: App) -> None:
    committed: list[int] = []

    def commit() -> None:
        committed.append(len(app.made))

    async def test(service: Service) -> None:
        peer = Peer(service)
        peer.send(get("/before") + get(steps_path(3, 100)) + get("/book"))
        while len(peer.transport.taken) < LARGE:
            await make_passes(1)
            sent = sum(peer.transport.taken.count(b"%d" % step * 100) for step in range(3))
            assert sent <= max(committed, default=0)
        assert [answer.body for answer in peer.answers()] == [
            b"/before",
            expected(3, 100),
            b"".join(BOOK),
        ]

    on_a_loop(app, test, commit)
    assert {0, 1, 2, 3} <= set(committed)


@pytest.mark.parametrize("path", ["/book", steps_path(3, 100)])
def test_what_cannot_be_committed_was_never_answered(app: App, path: str) -> None:
    refusals = iter([b'{"ok": false, "error": "full"}'])

    async def test(service: Service) -> None:
        peer = Peer(service)
        peer.send(get("/before") + get(path) + get("/after"))
        await make_passes(30)
        assert [answer.status for answer in peer.answers()] == [503, 503, 200]
        assert service.unsent.bytes == 0 and app.made == [] and service.uncommitted == 2

    on_a_loop(app, test, lambda: next(refusals, None))


@pytest.mark.parametrize("fails", [1, 2, 3])
def test_a_step_of_which_nothing_was_sent_that_cannot_be_committed_is_refused(fails: int) -> None:
    commits = iter(range(1, 100))

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield from (b"", b"", b"all")

    async def test(service: Service) -> None:
        peer = Peer(service)
        peer.send(get("/"))
        await make_passes(30)
        [answer] = peer.answers()
        assert answer.status == 503 and not peer.transport.is_aborted
        assert service.unsent.bytes == 0 and service.uncommitted == 1
        peer.send(get("/"))
        await make_passes(30)
        assert [answer.body for answer in peer.answers()[1:]] == [b"all"]

    on_a_loop(app, test, lambda: b"{}" if next(commits) == fails else None)


def test_a_step_that_cannot_be_committed_cuts_an_answer_that_has_begun(app: App) -> None:
    def commit() -> bytes | None:
        return b"{}" if len(app.made) == 2 else None

    async def test(service: Service) -> None:
        peer = Peer(service)
        peer.send(get(steps_path(5, 100)))
        await make_passes(30)
        assert peer.transport.is_aborted and len(app.made) == 2
        assert b"1" * 100 not in peer.transport.taken and service.unsent.bytes == 0

    on_a_loop(app, test, commit)


def test_a_client_has_some_time_for_a_long_answer_however_it_reads(app: App) -> None:
    async def test(service: Service) -> None:
        slow, done = Peer(service, room=0), Peer(service)
        for peer in (slow, done):
            peer.send(get("/book"))
        await make_passes(30)
        now = service.loop.time()
        for seconds in range(9, 60, 9):  # something is read in good time, each time
            slow.transport.allow(SLICE)
            await make_passes(3)
            slow.connection.check_deadline(now + min(seconds, 50))
            assert not slow.transport.is_aborted
            slow.connection.pause_writing()
        slow.connection.check_deadline(now + 60)
        assert slow.transport.is_aborted
        done.connection.check_deadline(now + 61)
        assert not done.transport.is_aborted

    on_a_loop(app, test, answer_seconds=55, write_seconds=100)


def test_who_waits_for_us_is_not_late(app: App) -> None:
    async def test(service: Service) -> None:
        peer = Peer(service)
        peer.send(get("/short") * 40 + get("/late")[:-2])
        assert service.waiting
        peer.connection.check_deadline(service.loop.time() + 1000)
        await make_passes(10)
        assert [answer.status for answer in peer.answers()] == [200] * 40

    on_a_loop(app, test)


@pytest.mark.parametrize("path", ["/book", "/own", steps_path(100, 50_000)])
@pytest.mark.parametrize("commit", [None, lambda: None], ids=["at once", "held first"])
def test_a_server_ends_with_answers_that_nobody_reads(app: App, path: str, commit: Any) -> None:
    limits = {"stop_seconds": 0.05, "system_bytes": 4096}
    with serving(app, fastest_loop, commit, **limits) as server:
        with SocketPeer(server.port, SO_RCVBUF=4096) as deaf, SocketPeer(server.port) as other:
            deaf.send(get(path) * 3)
            assert other.ask(get("/next")).body == b"/next"
            server.stop()
            assert other.is_closed_by_server()
    assert len(app.closed) == ("steps" in path)


@pytest.mark.parametrize("path", ["/book", "/own", steps_path(100, 50_000)])
def test_long_answers_go_over_sockets(app: App, path: str) -> None:
    with serving(app) as server, SocketPeer(server.port) as peer:
        peer.send(get(path) + get("/next") + get(path))
        first, between, last = (peer.answer() for _ in range(3))
        assert first.body == last.body and between.body == b"/next"
        if path == "/book":
            assert first.body == b"".join(BOOK)
        assert wait_until(lambda: server.counts().unsent_bytes == 0)
