"""One connection to the tape, as far as sending is concerned: to the last byte of its close frame.

Nothing here ever waits. The library's names used here are listed in server.py.

Somebody who listens to the tape: his handshake, what he says although he need not, his pulse.

Nothing here ever waits. The library's names used here are listed in server.py.
"""

import logging
import math
import socket
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from simple_websocket_server import PING, PONG

from disorderbook.process.log import quoted
from disorderbook.process.sockets import peer_name
from disorderbook.tape.outbox import Batch, FellBehind, Message, Outbox
from disorderbook.tape.poller import send_at_once
from disorderbook.tape.websocket import (
    GOING_AWAY,
    NORMAL,
    POLICY_VIOLATION,
    CheckedWebSocket,
    Fault,
    Handshake,
    HandshakeReader,
    HandshakeRefused,
)

if TYPE_CHECKING:
    from disorderbook.tape.server import TapeServer


NOTHING = memoryview(b"")


log = logging.getLogger(__name__)


class Connection(CheckedWebSocket):
    """Sends batches, keeps what the socket does not take, and closes when that is too much."""

    server: "TapeServer"
    handshake: Handshake | None = None  # once it was accepted

    def __init__(self, server: "TapeServer", sock: socket.socket, address: Any) -> None:
        super().__init__(server, sock, address)
        limits = self._limits = server.limits
        self._peer = peer_name(address)
        self._outbox = Outbox(limits.waiting_messages, limits.waiting_bytes)
        self._sending = NOTHING  # what is left of the piece that is on its way
        self._moved_at = time.monotonic()
        self._is_watched_for_writing = False
        self._deadline = math.inf  # of what is to happen next, if anything is
        self._refusal = b""  # what is yet to be said to one who is refused

    def send(self, batch: Batch) -> None:
        """Send as much as the socket takes and keep the rest; whoever is too far behind for that
        is closed.
        """
        if self.closed:
            return
        if self.is_behind:
            self._put(batch)
        elif batch.joined is None:
            self._put(batch)
            self.flush()
        else:
            self._send_at_once(batch.joined)

    @property
    def waiting(self) -> int:
        """How many messages wait to be sent."""
        return len(self._outbox)

    @property
    def is_behind(self) -> bool:
        """Whether something waits to be sent."""
        return bool(self._sending or len(self._outbox))

    def flush(self) -> None:
        """Send a piece of what waits, as much of it as the socket takes."""
        try:
            if self._sending or self._refill():
                sent = self.client.send(self._sending)
                self._sending = self._sending[sent:]
                self._moved_at = time.monotonic()
        except BlockingIOError:
            pass
        except OSError:
            self.server.drop(self)
            return
        writing = self.is_behind
        if writing != self._is_watched_for_writing:
            self._is_watched_for_writing = writing
            self.server.watch(self, writing)
        if self.closed and not writing and not self._refusal:
            self._hang_up()

    def close(self, status: int = NORMAL, reason: str = "") -> None:
        """Send what is half sent, what `send_message` was given in the same breath, a close
        frame, and nothing more.
        """
        if self.closed or not self.handshaked:
            return
        self.server.left(self)
        self._outbox.clear()
        super().close(status, reason)
        self._leave(self._words())

    def refuse(self, message: bytes, sentence: str) -> None:
        """Close, after a while, somebody whose handshake was accepted but who may not listen."""
        self.server.left(self)
        self.send_message(message.decode())
        super().close(POLICY_VIOLATION, sentence)
        self._refuse(self._words(), sentence)

    def go_away(self) -> None:
        """Close because the tape ends; whoever would miss something by that is told so."""
        if self._refusal:
            self._cut()
        elif self._outbox.cannot_be_spared:
            self.close(POLICY_VIOLATION, "the exchange closes before all was told")
        else:
            self.close(GOING_AWAY, "the exchange closes")

    def fall_behind(self) -> None:
        """Close for not keeping up."""
        if self.closed or not self.handshaked:
            return
        self.server.fell_behind += 1
        log.warning("The listener at %s is closed: it fell behind", self._peer)
        self.close(POLICY_VIOLATION, "fell behind: too much of the tape was left unread")

    def _send_at_once(self, piece: bytes) -> None:
        try:
            sent = send_at_once(self.client, piece)
        except OSError:
            self.server.drop(self)
            return
        if sent < len(piece):
            self._sending = memoryview(piece)[sent:]
            self._moved_at = time.monotonic()
            self.flush()

    def _collect(self) -> None:
        """Send what the library has put into its own queue: pings and pongs. Each is a subject of
        its own, so that none takes another's place and nobody misses one that is never sent.
        """
        self.send(Batch([Message(object(), self._words())]))

    def _refuse(self, refusal: bytes, sentence: str) -> None:
        """Say it after `refusal_seconds`, and listen to nothing until then. If there are too many
        who are refused, say it and cut the connection.
        """
        log.warning("A listener at %s is refused: %s", self._peer, quoted(sentence))
        self.closed = True
        self._refusal = refusal
        self._deadline = time.monotonic() + self._limits.refusal_seconds
        if not self.server.hold(self):
            self._cut()
        elif not self._limits.refusal_seconds:
            self._say_refusal()

    def _say_refusal(self) -> None:
        refusal, self._refusal = self._refusal, b""
        self._leave(refusal)

    def _cut(self) -> None:
        """Say to one who is refused what the socket takes at once, and hang up."""
        try:
            send_at_once(self.client, bytes(self._sending) + self._refusal)
        finally:
            self.server.drop(self)

    def _leave(self, words: bytes) -> None:
        """Send the last words, and then hang up."""
        self._outbox.put(Batch([Message(None, words)]))
        self._deadline = time.monotonic() + self._limits.closing_seconds
        self.flush()

    def _words(self) -> bytes:
        words = b"".join([frame for _, frame in self.sendq])
        self.sendq.clear()
        return words

    def _check_progress(self, now: float) -> None:
        """Close if nothing has been taken for too long."""
        if self.is_behind:
            self.flush()  # the kernel says that there is room only when there is a lot of it
        if self.is_behind and now > self._moved_at + self._limits.stalled_seconds:
            self.fall_behind()

    def _put(self, batch: Batch) -> None:
        """Keep a batch. Who is too far behind for it may have read since the socket was tried."""
        try:
            self.server.replaced += self._outbox.put(batch)
        except FellBehind:
            self.flush()
            if self._outbox.is_too_full:
                self.fall_behind()

    def _refill(self) -> bool:
        """Whether there is something to send."""
        self._sending = memoryview(self._outbox.take())
        return bool(self._sending)

    def _hang_up(self) -> None:
        """Send no more, but read on for a while: to close now could destroy the last words."""
        self._deadline = time.monotonic() + self._limits.linger_seconds
        try:
            self.client.shutdown(socket.SHUT_WR)
        except OSError:
            self.server.drop(self)


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
