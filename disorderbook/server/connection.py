"""One client's connection: its requests are answered in order, and nobody waits for a slow one."""

import asyncio
import contextlib
import logging
import socket
import struct
from collections import Counter
from collections.abc import Callable
from typing import Any, cast

from msgspec.structs import replace

from disorderbook.server.head import Environ, Refusal, bad_request
from disorderbook.server.limits import (
    Limits,
    too_many_connections,
    too_slow_a_body,
    too_slow_a_head,
)
from disorderbook.server.reader import (
    BODY,
    HEAD,
    NOTHING,
    HttpRequest,
    KnownHeads,
    RequestReader,
)
from disorderbook.server.response import (
    CONTINUE,
    WsgiApp,
    answer,
    refuse,
    respond_to_nothing,
    uncommitted_response,
)

READ_BYTES = 16 * 1024  # at once from one connection


BATCH = 16  # requests of one connection that are answered before those of others


GATHER_SECONDS = 0.002  # that the first answer waits for others of the same group commit


Commit = Callable[[], bytes | None]
"""Commits what the requests since the last time have changed; returns the body of a refusal if that
fails."""


Upgrade = Callable[[socket.socket, Any, bytes], None]
"""Takes a connection that asks for a websocket: its socket, the client's address and the bytes that
were read, from the head of that request on. Raises Refusal if it does not take the socket."""


log = logging.getLogger(__name__)


_RESET = struct.pack("ii", 1, 0)  # what SO_LINGER takes: on, for no time at all


class Service:
    """What all connections of a server share."""

    def __init__(
        self,
        app: WsgiApp,
        limits: Limits,
        environ: Environ,
        commit: Commit | None = None,
        upgrade: Upgrade | None = None,
    ) -> None:
        self.app = app
        self.upgrade = upgrade  # None if handshakes are requests like any other
        self.respond = getattr(app, "respond", respond_to_nothing)
        self.commit = commit
        self._holding: list[Connection] = []  # connections whose answers wait for the commit
        self._held_before = 0  # how many of them there were a step of the loop ago
        self._commit_by = 0.0  # on the loop's clock, in seconds
        self.limits = limits
        self.environ = environ  # what every request's environ begins with
        self.heads = KnownHeads()
        self.loop = asyncio.get_running_loop()
        self.connections: set[Connection] = set()
        self.refused: Counter[str] = Counter()  # what no application saw, by status line
        self.dropped = 0  # connections that were not even refused
        self.uncommitted = 0  # responses replaced by a refusal, since nothing could be committed
        self.stopping = False
        self.alarm = asyncio.Event()  # set when something happens that the server waits for
        # What has been read is used up before the next read, so one buffer is enough for all.
        self.buffer = memoryview(bytearray(READ_BYTES))

    def hold(self, connection: "Connection") -> None:
        """Have a connection's answers sent after the next commit."""
        if not self._holding:
            self._commit_by = self.loop.time() + GATHER_SECONDS
            self._held_before = 0
            self.loop.call_soon(self._release)
        self._holding.append(connection)

    def _release(self) -> None:
        """Commit, as soon as nobody else has asked anything or time is up, and send the answers."""
        assert self.commit is not None
        if len(self._holding) > self._held_before and self.loop.time() < self._commit_by:
            self._held_before = len(self._holding)
            self.loop.call_soon(self._release)
            return
        refusal = self.commit()
        holding, self._holding = self._holding, []
        for connection in holding:
            connection.release(refusal)

    def check_deadlines(self) -> None:
        now = self.loop.time()
        for connection in tuple(self.connections):
            connection.check_deadline(now)

    def stop(self) -> None:
        """Let requests that are under way finish, and close every connection that has none."""
        self.stopping = True
        for connection in tuple(self.connections):
            connection.stop()

    def abort(self) -> None:
        for connection in tuple(self.connections):
            connection.abort()


