"""What a stranger may send or keep the server busy with, and that each limit has its own answer."""

import re
import socket
import time
from typing import Any

import pytest
from raw_http import PATIENCE, Peer, Recorder, chunked, get, post, serving, wait_until

from disorderbook.server.limits import Limits, Refusal
from disorderbook.server.reader import KnownHeads, RequestReader


@pytest.fixture
def app() -> Recorder:
    return Recorder()


def sized(size: int) -> bytes:
    """A request whose request line and headers are this long."""
    head = get("/", "1.1", "X-Long: ")
    return head[:-4] + b"x" * (size - len(head)) + head[-4:]


def test_the_limits_are_those_of_the_documentation() -> None:
    assert Limits() == Limits(
        head_bytes=16384,
        body_bytes=65536,
        head_seconds=10,
        body_seconds=10,
        idle_seconds=75,
        connections=2000,
        stop_seconds=0.15,
    )


def test_a_long_head_is_read_up_to_the_limit(app: Recorder) -> None:
    with serving(app) as server, Peer(server.port) as peer:
        for _ in range(2):
            assert peer.ask(sized(16384)).status == 200


@pytest.mark.parametrize(
    "head",
    [
        sized(16600),
        sized(100_000),
        get("/" + "x" * 17000),
        b"GET /" + b"x" * 17000,
        b"GET / HTTP/1.1\r\nX:" + b"x" * 17000,
        b"GET / HTTP/1.1\r\n" + b"X:\r\n" * 17000,
        b"GET / HTTP/1.1\r\nX:" + b" " * 40000,
        b"\r\n" * 9000,
        b"\r\n" * 8190 + get("/"),
    ],
)
def test_a_head_beyond_the_limit_is_refused_with_431(app: Recorder, head: bytes) -> None:
    with serving(app) as server:
        for before in ([], [get("/before")]):
            with Peer(server.port) as peer:
                for request in before:
                    assert peer.ask(request).status == 200
                peer.send(head)
                assert [answer.error for answer in peer.answers()] == [
                    (431, "Request line and headers are at most 16384 bytes")
                ]
    assert {path for _, path, _ in app.asked} <= {"/before"}


def test_a_long_body_is_read_up_to_the_limit(app: Recorder) -> None:
    with serving(app) as server, Peer(server.port) as peer:
        assert peer.ask(post("/", b"x" * 65536)).body == b"POST / 65536"
        assert peer.ask(chunked("/", *[b"x" * 4096] * 16)).body == b"POST / 65536"
        assert peer.ask(chunked("/", *[b"x"] * 65536)).body == b"POST / 65536"


@pytest.mark.parametrize(
    "request_",
    [
        post("/", b"x" * 65537),
        post("/", b"x" * 65537)[:200],
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + b"0" * 5000 + b"\r\n\r\n",
        chunked("/", b"x" * 65537),
        chunked("/", b"x" * 70000, b"x" * 1000),
        *(
            chunked("/", b"x").replace(b"\n1\r\nx\r\n0\r\n\r\n", b"\n%b\r\n" % size)
            for size in (b"10001", b"7FFFFFFFFFFFFFFF", b"F" * 16, b"F" * 17, b"F" * 300)
        ),
        chunked("/", b"x").replace(b"\r\n0\r\n\r\n", b"\r\n0;" + b"x" * 600_000),
        chunked("/", b"x").replace(b"\r\n0\r\n\r\n", b"\r\n0\r\nX: " + b"x" * 600_000),
    ],
)
def test_a_body_beyond_the_limit_is_refused_with_413(app: Recorder, request_: bytes) -> None:
    with serving(app) as server, Peer(server.port) as peer:
        peer.send(request_)
        assert [answer.error for answer in peer.answers()] == [
            (413, "The body of a request is at most 65536 bytes")
        ]
    assert app.asked == []


HUGE = chunked("/", b"x" * 65537)
SIZE = HUGE.index(b"10001")


@pytest.mark.parametrize(
    "beginning",
    [
        HUGE[: SIZE + 7],
        HUGE[: SIZE + 8],
        chunked("/", b"x" * 100, b"\nf\n" * 9, b"x" * 65500)[:700],
        HUGE.replace(b"10001", b"0" * 30 + b"fFfFfF;name=value")[: SIZE + 50],
        HUGE.replace(b"10001", b"7" * 16)[: SIZE + 18],
    ],
    ids=["its size alone", "a byte of it", "others first", "an extension", "16 digits"],
)
@pytest.mark.parametrize("step", [10**6, 7, 1])
def test_a_chunk_that_is_too_large_is_refused_before_it_comes__difference_29(
    beginning: bytes, step: int
) -> None:
    reader = RequestReader({}, Limits(), KnownHeads())
    with pytest.raises(Refusal) as refused:
        for start in range(0, len(beginning), step):
            reader.feed(beginning[start : start + step])
    assert refused.value.status == "413 Content Too Large"
    told = refused.value.detail
    assert re.fullmatch(r"the body is \d+ bytes; allowed: at most 65536 bytes", told)


@pytest.mark.parametrize(
    "chunks",
    [
        [b"\nFFFFFF\r\n", b"x"],
        [b"FFFFFF\r\n", b"FFFFFF\r\n"],
        [b"\r\nFFFFFF\r\n" * 3000],
        [b"x"] * 500,
    ],
)
@pytest.mark.parametrize("step", [10**6, 1000, 7, 1])
def test_what_only_looks_like_a_chunks_size_is_read(chunks: list[bytes], step: int) -> None:
    whole = chunked("/", *chunks).removesuffix(b"\r\n") + b"FFFFFF: FFFFFF\r\n\r\n"
    reader = RequestReader({}, Limits(), KnownHeads())
    for start in range(0, len(whole), step):
        reader.feed(whole[start : start + step])
    assert reader.ready[0].body == b"".join(chunks)


