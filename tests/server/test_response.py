"""Calling a WSGI application: what PEP 3333 asks of a server, and what becomes of its answers."""

import io
import logging
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.validate import validator

import bottle
import pytest
from raw_http import Answer, Peer, chunked, get, post, read_answer, serving

from disorderbook.server.head import Refusal
from disorderbook.server.origin import OriginPolicy
from disorderbook.server.reader import Head, HttpRequest
from disorderbook.server.response import (
    WHOLE_BYTES,
    HttpResponse,
    Reply,
    Whole,
    answer,
    failed_response,
    refuse,
    respond_to_nothing,
)

ENVIRON = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "SERVER_PROTOCOL": "HTTP/1.1"}


def ask(app: Callable[..., Any], **changes: str) -> Answer:
    request = HttpRequest(Head(0, ENVIRON | changes), {}, b"", True)
    stream = io.BytesIO(whole(answer(app, respond_to_nothing, request)))
    answered = read_answer(stream, head=changes.get("REQUEST_METHOD") == "HEAD")
    assert answered is not None and stream.read() == b"", "there is more than the answer"
    return answered


def whole(response: bytes | Reply) -> bytes:
    """What a connection sends if no step fails behind the first that gave something."""
    if isinstance(response, bytes):
        return response
    if isinstance(response, Whole):
        return b"".join(response.parts)
    sent: list[bytes] = []
    try:
        while not response.is_done:
            sent += response.next()
    except Exception:
        if response.has_begun:
            raise
        return failed_response(response.request)
    finally:
        response.close()
    return b"".join(sent)


def app_of(status: str, *headers: tuple[str, str], body: Any = ()) -> Callable[..., Any]:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response(status, list(headers))
        return body

    return app


