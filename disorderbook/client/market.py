"""One stock at one venue, as one account trades it, and the connection that its requests take."""

import json
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from numbers import Real
from operator import index
from types import NoneType
from typing import Any, Protocol, TypeVar, runtime_checkable
from weakref import WeakSet

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, PoolManager
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from disorderbook.client.listener import Listener
from disorderbook.client.network import (
    DEFAULT_URL,
    DETAIL_HEADER,
    EXTENSIONS,
    IDEMPOTENCY_HEADER,
    KEY_HEADER,
    LONGEST_TIMEOUT,
    Verify,
    address_of,
    api_address,
    authorities,
    check_types,
    checked_verify,
    detach,
    encoded,
    is_this_machine,
    reset_after_fork,
    tape_addresses,
    why_untrusted,
)
from disorderbook.client.recovery import MissedExecutions, Recovery
from disorderbook.client.results import (
    Account,
    AccountFill,
    AccountFills,
    Book,
    CertificateUntrusted,
    ExchangeUnreachable,
    Execution,
    MarketClosed,
    Missed,
    OpenOrder,
    OpenOrders,
    Order,
    Orders,
    OrderType,
    Position,
    Quote,
    Tick,
    read,
)

TIMEOUT = 10.0  # seconds to connect in, and of silence while an answer is awaited
VARIABLES = "DISORDERBOOK_"  # how the names of the environment's variables begin
PAGE = 1000  # fills or orders that are asked for at once: the most that an answer has
ANYBODY = "ANYBODY"  # the account in the URL of ticks, which the exchange ignores

_SENDABLE = re.compile("[!-~]+")  # how long it may be, the exchange says

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Stream(Iterator[T_co], Protocol[T_co]):
    """Messages of the tape, one after the other; it is closed by itself when nobody holds it any
    more.
    """

    interruptions: int  # of the connection
    gaps: int  # how often messages were lost for good

    def close(self) -> None:
        """End the iteration."""

    def __enter__(self) -> "Stream[T_co]": ...

    def __exit__(self, *_: object) -> None: ...


@runtime_checkable
class Connection(Protocol):
    """What carries a market's requests to an exchange, and its messages back."""

    def request(
        self,
        method: str,
        path: str,
        kind: type[T],
        body: bytes | None = None,
        idempotency_key: str | None = None,
    ) -> T:
        """The result of one request; `path` is below the API's, or begins with EXTENSIONS. It is
        never sent again unless it has an idempotency key.

        Raises Refused, ExchangeUnreachable or MarketClosed.
        """
        ...

    def listen(
        self,
        path: str,
        pick: Callable[[str | bytes, str], T | None],
        recovery: Recovery[T] | None = None,
        on_gap: Callable[[], object] | None = None,
    ) -> Stream[T]:
        """The tape's messages from now on; `path` is below the tape's. `pick` is given each message
        and where it came from, and gives None for what is not to be told. `recovery` gets what was
        lost with a connection; where that is not all of it, `on_gap` is called.
        """
        ...

    def close(self) -> None:
        """No request is sent any more; one that is under way in another thread is answered."""

    def abort(self) -> None:
        """No request is sent any more; one that is under way in another thread ends at once."""


