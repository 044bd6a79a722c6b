"""Waiting for sockets and for news, and sending without waiting.

The one rule: the exchange holds its lock while it publishes, so waking the tape must cost it next
to nothing. The parts:

* Waker: a socket pair through which another thread ends the tape's select(). It is used only while
  the tape sleeps.
* Poller: the tape's select(). While news come fast it naps for 0.2 ms instead of sleeping, so that
  nobody has to wake it.
* Acceptor: a listening socket that stops accepting for a while when it cannot go on.
* send_nonblocking: a send() that keeps Python's interpreter lock. A socket's own send() lets go of
  it and then waits for it: half a millisecond for each listener while the exchange is busy.
* short_switch_interval: how soon a thread that computes passes the interpreter lock on. It is a
  setting of the whole process, so the last tape that ends restores it.
"""

import ctypes
import errno
import logging
import os
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

AWAKE_SECONDS = 0.01  # between two news that come so fast that sleeping does not pay
NAP_SECONDS = 0.0002
LOOK_SECONDS = 0.002  # between two looks at the sockets while there is always news

ACCEPTED_AT_ONCE = 64  # connections, before those that are open already are served
QUIET_SECONDS = 60.0  # between two warnings in the log

SWITCH_SECONDS = 0.0005  # after which a thread that computes passes the interpreter lock on

Events = list[tuple[selectors.SelectorKey, int]]

log = logging.getLogger(__name__)


class HasDescriptor(Protocol):
    """What select() takes besides a number."""

    def fileno(self) -> int:
        """Its descriptor."""


class Waker:
    """Ends another thread's select().

    The sleeper sets `asleep` before it looks for news one last time and sleeps. Whoever brings news
    wakes only a sleeper that is `asleep`. So no news is missed, and a tape that is awake costs the
    exchange no system call.
    """

    __slots__ = ("asleep", "_near", "_far", "_lock")

    def __init__(self) -> None:
        self.asleep = False
        self._near, self._far = socket.socketpair()
        self._lock = threading.Lock()  # a closed descriptor's number may be another socket's
        self._near.setblocking(False)
        self._far.setblocking(False)

    def fileno(self) -> int:
        """The descriptor that becomes readable."""
        return self._near.fileno()

    def wake(self) -> None:
        """End the sleeper's select(), from any thread; never waits and never fails."""
        self.asleep = False
        try:
            with self._lock:
                send_nonblocking(self._far, b"!")
        except OSError:
            pass  # the sleeper is gone

    def clear(self) -> None:
        """Read what `wake` has sent; raises BlockingIOError if that is nothing."""
        self._near.recv(4096)

    def close(self) -> None:
        with self._lock:
            self._near.close()
            self._far.close()


class Poller:
    """Waits for sockets, each with its owner, and for news; `waker` ends the waiting."""

    def __init__(self, has_news: Callable[[], bool]) -> None:
        self.waker = Waker()
        self._has_news = has_news
        self._awake_until = self._news_at = self._looked_at = 0.0
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.waker, selectors.EVENT_READ, self.waker)

    def add(self, sock: HasDescriptor, owner: object) -> None:
        """Wait until the socket can be read; may raise OSError."""
        self._selector.register(sock, selectors.EVENT_READ, owner)

    def change(self, sock: HasDescriptor, owner: object, writing: bool) -> None:
        """Wait also until the socket can be written to, or no longer."""
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if writing else 0)
        self._selector.modify(sock, events, owner)

    def remove(self, sock: HasDescriptor) -> None:
        """Wait for the socket no longer; to be called before it is closed."""
        self._selector.unregister(sock)

    def wait(self, timeout: float | None) -> Events:
        """Until there is news or a socket is ready, or `timeout` seconds (None: for ever)."""
        now = time.monotonic()
        if self._has_news() or now < self._awake_until:
            ready = self._nap(now)
        else:
            self.waker.asleep = True
            ready = self._selector.select(0 if self._has_news() else timeout)
            self.waker.asleep = False
        if self._has_news():
            now = time.monotonic()
            if now < self._news_at + AWAKE_SECONDS:
                self._awake_until = now + AWAKE_SECONDS
            self._news_at = now
        return self._without_waker(ready)

    def close(self) -> None:
        self._selector.close()
        self.waker.close()

    def _nap(self, now: float) -> Events:
        """Sleep for NAP_SECONDS unless there is news, then look which sockets are ready.

        News comes before the sockets: select() lets go of the interpreter lock, which takes a
        while to get back from a busy exchange.
        """
        if not self._has_news():
            time.sleep(NAP_SECONDS)
        if self._has_news() and now < self._looked_at + LOOK_SECONDS:
            return []
        self._looked_at = now
        return self._selector.select(0)

    def _without_waker(self, ready: Events) -> Events:
        sockets = [(key, events) for key, events in ready if key.data is not self.waker]
        if len(sockets) < len(ready):
            self.waker.clear()
        return sockets