def test_a_refusal_reaches_a_client_that_is_still_sending(app: Recorder) -> None:
    with serving(app) as server, Peer(server.port) as peer:
        peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 30000000\r\n\r\n")
        for _ in range(300):
            peer.send(b"x" * 100_000)
        assert [answer.error[0] for answer in peer.answers()] == [413]


@pytest.mark.parametrize(
    "beginning, part",
    [
        (b"G", "headers"),
        (get("/")[:-2], "headers"),
        (post("/", b"abc")[:-1], "body"),
        (chunked("/", b"abc")[:-2], "body"),
    ],
)
def test_a_request_that_stalls_is_refused_with_408(
    app: Recorder, beginning: bytes, part: str
) -> None:
    with serving(app, head_seconds=0.1, body_seconds=0.1) as server:
        with Peer(server.port) as peer:
            peer.send(beginning)
            [refusal] = peer.answers()
            assert refusal.error == (408, f"The {part} of a request must arrive within 0.1 seconds")
    assert app.asked == []


def test_a_head_has_one_deadline_however_many_pieces_it_comes_in(app: Recorder) -> None:
    with serving(app, head_seconds=0.5) as server, Peer(server.port) as peer:
        peer.socket.settimeout(0.05)
        peer.send(b"GET / HTTP/1.1\r\n")
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                assert peer.socket.recv(1000).startswith(b"HTTP/1.1 408")
                return
            except TimeoutError:
                peer.send(b"X: y\r\n")
        raise AssertionError("the client could go on for ever")


def test_each_request_has_a_deadline_of_its_own(app: Recorder) -> None:
    with serving(app, head_seconds=0.4, body_seconds=0.4, idle_seconds=0.4) as server:
        with Peer(server.port) as peer:
            for _ in range(4):
                peer.send(get("/")[:-2])
                time.sleep(0.2)  # half a deadline: this test is about time that passes
                assert peer.ask(b"\r\n").status == 200


def test_an_idle_connection_is_closed_without_a_word(app: Recorder) -> None:
    with serving(app, idle_seconds=0.1) as server:
        with Peer(server.port) as silent, Peer(server.port) as waiting:
            assert waiting.ask(get("/")).status == 200
            assert silent.answers() == [] and waiting.answers() == []


def test_connections_beyond_the_limit_are_refused_with_503(app: Recorder) -> None:
    with serving(app, connections=2) as server:
        with Peer(server.port) as first, Peer(server.port) as second:
            assert first.ask(get("/")).status == second.ask(get("/")).status == 200
            with Peer(server.port) as third:
                third.send(get("/"))
                [refusal] = third.answers()
                assert refusal.error == (503, "At most 2 connections are open at a time")
            assert first.ask(get("/")).status == 200
        assert wait_until(lambda: served(server.port))
    assert len([path for _, path, _ in app.asked]) >= 3


def test_far_beyond_the_limit_connections_are_dropped(app: Recorder) -> None:
    with serving(app, connections=1, refused_connections=1) as server:
        with Peer(server.port) as first:
            assert first.ask(get("/")).status == 200
            with Peer(server.port) as refused:
                assert refused.answer().status == 503
                with pytest.raises(ConnectionResetError), Peer(server.port) as dropped:
                    dropped.socket.recv(1)
            assert first.ask(get("/")).status == 200


def test_from_a_client_that_does_not_read_nothing_is_read_and_in_the_end_it_is_dropped(
    app: Recorder,
) -> None:
    with serving(app, write_seconds=0.3, slice_bytes=65536) as server:
        with Peer(server.port, SO_RCVBUF=4096) as deaf, Peer(server.port) as other:
            deaf.send(get("/large/1000000") * 50)
            start = time.monotonic()
            while not app.asked:
                time.sleep(0.01)
            while time.monotonic() < start + 0.2:
                assert other.ask(get("/")).status == 200
            large = [path for _, path, _ in app.asked if path == "/large/1000000"]
            assert len(large) < 10  # the system's own buffers take some
            assert wait_until(lambda: has_been_reset(deaf.socket))
    assert len([path for _, path, _ in app.asked if path == "/large/1000000"]) == len(large)


def test_a_client_that_reads_slowly_gets_everything(app: Recorder) -> None:
    with serving(app, write_seconds=0.5, slice_bytes=65536, system_bytes=16384) as server:
        with Peer(server.port, SO_RCVBUF=4096) as slow:
            slow.send(get("/large/100000") * 10 + get("/", "1.1", "Connection: close"))
            received = pauses = 0
            while chunk := slow.socket.recv(2048):
                received += len(chunk)
                pauses += 1
                time.sleep(0.002)  # the client is slower than the server
    assert received > 10 * 100_000 and len(app.asked) == 11
    assert pauses * 0.002 > 0.5


def test_one_client_with_many_requests_in_one_piece_does_not_hold_up_another() -> None:
    order: list[str] = []

    def slow(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        order.append(environ["PATH_INFO"])
        time.sleep(0.002)
        start_response("200 OK", [])
        return []

    with serving(slow) as server, Peer(server.port) as many, Peer(server.port) as one:
        many.send(get("/many") * 500)
        many.answer()
        one.ask(get("/one"))
        assert order.index("/one") < 200


def served(port: int) -> bool:
    with Peer(port) as peer:
        return peer.ask(get("/")).status == 200


def has_been_reset(peer: socket.socket) -> bool:
    """Whether the server has dropped the connection; looks without reading."""
    return peer.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0
