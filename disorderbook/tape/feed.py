"""What a listener asks for, and whether it may: read from the URL and headers of its handshake.

The tape: who listens to what, and who is told of which event.

The exchange publishes into a backlog. Messages are rendered and sent on the tape's own thread. A
tick says how things are, so for somebody who is behind an older tick of the same book gives way to
the newer one; an execution says what happened, so who would miss one of his is closed instead.
"""

import logging
import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from disorderbook.accounts import KEY_COOKIE, Accounts, sent_key
from disorderbook.engine.book import Execution, Quote
from disorderbook.engine.orders import Order
from disorderbook.errors import BadRequest, ExchangeError
from disorderbook.process.log import without_keys
from disorderbook.protocol.messages import execution_message, tick_message
from disorderbook.protocol.names import error_message
from disorderbook.protocol.parse import check_name
from disorderbook.server.origin import OriginPolicy
from disorderbook.tape.conflation import Backlog, Event, accounts_in
from disorderbook.tape.limits import Limits
from disorderbook.tape.listener import Connection
from disorderbook.tape.outbox import Batch, Frame, Message
from disorderbook.tape.server import TapeServer
from disorderbook.tape.websocket import OWN_FAULT, POLICY_VIOLATION

FORMS = (
    "/ob/api/ws/ACCOUNT/venues/VENUE/tickertape",
    "/ob/api/ws/ACCOUNT/venues/VENUE/tickertape/stocks/SYMBOL",
    "/ob/api/ws/ACCOUNT/venues/VENUE/executions",
    "/ob/api/ws/ACCOUNT/venues/VENUE/executions/stocks/SYMBOL",
)


KEY_PLACES = (
    "HTTP_X_STARFIGHTER_AUTHORIZATION",
    "HTTP_X_STOCKFIGHTER_AUTHORIZATION",
    "HTTP_COOKIE",
)


_FORM = re.compile(
    r"(?P<prefix>.*)/ws/(?P<account>[^/]+)/venues/(?P<venue>[^/]+)/(?P<topic>tickertape|executions)"
    r"(?:/stocks/(?P<symbol>[^/]+))?/?"
)


_KEY = re.compile(r".*/key/([^/]+)/ob/api")  # all that stands before /ws/


class NoSuchTape(BadRequest):
    """Names the path, so the sentence is made for each; a key in it is left out."""

    def __init__(self, path: str) -> None:
        named = without_keys(path)
        super().__init__()
        self.sentence = f"{named} is not one of {', '.join(FORMS)}"


class Subscription(NamedTuple):
    """Ticks if `account` is None, else that account's executions; of a whole venue if `symbol`
    is None.
    """

    account: str | None
    venue: str
    symbol: str | None


def subscription(target: str, headers: Mapping[str, str], accounts: Accounts) -> Subscription:
    """What the request for `target` (path and query), with `headers` as in an environ, is to hear;
    raises NoSuchTape, NameTooLong,
    NoKey or WrongKey. Ticks are for everybody: their URL's account is ignored.
    """
    path, _, query = target.partition("?")
    asked = _FORM.fullmatch(re.sub("//+", "/", path))
    if asked is None:
        raise NoSuchTape(path)
    parts = asked.groupdict()
    prefix = parts.pop("prefix")
    names = {part: _decoded(name, path) for part, name in parts.items() if name}
    for name in names.values():
        check_name(name)
    if asked["topic"] == "tickertape":
        return Subscription(None, names["venue"], names.get("symbol"))
    key = sent_key(headers, KEY_PLACES) or _key_before(prefix) or _key_in(query)
    accounts.authorize(names["account"], key)
    return Subscription(names["account"], names["venue"], names.get("symbol"))


def _key_before(prefix: str) -> str | None:
    """The key in what a path begins with."""
    found = _KEY.fullmatch(prefix)
    return _decoded_key(found[1]) if found else None


def _key_in(query: str) -> str | None:
    """The key in a query, in which + is a plus: keys are no forms."""
    for field in query.split("&"):
        name, _, value = field.partition("=")
        if name == KEY_COOKIE and value:
            return _decoded_key(value)
    return None


