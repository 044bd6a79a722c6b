"""The Bottle application: finds the route, takes the exchange's lock, and gives every answer and
every refusal its envelope.
"""

import logging
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from time import perf_counter
from types import MethodType
from typing import Any, cast

import msgspec
from bottle import Bottle, HTTPError, HTTPResponse, Router, request, response

from disorderbook.accounts import sent_key
from disorderbook.admin.routes import ADMIN, key_needed
from disorderbook.api.metrics import COUNTED_AT_ONCE, OTHER, Tally
from disorderbook.api.services import ROUTES, Services
from disorderbook.control.journal import KEY_PLACES, Answered, Observe, ReadBody, told
from disorderbook.control.routes import CONTROL, CONTROL_ROUTES, admin_only
from disorderbook.errors import (
    BadRequest,
    BodyTooLarge,
    EncodedBody,
    ExchangeError,
    Forbidden,
    NotFound,
    TooFrequent,
    TooLarge,
    Unauthorized,
    Unavailable,
    Unprocessable,
    Unsupported,
)
from disorderbook.process.log import quoted, without_keys
from disorderbook.protocol.names import (
    DETAIL_HEADER,
    INTERNAL_ERROR,
    JSON,
    MAX_NAME_LENGTH,
    detail_header,
    detail_of,
    error_message,
)
from disorderbook.protocol.parse import check_name
from disorderbook.protocol.route import Answer, Document, Request
from disorderbook.server.reader import IDEMPOTENCY_KEY, Head, HttpRequest
from disorderbook.server.response import (
    FUTURES,
    Body,
    Change,
    HttpResponse,
    Response,
    StepRefused,
)
from disorderbook.server.unsent import chunks_of
from disorderbook.timeline.routes import timed

# The paths of pages for people.
PAGES = frozenset(("/", "/docs", "/learn", "/ob/api", "/levels"))
PAGES_BELOW = "/levels/"

MAX_BODY_SIZE = 65536  # bytes

STATUSES: dict[type, str] = {
    BadRequest: "400 Bad Request",
    Unauthorized: "401 Unauthorized",
    Forbidden: "403 Forbidden",
    NotFound: "404 Not Found",
    TooLarge: "413 Content Too Large",
    Unsupported: "415 Unsupported Media Type",
    Unprocessable: "422 Unprocessable Content",
    TooFrequent: "429 Too Many Requests",
    Unavailable: "503 Service Unavailable",
}

METHODS = frozenset(method for method, _, _ in (*ROUTES, *CONTROL_ROUTES))
SENTENCES = {404: "No such path", 405: "That path does not take this method (see Allow)"}

JSON_HEADERS = (("Content-Type", JSON),)

INTERNAL_ERROR_BODY = error_message(INTERNAL_ERROR) + b"\n"
INTERNAL_ERROR_RESPONSE = HttpResponse(
    "500 Internal Server Error", JSON_HEADERS, INTERNAL_ERROR_BODY
)

# A request with one of these goes Bottle's way.
UNUSUAL_HEADERS = frozenset(
    ("HTTP_ORIGIN", "HTTP_SEC_FETCH_SITE", "HTTP_UPGRADE", "HTTP_CONTENT_ENCODING")
)

FORWARDED = frozenset(("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP"))

# What a page may send besides what every page may.
PAGES_HEADERS = (
    "Content-Type, X-Starfighter-Authorization, X-Stockfighter-Authorization, Idempotency-Key"
)
PREFLIGHT_SECONDS = 600  # that a browser may remember what a path takes
Environ = dict[str, Any]
Headers = tuple[tuple[str, str], ...]
Handler = Callable[..., Answer]
log = logging.getLogger(__name__)


