"""One kept connection for requests, which are sent once and wait for their turn."""

import threading
from typing import TypeVar

import requests
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from disorderbook.client.addresses import is_this_machine
from disorderbook.client.answers import read
from disorderbook.client.errors import ExchangeUnreachable, MarketClosed

KEY_HEADER = "X-Starfighter-Authorization"

T = TypeVar("T")


class Connection:
    """Sends requests to one exchange with one key, from any thread, one at a time.

    `timeout` is in seconds: to connect, and of silence while an answer is awaited.
    """

    def __init__(self, address: str, key: str | None, timeout: float) -> None:
        self._address = address
        self._timeout = timeout
        self._is_closed = False
        self._turn = threading.Lock()
        self._session = requests.Session()
        # This machine is never reached by way of a proxy, whatever the environment says.
        self._session.trust_env = not is_this_machine(address)
        if key is not None:
            self._session.headers[KEY_HEADER] = key.encode()

    def ask(self, method: str, path: str, kind: type[T], body: bytes | None = None) -> T:
        """The result of one request; raises MarketError of any kind. It is never sent again."""
        url = self._address + path
        with self._turn:
            if self._is_closed:
                raise MarketClosed
            try:
                # A redirected POST would silently become a GET.
                response = self._session.request(
                    method, url, data=body, timeout=self._timeout, allow_redirects=False
                )
            except requests.RequestException as fault:
                sentence = f"No answer to {method} {url}: {_reason(fault)}"
                raise ExchangeUnreachable(sentence, not _never_left(fault)) from fault
        return read(response.content, kind, url, response.status_code)

    def close(self) -> None:
        """No request is sent any more; one that is under way in another thread is answered."""
        self._is_closed = True
        self._session.close()


def _cause(fault: requests.RequestException) -> object:
    """What urllib3 found, which is more than requests says of it."""
    found = fault.args[0] if fault.args else fault
    return getattr(found, "reason", None) or found


def _never_left(fault: requests.RequestException) -> bool:
    """Whether the connection itself failed, so that the exchange cannot have seen the request."""
    return isinstance(_cause(fault), (NewConnectionError, ConnectTimeoutError))


def _reason(fault: requests.RequestException) -> str:
    return f"{type(fault).__name__}, {_cause(fault)}"