class Market:
    """Buys and sells over one kept connection; threads may share it, and
    wait for each other.

    `account` is needed to trade, `key` where the exchange knows keys. `url` names the host or the
    API (http://127.0.0.1:8000/ob/api), `tape_url` the same for websockets: without it, they are
    looked for at `url`, and for http to this machine at port 8001 then. `timeout` is in seconds.
    `verify` is whose TLS certificates are trusted: a file (PEM) or folder of them, or False for
    anybody's. Raises ValueError for what is of another type or cannot be an address, a name, a key
    or such a file; nothing is sent until it is used. With a `connection` that is used, and none of
    these.

    Every call raises Refused, with the exchange's sentence and the HTTP status, or
    ExchangeUnreachable if no answer of an exchange comes in time (CertificateUntrusted of these, if
    that is why), or MarketClosed after `close`.
    No request is sent twice, but an order with an idempotency key.
    """

    def __init__(
        self,
        venue: str,
        symbol: str,
        account: str | None = None,
        key: str | None = None,
        url: str = DEFAULT_URL,
        tape_url: str | None = None,
        timeout: float = TIMEOUT,
        verify: Verify = True,
        *,
        connection: Connection | None = None,
    ) -> None:
        check_types(str, venue=venue, symbol=symbol)
        check_types(str, NoneType, account=account)
        check_types(Connection, NoneType, connection=connection)
        self.venue = venue
        self.symbol = symbol
        self.account = account
        self._venue = f"/venues/{encoded(venue, 'venue')}"
        self._stock = f"/stocks/{encoded(symbol, 'symbol')}"
        self._listeners: WeakSet[Stream[Any]] = WeakSet()
        self._is_closed = False
        self._connection = connection or HttpConnection(
            api_address(url), key, timeout, checked_verify(verify), tape_addresses(tape_url, url)
        )

    @classmethod
    def from_environment(cls, timeout: float = TIMEOUT) -> "Market":
        """The market that `disorderbook run` gives to a program: DISORDERBOOK_VENUE and _SYMBOL,
        and if they are set _ACCOUNT, _KEY, _URL and _TAPE_URL. Raises ValueError without the first
        two, and as the class does.
        """
        return cls(
            _variable("VENUE"),
            _variable("SYMBOL"),
            os.environ.get(f"{VARIABLES}ACCOUNT") or None,
            os.environ.get(f"{VARIABLES}KEY") or None,
            os.environ.get(f"{VARIABLES}URL") or DEFAULT_URL,
            os.environ.get(f"{VARIABLES}TAPE_URL") or None,
            timeout,
        )

    def buy(
        self,
        price: int | None,
        qty: int,
        order_type: OrderType = "limit",
        idempotency_key: str | None = None,
    ) -> Order:
        """Place an order to buy so many shares for so many cents each at most; returns how it
        stands afterwards. A market order needs no price (None).

        With a key of your own for this order, it is sent once more if no answer comes, and you may
        send it again yourself: the exchange places it once. Raises ValueError for a key that
        cannot be sent.
        """
        return self._place("buy", price, qty, order_type, idempotency_key)

    def sell(
        self,
        price: int | None,
        qty: int,
        order_type: OrderType = "limit",
        idempotency_key: str | None = None,
    ) -> Order:
        """Place an order to sell so many shares for so many cents each at least; otherwise like
        `buy`.
        """
        return self._place("sell", price, qty, order_type, idempotency_key)

    def cancel(self, order: Order | int) -> Order:
        """Cancel an order, named by itself or its id; returns how it ended, also if closed."""
        return self._connection.request("DELETE", self._path_of(order), Order)

    def status(self, order: Order | int) -> Order:
        """How an order stands now."""
        return self._connection.request("GET", self._path_of(order), Order)

    def quote(self) -> Quote:
        """Best prices and last trade."""
        return self._connection.request("GET", f"{self._venue}{self._stock}/quote", Quote)

    def book(self) -> Book:
        """Every resting order."""
        return self._connection.request("GET", f"{self._venue}{self._stock}", Book)

    def orders(self) -> tuple[Order, ...]:
        """Every order of the account in this stock, the oldest first, if the exchange lists them
        (--extra).
        """
        path = f"{self._venue}/accounts/{encoded(self._trader())}{self._stock}/orders"
        return self._connection.request("GET", path, Orders).orders

    def position(self) -> Position:
        """What the account has in this stock, and what it has made there. Raises Refused where
        nobody has used the stock.
        """
        found = self._connection.request("GET", self._own("", ""), Account).stocks
        return found[0] if found else Position(self.symbol)

    def fills(self, since: int = 0) -> tuple[AccountFill, ...]:
        """The account's fills in this stock with a number over `since`, the oldest first. They are
        numbered from 1, and the latest 10,000 are to be had.
        """
        found: list[AccountFill] = []
        while True:
            path = self._own("/fills", f"&since={index(since)}&limit={PAGE}")
            page = self._connection.request("GET", path, AccountFills).fills
            found += page
            if len(page) < PAGE:
                return tuple(found)
            since = page[-1].number

    def open_orders(self) -> tuple[OpenOrder, ...]:
        """The account's open orders in this stock, the oldest first, each with the shares `ahead`
        of it.
        """
        found: list[OpenOrder] = []
        since = ""
        while True:
            path = self._own("/orders", f"&open=true&limit={PAGE}{since}")
            page = self._connection.request("GET", path, OpenOrders).orders
            found += [order for order in page if order.open]  # still, as it was told
            if len(page) < PAGE:
                return tuple(found)
            since = f"&since={page[-1].id}"

    def ticks(self, on_gap: Callable[[], object] | None = None) -> Stream[Quote]:
        """The quote after each order and each cancel from now on, for ever.

        It listens at once, so no tick after this call is missed, and reconnects by itself. Ticks
        during an interruption are lost: then `gaps` is one more, and `on_gap` is called before the
        next tick, in the thread that iterates. It ends when it or the market is closed, or when
        nobody holds it any more. Needs the extra [tape].
        """
        return self._listen(ANYBODY, "tickertape", _quote, on_gap=on_gap)

    def executions(self, on_gap: Callable[[], object] | None = None) -> Stream[Execution]:
        """Each trade of the account from now on, for ever, once each and in their order.

        After an interruption come those first that were missed. Only if the exchange cannot tell
        all of them there is a gap; otherwise like `ticks`.
        """
        missed = MissedExecutions(self._missed_executions)
        return self._listen(self._trader(), "executions", missed.pick, missed, on_gap)

    def close(self) -> None:
        """Close the connection and end every iteration of `ticks` and `executions`."""
        self._is_closed = True
        self._connection.close()
        for listener in list(self._listeners):
            listener.close()

    def abort(self) -> None:
        """Close at once, from another thread: a call that waits for an answer there raises
        ExchangeUnreachable, and what it sent may have been carried out.
        """
        self._connection.abort()
        self.close()

    def __enter__(self) -> "Market":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _place(
        self, direction: str, price: int | None, qty: int, order_type: str, once: str | None
    ) -> Order:
        if once is not None and not _SENDABLE.fullmatch(once):
            raise ValueError(f"{once!r} cannot be sent as a key: it has to be visible ASCII")
        order = {
            "account": self._trader(),
            "venue": self.venue,
            "symbol": self.symbol,
            "direction": direction,
            "orderType": order_type,
            "qty": index(qty),
        }
        if price is not None:
            order["price"] = index(price)
        path = f"{self._venue}{self._stock}/orders"
        return self._connection.request("POST", path, Order, json.dumps(order).encode(), once)

    def _path_of(self, order: Order | int) -> str:
        order_id = order.id if isinstance(order, Order) else index(order)
        return f"{self._venue}{self._stock}/orders/{order_id}"

    def _own(self, what: str, query: str) -> str:
        """The path of what the account alone is told of this stock."""
        account, symbol = encoded(self._trader()), encoded(self.symbol)
        return f"{EXTENSIONS}{self._venue}/accounts/{account}{what}?symbol={symbol}{query}"

    def _trader(self) -> str:
        if self.account is None:
            raise ValueError("This needs an account, which the market was made without")
        return self.account

    def _missed_executions(self, since: str | None) -> Missed:
        account = f"{EXTENSIONS}{self._venue}/accounts/{encoded(self._trader())}"
        query = "" if since is None else f"?since={since}"
        path = f"{account}{self._stock}/executions{query}"
        return self._connection.request("GET", path, Missed)

    def _listen(
        self,
        account: str,
        topic: str,
        pick: Callable[[str | bytes, str], T | None],
        recovery: Recovery[T] | None = None,
        on_gap: Callable[[], object] | None = None,
    ) -> Stream[T]:
        if self._is_closed:
            raise MarketClosed
        path = f"/{encoded(account)}{self._venue}/{topic}{self._stock}"
        listener = self._connection.listen(path, pick, recovery, on_gap)
        self._listeners.add(listener)
        if self._is_closed:  # meanwhile, by another thread
            listener.close()
        return listener