def make_app(services: Services, kind: "type[DirectBottle] | None" = None) -> Bottle:
    """A WSGI application that serves every route of the protocol from one services. It logs each
    request, and has it in the services' journal, if that is asked for when it is made.
    """
    observers = _observers(services)
    app = ObservedBottle(services, observers) if observers else (kind or DirectBottle)(services)
    app.add_hook("before_request", app.receive)
    app.default_error_handler = _envelope
    for feature, routes in services.features():
        for method, path, function in routes:
            handler: Handler = MethodType(function, feature)
            if path.startswith(CONTROL):
                handler = admin_only(services.admin, handler)
            elif path.startswith(ADMIN):
                handler = key_needed(services.admin, handler)
            tally = services.metrics.requests.tally(method, path)
            # A plain request is no web page's.
            plain = timed(services.timeline, handler, path, is_pages=False)
            from_page = timed(services.timeline, handler, path, is_pages=True)
            answer = app.answering(plain, from_page)
            app.route(path, method, answer, handler=plain, tally=tally)
    app.router.compile()
    return app


class RouteTable(Router):  # type: ignore[misc]
    """Bottle's, but compiled once: with each route that is added Bottle compiles the pattern of all
    routes anew, which took most of the time in which an exchange is put together.
    """

    def compile(self) -> None:
        """To be called when all routes are there."""
        for method in self.dyna_routes:
            super()._compile(method)

    def _compile(self, method: str) -> None:
        """Bottle calls this with each route."""


class Plan(msgspec.Struct, frozen=True):
    """What follows from the head of a plain request: the handler, what it gets, and the tally."""

    handler: Handler
    names: dict[str, str]  # from the path
    method: str
    path: str
    key: str | None
    host: str
    query: str
    idempotency_key: str | None
    is_forwarded: bool
    tally: Tally


NOT_PLAIN = object()  # the plan of a head that has to go Bottle's way


