"""The Bottle application: finds the route, takes the exchange's turn, and gives every answer and
every refusal its envelope.
"""

import logging
from collections.abc import Callable
from http.cookies import CookieError

from bottle import Bottle, HTTPError, HTTPResponse, request, response

from disorderbook.errors import (
    BadRequest, BodyTooLarge, ExchangeError, Forbidden, ForeignOrigin, NotFound, TooLarge,
    Unauthorized, Unavailable,
)
from disorderbook.exchange import MAX_NAME_LENGTH, check_name
from disorderbook.messages import error_message
from disorderbook.origin import is_foreign
from disorderbook.rest.api import ROUTES, Answer, House, Page, Request

MAX_BODY_SIZE = 65536  # bytes
STATUSES: dict[type, int] = {
    BadRequest: 400,
    Unauthorized: 401,
    Forbidden: 403,
    NotFound: 404,
    TooLarge: 413,
    Unavailable: 503,
}
OWN_FAULT = "Internal error; this is not your fault (the server's log has the details)"
SENTENCES = {404: "No such path", 405: "That path does not take this method (see Allow)"}
KEY_HEADERS = ("HTTP_X_STARFIGHTER_AUTHORIZATION", "HTTP_X_STOCKFIGHTER_AUTHORIZATION")
KEY_COOKIE = "api_key"
JSON = "application/json"
HTML = "text/html; charset=UTF-8"

log = logging.getLogger(__name__)


def make_app(house: House) -> Bottle:
    """A WSGI application that serves every route of the protocol from one house."""
    app = Bottle()
    app.add_hook("before_request", _receive)
    app.default_error_handler = _envelope
    for method, path, handler in ROUTES:
        app.route(path, method, _answering(house, handler))
    return app


def _answering(house: House, handler: Callable[..., Answer]) -> Callable[..., bytes]:
    """The function that Bottle calls for a route."""

    def answer(**names: str) -> bytes:
        try:
            _check_names(names)
            asked = Request(_key(), request.environ.get("HTTP_HOST", ""), _body())
            with house.exchange.turn:
                return _deliver(handler(house, asked, **names))
        except ExchangeError as refusal:
            return _refuse(refusal)
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            raise HTTPError(500) from None

    return answer


def _receive() -> None:
    """Refuse other websites' requests, and find the route of a path with stray slashes."""
    environ = request.environ
    if is_foreign(environ.get("HTTP_ORIGIN"), environ.get("HTTP_HOST")):
        refusal = ForeignOrigin()
        raise HTTPResponse(error_message(str(refusal)), 403, Content_Type=JSON)
    path, raw = environ["PATH_INFO"], environ["bottle.raw_path"]
    if not raw.isascii() and path.encode() != raw.encode("latin-1"):
        raise HTTPError(404)  # Bottle has dropped what was no UTF-8: this is another path
    if path.startswith("//") or path.endswith("/"):
        environ["PATH_INFO"] = "/" + path.strip("/")


def _check_names(names: dict[str, str]) -> None:
    """Raise NameTooLong; what is no name but a number may be as long as it likes."""
    if len(request.environ["PATH_INFO"]) > MAX_NAME_LENGTH:
        for part, name in names.items():
            if not part.endswith("_id"):
                check_name(name)


def _key() -> str | None:
    """The key that came with the request, from the first of the three places that has one."""
    environ = request.environ
    for header in KEY_HEADERS:
        if environ.get(header):
            return _text(environ[header])
    return _text(_cookie(KEY_COOKIE)) if "HTTP_COOKIE" in environ else None


def _cookie(name: str) -> str:
    try:
        return str(request.get_cookie(name, ""))
    except CookieError:  # somebody else's cookie with a name that Python does not like
        return ""


def _text(header: str) -> str | None:
    """A header as the client meant it: WSGI hands out its bytes as if they were Latin-1."""
    return header.encode("latin-1").decode("utf-8", "replace") or None


def _body() -> bytes:
    """The whole body, empty if there is none; raises BodyTooLarge."""
    announced = request.environ.get("CONTENT_LENGTH", "")
    # Some servers pass on whatever they get.
    length = int(announced[:19]) if announced.isdecimal() else 0
    if length > MAX_BODY_SIZE:
        raise BodyTooLarge
    return request.environ["wsgi.input"].read(length) if length else b""


def _deliver(answer: Answer) -> bytes:
    if isinstance(answer, Page):
        response.status = answer.status
        response.content_type = HTML
        return answer.html.encode()
    response.content_type = JSON
    return answer


def _refuse(refusal: ExchangeError) -> bytes:
    response.status = next(STATUSES[c] for c in type(refusal).__mro__ if c in STATUSES)
    response.content_type = JSON
    return error_message(str(refusal))


def _envelope(error: HTTPError) -> bytes:
    """The body of an error that Bottle found: an unknown path, a wrong method, our own fault."""
    response.content_type = JSON
    return error_message(SENTENCES.get(error.status_code, OWN_FAULT))
