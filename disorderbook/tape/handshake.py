"""What a request must be before the library may answer it as a websocket handshake (RFC 6455, 4.2).

The library answers whatever has a key. Here the rest is checked, and every refusal is an ordinary
HTTP answer that says what was wrong.
"""

import base64
import binascii
from http import HTTPStatus

from simple_websocket_server import HTTPRequest

from disorderbook.errors import ExchangeError, IllegalHost
from disorderbook.messages import error_message
from disorderbook.origin import OriginPolicy

WEBSOCKET_VERSION = "13"
KEY_BYTES = 16
UPGRADE = f"Upgrade: websocket\r\nSec-WebSocket-Version: {WEBSOCKET_VERSION}\r\n"


class HandshakeRefused(Exception):
    """This request gets an HTTP answer: a status, a sentence and perhaps headers of its own."""

    def __init__(self, status: HTTPStatus, sentence: str, headers: str = "") -> None:
        super().__init__(sentence)
        self.status = status
        self.headers = headers

    def answer(self) -> bytes:
        """The whole HTTP answer."""
        body = error_message(str(self))
        connection = "Upgrade, close" if "Upgrade" in self.headers else "close"
        head = (
            f"HTTP/1.1 {self.status} {self.status.phrase}\r\n{self.headers}"
            f"Connection: {connection}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


class Request(HTTPRequest):
    """The library's request, which keeps what its parser complains of instead of failing at it."""

    def send_error(
        self, code: int, message: str | None = None, explain: str | None = None
    ) -> None:
        self.error_code, self.error_message = code, message


def parse_handshake(header: bytes, origins: OriginPolicy = OriginPolicy()) -> Request:
    """The request in `header`, which ends with its empty line; raises HandshakeRefused."""
    request = Request(header)
    if request.error_code is not None:
        raise HandshakeRefused(HTTPStatus(request.error_code), request.error_message or "")
    if request.command is None or request.headers.defects:
        raise HandshakeRefused(HTTPStatus.BAD_REQUEST, "This is not an HTTP request")
    _check_request(request)
    _check_origin(request, origins)
    _check_upgrade(request)
    _check_key(request)
    return request


def _check_request(request: Request) -> None:
    """Everything that HTTP itself asks for."""
    headers = request.headers
    if request.command != "GET":
        sentence = "The tape is read with GET"
        raise HandshakeRefused(HTTPStatus.METHOD_NOT_ALLOWED, sentence, "Allow: GET\r\n")
    if request.request_version != "HTTP/1.1":
        raise HandshakeRefused(HTTPStatus.BAD_REQUEST, "A websocket handshake is HTTP/1.1")
    if len(headers.get_all("Host", [])) != 1:
        raise HandshakeRefused(HTTPStatus.BAD_REQUEST, "A handshake has one Host header")
    if len(headers.get_all("Origin", [])) > 1:
        raise HandshakeRefused(HTTPStatus.BAD_REQUEST, "A handshake has one Origin header at most")
    if headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in headers:
        raise HandshakeRefused(HTTPStatus.BAD_REQUEST, "A handshake has no body")


def _check_origin(request: Request, origins: OriginPolicy) -> None:
    """Our own rule about other websites and about our names."""
    headers = request.headers
    try:
        origins.check(headers["Host"], headers["Origin"], headers["Sec-Fetch-Site"])
    except IllegalHost as refusal:
        raise HandshakeRefused(HTTPStatus.BAD_REQUEST, str(refusal)) from None
    except ExchangeError as refusal:
        raise HandshakeRefused(HTTPStatus.FORBIDDEN, str(refusal)) from None


def _check_upgrade(request: Request) -> None:
    """Whether this asks for a websocket at all, and for the version that we speak."""
    asks = "websocket" in _words(request, "Upgrade") and "upgrade" in _words(request, "Connection")
    if not asks:
        sentence = "This is a websocket: it needs Upgrade: websocket and Connection: Upgrade"
        raise HandshakeRefused(HTTPStatus.UPGRADE_REQUIRED, sentence, UPGRADE)
    if request.headers.get_all("Sec-WebSocket-Version") != [WEBSOCKET_VERSION]:
        sentence = f"The websocket version spoken here is {WEBSOCKET_VERSION}"
        raise HandshakeRefused(HTTPStatus.UPGRADE_REQUIRED, sentence, UPGRADE)


def _check_key(request: Request) -> None:
    keys = request.headers.get_all("Sec-WebSocket-Key", [])
    if len(keys) != 1 or not _is_key(keys[0].strip()):
        sentence = f"A handshake has one Sec-WebSocket-Key: {KEY_BYTES} bytes in base64"
        raise HandshakeRefused(HTTPStatus.BAD_REQUEST, sentence)


def _is_key(key: str) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == KEY_BYTES
    except (binascii.Error, ValueError):
        return False


def _words(request: Request, name: str) -> list[str]:
    """The comma-separated words of a header, all of its lines together, in lower case."""
    lines = ",".join(request.headers.get_all(name, []))
    return [word.strip().lower() for word in lines.split(",")]
