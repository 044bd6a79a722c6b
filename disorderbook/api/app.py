"""The Bottle application: finds the route, takes the exchange's turn, and gives every answer and
every refusal its envelope.
"""

import logging
from collections.abc import Callable, Iterable
from functools import lru_cache
from time import perf_counter
from types import MethodType
from typing import Any

from bottle import Bottle, HTTPError, HTTPResponse, request, response

from disorderbook.accounts import sent_key
from disorderbook.api.metrics import COUNTED_AT_ONCE, OTHER, Tally
from disorderbook.api.services import ROUTES, Services
from disorderbook.errors import (
    BadRequest,
    BodyTooLarge,
    EncodedBody,
    ExchangeError,
    Forbidden,
    NotFound,
    TooLarge,
    Unauthorized,
    Unavailable,
    Unsupported,
)
from disorderbook.process.log import quoted, without_keys
from disorderbook.protocol.names import (
    DETAIL_HEADER,
    MAX_NAME_LENGTH,
    detail_header,
    detail_of,
    error_message,
)
from disorderbook.protocol.parse import check_name
from disorderbook.protocol.route import Answer, Document, Request

PAGES = frozenset(("/", "/docs", "/ob/api"))  # the paths of pages for people


MAX_BODY_SIZE = 65536  # bytes


STATUSES: dict[type, str] = {
    BadRequest: "400 Bad Request",
    Unauthorized: "401 Unauthorized",
    Forbidden: "403 Forbidden",
    NotFound: "404 Not Found",
    TooLarge: "413 Content Too Large",
    Unsupported: "415 Unsupported Media Type",
    Unavailable: "503 Service Unavailable",
}


METHODS = frozenset(method for method, _, _ in ROUTES)


ROUTES_REMEMBERED = 1024  # pairs of method and path


LONGEST_REMEMBERED_PATH = 1024  # characters


INTERNAL_ERROR = "Internal error; this is not your fault (the server's log has the details)"


SENTENCES = {404: "No such path", 405: "That path does not take this method (see Allow)"}


KEY_PLACES = (
    "HTTP_X_STARFIGHTER_AUTHORIZATION",
    "HTTP_X_STOCKFIGHTER_AUTHORIZATION",
    "HTTP_COOKIE",
)


JSON = "application/json"


# What a page may send besides what every page may.
PAGES_HEADERS = "Content-Type, X-Starfighter-Authorization, X-Stockfighter-Authorization"


PREFLIGHT_SECONDS = 600  # that a browser may remember what a path takes


Environ = dict[str, Any]


Headers = tuple[tuple[str, str], ...]


Handler = Callable[..., Answer]


log = logging.getLogger(__name__)


def make_app(services: Services, kind: "type[DirectBottle] | None" = None) -> Bottle:
    """A WSGI application that serves every route of the protocol from one services. It logs each
    request if that is asked for when it is made.
    """
    usual = LoggingBottle if log.isEnabledFor(logging.DEBUG) else DirectBottle
    app = (kind or usual)(services)
    app.add_hook("before_request", app.receive)
    app.default_error_handler = _envelope
    for feature, routes in services.features():
        for method, path, function in routes:
            handler = MethodType(function, feature)
            tally = services.metrics.requests.tally(method, path)
            app.route(path, method, app.answering(handler), handler=handler, tally=tally)
    return app


