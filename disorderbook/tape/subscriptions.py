"""Who subscribed to what: the part of a feed that does not ask where its messages come from.

The one rule: ticks are conflated, executions are unconflatable. A tick says how a book stands, so a
newer one says all that an older one said. An execution says what happened, so a listener that would
miss one is closed instead.

A subscription is read from the URL and the headers of a handshake. Executions need their account's
key; ticks are for everybody. Messages are collected by subscription, and sent in batches.
"""

import re
from collections.abc import Hashable, Mapping, Sized
from typing import NamedTuple, Self
from urllib.parse import unquote_to_bytes

from disorderbook.accounts import KEY_COOKIE, Accounts, sent_key
from disorderbook.errors import BadRequest, ExchangeError
from disorderbook.process.log import without_keys
from disorderbook.protocol.parse import check_name
from disorderbook.server.origin import OriginPolicy
from disorderbook.tape.limits import TapeLimits
from disorderbook.tape.listener import Listener
from disorderbook.tape.outbox import Batch, Frame, Message
from disorderbook.tape.server import Feed, TapeServer
from disorderbook.tape.websocket import POLICY_VIOLATION

PORT = 8001

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
    """Its sentence names the path, without a key that is in it."""

    def __init__(self, path: str) -> None:
        named = without_keys(path)
        super().__init__()
        self.sentence = f"{named} is not one of {', '.join(FORMS)}"


class Subscription(NamedTuple):
    """An account's executions, or ticks if `account` is None; of a whole venue if `symbol` is."""

    account: str | None
    venue: str
    symbol: str | None


def subscription(target: str, headers: Mapping[str, str], accounts: Accounts) -> Subscription:
    """What a handshake for `target` (path and query) subscribes to; `headers` are named as in WSGI.

    Raises NoSuchTape, NameTooLong, VenueClosed, NoKey or WrongKey. Ticks are for everybody, so the
    account in their URL is ignored.
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
        accounts.require_open(names["venue"])
        return Subscription(None, names["venue"], names.get("symbol"))
    key = sent_key(headers, KEY_PLACES) or _key_before(prefix) or _key_in(query)
    accounts.authorize_listening(names["venue"], names["account"], key)
    return Subscription(names["account"], names["venue"], names.get("symbol"))


class TapeCounts(NamedTuple):
    """Counts since the tape started; `listeners`, `backlog` and `waiting` are of now."""

    listeners: int
    messages: int  # sent, or waiting to be sent
    conflated: int  # ticks that were not sent because newer ones say more
    fell_behind: int  # listeners closed because they did not keep up
    refused: int  # clients that may not listen, by whatever rule
    backlog: int  # events that are not rendered yet
    waiting: int  # messages for listeners that read slowly


class SubscriptionFeed(Feed):
    """Knows the listeners of a TapeServer, and sends each what it subscribed to. Whoever derives
    from it brings the messages, and starts the server.

    Its construction raises OSError if the port is taken; `port` 0 picks a free one.
    """

    _backlog: Sized  # what waits to become messages

    def __init__(
        self, accounts: Accounts, port: int, limits: TapeLimits, origins: OriginPolicy
    ) -> None:
        self._accounts = accounts
        self._version = accounts.version  # of the accounts, by which listeners were authorized
        self._listeners: dict[Subscription, set[Listener]] = {}
        self._subscriptions: dict[Listener, Subscription] = {}
        self._rendered: dict[Subscription, list[Message]] = {}
        self._rendered_bytes = 0
        self._messages = 0
        self._server = TapeServer(port, self, limits, origins)
        self.port = self._server.port
        self.take_over = self._server.take_over  # for connections that others have accepted

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Send what waits, as far as there is time, and close every listener.

        The code is 1001, or 1008 where an execution could not be sent. Returns within a second,
        when the thread has ended.
        """
        self._server.close()

    def counts(self) -> TapeCounts:
        """May be called from any thread."""
        server = self._server
        return TapeCounts(
            len(self._subscriptions),
            self._messages,
            server.conflated,
            server.fell_behind,
            server.refused,
            len(self._backlog),
            server.waiting(),
        )

    # What the server calls, on the tape's thread.

    def subscribe(self, listener: Listener) -> None:
        assert listener.handshake is not None
        wanted = subscription(*listener.handshake, self._accounts)
        self._subscriptions[listener] = wanted
        self._listeners.setdefault(wanted, set()).add(listener)

    def unsubscribe(self, listener: Listener) -> None:
        wanted = self._subscriptions.pop(listener, None)
        if wanted is not None:
            self._listeners[wanted].remove(listener)
            if not self._listeners[wanted]:
                del self._listeners[wanted]

    # For whoever derives from it, on that thread.

    def _close_unauthorized(self) -> None:
        """If the accounts have changed, close the listeners whose key is not valid any more."""
        if self._version == self._accounts.version:
            return
        self._version = self._accounts.version
        for listener in list(self._subscriptions):
            assert listener.handshake is not None
            try:
                subscription(*listener.handshake, self._accounts)
            except ExchangeError as refusal:
                self._refuse_further(listener, refusal)

    def _refuse_further(self, listener: Listener, refusal: ExchangeError) -> None:
        """Close a listener that may not listen any more."""
        reason = "the key is not valid any more"
        self._server.close_listener(listener, POLICY_VIOLATION, reason)

    def _add(self, subscriptions: list[Subscription], key: Hashable | None, frame: Frame) -> None:
        message = Message(key, frame)
        for wanted in subscriptions:
            self._rendered.setdefault(wanted, []).append(message)
            self._rendered_bytes += message.size

    def _send(self) -> None:
        """Send what is rendered, executions before ticks."""
        rendered, self._rendered, self._rendered_bytes = self._rendered, {}, 0
        for wanted in sorted(rendered, key=lambda wanted: wanted.account is None):
            batch = Batch(rendered[wanted])
            listeners = tuple(self._listeners.get(wanted, ()))
            for listener in listeners:
                self._server.send(listener, batch)
            self._messages += len(batch.messages) * len(listeners)


def account_of(listener: Listener) -> str | None:
    """The account in the URL of a listener, also of one to ticks."""
    assert listener.handshake is not None
    path = re.sub("//+", "/", listener.handshake[0].partition("?")[0])
    asked = _FORM.fullmatch(path)
    return _decoded(asked["account"], path) if asked else None


def _key_before(prefix: str) -> str | None:
    """The key in the beginning of a path; None if there is none."""
    found = _KEY.fullmatch(prefix)
    return _decoded_key(found[1]) if found else None


def _key_in(query: str) -> str | None:
    """The key in a query, in which + stands for itself; None if there is none."""
    for field in query.split("&"):
        name, _, value = field.partition("=")
        if name == KEY_COOKIE and value:
            return _decoded_key(value)
    return None


def _decoded_key(key: str) -> str:
    return unquote_to_bytes(key.encode("latin-1")).decode("utf-8", "replace")


def _decoded(name: str, path: str) -> str:
    """A name in a path, whose bytes were read as Latin-1; raises NoSuchTape."""
    try:
        return unquote_to_bytes(name.encode("latin-1")).decode()
    except UnicodeDecodeError:
        raise NoSuchTape(path) from None
