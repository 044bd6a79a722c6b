"""Bytes of a connection in, whole requests out: HTTP/1 without a socket.

httptools (llhttp, as strict as it comes) reads the syntax and refuses what is malformed. Added here
is what a parser leaves to the server: limits, framing that is legal syntax but has two meanings,
and the WSGI environ.
"""

import io
import re
from collections import deque
from enum import Enum
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote

from httptools import (
    HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpRequestParser,
)

from disorderbook.rest.limits import (
    Limits, bad_request, too_large_a_body, too_large_a_head, unmet_expectation,
    unsupported_version,
)

Environ = dict[str, Any]

_ABSOLUTE_TARGET = re.compile(r"https?://([^/?]+)(.*)", re.IGNORECASE)
_LONGEST_LENGTH = 18  # digits of a Content-Length that are worth turning into a number


class Request(NamedTuple):
    """A request that may be run: whole, within the limits, with one meaning only."""

    environ: Environ
    keep_alive: bool


class Stage(Enum):
    """How much of the next request is here."""

    NOTHING = 0
    HEAD = 1
    BODY = 2


# Members by themselves: looking one up in its Enum takes longer than it should for each request.
NOTHING, HEAD, BODY = Stage


class RequestReader:
    """Is fed what comes over one connection; whole requests wait in `ready`, oldest first.

    `stage` says what is here of the next one, and `steps` counts its changes. Nothing is read
    after a Refusal, nor after a request that asks to close the connection (`finished`).
    """

    def __init__(self, template: Environ, limits: Limits) -> None:
        self.ready: deque[Request] = deque()
        self.stage = NOTHING
        self.steps = 0
        self.finished = False
        self.awaits_continue = False
        self._template = template  # what every environ of this connection begins with
        self._limits = limits
        self._http = HttpRequestParser(self)
        self._upgrading = False
        self._piece = 0  # bytes that are being read
        self._fed = 0  # bytes that came since the head or body began, with the piece it began in
        self._doubt = 0  # how many of them may belong to what was before

    def feed(self, data: bytes | memoryview) -> None:
        """Read the next bytes, for exact limits at most `head_bytes` at once; raises Refusal."""
        while data and not self.finished:
            data = self._feed(data)
        if self._fed - self._doubt > self._limits.head_bytes:
            self._check_unfinished()

    def on_message_begin(self) -> None:
        self.stage = HEAD
        self.steps += 1
        self._fed = self._piece
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._body_bytes = 0

    def on_url(self, piece: bytes) -> None:
        self._target += piece

    def on_header(self, name: bytes, value: bytes) -> None:
        # A chunked body's trailers come here as well; nobody looks at the list after its head.
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._http.should_upgrade():
            self._upgrading = True
            return
        self.stage = BODY
        self.steps += 1
        if self._fed > self._limits.head_bytes:
            self._check_head()
        self._fed = self._doubt = self._piece
        environ = self._environ = self._template.copy()
        environ["REQUEST_METHOD"] = self._http.get_method().decode()
        environ["SERVER_PROTOCOL"] = protocol = "HTTP/" + self._http.get_http_version()
        self._read_headers(environ)
        self._read_target(environ)
        self._check_meaning(environ, protocol)

    def on_body(self, piece: bytes) -> None:
        self._body_bytes += len(piece)
        if self._body_bytes > self._limits.body_bytes:
            raise too_large_a_body(self._limits)
        self._body.append(piece)
        self.awaits_continue = False

    def on_message_complete(self) -> None:
        if self._upgrading:
            return
        environ = self._environ
        pieces = self._body
        environ["wsgi.input"] = io.BytesIO(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        if self._is_chunked:
            environ["CONTENT_LENGTH"] = str(self._body_bytes)
        self.stage = NOTHING
        self.steps += 1
        self.awaits_continue = False
        self._fed = self._doubt = self._piece
        keep_alive = self._http.should_keep_alive()
        self.finished = not keep_alive
        self.ready.append(Request(environ, keep_alive))

    def _feed(self, data: bytes | memoryview) -> bytes:
        """Read some bytes; returns those behind the head of a request to upgrade, if there is one.
        """
        if self.stage is NOTHING:
            self._fed = self._doubt = 0
        self._piece = len(data)
        self._fed += self._piece
        try:
            self._http.feed_data(data)
            return b""
        except HttpParserUpgrade as stop:
            rest = bytes(data[stop.args[0]:])
        except HttpParserError as error:
            if self.finished:
                return b""
            raise _refusal(error) from None
        self._forget_upgrade()
        return rest

    def _check_unfinished(self) -> None:
        """Refuse a head or a chunked body that is too long already, though its end is not here."""
        if self.stage is HEAD:
            raise too_large_a_head(self._limits)
        if self.stage is BODY and self._fed - self._doubt > self._limits.chunked_bytes:
            raise too_large_a_body(self._limits)

    def _check_head(self) -> None:
        lines = sum(len(name) + len(value) + 4 for name, value in self._headers)
        if len(self._target) + lines > self._limits.head_bytes:
            raise too_large_a_head(self._limits)

    def _read_headers(self, environ: Environ) -> None:
        for name, value in self._headers:
            key = _environ_key(name)
            text = value.decode("latin-1").rstrip(" \t")
            if key not in environ:
                environ[key] = text
            elif key == "HTTP_HOST":
                raise bad_request("There is more than one Host header")
            else:
                environ[key] += ("; " if key == "HTTP_COOKIE" else ", ") + text

    def _read_target(self, environ: Environ) -> None:
        target = self._target.decode("latin-1")
        if not target.startswith("/"):
            target = self._path_of(target)
        path, _, query = target.partition("?")
        if "#" in target:
            path, _, query = target.partition("#")[0].partition("?")
        environ["PATH_INFO"] = unquote(path, "latin-1") if "%" in path else path
        environ["QUERY_STRING"] = query

    def _path_of(self, target: str) -> str:
        """Path and query of a target that is no path; its host counts for more than Host's."""
        absolute = _ABSOLUTE_TARGET.fullmatch(target)
        if absolute:
            self._environ["HTTP_HOST"], path = absolute.groups()
            return path if path.startswith("/") else f"/{path}"
        if target == "*" and self._environ["REQUEST_METHOD"] == "OPTIONS":
            return ""
        raise bad_request("The target of a request is a path or an http URL")

    def _check_meaning(self, environ: Environ, protocol: str) -> None:
        """Refuse what has more meanings than one, or a body that is too long to be read."""
        environ.pop(_AMBIGUOUS, None)
        self._is_chunked = "HTTP_TRANSFER_ENCODING" in environ
        if protocol != "HTTP/1.1":
            self._check_old(environ, protocol)
        elif "HTTP_HOST" not in environ:
            raise bad_request("There is no Host header")
        if self._is_chunked and environ.pop("HTTP_TRANSFER_ENCODING").lower() != "chunked":
            raise bad_request("The only transfer coding understood is chunked")
        length = environ.get("CONTENT_LENGTH", "0")
        if len(length) > _LONGEST_LENGTH or int(length) > self._limits.body_bytes:
            raise too_large_a_body(self._limits)
        if "HTTP_EXPECT" in environ and protocol == "HTTP/1.1":
            if environ["HTTP_EXPECT"].lower() != "100-continue":
                raise unmet_expectation()
            self.awaits_continue = True

    def _check_old(self, environ: Environ, protocol: str) -> None:
        """Nothing but HTTP/1.1 has chunks, and nothing but that and HTTP/1.0 is spoken here."""
        if protocol != "HTTP/1.0":
            raise unsupported_version()
        if self._is_chunked:
            raise bad_request("HTTP/1.0 has no transfer codings")

    def _forget_upgrade(self) -> None:
        """Read a head once more, without its wish for another protocol.

        The parser takes the body of such a request for the other protocol already. Java's
        HttpClient asks for h2c with every first request, so refusing is no choice.
        """
        method = self._http.get_method()
        if method == b"CONNECT":
            raise bad_request("This is no proxy")
        version = self._http.get_http_version().encode()
        head = [b"%b %b HTTP/%b" % (method, self._target, version)]
        head += [
            b"%b: %b" % header for header in self._headers if header[0].lower() != b"upgrade"
        ]
        self._upgrading = False
        self._http = HttpRequestParser(self)
        self._feed(b"\r\n".join(head) + b"\r\n\r\n")


# Where headers go whose names differ from other headers' in the environ only by an underscore:
# Content_Length must not pass for Content-Length.
_AMBIGUOUS = ""


@lru_cache(maxsize=256)
def _environ_key(name: bytes) -> str:
    if b"_" in name:
        return _AMBIGUOUS
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


def _refusal(error: HttpParserError) -> Exception:
    """The Refusal behind a parser's error: one of ours raised in a callback, or its own."""
    if not isinstance(error, HttpParserCallbackError):
        return bad_request(f"Malformed request: {error}")
    cause = error.__context__
    return cause if isinstance(cause, Exception) else error
