"""One request in, the bytes of its answer out.

A WSGI application is called as PEP 3333 says. An application of ours may answer without it (see
Respond), which spares the environ and the start of the answer.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from functools import lru_cache
from typing import Any, NamedTuple, cast
from wsgiref.handlers import format_date_time

import msgspec

from disorderbook.process.log import quoted
from disorderbook.protocol.names import DETAIL_HEADER, INTERNAL_ERROR, JSON, detail_header
from disorderbook.server.head import Environ, Refusal
from disorderbook.server.limits import envelope
from disorderbook.server.origin import CorsHeaders, OriginPolicy
from disorderbook.server.reader import HttpRequest
from disorderbook.server.unsent import Part, chunks_of

WsgiApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
Headers = list[tuple[str, str]]
Start = tuple[str, Headers]  # what an application starts its answer with
WHOLE_BYTES = 16 * 1024  # a body that is not longer is sent with its head, in one piece with others
RETRY_SECONDS = 1  # after which a client that was refused for want of room may ask again
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
ORIGINS = "disorderbook.origins"  # in the environ: the server's OriginPolicy
_JSON_HEADERS: Headers = [("Content-Type", JSON)]
FUTURES = "disorderbook.futures"  # in the environ: whether a future may take the body's place
log = logging.getLogger(__name__)
Body = bytes | Sequence[Part] | Iterable[bytes]
"""The body of an answer, in one of three forms. WSGI applications have the last two.

bytes: the whole body.

A list or tuple of bytes: the whole body in chunks, whose lengths are known (Content-Length). They
are sent as they are: no chunk is copied or joined with others, so answers may share chunks. (A body
that fits into WHOLE_BYTES is joined.) SharedChunks may stand among them, but for a WSGI server of
others: an answer with many chunks that others have, too, then costs what one with a few does.

Any other iterable of bytes: a body that is made in steps, and whose length is not known. It is sent
in chunks (Transfer-Encoding) over HTTP/1.1; over HTTP/1.0 the end of the connection is its end. The
next step is asked for when the client has taken what the steps before have given, and the server
makes at most one step of one answer in each pass of its loop. No lock is held: a step takes the
exchange's lock itself, for 5 ms at most, and gives what it can make in that time. It may be empty.
A step that raises before anything was sent becomes a 500, as of a handler, or what a StepRefused
says. Later, the connection is cut, so that no client takes a part for the whole. `close`, if there
is one, is called at the end, and when the client has gone; but the steps of a Change are made to
the end then.

All forms work with HEAD, keep-alive, pipelining (the requests behind wait, and the order is kept),
group commit and the end of the server. A GET is refused (503) if too many bytes of answers wait for
their clients already; an answer that has begun is not.
"""


class HttpResponse(msgspec.Struct, frozen=True):
    """An answer. The framing, Date and Server are not among its headers."""

    status: str
    headers: Sequence[tuple[str, str]]
    body: Body


class Change:
    """A body whose steps are the change that was asked for, and not only what is told of it."""

    def __init__(self, steps: Iterator[bytes]) -> None:
        self.steps = steps

    def __iter__(self) -> Iterator[bytes]:
        return self.steps


class StepRefused(Exception):
    """What a step raises to have a short answer given instead of its own."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__(response.status)
        self.response = response


Response = bytes | HttpResponse | Future[bytes | HttpResponse]
"""The body of an answer that is JSON and has the status 200, or a response. A future is answered
once it is done, which any thread may see to. Requests behind it on its connection wait, others do
not. A WSGI application may return one instead of a body, where FUTURES is true in the environ; the
status that it has started with then counts for nothing."""


Respond = Callable[[HttpRequest], Response | None]
"""An application's way around WSGI; None if the request has to go the way of WSGI."""


def respond_to_nothing(request: HttpRequest) -> None:
    """Of an application that only knows WSGI."""


class Whole(NamedTuple):
    """A long answer, head and all, whose parts are sent as they are."""

    request: HttpRequest
    parts: Sequence[Part]


