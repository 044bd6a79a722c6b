"""The head of a request over HTTP/1: what is refused in it, by whichever port it came.

llhttp (httptools), as strict as it comes, reads the syntax and refuses what is malformed, such as
folded lines, control characters and line ends that are none. Here is what a parser leaves to the
server: a head has one meaning only, in a version that is spoken here.
"""

import re
from functools import lru_cache
from typing import Any

from httptools import (
    HttpParserCallbackError,
    HttpParserError,
    HttpParserUpgrade,
    HttpRequestParser,
)

from disorderbook.protocol.names import detail_of

MAX_HEADERS = 100  # lines; a browser sends about twenty
Environ = dict[str, Any]
"""What a request says, as the variables of WSGI (PEP 3333)."""

RawHeaders = list[tuple[bytes, bytes]]
_PROTOCOLS = (b"HTTP/1.1", b"HTTP/1.0")
_REQUEST_LINE = re.compile(rb"[^ ]+ +[^ ]+ +([A-Za-z]+/[^ \r\n]*)\r?\n")

_FAULTS_OF_PROTOCOLS = frozenset(
    (  # in the parser's words
        "Expected HTTP/, RTSP/ or ICE/",
        "Expected HTTP/2 Connection Preface",
        "Expected dot",
        "Expected CRLF after version",
        "Invalid HTTP version",
        "Invalid major version",
        "Invalid minor version",
        "Invalid method for HTTP/x.x request",
        "Invalid method for RTSP/x.x request",
        "Expected SOURCE method for ICE/x.x request",
    )
)

_ONCE_AT_MOST = {"HTTP_HOST", "HTTP_ORIGIN"}
_AMBIGUOUS = ""


class Refusal(Exception):
    """Ends a connection: the request is not run, nothing after it is read, and this is said."""

    def __init__(self, status: str, sentence: str, detail: str = "") -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.detail = detail  # what was wrong exactly, if there is more to say

    @property
    def is_for_want_of_room(self) -> bool:
        """Whether nothing is wrong with what was sent."""
        return self.status.startswith("503")


def bad_request(sentence: str) -> Refusal:
    """What cannot be understood, or can be understood in two ways."""
    return Refusal("400 Bad Request", sentence)


def too_long_a_head(sentence: str, detail: str) -> Refusal:
    return Refusal("431 Request Header Fields Too Large", sentence, detail)


def unsupported_version(protocol: str) -> Refusal:
    """The protocol is that of the request line, empty if it names none."""
    sentence = "This server speaks HTTP/1.1 and HTTP/1.0"
    detail = detail_of("the protocol", protocol or "none", "HTTP/1.1, HTTP/1.0")
    return Refusal("505 HTTP Version Not Supported", sentence, detail)


def malformed(error: HttpParserError) -> Exception:
    """The Refusal behind a parser's error: one of ours raised in a callback, or its own."""
    if not isinstance(error, HttpParserCallbackError):
        return bad_request(f"Malformed request: {error}")
    cause = error.__context__
    return cause if isinstance(cause, Exception) else error


def is_of_protocol(error: HttpParserError) -> bool:
    """Whether a parser's error may be about the protocol: what that is, the rest of the request
    line says (see `check_request_line`).
    """
    return str(error) in _FAULTS_OF_PROTOCOLS


def check_request_line(line: bytes, error: HttpParserError | None) -> None:
    """Raise Refusal for another protocol, or for what the parser said of this line, if anything;
    it takes GET / RTSP/1.1 for HTTP as well.
    """
    found = _REQUEST_LINE.fullmatch(line)
    protocol = found[1] if found else b""
    if protocol and protocol not in _PROTOCOLS:
        raise unsupported_version(protocol.decode("latin-1"))
    if error is not None:
        raise malformed(error)
    if not protocol:
        raise unsupported_version("")


def add_headers(environ: Environ, headers: RawHeaders) -> None:
    """Raises Refusal if there are too many, or several of what there may be one of. Names with
    underscores are left out: in the environ Content_Length would pass for Content-Length.
    """
    if len(headers) > MAX_HEADERS:
        sentence = f"A request has at most {MAX_HEADERS} headers"
        allowed = f"at most {MAX_HEADERS}"
        raise too_long_a_head(sentence, detail_of("the number of headers", len(headers), allowed))
    for name, value in headers:
        key = _key(name)
        text = value.decode("latin-1").rstrip(" \t")
        if key not in environ:
            environ[key] = text
        elif key in _ONCE_AT_MOST:
            raise bad_request(f"There is more than one {name.decode().capitalize()} header")
        else:
            environ[key] += ("; " if key == "HTTP_COOKIE" else ", ") + text
    environ.pop(_AMBIGUOUS, None)


def check_head(environ: Environ, protocol: str) -> None:
    """Raise Refusal for what has more meanings than one, or none here. `protocol` is that of the
    request line, such as HTTP/1.1.
    """
    coding = environ.get("HTTP_TRANSFER_ENCODING")
    if protocol == "HTTP/1.1":
        if "HTTP_HOST" not in environ:
            raise bad_request("There is no Host header")
    elif protocol != "HTTP/1.0":
        raise unsupported_version(protocol)
    elif coding is not None:
        raise bad_request("HTTP/1.0 has no transfer codings")
    if coding is not None and coding.lower() != "chunked":
        raise bad_request("The only transfer coding understood is chunked")


class HeadParser:
    """Has llhttp parse a request, and collects what it tells of the head."""

    def __init__(self) -> None:
        self._http = HttpRequestParser(self)
        self._target = b""
        self._headers: RawHeaders = []
        self._error: HttpParserError | None = None  # in a request line that is not whole yet

    def on_url(self, piece: bytes) -> None:
        self._target += piece

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def _parse(self, piece: bytes) -> bool:
        """Have the parser read on; raises Refusal. Whether a head has ended that asks for another
        protocol. An error that may be about the protocol is kept in `_error`, and nothing more is
        parsed: which protocol it is, the rest of the request line says.
        """
        if self._error is not None:
            return False
        try:
            self._http.feed_data(piece)
        except HttpParserUpgrade:
            return True
        except HttpParserError as error:
            if not is_of_protocol(error):
                raise self._refusal(error) from None
            self._error = error
        return False

    def _refusal(self, error: HttpParserError) -> Exception:
        return malformed(error)


@lru_cache(maxsize=256)
def _key(name: bytes) -> str:
    if b"_" in name:
        return _AMBIGUOUS
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
