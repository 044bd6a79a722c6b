"""The transport of the tape: one thread that owns the listening sockets and every listener's.

The one rule: whatever goes wrong with one listener harms no other. Each action for a listener goes
through `_attend`. What the action raises is handled in `_handle` and nowhere else: the listener is
closed, refused or dropped, and counted. Afterwards `_follow_up` tells the feed and the poller what
has become of the listener. simple-websocket-server makes and parses the frames (websocket.py); its
loop is not used.
"""

import logging
import math
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Protocol

from simple_websocket_server import TEXT, WebSocket

from disorderbook.errors import ExchangeError
from disorderbook.process.log import quoted
from disorderbook.process.periodic import join
from disorderbook.process.sockets import listen
from disorderbook.protocol.names import error_message
from disorderbook.server.head import Refusal
from disorderbook.server.origin import OriginPolicy
from disorderbook.tape.limits import TapeLimits
from disorderbook.tape.listener import Listener
from disorderbook.tape.outbox import Batch, FellBehind
from disorderbook.tape.poller import ACCEPTED_AT_ONCE, Acceptor, Poller, short_switch_interval
from disorderbook.tape.websocket import (
    INTERNAL_ERROR,
    POLICY_VIOLATION,
    HandshakeRefused,
    ProtocolError,
)

BACKLOG = 1024  # connections that wait to be accepted
CHECK_SECONDS = 0.25  # between two looks at the deadlines

log = logging.getLogger(__name__)


class Feed(Protocol):
    """Who decides what is sent to whom. The server calls it on the tape's thread only."""

    def has_news(self) -> bool:
        """Whether `deliver` has something to do."""

    def deliver(self) -> None:
        """Send to listeners what there is for them, or a part of it."""

    def mark(self, listener: Listener | None = None) -> int:
        """Where the news end that there are now; with a listener, its handshake was read, and it is
        accepted once that was told.
        """

    def has_told(self, mark: int) -> bool:
        """Whether `deliver` has come that far."""

    def end(self) -> None:
        """The tape ends; what was not delivered will not be."""

    def subscribe(self, listener: Listener) -> None:
        """A handshake was accepted. Raises ExchangeError if what it asks for is refused."""

    def unsubscribe(self, listener: Listener) -> None:
        """No message can be sent any more. Called once for each that `subscribe` was called for."""


