"""One kept connection for requests, which are sent once and wait for their turn."""

import socket
import threading
from contextlib import suppress
from typing import Any, TypeVar
from weakref import WeakSet

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, PoolManager
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from disorderbook.client.network import (
    authorities,
    begin_anew_after_fork,
    is_this_machine,
    let_go,
    why_untrusted,
)
from disorderbook.client.results import (
    CertificateUntrusted,
    ExchangeUnreachable,
    MarketClosed,
    read,
)

KEY_HEADER = "X-Starfighter-Authorization"

T = TypeVar("T")


class Connection:
    """Sends requests to one exchange with one key, from any thread, one at a time.

    `timeout` is in seconds: to connect, and of silence while an answer is awaited. A forked process
    sends its own over a connection of its own; what was under way at the fork is the parent's.
    """

    def __init__(
        self, address: str, key: str | None, timeout: float, verify: bool | str = True
    ) -> None:
        self._address = address
        self._verify = verify
        self._key = key
        self._timeout = timeout
        self._is_closed = False
        self._begin()
        begin_anew_after_fork(self)

    def _begin(self) -> None:
        self._turn = threading.Lock()
        self._session = requests.Session()
        self._adapter = _Adapter()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, self._adapter)
        # This machine is never reached by way of a proxy, whatever the environment says.
        self._session.trust_env = not is_this_machine(self._address)
        if self._key is not None:
            self._session.headers[KEY_HEADER] = self._key.encode()

    def begin_anew(self) -> None:
        """In a forked process: leave the connection to the parent, and its lock to its threads."""
        let_go(each.sock for each in list(self._adapter.made) if each.sock is not None)
        self._begin()

    def ask(self, method: str, path: str, kind: type[T], body: bytes | None = None) -> T:
        """The result of one request; raises MarketError of any kind. It is never sent again."""
        url = self._address + path
        with self._turn:
            if self._is_closed:
                raise MarketClosed
            try:
                # A redirected POST would silently become a GET.
                response = self._session.request(
                    method,
                    url,
                    data=body,
                    timeout=self._timeout,
                    allow_redirects=False,
                    verify=authorities(self._verify),
                )
            except requests.RequestException as fault:
                untrusted = why_untrusted(fault)
                if untrusted is not None:
                    raise CertificateUntrusted(self._address, untrusted) from fault
                sentence = f"No answer to {method} {url}: {_reason(fault)}"
                raise ExchangeUnreachable(sentence, not _never_left(fault)) from fault
        return read(response.content, kind, url, response.status_code)

    def close(self) -> None:
        """No request is sent any more; one that is under way in another thread is answered."""
        self._is_closed = True
        self._session.close()

    def abort(self) -> None:
        """No request is sent any more; one that is under way in another thread ends at once, and
        raises ExchangeUnreachable there.
        """
        self._is_closed = True
        self._adapter.abort()


def _cause(fault: requests.RequestException) -> object:
    """What urllib3 found, which is more than requests says of it."""
    found = fault.args[0] if fault.args else fault
    return getattr(found, "reason", None) or found


def _never_left(fault: requests.RequestException) -> bool:
    """Whether the connection itself failed, so that the exchange cannot have seen the request."""
    return isinstance(_cause(fault), (NewConnectionError, ConnectTimeoutError))


def _reason(fault: requests.RequestException) -> str:
    return f"{type(fault).__name__}, {_cause(fault)}"


class _Adapter(HTTPAdapter):
    """What makes connections for a session, and knows those that it has made."""

    def __init__(self) -> None:
        self.made: WeakSet[HTTPConnection] = WeakSet()
        self._is_aborted = False
        self._lock = threading.Lock()  # of both
        super().__init__()

    def abort(self) -> None:
        """Cut every connection, and each one that is made later."""
        with self._lock:
            self._is_aborted = True
            for connection in self.made:
                _cut(connection)

    def begin(self, connection: HTTPConnection) -> None:
        """Note a connection that is about to connect."""
        with self._lock:
            self.made.add(connection)

    def finish(self, connection: HTTPConnection) -> None:
        """Cut a connection that has connected, if the others were cut meanwhile."""
        with self._lock:
            if self._is_aborted:
                _cut(connection)

    def init_poolmanager(self, *arguments: Any, **keywords: Any) -> None:
        super().init_poolmanager(*arguments, **keywords)
        self._note_connections_of(self.poolmanager)

    def proxy_manager_for(self, *arguments: Any, **keywords: Any) -> PoolManager:
        is_new = arguments[0] not in self.proxy_manager
        manager: PoolManager = super().proxy_manager_for(*arguments, **keywords)
        if is_new:
            self._note_connections_of(manager)
        return manager

    def _note_connections_of(self, manager: PoolManager) -> None:
        manager.pool_classes_by_scheme = {
            scheme: _noting(pool, self) for scheme, pool in manager.pool_classes_by_scheme.items()
        }


def _noting(pool: type[HTTPConnectionPool], adapter: _Adapter) -> type[HTTPConnectionPool]:
    """The same kind of pool, whose connections the adapter knows from when they connect."""

    class Noted(pool.ConnectionCls):  # type: ignore[name-defined,misc]
        def connect(self) -> None:
            adapter.begin(self)
            super().connect()
            adapter.finish(self)

    class Pool(pool):  # type: ignore[valid-type,misc]
        ConnectionCls = Noted

    return Pool


def _cut(connection: HTTPConnection) -> None:
    # Shut down and not closed: that wakes the thread that waits for an answer, which closes it.
    # The plain method, since that of a TLS socket would forget its session in mid-read.
    if isinstance(connection.sock, socket.socket):
        with suppress(OSError):
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)
