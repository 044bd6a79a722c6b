"""The transport of the tape: one thread that owns the listening sockets and every listener's.

simple-websocket-server keeps the frames and their parser. The handshake and the loop are ours: it
waits with `selectors`, is woken by a bell and keeps deadlines. The subclasses in frames.py and in
listener.py use names that the library does not document, so setup.cfg pins its version. They are:

| of              | names                                                 | for                    |
|-----------------|-------------------------------------------------------|------------------------|
| the module      | STREAM TEXT BINARY CLOSE PING PONG                    | kinds of frames        |
|                 | HEADERB1 HEADERB2 MASK                                | states of the parser   |
| WebSocket       | client handshaked closed                              | a connection's state   |
|                 | _parse_message _handle_packet                         | called after a check   |
|                 | state opcode length lengtharray maskarray data        | what is checked        |
|                 | frag_start                                            |                        |
|                 | _send_message sendq                                   | every frame we send    |
"""

import logging
import math
import selectors
import socket
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Protocol

from simple_websocket_server import TEXT, WebSocket

from disorderbook.process.periodic import join
from disorderbook.process.sockets import listen
from disorderbook.server.origin import OriginPolicy
from disorderbook.tape.limits import Limits
from disorderbook.tape.listener import Connection, Listener
from disorderbook.tape.poller import Door, Watch, quick_switches
from disorderbook.tape.websocket import OWN_FAULT, HandshakeRefused

BACKLOG = 1024  # connections that wait to be accepted
CHECK_SECONDS = 0.25  # between two looks at the deadlines

log = logging.getLogger(__name__)


class Feed(Protocol):
    """What the transport asks of whoever has something to tell; all on the tape's thread."""

    def has_news(self) -> bool:
        """Whether `deliver` has something to do."""

    def deliver(self) -> None:
        """Send to listeners what there is for them, or a part of it."""

    def end(self) -> None:
        """The tape ends; what was not delivered will not be."""

    def arrived(self, listener: Connection) -> None:
        """A handshake was accepted. May send to the listener or close it."""

    def left(self, listener: Connection) -> None:
        """Nothing more can be sent to this listener. Called once for each that arrived."""