class DirectBottle(Bottle):  # type: ignore[misc]
    """Bottle with a direct way (`respond`) from a plain request to its handler.

    Our own server asks `respond` first. All that follows from the head of a request is worked out
    when that head is seen for the first time, and kept with it: whose name the host is, the route,
    the key. Bottle's way costs twice what an order costs. It is needed for what is not plain: an
    unknown path, a wrong method, HEAD, stray slashes, a web page; and under other servers.

    The requests of both ways are counted.
    """

    def __init__(self, services: Services) -> None:
        super().__init__()
        self.__dict__["router"] = RouteTable()  # Bottle lets nobody assign what it has
        self._services = services
        self._exchange = services.exchange
        self._other = services.metrics.requests.tally(OTHER, OTHER)

    def respond(self, request: HttpRequest) -> Response | None:
        """The answer to a plain request; None for every other one."""
        start, head = perf_counter(), request.head
        plan = head.plan
        if plan is None:
            plan = head.plan = self._plan(head)
        if plan is NOT_PLAIN:
            return None
        asked = Request(
            plan.method,
            plan.path,
            plan.key,
            plan.host,
            request.body,
            plan.query,
            plan.idempotency_key,
            plan.is_forwarded,
        )
        response = self._call_handler(plan.handler, asked, plan.names)
        status = response.status if isinstance(response, HttpResponse) else "200 OK"
        times = plan.tally.times[status]
        times.append(perf_counter() - start)
        if len(times) >= COUNTED_AT_ONCE:
            plan.tally.count()
        return response

    def wsgi(self, environ: Environ, start_response: Callable[..., object]) -> Iterable[bytes]:
        """Bottle's own way."""
        start, origins = perf_counter(), self._services.origins
        host, origin = environ.get("HTTP_HOST"), environ.get("HTTP_ORIGIN")
        remember = StatusRecorder(start_response, origins.cors_headers(host, origin))
        answer: Iterable[bytes] = super().wsgi(environ, remember)
        route = environ.get("bottle.route")
        tally = route.config["tally"] if route else self._other
        times = tally.times[remember.status]
        times.append(perf_counter() - start)
        if len(times) >= COUNTED_AT_ONCE:
            tally.count()
        if isinstance(answer, (Generator, Change)) and not environ.get(FUTURES):
            return _until_failed(answer, remember)
        return answer

    __call__ = wsgi

    def _cast(self, out: object, peek: object = None) -> Body:
        """As Bottle does, but for a body of ours in chunks or steps: Bottle would join the chunks,
        and ask for the first step.
        """
        if not isinstance(out, HttpResponse):
            return cast(Body, super()._cast(out, peek))
        if isinstance(out.body, (list, tuple)):
            chunks = chunks_of(out.body)
            response.content_length = sum(map(len, chunks))
            return chunks
        return out.body

    def answering(self, plain: Handler, from_page: Handler) -> Callable[..., bytes | HttpResponse]:
        """The function that Bottle calls for a route; web pages have a handler of their own."""

        def answer(**names: str) -> bytes | HttpResponse:
            environ = request.environ
            handler = from_page if "HTTP_SEC_FETCH_SITE" in environ else plain
            answered = self._answer_environ(environ, handler, names)
            if isinstance(answered, Future):
                if environ.get(FUTURES):
                    response.set_header("Content-Type", JSON)
                    return HttpResponse("200 OK", JSON_HEADERS, cast(Body, answered))
                answered = self._wait(answered)
            if isinstance(answered, bytes):
                answered = HttpResponse("200 OK", JSON_HEADERS, answered)
            response.status = answered.status
            for name, value in answered.headers:
                response.set_header(name, value)
            return answered.body if isinstance(answered.body, bytes) else answered

        return answer

    def _wait(self, future: "Future[bytes | HttpResponse]") -> bytes | HttpResponse:
        """Under a server that has a thread for each request: what a future comes to, once the
        changes that it tells of are committed.
        """
        answered = future.result()
        try:
            with self._exchange.transaction():
                return answered
        except ExchangeError as refusal:
            return _refused(refusal)

    def receive(self) -> None:
        """Refuse other websites' requests, and find the route of a path with stray slashes: what
        Bottle calls before it looks for the route.
        """
        environ = request.environ
        path, raw = environ["PATH_INFO"], environ["bottle.raw_path"]
        if not raw.isascii() and path.encode() != raw.encode("latin-1"):
            path = ""  # Bottle has dropped what was no UTF-8: this is another path
        elif "//" in path or path.endswith("/"):
            path = environ["PATH_INFO"] = "/" + "/".join(filter(None, path.split("/")))
        site = None if _is_visit(environ, path) else environ.get("HTTP_SEC_FETCH_SITE")
        try:
            host, origin = environ.get("HTTP_HOST"), environ.get("HTTP_ORIGIN")
            self._services.origins.check(host, origin, site)
        except ExchangeError as refusal:
            refused = _refused(refusal)
            raise HTTPResponse(refused.body, refused.status, dict(refused.headers)) from None
        if "websocket" in environ.get("HTTP_UPGRADE", "").lower():
            sentence = _where_websockets_are(self._services.tape_port)
            raise HTTPResponse(
                _ended(error_message(sentence)), "501 Not Implemented", Content_Type=JSON
            )
        if origin is not None and _is_preflight(environ):
            raise HTTPResponse(status=204, headers=_preflight_headers(self._methods_of(path)))
        if not path:
            raise HTTPError(404)

    def _methods_of(self, path: str) -> str:
        """What a path takes, or every method if there is no such path, so that a page may be told
        that.
        """
        try:
            self.router.match({"REQUEST_METHOD": "OPTIONS", "PATH_INFO": path})
        except HTTPError as error:
            return _with_head(error.get_header("Allow") or ",".join(sorted(METHODS)))
        return "OPTIONS"

    def _plan(self, head: Head) -> Plan | object:
        """What follows from a head, NOT_PLAIN if Bottle has to look at the request.

        Bottle's way refuses in this order: foreign hosts, origins and sites (`receive`), unknown
        paths and wrong methods, long names, the body (`_answer_environ`). A plain request has
        nothing of what could be refused there.
        """
        environ, host = head.environ, head.environ.get("HTTP_HOST")
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        if (
            method not in METHODS
            or len(path) > MAX_NAME_LENGTH
            or head.length > MAX_BODY_SIZE
            or not UNUSUAL_HEADERS.isdisjoint(environ)
            or not self._services.origins.is_known_host(host)
        ):
            return NOT_PLAIN
        try:
            text = path.encode("latin-1").decode("utf-8")
            route, names = self.router.match({"REQUEST_METHOD": method, "PATH_INFO": text})
        except (UnicodeError, HTTPError):
            return NOT_PLAIN
        key, query = sent_key(environ, KEY_PLACES), environ["QUERY_STRING"]
        once, config = environ.get(IDEMPOTENCY_KEY), route.config
        return Plan(
            config["handler"],
            names,
            method,
            path,
            key,
            host or "",
            query,
            once,
            _is_forwarded(environ),
            config["tally"],
        )

    def _answer_environ(
        self, environ: Environ, handler: Handler, names: dict[str, str]
    ) -> Response:
        """Answer a request that Bottle has found the handler of."""
        try:
            _check_names(names)
            body = _body(environ)
        except ExchangeError as refusal:
            return _refused(refusal)
        method, path = environ["REQUEST_METHOD"], environ["bottle.raw_path"]
        key, host = sent_key(environ, KEY_PLACES), environ.get("HTTP_HOST", "")
        query, once = environ["QUERY_STRING"], environ.get(IDEMPOTENCY_KEY)
        forwarded = _is_forwarded(environ)
        asked = Request(method, path, key, host, body, query, once, forwarded)
        return self._call_handler(handler, asked, names)

    def _call_handler(self, handler: Handler, request: Request, names: dict[str, str]) -> Response:
        """Call a handler with the exchange's lock held, and commit before it is released."""
        exchange = self._exchange
        try:
            # As exchange.transaction() does, without the calls of a context manager.
            with exchange.lock:
                try:
                    answer = handler(request, **names)
                finally:
                    if not exchange.group_commit:
                        exchange.commit()
        except ExchangeError as refusal:
            return _refused(refusal)
        except Exception:
            log.exception("%s %s failed", request.method, quoted(request.path))
            return INTERNAL_ERROR_RESPONSE
        if isinstance(answer, bytes):
            return answer + b"\n"
        return _later(answer) if isinstance(answer, Future) else _response(answer)


