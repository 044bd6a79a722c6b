"""The relay: the tape's websockets on any machine, fed from NATS instead of an exchange.

The one rule: it renders nothing. A message that comes from NATS is the tape's own JSON, is framed
once for each subscription, and goes to its listeners by the tape's own server.

A listener is accepted when the NATS server knows what it wants, so whoever has read the answer to
his handshake misses nothing. Executions need a connection to NATS: without one nobody is let in to
them, and whoever was is closed, since what happens meanwhile cannot be got back. Ticks go on.
What the NATS server's permissions refuse to the relay, the relay refuses to its listeners.
"""

from disorderbook.accounts import Accounts
from disorderbook.errors import BadRequest, ExchangeError, Unavailable
from disorderbook.nats.arrivals import Arrivals, Gap
from disorderbook.nats.connection import NatsAccess
from disorderbook.nats.subjects import LONGEST_SUBJECT
from disorderbook.nats.subscriber import NatsSubscriber, subject_of
from disorderbook.server.origin import OriginPolicy
from disorderbook.tape.limits import TapeLimits
from disorderbook.tape.listener import CLOSING_EARLY, Listener
from disorderbook.tape.subscriptions import (
    PORT,
    Subscription,
    SubscriptionFeed,
    TapeCounts,
    subscription,
)
from disorderbook.tape.websocket import POLICY_VIOLATION

BYTES_AT_ONCE = 256 * 1024  # of executions, sent before the relay looks at its sockets again


class RelayDisconnected(Unavailable):
    sentence = "The relay has no connection to its NATS server now, and cannot tell executions"


class UnpublishedName(BadRequest):
    sentence = (
        "The names in the path are too long together for NATS, and nothing is published there"
    )


class RelayForbidden(Unavailable):
    sentence = "The NATS server's permissions refuse to the relay what this listener asks for"


class Relay(SubscriptionFeed):
    """Publishes over websockets what comes from NATS, from its construction until `close`.

    Its construction raises OSError if the port is taken; `port` 0 picks a free one.
    """

    def __init__(
        self,
        access: NatsAccess,
        accounts: Accounts,
        port: int = PORT,
        limits: TapeLimits = TapeLimits(),
        origins: OriginPolicy = OriginPolicy(),
    ) -> None:
        super().__init__(accounts, port, limits, origins)
        self._expected: dict[Listener, Subscription] = {}  # newcomers that are not accepted yet
        self._backlog: Arrivals = Arrivals(self._server.waker)
        self._nats = NatsSubscriber(access, self._backlog, self._server.waker.wake)
        self._wanted: frozenset[Subscription] = frozenset()
        self._number = 0  # of what is wanted
        self._nats.start()
        self._server.start()

    @property
    def is_connected(self) -> bool:
        """Whether NATS is there. May be called from any thread."""
        return self._nats.is_connected

    def counts(self) -> TapeCounts:
        counts = super().counts()
        return counts._replace(conflated=counts.conflated + self._backlog.conflated)

    def close(self) -> None:
        self._nats.close()
        super().close()

    # What the server calls, on the tape's thread.

    def has_news(self) -> bool:
        return len(self._backlog) > 0

    def deliver(self) -> None:
        self._close_unauthorized()
        self._forget_who_left()
        for arrival in self._backlog.executions(BYTES_AT_ONCE):
            if isinstance(arrival, Gap):
                self._close_at(arrival)
            else:
                self._add([arrival.wanted], None, self._server.frame(arrival.payload))
        for (wanted, subject), payload in self._backlog.quotes():
            self._add([wanted], subject, self._server.frame(payload))
        self._send()

    def mark(self, listener: Listener | None = None) -> int:
        """Have NATS know what a newcomer wants; `subscribe` refuses those that may not have it."""
        if listener is not None and listener.handshake is not None:
            try:
                wanted = subscription(*listener.handshake, self._accounts)
            except ExchangeError:
                return self._number
            if not _is_too_long(wanted):
                self._expected[listener] = wanted
                self._want()
        return self._number

    def has_told(self, mark: int) -> bool:
        return not self._nats.is_connected or self._nats.confirmed >= mark

    def end(self) -> None:
        for wanted in self._backlog.undelivered():
            self._close_at(Gap(wanted, CLOSING_EARLY))

    def subscribe(self, listener: Listener) -> None:
        assert listener.handshake is not None
        if _is_too_long(subscription(*listener.handshake, self._accounts)):
            raise UnpublishedName
        super().subscribe(listener)
        self._expected.pop(listener, None)
        self._want()
        wanted = self._subscriptions[listener]
        if self._nats.refuses(wanted):
            raise RelayForbidden
        if wanted.account is not None and not self._nats.is_connected:
            raise RelayDisconnected

    def unsubscribe(self, listener: Listener) -> None:
        super().unsubscribe(listener)
        self._want()

    def _forget_who_left(self) -> None:
        """Newcomers may be gone before they are accepted."""
        gone = [listener for listener in self._expected if listener.closed]
        for listener in gone:
            del self._expected[listener]
        if gone:
            self._want()

    def _want(self) -> None:
        wanted = frozenset(self._listeners.keys() | set(self._expected.values()))
        if wanted != self._wanted:
            self._wanted, self._number = wanted, self._nats.want(wanted)

    def _close_at(self, gap: Gap) -> None:
        """Close who may miss an execution here, or is refused what he hears, after what came before
        was sent.
        """
        self._send()
        if gap.wanted is None:
            missed = [wanted for wanted in self._listeners if wanted.account is not None]
        else:
            missed = [gap.wanted]
        for wanted in missed:
            for listener in tuple(self._listeners.get(wanted, ())):
                self._server.close_listener(listener, POLICY_VIOLATION, gap.reason)


def _is_too_long(wanted: Subscription) -> bool:
    """Whether a NATS server would end the connection if it were asked for that."""
    return len(subject_of(wanted)) > LONGEST_SUBJECT
