"""One connection to the tape, as far as sending is concerned: to the last byte of its close frame.

Nothing here ever waits. The library's names used here are listed in server.py.
"""

import logging
import math
import socket
import time
from typing import TYPE_CHECKING, Any

from disorderbook.logs import quoted
from disorderbook.sockets import peer_name
from disorderbook.tape.frames import GOING_AWAY, NORMAL, POLICY_VIOLATION, CheckedWebSocket
from disorderbook.tape.handshake import Handshake
from disorderbook.tape.outbox import Batch, FellBehind, Message, Outbox
from disorderbook.tape.sending import send_at_once

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
