"""One request in, the bytes of its answer out.

A WSGI application is called as PEP 3333 says. An application of ours may answer without it (see
Respond), which spares the environ and the start of the answer.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any
from wsgiref.handlers import format_date_time

import msgspec

from disorderbook.process.log import quoted
from disorderbook.protocol.names import DETAIL_HEADER, detail_header
from disorderbook.server.head import Environ, Refusal
from disorderbook.server.limits import envelope
from disorderbook.server.origin import CorsHeaders, OriginPolicy
from disorderbook.server.reader import HttpRequest

WsgiApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


Headers = list[tuple[str, str]]


CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


INTERNAL_ERROR = "Internal error; this is not your fault (the server's log has the details)"


ORIGINS = "disorderbook.origins"  # in the environ: the server's OriginPolicy


JSON: Headers = [("Content-Type", "application/json")]


log = logging.getLogger(__name__)


Body = bytes | Sequence[bytes] | Iterable[bytes]
"""The body of an answer, in one of three forms. WSGI applications have the last two.

bytes: the whole body.

A list or tuple of bytes: the whole body in chunks, whose lengths are known (Content-Length). They
are sent as they are: no chunk is copied or joined with others, so answers may share chunks. Nobody
may change the list afterwards.

Any other iterable of bytes: a body that is made in steps, and whose length is not known. It is sent
in chunks (Transfer-Encoding) over HTTP/1.1; over HTTP/1.0 the end of the connection is its end. The
next step is asked for when the client has taken what the steps before have given, and the server
makes at most one step of one answer in each pass of its loop. No lock is held: a step takes the
exchange's lock itself, for 5 ms at most, and gives what it can make in that time. It may be empty.
A step that raises before anything was sent becomes a 500, as of a handler. Later, the connection is
cut, so that no client takes a part for the whole. `close`, if there is one, is called at the end,
and when the client has gone.

All forms work with HEAD, keep-alive, pipelining (the requests behind wait, and the order is kept),
group commit and the end of the server. A GET is refused (503) if too many bytes of answers wait for
their clients already; an answer that has begun is not.
"""


class HttpResponse(msgspec.Struct, frozen=True):
    """An answer. The framing, Date and Server are not among its headers."""

    status: str
    headers: Sequence[tuple[str, str]]
    body: Body


Respond = Callable[[HttpRequest], bytes | HttpResponse | None]
"""An application's way around WSGI: the body of an answer that is JSON and has the status 200, a
response, or None if the request has to go the way of WSGI."""


def respond_to_nothing(request: HttpRequest) -> None:
    """Of an application that only knows WSGI."""


def answer(app: WsgiApp, respond: Respond, request: HttpRequest) -> bytes:
    """Run the application; whatever it raises is logged, and answered with a 500 envelope."""
    try:
        response = respond(request)
        if isinstance(response, bytes):
            if request.keep_alive and request.head.environ["SERVER_PROTOCOL"] == "HTTP/1.1":
                return _json(response)
            return _render(HttpResponse("200 OK", JSON, response), request)
        return _render(response or _call(app, request.environ()), request)
    except Exception:
        environ = request.environ()
        log.exception("%s %s failed", environ["REQUEST_METHOD"], quoted(environ["PATH_INFO"]))
        headers = [*JSON, *_for_pages(environ)]
        error = HttpResponse("500 Internal Server Error", headers, envelope(INTERNAL_ERROR))
        return _render(error, request)


def uncommitted_response(body: bytes, request: HttpRequest) -> bytes:
    """The refusal that is sent instead of an answer whose changes could not be committed."""
    headers = [*JSON, *_for_pages(request.environ())]
    return _render(HttpResponse("503 Service Unavailable", headers, body), request)


def refuse(refusal: Refusal, environ: Environ) -> bytes:
    """The last answer on a connection, to a request of which so much has been read."""
    body = envelope(refusal.sentence)
    headers = [*JSON, *_for_pages(environ)]
    if refusal.detail:
        headers.append((DETAIL_HEADER, detail_header(refusal.detail)))
    framing = f"Content-Length: {len(body)}\r\nConnection: close\r\n"
    return _head(refusal.status, headers, framing) + body


def _json(body: bytes) -> bytes:
    """What nearly every answer is: JSON with status 200, to HTTP/1.1, and the connection stays."""
    return _json_head(len(body), int(time.time())) + body


def _for_pages(environ: Environ) -> CorsHeaders:
    """What lets a page read an answer that no application has made, if the page may."""
    origins = environ.get(ORIGINS)
    if not isinstance(origins, OriginPolicy):
        return ()
    return origins.cors_headers(environ.get("HTTP_HOST"), environ.get("HTTP_ORIGIN"))


def _call(app: WsgiApp, environ: Environ) -> HttpResponse:
    """The whole answer, so that nothing is sent of one that fails halfway."""
    started: list[tuple[str, Headers]] = []
    written: list[bytes] = []

    def start_response(status: str, headers: Headers, exc_info: Any = None) -> Any:
        if started and exc_info is None:
            raise AssertionError("The application started its answer twice")
        started.append((status, headers))
        return written.append

    chunks = app(environ, start_response)
    try:
        written += chunks
    finally:
        if hasattr(chunks, "close"):
            chunks.close()
    status, headers = started[-1]
    return HttpResponse(status, headers, b"".join(written))


def _render(response: HttpResponse, request: HttpRequest) -> bytes:
    status, headers, body = response.status, response.headers, response.body
    body = body if isinstance(body, bytes) else b"".join(body)
    framing = f"Content-Length: {len(body)}\r\n"
    if request.head.method == "HEAD":
        framing, body = _length_without_body(headers, body), b""
    if status.startswith(_WITHOUT_BODY):
        framing, body = "", b""
    if not request.keep_alive:
        framing += "Connection: close\r\n"
    elif request.head.protocol == "HTTP/1.0":
        framing += "Connection: keep-alive\r\n"
    return _head(status, headers, framing) + body


def _length_without_body(headers: Sequence[tuple[str, str]], body: bytes) -> str:
    """The length that GET would have: the application's word, if it has left the body out."""
    own = [value for name, value in headers if name.lower() == "content-length"]
    return f"Content-Length: {own[0] if own else len(body)}\r\n"


def _head(status: str, headers: Sequence[tuple[str, str]], framing: str) -> bytes:
    """Status line and headers; an application's own framing, Date and Server are left out."""
    own = "".join([_line(name, value) for name, value in headers])
    signature = _signature(int(time.time()))
    return f"HTTP/1.1 {_one_line(status)}\r\n{own}{framing}{signature}\r\n".encode("latin-1")


@lru_cache(maxsize=1024)
def _line(name: str, value: str) -> str:
    return "" if name.lower() in _OURS else f"{_one_line(name)}: {_one_line(value)}\r\n"


def _one_line(text: str) -> str:
    if "\n" in text or "\r" in text:
        raise ValueError(f"A header of the application holds a line break: {text!r}")
    return text


@lru_cache(maxsize=1)
def _signature(now: int) -> str:
    return f"Date: {format_date_time(now)}\r\nServer: disorderBook\r\n"


@lru_cache(maxsize=256)  # answers to orders have some hundred lengths
def _json_head(length: int, now: int) -> bytes:
    status = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    return f"{status}Content-Length: {length}\r\n{_signature(now)}\r\n".encode()


_WITHOUT_BODY = ("1", "204", "304")


_OURS = frozenset(
    (
        "connection",
        "content-length",
        "date",
        "keep-alive",
        "server",
        "transfer-encoding",
    )
)