class ObservedBottle(DirectBottle):
    """A DirectBottle that tells observers of each request."""

    def __init__(self, services: Services, observers: Sequence[Observe]) -> None:
        super().__init__(services)
        self._observers = observers

    def respond(self, request: HttpRequest) -> Response | None:
        start = perf_counter()
        response = super().respond(request)
        if response is not None:
            environ, body = request.template | request.head.environ, request.body
            self._observe(response, lambda answered: _answered(environ, body, answered, start))
        return response

    def wsgi(self, environ: Environ, start_response: Callable[..., object]) -> Iterable[bytes]:
        start, asked = perf_counter(), environ.copy()  # Bottle changes the path
        body = environ["wsgi.input"] = ReadBody(environ["wsgi.input"])
        remember = StatusRecorder(start_response)
        answer = super().wsgi(environ, remember)

        def described(answered: object) -> Answered:
            if answered is answer:  # which began with the status that was given
                answered = HttpResponse(remember.status, remember.headers, answer)
            return _answered(asked, body.so_far(), cast(Response, answered), start)

        self._observe(answer, described)
        return answer

    __call__ = wsgi

    def _observe(self, answer: object, describe: Callable[[Any], Answered]) -> None:
        """Tell of an answer as soon as it is known."""

        def tell(known: object) -> None:
            answered = describe(known)
            for observe in self._observers:
                observe(answered)

        if isinstance(answer, Future):
            answer.add_done_callback(lambda done: tell(done.result()))
        else:
            tell(answer)


