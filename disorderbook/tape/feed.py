"""The tape's feed: which messages an event becomes, and when they are sent.

An event goes this way:

1. The exchange publishes it while it holds its lock (`Tape.publish`): an append to the Backlog.
2. The tape's thread takes it (`deliver`) and renders each message once for all listeners. An event
   with many executions is rendered in pieces, so that sockets are served in between.
3. The messages go to the server in batches by subscription, executions first.

Who gets what, and what is conflated, is in subscriptions.py.
"""

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from disorderbook.accounts import Accounts
from disorderbook.engine.book import Execution, Quote
from disorderbook.engine.orders import Order
from disorderbook.errors import ExchangeError, VenueClosed
from disorderbook.protocol.messages import execution_message, tick_message
from disorderbook.server.origin import OriginPolicy
from disorderbook.tape.conflation import Backlog, Event, accounts_in
from disorderbook.tape.gate import Gate
from disorderbook.tape.limits import TapeLimits
from disorderbook.tape.listener import CLOSING_EARLY, Listener
from disorderbook.tape.outbox import Frame
from disorderbook.tape.subscriptions import PORT, Subscription, SubscriptionFeed, account_of
from disorderbook.tape.websocket import INTERNAL_ERROR, POLICY_VIOLATION
from disorderbook.timeline.clock import Clock

EVENTS_AT_ONCE = 1000  # and messages, rendered before the tape looks at its sockets again
BYTES_AT_ONCE = 256 * 1024  # rendered at once; one order can make hundreds of megabytes
MANY_EVENTS = 200  # that wait, so that whoever can makes no more for a moment: a slow listener has
# room for what becomes of them, and of what is being rendered, besides half of what may wait for it
LONG_FILLS = 50  # of one execution, beyond which it is rendered when it is sent

log = logging.getLogger(__name__)


