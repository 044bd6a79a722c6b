"""One stock at one venue, as one account trades it."""

import json
from collections.abc import Callable
from operator import index
from types import TracebackType
from typing import Any, TypeVar
from weakref import WeakSet

from disorderbook.client.connection import Connection
from disorderbook.client.listener import Listener
from disorderbook.client.network import (
    DEFAULT_URL,
    Verify,
    api_address,
    checked_verify,
    encoded,
    tape_addresses,
)
from disorderbook.client.results import (
    Book,
    Execution,
    MarketClosed,
    Order,
    Orders,
    OrderType,
    Quote,
    Tick,
    read,
)

TIMEOUT = 10.0  # seconds to connect in, and of silence while an answer is awaited
ANYBODY = "ANYBODY"  # the account in the URL of ticks, which the exchange ignores

T = TypeVar("T")


class Market:
    """Buys and sells over one kept connection; usable from several threads, which take turns.

    `account` is needed to trade, `key` where the exchange knows keys. `url` names the host or the
    API (http://127.0.0.1:8000/ob/api), `tape_url` the same for websockets: without it, they are
    looked for at `url`, and for http to this machine at port 8001 then. `timeout` is in seconds.
    `verify` is whose TLS certificates are trusted: a file (PEM) or folder of them, or False for
    anybody's. Raises ValueError for what cannot be an address, a name, a key or such a file;
    nothing is sent until it is used.

    Every call raises Refused, with the exchange's sentence and the HTTP status, or
    ExchangeUnreachable if no answer of an exchange comes in time (CertificateUntrusted of these, if
    that is why), or MarketClosed after `close`.
    No request is sent twice.
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
    ) -> None:
        if key is not None and not (key and key == key.strip() and key.isprintable()):
            raise ValueError("The key cannot be sent: it is empty, or not all of it can be printed")
        if not timeout > 0:
            raise ValueError(f"A timeout is more than 0 seconds, and not {timeout}")
        self.venue = venue
        self.symbol = symbol
        self.account = account
        self._key = key
        self._timeout = timeout
        self._venue = f"/venues/{encoded(venue)}"
        self._stock = f"/stocks/{encoded(symbol)}"
        self._tapes = tape_addresses(tape_url, url)
        self._verify = checked_verify(verify)
        self._listeners: WeakSet[Listener[Any]] = WeakSet()
        self._is_closed = False
        self._connection = Connection(api_address(url), key, timeout, self._verify)

    def buy(self, price: int | None, qty: int, order_type: OrderType = "limit") -> Order:
        """Place an order to buy so many shares for so many cents each at most; returns how it
        stands afterwards. A market order needs no price (None).
        """
        return self._place("buy", price, qty, order_type)

    def sell(self, price: int | None, qty: int, order_type: OrderType = "limit") -> Order:
        """The same to sell, for so many cents at least."""
        return self._place("sell", price, qty, order_type)

    def cancel(self, order: Order | int) -> Order:
        """Cancel an order, named by itself or its id; returns how it ended, also if closed."""
        return self._connection.ask("DELETE", self._path_of(order), Order)

    def status(self, order: Order | int) -> Order:
        """How an order stands now."""
        return self._connection.ask("GET", self._path_of(order), Order)

    def quote(self) -> Quote:
        """Best prices and last trade."""
        return self._connection.ask("GET", f"{self._venue}{self._stock}/quote", Quote)

    def book(self) -> Book:
        """Every resting order."""
        return self._connection.ask("GET", f"{self._venue}{self._stock}", Book)

    def orders(self) -> tuple[Order, ...]:
        """Every order of the account in this stock, the oldest first, if the exchange lists them
        (--extra).
        """
        path = f"{self._venue}/accounts/{encoded(self._trader())}{self._stock}/orders"
        return self._connection.ask("GET", path, Orders).orders

    def ticks(self) -> Listener[Quote]:
        """The quote after each order and each cancel from now on, for ever.

        It listens at once, so no tick after this call is missed, and reconnects by itself. What
        happens during an interruption is not told again. It ends when it or the market is closed,
        or when nobody holds it any more. Needs the extra [tape].
        """
        return self._listen(ANYBODY, "tickertape", _quote)

    def executions(self) -> Listener[Execution]:
        """Each trade of the account from now on, for ever; otherwise like `ticks`."""
        return self._listen(self._trader(), "executions", _execution)

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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _place(self, direction: str, price: int | None, qty: int, order_type: str) -> Order:
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
        return self._connection.ask("POST", path, Order, json.dumps(order).encode())

    def _path_of(self, order: Order | int) -> str:
        order_id = order.id if isinstance(order, Order) else index(order)
        return f"{self._venue}{self._stock}/orders/{order_id}"

    def _trader(self) -> str:
        if self.account is None:
            raise ValueError("This needs an account, which the market was made without")
        return self.account

    def _listen(
        self, account: str, topic: str, pick: Callable[[str | bytes, str], T]
    ) -> Listener[T]:
        if self._is_closed:
            raise MarketClosed
        path = f"/{encoded(account)}{self._venue}/{topic}{self._stock}"
        urls = [tape + path for tape in self._tapes]
        listener = Listener(urls, self._key, self._timeout, pick, self._verify)
        self._listeners.add(listener)
        if self._is_closed:  # meanwhile, by another thread
            listener.close()
        return listener


def _quote(text: str | bytes, url: str) -> Quote:
    return read(text, Tick, url).quote


def _execution(text: str | bytes, url: str) -> Execution:
    return read(text, Execution, url)
