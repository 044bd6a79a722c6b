"""A small client for the exchange: functions for scripts, and the class behind them for bots.

    import stockfighter_minimal as sf

    sf.change_api_key("noisekey")
    answer = sf.execute(sf.Order(direction="buy", qty=100, price=4990, account="NOISEBOTS"))

Prices are cents a share, quantities are shares. Every call returns the answer of the exchange as a
dict, or None when it was refused or none came; the reason is then one sentence on stderr. While
the exchange cannot be reached, a call says so once and tries again until it can.

This file needs nothing of the others here, so it can be copied beside a script.
"""

import copy
import json
import os
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from ipaddress import IPv6Address
from typing import Any
from urllib.parse import quote as percent_encoded
from urllib.parse import urlsplit
from weakref import WeakSet

try:
    import requests
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
except ModuleNotFoundError:
    sys.exit(
        "The package requests is missing; run: python3 -m pip install requests"
        " (or start this with .venv/bin/python, if the README's set-up was used)."
    )

DEFAULT_URL = "http://127.0.0.1:8000/ob/api/"
TIMEOUT = (3.05, 10.0)  # seconds to connect, and of silence while waiting for an answer
FIRST_PAUSE = 0.1  # seconds before the first retry; each further pause is twice as long
LONGEST_PAUSE = 3.0  # seconds
LONGEST_REASON = 300  # characters of a refusal that are repeated on stderr

Answer = dict[str, Any]


@dataclass
class Order:
    """An order to be sent; the attributes are named as on the wire."""

    venue: str = "TESTEX"
    symbol: str = "FOOBAR"
    direction: str = "buy"
    qty: int = 100
    price: int = 5000
    orderType: str = "limit"
    account: str = "EXB123456"


class Stopped(Exception):
    """The client was told to stop, and did not send the request."""


def _complain(sentence: str) -> None:
    # One write a line, so that the lines of several threads do not mix.
    sys.stderr.write(sentence + "\n")


class _Shared:
    """What a client and its copies have in common, and a forked process does not share with its
    parent: whose connections those are, and whose threads held the lock.
    """

    def __init__(self) -> None:
        self.reset()
        _shared.add(self)

    def reset(self) -> None:
        self.own = threading.local()
        self.lock = threading.Lock()
        self.outage = threading.Event()


_shared: "WeakSet[_Shared]" = WeakSet()


def _reset_all() -> None:
    for each in list(_shared):
        each.reset()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_reset_all)