def _decoded_key(key: str) -> str:
    return unquote_to_bytes(key.encode("latin-1")).decode("utf-8", "replace")


def _decoded(name: str, path: str) -> str:
    """A name out of a path as HTTP has it: bytes that are read as Latin-1."""
    try:
        return unquote_to_bytes(name.encode("latin-1")).decode()
    except UnicodeDecodeError:
        raise NoSuchTape(path) from None


PORT = 8001


EVENTS_AT_ONCE = 1000  # and messages, rendered before the tape looks at its sockets again


BYTES_AT_ONCE = 256 * 1024  # the same in bytes; one order can make hundreds of megabytes


LONG_FILLS = 50  # in one execution, which is then rendered when it is its turn to be sent


log = logging.getLogger(__name__)


class Counts(NamedTuple):
    """How the tape is doing, since it started (`listeners`, `backlog` and `waiting`: now)."""

    listeners: int
    messages: int  # sent, or waiting to be sent
    replaced: int  # ticks that somebody who was behind was spared
    fell_behind: int  # listeners closed because they did not keep up
    refused: int  # who came and may not listen, by whatever rule
    backlog: int  # events that are not told yet
    waiting: int  # messages for listeners who read slowly


class Tape:
    """Tells websocket listeners, from its construction (which raises OSError if the port is
    taken) until `close`. `port` 0 picks a free one.
    """

    def __init__(
        self,
        accounts: Accounts,
        port: int = PORT,
        limits: Limits = Limits(),
        origins: OriginPolicy = OriginPolicy(),
    ) -> None:
        self._accounts = accounts
        self._version = accounts.version  # of the accounts, by which the listeners were let in
        self._audiences: dict[Subscription, set[Connection]] = {}
        self._subscriptions: dict[Connection, Subscription] = {}
        self._telling: Iterator[None] = iter(())  # the rest of an event
        self._is_telling = False
        self._told: Sequence[Execution] = ()  # those of that event
        self._rendered: dict[Subscription, list[Message]] = {}
        self._rendered_bytes = 0
        self._messages = 0
        self._server = TapeServer(port, self, limits, origins)
        self._backlog = Backlog(self._server.bell)
        self.publish = self._backlog.add  # called inside the exchange's turn after each event
        self.port = self._server.port
        self._server.start()

    def __enter__(self) -> "Tape":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def counts(self) -> Counts:
        """May be called from any thread."""
        server = self._server
        return Counts(
            len(self._subscriptions),
            self._messages,
            server.replaced,
            server.fell_behind,
            server.refused,
            len(self._backlog),
            server.waiting(),
        )

    def close(self) -> None:
        """Send what waits, as far as there is time, and tell every listener (1001, or 1008 to
        whom an execution could not be sent); returns within a second, with the thread ended.
        """
        self._server.close()

    # What the transport asks for, on the tape's thread.

    def has_news(self) -> bool:
        return self._is_telling or bool(self._backlog)

    def deliver(self) -> None:
        if self._version != self._accounts.version:
            self._version = self._accounts.version
            self._close_unauthorized()
        for _ in range(EVENTS_AT_ONCE):
            if not self._tell_on() or self._rendered_bytes >= BYTES_AT_ONCE:
                break
        self._send()

    def end(self) -> None:
        missed = self._backlog.untold()
        if self._is_telling:
            missed.update(accounts_in(self._told))
        for listener in self._listeners_of(missed):
            reason = "the exchange closes before all was told"
            self._server.attend(listener, listener.close, POLICY_VIOLATION, reason)

    def arrived(self, listener: Connection) -> None:
        assert listener.handshake is not None
        try:
            wanted = subscription(*listener.handshake, self._accounts)
        except ExchangeError as refusal:
            listener.refuse(error_message(str(refusal)), str(refusal))
            return
        self._subscriptions[listener] = wanted
        self._audiences.setdefault(wanted, set()).add(listener)
        self._backlog.listen(wanted.venue, wanted.symbol)

    def left(self, listener: Connection) -> None:
        wanted = self._subscriptions.pop(listener, None)
        if wanted is not None:
            self._audiences[wanted].remove(listener)
            if not self._audiences[wanted]:
                del self._audiences[wanted]
            self._backlog.unlisten(wanted.venue, wanted.symbol)

    def _close_unauthorized(self) -> None:
        """The keys have changed: close who could not listen to executions with his any more."""
        for listener in list(self._subscriptions):
            assert listener.handshake is not None
            try:
                subscription(*listener.handshake, self._accounts)
            except ExchangeError:
                reason = "the key is not valid any more"
                self._server.attend(listener, listener.close, POLICY_VIOLATION, reason)

    # Rendering and sending.

    def _tell_on(self) -> bool:
        """Render one more message, or turn to the next event; False if there is neither."""
        self._is_telling = next(self._telling, self) is None
        if self._is_telling:
            return True
        event = self._backlog.next() or self._catch_up()
        if event is None:
            return False
        self._told = event[0]
        self._telling, self._is_telling = self._tell(*event), True
        return True

    def _catch_up(self) -> Event | None:
        """All events are told: turn to what did not fit among them."""
        for listener in self._listeners_of(self._backlog.catch_up()):
            self._server.attend(listener, listener.fall_behind)
        return self._backlog.next()

    def _listeners_of(self, accounts: set[str]) -> list[Connection]:
        """Who would miss an execution, after being sent those that came before it."""
        if not accounts:
            return []
        self._send()
        return [
            listener
            for listener, wanted in self._subscriptions.items()
            if wanted.account in accounts
        ]

    def _tell(self, executions: Sequence[Execution], quote: Quote) -> Iterator[None]:
        """Render an event, once for all, with a pause after each execution; a fault in it keeps
        no other from being told.
        """
        try:
            for execution in executions:
                for receiver in (execution.standing, execution.incoming):
                    audience = self._audience(receiver.account, quote)
                    if audience:
                        self._add(audience, None, self._execution_frame(execution, receiver))
                yield
            audience = self._audience(None, quote)
            if audience:
                frame = self._server.frame(tick_message(quote))
                self._add(audience, (quote.venue, quote.symbol), frame)
        except Exception:
            log.exception("An event of %s %s could not be told", quote.venue, quote.symbol)
            for listener in self._listeners_of(set(accounts_in(executions))):
                self._server.attend(listener, listener.close, OWN_FAULT, "internal error")

    def _audience(self, account: str | None, quote: Quote) -> list[Subscription]:
        """The subscriptions that somebody has and that this concerns."""
        venue = Subscription(account, quote.venue, None)
        stock = Subscription(account, quote.venue, quote.symbol)
        return [wanted for wanted in (venue, stock) if wanted in self._audiences]

    def _execution_frame(self, execution: Execution, receiver: Order) -> Frame:
        """Each execution lists all fills of its order so far: those of one order with thousands
        would be more than anybody reads as fast as they are rendered.
        """

        def frame() -> bytes:
            return self._server.frame(execution_message(execution, receiver))

        is_standing = receiver is execution.standing
        fills = execution.standing_fills if is_standing else execution.incoming_fills
        return frame if fills > LONG_FILLS else frame()

    def _add(self, audience: list[Subscription], subject: Hashable, frame: Frame) -> None:
        told = Message(subject, frame)
        for wanted in audience:
            self._rendered.setdefault(wanted, []).append(told)
            self._rendered_bytes += told.size

    def _send(self) -> None:
        """Send what is rendered, executions before ticks."""
        rendered, self._rendered, self._rendered_bytes = self._rendered, {}, 0
        for wanted in sorted(rendered, key=lambda wanted: wanted.account is None):
            batch = Batch(rendered[wanted])
            listeners = tuple(self._audiences.get(wanted, ()))
            for listener in listeners:
                self._server.attend(listener, listener.send, batch)
            self._messages += len(batch.messages) * len(listeners)
