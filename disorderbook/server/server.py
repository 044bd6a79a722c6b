"""The HTTP server under the application: one thread owns every socket and calls the application
inline as soon as one whole request is there, so a slow client never occupies anything.
"""

import asyncio
import contextlib
import logging
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import bottle

from disorderbook.process.sockets import HAS_LIMITS, WANTED_DESCRIPTORS, allow_descriptors, listen
from disorderbook.server.connection import (
    Commit,
    Connection,
    Service,
    TellRefusal,
    Upgrade,
    tell_nobody,
)
from disorderbook.server.head import Environ
from disorderbook.server.limits import Limits
from disorderbook.server.origin import OriginPolicy
from disorderbook.server.response import FUTURES, ORIGINS, WsgiApp
from disorderbook.server.treatment import Treat

BACKLOG = 1024  # connections that wait to be accepted


ACCEPTED_AT_ONCE = 16  # of them; asyncio calls this the backlog, too


STEPS_TO_END = 3  # of the loop: a connection is made, is aborted, and learns of that


CHECK_SECONDS = 0.25  # how often deadlines are looked at, so none is later than twice this


# Whether `upgrade` may be set: the event loop of Windows reads ahead, and keeps what it has read.
CAN_LEAVE_SOCKETS = sys.platform != "win32"


log = logging.getLogger(__name__)


class Counts(NamedTuple):
    """How the server is doing, since it started (`connections`: now)."""

    connections: int  # those that are being refused or closed included
    refused: dict[str, int]  # requests and connections that no application saw, by status line
    dropped: int  # connections that were cut because too many were being refused
    uncommitted: int  # responses replaced by 503, since their changes could not be committed
    unsent_bytes: int  # of answers that their clients have not taken, each chunk once (now)


def fastest_loop() -> asyncio.AbstractEventLoop:
    """An event loop of uvloop where there is one, which is not on Windows."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class InlineServer(bottle.ServerAdapter):  # type: ignore[misc]
    """Serves a WSGI application over HTTP/1.1, for Bottle's `run` or on its own.

    Listens at once, on 127.0.0.1 and on ::1 where there is one, so that the caller learns of a
    taken port (OSError) before anything else is done, and `port` is the one it got if it asked for
    port 0. Sockets that listen already can be given instead.

    An application that has a method `respond` (see server.response) is asked that way first.
    """

    def __init__(
        self,
        port: int = 8080,
        listeners: Sequence[socket.socket] = (),
        limits: Limits = Limits(),
        new_loop: Callable[[], asyncio.AbstractEventLoop] = fastest_loop,
        commit: Commit | None = None,
        origins: OriginPolicy = OriginPolicy(),
        **options: Any,
    ) -> None:
        self._listeners = listeners or listen(port, BACKLOG)
        super().__init__(*self._listeners[0].getsockname()[:2], **options)
        for listener in self._listeners:  # every connection inherits this
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, limits.system_bytes)
        self._limits = limits
        self._new_loop = new_loop
        self.commit = commit  # is called between some requests and their answers
        self.upgrade: Upgrade | None = None  # takes connections that ask for a websocket
        # Is called once the server stops, before the requests under way are waited for.
        self.at_stop: Callable[[], None] = lambda: None
        self.tell_refusal: TellRefusal = tell_nobody
        self._origins = origins
        self._stops = 0  # how often `stop` was called
        self._service: Service | None = None
        self._treat: Treat | None = None

    def run(self, handler: WsgiApp) -> None:
        """Serve until `stop` is called."""
        self._limits = _fitting(self._limits)
        loop = self._new_loop()
        try:
            loop.run_until_complete(self._serve(handler))
        finally:
            loop.close()
            self.close()

    def close(self) -> None:
        """Listen no more; for a server that does not run."""
        for listener in self._listeners:
            listener.close()

    def stop(self) -> None:
        """Accept nobody any more, finish the requests under way, then return from `run`.

        May be called from a signal handler or another thread, also before `run`. Requests that
        are still under way after `stop_seconds`, or when it is called once more, are dropped.
        """
        self._stops += 1
        if self._service is not None:
            with contextlib.suppress(RuntimeError):  # the loop has just been closed
                self._service.loop.call_soon_threadsafe(self._service.alarm.set)

    def treat_by(self, treat: Treat | None) -> None:
        """Treat requests from now on as this says, None as usual; from any thread."""
        self._treat = treat
        if self._service is not None:
            self._service.treat_by(treat)

    def counts(self) -> Counts:
        """To be called by the application, or on the server's thread."""
        service = self._service
        if service is None:
            return Counts(0, {}, 0, 0, 0)
        return Counts(
            len(service.connections),
            dict(service.refused),
            service.dropped,
            service.uncommitted,
            service.unsent.bytes,
        )

    async def _serve(self, app: WsgiApp) -> None:
        service = self._service = Service(
            app, self._limits, self._environ(), self.commit, self.upgrade, self.tell_refusal
        )
        service.treat_by(self._treat)
        acceptors = [await self._accept(service, listener) for listener in self._listeners]
        while not self._stops:
            await _next_check(service)
        await self._stop_accepting(service.loop)
        for acceptor in acceptors:
            acceptor.close()
        self.at_stop()
        service.stop()
        end = service.loop.time() + self._limits.stop_seconds
        while (service.connections or service.left) and self._stops == 1:
            rest = end - service.loop.time()
            if rest <= 0:
                break
            await _next_check(service, rest)
        service.abort()
        for _ in range(STEPS_TO_END):
            await asyncio.sleep(0)  # for the aborted connections to learn of it

    async def _stop_accepting(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let those come to be connections whom the loop has let in already.

        asyncio makes a task of each, and one that outlives its acceptor, or the loop, ends in a
        traceback. With uvloop, and on Windows, there are none.
        """
        for listener in self._listeners:
            with contextlib.suppress(NotImplementedError):
                loop.remove_reader(listener)
        under_way = asyncio.all_tasks() - {asyncio.current_task()}
        if under_way:
            await asyncio.wait(under_way, timeout=self._limits.stop_seconds)

    async def _accept(self, service: Service, listener: socket.socket) -> asyncio.Server:
        acceptor = await service.loop.create_server(
            lambda: Connection(service), sock=listener, backlog=ACCEPTED_AT_ONCE
        )
        listener.listen(BACKLOG)
        return acceptor

    def _environ(self) -> Environ:
        return {
            "SCRIPT_NAME": "",
            "SERVER_NAME": self.host,
            "SERVER_PORT": str(self.port),
            "SERVER_SOFTWARE": "disorderBook",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            ORIGINS: self._origins,
            FUTURES: True,
        }


async def _next_check(service: Service, seconds: float = CHECK_SECONDS) -> None:
    """Wait for the alarm or `seconds`, and end what has taken too long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(min(seconds, CHECK_SECONDS)):
            await service.alarm.wait()
    service.alarm.clear()
    service.check_deadlines()


def _fitting(limits: Limits) -> Limits:
    """No more connections than there are descriptors for, half of which are for somebody else.

    A server that runs out of them can only try to accept again and again.
    """
    if not HAS_LIMITS:  # nor has the event loop of Windows
        return limits
    enough = 2 * (limits.connections + limits.refused_connections)
    room = allow_descriptors(min(enough, WANTED_DESCRIPTORS)) // 2
    refused = min(limits.refused_connections, room // 4)
    if limits.connections + refused <= room:
        return limits
    log.warning("The system lets this process have only %d connections", room - refused)
    return limits._replace(connections=room - refused, refused_connections=refused)