class DirectBottle(Bottle):  # type: ignore[misc]
    """Bottle with a direct way from a plain request to its handler.

    Bottle's way costs twice what an order costs. It is needed for what is not plain: an unknown
    path, a wrong method, HEAD, stray slashes, a web page. For the rest, finding the route of a path
    once is enough, and of Bottle's request and response nothing is used.

    The requests of both ways are counted.
    """

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services
        self._find = lru_cache(maxsize=ROUTES_REMEMBERED)(self._find_afresh)
        self._is_known_host = services.origins.is_known_host
        self._tallies = services.metrics.requests
        self._notes, self._note = self._tallies.notes, self._tallies.notes.append
        self._other = self._tallies.tally(OTHER, OTHER)

    def wsgi(self, environ: Environ, start_response: Callable[..., object]) -> Iterable[bytes]:
        start = perf_counter()
        found = self._find(environ["REQUEST_METHOD"], environ["PATH_INFO"])
        if (
            found is None
            or not self._is_known_host(environ.get("HTTP_HOST"))
            or "HTTP_ORIGIN" in environ
            or "HTTP_SEC_FETCH_SITE" in environ
            or "HTTP_UPGRADE" in environ
        ):
            return self._take_bottles_way(environ, start_response, start)
        handler, names, tally = found
        status, kind, body, others = self._respond(environ, handler, names)
        length = str(len(body))
        start_response(status, [("Content-Type", kind), ("Content-Length", length), *others])
        self._note((tally, status, perf_counter() - start))
        if len(self._notes) >= COUNTED_AT_ONCE:
            self._tallies.count()
        return [body]

    __call__ = wsgi

    def answering(self, handler: Handler) -> Callable[..., bytes]:
        """The function that Bottle calls for a route on its own way."""

        def answer(**names: str) -> bytes:
            response.status, response.content_type, body, others = self._respond(
                request.environ, handler, names
            )
            response.headers.update(others)
            return body

        return answer

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
            status, _, body, others = _refused(refusal)
            raise HTTPResponse(body, status, dict(others), Content_Type=JSON) from None
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

    def _take_bottles_way(
        self, environ: Environ, start_response: Callable[..., object], start: float
    ) -> Iterable[bytes]:
        origins = self._services.origins
        host, origin = environ.get("HTTP_HOST"), environ.get("HTTP_ORIGIN")
        told = Told(start_response, origins.cors_headers(host, origin))
        answer: Iterable[bytes] = super().wsgi(environ, told)
        route = environ.get("bottle.route")
        tally = route.config["tally"] if route else self._other
        self._note((tally, told.status, perf_counter() - start))
        if len(self._notes) >= COUNTED_AT_ONCE:
            self._tallies.count()
        return answer

    def _find_afresh(self, method: str, path: str) -> tuple[Handler, dict[str, str], Tally] | None:
        """What handles the request, with the names in its path, and where it is counted; None if
        it is not plain.
        """
        if method not in METHODS or len(path) > LONGEST_REMEMBERED_PATH:
            return None
        try:
            text = path.encode("latin-1").decode("utf-8")
            route, names = self.router.match({"REQUEST_METHOD": method, "PATH_INFO": text})
        except (UnicodeError, HTTPError):
            return None
        return route.config["handler"], names, route.config["tally"]

    def _respond(
        self, environ: Environ, handler: Handler, names: dict[str, str]
    ) -> tuple[str, str, bytes, Headers]:
        """Status, content type, body, and other headers."""
        try:
            if len(environ["PATH_INFO"]) > MAX_NAME_LENGTH:
                _check_names(names)
            key, host = sent_key(environ, KEY_PLACES), environ.get("HTTP_HOST", "")
            asked = Request(key, host, _body(environ), environ.get("QUERY_STRING", ""))
            with self._services.exchange.transaction():
                answer = handler(asked, **names)
        except ExchangeError as refusal:
            return _refused(refusal)
        except Exception:
            path = quoted(environ["PATH_INFO"])
            log.exception("%s %s failed", environ["REQUEST_METHOD"], path)
            return "500 Internal Server Error", JSON, _ended(error_message(INTERNAL_ERROR)), ()
        if isinstance(answer, Document):
            return answer.status, answer.kind, answer.content, answer.headers
        return "200 OK", JSON, answer + b"\n", ()


class LoggingBottle(DirectBottle):
    """The same, with a line in the log for each request."""

    def wsgi(self, environ: Environ, start_response: Callable[..., object]) -> Iterable[bytes]:
        start, path, told = perf_counter(), environ["PATH_INFO"], Told(start_response)
        answer = super().wsgi(environ, told)
        microseconds = (perf_counter() - start) * 1e6
        client, method = environ.get("REMOTE_ADDR", "-"), quoted(environ["REQUEST_METHOD"])
        # The path comes last, so that nothing in it can pass for anything else.
        log.debug(
            "%s %s %.0f us %s %s", client, told.status[:3], microseconds, method, quoted(path)
        )
        return answer

    __call__ = wsgi


class Told:
    """A server's start_response that remembers the status and adds headers to every answer."""

    def __init__(self, start_response: Callable[..., object], others: Headers = ()) -> None:
        self._start_response = start_response
        self._others = others
        self.status = ""

    def __call__(self, status: str, headers: list[tuple[str, str]], *rest: object) -> object:
        self.status = status
        return self._start_response(status, [*headers, *self._others], *rest)


def _refused(refusal: ExchangeError) -> tuple[str, str, bytes, Headers]:
    """Status, content type, body, and other headers."""
    status = next(STATUSES[c] for c in type(refusal).__mro__ if c in STATUSES)
    others = ((DETAIL_HEADER, detail_header(refusal.detail)),) if refusal.detail else ()
    return status, JSON, _ended(error_message(str(refusal))), others


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


def _is_visit(environ: Environ, path: str) -> bool:
    """Whether somebody follows a link to a page for people, from whatever site."""
    return (
        path in PAGES
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
    """The body of an error that Bottle found: an unknown path, a wrong method, our own fault."""
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
