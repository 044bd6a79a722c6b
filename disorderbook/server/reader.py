"""Bytes of a connection in, whole requests out: HTTP/1 without a socket.

httptools (llhttp, as strict as it comes) reads the syntax and refuses what is malformed. Added here
is what a parser leaves to the server: limits, framing that is legal syntax but has two meanings,
and the variables of WSGI (PEP 3333).

The parser gets the bytes in steps that end where something ends in them: a request line, a head, a
body, the size of a chunk. It does not tell where in its bytes it is, and so this is known.

A client's next request often has the very same head. The same bytes mean the same, so a head that
was read before is not read again (see KnownHeads).
"""

import contextlib
import io
import re
from collections import deque
from enum import Enum
from typing import Any
from urllib.parse import unquote

import msgspec
from httptools import HttpParserError, HttpRequestParser

from disorderbook.server.head import (
    Environ,
    HeadParser,
    RawHeaders,
    Refusal,
    add_headers,
    bad_request,
    check_head,
    check_request_line,
)
from disorderbook.server.limits import (
    Limits,
    too_large_a_body,
    too_large_a_head,
    too_much_framing,
    unmet_expectation,
)

_ABSOLUTE_TARGET = re.compile(r"https?://([^/?]+)(.*)", re.IGNORECASE)


def add_target(environ: Environ, raw: bytes) -> None:
    """Split what stands between method and version; raises Refusal. To be called after the
    headers are there: the host of an absolute target counts for more than theirs.
    """
    target = raw.decode("latin-1")
    if not target.startswith("/"):
        target = _path_of(target, environ)
    if "#" in target:
        target = target.partition("#")[0]
    path, _, environ["QUERY_STRING"] = target.partition("?")
    environ["PATH_INFO"] = unquote(path, "latin-1") if "%" in path else path


def _path_of(target: str, environ: Environ) -> str:
    """Path and query of a target that is no path."""
    absolute = _ABSOLUTE_TARGET.fullmatch(target)
    if absolute:
        environ["HTTP_HOST"], path = absolute.groups()
        return path if path.startswith("/") else f"/{path}"
    if target == "*" and environ["REQUEST_METHOD"] == "OPTIONS":
        return ""
    raise bad_request("The target of a request is a path or an http URL")


LONGEST_REMEMBERED = 2048  # bytes of a request with its body
HEADS_REMEMBERED = 256  # for all connections together; the oldest is forgotten first
IDEMPOTENCY_KEY = "HTTP_IDEMPOTENCY_KEY"  # another one in each request
# What is in no head that is remembered: a server waits for its word, or no request has it twice.
NOT_REMEMBERED = frozenset(("HTTP_EXPECT", IDEMPOTENCY_KEY))


class Head(msgspec.Struct, eq=False):
    """What a head says, and what the application has made of it.

    A request whose head was read before has the very same Head, so whatever depends on nothing
    else is worked out once and kept in `plan`.
    """

    length: int  # bytes of the body
    environ: Environ  # its part of the environ; nobody changes it
    plan: Any = None  # the application's; None until it has seen this head

    @property
    def method(self) -> str:
        return str(self.environ["REQUEST_METHOD"])

    @property
    def protocol(self) -> str:
        return str(self.environ["SERVER_PROTOCOL"])


class HttpRequest(msgspec.Struct, frozen=True, eq=False):
    """A request that may be run: whole, within the limits, with one meaning only."""

    head: Head
    template: Environ  # what every environ of the connection begins with
    body: bytes
    keep_alive: bool

    def environ(self) -> Environ:
        """For a WSGI application, which may change it."""
        return self.template | self.head.environ | {"wsgi.input": io.BytesIO(self.body)}


class KnownHeads:
    """By their bytes. Only such that leave no question open: nothing that ends the connection,
    waits for a word from us, or has its length in its body; and none that cannot come again, which
    would push out others.
    """

    def __init__(self) -> None:
        self._heads: dict[bytes, Head] = {}
        self.find = self._heads.get

    def add(self, raw: bytes, head: Head) -> None:
        if len(self._heads) >= HEADS_REMEMBERED:
            del self._heads[next(iter(self._heads))]
        self._heads[raw] = head


_LONGEST_LENGTH = 18  # digits of a Content-Length that are worth turning into a number
_LONGEST_SIZE = 64  # bytes that an unfinished line with the size of a chunk is remembered by
_SIZE_BEYOND_64_BITS = "Chunk size overflow"  # in the parser's words