class Client:
    """Speaks to one exchange with one key; each thread that uses it, and each process that is
    forked, keeps its own connection.

    Once the event `stop` is set, calls that would send something, or wait for the exchange to
    come back, raise Stopped. `complain` takes each sentence about what goes wrong. `verify` is the
    file or folder of the certificates to trust, or False to trust anybody's. Raises ValueError if
    the url is not one of an exchange, or the file holds no certificates.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        key: str = "",
        stop: threading.Event | None = None,
        *,
        verify: bool | str = True,
        complain: Callable[[str], None] = _complain,
    ) -> None:
        self.url = api_url(url)
        self.key = key
        self.verify = checked_verify(verify)
        self.stop = stop or threading.Event()
        self._complain = complain
        self._shared = _Shared()

    def with_key(self, key: str) -> "Client":
        """The same client for another account; of an outage the two of them tell only once."""
        other = copy.copy(self)
        other.key = key
        return other

    def execute(self, order: Order | Answer, verbose: bool = False) -> Answer | None:
        """Place an order and return how it stands afterwards.

        Instead of an Order, a dict with account, venue, stock or symbol, qty, price, direction and
        orderType may be given. Raises ValueError if it names no venue or no stock.
        """
        wire = asdict(order) if isinstance(order, Order) else order
        venue, symbol = wire.get("venue"), wire.get("symbol", wire.get("stock"))
        if venue is None or symbol is None:
            raise ValueError("An order needs a venue and a stock")
        return self.get_json(self._stock(venue, symbol) + "/orders", wire, verbose=verbose)

    def cancel(self, venue: str, symbol: str, id: int, verbose: bool = False) -> Answer | None:
        """Cancel an order; returns how it ended, also if it was closed before."""
        url = f"{self._stock(venue, symbol)}/orders/{id}"
        return self.get_json(url, deletemethod=True, verbose=verbose)

    def status(self, venue: str, symbol: str, id: int, verbose: bool = False) -> Answer | None:
        """How an order stands."""
        return self.get_json(f"{self._stock(venue, symbol)}/orders/{id}", verbose=verbose)

    def quote(self, venue: str, symbol: str, verbose: bool = False) -> Answer | None:
        """Best prices and last trade; what does not exist is absent."""
        return self.get_json(self._stock(venue, symbol) + "/quote", verbose=verbose)

    def orderbook(self, venue: str, symbol: str, verbose: bool = False) -> Answer | None:
        """Every resting order, as the rows of "bids" and "asks"."""
        return self.get_json(self._stock(venue, symbol), verbose=verbose)

    def get_json(
        self,
        url: str,
        postdata: Answer | str | bytes | None = None,
        deletemethod: bool = False,
        verbose: bool = False,
    ) -> Answer | None:
        """POST the data (a dict or ready JSON) if there is any, else DELETE or GET.

        `verbose` prints the answer. A POST that was sent and got no answer is not repeated.
        """
        method = "POST" if postdata is not None else "DELETE" if deletemethod else "GET"
        response = self._deliver(method, url, postdata)
        answer = None if response is None else self._parsed(response)
        if answer is None or response is None:
            return None
        if verbose:
            print(json.dumps(answer, indent=2))
        if answer.get("ok") is not True:
            request, detail = f"{response.status_code}, {method} {url}", _detail(response)
            self._complain(f"Refused: {_reason(answer)} ({request}){detail}")
            return None
        return answer

    def close(self) -> None:
        """Close the calling thread's connection; a later call opens a new one."""
        session: requests.Session | None = vars(self._shared.own).pop("session", None)
        if session is not None:
            session.close()

    def _stock(self, venue: str, symbol: str) -> str:
        names = [percent_encoded(str(name), safe="") for name in (venue, symbol)]
        return "{}venues/{}/stocks/{}".format(self.url, *names)

    def _deliver(
        self, method: str, url: str, postdata: Answer | str | bytes | None
    ) -> requests.Response | None:
        """One answer to one request, however long the exchange takes to come back.

        GET and DELETE change nothing when they arrive twice, so they are repeated after any
        failure. A POST is repeated only if no connection could be made: one that was sent and not
        answered may have been an order that was placed, and would be a second order.
        """
        pause = FIRST_PAUSE
        while not self.stop.is_set():
            was_away = self._shared.outage.is_set()
            try:
                response = self.send_once(method, url, postdata)
            except requests.RequestException as fault:
                if hopeless := _why_hopeless(method, url, fault):
                    self._complain(hopeless)
                    return None
                if self.stop.is_set():
                    break  # Whoever stops us may have cut the connection.
                self._remark(url, away=type(fault).__name__)
            else:
                if was_away:  # An answer that was under way when it left is no sign of a return.
                    self._remark(url, away="")
                return response
            self.stop.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        raise Stopped

    def send_once(
        self, method: str, url: str, postdata: Answer | str | bytes | None = None
    ) -> requests.Response:
        """One attempt, whatever comes of it; raises requests.RequestException."""
        as_json = isinstance(postdata, dict)
        return self._session(url).request(
            method,
            url,
            json=postdata if as_json else None,
            data=None if as_json else postdata,
            headers={"X-Starfighter-Authorization": self.key.encode()} if self.key else None,
            timeout=TIMEOUT,
            verify=self.verify,
            allow_redirects=False,  # A redirected POST would silently become a GET.
        )

    def _parsed(self, response: requests.Response) -> Answer | None:
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            self._complain(f"{response.url} answered {response.status_code}, but no JSON object.")
            return None
        return answer

    def _session(self, url: str) -> requests.Session:
        own = self._shared.own
        if not hasattr(own, "session"):
            own.session = requests.Session()
        session: requests.Session = own.session
        # This machine is never reached by way of a proxy, whatever the environment says.
        session.trust_env = not is_this_machine(url)
        return session

    def _remark(self, url: str, away: str) -> None:
        """Say that the exchange went away, and why, or that it is back; each only once."""
        outage = self._shared.outage
        with self._shared.lock:
            if outage.is_set() == bool(away):
                return
            (outage.set if away else outage.clear)()
        where = "{0.scheme}://{0.netloc}".format(urlsplit(url))
        self._complain(
            f"Cannot reach {where} ({away}), trying again until it answers."
            if away
            else f"{where} answers again."
        )


