"""Somebody who listens to the tape: his handshake, what he says although he need not, his pulse.

Nothing here ever waits. The library's names used here are listed in server.py.
"""

import math
import socket
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from simple_websocket_server import PING, PONG

from disorderbook.tape.connection import Connection
from disorderbook.tape.frames import POLICY_VIOLATION, Fault
from disorderbook.tape.handshake import HandshakeReader, HandshakeRefused

if TYPE_CHECKING:
    from disorderbook.tape.server import TapeServer

READ_BYTES = 4096  # at a time, so that nobody's parsing holds up the others for long
END_OF_HEADER = b"\r\n\r\n"


class Listener(Connection):
    """Reads, answers the handshake, and keeps an eye on the clock; the server says when to.

    `handshake` is the one that was accepted. `read` raises OSError or EOFError when the other
    side is gone.
    """

    def __init__(self, server: "TapeServer", sock: socket.socket, address: Any) -> None:
        super().__init__(server, sock, address)
        now = time.monotonic()
        self._reader = HandshakeReader()
        self._head = b""  # what was read of it
        self._heard = 0  # bytes since _heard_since
        self._heard_since = self._ponged_at = now
        self._pinged_at: float | None = None  # while a pong is awaited
        self._deadline = now + self._limits.handshake_seconds

    def read(self) -> None:
        """Take what has arrived."""
        try:
            if self.closed:
                self._overhear()
            elif self.handshaked:
                self._hear()
            else:
                self._shake_hands()
        except BlockingIOError:
            pass
        except Fault as fault:
            self.close(fault.code, str(fault))
        except HandshakeRefused as refusal:
            self._refuse(refusal.answer(), str(refusal))

    def check(self, now: float) -> None:
        """See to a deadline that has passed, or ping; `now` is of time.monotonic()."""
        if now > self._deadline:
            self._see_to_deadline()
        elif self.handshaked and not self.closed:
            self._check_progress(now)
            self._check_pulse(now)

    def _overhear(self) -> None:
        """Whatever somebody says who is being closed or refused, it comes too late."""
        try:
            self._receive()
        except EOFError:
            if not self._refusal:
                raise
            self._cut()  # he may have closed his side only, and read on

    # The handshake.

    def _shake_hands(self) -> None:
        """Read the request, but not what may follow it; check it; answer it."""
        seen, limit = len(self._head), self._limits.header_bytes
        coming = self._receive(limit, socket.MSG_PEEK)
        end = (self._head + coming).find(END_OF_HEADER)
        size = seen + len(coming) if end < 0 else end + len(END_OF_HEADER)
        if size > limit:
            raise _too_long_a_head(limit)
        piece = self._receive(size - seen)
        self._head += piece
        self._reader.feed(piece)
        if end >= 0:
            self._accept()

    def _accept(self) -> None:
        """Answer a request that is whole; raises HandshakeRefused."""
        handshake = self._reader.handshake(self.server.origins)
        self.server.check_room()
        self.handshake, self.handshaked = handshake, True
        self._sending = memoryview(handshake.answer())
        self._deadline = math.inf
        self._moved_at = self._ponged_at = time.monotonic()
        # Whoever has read the answer can rely on listening already, so it is sent last.
        self.server.arrived(self)
        self.flush()

    def _see_to_deadline(self) -> None:
        if self._refusal:
            self._say_refusal()
        elif self.closed:
            self.server.drop(self)
        else:
            refusal = _too_slow(self._limits.handshake_seconds)
            self._refuse(refusal.answer(), str(refusal))

    # What the other side says.

    def _hear(self) -> None:
        arrived = self._receive()
        self._count(len(arrived))
        for byte in arrived:
            self._parse_message(byte)
            if self.closed:
                return  # nothing follows a close frame
        if self.sendq:
            self._collect()

    def _receive(self, size: int = READ_BYTES, flags: int = 0) -> bytes:
        arrived: bytes = self.client.recv(size, flags)
        if not arrived:
            raise EOFError
        return arrived

    def _count(self, size: int) -> None:
        now, limits = time.monotonic(), self._limits
        if now > self._heard_since + limits.heard_seconds:
            self._heard_since, self._heard = now, 0
        self._heard += size
        if self._heard > limits.heard_bytes:
            raise Fault(POLICY_VIOLATION, "a listener has nothing to say, least of all so much")

    def _handle_packet(self) -> None:
        if self.opcode == PONG:
            self._ponged_at, self._pinged_at = time.monotonic(), None
        super()._handle_packet()

    def _check_pulse(self, now: float) -> None:
        limits = self._limits
        if self._pinged_at is not None:
            if now > self._pinged_at + limits.pong_seconds:
                self.close(POLICY_VIOLATION, f"no pong within {limits.pong_seconds:g} s")
        elif now > self._ponged_at + limits.ping_seconds:
            self._pinged_at = now
            self._send_message(False, PING, b"")
            self._collect()


def _too_long_a_head(limit: int) -> HandshakeRefused:
    detail = f"the head is longer; allowed: at most {limit} bytes"
    sentence = f"At most {limit} bytes of header"
    return HandshakeRefused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, sentence, detail=detail)


def _too_slow(seconds: float) -> HandshakeRefused:
    detail = f"the handshake took longer; allowed: {seconds:g} seconds"
    return HandshakeRefused(HTTPStatus.REQUEST_TIMEOUT, "Handshake too slow", detail=detail)
