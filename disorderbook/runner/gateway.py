"""The way of a bot to its exchange, over HTTP: the check before it starts, then its gateway.

A bot runs unattended, so it waits for an exchange that is away: requests that change nothing when
they arrive twice (GET, DELETE) are repeated until they are answered. A POST that was sent and not
answered may have placed an order. It is never repeated. Several bots are admitted before they
start: whether the exchange is there, and lets the accounts trade, is one sentence then.
"""

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit

from disorderbook.client import (
    CertificateUntrusted,
    ExchangeUnreachable,
    Market,
    MarketClosed,
    Order,
    Refused,
)
from disorderbook.client.market import TIMEOUT, HttpConnection
from disorderbook.client.network import api_address, encoded
from disorderbook.client.results import Verdict
from disorderbook.engine.orders import BUY, MARKET, SELL, OrderType, Side
from disorderbook.process.invocation import python
from disorderbook.traders.market_view import Depth, OwnOrder, TopOfBook

FIRST_PAUSE = 0.1  # seconds before the first retry; each further pause is twice as long
LONGEST_PAUSE = 3.0  # seconds
LONGEST_REASON = 300  # characters of a refusal that are reported

Report = Callable[[str], None]
"""Takes a sentence about what goes wrong."""

T = TypeVar("T")

MAX_ACCOUNTS_FILE = 2**24  # bytes
UNAUTHORIZED = 401


class Stopped(Exception):
    """The bot was told to stop, and the request was not sent."""


class Endpoint(NamedTuple):
    """One stock of one exchange. `verify` is whose certificates are trusted, as in `Market`."""

    url: str
    venue: str
    symbol: str
    verify: bool | str = True

    @property
    def api(self) -> str:
        """Where the API begins, with a slash at its end."""
        return api_address(self.url) + "/"

    @property
    def host(self) -> str:
        """Scheme, host and port, for sentences."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def stock(self) -> str:
        """The URL of the stock."""
        return f"{self.api}venues/{encoded(self.venue)}/stocks/{encoded(self.symbol)}"

    def untrusted(self, reason: str) -> str:
        """The sentence about a certificate that does not prove that it is the exchange's."""
        return (
            f"The certificate of {self.host} is not trusted: {reason}; --ca FILE names the"
            " certificate of who signed it"
        )


class Outage:
    """Whether the exchange is away, for all gateways to it: each change is reported once."""

    def __init__(self, host: str, report: Report) -> None:
        self.is_on = False
        self._host = host
        self._report = report
        self._lock = threading.Lock()

    def begin(self, reason: str) -> None:
        """Say that the exchange went away."""
        self._set(True, f"Cannot reach {self._host} ({reason}), trying again until it answers.")

    def end(self) -> None:
        """Say that the exchange is back."""
        self._set(False, f"{self._host} answers again.")

    def _set(self, is_on: bool, sentence: str) -> None:
        with self._lock:
            if self.is_on == is_on:
                return
            self.is_on = is_on
        self._report(sentence)