class StatusRecorder:
    """A server's start_response that remembers what it was told, and adds headers."""

    def __init__(self, start_response: Callable[..., object], others: Headers = ()) -> None:
        self._start_response = start_response
        self._others = others
        self.status = ""
        self.headers: list[tuple[str, str]] = []

    def __call__(self, status: str, headers: list[tuple[str, str]], *rest: object) -> object:
        self.status, self.headers = status, headers
        return self._start_response(status, [*headers, *self._others], *rest)


def _observers(services: Services) -> list[Observe]:
    observers: list[Observe] = [_log_request] if log.isEnabledFor(logging.DEBUG) else []
    return observers if services.journal is None else [*observers, services.journal.observe]


def _answered(environ: Environ, body: bytes, answered: Response, start: float) -> Answered:
    microseconds = (perf_counter() - start) * 1e6
    if isinstance(answered, HttpResponse):
        status, headers, content = answered.status, answered.headers, told(answered.body)
        return Answered(environ, body, status, headers, content, microseconds)
    return Answered(environ, body, "200 OK", JSON_HEADERS, told(answered), microseconds)


def _log_request(answered: Answered) -> None:
    environ = answered.environ
    client, method = environ.get("REMOTE_ADDR", "-"), quoted(environ["REQUEST_METHOD"])
    # The path comes last, so that nothing in it can pass for anything else.
    path = quoted(environ["PATH_INFO"])
    status, microseconds = answered.status[:3], answered.microseconds
    log.debug("%s %s %.0f us %s %s", client, status, microseconds, method, path)


def _response(answer: Body | Document) -> bytes | HttpResponse:
    if isinstance(answer, bytes):
        return _ended(answer)
    if isinstance(answer, Document):
        headers = (("Content-Type", answer.kind), *answer.headers)
        return HttpResponse(answer.status, headers, _refusable(answer.content))
    return HttpResponse("200 OK", JSON_HEADERS, _refusable(answer))


def _refusable(body: Body) -> Body:
    """A body whose steps may refuse the request, as a handler may."""
    if isinstance(body, (bytes, list, tuple)):
        return body
    steps = _refusing(cast(Iterable[bytes], body))
    return Change(steps) if isinstance(body, Change) else steps


def _refusing(steps: Iterable[bytes]) -> Iterator[bytes]:
    try:
        yield from steps
    except ExchangeError as refusal:
        raise StepRefused(_refused(refusal)) from refusal


def _until_failed(steps: Iterable[bytes], start_response: Callable[..., object]) -> Iterator[bytes]:
    """The same steps, for a server that is not ours. If one fails before anything was sent, the
    answer is a refusal or an internal error, as under our own server; after that the server ends
    the connection.
    """
    try:
        yield from steps
    except Exception as fault:
        response = fault.response if isinstance(fault, StepRefused) else INTERNAL_ERROR_RESPONSE
        # Raises the fault again if something was sent; the server logs it.
        start_response(response.status, [*response.headers], sys.exc_info())
        if response is INTERNAL_ERROR_RESPONSE:
            log.exception("A step of an answer has failed")
        yield cast(bytes, response.body)


def _later(answer: "Future[Answer]") -> Response:
    """What an answer comes to, at once if it is there."""
    if answer.done():
        return _outcome(answer)
    later: Future[bytes | HttpResponse] = Future()
    answer.add_done_callback(lambda done: later.set_result(_outcome(done)))
    return later


def _outcome(done: "Future[Answer]") -> bytes | HttpResponse:
    try:
        answer = done.result()
        if isinstance(answer, Future):
            raise TypeError("an answer that was to come later came to another one")
        return _response(answer)
    except ExchangeError as refusal:
        return _refused(refusal)
    except Exception:
        log.exception("An answer that was to come later has failed")
        return INTERNAL_ERROR_RESPONSE