class Steps:
    """An answer whose body is made in steps. `start` holds status and headers by the time the first
    step that is not empty has been made.
    """

    def __init__(
        self,
        request: HttpRequest,
        body: Iterable[bytes],
        start: Sequence[Start],
        written: list[bytes] | None = None,
    ) -> None:
        self.request = request
        self.has_begun = False  # something may have been sent
        self.is_done = False
        self._body = body
        self._start = start
        self._written = (
            [] if written is None else written
        )  # what a WSGI application has written besides
        self._is_chunked = request.head.protocol != "HTTP/1.0"
        self._made: Iterator[bytes] | None = None

    @property
    def ends_connection(self) -> bool:
        """Whether nothing else tells a client that the answer is at its end."""
        return not self._is_chunked

    def next(self) -> Sequence[bytes]:
        """Have the next step made; raises what it raises. Gives chunks to send, perhaps none."""
        if self._made is None:
            self._made = iter(self._body)
        step = next(self._made, None)
        self.is_done = step is None
        pieces = [piece for piece in (*self._written, step) if piece]
        self._written.clear()
        if self.has_begun:
            return self._framed(pieces)
        if not pieces and not self.is_done:
            return ()
        head = self._head()
        self.has_begun = True
        if self._is_without_body():
            self.is_done = True
            return [head]
        return [head, *self._framed(pieces)]

    @property
    def must_go_on(self) -> bool:
        """Whether the rest is to be done also where nobody waits for the answer."""
        return isinstance(self._body, Change) and not self.is_done

    def close(self) -> None:
        """At the end, and when the client has gone; what is raised here is logged."""
        self.is_done = True
        try:
            if hasattr(self._body, "close"):
                self._body.close()
        except Exception:
            log_failure(self.request)

    def _framed(self, pieces: list[bytes]) -> list[bytes]:
        if not self._is_chunked:
            return pieces
        framed: list[bytes] = []
        for piece in pieces:
            framed += (b"%x\r\n" % len(piece), piece, b"\r\n")
        return [*framed, b"0\r\n\r\n"] if self.is_done else framed

    def _is_without_body(self) -> bool:
        return self.request.head.method == "HEAD" or self._start[-1][0].startswith(_WITHOUT_BODY)

    def _head(self) -> bytes:
        status, headers = self._start[-1]
        framing = "Transfer-Encoding: chunked\r\n" if self._is_chunked else ""
        if self._is_without_body():
            framing = ""
        if not self.request.keep_alive or not self._is_chunked:
            framing += "Connection: close\r\n"
        return _head(status, headers, framing)


class Pending(NamedTuple):
    """An answer that is not there yet. `headers` are of the application, besides the answer's."""

    request: HttpRequest
    future: "Future[bytes | HttpResponse]"
    headers: Sequence[tuple[str, str]] = ()

    def parts(self) -> Sequence[Part]:
        """The answer, head and all, once the future is done."""
        try:
            response = self.future.result()
            if isinstance(response, bytes):
                response = HttpResponse("200 OK", _JSON_HEADERS, response)
            known = {name.lower() for name, _ in response.headers}
            others = [pair for pair in self.headers if pair[0].lower() not in known]
            whole = msgspec.structs.replace(response, headers=[*response.headers, *others])
            rendered = _render(whole, self.request)
            if isinstance(rendered, (Steps, Pending)):
                raise TypeError("an answer that was to come later came to one in steps")
        except Exception:
            return (failed_response(self.request),)
        return (rendered,) if isinstance(rendered, bytes) else rendered.parts


Reply = Whole | Steps | Pending
"""An answer that is sent piece by piece, or later."""


def answer(app: WsgiApp, respond: Respond, request: HttpRequest) -> bytes | Reply:
    """Run the application; whatever it raises is logged, and answered with a 500 envelope."""
    try:
        response = respond(request)
        if isinstance(response, bytes):
            if (
                len(response) <= WHOLE_BYTES
                and request.keep_alive
                and request.head.environ["SERVER_PROTOCOL"] == "HTTP/1.1"
            ):
                return _json(response)
            return _render(HttpResponse("200 OK", _JSON_HEADERS, response), request)
        if isinstance(response, Future):
            return Pending(request, response)
        return _render(response, request) if response else _call(app, request)
    except Exception:
        return failed_response(request)


def failed_response(request: HttpRequest) -> bytes:
    """Log the exception that is being handled; the refusal that the client gets."""
    log_failure(request)
    headers = [*_JSON_HEADERS, *_for_pages(request.environ())]
    return _error("500 Internal Server Error", headers, envelope(INTERNAL_ERROR), request)


