"""The tape: who listens to what, and who is told of which event.

The exchange publishes inside its turn, so that costs it no more than an append to a queue.
Messages are rendered and sent on the tape's own thread. A tick says how things are, so for
somebody who is behind an older tick of the same book gives way to the newer one; an execution
says what happened, so who would miss one of his is closed instead.
"""

import logging
from collections import Counter, deque
from collections.abc import Hashable, Iterator, Sequence
from types import TracebackType
from typing import NamedTuple

from disorderbook.accounts import Accounts
from disorderbook.engine.book import Execution, OrderBook, Quote
from disorderbook.errors import ExchangeError
from disorderbook.messages import error_message, execution_message, tick_message
from disorderbook.tape.connection import Connection
from disorderbook.tape.frames import OWN_FAULT, POLICY_VIOLATION
from disorderbook.tape.limits import Limits
from disorderbook.tape.outbox import Batch, Message
from disorderbook.tape.server import TapeServer
from disorderbook.tape.subscriptions import Subscription, subscription

HOST = "127.0.0.1"
PORT = 8001
MAX_EVENTS = 20_000  # between the exchange and the tape's thread
EVENTS_AT_ONCE = 1000  # rendered before the tape looks at its sockets again
BYTES_AT_ONCE = 256 * 1024  # rendered before they are sent

log = logging.getLogger(__name__)


class Counts(NamedTuple):
    """How the tape is doing, since it started (`listeners`: now)."""

    listeners: int
    messages: int  # sent, or waiting to be sent
    replaced: int  # ticks that somebody who was behind was spared
    fell_behind: int  # listeners closed because they did not keep up


class Tape:
    """Tells websocket listeners, from its construction (which raises OSError if the port is
    taken) until `close`. `port` 0 picks a free one.
    """

    def __init__(
        self, accounts: Accounts, port: int = PORT, host: str = HOST, limits: Limits = Limits()
    ) -> None:
        self._accounts = accounts
        self._audiences: dict[Subscription, set[Connection]] = {}
        self._places: Counter[tuple[str, str | None]] = Counter()  # listeners by venue, symbol
        self._subscriptions: dict[Connection, Subscription] = {}
        self._events: deque[tuple[Sequence[Execution], Quote]] = deque()
        self._latest: dict[OrderBook, Quote] = {}  # what did not fit into the events
        self._missed: set[str] = set()  # accounts whose executions did not fit either
        self._rendered: dict[Subscription, list[Message]] = {}
        self._rendered_bytes = 0
        self._messages = 0
        self._server = TapeServer(host, port, self, limits)
        self._bell = self._server.bell
        self.port = self._server.port
        self._server.start()

    def __enter__(self) -> "Tape":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def publish(self, book: OrderBook, executions: Sequence[Execution]) -> None:
        """Called inside the exchange's turn after each event: costs a few microseconds."""
        places, venue = self._places, book.venue
        if not places or (venue, book.symbol) not in places and (venue, None) not in places:
            return
        if len(self._events) < MAX_EVENTS and not self._latest:
            self._events.append((executions, book.quote()))
        else:
            self._overflow(book, executions)
        if self._bell.asleep:
            self._bell.ring()

    def counts(self) -> Counts:
        """May be called from any thread."""
        server = self._server
        return Counts(
            len(self._subscriptions), self._messages, server.replaced, server.fell_behind
        )

    def close(self) -> None:
        """Every listener is told (1001); returns within a second, with the thread ended."""
        self._server.close()

    # What the transport asks for, on the tape's thread.

    def has_news(self) -> bool:
        return bool(self._events or self._latest)

    def deliver(self) -> None:
        for _ in range(min(len(self._events), EVENTS_AT_ONCE)):
            executions, quote = self._events.popleft()
            self._tell(executions, quote)
        if not self._events:
            self._catch_up()
        self._send()

    def arrived(self, listener: Connection) -> None:
        request = listener.request
        assert request is not None
        try:
            wanted = subscription(request.path, request.headers, self._accounts)
        except ExchangeError as refusal:
            listener.send_message(error_message(str(refusal)).decode())
            listener.close(POLICY_VIOLATION, "refused: the message before this says why")
            return
        self._subscriptions[listener] = wanted
        self._audiences.setdefault(wanted, set()).add(listener)
        self._places[wanted.venue, wanted.symbol] += 1

    def left(self, listener: Connection) -> None:
        wanted = self._subscriptions.pop(listener, None)
        if wanted is not None:
            self._audiences[wanted].remove(listener)
            if not self._audiences[wanted]:
                del self._audiences[wanted]
            place = wanted.venue, wanted.symbol
            self._places[place] -= 1
            if not self._places[place]:
                del self._places[place]

    # When the tape's thread does not keep up with the exchange.

    def _overflow(self, book: OrderBook, executions: Sequence[Execution]) -> None:
        """The events are full: keep the newest quote of each book, and who misses executions."""
        self._missed.update(_accounts_in(executions))
        self._latest[book] = book.quote()

    def _catch_up(self) -> None:
        """The exchange may add to both at any moment, so they are emptied one by one."""
        missed = set()
        while self._missed:
            missed.add(self._missed.pop())
        for listener in self._listeners_of(missed):
            listener.fall_behind()
        while self._latest:
            _, quote = self._latest.popitem()
            self._tell((), quote)

    def _listeners_of(self, accounts: set[str]) -> list[Connection]:
        """Who would miss an execution, after being sent those that came before it."""
        if not accounts:
            return []
        self._send()
        return [
            listener for listener, wanted in self._subscriptions.items()
            if wanted.account in accounts
        ]

    # Rendering and sending.

    def _tell(self, executions: Sequence[Execution], quote: Quote) -> None:
        """Render an event, once for all; a fault in it keeps no other from being told."""
        try:
            for execution in executions:
                for receiver in (execution.standing, execution.incoming):
                    audience = self._audience(receiver.account, quote)
                    if audience:
                        self._add(audience, None, execution_message(execution, receiver))
            audience = self._audience(None, quote)
            if audience:
                self._add(audience, (quote.venue, quote.symbol), tick_message(quote))
        except Exception:
            log.exception("An event of %s %s could not be told", quote.venue, quote.symbol)
            for listener in self._listeners_of(set(_accounts_in(executions))):
                listener.close(OWN_FAULT, "internal error")

    def _audience(self, account: str | None, quote: Quote) -> list[Subscription]:
        """The subscriptions that somebody has and that this concerns."""
        venue = Subscription(account, quote.venue, None)
        stock = Subscription(account, quote.venue, quote.symbol)
        return [wanted for wanted in (venue, stock) if wanted in self._audiences]

    def _add(self, audience: list[Subscription], subject: Hashable, message: bytes) -> None:
        told = Message(subject, self._server.frame(message))
        for wanted in audience:
            self._rendered.setdefault(wanted, []).append(told)
            self._rendered_bytes += len(told.frame)
        if self._rendered_bytes > BYTES_AT_ONCE:
            self._send()

    def _send(self) -> None:
        """Send what is rendered, executions before ticks."""
        rendered, self._rendered, self._rendered_bytes = self._rendered, {}, 0
        for wanted in sorted(rendered, key=lambda wanted: wanted.account is None):
            batch = Batch(rendered[wanted])
            listeners = tuple(self._audiences.get(wanted, ()))
            for listener in listeners:
                listener.send(batch)
            self._messages += len(batch.messages) * len(listeners)


def _accounts_in(executions: Sequence[Execution]) -> Iterator[str]:
    for execution in executions:
        yield execution.standing.account
        yield execution.incoming.account