class Stage(Enum):
    """How much of the next request is here."""

    NOTHING = 0
    HEAD = 1
    BODY = 2


# Members by themselves: looking one up in its Enum takes longer than it should for each request.
NOTHING, HEAD, BODY = Stage


class RequestReader(HeadParser):
    """Is fed what comes over one connection; whole requests wait in `ready`, oldest first.

    `stage` says what is here of the next one, and `steps` counts its changes. Nothing is read
    after a Refusal, nor after a request that asks to close the connection (`finished`).

    With `takes_handshakes`, nothing is read after the head of a request for a websocket either:
    `handshake` is that head and all that came after it, for somebody else to read.
    """

    def __init__(
        self, template: Environ, limits: Limits, heads: KnownHeads, takes_handshakes: bool = False
    ) -> None:
        super().__init__()
        self.ready: deque[HttpRequest] = deque()
        self.stage = NOTHING
        self.steps = 0
        self.finished = False
        self.awaits_continue = False
        self.handshake = b""
        self._takes_handshakes = takes_handshakes
        self._template = template  # what every environ of this connection begins with
        self._limits = limits
        self._heads = heads
        self._upgrading = False
        self._wish = b""  # for another protocol, of a head that is read once more
        self._fed = 0  # bytes since the head or body began
        self._line = b""  # what is here of a request line, a head behind it, the size of a chunk
        self._request_line = b""
        self._in_headers = False  # the request line is read, and the head's end is not
        self._is_chunked = False
        self._left = 0  # bytes that are missing of a body, or of a chunk

    def feed(self, data: bytes | memoryview) -> None:
        """Read the next bytes; raises Refusal."""
        data = bytes(data)
        if self.stage is not NOTHING or self.finished or len(data) > LONGEST_REMEMBERED:
            self._read(data)
            return
        raw, _, body = data.partition(b"\r\n\r\n")
        head = self._heads.find(raw)
        if head is not None and head.length == len(body):
            self.steps += 1
            self.ready.append(HttpRequest(head, self._template, body, True))
        else:
            self._read_and_remember(data, raw, len(body))

    def read_so_far(self) -> Environ:
        """What is known of the oldest request that is not answered, for who refuses it."""
        if self.ready:
            return self.ready[0].environ()
        environ = self._template.copy()
        if self.stage is not NOTHING:
            with contextlib.suppress(Refusal):
                add_headers(environ, self._lines() if self.stage is HEAD else self._headers)
        return environ

    def _lines(self) -> RawHeaders:
        """The whole lines of a head that is not read yet; the parser tells them one line later."""
        head, ends, _ = self._line.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")[1:]
        parts = [line.partition(b":") for line in (lines if ends else lines[:-1])]
        return [(name, value.strip()) for name, _, value in parts]

    def on_message_begin(self) -> None:
        self.stage = HEAD
        self.steps += 1
        self._target = b""
        # A chunked body's trailers come here as well; nobody looks at the list after its head.
        self._headers = []
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._is_chunked = False

    def on_headers_complete(self) -> None:
        if self._http.should_upgrade() or self._is_handshake():
            self._upgrading = True
            return
        self.stage = BODY
        self.steps += 1
        if self._fed > self._limits.head_bytes:
            raise too_large_a_head(self._limits)
        self._fed, self._line, self._in_headers = 0, b"", False
        environ: Environ = {}
        self._environ = environ
        environ["REQUEST_METHOD"] = self._http.get_method().decode()
        add_headers(environ, self._headers)
        if b"websocket" in self._wish.lower():  # for the application to say where there are any
            environ["HTTP_UPGRADE"] = self._wish.decode("latin-1")
        self._wish = b""
        if "HTTP_CONNECTION" not in environ and self._http.should_keep_alive():
            protocol = "HTTP/1.1"  # no other version does; asking for it costs more than all this
        else:
            protocol = f"HTTP/{self._http.get_http_version()}"
        environ["SERVER_PROTOCOL"] = protocol
        add_target(environ, self._target)
        self._check_meaning(environ, protocol)

    def on_chunk_header(self) -> None:
        self._left = int(b"0" + self._line.partition(b";")[0], 16)
        if self._body_bytes + self._left > self._limits.body_bytes:
            raise too_large_a_body(self._limits, self._body_bytes + self._left)

    def on_body(self, piece: bytes) -> None:
        self._body_bytes += len(piece)
        self._left -= len(piece)
        self._body.append(piece)
        self.awaits_continue = False

    def on_message_complete(self) -> None:
        if self._upgrading:
            return
        if self._is_chunked:
            self._environ["CONTENT_LENGTH"] = str(self._body_bytes)
        self.stage = NOTHING
        self.steps += 1
        self._fed = 0
        self.awaits_continue = False
        self.finished = not self._http.should_keep_alive()
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        head = Head(self._body_bytes, self._environ)
        self.ready.append(HttpRequest(head, self._template, body, not self.finished))

    def _read_and_remember(self, data: bytes, raw: bytes, length: int) -> None:
        """Read what may be one whole request, and then remember its head."""
        before = len(self.ready)
        self._read(data)
        if len(self.ready) != before + 1 or self.stage is not NOTHING or self.finished:
            return
        if self._is_chunked or self._body_bytes != length:
            return
        if not NOT_REMEMBERED.isdisjoint(self._environ):
            return
        self._heads.add(raw, self.ready[-1].head)

    def _read(self, data: bytes) -> None:
        while data and not self.finished:
            size = self._step(data)
            try:
                self._feed(data[:size])
            except Refusal:
                self._line += data[size:]  # who asked may stand there
                raise
            data = data[size:]
        if self.handshake:
            self.handshake += data
        # Empty lines before a request are of its head, also while nothing else is here of it.
        if self.stage is not BODY and self._fed > self._limits.head_bytes:
            raise too_large_a_head(self._limits)
        if self.stage is BODY and self._fed > self._limits.chunked_bytes:
            raise too_much_framing(self._limits)

    def _step(self, data: bytes) -> int:
        """How many of these bytes are read next: to where something ends, perhaps beyond them."""
        if self._left:
            return self._left
        if self._in_headers:
            end = (self._line + data).find(b"\r\n\r\n", max(0, len(self._line) - 3))
            return end + 4 - len(self._line) if end >= 0 else len(data)
        return data.find(b"\n") + 1 or len(data)

    def _feed(self, piece: bytes) -> None:
        if self.stage is NOTHING:
            self._line = b""
        self._fed += len(piece)
        if not self._left:
            self._line += piece
        if self._parse(piece) or self._upgrading:
            self._end_upgrading_head()
        if self._in_headers:
            return
        if self._line.endswith(b"\n"):
            self._end_line()
        elif self.stage is BODY:  # a size may have any number of zeros before it
            self._line = self._line.lstrip(b"0")[:_LONGEST_SIZE]

    def _refusal(self, error: HttpParserError) -> Exception:
        if str(error) == _SIZE_BEYOND_64_BITS:
            return too_large_a_body(self._limits)
        return super()._refusal(error)

    def _end_line(self) -> None:
        """After a request line, or a line between chunks."""
        if self.stage is HEAD:
            check_request_line(self._line, self._error)
            self._request_line, self._in_headers = self._line, True
        self._line = self._line[-2:] if self._in_headers else b""

    def _check_meaning(self, environ: Environ, protocol: str) -> None:
        """Refuse what has more meanings than one, or a body that is too long to be read."""
        check_head(environ, protocol)
        self._is_chunked = environ.pop("HTTP_TRANSFER_ENCODING", None) is not None
        self._left = 0
        length = environ.get("CONTENT_LENGTH", "0")
        if len(length) > _LONGEST_LENGTH or int(length) > self._limits.body_bytes:
            raise too_large_a_body(self._limits, length)
        self._left = int(length)
        if "HTTP_EXPECT" in environ and protocol == "HTTP/1.1":
            if environ["HTTP_EXPECT"].lower() != "100-continue":
                raise unmet_expectation(environ["HTTP_EXPECT"])
            self.awaits_continue = True

    def _is_handshake(self) -> bool:
        """Whether the head that has just ended asks for a websocket, and somebody takes it."""
        return self._takes_handshakes and b"websocket" in self._wishes().lower()

    def _wishes(self) -> bytes:
        """The other protocols that the head asks for."""
        return b", ".join([value for name, value in self._headers if name.lower() == b"upgrade"])

    def _end_upgrading_head(self) -> None:
        if not self._is_handshake():
            self._forget_upgrade()
            return
        self.handshake = self._request_line + self._line[2:]  # whose first two end the line before
        self.finished, self.stage = True, NOTHING
        self.steps += 1

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
        head += [b"%b: %b" % header for header in self._headers if header[0].lower() != b"upgrade"]
        self._wish = self._wishes()
        self._upgrading = False
        self._http = HttpRequestParser(self)
        self._parse(b"\r\n".join(head) + b"\r\n\r\n")
