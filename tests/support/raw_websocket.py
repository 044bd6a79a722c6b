"""A websocket client that can do everything wrong: a socket, and bytes exactly as a test says."""

import base64
import hashlib
import os
import socket
import struct
import time
from typing import NamedTuple

PATIENCE = 30.0  # seconds for anything to arrive
MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
TICKERS = "/ob/api/ws/ANN/venues/TESTEX/tickertape"
EXECUTIONS = "/ob/api/ws/ANN/venues/TESTEX/executions"

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


class Frame(NamedTuple):
    opcode: int
    payload: bytes
    is_final: bool = True

    @property
    def code(self) -> int:
        """Of a close frame."""
        assert self.opcode == CLOSE, self
        return int(struct.unpack("!H", self.payload[:2])[0])

    @property
    def reason(self) -> str:
        return self.payload[2:].decode()


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]


def handshake(
    path: str = TICKERS,
    *changes: str,
    method: str = "GET",
    version: str = "1.1",
    without: tuple[str, ...] = (),
) -> bytes:
    """A good handshake, except that lines of the header are added, replaced or left out."""
    lines = {
        "host": "Host: 127.0.0.1:8001",
        "upgrade": "Upgrade: websocket",
        "connection": "Connection: Upgrade",
        "sec-websocket-key": f"Sec-WebSocket-Key: {KEY}",
        "sec-websocket-version": "Sec-WebSocket-Version: 13",
    }
    lines.update((line.partition(":")[0].lower(), line) for line in changes)
    kept = [line for name, line in lines.items() if name not in without]
    return "\r\n".join([f"{method} {path} HTTP/{version}", *kept, "", ""]).encode("latin-1")


def frame(
    opcode: int, payload: bytes = b"", *, final: bool = True, mask: bool = True, reserved: int = 0
) -> bytes:
    """A client's frame with the shortest length that fits."""
    first = (0x80 if final else 0) | reserved | opcode
    bit = 0x80 if mask else 0
    if len(payload) < 126:
        header = struct.pack("!BB", first, bit | len(payload))
    elif len(payload) < 65536:
        header = struct.pack("!BBH", first, bit | 126, len(payload))
    else:
        header = struct.pack("!BBQ", first, bit | 127, len(payload))
    if not mask:
        return header + payload
    key = os.urandom(4)
    return header + key + bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))


def close_frame(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, struct.pack("!H", code) + reason)


class RawPeer:
    """One connection to 127.0.0.1."""

    def __init__(self, port: int, *, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        self.socket.settimeout(PATIENCE)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(("127.0.0.1", port))
        self._arrived = b""

    @classmethod
    def listening(cls, port: int, path: str = TICKERS, *changes: str, **keywords: int) -> "RawPeer":
        """A peer whose handshake was accepted."""
        peer = cls(port, **keywords)
        peer.send(handshake(path, *changes))
        assert peer.answer().status == 101
        return peer

    def __enter__(self) -> "RawPeer":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, sent: bytes) -> None:
        self.socket.sendall(sent)

    def answer(self) -> Answer:
        """The header of an HTTP answer."""
        while b"\r\n\r\n" not in self._arrived:
            assert self._receive(), f"hung up after {self._arrived!r}"
        head, _, self._arrived = self._arrived.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        return Answer(int(first.split()[1]), headers)

    def body(self, answer: Answer) -> bytes:
        body = self._exactly(int(answer.headers["content-length"]))
        assert body is not None
        return body

    def frame(self) -> Frame | None:
        """The next frame, None if the other side has hung up instead."""
        head = self._exactly(2)
        if head is None:
            return None
        length = head[1]
        for code, size in ((126, 2), (127, 8)):
            if head[1] == code:
                length = int.from_bytes(self._exactly(size) or b"", "big")
        payload = self._exactly(length)
        assert payload is not None
        return Frame(head[0] & 0x0F, payload, bool(head[0] & 0x80))

    def frames(self) -> list[Frame]:
        """Everything until the other side hangs up."""
        found = []
        while (got := self.frame()) is not None:
            found.append(got)
        return found

    def has_hung_up(self) -> bool:
        """Whether the other side has ended the connection, after all that it sent was read."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if not self._receive():
                return True
        return False

    def _exactly(self, size: int) -> bytes | None:
        while len(self._arrived) < size:
            if not self._receive():
                return None
        taken, self._arrived = self._arrived[:size], self._arrived[size:]
        return taken

    def _receive(self) -> bool:
        try:
            arrived = self.socket.recv(65536)
        except ConnectionResetError:
            return False
        self._arrived += arrived
        return bool(arrived)


def accept_value(key: str) -> str:
    """What the answer to a handshake with this key has to hold (RFC 6455, 1.3)."""
    return base64.b64encode(hashlib.sha1((key + MAGIC).encode()).digest()).decode()
