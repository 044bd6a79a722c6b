"""Listening to the tape, again and again: what it says, as an iterator."""

import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Generic, TypeVar

from disorderbook.client import network
from disorderbook.client.connection import KEY_HEADER
from disorderbook.client.network import begin_anew_after_fork, let_go
from disorderbook.client.results import (
    CertificateUntrusted,
    ExchangeUnreachable,
    MarketError,
    Refused,
    Verdict,
    read,
)

if TYPE_CHECKING:
    import websocket


SILENCE = 60.0  # seconds until a connection counts as dead; the exchange sends a ping every 20


FIRST_PAUSE = 0.1  # seconds before the first attempt to reconnect; each further one is doubled


LONGEST_PAUSE = 3.0  # seconds


NO_TAPE_THERE = {400, 404, 405, 426, 501}  # with which HTTP that knows no websockets may answer


MISSING = (
    "The tape needs the package websocket-client, which the extra [tape] of disorderbook brings:"
    " pip install -e '.[tape]'"
)


T = TypeVar("T")


class Listener(Generic[T]):
    """Listens from its construction on; iterating waits for what comes, until it is closed.

    When the connection is lost it makes another, for as long as that takes, and `interruptions`
    is one more than before. What happened meanwhile is not told again: who needs to know asks for
    the quote or the orders. Dropping the last reference, as `break` does in a loop over
    `market.ticks()`, closes it as well. One thread at a time iterates; any may close.

    A forked process that iterates makes a connection of its own, as after an interruption; closing
    it there leaves the parent's alone.

    The constructor raises ExchangeUnreachable if the tape is at none of `urls`, so that a wrong
    address is not waited for, and ModuleNotFoundError without websocket-client. Iterating raises
    Refused and CertificateUntrusted. `pick` is given each message and the URL that it came from.
    """

    def __init__(
        self,
        urls: Sequence[str],
        key: str | None,
        timeout: float,
        pick: Callable[[str | bytes, str], T],
        verify: bool | str = True,
    ) -> None:
        self.interruptions = 0
        self._connection: websocket.WebSocket | None = None
        self._faults = _faults()  # kept, since nothing can be imported when Python ends
        self._url = urls[-1]  # those before it are tried once
        self._key = key
        self._timeout = timeout  # seconds to connect in
        self._verify = verify
        self._pick = pick
        self._pause = FIRST_PAUSE
        self._is_closed = threading.Event()
        self._turn = threading.RLock()  # of a signal's handler, too, that closes in mid-wait
        self._connection = self._found_among(urls)
        begin_anew_after_fork(self)

    def begin_anew(self) -> None:
        """In a forked process: leave the connection to the parent, and its locks to its threads."""
        connection, self._connection = self._connection, None
        if connection is not None:
            let_go([connection.sock] if connection.sock is not None else [])
            self.interruptions += 1
        was_closed, self._is_closed = self._is_closed.is_set(), threading.Event()
        if was_closed:
            self._is_closed.set()
        self._turn = threading.RLock()

    def __iter__(self) -> "Listener[T]":
        return self

    def __next__(self) -> T:
        with self._turn:
            while not self._is_closed.is_set():
                text = self._receive()
                if text:
                    return self._told(text)
                self._reconnect()
            self._hang_up()
        raise StopIteration

    def close(self) -> None:
        """End the iteration, also one that waits in another thread."""
        self._is_closed.set()
        turn = self._turn
        if not turn.acquire(blocking=False):
            self._wake()
            if not turn.acquire(timeout=self._timeout):
                return  # it is still connecting, and hangs up when it has done so
        try:
            self._hang_up()
        finally:
            turn.release()

    def __enter__(self) -> "Listener[T]":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if self._connection is not None:
            self.close()

    def _receive(self) -> str | bytes | None:
        """The next message, None or nothing if the connection has ended."""
        if self._connection is None:
            return None
        with suppress(*self._faults):
            return self._connection.recv()  # which answers pings
        return None

    def _told(self, text: str | bytes) -> T:
        try:
            told = self._pick(text, self._url)
        except MarketError:
            self.close()
            raise
        self._pause = FIRST_PAUSE
        return told

    def _reconnect(self) -> None:
        """One attempt, after a pause; raises Refused if there is no use in another."""
        if self._connection is not None:
            self._hang_up()
            self.interruptions += 1
        if self._is_closed.wait(self._pause):
            return
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        try:
            self._connection = self._connected()
        except CertificateUntrusted:
            self.close()
            raise
        except ExchangeUnreachable:
            pass
        except Refused as refusal:
            if refusal.status is not None and (refusal.status < 500 or refusal.status == 501):
                self.close()
                raise

    def _found_among(self, urls: Sequence[str]) -> "websocket.WebSocket":
        """A connection to the first of them that has the tape, and none to others from now on."""
        reasons: list[str] = []
        for self._url in urls:
            try:
                return self._connected()
            except CertificateUntrusted:
                raise
            except Refused as refusal:
                if len(urls) == 1 or refusal.status not in NO_TAPE_THERE:
                    raise
                reasons.append(f"{self._url} answers: {refusal}")
            except ExchangeUnreachable as fault:
                if len(urls) == 1:
                    raise
                reasons.append(fault.sentence)
        raise ExchangeUnreachable("; ".join(reversed(reasons)), was_sent=False)

    def _connected(self) -> "websocket.WebSocket":
        return _connect(self._url, self._key, self._timeout, self._verify)

    def _wake(self) -> None:
        """Have a thread that waits for the socket find that it has ended."""
        connection = self._connection
        sock = None if connection is None else connection.sock
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*self._faults):
                connection.close(timeout=0)
            connection.shutdown()


def _connect(
    url: str, key: str | None, timeout: float, verify: bool | str
) -> "websocket.WebSocket":
    """A connection that is listened to already; raises Refused or ExchangeUnreachable."""
    library = _library()
    not_http: tuple[type[Exception], ...] = (ValueError, IndexError)
    try:
        connection: websocket.WebSocket = library.create_connection(
            url,
            timeout,
            header=[] if key is None else [f"{KEY_HEADER}: {key}"],
            suppress_origin=True,
            sslopt=network.trust_options(verify),
            **network.proxy_options(url),
        )
    except library.WebSocketBadStatusException as answer:
        read(answer.resp_body or b"", Verdict, url, answer.status_code)
        raise ExchangeUnreachable(f"{url} is no tape", was_sent=True) from None
    except _faults() + not_http as fault:
        untrusted = network.why_untrusted(fault)
        if untrusted is not None:
            raise CertificateUntrusted(url, untrusted) from fault
        raise ExchangeUnreachable(f"Nobody tells the tape at {url}: {fault}", False) from fault
    connection.settimeout(SILENCE)
    return connection


def _faults() -> tuple[type[Exception], ...]:
    """With what a connection ends."""
    return OSError, _library().WebSocketException


def _library() -> ModuleType:
    """The package, imported by those who listen only."""
    try:
        return import_module("websocket")
    except ModuleNotFoundError:
        raise ModuleNotFoundError(MISSING, name="websocket") from None
