"""One connection to the tape: its handshake, what it says, what it is sent, and its end.

The one rule: a listener acts on its own socket and nothing else, and never waits. It knows no
server. What it cannot handle it raises, and the server follows up in one place:

* OSError, EOFError: the connection is over.
* ProtocolError: the client broke a rule, and is closed with a code.
* HandshakeRefused: the client gets an HTTP answer.
* FellBehind: the client does not read fast enough.

The states, in order: reading the handshake; `handshaked`, which is sent frames; `closed`, which is
sent what is half sent and a close frame; shut down, which is read until the client hangs up. A
refused client is `closed` as well, and waits `refusal_seconds` for its answer.
"""

import math
import socket
import time
from http import HTTPStatus
from typing import Any, NoReturn

from simple_websocket_server import PING, PONG

from disorderbook.process.sockets import peer_name
from disorderbook.server.origin import OriginPolicy
from disorderbook.tape.limits import TapeLimits
from disorderbook.tape.outbox import Batch, FellBehind, Message, Outbox
from disorderbook.tape.poller import send_nonblocking
from disorderbook.tape.websocket import (
    GOING_AWAY,
    NORMAL,
    POLICY_VIOLATION,
    CheckedWebSocket,
    Handshake,
    HandshakeReader,
    HandshakeRefused,
    ProtocolError,
)

READ_BYTES = 4096  # at a time, so that parsing for one listener does not hold up the others
END_OF_HEADER = b"\r\n\r\n"
NOTHING = memoryview(b"")
# Why listeners are closed at the end: the exchange ends, or the relay.
CLOSING, CLOSING_EARLY = "the tape closes", "the tape closes before all was told"


