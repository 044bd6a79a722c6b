"""One client's connection: its requests are answered in order, and nobody waits for a slow one."""

import asyncio
import contextlib
import logging
import math
import socket
import struct
from collections import Counter, deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

from msgspec.structs import replace

from disorderbook.server.head import Environ, Refusal, bad_request
from disorderbook.server.limits import (
    Limits,
    too_many_connections,
    too_much_unsent,
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
    WHOLE_BYTES,
    Pending,
    Reply,
    Steps,
    Whole,
    WsgiApp,
    answer,
    busy_response,
    failed_response,
    failed_step,
    instead_of_answer,
    log_failure,
    refuse,
    respond_to_nothing,
    uncommitted_response,
)
from disorderbook.server.treatment import (
    MOST_SILENT,
    SILENT_SECONDS,
    Delivery,
    Treat,
    Treated,
    delivered,
)
from disorderbook.server.unsent import Outgoing, Part, Unsent

READ_BYTES = 4 * 1024  # at once from one connection; what is read is parsed before others' turn


BATCH = 16  # requests of one connection that are answered in one go, if nobody else waits


READING = ("GET", "HEAD")  # methods that change nothing; others' answers are seldom long


GATHER_SECONDS = 0.002  # that the first answer waits for others of the same group commit


Commit = Callable[[], bytes | None]
"""Commits what the requests since the last time have changed; returns the body of a refusal if that
fails."""


Upgrade = Callable[[socket.socket, Any, bytes], None]
"""Takes a connection that asks for a websocket: its socket, the client's address and the bytes that
were read, from the head of that request on. Raises Refusal if it does not take the socket."""


TellRefusal = Callable[[str, str, str], None]
"""Is told what the server itself has refused: the status line, the sentence and the detail."""


