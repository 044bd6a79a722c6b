"""The websocket protocol without I/O: frames that a client may send, and the opening handshake.

The one rule: what a frame or a request may be is decided here, before anything acts on it. Frames
follow RFC 6455. simple-websocket-server parses them, but it accepts malformed frames, waits for
bytes that cannot make them right, and drops connections without a close frame. So the checks here
come first. A frame that breaks a rule is a ProtocolError, which carries the code to close with.

A handshake follows RFC 6455, 4.2. Its head is read and checked like that of any HTTP request; then
come the headers of a websocket. A handshake that may not be accepted is a HandshakeRefused, which
is an ordinary HTTP answer that says what was wrong.

The subclasses of the library's WebSocket use names that it does not document, so setup.cfg pins its
version. These are the names:

| of              | names                                                 | for                    |
|-----------------|-------------------------------------------------------|------------------------|
| the module      | STREAM TEXT BINARY CLOSE PING PONG                    | kinds of frames        |
|                 | HEADERB1 HEADERB2 MASK                                | states of the parser   |
| WebSocket       | client handshaked closed                              | a connection's state   |
|                 | _parse_message _handle_packet                         | called after a check   |
|                 | state opcode length lengtharray maskarray data        | what is checked        |
|                 | frag_start                                            |                        |
|                 | _send_message sendq                                   | every frame we send    |
"""

import base64
import binascii
import hashlib
import re
import struct
from http import HTTPStatus
from typing import NamedTuple

from simple_websocket_server import (
    BINARY,
    CLOSE,
    HEADERB1,
    HEADERB2,
    MASK,
    PING,
    PONG,
    STREAM,
    TEXT,
    WebSocket,
)

from disorderbook.errors import ExchangeError, IllegalHost
from disorderbook.protocol.names import DETAIL_HEADER, detail_header, detail_of, error_message
from disorderbook.server.head import (
    Environ,
    HeadParser,
    Refusal,
    add_headers,
    bad_request,
    check_head,
    check_request_line,
)
from disorderbook.server.origin import OriginPolicy

# Codes of a close frame (RFC 6455, 7.4.1).
NORMAL, GOING_AWAY, PROTOCOL_ERROR, NOT_UTF8 = 1000, 1001, 1002, 1007
POLICY_VIOLATION, TOO_BIG, INTERNAL_ERROR = 1008, 1009, 1011

MAX_MESSAGE_BYTES = 4096  # of one message from a listener; the tape reads none of them
MAX_CONTROL_BYTES = 125  # of a ping, a pong or a close frame
MAX_REASON_BYTES = MAX_CONTROL_BYTES - 2  # two are the close code's

WEBSOCKET_VERSION = "13"
KEY_BYTES = 16  # of a Sec-WebSocket-Key, decoded
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
UPGRADE = f"Upgrade: websocket\r\nSec-WebSocket-Version: {WEBSOCKET_VERSION}\r\n"

_ABSOLUTE_TARGET = re.compile(r"(?:http|ws)s?://([^/?#]+).*", re.IGNORECASE)