class Listener(CheckedWebSocket):
    """The server calls its methods when the socket is ready and when time passes.

    `handshake` is the request, once it was read and checked.
    """

    handshake: Handshake | None = None

    def __init__(
        self,
        sock: socket.socket,
        address: Any,
        limits: TapeLimits,
        origins: OriginPolicy,
        unread: bytes = b"",
    ) -> None:
        super().__init__(None, sock, address)
        now = time.monotonic()
        self.peer = peer_name(address)
        self.unread = unread  # what somebody else has received from the socket, and nobody has read
        self._limits = limits
        self._origins = origins
        self._reader = HandshakeReader()
        self._head = b""  # what was read of the handshake
        self._received = 0  # bytes since _received_since
        self._received_since = self._ponged_at = self._sent_at = now
        self._pinged_at: float | None = None  # while a pong is awaited
        self._deadline = now + limits.handshake_seconds  # of the state that it is in
        self._outbox = Outbox(limits.waiting_messages, limits.waiting_bytes)
        self._sending = NOTHING  # what is left of the piece that is half sent
        self._refusal = b""  # the answer that a refused client waits for

    @property
    def waiting(self) -> int:
        """How many messages wait to be sent."""
        return len(self._outbox)

    @property
    def is_behind(self) -> bool:
        """Whether something waits to be sent."""
        return bool(self._sending or len(self._outbox))

    @property
    def is_slow(self) -> bool:
        """Whether half of what may wait to be sent does."""
        return self._outbox.is_too_full

    # Reading.

    def read(self) -> bool:
        """Take what has arrived. True if that completes the handshake: `accept` or `refuse` it."""
        try:
            if self.closed:
                self._discard()
            elif self.handshaked:
                self._read_frames()
            else:
                return self._read_handshake()
        except BlockingIOError:
            pass
        return False

    def _read_handshake(self) -> bool:
        """Read the request, but not what may follow it, and check it."""
        seen, limit = len(self._head), self._limits.header_bytes
        coming = self._receive(limit, socket.MSG_PEEK)
        end = (self._head + coming).find(END_OF_HEADER)
        size = seen + len(coming) if end < 0 else end + len(END_OF_HEADER)
        if size > limit:
            raise _too_long_a_head(limit)
        piece = self._receive(size - seen)
        self._head += piece
        self._reader.feed(piece)
        if end < 0:
            return False
        self.handshake = self._reader.handshake(self._origins)
        return True

    def _read_frames(self) -> None:
        arrived = self._receive()
        self._count_received(len(arrived))
        for byte in arrived:
            self._parse_message(byte)
            if self.closed:
                return  # nothing follows a close frame
        if self.sendq:
            self._send_own_frames()

    def _discard(self) -> None:
        """What a closed or refused client says comes too late."""
        try:
            self._receive()
        except EOFError:
            if self._refusal:
                self.cut()  # it may have closed its side only, and read on
            raise

    def _receive(self, size: int = READ_BYTES, flags: int = 0) -> bytes:
        if self.unread:
            received, rest = self.unread[:size], self.unread[size:]
            self.unread = self.unread if flags & socket.MSG_PEEK else rest
            return received
        arrived: bytes = self.client.recv(size, flags)
        if not arrived:
            raise EOFError
        return arrived

    def _count_received(self, size: int) -> None:
        now, limits = time.monotonic(), self._limits
        if now > self._received_since + limits.received_seconds:
            self._received_since, self._received = now, 0
        self._received += size
        if self._received > limits.received_bytes:
            sentence = "a listener has nothing to say, least of all so much"
            raise ProtocolError(POLICY_VIOLATION, sentence)

    def _handle_packet(self) -> None:
        if self.opcode == PONG:
            self._ponged_at, self._pinged_at = time.monotonic(), None
        super()._handle_packet()

    # Sending.

    def accept(self) -> None:
        """Prepare the answer to the handshake; the next `flush` sends it."""
        assert self.handshake is not None
        self.handshaked = True
        self._sending = memoryview(self.handshake.answer())
        self._deadline = math.inf
        self._sent_at = self._ponged_at = time.monotonic()

    def send(self, batch: Batch) -> int:
        """Send as much as the socket takes and queue the rest.

        Returns how many messages were conflated for that; raises FellBehind.
        """
        if self.closed:
            return 0
        if self.is_behind:
            return self._queue(batch)
        if batch.joined is None:
            conflated = self._queue(batch)
            self.flush()
            return conflated
        sent = send_nonblocking(self.client, batch.joined)
        if sent < len(batch.joined):
            self._sending = memoryview(batch.joined)[sent:]
            self._sent_at = time.monotonic()
            self.flush()
        return 0

    def flush(self) -> None:
        """Send a piece of what waits, as much of it as the socket takes."""
        if not self._sending:
            self._sending = memoryview(self._outbox.take())
        try:
            if self._sending:
                sent = self.client.send(self._sending)
                self._sending = self._sending[sent:]
                self._sent_at = time.monotonic()
        except BlockingIOError:
            pass
        if self.closed and not self.is_behind and not self._refusal:
            self._shut_down()

    def _queue(self, batch: Batch) -> int:
        """How many messages were conflated; the client may have read since the last `flush`."""
        try:
            return self._outbox.put(batch)
        except FellBehind:
            self.flush()
            if self._outbox.is_too_full:
                raise
            return 0

    def _send_own_frames(self) -> None:
        """Send pings and pongs. Each has a conflation key of its own: none replaces another, and
        a client for whom only these wait misses nothing.
        """
        self.send(Batch([Message(object(), self._own_frames())]))

    def _own_frames(self) -> bytes:
        frames = b"".join([frame for _, frame in self.sendq])
        self.sendq.clear()
        return frames

    # The clock.

    def check(self, now: float) -> None:
        """Act on what was due before `now`, which is of time.monotonic(); ping when it is time."""
        if now > self._deadline:
            self._end_state()
        elif self.handshaked and not self.closed:
            self._check_progress(now)
            self._check_pong(now)

    def _end_state(self) -> None:
        if self._refusal:
            self._send_refusal()
        elif self.closed:
            raise EOFError  # it does not hang up
        else:
            raise _too_slow(self._limits.handshake_seconds)

    def _check_progress(self, now: float) -> None:
        if self.is_behind:
            self.flush()  # the kernel says that there is room only when there is a lot of it
        if self.is_behind and now > self._sent_at + self._limits.stalled_seconds:
            raise FellBehind

    def _check_pong(self, now: float) -> None:
        limits = self._limits
        if self._pinged_at is not None:
            if now > self._pinged_at + limits.pong_seconds:
                self.close(POLICY_VIOLATION, f"no pong within {limits.pong_seconds:g} s")
        elif now > self._ponged_at + limits.ping_seconds:
            self._pinged_at = now
            self._send_message(False, PING, b"")
            self._send_own_frames()

    # The end.

    def close(self, status: int = NORMAL, reason: str = "") -> None:
        """Send what is half sent, what `sendq` holds and a close frame, and nothing more."""
        if self.closed or not self.handshaked:
            return
        self._outbox.clear()
        super().close(status, reason)
        self._send_last(self._own_frames())

    def go_away(self) -> None:
        """Close because the tape ends; the code says whether the client misses an execution."""
        if self._refusal or not self.handshaked and not self.closed:
            self.cut()
        elif self._outbox.has_unconflatable:
            self.close(POLICY_VIOLATION, CLOSING_EARLY)
        else:
            self.close(GOING_AWAY, CLOSING)

    def refusal_frames(self, message: bytes, sentence: str) -> bytes:
        """The answer for a client whose handshake was accepted, but not what it asks for."""
        self.send_message(message.decode())
        super().close(POLICY_VIOLATION, sentence)
        return self._own_frames()

    def refuse(self, answer: bytes, may_wait: bool) -> None:
        """Send the answer after `refusal_seconds` and read nothing until then.

        A client that may not wait is sent it now and cut.
        """
        self.closed = True
        self._refusal = answer
        if not may_wait:
            self.cut()
        self._deadline = time.monotonic() + self._limits.refusal_seconds
        self.flush()  # the answer to an accepted handshake
        if not self._limits.refusal_seconds:
            self._send_refusal()

    def cut(self) -> NoReturn:
        """Send what the socket takes of a refusal, and raise EOFError: the connection is over."""
        send_nonblocking(self.client, bytes(self._sending) + self._refusal)
        raise EOFError

    def _send_refusal(self) -> None:
        refusal, self._refusal = self._refusal, b""
        self._send_last(refusal)

    def _send_last(self, piece: bytes) -> None:
        self._outbox.put(Batch([Message(None, piece)]))
        self._deadline = time.monotonic() + self._limits.closing_seconds
        self.flush()

    def _shut_down(self) -> None:
        """Send no more, but read on for a while: to close now could destroy what was sent last."""
        self._deadline = time.monotonic() + self._limits.linger_seconds
        self.client.shutdown(socket.SHUT_WR)


def _too_long_a_head(limit: int) -> HandshakeRefused:
    detail = f"the head is longer; allowed: at most {limit} bytes"
    sentence = f"At most {limit} bytes of header"
    return HandshakeRefused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, sentence, detail=detail)


def _too_slow(seconds: float) -> HandshakeRefused:
    detail = f"the handshake took longer; allowed: {seconds:g} seconds"
    return HandshakeRefused(HTTPStatus.REQUEST_TIMEOUT, "Handshake too slow", detail=detail)