def failed_step(fault: Exception, request: HttpRequest) -> bytes:
    """What the client gets for an exception, which is being handled, of an answer's first step."""
    if isinstance(fault, StepRefused):
        return instead_of_answer(fault.response, request)
    return failed_response(request)


def log_failure(request: HttpRequest) -> None:
    """Log the exception that is being handled."""
    environ = request.environ()
    log.exception("%s %s failed", environ["REQUEST_METHOD"], quoted(environ["PATH_INFO"]))


def uncommitted_response(body: bytes, request: HttpRequest) -> bytes:
    """The refusal that is sent instead of an answer whose changes could not be committed."""
    headers = [*_JSON_HEADERS, *_for_pages(request.environ())]
    return _error("503 Service Unavailable", headers, body, request)


def instead_of_answer(response: HttpResponse, request: HttpRequest) -> bytes:
    """An answer, which is short, that the server gives in the application's place."""
    headers = [*response.headers, *_for_pages(request.environ())]
    return _error(response.status, headers, cast(bytes, response.body), request)


def busy_response(refusal: Refusal, request: HttpRequest) -> bytes:
    """The refusal of an answer for which there is no room now. The connection goes on."""
    detail = (DETAIL_HEADER, detail_header(refusal.detail))
    retry = ("Retry-After", str(RETRY_SECONDS))
    headers = [*_JSON_HEADERS, retry, detail, *_for_pages(request.environ())]
    return _error(refusal.status, headers, envelope(refusal.sentence), request)


def refuse(refusal: Refusal, environ: Environ) -> bytes:
    """The last answer on a connection, to a request of which so much has been read."""
    body = envelope(refusal.sentence)
    headers = [*_JSON_HEADERS, *_for_pages(environ)]
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


def _call(app: WsgiApp, request: HttpRequest) -> bytes | Reply:
    """A list or tuple is a whole answer; nothing else is asked for more than it has begun."""
    started: list[Start] = []
    written: list[bytes] = []

    def start_response(status: str, headers: Headers, exc_info: Any = None) -> Any:
        if started and exc_info is None:
            raise AssertionError("The application started its answer twice")
        started.append((status, headers))
        return written.append

    chunks = app(request.environ(), start_response)
    if isinstance(chunks, Future):
        return Pending(request, chunks, started[-1][1])
    if not isinstance(chunks, (list, tuple)):
        return Steps(request, chunks, started, written)
    status, headers = started[-1]
    return _render(HttpResponse(status, headers, [*written, *chunks]), request)


def _render(response: HttpResponse, request: HttpRequest) -> bytes | Reply:
    status, headers, body = response.status, response.headers, response.body
    parts = (body,) if isinstance(body, bytes) else body
    if not isinstance(parts, (list, tuple)):
        return Steps(request, cast(Iterable[bytes], parts), [(status, list(headers))])
    length = sum(map(len, parts))
    framing = f"Content-Length: {length}\r\n"
    if request.head.method == "HEAD":
        framing, parts = _length_without_body(headers, length), ()
    if status.startswith(_WITHOUT_BODY):
        framing, parts = "", ()
    if not request.keep_alive:
        framing += "Connection: close\r\n"
    elif request.head.protocol == "HTTP/1.0":
        framing += "Connection: keep-alive\r\n"
    head = _head(status, headers, framing)
    if length <= WHOLE_BYTES:
        return head + b"".join(chunks_of(parts))
    return Whole(request, (head, *parts)) if parts else head


def _error(
    status: str, headers: Sequence[tuple[str, str]], body: bytes, request: HttpRequest
) -> bytes:
    """A refusal, which is short."""
    return cast(bytes, _render(HttpResponse(status, headers, body), request))


def _length_without_body(headers: Sequence[tuple[str, str]], length: int) -> str:
    """The length that GET would have: the application's word, if it has left the body out. Nothing
    is said of a body that would be made in steps.
    """
    own = [value for name, value in headers if name.lower() == "content-length"]
    return f"Content-Length: {own[0] if own else length}\r\n" if own or length else ""


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
    status = f"HTTP/1.1 200 OK\r\nContent-Type: {JSON}\r\n"
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
