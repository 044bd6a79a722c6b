"""Bytes of a connection in, whole requests out: HTTP/1 without a socket.

httptools (llhttp, as strict as it comes) reads the syntax and refuses what is malformed. Added here
is what a parser leaves to the server: limits, framing that is legal syntax but has two meanings,
and the WSGI environ.
"""

import io
from collections import deque
from enum import Enum
from typing import NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from disorderbook.request_head import Environ, add_headers, bad_request, check_head, malformed
from disorderbook.rest.environ import add_target
from disorderbook.rest.heads import LONGEST_REMEMBERED, Head, KnownHeads
from disorderbook.rest.limits import (
    Limits, too_large_a_body, too_large_a_head, unmet_expectation,
)

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

    def __init__(self, template: Environ, limits: Limits, heads: KnownHeads) -> None:
        self.ready: deque[Request] = deque()
        self.stage = NOTHING
        self.steps = 0
        self.finished = False
        self.awaits_continue = False
        self._template = template  # what every environ of this connection begins with
        self._limits = limits
        self._heads = heads
        self._http = HttpRequestParser(self)
        self._upgrading = False
        self._piece = 0  # bytes that are being read
        self._fed = 0  # bytes that came since the head or body began, with the piece it began in
        self._doubt = 0  # how many of them may belong to what was before

    def feed(self, data: bytes | memoryview) -> None:
        """Read the next bytes, for exact limits at most `head_bytes` at once; raises Refusal."""
        if self.stage is not NOTHING or self.finished or len(data) > LONGEST_REMEMBERED:
            self._read(data)
            return
        raw, _, body = bytes(data).partition(b"\r\n\r\n")
        head = self._heads.find(raw)
        if head is not None and head.length == len(body):
            self.steps += 1
            self._add(self._template | head.environ, body)
        else:
            self._read_and_keep(data, raw, len(body))

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
        add_headers(environ, self._headers)
        if "HTTP_CONNECTION" not in environ and self._http.should_keep_alive():
            protocol = "HTTP/1.1"  # no other version does; asking for it costs more than all this
        else:
            protocol = f"HTTP/{self._http.get_http_version()}"
        environ["SERVER_PROTOCOL"] = protocol
        add_target(environ, self._target)
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
        if self._is_chunked:
            self._environ["CONTENT_LENGTH"] = str(self._body_bytes)
        self.stage = NOTHING
        self.steps += 1
        self.awaits_continue = False
        self._fed = self._doubt = self._piece
        self.finished = not self._http.should_keep_alive()
        self._add(self._environ, self._body[0] if len(self._body) == 1 else b"".join(self._body))

    def _add(self, environ: Environ, body: bytes) -> None:
        environ["wsgi.input"] = io.BytesIO(body)
        self.ready.append(Request(environ, not self.finished))

    def _read_and_keep(self, data: bytes | memoryview, raw: bytes, length: int) -> None:
        """Read what may be one whole request, and then remember its head."""
        before = len(self.ready)
        self._read(data)
        if len(self.ready) != before + 1 or self.stage is not NOTHING or self.finished:
            return
        if self._is_chunked or self._body_bytes != length or "HTTP_EXPECT" in self._environ:
            return
        own = {name: value for name, value in self._environ.items() if name not in self._template}
        del own["wsgi.input"]
        self._heads.keep(raw, Head(length, own))

    def _read(self, data: bytes | memoryview) -> None:
        while data and not self.finished:
            data = self._feed(data)
        if self._fed - self._doubt > self._limits.head_bytes:
            self._check_unfinished()

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
            raise malformed(error) from None
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

    def _check_meaning(self, environ: Environ, protocol: str) -> None:
        """Refuse what has more meanings than one, or a body that is too long to be read."""
        check_head(environ, protocol)
        self._is_chunked = environ.pop("HTTP_TRANSFER_ENCODING", None) is not None
        length = environ.get("CONTENT_LENGTH", "0")
        if len(length) > _LONGEST_LENGTH or int(length) > self._limits.body_bytes:
            raise too_large_a_body(self._limits)
        if "HTTP_EXPECT" in environ and protocol == "HTTP/1.1":
            if environ["HTTP_EXPECT"].lower() != "100-continue":
                raise unmet_expectation()
            self.awaits_continue = True

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