class ProtocolError(Exception):
    """A client broke the protocol or a limit; `code` and the sentence go into the close frame."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class CheckedWebSocket(WebSocket):
    """The library's WebSocket, whose `_parse_message` raises ProtocolError and no other exception.

    It parses a byte at a time. `sendq` collects the frames that it wants to send.
    """

    _message_bytes = 0  # of the message that is being received, with all its fragments

    def _parse_message(self, byte: int) -> None:
        if self.state == HEADERB1:
            self._check_first_byte(byte)
        elif self.state == HEADERB2:
            self._check_second_byte(byte)
        super()._parse_message(byte)
        if self.state == MASK and not self.maskarray:
            self._check_length(len(self.lengtharray or b""))

    def _check_first_byte(self, byte: int) -> None:
        is_final, opcode = byte & 0x80, byte & 0x0F
        if byte & 0x70:
            raise ProtocolError(PROTOCOL_ERROR, "no extension was agreed on")
        if opcode in (CLOSE, PING, PONG):
            if not is_final:
                raise ProtocolError(PROTOCOL_ERROR, "a control frame is in one piece")
        elif opcode not in (STREAM, TEXT, BINARY):
            raise ProtocolError(PROTOCOL_ERROR, "unknown opcode")
        elif (opcode == STREAM) != self.frag_start:
            raise ProtocolError(PROTOCOL_ERROR, "a fragment out of its place")

    def _check_second_byte(self, byte: int) -> None:
        if not byte & 0x80:
            raise ProtocolError(PROTOCOL_ERROR, "a client masks its frames")
        if self.opcode in (CLOSE, PING, PONG) and byte & 0x7F > MAX_CONTROL_BYTES:
            raise ProtocolError(
                PROTOCOL_ERROR, f"a control frame has at most {MAX_CONTROL_BYTES} bytes"
            )

    def _check_length(self, length_bytes: int) -> None:
        """The frame's length is known; `length_bytes` of its own followed the second byte."""
        if self.opcode in (STREAM, TEXT, BINARY):
            before = self._message_bytes if self.opcode == STREAM else 0
            self._message_bytes = before + self.length
            if self._message_bytes > MAX_MESSAGE_BYTES:
                raise ProtocolError(TOO_BIG, f"a message has at most {MAX_MESSAGE_BYTES} bytes")
        if length_bytes == 8 or length_bytes == 2 and self.length <= MAX_CONTROL_BYTES:
            raise ProtocolError(PROTOCOL_ERROR, "a length takes as few bytes as it can")

    def close(self, status: int = NORMAL, reason: str = "") -> None:
        """Put a close frame into `sendq`, with as much of the reason as fits into it."""
        super().close(status, reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore"))

    def _handle_packet(self) -> None:
        if self.opcode == CLOSE:
            self.close(_close_code(bytes(self.data)))
            return
        try:
            super()._handle_packet()
        except Exception:
            # A frame whose header is in order leaves the library one reason to complain.
            raise ProtocolError(NOT_UTF8, "text is UTF-8") from None


def _close_code(payload: bytes) -> int:
    """The code in a close frame, which is answered with the same code; raises ProtocolError."""
    if not payload:
        return NORMAL
    code = struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else 0
    if not (1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999):
        raise ProtocolError(PROTOCOL_ERROR, "not a code for a close frame")
    try:
        payload[2:].decode()
    except UnicodeDecodeError:
        raise ProtocolError(NOT_UTF8, "the reason for closing is UTF-8") from None
    return int(code)


class HandshakeRefused(Exception):
    """The request gets an HTTP answer instead of a websocket.

    `headers` are header lines that only this refusal has; `detail` says which value was wrong.
    """

    def __init__(
        self, status: HTTPStatus, sentence: str, headers: str = "", detail: str = ""
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.headers = headers
        self.detail = detail

    def answer(self) -> bytes:
        """The whole HTTP answer."""
        body = error_message(str(self)) + b"\n"
        connection = "Upgrade, close" if self.headers == UPGRADE else "close"
        detail = f"{DETAIL_HEADER}: {detail_header(self.detail)}\r\n" if self.detail else ""
        head = (
            f"HTTP/1.1 {self.status} {self.status.phrase}\r\n{self.headers}{detail}"
            f"Connection: {connection}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


class Handshake(NamedTuple):
    """One that may be accepted: the request's target, and its headers named as in WSGI."""

    target: str
    headers: Environ

    def answer(self) -> bytes:
        """The whole HTTP answer; it agrees to no extension and no subprotocol."""
        key = self.headers["HTTP_SEC_WEBSOCKET_KEY"].strip().encode()
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        return (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: %b\r\n\r\n" % accept
        )


class HandshakeReader(HeadParser):
    """Reads the head of a request in any pieces. `is_whole` says that its empty line was read.

    `feed` raises HandshakeRefused as soon as the syntax is wrong; `handshake` raises it for a
    request that is no handshake.
    """

    def __init__(self) -> None:
        super().__init__()
        self.is_whole = False
        self._line = b""  # what is here of the request line, with its end if that is here

    def feed(self, piece: bytes) -> None:
        """Read a piece of the head; nothing that follows the head may be in it."""
        try:
            while piece and not self._line.endswith(b"\n"):
                end = piece.find(b"\n") + 1 or len(piece)
                self._feed_line(piece[:end])
                piece = piece[end:]
            if piece:
                self._parse(piece)
        except Refusal as refusal:
            raise _refused(refusal) from None

    def handshake(self, origins: OriginPolicy = OriginPolicy()) -> Handshake:
        """The request, once everything up to its empty line was fed; raises HandshakeRefused."""
        if not self.is_whole:
            raise _refused(bad_request("This is not an HTTP request"))
        environ: Environ = {}
        target = self._target.decode("latin-1")
        try:
            add_headers(environ, self._headers)
            _take_host(environ, target)
            check_head(environ, f"HTTP/{self._http.get_http_version()}")
        except Refusal as refusal:
            raise _refused(refusal) from None
        _check_request(self._http.get_method(), self._http.get_http_version(), environ)
        _check_origin(environ, origins)
        _check_upgrade(environ)
        _check_key(environ)
        return Handshake(target, environ)

    def _feed_line(self, piece: bytes) -> None:
        self._line = (self._line + piece).lstrip(b"\r\n")  # empty lines may precede it
        self._parse(piece)
        if self._line.endswith(b"\n"):
            check_request_line(self._line, self._error)

    def on_headers_complete(self) -> None:
        self.is_whole = True


def _refused(refusal: Refusal) -> HandshakeRefused:
    """A refusal of the HTTP server as one of the tape."""
    status = HTTPStatus(int(refusal.status[:3]))
    return HandshakeRefused(status, refusal.sentence, detail=refusal.detail)


def _take_host(headers: Environ, target: str) -> None:
    """Let the host of an absolute target replace the header's; raises Refusal for no target."""
    absolute = _ABSOLUTE_TARGET.fullmatch(target)
    if absolute:
        headers["HTTP_HOST"] = absolute[1]
    elif not target.startswith("/"):
        raise bad_request("The target of a handshake is a path or a URL")


def _check_request(method: bytes, version: str, headers: Environ) -> None:
    """A handshake is a GET of HTTP/1.1 without a body (RFC 6455, 4.2.1)."""
    if method != b"GET":
        sentence = "The tape is read with GET"
        detail = detail_of("the method", method.decode(), "GET")
        raise HandshakeRefused(HTTPStatus.METHOD_NOT_ALLOWED, sentence, "Allow: GET\r\n", detail)
    if version != "1.1":
        raise HandshakeRefused(HTTPStatus.BAD_REQUEST, "A websocket handshake is HTTP/1.1")
    if "HTTP_TRANSFER_ENCODING" in headers or headers.get("CONTENT_LENGTH", "0").strip("0"):
        raise HandshakeRefused(HTTPStatus.BAD_REQUEST, "A handshake has no body")


def _check_origin(headers: Environ, origins: OriginPolicy) -> None:
    """Other websites may not listen, and the exchange has to be called by one of its names."""
    asking = (headers.get(f"HTTP_{name}") for name in ("HOST", "ORIGIN", "SEC_FETCH_SITE"))
    try:
        origins.check(*asking)
    except ExchangeError as refusal:
        is_illegal = isinstance(refusal, IllegalHost)
        status = HTTPStatus.BAD_REQUEST if is_illegal else HTTPStatus.FORBIDDEN
        raise HandshakeRefused(status, str(refusal), detail=refusal.detail) from None


def _check_upgrade(headers: Environ) -> None:
    """The request asks for a websocket, and for the one version that is spoken here."""
    upgrade, connection = _tokens(headers, "HTTP_UPGRADE"), _tokens(headers, "HTTP_CONNECTION")
    if "websocket" not in upgrade or "upgrade" not in connection:
        sentence = "This is a websocket: it needs Upgrade: websocket and Connection: Upgrade"
        raise HandshakeRefused(HTTPStatus.UPGRADE_REQUIRED, sentence, UPGRADE)
    if headers.get("HTTP_SEC_WEBSOCKET_VERSION") != WEBSOCKET_VERSION:
        sentence = f"The websocket version spoken here is {WEBSOCKET_VERSION}"
        version = headers.get("HTTP_SEC_WEBSOCKET_VERSION")
        detail = detail_of("Sec-WebSocket-Version", version, WEBSOCKET_VERSION)
        raise HandshakeRefused(HTTPStatus.UPGRADE_REQUIRED, sentence, UPGRADE, detail)


def _check_key(headers: Environ) -> None:
    if not _is_key(headers.get("HTTP_SEC_WEBSOCKET_KEY", "").strip()):
        sentence = f"A handshake has one Sec-WebSocket-Key: {KEY_BYTES} bytes in base64"
        raise HandshakeRefused(HTTPStatus.BAD_REQUEST, sentence)


def _is_key(key: str) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == KEY_BYTES
    except (binascii.Error, ValueError):
        return False


def _tokens(headers: Environ, name: str) -> list[str]:
    """The comma-separated tokens of a header, all of its lines together, in lower case."""
    return [word.strip().lower() for word in headers.get(name, "").split(",")]