class Tape(SubscriptionFeed):
    """Publishes over websockets, from its construction until `close`.

    Its construction raises OSError if the port is taken; `port` 0 picks a free one.
    """

    def __init__(
        self,
        accounts: Accounts,
        port: int = PORT,
        limits: TapeLimits = TapeLimits(),
        origins: OriginPolicy = OriginPolicy(),
    ) -> None:
        super().__init__(accounts, port, limits, origins)
        self._rendering: Iterator[None] = iter(())  # the rest of an event
        self._is_rendering = False
        self._executions: Sequence[Execution] = ()  # those of that event
        self._taken = 0  # events, from the backlog
        self._leaving: dict[Listener, tuple[int, str]] = {}  # to close, after what news, and why
        self._gate: Gate | None = None  # while something is held back, or late
        self._cutting: deque[tuple[Listener, int | None]] = deque()  # to end, each with its code
        self._backlog: Backlog = Backlog(self._server.waker)
        self.publish = (
            self._backlog.add
        )  # called after each event; the exchange's lock must be held
        self.forget = self._backlog.forget  # called with a book that is closed
        self.reset = self._backlog.reset  # called when a market begins anew
        self._server.start()

    name = "tape"

    def is_behind(self) -> bool:
        """Whether so much waits that soon more would be conflated, or a listener would have fallen
        behind. May be called from any thread.
        """
        is_crowded = self._gate is None and len(self._backlog) > MANY_EVENTS
        return is_crowded or self._server.is_anybody_slow()

    def close(self) -> None:
        self._gate = None
        super().close()

    # What `control.fault_injection` asks for, from any thread.

    @property
    def is_held(self) -> bool:
        """Whether nothing is sent until `release`."""
        gate = self._gate
        return gate is not None and gate.is_shut

    def hold(self) -> None:
        """Send nothing until `release`. The backlog takes what happens, and is conflated."""
        if self._gate is None:
            self._gate = Gate(None, None, True)
        self._gate.is_shut = True

    def release(self) -> None:
        """Send what was held back, and go on."""
        gate = self._gate
        if gate is not None:
            gate.is_shut = False
            self._gate = None if gate.draw is None else gate
        self._server.waker.wake()

    def delay(self, draw: Callable[[], int] | None, clock: Clock) -> None:
        """Send each message so many nanoseconds after its event, on that clock, in the order of
        the events; None is at once.
        """
        is_shut = self.is_held
        self._gate = None if draw is None and not is_shut else Gate(draw, clock, is_shut)
        self._server.waker.wake()

    def disconnect(self, account: str | None, venue: str | None, code: int | None) -> int:
        """End the connections of all listeners, or of an account's, or at a venue: with a close
        frame of that code, or without a word. Returns how many.
        """
        found = [
            listener
            for listener, wanted in tuple(self._subscriptions.items())
            if venue in (None, wanted.venue) and account in (None, account_of(listener))
        ]
        self._cutting.extend((listener, code) for listener in found)
        self._server.waker.wake()
        return len(found)

    # What the server calls, on the tape's thread.

    def has_news(self) -> bool:
        if self._is_rendering or self._gate is None:
            return self._is_rendering or bool(self._backlog)
        return bool(self._backlog) and self._may_pass(self._gate)

    def deliver(self) -> None:
        self._cut_off()
        self._close_unauthorized()
        for _ in range(EVENTS_AT_ONCE):
            if not self._render_next() or self._rendered_bytes >= BYTES_AT_ONCE:
                break
        self._send()
        self._close_leaving()

    def mark(self, listener: Listener | None = None) -> int:
        return self._taken + self._backlog.ahead

    def has_told(self, mark: int) -> bool:
        is_all = self._taken >= mark and not self._is_rendering
        return is_all or not self.has_news()

    def end(self) -> None:
        missed = self._backlog.undelivered()
        if self._is_rendering:
            missed.update(accounts_in(self._executions))
        for listener in self._listeners_of(missed):
            self._server.close_listener(listener, POLICY_VIOLATION, CLOSING_EARLY)

    def subscribe(self, listener: Listener) -> None:
        super().subscribe(listener)
        wanted = self._subscriptions[listener]
        self._backlog.subscribe(wanted.venue, wanted.symbol)

    def unsubscribe(self, listener: Listener) -> None:
        self._leaving.pop(listener, None)
        wanted = self._subscriptions.get(listener)
        super().unsubscribe(listener)
        if wanted is not None:
            self._backlog.unsubscribe(wanted.venue, wanted.symbol)

    def _refuse_further(self, listener: Listener, refusal: ExchangeError) -> None:
        """Listeners at a venue that is closed hear first of all that happened there."""
        if isinstance(refusal, VenueClosed):
            self._leaving[listener] = self.mark(), str(refusal)
        else:
            super()._refuse_further(listener, refusal)

    def _close_leaving(self) -> None:
        for listener, (mark, reason) in tuple(self._leaving.items()):
            if self._taken >= mark and not self._is_rendering or not self._has_any_news():
                self._server.close_listener(listener, POLICY_VIOLATION, reason)

    def _cut_off(self) -> None:
        while self._cutting:
            listener, code = self._cutting.popleft()
            if code is None:
                self._server.cut(listener)
            else:
                self._server.close_listener(listener, code, "somebody asked for that")

    # What is held back.

    def _has_any_news(self) -> bool:
        """Whether something is yet to be told, held back or not."""
        return self._is_rendering or bool(self._backlog)

    def _may_pass(self, gate: Gate) -> bool:
        """Whether something may be told now, or has come, so that it is to be found out when."""
        event = self._backlog.first()
        if event is None:  # what was conflated is still to be queued
            return not gate.is_shut
        is_new = gate.is_new(event)
        if gate.passes(event):
            return True
        self._server.news_at = time.monotonic() + gate.seconds()
        return is_new

    def _next_event(self) -> Event | None:
        """What is to be told next, if it may be told now."""
        gate = self._gate
        if gate is None:
            return self._backlog.next() or self._catch_up()
        first = self._backlog.first()
        if first is None and not gate.is_shut:
            self._close_who_missed()
            first = self._backlog.first()
        if first is None or not gate.passes(first):
            return None
        self._server.news_at = math.inf
        return self._backlog.next()

    # Rendering and sending.

    def _render_next(self) -> bool:
        """Render one more message, or begin the next event; False if there is neither."""
        self._is_rendering = next(self._rendering, self) is None
        if self._is_rendering:
            return True
        event = self._next_event()
        if event is None:
            return False
        self._taken += 1
        self._executions = event[0]
        self._rendering, self._is_rendering = self._render(*event), True
        return True

    def _catch_up(self) -> Event | None:
        """The backlog is empty: take what was conflated in it, and close who misses executions."""
        self._close_who_missed()
        return self._backlog.next()

    def _close_who_missed(self) -> None:
        for listener in self._listeners_of(self._backlog.catch_up()):
            self._server.fall_behind(listener)

    def _listeners_of(self, accounts: set[str]) -> list[Listener]:
        """Listeners to the executions of these accounts, after what is rendered was sent."""
        if not accounts:
            return []
        self._send()
        return [
            listener
            for listener, wanted in self._subscriptions.items()
            if wanted.account in accounts
        ]

    def _render(self, executions: Sequence[Execution], quote: Quote) -> Iterator[None]:
        """Render an event, with a pause after each execution.

        An internal error is logged, and closes those who would miss an execution by it.
        """
        try:
            for execution in executions:
                for receiver in (execution.standing, execution.incoming):
                    wanted = self._wanted(receiver.account, quote)
                    if wanted:
                        self._add(wanted, None, self._execution_frame(execution, receiver))
                yield
            wanted = self._wanted(None, quote)
            if wanted:
                frame = self._server.frame(tick_message(quote))
                self._add(wanted, (quote.venue, quote.symbol), frame)
        except Exception:
            log.exception("An event of %s %s could not be rendered", quote.venue, quote.symbol)
            for listener in self._listeners_of(set(accounts_in(executions))):
                self._server.close_listener(listener, INTERNAL_ERROR, "internal error")

    def _wanted(self, account: str | None, quote: Quote) -> list[Subscription]:
        """The subscriptions with listeners to which a message belongs."""
        venue = Subscription(account, quote.venue, None)
        stock = Subscription(account, quote.venue, quote.symbol)
        return [wanted for wanted in (venue, stock) if wanted in self._listeners]

    def _execution_frame(self, execution: Execution, receiver: Order) -> Frame:
        """An execution message lists all fills of its order so far. A long one is rendered when it
        is sent: those of one order with thousands of fills would be more than any client reads.
        """

        def frame() -> bytes:
            return self._server.frame(execution_message(execution, receiver))

        is_standing = receiver is execution.standing
        fills = execution.standing_fills if is_standing else execution.incoming_fills
        return frame if fills > LONG_FILLS else frame()