class Acceptor:
    """Accepts the connections of a listening socket, and has the poller wait for them.

    Without room or without descriptors it pauses for `pause_seconds`. Connections queue in the
    kernel meanwhile.
    """

    def __init__(self, listening: socket.socket, poller: Poller, pause_seconds: float) -> None:
        listening.setblocking(False)
        self._listening = listening
        self._poller = poller
        self._pause_seconds = pause_seconds
        self._paused_until: float | None = None
        self._quiet_until = 0.0
        self._poller.add(listening, self)

    @property
    def is_paused(self) -> bool:
        return self._paused_until is not None

    def accept(self, room: int) -> Iterator[tuple[socket.socket, Any]]:
        """Some of the connections that wait, at most `room`, with their addresses."""
        for number in range(ACCEPTED_AT_ONCE):
            if number >= room:
                return self._pause("there are too many connections")
            try:
                accepted = self._listening.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                return self._pause(str(error.strerror))
            yield accepted

    def check(self, now: float) -> None:
        """Go on if the pause is over; `now` is of time.monotonic()."""
        if self._paused_until is not None and now >= self._paused_until:
            self._poller.add(self._listening, self)
            self._paused_until = None

    def close(self) -> None:
        if not self.is_paused:
            self._poller.remove(self._listening)
        self._paused_until = None
        self._listening.close()

    def _pause(self, reason: str) -> None:
        now = time.monotonic()
        self._paused_until = now + self._pause_seconds
        self._poller.remove(self._listening)
        if now >= self._quiet_until:
            self._quiet_until = now + QUIET_SECONDS
            log.warning("The tape accepts no connections for now: %s", reason)


def send_nonblocking(sock: socket.socket, piece: bytes) -> int:
    """How many bytes a non-blocking socket has taken, 0 if it is full; raises OSError."""
    if _send is None:
        try:
            return sock.send(piece)
        except BlockingIOError:
            return 0
    taken = _send(sock.fileno(), piece, len(piece), 0)
    if taken >= 0:
        return taken
    code = ctypes.get_errno()
    if code in (errno.EAGAIN, errno.EWOULDBLOCK):
        return 0
    raise OSError(code, os.strerror(code))


def _system_send() -> Callable[[int, bytes, int, int], int] | None:
    """The C library's send(), called with the interpreter lock held; None where there is none."""
    try:
        send = ctypes.PyDLL(None, use_errno=True).send  # CDLL would let go of the lock
    except (OSError, AttributeError, TypeError):
        return None
    send.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int)
    send.restype = ctypes.c_ssize_t
    return send


_send = _system_send()

_interval_lock = threading.Lock()
_tapes = 0  # that want the short interval now
_interval_before = 0.0  # seconds, as the first of them found it


@contextmanager
def short_switch_interval() -> Iterator[None]:
    """Sets SWITCH_SECONDS until the last tape that wants it ends."""
    global _tapes, _interval_before
    with _interval_lock:
        if not _tapes:
            _interval_before = sys.getswitchinterval()
            sys.setswitchinterval(SWITCH_SECONDS)
        _tapes += 1
    try:
        yield
    finally:
        with _interval_lock:
            _tapes -= 1
            if not _tapes:
                sys.setswitchinterval(_interval_before)


def _forget_tapes() -> None:
    """In a forked process no tape runs."""
    global _interval_lock, _tapes
    _interval_lock = threading.Lock()
    if _tapes:
        _tapes = 0
        sys.setswitchinterval(_interval_before)


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_forget_tapes)
