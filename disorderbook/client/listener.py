"""The tape as an iterator, which reconnects by itself."""

import re
import socket
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import urlsplit

from disorderbook.client import network
from disorderbook.client.network import KEY_HEADER, detach, reset_after_fork
from disorderbook.client.recovery import Recovery
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
NO_WEBSOCKETS = {400, 404, 405, 426, 501}  # with which HTTP that knows none may answer
HAS_NO_TAPE = "This exchange has no websockets"  # how its refusal begins, which holds for all ports
NAMED_PORT = re.compile(r"websockets are on port (\d+)$")  # how it ends where the tape is elsewhere
MISSING = (
    "The tape needs the package websocket-client, which the extra [tape] of disorderbook brings:"
    " pip install -e '.[tape]'"
)

T = TypeVar("T")


def is_final(status: int) -> bool:
    """Whether an HTTP server that refuses the tape with this status will never have it there."""
    return status < 500 or status == 501


class Listener(Generic[T]):
    """Listens from its construction on; iterating waits for what comes, until it is closed.

    When the connection is lost it makes another, for as long as that takes, and `interruptions`
    is one more than before. Messages of the meantime come first then, if `recovery` has them; if
    not, or not all of them, `gaps` is one more, and `on_gap` is called, in the thread that iterates
    and before the next message: the quote and the orders tell what became of the market.

    Dropping the last reference, as `break` does in a loop over `market.ticks()`, closes it as well.
    One thread at a time iterates; any may close.

    A forked process that iterates makes a connection of its own, as after an interruption; closing
    it there leaves the parent's alone.

    The constructor raises ExchangeUnreachable if the tape is at none of `urls`, so that a wrong
    address is not waited for, and ModuleNotFoundError without websocket-client. Iterating raises
    Refused and CertificateUntrusted. `pick` is given each message and the URL that it came from,
    and returns None for what is not to be told.
    """

    def __init__(
        self,
        urls: Sequence[str],
        key: str | None,
        timeout: float,
        pick: Callable[[str | bytes, str], T | None],
        verify: bool | str = True,
        recovery: Recovery[T] | None = None,
        on_gap: Callable[[], object] | None = None,
    ) -> None:
        self.interruptions = self.gaps = 0
        self._waiting: deque[T] = deque()  # what was recovered
        self._recovery = recovery
        self._on_gap = on_gap
        self._connection: websocket.WebSocket | None = None
        self._errors = _errors()  # kept, since nothing can be imported when Python ends
        self._url = urls[-1]  # those before it are tried once
        self._key = key
        self._timeout = timeout  # seconds to connect in
        self._verify = verify
        self._pick = pick
        self._pause = FIRST_PAUSE
        self._is_closed = threading.Event()
        self._lock = threading.RLock()  # of a signal's handler, too, that closes in mid-wait
        self._connection = self._connect_to_first(urls)
        if recovery is not None:
            recovery.begin()
        reset_after_fork(self)

    def reset_in_child(self) -> None:
        """Leave the connection to the parent process, and the locks to its threads."""
        connection, self._connection = self._connection, None
        if connection is not None:
            detach([connection.sock] if connection.sock is not None else [])
            self.interruptions += 1
        was_closed, self._is_closed = self._is_closed.is_set(), threading.Event()
        if was_closed:
            self._is_closed.set()
        self._lock = threading.RLock()

    def __iter__(self) -> "Listener[T]":
        return self

    def __next__(self) -> T:
        with self._lock:
            while not self._is_closed.is_set():
                if self._waiting:
                    return self._waiting.popleft()
                text = self._receive()
                if not text:
                    self._reconnect()
                    continue
                picked = self._picked(text)
                if picked is not None:
                    return picked
            self._disconnect()
        raise StopIteration

    def close(self) -> None:
        """End the iteration, also one that waits in another thread."""
        self._is_closed.set()
        lock = self._lock
        if not lock.acquire(blocking=False):
            self._wake()
            if not lock.acquire(timeout=self._timeout):
                return  # it is still connecting, and hangs up when it has done so
        try:
            self._disconnect()
        finally:
            lock.release()

    def __enter__(self) -> "Listener[T]":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if self._connection is not None:
            self.close()

    def _receive(self) -> str | bytes | None:
        """The next message, None or nothing if the connection has ended."""
        if self._connection is None:
            return None
        with suppress(*self._errors):
            return self._connection.recv()  # which answers pings
        return None

    def _picked(self, text: str | bytes) -> T | None:
        try:
            picked = self._pick(text, self._url)
        except MarketError:
            self.close()
            raise
        self._pause = FIRST_PAUSE
        return picked

    def _reconnect(self) -> None:
        """One attempt, after a pause; raises Refused if there is no use in another."""
        if self._connection is not None:
            self._disconnect()
            self.interruptions += 1
        if self._is_closed.wait(self._pause):
            return
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        try:
            self._connection = self._connect()
        except CertificateUntrusted:
            self.close()
            raise
        except ExchangeUnreachable:
            pass
        except Refused as refusal:
            if refusal.status is not None and is_final(refusal.status):
                self.close()
                raise
        else:
            self._recover()

    def _recover(self) -> None:
        """Get what was missed, and say if that is not all of it."""
        missed, is_whole = ((), False) if self._recovery is None else self._recovery.recover()
        self._waiting.extend(missed)
        if is_whole or self._is_closed.is_set():
            return
        self.gaps += 1
        if self._on_gap is not None:
            self._on_gap()

    def _connect_to_first(self, urls: Sequence[str]) -> "websocket.WebSocket":
        """A connection to the first URL that has the tape; from now on that URL alone is used."""
        reasons: list[str] = []
        for self._url in urls:
            try:
                return self._connect()
            except CertificateUntrusted:
                raise
            except Refused as refusal:
                if len(urls) == 1 or refusal.status not in NO_WEBSOCKETS:
                    raise
                reasons.append(f"{self._url} answers: {refusal}")
                if _rules_out(str(refusal), urls[-1]):
                    break  # whoever listens there is another exchange
            except ExchangeUnreachable as error:
                if len(urls) == 1:
                    raise
                reasons.append(error.sentence)
        raise ExchangeUnreachable("; ".join(reversed(reasons)), was_sent=False)

    def _connect(self) -> "websocket.WebSocket":
        return _connect(self._url, self._key, self._timeout, self._verify)

    def _wake(self) -> None:
        """Have a thread that waits for the socket find that it has ended."""
        connection = self._connection
        sock = None if connection is None else connection.sock
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*self._errors):
                connection.close(timeout=0)
            connection.shutdown()


def _rules_out(sentence: str, url: str) -> bool:
    """Whether an exchange that has refused with this sentence cannot have its tape at `url`."""
    named = NAMED_PORT.search(sentence)
    elsewhere = named is not None and int(named[1]) != urlsplit(url).port
    return elsewhere or sentence.startswith(HAS_NO_TAPE)


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
        detail = (answer.resp_headers or {}).get(network.DETAIL_HEADER.lower())
        read(answer.resp_body or b"", Verdict, url, answer.status_code, detail)
        raise ExchangeUnreachable(f"{url} is no tape", was_sent=True) from None
    except _errors() + not_http as error:
        untrusted = network.why_untrusted(error)
        if untrusted is not None:
            raise CertificateUntrusted(url, untrusted) from error
        raise ExchangeUnreachable(f"There is no tape at {url}: {error}", False) from error
    connection.settimeout(SILENCE)
    return connection


def _errors() -> tuple[type[Exception], ...]:
    """What a connection raises when it ends."""
    return OSError, _library().WebSocketException


def _library() -> ModuleType:
    """The package, imported by those who listen only."""
    try:
        return import_module("websocket")
    except ModuleNotFoundError:
        raise ModuleNotFoundError(MISSING, name="websocket") from None