def _quote(text: str | bytes, url: str) -> Quote:
    return read(text, Tick, url).quote


def _variable(name: str) -> str:
    found = os.environ.get(VARIABLES + name)
    if not found:
        raise ValueError(f"{VARIABLES}{name} is not set; disorderbook run sets it for its program")
    return found


class HttpConnection:
    """Sends requests to one exchange with one key, from any thread, one at a time; listens where
    one of `tapes` is, which are looked for in their order.

    `timeout` is in seconds: to connect, and of silence while an answer is awaited. A forked process
    opens a connection of its own; a request that was under way at the fork is the parent's.
    """

    def __init__(
        self,
        address: str,
        key: str | None,
        timeout: float,
        verify: bool | str = True,
        tapes: Sequence[str] = (),
    ) -> None:
        check_types(str, NoneType, key=key)
        if key is not None and not (key and key == key.strip() and key.isprintable()):
            raise ValueError("The key cannot be sent: it is empty, or not all of it can be printed")
        check_types(Real, timeout=timeout)
        if not 0 < timeout <= LONGEST_TIMEOUT:
            raise ValueError(f"timeout is over 0 to {LONGEST_TIMEOUT} seconds, and not {timeout}")
        self._address = address
        self._tapes = tapes
        self._verify = verify
        self._key = key
        self._timeout = float(timeout)
        self._is_closed = False
        self._open()
        reset_after_fork(self)

    def _open(self) -> None:
        self._lock = threading.Lock()
        self._session = requests.Session()
        self._adapter = _Adapter()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, self._adapter)
        # This machine is never reached by way of a proxy, whatever the environment says.
        self._session.trust_env = not is_this_machine(self._address)
        if self._key is not None:
            self._session.headers[KEY_HEADER] = self._key.encode()

    def reset_in_child(self) -> None:
        """Leave the connection to the parent process, and the lock to its threads."""
        detach(each.sock for each in list(self._adapter.made) if each.sock is not None)
        self._open()

    def request(
        self,
        method: str,
        path: str,
        kind: type[T],
        body: bytes | None = None,
        idempotency_key: str | None = None,
    ) -> T:
        """The result of one request. It is sent once more if it has an idempotency key and may have
        arrived, but no answer came; otherwise never.

        It waits for the requests of other threads. Raises Refused, ExchangeUnreachable,
        CertificateUntrusted or MarketClosed.
        """
        if idempotency_key is None:
            return self._send(method, path, kind, body, {})
        headers = {IDEMPOTENCY_HEADER: idempotency_key}
        try:
            return self._send(method, path, kind, body, headers)
        except ExchangeUnreachable as error:
            if not error.was_sent or self._is_closed:
                raise
        try:
            return self._send(method, path, kind, body, headers)
        except ExchangeUnreachable as error:
            error.was_sent = True  # the first time
            raise

    def _send(
        self, method: str, path: str, kind: type[T], body: bytes | None, headers: dict[str, str]
    ) -> T:
        url = address_of(self._address, path)
        with self._lock:
            if self._is_closed:
                raise MarketClosed
            try:
                # A redirected POST would silently become a GET.
                response = self._session.request(
                    method,
                    url,
                    data=body,
                    headers=headers,
                    timeout=self._timeout,
                    allow_redirects=False,
                    verify=authorities(self._verify),
                )
            except requests.RequestException as error:
                untrusted = why_untrusted(error)
                if untrusted is not None:
                    raise CertificateUntrusted(self._address, untrusted) from error
                sentence = f"No answer to {method} {url}: {_reason(error)}"
                raise ExchangeUnreachable(sentence, not _never_left(error)) from error
        detail = response.headers.get(DETAIL_HEADER)
        return read(response.content, kind, url, response.status_code, detail)

    def listen(
        self,
        path: str,
        pick: Callable[[str | bytes, str], T | None],
        recovery: Recovery[T] | None = None,
        on_gap: Callable[[], object] | None = None,
    ) -> Listener[T]:
        """Raises what a Listener does."""
        urls = [tape + path for tape in self._tapes]
        return Listener(urls, self._key, self._timeout, pick, self._verify, recovery, on_gap)

    def close(self) -> None:
        """No request is sent any more; one that is under way in another thread is answered."""
        self._is_closed = True
        self._session.close()

    def abort(self) -> None:
        """No request is sent any more; one that is under way in another thread ends at once, and
        raises ExchangeUnreachable there. A TLS handshake under way still takes up to `timeout`.
        """
        self._is_closed = True
        self._adapter.abort()


def _cause(error: requests.RequestException) -> object:
    """The error of urllib3 below one of requests, which says more."""
    below = error.args[0] if error.args else error
    return getattr(below, "reason", None) or below


def _never_left(error: requests.RequestException) -> bool:
    """Whether the connection itself failed, so that the exchange cannot have seen the request."""
    return isinstance(_cause(error), (NewConnectionError, ConnectTimeoutError))


def _reason(error: requests.RequestException) -> str:
    return f"{type(error).__name__}, {_cause(error)}"


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