class Connection(asyncio.BufferedProtocol):
    """Reads requests, calls the application at once with each that is whole, writes the answer.

    Its deadline is a plain number that the server looks at a few times a second, and that is when
    a step which has begun since the last look gets its deadline: setting a timer, or even a number,
    for each request would be work for nothing.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._limits = service.limits
        self._refusal: Refusal | None = None  # the last answer, once those before it are sent
        self._blocked = False  # too much is queued for the client
        self._ended = False  # the client sends nothing more
        self._is_excess = False  # there are too many connections for this one
        self._closing = False  # the last answer is written; what still comes is dropped
        self._queued = 0  # bytes that waited for the client when the deadline was last checked
        self._steps = -1  # of the reader, when the deadline was set
        self._deadline = 0.0  # on the loop's clock, in seconds
        self._held: list[bytes] = []  # answers that wait for the commit
        self._held_for: list[HttpRequest] = []  # their requests

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=self._limits.queued_bytes)
        peer = transport.get_extra_info("peername") or ("",)
        self._client = peer[0]
        self._reader = RequestReader(
            self._service.environ | {"REMOTE_ADDR": peer[0]},
            self._limits,
            self._service.heads,
            self._service.upgrade is not None,
        )
        self._service.connections.add(self)
        excess = len(self._service.connections) - self._limits.connections
        if excess > self._limits.refused_connections:
            self._drop("there are too many connections")
        elif excess > 0:
            self._is_excess = True
            self._wait(self._limits.excess_seconds)
        else:
            self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._service.connections.discard(self)
        self._reader.ready.clear()
        if self._service.stopping:
            self._service.alarm.set()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._service.buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._closing:
            return
        try:
            self._reader.feed(self._service.buffer[:nbytes])
        except Refusal as refusal:
            self._refusal = refusal
        self._answer()

    def eof_received(self) -> bool:
        """Answer what was whole; true leaves the closing to us."""
        if self._closing:
            return False
        self._ended = True
        if self._refusal is None and self._reader.stage is not NOTHING:
            self._refusal = bad_request("The request ended before it was whole")
        self._answer()
        return True

    def pause_writing(self) -> None:
        self._blocked = True
        self._transport.pause_reading()
        self._wait(self._limits.write_seconds)

    def resume_writing(self) -> None:
        self._blocked = False
        self._steps = -1
        if not self._closing:
            self._answer()

    def release(self, refusal: bytes | None) -> None:
        """Send the answers that were held, or a refusal in the place of each."""
        held, self._held = self._held, []
        if refusal is not None:
            held = [uncommitted_response(refusal, request) for request in self._held_for]
            self._service.uncommitted += len(held)
        self._held_for = []
        if not self._transport.is_closing():
            self._transport.write(held[0] if len(held) == 1 else b"".join(held))
            if self._service.stopping and not self._is_busy():
                self._close()
            else:
                self._go_on()

    def check_deadline(self, now: float) -> None:
        queued = self._transport.get_write_buffer_size()
        if queued < self._queued:  # a slow reader is a reader
            self._deadline = max(self._deadline, now + self._limits.write_seconds)
        self._queued = queued
        if self._reader.steps != self._steps and not self._is_ending:
            self._set_deadline()
        if now < self._deadline or self._held:
            return
        if self._closing or queued:
            self.abort()
        elif self._is_excess:
            self._refuse(too_many_connections(self._limits))
        elif self._reader.stage is HEAD:
            self._refuse(too_slow_a_head(self._limits))
        elif self._reader.stage is BODY:
            self._refuse(too_slow_a_body(self._limits))
        else:
            self._close()

    @property
    def _is_ending(self) -> bool:
        """Whether the deadline is not that of a request's step."""
        return self._closing or self._blocked or self._is_excess

    def stop(self) -> None:
        """Close now if no request is under way, else after the answer to the last one."""
        if self._closing or not self._is_busy():
            self._close()

    def abort(self) -> None:
        """End the connection with a reset, so that the system keeps nothing for the client."""
        peer = self._transport.get_extra_info("socket")
        with contextlib.suppress(OSError):  # it is gone already
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()

    def _answer(self) -> None:
        """Answer what is ready, as far as the client reads and the others need not wait."""
        if self._is_excess:
            self._turn_away()
            return
        if self._blocked or self._held or self._transport.is_closing():
            return
        service, ready, size = self._service, self._reader.ready, 0
        requests: list[HttpRequest] = []
        answers: list[bytes] = []
        while ready and len(answers) < BATCH and size < self._limits.queued_bytes:
            request = ready.popleft()
            if service.stopping and not self._is_busy():
                request, self._reader.finished = replace(request, keep_alive=False), True
            requests.append(request)
            answers.append(answer(service.app, service.respond, request))
            size += len(answers[-1])
        if answers and service.commit:
            self._held, self._held_for = answers, requests
            service.hold(self)
            return
        if answers:
            self._transport.write(answers[0] if len(answers) == 1 else b"".join(answers))
        self._go_on()

    def _turn_away(self) -> None:
        """Refuse a client that is one too many, once it has said who asks: a page can read why."""
        reader = self._reader
        has_asked = reader.ready or reader.handshake or reader.stage is BODY
        if has_asked or self._refusal is not None or self._ended:
            self._refuse(too_many_connections(self._limits))

    def _is_busy(self) -> bool:
        """Whether a request is under way that has not been answered yet."""
        return bool(self._held or self._reader.ready) or self._reader.stage is not NOTHING

    def _go_on(self) -> None:
        """After some answers: answer more after those of others, wait for the next request or the
        rest of one, or end the connection.
        """
        if self._reader.ready:
            if not self._blocked:
                self._transport.pause_reading()
                self._service.loop.call_soon(self._answer)
        elif self._refusal is not None:
            self._refuse(self._refusal)
        elif self._reader.handshake:
            self._transport.pause_reading()
            self._service.loop.call_soon(self._hand_over)  # asyncio cannot abort in resume_writing
        elif self._reader.finished or self._ended:
            self._close()
        elif not self._blocked:
            self._read_on()

    def _read_on(self) -> None:
        if self._reader.awaits_continue:
            self._reader.awaits_continue = False
            self._transport.write(CONTINUE)
        if not self._transport.is_reading():
            self._transport.resume_reading()

    def _hand_over(self) -> None:
        """Leave the socket to whoever takes handshakes, once all answers before it are sent."""
        if self._closing or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size():
            self._transport.set_write_buffer_limits(high=0)  # writing resumes when all is sent
            return
        assert self._service.upgrade is not None
        try:
            sock = self._transport.get_extra_info("socket").dup()
        except OSError as error:  # there are no descriptors left
            self._drop(str(error.strerror))
            return
        address = self._transport.get_extra_info("peername") or (self._client, 0)
        try:
            self._service.upgrade(sock, address, self._reader.handshake)
        except Refusal as refusal:
            sock.close()
            self._refuse(refusal)
            return
        self._closing = True
        self._service.connections.discard(self)
        self._transport.abort()  # closes our descriptor and says nothing to the client

    def _drop(self, reason: str) -> None:
        self._service.dropped += 1
        log.warning("%s is cut off: %s", self._client, reason)
        self.abort()

    def _refuse(self, refusal: Refusal) -> None:
        self._service.refused[refusal.status] += 1
        level = logging.WARNING if refusal.is_for_want_of_room else logging.INFO
        log.log(level, "%s is refused: %s", self._client, refusal.sentence)
        self._transport.write(refuse(refusal, self._reader.read_so_far()))
        self._close()

    def _close(self) -> None:
        """Send what is queued, then wait for the client to close as well.

        Closing at once would make the system answer what the client still sends with a reset, and
        a reset can overtake the last answer.
        """
        self._closing = True
        self._wait(self._limits.linger_seconds)
        if self._ended or self._service.stopping:
            self._transport.close()
        else:
            self._transport.write_eof()
            if not self._transport.is_reading():
                self._transport.resume_reading()

    def _set_deadline(self) -> None:
        """Give each step of a request its own time, however many pieces it comes in."""
        self._steps = self._reader.steps
        if self._reader.stage is NOTHING:
            self._wait(self._limits.idle_seconds)
        elif self._reader.stage is HEAD:
            self._wait(self._limits.head_seconds)
        else:
            self._wait(self._limits.body_seconds)

    def _wait(self, seconds: float) -> None:
        self._deadline = self._service.loop.time() + seconds
