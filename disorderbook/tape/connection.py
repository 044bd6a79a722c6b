"""One connection to the tape, as far as sending is concerned: to the last byte of its close frame.

Nothing here ever waits. The library's names used here are listed in server.py.
"""

import math
import socket
import time
from typing import TYPE_CHECKING, Any

from disorderbook.tape.frames import NORMAL, POLICY_VIOLATION, CheckedWebSocket
from disorderbook.tape.outbox import Batch, FellBehind, Message, Outbox
from disorderbook.tape.sending import send_at_once

if TYPE_CHECKING:
    from disorderbook.tape.server import TapeServer

NOTHING = memoryview(b"")


class Connection(CheckedWebSocket):
    """Sends batches, keeps what the socket does not take, and closes when that is too much."""

    server: "TapeServer"

    def __init__(self, server: "TapeServer", sock: socket.socket, address: Any) -> None:
        super().__init__(server, sock, address)
        limits = self._limits = server.limits
        self._outbox = Outbox(limits.waiting_messages, limits.waiting_bytes)
        self._sending = NOTHING  # what is left of the piece that is on its way
        self._moved_at = time.monotonic()
        self._is_watched_for_writing = False
        self._deadline = math.inf  # of what is to happen next, if anything is

    def send(self, batch: Batch) -> None:
        """Send as much as the socket takes and keep the rest; whoever is too far behind for that
        is closed.
        """
        if self.closed:
            return
        if self._sending:
            self._put(batch)
            return
        try:
            sent = send_at_once(self.client, batch.joined)
        except OSError:
            self.server.drop(self)
            return
        if sent < len(batch.joined):
            self._start(memoryview(batch.joined)[sent:])

    def flush(self) -> None:
        """Send what waits, as much of it as the socket takes."""
        try:
            while self._sending or self._refill():
                sent = self.client.send(self._sending)
                self._sending = self._sending[sent:]
                self._moved_at = time.monotonic()
        except BlockingIOError:
            pass
        except OSError:
            self.server.drop(self)
            return
        writing = bool(self._sending)
        if writing != self._is_watched_for_writing:
            self._is_watched_for_writing = writing
            self.server.watch(self, writing)
        if self.closed and not writing:
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
        self._leave()

    def fall_behind(self) -> None:
        """Close for not keeping up."""
        self.server.fell_behind += 1
        self.close(POLICY_VIOLATION, "fell behind: too much of the tape was left unread")

    def _start(self, piece: memoryview) -> None:
        self._sending = piece
        self._moved_at = time.monotonic()
        self.flush()

    def _collect(self) -> None:
        """Send what the library has put into its own queue."""
        self.send(self._last_words())

    def _leave(self) -> None:
        """Send what is in the library's queue, and then hang up."""
        self._outbox.put(self._last_words())
        self._deadline = time.monotonic() + self._limits.closing_seconds
        self.flush()

    def _last_words(self) -> Batch:
        batch = Batch([Message(None, bytes(frame)) for _, frame in self.sendq])
        self.sendq.clear()
        return batch

    def _check_progress(self, now: float) -> None:
        """Close if nothing has been taken for too long."""
        if self._sending:
            self.flush()  # the kernel says that there is room only when there is a lot of it
        if self._sending and now > self._moved_at + self._limits.stalled_seconds:
            self.fall_behind()

    def _put(self, batch: Batch) -> None:
        try:
            self.server.replaced += self._outbox.put(batch)
        except FellBehind:
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