class TapeServer:
    """Its construction takes the port, and raises OSError if it cannot.

    Other threads may call `start`, `take_over`, `waiting`, `is_anybody_slow` and `close`, and read
    the counts.
    """

    def __init__(
        self, port: int, feed: Feed, limits: TapeLimits, origins: OriginPolicy = OriginPolicy()
    ) -> None:
        sockets = listen(port, BACKLOG)
        self.port: int = sockets[0].getsockname()[1]
        self.connections: dict[int, Listener] = {}  # by descriptor
        self.limits = limits
        self.conflated = 0  # messages that were not sent because newer ones say more
        self.fell_behind = 0  # listeners closed because they did not keep up
        self.refused = 0  # clients that may not listen
        self._origins = origins
        self._feed = feed
        self._subscribed: set[Listener] = set()  # of the connections, those that the feed knows
        self._refused: set[Listener] = set()  # of the connections, those that are refused
        self._writing: set[Listener] = set()  # of the connections, those polled for writing
        self._taken_over: deque[tuple[socket.socket, Any, bytes]] = deque()  # no connections yet
        self._unread: set[Listener] = set()  # of the connections, those with bytes to read first
        self._newcomers: dict[Listener, int] = {}  # handshakes to accept, each after what news
        self._encoder = WebSocket(None, None, None)
        self._is_stopping = False
        self._next_check = 0.0
        self.news_at = math.inf  # when the feed has news that it holds back, on time.monotonic()
        self._wake_at = math.inf  # the latest end of a round while the tape stops
        self._poller = Poller(feed.has_news)
        self.waker = self._poller.waker
        self._acceptors = [Acceptor(sock, self._poller, limits.pause_seconds) for sock in sockets]
        self._thread = threading.Thread(target=self.run, name="tape", daemon=True)

    # For other threads.

    def start(self) -> None:
        self._thread.start()

    def take_over(self, sock: socket.socket, address: Any, received: bytes) -> None:
        """Go on with somebody else's connection as if it had been accepted here, `received` being
        the first bytes from it. Raises Refusal, and leaves the socket alone, if there is no room.
        """
        if self._is_stopping or self._room() <= 0:
            raise _no_room(self.limits)
        self._taken_over.append((sock, address, received))
        self.waker.wake()

    def is_anybody_slow(self) -> bool:
        """Whether so much waits for a listener that it may soon be conflated."""
        return any(listener.is_slow for listener in tuple(self._subscribed))

    def waiting(self) -> int:
        """How many messages wait for slow listeners, all together."""
        # A tuple is made in one step, whatever the tape's thread does to the set.
        return sum(listener.waiting for listener in tuple(self._subscribed))

    def close(self) -> None:
        """Send what waits, close every listener (1001) and end the thread, which was started."""
        self._is_stopping = True
        self.waker.wake()
        join(self._thread)

    # For the feed.

    def frame(self, message: bytes) -> bytes:
        """A text message as it goes over the wire to every listener."""
        self._encoder._send_message(False, TEXT, message)
        return bytes(self._encoder.sendq.pop()[1])

    def send(self, listener: Listener, batch: Batch) -> None:
        """Send messages, or close a listener that is too far behind for them."""
        self._attend(listener, self._send, listener, batch)

    def close_listener(self, listener: Listener, code: int, reason: str) -> None:
        self._attend(listener, listener.close, code, reason)

    def cut(self, listener: Listener) -> None:
        """End a listener's connection without a word."""
        self._attend(listener, listener.cut)

    def fall_behind(self, listener: Listener) -> None:
        """Close a listener that would miss an execution."""
        self._attend(listener, self._fall_behind, listener)

    # The loop, on the tape's thread.

    def run(self) -> None:
        """Until `close` is called."""
        with short_switch_interval():
            while not self._is_stopping:
                self._logging_errors(self.run_once)
            self._stop()

    def run_once(self) -> None:
        """One round: sleep until something happens, send the news, then serve the sockets."""
        ready = self._poller.wait(self._timeout())
        # What came in time may be in the sockets still, however long the rest of this takes.
        now = time.monotonic()
        self._logging_errors(self._feed.deliver)
        for key, events in ready:
            if isinstance(key.data, Acceptor):
                self._accept_connections(key.data)
            else:
                self._attend(key.data, self._serve, key.data, events)
        self._begin_taken_over()
        self._welcome()
        if now >= self._next_check:
            self._next_check = now + CHECK_SECONDS
            self._check(now)

    def _timeout(self) -> float | None:
        """Seconds to sleep at most; None, for ever, while there is no deadline."""
        if self._taken_over or self._unread:
            return 0.0
        if not self.connections and not any(acceptor.is_paused for acceptor in self._acceptors):
            return None
        return max(0.0, min(self._next_check, self._wake_at, self.news_at) - time.monotonic())

    def _logging_errors(self, action: Callable[[], None]) -> None:
        """Log whatever goes wrong; the tape goes on, though not at full speed."""
        try:
            action()
        except Exception:
            log.exception("An internal error has held up the tape")
            time.sleep(CHECK_SECONDS)

    def _accept_connections(self, acceptor: Acceptor) -> None:
        for sock, address in acceptor.accept(self._room()):
            self._begin(sock, address)

    def _room(self) -> int:
        """For how many more connections."""
        room = self.limits.listeners + self.limits.pending + len(self._refused)
        return room - len(self.connections) - len(self._taken_over)

    def _begin_taken_over(self) -> None:
        """Begin with some, and read a piece of what was received from each before."""
        for _ in range(min(len(self._taken_over), ACCEPTED_AT_ONCE)):
            self._begin(*self._taken_over.popleft())
        for listener in tuple(self._unread):
            self._attend(listener, self._serve, listener, selectors.EVENT_READ)
            if not listener.unread:
                self._unread.discard(listener)

    def _begin(self, sock: socket.socket, address: Any, received: bytes = b"") -> None:
        try:
            self._add_connection(sock, address, received)
        except OSError:
            sock.close()

    def _add_connection(self, sock: socket.socket, address: Any, received: bytes) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.limits.kernel_bytes)
        listener = Listener(sock, address, self.limits, self._origins, received)
        self._poller.add(sock, listener)
        self.connections[sock.fileno()] = listener
        if received:
            self._unread.add(listener)

    def _serve(self, listener: Listener, events: int) -> None:
        # One that was dropped earlier in this round has a closed socket, which raises OSError. Its
        # descriptor may belong to another connection by now, but the object does not.
        if events & selectors.EVENT_WRITE:
            listener.flush()
        if events & selectors.EVENT_READ and listener not in self._newcomers and listener.read():
            self._newcomers[listener] = self._feed.mark(listener)

    def _welcome(self) -> None:
        """Accept who has sent a handshake, once all is delivered that had happened before: so a
        listener hears nothing of that, however busy the tape is.
        """
        for listener, mark in tuple(self._newcomers.items()):
            if listener.closed:  # too late, or gone
                del self._newcomers[listener]
            elif self._feed.has_told(mark):
                del self._newcomers[listener]
                self._attend(listener, self._accept, listener)

    def _accept(self, listener: Listener) -> None:
        """Subscribe first: a client that has read the answer relies on being subscribed."""
        self._check_room()
        listener.accept()
        self._subscribed.add(listener)
        self._feed.subscribe(listener)
        listener.flush()

    def _check_room(self) -> None:
        """Raise HandshakeRefused if there are as many listeners as there may be."""
        if len(self._subscribed) >= self.limits.listeners:
            sentence = f"There are {self.limits.listeners} listeners already"
            detail = f"there are more listeners; allowed: {self.limits.listeners}"
            retry = "Retry-After: 5\r\n"
            raise HandshakeRefused(HTTPStatus.SERVICE_UNAVAILABLE, sentence, retry, detail)

    def _send(self, listener: Listener, batch: Batch) -> None:
        self.conflated += listener.send(batch)

    def _check(self, now: float) -> None:
        for acceptor in self._acceptors:
            acceptor.check(now)
        for listener in list(self.connections.values()):
            self._attend(listener, listener.check, now)

    # What becomes of a listener.

    def _attend(self, listener: Listener, action: Callable[..., None], *arguments: Any) -> None:
        """Do something for one listener, handle what it raises, and follow up."""
        try:
            action(*arguments)
        except Exception as error:
            self._handle(listener, error)
        if listener.closed or listener.is_behind != (listener in self._writing):
            self._follow_up(listener)

    def _handle(self, listener: Listener, error: Exception) -> None:
        try:
            self._close_for(listener, error)
        except (OSError, EOFError):
            self._drop(listener)

    def _close_for(self, listener: Listener, error: Exception) -> None:
        """Close or refuse the listener; raises OSError or EOFError if the connection is over."""
        match error:
            case OSError() | EOFError():
                raise error
            case ProtocolError():
                listener.close(error.code, str(error))
            case FellBehind():
                self._fall_behind(listener)
            case HandshakeRefused():
                self._refuse(listener, error.answer(), str(error))
            case ExchangeError():
                sentence = str(error)
                frames = listener.refusal_frames(error_message(sentence), sentence)
                self._refuse(listener, frames, sentence)
            case _:
                log.error("A listener is closed after an internal error", exc_info=error)
                listener.close(INTERNAL_ERROR, "internal error")
                if not listener.closed:
                    raise EOFError

    def _fall_behind(self, listener: Listener) -> None:
        if listener in self._subscribed:
            self.fell_behind += 1
            log.warning("The listener at %s is closed: it fell behind", listener.peer)
            listener.close(POLICY_VIOLATION, "fell behind: too much of the tape was left unread")

    def _refuse(self, listener: Listener, answer: bytes, sentence: str) -> None:
        """Refused clients take no listener's room, but they have a limit of their own."""
        self.refused += 1
        log.warning("A listener at %s is refused: %s", listener.peer, quoted(sentence))
        may_wait = len(self._refused) < self.limits.refused
        if may_wait:
            self._refused.add(listener)
        listener.refuse(answer, may_wait)

    def _follow_up(self, listener: Listener) -> None:
        """Tell the feed that a listener is closed, and the poller whether something waits."""
        if listener.closed and listener in self._subscribed:
            self._subscribed.remove(listener)
            self._feed.unsubscribe(listener)
        is_connected = listener.client.fileno() >= 0
        if is_connected and listener.is_behind != (listener in self._writing):
            self._writing ^= {listener}
            self._poller.change(listener.client, listener, listener in self._writing)

    def _drop(self, listener: Listener) -> None:
        """Close the socket, if that has not been done."""
        descriptor = listener.client.fileno()
        if self.connections.get(descriptor) is listener:
            del self.connections[descriptor]
            self._poller.remove(listener.client)
            listener.client.close()
            listener.closed = True
            self._refused.discard(listener)
            self._writing.discard(listener)
            self._unread.discard(listener)
            self._newcomers.pop(listener, None)
            self._follow_up(listener)

    # The end.

    def _stop(self) -> None:
        """Send what waits, close every listener, wait a moment each time, and close everything."""
        for acceptor in self._acceptors:
            acceptor.close()
        limits = self.limits
        self._run_while(self._feed.has_news, limits.stop_seconds)
        self._run_while(self._is_anybody_behind, limits.goodbye_seconds)
        self._logging_errors(self._feed.end)
        for listener in list(self.connections.values()):
            self._attend(listener, listener.go_away)
        self._run_while(lambda: bool(self.connections), limits.goodbye_seconds)
        for listener in list(self.connections.values()):
            self._drop(listener)
        for sock, _, _ in self._taken_over:
            sock.close()
        self._poller.close()

    def _run_while(self, condition: Callable[[], bool], seconds: float) -> None:
        self._wake_at = time.monotonic() + seconds
        while condition() and time.monotonic() < self._wake_at:
            self._logging_errors(self.run_once)

    def _is_anybody_behind(self) -> bool:
        return any(listener.is_behind for listener in self._subscribed)


def _no_room(limits: TapeLimits) -> Refusal:
    sentence = "The tape has no room for another connection now"
    detail = f"there are more connections; allowed: {limits.listeners + limits.pending}"
    return Refusal("503 Service Unavailable", sentence, detail)
