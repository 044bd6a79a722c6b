"""Connections that can be cut while a thread waits for an answer on one of them, so that Ctrl-C
does not wait for an exchange that is silent."""

import os
import socket
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from weakref import WeakSet

from stockfighter_minimal import requests  # which says in a sentence that it is not installed
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class Connections:
    """All connections of the sessions that were made by `session`, in this process: one that is
    forked cuts none of its parent's, and uses none."""

    def __init__(self) -> None:
        self._open: WeakSet[HTTPConnection] = WeakSet()
        self._lock = threading.Lock()
        self._are_cut = False
        _all.add(self)

    def begin_anew(self) -> None:
        """In a forked process: leave what is open to the parent."""
        _let_go(list(self._open))
        self._open, self._lock = WeakSet(), threading.Lock()

    def session(self) -> requests.Session:
        """A new session; its connections by way of a proxy are the only ones not cut."""
        session = requests.Session()
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Adapter(self))
        return session

    def cut(self) -> None:
        """End every request that is under way, and each one that is begun later."""
        with self._lock:
            self._are_cut = True
            for connection in self._open:
                _cut(connection)

    def add(self, connection: HTTPConnection) -> None:
        """Remember a connection that has just been made."""
        with self._lock:
            self._open.add(connection)
            if self._are_cut:
                _cut(connection)


_all: "WeakSet[Connections]" = WeakSet()


def _begin_anew() -> None:
    for each in list(_all):
        each.begin_anew()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_begin_anew)


def _let_go(inherited: Iterable[HTTPConnection]) -> None:
    """Put dead sockets in their place: a session finds that the other side hung up, which the
    parent does not notice."""
    dead, other_end = socket.socketpair()
    other_end.close()
    with dead:
        for connection in inherited:
            if connection.sock is not None and connection.sock.fileno() >= 0:
                os.dup2(dead.fileno(), connection.sock.fileno(), inheritable=False)


def _cut(connection: HTTPConnection) -> None:
    # Shut down and not closed: that wakes who waits for an answer, and he closes it himself.
    if isinstance(connection.sock, socket.socket):
        with suppress(OSError):
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)


class _Adapter(requests.adapters.HTTPAdapter):
    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **keywords: Any) -> None:
        super().init_poolmanager(*arguments, **keywords)
        self.poolmanager.pool_classes_by_scheme = _pool_classes(self._connections)


def _pool_classes(connections: Connections) -> dict[str, type[HTTPConnectionPool]]:
    """What makes connections that tell of themselves, for each scheme of urls."""

    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            connections.add(self)

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            connections.add(self)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