def tell_nobody(status: str, sentence: str, detail: str) -> None:
    """The TellRefusal that nobody has asked for."""


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
        tell_refusal: TellRefusal = tell_nobody,
    ) -> None:
        self.app = app
        self.tell_refusal = tell_refusal
        self.upgrade = upgrade  # None if handshakes are requests like any other
        self.respond = getattr(app, "respond", respond_to_nothing)
        self.commit = commit
        self._untreated = partial(answer, app, self.respond)
        self.answer: Callable[[HttpRequest], bytes | Reply | Treated] = self._untreated
        self.silent: deque[Connection] = deque()  # whose answers are never sent, oldest first
        self._holding: list[Connection] = []  # connections whose answers wait for the commit
        self._held_before = 0  # how many of them there were a step of the loop ago
        self._commit_by = 0.0  # on the loop's clock, in seconds
        self.limits = limits
        self.environ = environ  # what every request's environ begins with
        self.heads = KnownHeads()
        self.loop = asyncio.get_running_loop()
        self.connections: set[Connection] = set()
        self.refused: Counter[str] = Counter()  # what the server itself refused, by status line
        self.dropped = 0  # connections that were not even refused
        self.uncommitted = 0  # responses replaced by a refusal, since nothing could be committed
        self.stopping = False
        self.alarm = asyncio.Event()  # set when something happens that the server waits for
        self.unsent = Unsent()
        self.room = limits.pass_bytes  # for what may still be done before the next pass
        self.request_cost = limits.pass_bytes // limits.pass_requests  # of it, besides the bytes
        self.changing: deque[Connection] = deque()  # to be answered, and were idle before
        self.newcomers: deque[Connection] = deque()  # likewise, but who only read
        self.waiting: deque[Connection] = deque()  # for their next answer, or slice
        self._steps: deque[Callable[[], object]] = deque()  # of answers, the next of each
        self.left = 0  # changes under way whose clients have gone
        self._has_pass = False  # whether the loop will call _pass
        # What has been read is used up before the next read, so one buffer is enough for all.
        self.buffer = memoryview(bytearray(READ_BYTES))

    def treat_by(self, treat: Treat | None) -> None:
        """Treat requests from now on as this says; None is as usual."""
        self.answer = self._untreated if treat is None else partial(self._treated, treat)

    def _treated(self, treat: Treat, request: HttpRequest) -> bytes | Reply | Treated:
        try:
            treatment = treat(request)
        except Exception:
            return failed_response(request)
        return self._untreated(request) if treatment is None else Treated(request, treatment)

    def done(self, treated: Treated) -> bytes | Reply:
        """The answer to a request whose turn it is now; empty if it is lost."""
        treatment = treated.treatment
        if treatment.is_lost:
            return b""
        if treatment.instead is not None:
            return instead_of_answer(treatment.instead, treated.request)
        return self._untreated(treated.request)

    def add_silent(self, connection: "Connection") -> None:
        """Keep a connection that gets no answer, and close the oldest one if there are too many."""
        self.silent.append(connection)
        if len(self.silent) > MOST_SILENT:
            self.silent[0].abort()

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

    def wait_for_turn(self, connection: "Connection", queue: "deque[Connection]") -> None:
        queue.append(connection)
        self.schedule_pass()

    def wait_for_step(self, connection: "Connection") -> None:
        self._have_step_taken(connection.take_step)

    def leave(self, steps: Steps) -> None:
        """The client has gone. What it has asked to change is changed all the same, as if that were
        done in one step; the end of the server waits for it as for a client.
        """
        if steps.must_go_on:
            self.left += 1
            self._have_step_taken(partial(self._take_left_step, steps))
            return
        steps.close()
        if self.stopping:
            self.alarm.set()

    def _take_left_step(self, steps: Steps) -> None:
        self.left -= 1
        try:
            steps.next()
        except Exception:
            log_failure(steps.request)
            steps.close()
        if self.commit is not None:
            self.loop.call_soon(self._release)  # with what others wait for
        self.leave(steps)

    def _have_step_taken(self, step: Callable[[], object]) -> None:
        self._steps.append(step)
        self.schedule_pass()

    def schedule_pass(self) -> None:
        """Have a pass made next, after what the loop has found ready."""
        if not self._has_pass:
            self._has_pass = True
            self.loop.call_soon(self._pass)

    def _pass(self) -> None:
        """Give those who wait a turn each, as far as there is room; the others have the next pass.

        There is room for those who change something, who seldom ask for much, as much again for
        those who only read, and for those with a backlog: so who asks little does not wait for
        those who ask much, an order does not wait for a thousand books, and nobody waits for ever.
        A request that finds nobody before it, and room, is answered at once, without a pass.
        """
        self._has_pass = False
        self._serve(self.changing)
        self._serve(self.newcomers)
        room_for_more = self.room
        self._serve(self.waiting)
        self.room = room_for_more
        if self._steps:
            self._steps.popleft()()
        if self.changing or self.newcomers or self.waiting or self._steps:
            self.schedule_pass()

    def _serve(self, queue: "deque[Connection]") -> None:
        self.room = self.limits.pass_bytes
        for _ in range(len(queue)):
            if self.room <= 0:
                return
            queue.popleft().take_turn()

    def share(self) -> int:
        """How many requests a connection may have answered in its turn."""
        others = len(self.changing) + len(self.newcomers) + len(self.waiting)
        return min(BATCH, self.limits.pass_requests // (1 + others)) or 1

    def admit(self, reply: Whole | Steps) -> bool:
        """Whether there is room for one more answer. One that changes something is let in always;
        so is one whose parts wait for others already.
        """
        has_room = self.unsent.bytes < self.limits.unsent_bytes
        if has_room or reply.request.head.method != "GET":
            return True
        return isinstance(reply, Whole) and self.unsent.growth(reply.parts) <= WHOLE_BYTES

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

    Short answers are written at once. A long one, the reply, is written in slices: the next is
    given to the transport when the client has taken the one before (resume_writing) and it is this
    connection's turn. No other request of the connection is answered before its end.
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
        self._is_held = False  # until the commit
        self._held: list[bytes] = []  # answers that wait for it, before the reply's
        self._held_for: list[HttpRequest] = []  # their requests, and the reply's if it is new
        self._in_turn = False  # waits for its turn
        self._written = b""  # the last short answers, while the client has not taken them all
        self._has_reply = False  # a long answer, until its end
        self._reply_by = 0.0  # on the loop's clock, in seconds
        self._outgoing: Outgoing | None = None  # what there is of it and not taken yet
        self._made: Steps | None = None  # what makes the rest of it
        self._pending: Pending | None = None  # the answer itself, while it is not there
        self._treated: Treated | None = None  # its request, while that is yet to be done
        self._timer: asyncio.TimerHandle | None = None  # until it is
        self._delivery = Delivery.SENT  # what becomes of the long answer
        self._is_silent = False  # until it is closed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=0)
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
        self._forget_written()
        if self._made is not None:
            self._service.leave(self._made)
            self._made = None
        self._end_reply()
        if self._is_silent:
            self._is_silent = False
            self._service.silent.remove(self)
        if self._service.stopping:
            self._service.alarm.set()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._service.buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._closing or self._is_silent:
            return
        try:
            self._reader.feed(self._service.buffer[:nbytes])
        except Refusal as refusal:
            self._refusal = refusal
        if self._is_excess:
            self._turn_away()
        elif self._is_held or self._in_turn or self._blocked or self._has_reply:
            self._transport.pause_reading()  # until what came before has been answered
        elif self._reader.ready and (
            self._service.room <= 0 or self._service.newcomers or self._service.changing
        ):
            only_reads = self._reader.ready[0].head.method in READING
            self._wait_for_turn(self._service.newcomers if only_reads else self._service.changing)
        else:
            self._answer()

    def eof_received(self) -> bool:
        """Answer what was whole; true leaves the closing to us."""
        if self._closing:
            return False
        self._ended = True
        if self._is_silent:
            return False
        if self._refusal is None and self._reader.stage is not NOTHING:
            self._refusal = bad_request("The request ended before it was whole")
        if self._is_excess:
            self._turn_away()
        elif not (self._is_held or self._in_turn or self._has_reply):
            self._go_on()
        return True

    def pause_writing(self) -> None:
        self._blocked = True
        self._transport.pause_reading()
        self._wait(self._limits.write_seconds)

    def resume_writing(self) -> None:
        """The client has taken everything that was written for it."""
        self._blocked = False
        self._steps = -1
        self._forget_written()
        if self._closing or self._is_held:
            return
        if self._outgoing is not None:
            self._go_on_with_reply()
        else:
            self._go_on()

    def release(self, refusal: bytes | None) -> None:
        """Send the answers that were held, or a refusal in the place of each."""
        held, self._held, self._is_held = self._held, [], False
        if refusal is not None:
            held = self._uncommitted(refusal)
        self._held_for = []
        if self._transport.is_closing():
            return
        self._write(held[0] if len(held) == 1 else b"".join(held))
        if self._has_reply:
            self._go_on_with_reply()
        elif self._service.stopping and not self._is_busy():
            self._close()
        else:
            self._go_on()

    def _uncommitted(self, refusal: bytes) -> list[bytes]:
        """What is sent in the place of answers that tell what is not there any more."""
        refused = [uncommitted_response(refusal, request) for request in self._held_for]
        self._service.uncommitted += len(refused)
        if self._made is not None and not refused:  # something of it has been sent
            self.abort()
        self._end_reply()
        return refused

    def take_turn(self) -> None:
        """Send the next slice, or answer the next request."""
        self._in_turn = False
        if self._transport.is_closing():
            return
        if self._outgoing is not None:
            self._send_slice(self._outgoing)
        else:
            self._answer()

    def take_step(self) -> None:
        """Have the next step of the answer made, and send it after the commit."""
        steps, service = self._made, self._service
        if steps is None or self._transport.is_closing():  # the client has gone
            return
        if not steps.has_begun and not service.admit(steps):
            self._fail(self._busy(steps.request))
            return
        has_begun = steps.has_begun  # so that something of it may have been sent
        try:
            chunks = steps.next()
        except Exception as fault:
            if has_begun:
                log_failure(steps.request)
                self.abort()
            else:
                self._fail(failed_step(fault, steps.request))
            return
        if chunks and self._delivery is not Delivery.SENT:
            steps.close()
        self._give(chunks)
        if service.commit:
            self._is_held, self._held_for = True, [] if has_begun else [steps.request]
            service.hold(self)
        else:
            self._go_on_with_reply()

    def _await(self, pending: Pending) -> None:
        """Send an answer when it is there."""
        loop = self._service.loop

        def tell(_: object) -> None:  # on any thread
            with contextlib.suppress(RuntimeError):  # the loop has been closed
                loop.call_soon_threadsafe(self._take_pending, pending)

        self._pending, self._reply_by = pending, math.inf  # the delay is ours
        pending.future.add_done_callback(tell)

    def _take_pending(self, pending: Pending) -> None:
        """The answer is there: send it, after the commit."""
        if self._pending is not pending:  # the client has gone
            return
        self._pending = None
        self._reply_by = self._service.loop.time() + self._limits.answer_seconds
        self._give(pending.parts())
        self._hold_reply(pending.request)

    def _give(self, parts: Sequence[Part]) -> None:
        """These are to be sent now of the long answer, as far as it is delivered."""
        if self._delivery is not Delivery.SENT:
            parts = delivered(parts, self._delivery)
        self._outgoing = Outgoing(parts, self._service.unsent)

    def _hold_reply(self, request: HttpRequest) -> None:
        """Send a long answer after the commit of what its request has changed."""
        if self._is_held:  # the commit is still to come, of answers before it
            return
        if self._service.commit:
            self._is_held, self._held_for = True, [request]
            self._service.hold(self)
        else:
            self._go_on_with_reply()

    # Requests that are treated otherwise than usual.

    def _delay(self, treated: Treated) -> None:
        """Have the request done when its time has come, after what was answered before it."""
        treatment, loop = treated.treatment, self._service.loop
        self._treated, self._delivery = treated, treatment.delivery
        self._reply_by = math.inf  # the delay is ours
        self._timer = loop.call_later(treatment.delay, self._do_treated)

    def _do_treated(self) -> None:
        treated, self._treated, self._timer = self._treated, None, None
        if treated is None or self._transport.is_closing():  # the client has gone
            return
        service = self._service
        self._reply_by = service.loop.time() + self._limits.answer_seconds
        reply = service.done(treated)
        if isinstance(reply, Pending):
            self._await(reply)
        elif not isinstance(reply, (bytes, Whole)):
            self._made = reply
            if not self._is_held:
                self._go_on_with_reply()
        else:
            self._give((reply,) if isinstance(reply, bytes) else reply.parts)
            self._hold_reply(treated.request)

    def _end_badly(self, delivery: Delivery) -> None:
        """All is sent that is to be sent of an answer that the client does not get whole."""
        self._reader.ready.clear()
        if delivery is Delivery.WITHHELD:
            self._has_reply = self._is_silent = True
            self._reply_by = self._service.loop.time() + SILENT_SECONDS
            self._transport.resume_reading()  # so that its end is seen
            self._service.add_silent(self)
            return
        self._end_reply()
        if delivery is Delivery.CUT:
            self._close()
        else:
            self._closing = True
            self._service.loop.call_soon(self.abort)  # asyncio cannot abort in resume_writing

    def _fail(self, refusal: bytes) -> None:
        """Send a refusal instead of an answer that has not begun."""
        self._end_reply()
        self._write(refusal)
        self._go_on()

    def _busy(self, request: HttpRequest) -> bytes:
        refusal = too_much_unsent(self._limits)
        self._count(refusal)
        return busy_response(refusal, request)

    def _go_on_with_reply(self) -> None:
        """After a commit or a slice, or when the client has taken what was written."""
        if self._blocked or self._awaits_answer or self._is_silent:
            return
        if self._outgoing is not None and not self._outgoing.is_given:
            self._wait_for_turn(self._service.waiting)
            return
        if self._outgoing is not None:
            self._outgoing.close()
            self._outgoing = None
        if self._made is not None and not self._made.is_done:
            self._service.wait_for_step(self)
            return
        self._finish_reply()

    @property
    def _awaits_answer(self) -> bool:
        """Whether the long answer is not there yet."""
        return self._pending is not None or self._treated is not None

    def _finish_reply(self) -> None:
        if self._delivery is not Delivery.SENT:
            self._end_badly(self._delivery)
            return
        if self._made is not None and self._made.ends_connection:
            self._reader.finished = True
            self._reader.ready.clear()
        self._end_reply()
        self._steps = -1
        if self._service.stopping and not self._is_busy():
            self._close()
        else:
            self._go_on()

    def _send_slice(self, outgoing: Outgoing) -> None:
        parts = outgoing.slice(self._limits.slice_bytes)
        self._service.room -= sum(map(len, parts))
        self._transport.writelines(parts)
        if not self._blocked and self._transport.get_write_buffer_size():
            # asyncio does not pause after writelines before Python 3.12.9 and 3.13.2.
            self._transport.set_write_buffer_limits(high=0)
        self._go_on_with_reply()

    def _end_reply(self) -> None:
        """Let go of all that belongs to the long answer."""
        self._has_reply, self._pending = False, None
        self._treated, self._delivery = None, Delivery.SENT
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._outgoing is not None:
            self._outgoing.close()
            self._outgoing = None
        if self._made is not None:
            self._made.close()
            self._made = None

    def _write(self, answers: bytes) -> None:
        """Write short answers, and count what the client leaves."""
        if answers:
            self._transport.write(answers)
        if answers and self._blocked:
            self._count_written(answers)

    def _count_written(self, answers: bytes) -> None:
        self._written = answers
        self._service.unsent.add(answers)

    def _forget_written(self) -> None:
        if self._written:
            self._service.unsent.drop(self._written)
            self._written = b""

    def check_deadline(self, now: float) -> None:
        queued = self._transport.get_write_buffer_size()
        if queued < self._queued:  # a slow reader is a reader
            self._deadline = max(self._deadline, now + self._limits.write_seconds)
        self._queued = queued
        if self._has_reply and now >= self._reply_by:
            self.abort()
        elif self._is_held or not self._blocked and (self._in_turn or self._has_reply):
            self._steps = -1  # the delay is ours
        else:
            self._check_client(now)

    def _check_client(self, now: float) -> None:
        """End what a client has taken too long for."""
        if self._reader.steps != self._steps and not self._is_ending:
            self._set_deadline()
        if now < self._deadline:
            return
        if self._closing or self._queued:
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
        if self._timer is not None:
            self._timer.cancel()
            self._do_treated()
        elif self._is_silent:
            self.abort()
        elif self._closing or not self._is_busy():
            self._close()

    def abort(self) -> None:
        """End the connection with a reset, so that the system keeps nothing for the client."""
        peer = self._transport.get_extra_info("socket")
        with contextlib.suppress(OSError):  # it is gone already
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()

    def _answer(self) -> None:
        """Answer what is ready, as far as the client reads and the others need not wait."""
        service, ready, size = self._service, self._reader.ready, 0
        most = service.share() if len(ready) > 1 else 1
        requests: list[HttpRequest] = []
        answers: list[bytes] = []
        while ready and len(requests) < most and size < WHOLE_BYTES and not self._has_reply:
            request = ready.popleft()
            if service.stopping and not self._is_busy():
                request, self._reader.finished = replace(request, keep_alive=False), True
            requests.append(request)
            response = service.answer(request)
            if not isinstance(response, bytes):
                response = self._begin_reply(response)
            answers.append(response)
            size += len(response)
        service.room -= size + len(requests) * service.request_cost
        if service.room <= 0:
            service.schedule_pass()
        if requests and service.commit:
            self._is_held, self._held, self._held_for = True, answers, requests
            service.hold(self)
            return
        data = answers[0] if len(answers) == 1 else b"".join(answers)
        if data:
            self._transport.write(data)
            if self._blocked:
                self._count_written(data)
        self._go_on()

    def _begin_reply(self, reply: Reply | Treated) -> bytes:
        """Hold a long answer, or one that is not there yet, until those before it are written; a
        refusal if there is no room.
        """
        self._reply_by = self._service.loop.time() + self._limits.answer_seconds
        if isinstance(reply, Treated):
            self._delay(reply)
            self._has_reply = True
            return b""
        if not isinstance(reply, Pending):
            self._service.room = 0  # what is long takes long to make, and the others have waited
        if isinstance(reply, Whole):
            if not self._service.admit(reply):
                return self._busy(reply.request)
            self._outgoing = Outgoing(reply.parts, self._service.unsent)
        elif isinstance(reply, Pending):
            self._await(reply)
        else:
            self._made = reply
        self._has_reply = True
        return b""

    def _turn_away(self) -> None:
        """Refuse a client that is one too many, once it has said who asks: a page can read why."""
        reader = self._reader
        has_asked = reader.ready or reader.handshake or reader.stage is BODY
        if has_asked or self._refusal is not None or self._ended:
            self._refuse(too_many_connections(self._limits))

    def _is_busy(self) -> bool:
        """Whether a request is under way that has not been answered yet."""
        if self._is_held or self._has_reply or self._reader.ready:
            return True
        return self._reader.stage is not NOTHING

    def _go_on(self) -> None:
        """After some answers: answer more after those of others, wait for the next request or the
        rest of one, or end the connection.
        """
        if self._has_reply:
            self._go_on_with_reply()
        elif self._reader.ready:
            self._wait_for_turn(self._service.waiting)
        elif self._refusal is not None:
            self._refuse(self._refusal)
        elif self._reader.handshake:
            self._transport.pause_reading()
            self._service.loop.call_soon(self._hand_over)  # asyncio cannot abort in resume_writing
        elif self._reader.finished or self._ended:
            self._close()
        elif not self._blocked and (
            self._reader.awaits_continue or not self._transport.is_reading()
        ):
            self._read_on()

    def _read_on(self) -> None:
        if self._reader.awaits_continue:
            self._reader.awaits_continue = False
            self._transport.write(CONTINUE)
        if not self._transport.is_reading():
            self._transport.resume_reading()

    def _hand_over(self) -> None:
        """Leave the socket to whoever takes handshakes, once all answers before it are sent."""
        if self._closing or self._blocked or self._transport.is_closing():
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

    def _wait_for_turn(self, queue: "deque[Connection]") -> None:
        if self._blocked:  # until resume_writing
            return
        self._in_turn = True
        if len(self._reader.ready) > 1:
            self._transport.pause_reading()
        self._service.wait_for_turn(self, queue)

    def _count(self, refusal: Refusal) -> None:
        self._service.refused[refusal.status] += 1
        level = logging.WARNING if refusal.is_for_want_of_room else logging.INFO
        log.log(level, "%s is refused: %s", self._client, refusal.sentence)
        self._service.tell_refusal(refusal.status, refusal.sentence, refusal.detail)

    def _refuse(self, refusal: Refusal) -> None:
        self._count(refusal)
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