def _refused(refusal: ExchangeError) -> HttpResponse:
    status = next(STATUSES[c] for c in type(refusal).__mro__ if c in STATUSES)
    detail = ((DETAIL_HEADER, detail_header(refusal.detail)),) if refusal.detail else ()
    retry = (("Retry-After", "1"),) if isinstance(refusal, TooFrequent) else ()
    headers = (*JSON_HEADERS, *detail, *retry)
    return HttpResponse(status, headers, _ended(error_message(str(refusal))))


def _ended(json: bytes) -> bytes:
    """JSON as it is sent over HTTP: with a line break, which some programs cut off unseen."""
    return json + b"\n"


def _where_websockets_are(port: int | None) -> str:
    if port is None:
        return "This exchange has no websockets; it has them when it is started with --websockets"
    return f"This is the port for HTTP; websockets are on port {port}"


def _with_head(methods: str) -> str:
    """What Bottle says a path takes, with the method that GET brings along."""
    return methods.replace("GET", "GET,HEAD")


def _is_preflight(environ: Environ) -> bool:
    """Whether a browser asks if a page may send a request, before it sends it."""
    return (
        environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
    )


def _preflight_headers(methods: str) -> dict[str, str]:
    return {
        "Access-Control-Allow-Methods": methods,
        "Access-Control-Allow-Headers": PAGES_HEADERS,
        "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
    }


def _is_forwarded(environ: Environ) -> bool:
    """Whether a proxy says for whom it asks."""
    return not FORWARDED.isdisjoint(environ)


def _is_visit(environ: Environ, path: str) -> bool:
    """Whether somebody follows a link to a page for people, from whatever site."""
    return (
        (path in PAGES or path.startswith(PAGES_BELOW))
        and environ["REQUEST_METHOD"] == "GET"
        and environ.get("HTTP_SEC_FETCH_MODE") == "navigate"
        and environ.get("HTTP_SEC_FETCH_DEST") == "document"
    )


def _check_names(names: dict[str, str]) -> None:
    """Raise NameTooLong; what is no name but a number may be as long as it likes."""
    for part, name in names.items():
        if not part.endswith("_id"):
            check_name(name, part)


def _body(environ: Environ) -> bytes:
    """The whole body, empty if there is none; raises BodyTooLarge or EncodedBody."""
    announced = environ.get("CONTENT_LENGTH", "")
    # Some servers pass on whatever they get.
    length = int(announced[:19]) if announced.isdecimal() else 0
    if length > MAX_BODY_SIZE:
        raise BodyTooLarge(detail_of("the body's length", length, f"at most {MAX_BODY_SIZE} bytes"))
    if not length:
        return b""
    if "HTTP_CONTENT_ENCODING" in environ and environ["REQUEST_METHOD"] == "POST":
        _check_encoding(environ["HTTP_CONTENT_ENCODING"])
    body: bytes = environ["wsgi.input"].read(length)
    return body


def _check_encoding(encoding: str) -> None:
    """Raise EncodedBody for a body that is packed, such as by gzip."""
    if encoding.strip().lower() not in ("", "identity"):
        raise EncodedBody(detail_of("Content-Encoding", encoding, "identity, or no such header"))


def _envelope(error: HTTPError) -> bytes:
    """The body of an error that Bottle found: an unknown path, a wrong method, an exception."""
    if error.get_header("Allow"):
        allowed = _with_head(error.get_header("Allow"))
        response.set_header("Allow", allowed)
        _tell(detail_of("the method", request.method, allowed))
    elif error.status_code == 404:
        _tell(detail_of("the path", _shown_path(request.environ), "one of those in /docs"))
    response.content_type = JSON
    return _ended(error_message(SENTENCES.get(error.status_code, INTERNAL_ERROR)))


def _tell(detail: str) -> None:
    response.set_header(DETAIL_HEADER, detail_header(detail))


def _shown_path(environ: Environ) -> str:
    """As it was sent, but for a key in it, such as belongs into a websocket's path."""
    raw: str = environ.get("bottle.raw_path") or environ["PATH_INFO"]
    return without_keys(raw.encode("latin-1", errors="replace").decode(errors="replace"))