class TapeServer:
    """Its construction takes the port, and raises OSError if it cannot."""

    def __init__(
        self, port: int, feed: Feed, limits: Limits, origins: OriginPolicy = OriginPolicy()
    ) -> None:
        sockets = listen(port, BACKLOG)
        self.port: int = sockets[0].getsockname()[1]
        self.connections: dict[int, Listener] = {}  # by descriptor
        self.limits = limits
        self.origins = origins
        self.replaced = 0  # messages that listeners were spared because newer ones came
        self.fell_behind = 0  # listeners closed because they did not keep up
        self.refused = 0  # who came and may not listen
        self._feed = feed
        self._present: set[Connection] = set()  # of the connections, those that the feed knows
        self._held: set[Connection] = set()  # of the connections, those that are refused
        self._press = WebSocket(self, None, None)
        self._is_stopping = False
        self._next_check = 0.0
        self._until = math.inf  # when a round is over, whatever else is awaited
        self._watch = Watch(feed.has_news)
        self.bell = self._watch.bell
        self._doors = [Door(sock, self._watch, limits.pause_seconds) for sock in sockets]
        self._thread = threading.Thread(target=self.serve_forever, name="tape", daemon=True)

    # For other threads. They ring the bell, too.

    def start(self) -> None:
        self._thread.start()

    def waiting(self) -> int:
        """How many messages wait for slow listeners, all together."""
        # A tuple is made in one step, whatever the tape's thread does to the set.
        return sum(listener.waiting for listener in tuple(self._present))

    def close(self) -> None:
        """Send what waits, tell every listener (1001), end the thread; once it was started."""
        self._is_stopping = True
        self.bell.ring()
        join(self._thread)

    # For the feed and the listeners.

    def frame(self, message: bytes) -> bytes:
        """A text message as it goes over the wire, the same for every listener."""
        self._press._send_message(False, TEXT, message)
        return bytes(self._press.sendq.pop()[1])

    def check_room(self) -> None:
        """Raise HandshakeRefused if there are as many listeners as there may be."""
        if len(self._present) >= self.limits.listeners:
            sentence = f"There are {self.limits.listeners} listeners already"
            detail = f"there are more listeners; allowed: {self.limits.listeners}"
            retry = "Retry-After: 5\r\n"
            raise HandshakeRefused(HTTPStatus.SERVICE_UNAVAILABLE, sentence, retry, detail)

    def arrived(self, listener: Connection) -> None:
        self._present.add(listener)
        self.attend(listener, self._feed.arrived, listener)

    def hold(self, listener: Connection) -> bool:
        """Count somebody who is refused; returns whether there is room for him until he is gone."""
        self.refused += 1
        if len(self._held) >= self.limits.refused:
            return False
        self._held.add(listener)
        return True

    def left(self, listener: Connection) -> None:
        if listener in self._present:
            self._present.remove(listener)
            self._feed.left(listener)

    def attend(self, listener: Connection, action: Callable[..., None], *arguments: Any) -> None:
        """Do something for one listener; whatever goes wrong with it harms no other."""
        try:
            action(*arguments)
        except (OSError, EOFError):
            self.drop(listener)
        except Exception:
            log.exception("A listener is closed for a fault of ours")
            listener.close(OWN_FAULT, "internal error")
            if not listener.closed:
                self.drop(listener)

    def watch(self, listener: Connection, writing: bool) -> None:
        """Have the listener flushed when its socket takes more, or no longer."""
        self._watch.change(listener.client, listener, writing)

    def drop(self, listener: Connection) -> None:
        """Cut the connection, if that has not been done."""
        descriptor = listener.client.fileno()
        if self.connections.get(descriptor) is listener:
            del self.connections[descriptor]
            self._watch.remove(listener.client)
            listener.client.close()
            listener.closed = True
            self._held.discard(listener)
            self.left(listener)

    # The loop, on the tape's thread.

    def serve_forever(self) -> None:
        """Until `close` is called."""
        with quick_switches():
            while not self._is_stopping:
                self._survive(self.handle_request)
            self._say_goodbye()

    def handle_request(self) -> None:
        """One round: sleep until something happens, send the news, then see to what happened."""
        ready = self._watch.wait(self._patience())
        # What came in time may be in the sockets still, however long the rest of this takes.
        now = time.monotonic()
        self._survive(self._feed.deliver)
        for key, events in ready:
            if isinstance(key.data, Door):
                self._welcome(key.data)
            else:
                self.attend(key.data, self._serve, key.data, events)
        if now >= self._next_check:
            self._next_check = now + CHECK_SECONDS
            self._check(now)

    def _patience(self) -> float | None:
        """Seconds to sleep at most: for ever while no deadline runs."""
        if not self.connections and not any(door.is_shut for door in self._doors):
            return None
        return max(0.0, min(self._next_check, self._until) - time.monotonic())

    def _survive(self, action: Callable[[], None]) -> None:
        """Whatever goes wrong in it, the tape goes on, though not at full speed."""
        try:
            action()
        except Exception:
            log.exception("A fault of ours has held up the tape")
            time.sleep(CHECK_SECONDS)

    def _welcome(self, door: Door) -> None:
        room = self.limits.listeners + self.limits.newcomers + len(self._held)
        room -= len(self.connections)
        for sock, address in door.newcomers(room):
            try:
                self._admit(sock, address)
            except OSError:
                sock.close()

    def _admit(self, sock: socket.socket, address: Any) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.limits.kernel_bytes)
        listener = Listener(self, sock, address)
        self._watch.add(sock, listener)
        self.connections[sock.fileno()] = listener

    def _serve(self, listener: Listener, events: int) -> None:
        # One that was dropped earlier in this round has a closed socket, which says no more than
        # that: its descriptor may belong to a newcomer by now, but the object does not.
        if events & selectors.EVENT_WRITE:
            listener.flush()
        if events & selectors.EVENT_READ:
            listener.read()

    def _check(self, now: float) -> None:
        for door in self._doors:
            door.check(now)
        for listener in list(self.connections.values()):
            self.attend(listener, listener.check, now)

    def _say_goodbye(self) -> None:
        """Send what waits, tell everybody, wait a moment each time, and close everything."""
        for door in self._doors:
            door.close()
        limits = self.limits
        self._go_on_while(self._feed.has_news, limits.stop_seconds)
        self._go_on_while(self._is_somebody_behind, limits.goodbye_seconds)
        self._survive(self._feed.end)
        for listener in list(self.connections.values()):
            self.attend(listener, listener.go_away)
            if not listener.closed:
                self.drop(listener)  # it was only about to listen
        self._go_on_while(lambda: bool(self.connections), limits.goodbye_seconds)
        for listener in list(self.connections.values()):
            self.drop(listener)
        self._watch.close()

    def _go_on_while(self, condition: Callable[[], bool], seconds: float) -> None:
        self._until = time.monotonic() + seconds
        while condition() and time.monotonic() < self._until:
            self._survive(self.handle_request)

    def _is_somebody_behind(self) -> bool:
        return any(listener.is_behind for listener in self._present)
