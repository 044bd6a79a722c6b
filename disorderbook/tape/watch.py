"""Waiting: for sockets, for the bell, and not for news while there is much of it."""

import selectors
import time
from collections.abc import Callable
from typing import Protocol

from disorderbook.tape.bell import Bell

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
