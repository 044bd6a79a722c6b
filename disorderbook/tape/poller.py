"""A send() that keeps Python's lock.

A socket's own send() lets go of the lock, so that other threads can run meanwhile, and then has to
wait for it: half a millisecond for each listener while the exchange is busy, and as long for the
exchange when it rings the bell. On a socket that never blocks send() takes a few microseconds, for
which that is not worth it.

How often Python's threads take turns, which is a setting of the whole process.

How another thread wakes the one that sleeps in select(): a byte through a socket pair.

Waiting: for sockets, for the bell, and not for news while there is much of it.

The listening socket: lets newcomers in, and stays shut for a while when it cannot.
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


def send_at_once(sock: socket.socket, sent: bytes) -> int:
    """How many bytes a non-blocking socket has taken, 0 if it is full; raises OSError."""
    if _send is None:
        try:
            return sock.send(sent)
        except BlockingIOError:
            return 0
    taken = _send(sock.fileno(), sent, len(sent), 0)
    if taken >= 0:
        return taken
    code = ctypes.get_errno()
    if code in (errno.EAGAIN, errno.EWOULDBLOCK):
        return 0
    raise OSError(code, os.strerror(code))


def _send_of_the_system() -> Callable[[int, bytes, int, int], int] | None:
    """The C library's send(), called by ctypes with the lock held; None where there is none."""
    try:
        send = ctypes.PyDLL(None, use_errno=True).send
    except (OSError, AttributeError, TypeError):
        return None
    send.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int)
    send.restype = ctypes.c_ssize_t
    return send


_send = _send_of_the_system()


SWITCH_SECONDS = 0.0005  # after which a thread that computes lets another one have its turn


_lock = threading.Lock()


_wanted_by = 0  # how many tapes run now


_before = 0.0  # the interval that the first of them found


@contextmanager
def quick_switches() -> Iterator[None]:
    """Turns every SWITCH_SECONDS until the last of all that want it ends."""
    global _wanted_by, _before
    with _lock:
        if not _wanted_by:
            _before = sys.getswitchinterval()
            sys.setswitchinterval(SWITCH_SECONDS)
        _wanted_by += 1
    try:
        yield
    finally:
        with _lock:
            _wanted_by -= 1
            if not _wanted_by:
                sys.setswitchinterval(_before)


def _forget() -> None:
    """In a forked process, where no tape runs."""
    global _lock, _wanted_by
    _lock = threading.Lock()
    if _wanted_by:
        _wanted_by = 0
        sys.setswitchinterval(_before)


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_forget)


class Bell:
    """The sleeper says that it is `asleep` before it looks for work one last time and sleeps;
    whoever brings work rings only then. So neither can miss the other, and a busy sleeper costs
    nobody a system call.
    """

    __slots__ = ("asleep", "_bell", "_rope", "_hand")

    def __init__(self) -> None:
        self.asleep = False
        self._bell, self._rope = socket.socketpair()
        self._hand = threading.Lock()  # a closed descriptor's number may be somebody else's
        self._bell.setblocking(False)
        self._rope.setblocking(False)

    def fileno(self) -> int:
        """The descriptor that becomes readable."""
        return self._bell.fileno()

    def ring(self) -> None:
        """Wake the sleeper; never waits and never fails."""
        self.asleep = False
        try:
            with self._hand:
                send_at_once(self._rope, b"!")
        except OSError:
            pass  # the sleeper is gone

    def hush(self) -> None:
        """Get ready for the next ring."""
        self._bell.recv(4096)

    def close(self) -> None:
        with self._hand:
            self._bell.close()
            self._rope.close()


AWAKE_SECONDS = 0.01  # between news that come so fast that sleeping does not pay


NAP_SECONDS = 0.0002


LOOK_SECONDS = 0.002  # between two looks at the sockets while there is always news


Events = list[tuple[selectors.SelectorKey, int]]


class HasDescriptor(Protocol):
    def fileno(self) -> int:
        """As select() takes it."""