@validator
def conscientious(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """An application that reads, writes and is watched by wsgiref's validator from both sides."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.errors"].flush()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def test_the_validator_of_the_standard_library_has_no_complaint() -> None:
    with serving(conscientious) as server, Peer(server.port) as peer:
        for request in (
            get("/a%20b?c"),
            post("/", b"abc", "Content-Type: text/plain"),
            chunked("/", b"abc"),
            get("*").replace(b"GET", b"OPTIONS"),
            get("http://a/b"),
            get("//a", "1.0"),
        ):
            assert peer.ask(request).status == 200
            if b"1.0" in request:
                break
            assert peer.ask(b"HEAD" + get("/")[3:], head=True).status == 200


def test_the_environ_is_what_pep_3333_says() -> None:
    seen: dict[str, Any] = {}

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.update(environ)
        start_response("200 OK", [])
        return []

    with serving(app) as server, Peer(server.port) as peer:
        peer.ask(post("/a%20b?c=%20", b"abc", "Content-Type: text/x", "X-Key: \xe9"))
        address = peer.socket.getsockname()[0]
    errors, body = seen.pop("wsgi.errors"), seen.pop("wsgi.input")
    assert hasattr(errors, "writelines") and body.read() == b"abc"
    assert isinstance(seen.pop("disorderbook.origins"), OriginPolicy)
    assert seen.pop("disorderbook.futures") is True
    assert seen == {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/a b",
        "QUERY_STRING": "c=%20",
        "CONTENT_TYPE": "text/x",
        "CONTENT_LENGTH": "3",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": str(server.port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": address,
        "SERVER_SOFTWARE": "disorderBook",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_X_KEY": "\xc3\xa9",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def test_a_list_is_a_whole_answer_and_all_else_is_made_in_steps() -> None:
    assert ask(app_of("200 OK", body=[b"a"] * 1000)).body == b"a" * 1000
    assert ask(app_of("200 OK")).headers["content-length"] == "0"
    stepped = ask(app_of("200 OK", body=iter([b"a", b"", b"b"])))
    assert stepped.body == b"ab" and "content-length" not in stepped.headers
    assert ask(app_of("200 OK", body=iter([b"", b""]))).body == b""


def test_the_chunks_of_a_long_answer_are_sent_as_they_are() -> None:
    chunks = [b"a" * 10_000, b"b" * 10_000]
    request = HttpRequest(Head(0, ENVIRON), {}, b"", True)
    response = answer(app_of("200 OK", body=chunks), respond_to_nothing, request)
    assert isinstance(response, Whole)
    assert all(sent is chunk for sent, chunk in zip(response.parts[1:], chunks, strict=True))
    head = response.parts[0]
    assert b"Content-Length: 20000\r\n" in head and head.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("length", [WHOLE_BYTES, WHOLE_BYTES + 1])
def test_json_is_copied_only_if_it_is_short(length: int) -> None:
    body = b"x" * length
    request = HttpRequest(Head(0, ENVIRON), {}, b"", True)
    response = answer(app_of("404 Not Found"), lambda _: body, request)
    assert isinstance(response, bytes) == (length == WHOLE_BYTES)
    assert whole(response).endswith(b"\r\n\r\n" + body)
    assert b"200 OK" in whole(response)


def test_an_application_may_write_instead() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [])
        write(b"a")
        write(b"b")
        return [b"c"]

    assert ask(app).body == b"abc"


def test_a_generator_may_start_its_answer_late_and_is_closed() -> None:
    ended = []

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        try:
            start_response("201 Created", [])
            yield b"a"
        finally:
            ended.append(True)

    assert ask(app)[0::2] == (201, b"a") and ended == [True]


def test_what_an_application_returns_is_closed_even_if_it_fails() -> None:
    class Fails:
        closed = False

        def __iter__(self) -> Iterator[bytes]:
            yield b"a"
            raise ValueError

        def close(self) -> None:
            self.closed = True

    fails = Fails()
    with pytest.raises(ValueError):  # the connection is cut: the client has a part already
        ask(app_of("200 OK", body=fails))
    assert fails.closed


def test_headers_of_the_application_are_sent_but_the_framing_is_the_servers() -> None:
    headers = ask(
        app_of(
            "200 OK",
            ("Set-Cookie", "a=\xe9"),
            ("Content-Length", "999"),
            ("Server", "Mine"),
            ("Connection", "keep-alive"),
            ("Transfer-Encoding", "chunked"),
            ("Date", "today"),
            body=[b"abc"],
        )
    ).headers
    assert headers.keys() == {"set-cookie", "content-length", "date", "server"}
    assert headers["set-cookie"] == "a=\xe9" and headers["content-length"] == "3"


def test_head_keeps_the_length_that_get_would_have() -> None:
    head = {"REQUEST_METHOD": "HEAD"}
    length = ("Content-Length", "7")
    assert ask(app_of("200 OK", length), **head).headers["content-length"] == "7"
    assert ask(app_of("200 OK", length, body=[b"1234567"]), **head).headers["content-length"] == "7"
    assert ask(app_of("200 OK", body=[b"1234567"]), **head).headers["content-length"] == "7"


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_an_answer_that_has_no_body_has_no_length(status: str) -> None:
    answered = ask(app_of(status, ("Content-Length", "3"), body=[b"abc"]))
    assert answered.body == b"" and "content-length" not in answered.headers


def raising(*_: object) -> None:
    raise RuntimeError("a secret")


def starting_twice(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    start_response("200 OK", [])
    return []


@pytest.mark.parametrize(
    "app",
    [
        raising,
        starting_twice,
        lambda environ, start_response: [b"never started"],
        app_of("200 OK", ("X", "a\r\nb: c")),
        app_of("200 OK", ("X", "a\nb: c")),
        app_of("200 OK", ("X", "\u20ac")),
        app_of("200 OK\r\nX: y"),
        app_of("200 OK", body=["text"]),
        app_of("200 OK", body=None),
    ],
)
def test_whatever_an_application_does_wrong_is_a_500_envelope_and_logged(
    app: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        status, sentence = ask(app).error
    assert status == 500 and "secret" not in sentence
    assert "GET / failed" in caplog.text and "Traceback" in caplog.text


def test_an_application_may_start_again_to_report_an_error() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("X", "y")])
        start_response("418 Teapot", [], (ValueError, ValueError(), None))
        return [b"sorry"]

    answered = ask(app)
    assert answered.status == 418 and "x" not in answered.headers


def test_a_refusal_is_a_whole_answer() -> None:
    refusal = read_answer(io.BytesIO(refuse(Refusal("418 Teapot", 'No "coffee"'), {})))
    assert refusal is not None
    assert refusal.error == (418, 'No "coffee"') and refusal.headers["connection"] == "close"


def test_bottle_reads_what_was_sent() -> None:
    app = bottle.Bottle()

    @app.post("/names/<name>")
    def read(name: str) -> dict[str, Any]:
        asked = bottle.request
        return {
            "name": name,
            "json": asked.json,
            "query": asked.query.q,
            "cookie": asked.cookies.c,
            "header": asked.headers["X-Key"],
            "url": asked.url,
            "from": asked.remote_addr,
        }

    body = b'{"a": 1}'
    lines = ("Content-Type: application/json", "Cookie: c=d", "X-Key: k")
    expected = {
        "name": "\xe9 \xe9",
        "json": {"a": 1},
        "query": "\xe9",
        "cookie": "d",
        "header": "k",
        "url": "http://127.0.0.1/names/%C3%A9%20%C3%A9?q=%C3%A9",
        "from": "127.0.0.1",
    }
    sized = post("/names/%C3%A9%20%C3%A9?q=%C3%A9", body, *lines)
    pieces = sized.replace(b"Content-Length: 8", b"Transfer-Encoding: chunked")
    pieces = pieces.replace(body, b"8\r\n" + body + b"\r\n0\r\n\r\n")
    with serving(app) as server, Peer(server.port) as peer:
        assert peer.ask(sized).json == expected
        assert peer.ask(pieces).json == expected


def responded(response: object, keep_alive: bool = True, **changes: str) -> Answer:
    """The answer of an application that responds without WSGI."""
    request = HttpRequest(Head(0, ENVIRON | changes), {}, b"", keep_alive)
    sent = answer(raising, lambda request: response, request)  # type: ignore[arg-type, return-value]
    answered = read_answer(io.BytesIO(sent), head=changes.get("REQUEST_METHOD") == "HEAD")
    assert answered is not None
    return answered


@pytest.mark.parametrize("keep_alive", [True, False])
@pytest.mark.parametrize("protocol", ["HTTP/1.1", "HTTP/1.0"])
def test_a_body_is_sent_as_the_whole_response_would_be(keep_alive: bool, protocol: str) -> None:
    body = b'{"ok":true}\n'
    short = responded(body, keep_alive, SERVER_PROTOCOL=protocol)
    headers = [("Content-Type", "application/json")]
    long = responded(HttpResponse("200 OK", headers, body), keep_alive, SERVER_PROTOCOL=protocol)
    assert short._replace(headers={}) == long._replace(headers={})
    assert list(short.headers) == list(long.headers) and short.body == body
    assert short.headers | {"date": ""} == long.headers | {"date": ""}


def test_a_response_has_its_own_status_and_headers() -> None:
    answered = responded(HttpResponse("404 Not Found", [("X", "y")], b"gone"))
    assert (answered.status, answered.headers["x"], answered.body) == (404, "y", b"gone")
