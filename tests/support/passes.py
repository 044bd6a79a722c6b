"""Connections of a server without sockets, and its loop pass by pass: for tests that count."""

import asyncio
import io
from collections.abc import Callable, Coroutine
from typing import Any, cast

from raw_http import Answer, read_answer

from disorderbook.server.connection import READ_BYTES, Connection, Service
from disorderbook.server.limits import Limits

EVERYTHING = 2**62  # bytes


class NoSocket:
    def setsockopt(self, *_: object) -> None: ...


class PassTransport:
    """Stands for asyncio's: takes `room` bytes, and then as many as the client takes."""

    def __init__(self, room: int) -> None:
        self.get_extra_info = {"peername": ("127.0.0.1", 1), "socket": NoSocket()}.get
        self.protocol: Any = None
        self.room = room
        self.slices: list[list[Any]] = []  # what was written in one call
        self.taken = b""  # by the client
        self.has_ended = False  # nothing more is written
        self.is_aborted = False
        self._waiting: list[Any] = []
        self._is_reading = True
        self._is_closing = False

    def write(self, data: Any) -> None:
        self.writelines([data])

    def writelines(self, parts: Any) -> None:
        assert not self.has_ended
        self.slices.append(list(parts))
        self._waiting += parts
        self._take()
        if self._waiting:
            self.protocol.pause_writing()

    def allow(self, room: int) -> None:
        """Have the client take more."""
        self.room += room
        was_waiting = bool(self._waiting)
        self._take()
        if was_waiting and not self._waiting:
            self.protocol.resume_writing()

    def _take(self) -> None:
        while self._waiting and self.room:
            first = memoryview(self._waiting[0])
            self.taken += first[: self.room]
            rest, self.room = first[self.room :], max(0, self.room - len(first))
            self._waiting[:1] = [rest] if rest else []

    def get_write_buffer_size(self) -> int:
        return sum(map(len, self._waiting))

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert high == 0, "whatever waits has to be known"

    def is_reading(self) -> bool:
        return self._is_reading

    def pause_reading(self) -> None:
        self._is_reading = False

    def resume_reading(self) -> None:
        self._is_reading = True

    def is_closing(self) -> bool:
        return self._is_closing

    def write_eof(self) -> None:
        self.has_ended = True

    def close(self) -> None:
        self._is_closing = True

    def abort(self) -> None:
        self.is_aborted = self._is_closing = True
        self._waiting.clear()
        asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)


class Peer:
    """A connection, and what its client does."""

    def __init__(self, service: Service, room: int = EVERYTHING) -> None:
        self.transport = PassTransport(room)
        self.connection = self.transport.protocol = Connection(service)
        self.connection.connection_made(cast(asyncio.Transport, self.transport))
        self._unread = b""  # by the server

    def send(self, data: bytes = b"") -> None:
        """What the server does not read yet, it gets at the next call."""
        self._unread += data
        while self._unread and self.transport.is_reading() and not self.transport.is_closing():
            piece, self._unread = self._unread[:READ_BYTES], self._unread[READ_BYTES:]
            self.connection.get_buffer(-1)[: len(piece)] = piece
            self.connection.buffer_updated(len(piece))

    def leave(self) -> None:
        self.transport.abort()

    def answers(self) -> list[Answer]:
        """Every answer that the client has taken; raises if the last is not whole."""
        stream = io.BytesIO(self.transport.taken)
        return list(iter(lambda: read_answer(stream), None))


async def make_passes(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def on_a_loop(
    app: Any,
    test: Callable[[Service], Coroutine[Any, Any, None]],
    commit: Callable[[], bytes | None] | None = None,
    **limits: float,
) -> None:
    """Run a test with the service of a server."""

    async def run() -> None:
        await test(Service(app, Limits(**limits), {}, commit))  # type: ignore[arg-type]

    asyncio.run(run())
