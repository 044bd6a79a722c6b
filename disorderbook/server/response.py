"""One request in, the bytes of its answer out: calls a WSGI application as PEP 3333 says."""

import logging
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any
from wsgiref.handlers import format_date_time

from disorderbook.process.log import quoted
from disorderbook.protocol.names import DETAIL_HEADER, detail_header
from disorderbook.server.head import Environ, Refusal
from disorderbook.server.limits import envelope
from disorderbook.server.origin import CorsHeaders, OriginPolicy

WsgiApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


Headers = list[tuple[str, str]]


CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


INTERNAL_ERROR = "Internal error; this is not your fault (the server's log has the details)"


ORIGINS = "disorderbook.origins"  # in the environ: the server's OriginPolicy


JSON: Headers = [("Content-Type", "application/json")]


log = logging.getLogger(__name__)


def answer(app: WsgiApp, environ: Environ, keep_alive: bool) -> bytes:
    """Run the application; whatever it raises is logged, and answered with a 500 envelope."""
    try:
        status, headers, body = _call(app, environ)
        return _render(status, headers, body, environ, keep_alive)
    except Exception:
        log.exception("%s %s failed", environ["REQUEST_METHOD"], quoted(environ["PATH_INFO"]))
        headers = [*JSON, *_for_pages(environ)]
        fault = "500 Internal Server Error", headers, envelope(INTERNAL_ERROR)
        return _render(*fault, environ, keep_alive)


def uncommitted_response(body: bytes, environ: Environ, keep_alive: bool) -> bytes:
    """What is answered instead when what an answer told could not be kept."""
    headers = [*JSON, *_for_pages(environ)]
    return _render("503 Service Unavailable", headers, body, environ, keep_alive)


def refuse(refusal: Refusal, environ: Environ) -> bytes:
    """The last answer on a connection, to a request of which so much has been read."""
    body = envelope(refusal.sentence)
    headers = [*JSON, *_for_pages(environ)]
    if refusal.detail:
        headers.append((DETAIL_HEADER, detail_header(refusal.detail)))
    framing = f"Content-Length: {len(body)}\r\nConnection: close\r\n"
    return _head(refusal.status, headers, framing) + body


def _for_pages(environ: Environ) -> CorsHeaders:
    """What lets a page read an answer that no application has made, if the page may."""
    origins = environ.get(ORIGINS)
    if not isinstance(origins, OriginPolicy):
        return ()
    return origins.cors_headers(environ.get("HTTP_HOST"), environ.get("HTTP_ORIGIN"))


def _call(app: WsgiApp, environ: Environ) -> tuple[str, Headers, bytes]:
    """Status, headers and whole body, so that nothing is sent of an answer that fails halfway."""
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
    return status, headers, written[0] if len(written) == 1 else b"".join(written)


def _render(
    status: str, headers: Headers, body: bytes, environ: Environ, keep_alive: bool
) -> bytes:
    framing = f"Content-Length: {len(body)}\r\n"
    if environ["REQUEST_METHOD"] == "HEAD":
        framing, body = _length_without_body(headers, body), b""
    if status.startswith(_WITHOUT_BODY):
        framing, body = "", b""
    if not keep_alive:
        framing += "Connection: close\r\n"
    elif environ["SERVER_PROTOCOL"] == "HTTP/1.0":
        framing += "Connection: keep-alive\r\n"
    return _head(status, headers, framing) + body


def _length_without_body(headers: Headers, body: bytes) -> str:
    """The length that GET would have: the application's word, if it has left the body out."""
    own = [value for name, value in headers if name.lower() == "content-length"]
    return f"Content-Length: {own[0] if own else len(body)}\r\n"


def _head(status: str, headers: Headers, framing: str) -> bytes:
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
