"""HTTP as a client meets it, in bytes over a socket: every rule of the protocol that the server
keeps, on each of the event loops it runs on.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from malformed import MALFORMED, OTHER_PROTOCOLS
from raw_http import HOST, Peer, Recorder, chunked, get, post, serving

from disorderbook.server.server import fastest_loop

LOOPS = {"fastest": fastest_loop, "asyncio": asyncio.new_event_loop}


@pytest.fixture
def app() -> Recorder:
    return Recorder()


@pytest.fixture(params=LOOPS.values(), ids=LOOPS)
def new_loop(request: Any) -> Callable[[], asyncio.AbstractEventLoop]:
    return request.param


@pytest.fixture(params=[None, lambda: None], ids=["at once", "kept first"])
def keep(request: Any) -> Callable[[], bytes | None] | None:
    return request.param


@pytest.fixture
def port(app: Recorder, new_loop: Any, keep: Any) -> Iterator[int]:
    with serving(app, new_loop, keep) as server:
        yield server.port


@pytest.fixture
def peer(port: int) -> Iterator[Peer]:
    with Peer(port) as peer:
        yield peer


def test_a_connection_is_kept_for_the_next_request(peer: Peer) -> None:
    for number in range(3):
        answer = peer.ask(get(f"/{number}"))
        assert (answer.status, answer.body) == (200, b"GET /%d 0" % number)
        assert "connection" not in answer.headers


def test_a_client_may_ask_to_close(peer: Peer) -> None:
    assert peer.ask(get("/", "1.1", "Connection: close")).headers["connection"] == "close"
    assert peer.is_closed_by_server()


def test_nothing_after_a_request_to_close_is_read(app: Recorder, peer: Peer) -> None:
    peer.send(get("/last", "1.1", "Connection: close") + get("/more"))
    assert [answer.body for answer in peer.answers()] == [b"GET /last 0"]
    assert len(app.asked) == 1


def test_http_1_0_closes_unless_asked_to_keep_alive(port: int) -> None:
    with Peer(port) as peer:
        assert peer.ask(b"GET / HTTP/1.0\r\n\r\n").headers["connection"] == "close"
        assert peer.is_closed_by_server()
    with Peer(port) as peer:
        for _ in range(2):
            answer = peer.ask(get("/", "1.0", "Connection: keep-alive"))
            assert answer.headers["connection"] == "keep-alive"


def test_pipelined_requests_are_answered_in_order_and_with_one_write(peer: Peer) -> None:
    peer.send(b"".join(post(f"/{number}", b"x" * number) for number in range(10)))
    assert peer.socket.recv(65536).count(b"HTTP/1.1 200 OK") == 10
    peer.send(b"".join(post(f"/{number}", b"x" * number) for number in range(10)))
    assert [peer.answer().body for _ in range(10)] == [b"POST /%d %d" % (n, n) for n in range(10)]


def test_a_thousand_pipelined_requests_are_all_answered(peer: Peer) -> None:
    peer.send(b"".join(get(f"/{number}") for number in range(1000)))
    assert [peer.answer().body for _ in range(1000)] == [b"GET /%d 0" % n for n in range(1000)]


def test_a_body_comes_sized_or_in_chunks(app: Recorder, peer: Peer) -> None:
    peer.ask(post("/", b"abcdef"))
    peer.ask(chunked("/", b"abc", b"def"))
    peer.ask(post("/", b""))
    peer.ask(chunked("/"))
    assert [body for _, _, body in app.asked] == [b"abcdef", b"abcdef", b"", b""]


def test_chunk_extensions_and_trailers_are_dropped(app: Recorder, peer: Peer) -> None:
    head = b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: Chunked\r\n\r\n"
    peer.ask(head + b"3;name=value\r\nabc\r\n0\r\nX-Trailer: late\r\nHost: other\r\n\r\n")
    assert app.asked == [("POST", "/", b"abc")]
    assert "HTTP_X_TRAILER" not in app.environ and app.environ["HTTP_HOST"] == "127.0.0.1"
    assert app.environ["CONTENT_LENGTH"] == "3" and "HTTP_TRANSFER_ENCODING" not in app.environ


@pytest.mark.parametrize("method", ["GET", "DELETE", "HEAD", "OPTIONS"])
def test_a_body_where_none_belongs_does_not_spoil_the_next_request(peer: Peer, method: str) -> None:
    for request in (post("/", get("/inner")), chunked("/", get("/inner"))):
        peer.ask(request.replace(b"POST", method.encode()), head=method == "HEAD")
        assert peer.ask(get("/next")).body == b"GET /next 0"


def test_head_is_answered_without_a_body(peer: Peer) -> None:
    peer.send(get("/").replace(b"GET", b"HEAD") + get("/next"))
    assert peer.answer(head=True).status == 200
    assert peer.answer().body == b"GET /next 0"


def test_a_client_that_waits_for_100_continue_is_told_to_go_on(app: Recorder, peer: Peer) -> None:
    head, body = post("/", b"abc", "Expect: 100-Continue").split(b"\r\n\r\n")
    assert peer.ask(head + b"\r\n\r\n").status == 100
    assert app.asked == []
    assert peer.ask(body).body == b"POST / 3"


def test_100_continue_comes_after_the_answers_before_it(peer: Peer) -> None:
    head, _ = post("/", b"abc", "Expect: 100-continue").split(b"\r\n\r\n")
    peer.send(get("/before") + head + b"\r\n\r\n")
    assert peer.answer().body == b"GET /before 0"
    assert peer.answer().status == 100


def test_100_continue_is_left_out_when_the_body_is_there_or_for_http_1_0(peer: Peer) -> None:
    request = post("/", b"abc", "Expect: 100-continue")
    assert peer.ask(request).body == b"POST / 3"
    old = request.replace(b"HTTP/1.1", b"HTTP/1.0")[:-3]
    peer.send(old)
    assert peer.ask(b"abc").status == 200


def test_a_client_that_waits_in_vain_gets_the_refusal_instead(peer: Peer) -> None:
    head, _ = post("/", b"x" * 65537, "Expect: 100-continue").split(b"\r\n\r\n")
    assert peer.ask(head + b"\r\n\r\n").status == 413


def test_an_absolute_target_names_the_path_and_the_host(app: Recorder, peer: Peer) -> None:
    for target, path in [("http://exchange:81/a", "/a"), ("HTTP://exchange:81", "/")]:
        peer.ask(get(f"{target}?b=c"))
        assert app.environ["HTTP_HOST"] == "exchange:81"
        assert (app.environ["PATH_INFO"], app.environ["QUERY_STRING"]) == (path, "b=c")


@pytest.mark.parametrize(
    "target, path, query",
    [
        ("//ob//api", "//ob//api", ""),
        ("/a%20b%2Fc%3f?d%20e?f", "/a b/c?", "d%20e?f"),
        ("/%C3%A9%ff", "/\xc3\xa9\xff", ""),
        ("/100%", "/100%", ""),
        ("/%zz", "/%zz", ""),
        ("/a?b#c", "/a", "b"),
        ("/a#b?c", "/a", ""),
        ("/?", "/", ""),
    ],
)
def test_the_target_is_split_and_its_path_decoded(
    app: Recorder, peer: Peer, target: str, path: str, query: str
) -> None:
    peer.ask(get(target))
    assert (app.environ["PATH_INFO"], app.environ["QUERY_STRING"]) == (path, query)


def test_options_may_ask_about_the_server_as_a_whole(app: Recorder, peer: Peer) -> None:
    assert peer.ask(get("*").replace(b"GET", b"OPTIONS")).status == 200
    assert app.environ["PATH_INFO"] == ""


def test_every_answer_has_a_length_a_date_and_the_server(peer: Peer) -> None:
    headers = peer.ask(get("/")).headers
    assert headers["content-length"] == "7" and headers["server"] == "disorderBook"
    assert headers["date"].endswith(" GMT")
    assert abs(parsedate_to_datetime(headers["date"]).timestamp() - time.time()) < 5


def test_a_request_may_come_byte_by_byte(peer: Peer) -> None:
    for request in (post("/sized", b"abc"), chunked("/chunks", b"abc")):
        for number in range(len(request)):
            peer.send(request[number : number + 1])
        assert peer.answer().status == 200


def test_empty_lines_before_a_request_are_ignored(peer: Peer) -> None:
    assert peer.ask(b"\r\n\r\n" + get("/")).status == 200


def test_a_wish_for_another_protocol_is_ignored(app: Recorder, peer: Peer) -> None:
    wish = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")
    peer.send(post("/", b"abc", *wish) * 3 + get("/", "1.1", *wish) + get("/next"))
    assert [peer.answer().body for _ in range(5)] == [b"POST / 3"] * 3 + [
        b"GET / 0",
        b"GET /next 0",
    ]
    head = "\r\n".join(["POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", *wish])
    assert peer.ask(head.encode() + b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n").body == b"POST / 3"


def test_a_fault_of_the_application_is_logged_and_the_connection_goes_on(
    peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        status, sentence = peer.ask(get("/boom")).error
    assert status == 500 and "a fault of the application" not in sentence
    assert "GET /boom failed" in caplog.text and "a fault of the application" in caplog.text
    assert peer.ask(get("/")).status == 200


def test_refusals_are_counted_and_logged_by_what_they_are(
    app: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    limits = {"connections": 1, "refused_connections": 1}
    with caplog.at_level(logging.INFO), serving(app, **limits) as server, Peer(server.port) as peer:
        assert peer.ask(get("/")).status == 200
        with Peer(server.port) as second:
            assert second.answer().status == 503
            with contextlib.suppress(ConnectionResetError), Peer(server.port) as third:
                assert third.is_closed_by_server()
        assert peer.ask(b"nonsense\r\n\r\n").status == 400
        counts = server.counts()
    assert counts.refused == {"503 Service Unavailable": 1, "400 Bad Request": 1}
    assert counts.dropped == 1 and counts.uncommitted == 0
    said = [
        (record.levelname, record.message)
        for record in caplog.records
        if record.name.startswith("disorderbook")
    ]
    assert said[:2] == [
        ("WARNING", "127.0.0.1 is refused: At most 1 connections are open at a time"),
        ("WARNING", "127.0.0.1 is cut off: there are too many connections"),
    ]
    [(level, sentence)] = said[2:]
    assert level == "INFO" and sentence.startswith("127.0.0.1 is refused: Malformed request")


def test_who_has_sent_everything_may_close_his_side_and_still_reads(peer: Peer) -> None:
    peer.send(get("/1") + get("/2"))
    peer.socket.shutdown(1)
    assert [answer.body for answer in peer.answers()] == [b"GET /1 0", b"GET /2 0"]


def test_headers_with_underscores_cannot_pass_for_others(app: Recorder, peer: Peer) -> None:
    peer.send(get("/", "1.1", "Content_Length: 5", "X_Key: false", "Transfer_Encoding: chunked"))
    peer.send(get("/next", "1.1", "Connection: close"))
    assert len(peer.answers()) == 2
    assert [path for _, path, _ in app.asked] == ["/", "/next"]


def test_the_application_sees_whole_header_values(app: Recorder, peer: Peer) -> None:
    peer.ask(
        get(
            "/",
            "1.1",
            "X-Twice: a",
            "Cookie: a=b",
            "X-Twice: b ",
            "Cookie: c=d",
            "X-Empty:",
            "Content-Type: \t text/plain \t",
        )
    )
    seen = app.environ
    assert seen["HTTP_X_TWICE"] == "a, b" and seen["HTTP_COOKIE"] == "a=b; c=d"
    assert seen["CONTENT_TYPE"] == "text/plain" and seen["HTTP_X_EMPTY"] == ""


@pytest.mark.parametrize("request_", MALFORMED.values(), ids=MALFORMED)
def test_what_is_malformed_or_ambiguous_is_refused_and_nothing_after_it_is_read(
    app: Recorder, peer: Peer, request_: bytes
) -> None:
    peer.send(get("/before") + request_ + get("/smuggled"))
    first, refusal = peer.answers()
    assert first.body == b"GET /before 0"
    assert refusal.error[0] == 400 and refusal.headers["connection"] == "close"
    assert [path for _, path, _ in app.asked] == ["/before"]


@pytest.mark.parametrize(
    "request_, status",
    [
        *((request_, 505) for request_ in OTHER_PROTOCOLS),  # difference 29
        (b"POST / HTTP/1.1\r\nHost: a\r\nExpect: a miracle\r\nContent-Length: 1\r\n\r\na", 417),
    ],
)
def test_what_this_server_cannot_do_is_refused(peer: Peer, request_: bytes, status: int) -> None:
    peer.send(request_)
    assert [answer.error[0] for answer in peer.answers()] == [status]


@pytest.mark.parametrize(
    "beginning",
    [
        b"GET",
        get("/")[:-2],
        post("/", b"abc")[:-1],
        chunked("/", b"abc")[:-2],
    ],
)
def test_a_request_that_ends_too_early_is_never_run(
    app: Recorder, peer: Peer, beginning: bytes
) -> None:
    peer.send(beginning)
    peer.socket.shutdown(1)
    assert [answer.error[0] for answer in peer.answers()] == [400]
    assert app.asked == []


def test_who_connects_and_says_nothing_gets_no_answer(peer: Peer) -> None:
    peer.socket.shutdown(1)
    assert peer.answers() == []


def test_answers_leave_after_what_they_tell_is_kept_and_many_are_kept_at_once(
    app: Recorder,
    new_loop: Any,
) -> None:
    kept: list[int] = []

    def keep() -> None:
        kept.append(len(app.asked))

    with serving(app, new_loop, keep) as server, Peer(server.port) as peer:
        for number in range(1, 4):
            peer.ask(get("/one"))
            assert kept == list(range(1, number + 1))
        peer.send(get("/many") * 10)
        assert [peer.answer().status for _ in range(10)] == [200] * 10
        assert len(app.asked) == kept[-1] == 13 and len(kept) < 13


def test_what_cannot_be_kept_was_never_answered_and_the_connection_goes_on(
    app: Recorder,
    new_loop: Any,
) -> None:
    refusals = iter([b'{"ok": false, "error": "full"}', None])
    with serving(app, new_loop, lambda: next(refusals)) as server, Peer(server.port) as peer:
        peer.send(get("/a") + get("/b").replace(b"GET", b"HEAD") + get("/c"))
        assert peer.answer().error == (503, "full")
        assert peer.answer(head=True).status == 503
        assert peer.answer().error == (503, "full")
        assert server.counts().uncommitted == 3
        assert peer.ask(get("/d")).body == b"GET /d 0"


def test_a_stopped_server_sends_the_answers_that_it_holds(app: Recorder, new_loop: Any) -> None:
    def keep() -> None:
        server.stop()

    with serving(app, new_loop, keep) as server, Peer(server.port) as peer:
        assert peer.ask(get("/last")).status == 200
        assert peer.is_closed_by_server()