def parse_fills_from_response(response: Answer | None, verbose: bool = False) -> Answer:
    """What an order has moved so far, given the answer to placing, cancelling or asking for it.

    Returns {"shares", "cents", "fills", "average"}: the changes of the account's shares and cash
    (a purchase of 10 at 5000 is +10 and -50000), the number of fills, and the average price in
    cents (None without fills). All zero for None, the answer to a refused request.
    """
    fills = response.get("fills", []) if response else []
    shares = sum(fill["qty"] for fill in fills)
    cents = sum(fill["qty"] * fill["price"] for fill in fills)
    sign = 1 if response and response["direction"] == "buy" else -1
    average = cents / shares if shares else None
    moved = {
        "shares": sign * shares,
        "cents": -sign * cents,
        "fills": len(fills),
        "average": average,
    }
    if verbose:
        print(json.dumps(moved))
    return moved


def api_url(url: str) -> str:
    """The url with the slash at its end, and with /ob/api if only a host was named.

    Raises ValueError, with a sentence for people.
    """
    problem = ValueError(f"{url!r} is no url of an exchange, like {DEFAULT_URL}")
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise problem
    except ValueError:
        raise problem from None
    if parts.path in ("", "/"):
        return f"{parts.scheme}://{parts.netloc}/ob/api/"
    return url.rstrip("/") + "/"


def is_this_machine(url: str) -> bool:
    """Whether its host is a loopback address (127.0.0.0/8, ::1), localhost or a name below that."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        if ":" in host:
            address = IPv6Address(host)
            return (address.ipv4_mapped or address).is_loopback
        return socket.inet_aton(host)[0] == 127  # which knows 127.1, as the system does
    except (ValueError, OSError):
        return False


def checked_verify(verify: bool | str) -> bool | str:
    """`verify` as it was given; raises ValueError for what is no file or folder of certificates."""
    if isinstance(verify, str):
        kind = "capath" if os.path.isdir(verify) else "cafile"
        try:
            ssl.create_default_context().load_verify_locations(**{kind: verify})
        except OSError as fault:  # which those of TLS are, too
            reason = fault.strerror or fault
            raise ValueError(f"{verify!r} holds no certificates to trust: {reason}") from None
    return verify


def why_untrusted(fault: BaseException) -> str:
    """What is wrong with a certificate, if that is at the bottom of a fault, or else nothing."""
    cause: BaseException | None = fault
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
        cause = cause.__cause__ or cause.__context__
    return ""


def untrusted_sentence(url: str, reason: str) -> str:
    """Of an exchange that is there, but cannot prove it."""
    where = "{0.scheme}://{0.netloc}".format(urlsplit(url))
    return f"The certificate of {where} is not trusted: {reason}"


# The last two mean that an answer began and broke off.
_NO_ANSWER = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)


def _why_hopeless(method: str, url: str, fault: Exception) -> str:
    """Why a request is not to be sent again, or nothing if it may be."""
    if untrusted := why_untrusted(fault):
        return untrusted_sentence(url, untrusted)
    if not isinstance(fault, _NO_ANSWER):
        return f"Cannot send {method} {url}: {fault}"
    if method == "POST" and not _was_never_sent(fault):
        return f"No answer to POST {url}: it may have been placed, or not."
    return ""


def _was_never_sent(fault: Exception) -> bool:
    """Whether the connection itself failed, so that the exchange cannot have seen the request."""
    cause = getattr(fault.args[0] if fault.args else None, "reason", None)
    return isinstance(cause, (NewConnectionError, ConnectTimeoutError))


def _reason(answer: Answer) -> str:
    return _one_line(answer.get("error", "no reason given"))


def _detail(response: requests.Response) -> str:
    """What was wrong exactly, as the end of a sentence; nothing if the exchange has not told."""
    try:
        detail = json.loads(response.headers.get("X-Error-Detail", ""))
    except ValueError:
        return ""
    return f": {_one_line(detail)}"


def _one_line(text: object) -> str:
    return " ".join(str(text).split())[:LONGEST_REASON]


_client = Client()  # what scripts use, by the names below

execute = execute_d = _client.execute
cancel = _client.cancel
status = _client.status
quote = _client.quote
orderbook = _client.orderbook
get_json_from_url = _client.get_json


def set_web_url(url: str) -> None:
    """Use the exchange at this url, http://HOST:PORT/ob/api/ . Raises ValueError if it is none."""
    _client.url = api_url(url)


def set_verify(verify: bool | str) -> None:
    """Trust the certificates of this file or folder from now on, or anybody's (False). Raises
    ValueError if it holds none."""
    _client.verify = checked_verify(verify)


def change_api_key(key: str) -> None:
    """Send this key with every request from now on; "" for none."""
    _client.key = key