class HttpGateway:
    """One account at one endpoint, over one connection; for one thread.

    Once the event `stop` is set, what would send a request or wait for the exchange raises Stopped.
    `report` takes each sentence about what goes wrong.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        account: str,
        key: str,
        outage: Outage,
        stop: threading.Event,
        report: Report,
    ) -> None:
        venue, symbol, url = endpoint.venue, endpoint.symbol, endpoint.url
        self._market = Market(venue, symbol, account, key or None, url, verify=endpoint.verify)
        self._endpoint = endpoint
        self._account = account
        self._outage = outage
        self._stop = stop
        self._report = report

    def quote(self) -> TopOfBook | None:
        """The best prices and the last trade."""
        quote = self._request("GET", "/quote", self._market.quote)
        return None if quote is None else TopOfBook(quote.bid, quote.ask, quote.last)

    def book(self) -> Depth | None:
        """Every resting order."""
        book = self._request("GET", "", self._market.book)
        if book is None:
            return None
        bids, asks = (
            tuple((row.price, row.qty) for row in rows) for rows in (book.bids, book.asks)
        )
        return Depth(bids, asks)

    def status(self, order_id: int) -> OwnOrder | None:
        """How an order of the account stands."""
        market = self._market
        order = self._request("GET", f"/orders/{order_id}", lambda: market.status(order_id))
        return None if order is None or order.account != self._account else _own(order)

    def place(
        self, side: Side, quantity: int, price: int, order_type: OrderType
    ) -> OwnOrder | None:
        """Submit a limit or a market order, at most once."""
        submit = self._market.buy if side is BUY else self._market.sell
        order = self._request(
            "POST",
            "/orders",
            lambda: (
                submit(None, quantity, "market")
                if order_type is MARKET
                else submit(price, quantity)
            ),
        )
        return None if order is None else _own(order)

    def cancel(self, order_id: int) -> OwnOrder | None:
        """Cancel an order."""
        market = self._market
        order = self._request("DELETE", f"/orders/{order_id}", lambda: market.cancel(order_id))
        return None if order is None else _own(order)

    def close(self) -> None:
        """Close the connection."""
        self._market.close()

    def abort(self) -> None:
        """Cut the connection, so that a thread that waits for an answer waits no longer."""
        self._market.abort()

    def _request(self, method: str, path: str, send: Callable[[], T]) -> T | None:
        """The answer to one request, however long the exchange is away; None if it refuses."""
        pause = FIRST_PAUSE
        while not self._stop.is_set():
            was_away = self._outage.is_on
            try:
                answer = send()
            except Refused as refusal:
                self._note_answer(was_away)
                request = f"{method} {self._endpoint.stock}{path}"
                reason, detail = _one_line(refusal.sentence), _one_line(refusal.detail or "")
                more = f": {detail}" if detail else ""
                self._report(f"Refused: {reason} ({refusal.status}, {request}){more}")
                return None
            except MarketClosed:
                break
            except ExchangeUnreachable as fault:
                if sentence := self._why_final(method, path, fault):
                    self._report(sentence)
                    return None
                if self._stop.is_set():
                    break  # whoever stops the bot may have cut the connection
                self._outage.begin(_reason(fault))
            else:
                self._note_answer(was_away)
                return answer
            self._stop.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        raise Stopped

    def _note_answer(self, was_away: bool) -> None:
        # An answer that was under way when the exchange left is no sign of a return.
        if was_away:
            self._outage.end()

    def _why_final(self, method: str, path: str, fault: ExchangeUnreachable) -> str:
        """Why a request is not to be sent again, or nothing if it is."""
        if isinstance(fault, CertificateUntrusted):
            return self._endpoint.untrusted(fault.reason)
        if method == "POST" and fault.was_sent:
            url = self._endpoint.stock + path
            return f"No answer to POST {url}: the order may have been placed, or not."
        return ""


def _one_line(text: str) -> str:
    return " ".join(text.split())[:LONGEST_REASON]


def _reason(fault: ExchangeUnreachable) -> str:
    """The kind of a failure; what answers and is no exchange has no cause below it."""
    return type(fault.__cause__).__name__ if fault.__cause__ else "its answer is no exchange's"


def _own(order: Order) -> OwnOrder:
    return OwnOrder(
        order.id,
        BUY if order.direction == "buy" else SELL,
        order.price,
        order.original_qty,
        order.total_filled,
        sum(fill.price * fill.qty for fill in order.fills),
        order.open,
    )


class NotAdmitted(Exception):
    """Bots cannot trade as wanted; says why in one sentence."""


def check_exchange(endpoint: Endpoint) -> None:
    """Raise NotAdmitted unless an exchange answers."""
    try:
        _send(endpoint, "", "GET", "/heartbeat")
    except Refused as refusal:
        url = f"{endpoint.api}heartbeat"
        raise NotAdmitted(f"{url} answers {refusal.status}, so it is no exchange") from None
    except ExchangeUnreachable as fault:
        if fault.__cause__ is None:
            raise NotAdmitted(fault.sentence) from None
        raise NotAdmitted(
            f"No exchange answers at {endpoint.api} ({type(fault.__cause__).__name__});"
            f" start one with: {python()} -m disorderbook"
        ) from None


def check_certificate(endpoint: Endpoint) -> None:
    """Raise NotAdmitted if a certificate is not trusted, whether or not an exchange answers."""
    if not endpoint.url.startswith("https:"):
        return
    try:
        _send(endpoint, "", "GET", "/heartbeat")
    except (Refused, ExchangeUnreachable):
        pass


def check_account(endpoint: Endpoint, account: str, key: str) -> None:
    """Raise NotAdmitted if the exchange does not let this account trade with the key.

    It sends an order that has nothing but its account. The exchange checks the key first, and
    refuses the order in any case.
    """
    body = json.dumps({"account": account}).encode()
    path = endpoint.stock.removeprefix(endpoint.api.rstrip("/")) + "/orders"
    try:
        _send(endpoint, key, "POST", path, body)
    except Refused as refusal:
        if refusal.status != UNAUTHORIZED:
            return
        raise NotAdmitted(
            f"The exchange does not let {account} trade: it was started with -a and wants the"
            " account's key (--accounts FILE, or --account and --key)"
        ) from None
    except ExchangeUnreachable as fault:
        raise NotAdmitted(fault.sentence) from None


def read_keys(path: Path) -> dict[str, str]:
    """Names and keys of an accounts file; raises NotAdmitted if it is none."""
    try:
        with path.open("rb") as file:
            keys = json.loads(file.read(MAX_ACCOUNTS_FILE))
    except OSError as fault:
        raise NotAdmitted(f"Cannot read the accounts file {path}: {fault.strerror}") from None
    except (ValueError, RecursionError):
        raise NotAdmitted(f"The accounts file {path} is not valid JSON") from None
    if not isinstance(keys, dict) or not all(isinstance(key, str) for key in keys.values()):
        raise NotAdmitted(f"The accounts file {path} holds no JSON object of names and keys")
    return keys


def key_from(keys: Mapping[str, str], account: str) -> str:
    """The account's key; raises NotAdmitted if there is none."""
    if account not in keys:
        raise NotAdmitted(
            f"The accounts file names no account {account}; add it there"
            " (the exchange reads it again), or name another with --account"
        )
    return keys[account]


def _send(endpoint: Endpoint, key: str, method: str, path: str, body: bytes | None = None) -> None:
    """One request; raises what the client does, NotAdmitted for an untrusted certificate."""
    address = endpoint.api.rstrip("/")
    connection = HttpConnection(address, key or None, TIMEOUT, endpoint.verify)
    try:
        connection.request(method, path, Verdict, body)
    except CertificateUntrusted as fault:
        raise NotAdmitted(endpoint.untrusted(fault.reason)) from None
    finally:
        connection.close()
