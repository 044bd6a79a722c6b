"""A server in a thread of this process, and clients that speak to it in bytes."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from disorderbook.server.connection import Upgrade
from disorderbook.server.limits import Limits
from disorderbook.server.server import InlineServer, fastest_loop

PATIENCE = 30.0  # seconds until a test gives up waiting for the server

HOST = b"Host: 127.0.0.1\r\n"


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str]:
        """Status and sentence of a refusal, once its envelope is found to be right."""
        assert self.headers["content-type"] == "application/json"
        assert self.json.keys() == {"ok", "error"} and self.json["ok"] is False
        return self.status, self.json["error"]


class Recorder:
    """A WSGI application that remembers what it was asked, and answers with it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, bytes]] = []
        self.environ: dict[str, Any] = {}

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.environ = environ
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if path == "/boom":
            raise ValueError("a fault of the application")
        self.asked.append((method, path, environ["wsgi.input"].read()))
        answer = f"{method} {path} {len(self.asked[-1][2])}".encode()
        if path.startswith("/large/"):
            answer = b"x" * int(path.removeprefix("/large/"))
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [] if method == "HEAD" else [answer]


class Peer:
    """The other end of a connection."""

    def __init__(self, port: int, **options: int) -> None:
        self.socket = socket.socket()
        for name, value in options.items():
            self.socket.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", port))
        self._stream = self.socket.makefile("rb")

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._stream.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def ask(self, data: bytes, *, head: bool = False) -> Answer:
        self.send(data)
        return self.answer(head=head)

    def answer(self, *, head: bool = False) -> Answer:
        """The next answer; that to HEAD has no body."""
        answer = read_answer(self._stream, head=head)
        assert answer is not None, "the server closed the connection"
        return answer

    def answers(self) -> list[Answer]:
        """Every answer until the server closes the connection."""
        return list(iter(lambda: read_answer(self._stream), None))

    def is_closed_by_server(self) -> bool:
        """Waits for the next byte or the end."""
        try:
            return self._stream.read(1) == b""
        except ConnectionResetError:
            return True


def read_answer(stream: Any, *, head: bool = False) -> Answer | None:
    """One answer from a stream of bytes, None at its end. Its body has a length, or comes in
    chunks, or ends with the connection.
    """
    first = stream.readline()
    if not first:
        return None
    version, status, _ = first.decode("latin-1").split(" ", 2)
    assert version == "HTTP/1.1"
    headers = {}
    while (line := stream.readline()) != b"\r\n":
        assert line.endswith(b"\r\n"), line
        name, value = line.decode("latin-1").rstrip("\r\n").split(": ", 1)
        assert name.lower() not in headers, f"{name} is there twice"
        headers[name.lower()] = value
    return Answer(int(status), headers, b"" if head else _read_body(stream, status, headers))


def _read_body(stream: Any, status: str, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding") == "chunked":
        assert "content-length" not in headers
        return b"".join(iter(lambda: _read_chunk(stream), b""))
    if "content-length" not in headers and not status.startswith(("1", "204", "304")):
        assert headers["connection"] == "close"
        return bytes(stream.read())
    length = int(headers.get("content-length", 0))
    body = bytes(stream.read(length))
    assert len(body) == length
    return body


def _read_chunk(stream: Any) -> bytes:
    """Empty is the last one; raises EOFError if the connection ends before that."""
    line = stream.readline()
    if not line.endswith(b"\r\n"):
        raise EOFError("the connection ended within an answer")
    size = int(line, 16)
    chunk = bytes(stream.read(size))
    if len(chunk) < size or stream.read(2) != b"\r\n":
        raise EOFError("the connection ended within an answer")
    return chunk


@contextmanager
def serving(
    app: Callable[..., Any],
    new_loop: Callable[..., Any] = fastest_loop,
    commit: Callable[[], bytes | None] | None = None,
    upgrade: Upgrade | None = None,
    **limits: float,
) -> Iterator[InlineServer]:
    """A server on a free port that is stopped and has ended afterwards."""
    bounds = Limits(**limits)  # type: ignore
    server = InlineServer(port=0, limits=bounds, new_loop=new_loop, commit=commit)
    server.upgrade = upgrade
    thread = threading.Thread(target=server.run, args=(app,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        server.stop()  # at once
        thread.join(PATIENCE)
        assert not thread.is_alive()


def wait_until(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE
    while not (met := condition()) and time.monotonic() < end:
        time.sleep(0.01)
    return met


def get(path: str, version: str = "1.1", *lines: str) -> bytes:
    """A GET request with more header lines."""
    head = [f"GET {path} HTTP/{version}", "Host: 127.0.0.1", *lines]
    return "\r\n".join(head).encode() + b"\r\n\r\n"


def post(path: str, body: bytes, *lines: str) -> bytes:
    head = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}", *lines]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def chunked(path: str, *chunks: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    sizes = [b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in (*chunks, b"")]
    return head.encode() + b"".join(sizes)