class Watch:
    """Sockets that are waited for, each with somebody to tell, and a bell that ends the waiting.

    Being woken can cost the exchange more than all the rest of publishing. So while news come
    fast the tape does not sleep but naps, and a nap ends by itself.
    """

    def __init__(self, has_news: Callable[[], bool]) -> None:
        self.bell = Bell()
        self._has_news = has_news
        self._awake_until = self._news_at = self._looked_at = 0.0
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.bell, selectors.EVENT_READ, self.bell)

    def add(self, sock: HasDescriptor, whom: object) -> None:
        """Wait until it can be read; may raise OSError."""
        self._selector.register(sock, selectors.EVENT_READ, whom)

    def change(self, sock: HasDescriptor, whom: object, writing: bool) -> None:
        """Wait also until it can be written to, or no longer."""
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if writing else 0)
        self._selector.modify(sock, events, whom)

    def remove(self, sock: HasDescriptor) -> None:
        """Call it before the socket is closed."""
        self._selector.unregister(sock)

    def wait(self, patience: float | None) -> Events:
        """Until there is news or a socket is ready, or for `patience` seconds (None: for ever)."""
        now = time.monotonic()
        if self._has_news() or now < self._awake_until:
            ready = self._nap(now)
        else:
            self.bell.asleep = True
            ready = self._selector.select(0 if self._has_news() else patience)
            self.bell.asleep = False
        if self._has_news():
            now = time.monotonic()
            if now < self._news_at + AWAKE_SECONDS:
                self._awake_until = now + AWAKE_SECONDS
            self._news_at = now
        return self._without_bell(ready)

    def close(self) -> None:
        self._selector.close()
        self.bell.close()

    def _nap(self, now: float) -> Events:
        """A short one, or none if there is news. Then news comes first: asking for the sockets
        lets go of Python's lock, which takes a while to get back from a busy exchange.
        """
        if not self._has_news():
            time.sleep(NAP_SECONDS)
        if self._has_news() and now < self._looked_at + LOOK_SECONDS:
            return []
        self._looked_at = now
        return self._selector.select(0)

    def _without_bell(self, ready: Events) -> Events:
        sockets = [(key, events) for key, events in ready if key.data is not self.bell]
        if len(sockets) < len(ready):
            self.bell.hush()
        return sockets


QUIET_SECONDS = 60.0  # between two complaints in the log


ACCEPTED_AT_ONCE = 64  # newcomers, before those who are in already get their turn


log = logging.getLogger(__name__)


class Door:
    """Has `listening` watched while it is open. Shut for want of room or of descriptors, it is
    tried again after `pause_seconds`; newcomers queue in the kernel meanwhile.
    """

    def __init__(self, listening: socket.socket, watch: Watch, pause_seconds: float) -> None:
        listening.setblocking(False)
        self._listening = listening
        self._watch = watch
        self._pause_seconds = pause_seconds
        self._shut_until: float | None = None
        self._quiet_until = 0.0
        self._watch.add(listening, self)

    @property
    def is_shut(self) -> bool:
        return self._shut_until is not None

    def newcomers(self, room: int) -> Iterator[tuple[socket.socket, Any]]:
        """Accept some of those who wait, at most `room`."""
        for number in range(ACCEPTED_AT_ONCE):
            if number >= room:
                return self._shut("there are too many connections")
            try:
                newcomer = self._listening.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as fault:
                return self._shut(str(fault.strerror))
            yield newcomer

    def check(self, now: float) -> None:
        """Open again if the pause is over; `now` is of time.monotonic()."""
        if self._shut_until is not None and now >= self._shut_until:
            self._watch.add(self._listening, self)
            self._shut_until = None

    def close(self) -> None:
        if not self.is_shut:
            self._watch.remove(self._listening)
        self._shut_until = None
        self._listening.close()

    def _shut(self, reason: str) -> None:
        now = time.monotonic()
        self._shut_until = now + self._pause_seconds
        self._watch.remove(self._listening)
        if now >= self._quiet_until:
            self._quiet_until = now + QUIET_SECONDS
            log.warning("The tape lets nobody in for now: %s", reason)
