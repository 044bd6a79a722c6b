"""Whether an exchange answers yet, for whoever has just started one.

The rule: one deadline bounds everything, a name that is looked up for long, a file that cannot be
read on, and an answer that never ends too. So what may block is done in a thread that may be left
behind.
"""

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from disorderbook.client.network import api_address, authorities, is_this_machine, why_untrusted

PAUSE = 0.05  # seconds between two attempts
PATIENCE = 5.0  # seconds of silence after which an attempt is given up
LONGEST_ANSWER = 4096  # bytes that are read of it
LONGEST_REASON = 200  # characters
LEAST_TIMEOUT, MOST_TIMEOUT = 0.1, 3600.0  # seconds


class NotYet(Exception):
    """The exchange is not ready; the sentence says why."""


def checked_address(url: str) -> str:
    """The URL as it is; raises ValueError with a sentence if no request can be sent there."""
    address = _heartbeat(url)
    try:
        requests.Request("GET", address).prepare()
        str(urlsplit(address).hostname).encode("idna")
    except (requests.RequestException, UnicodeError):
        raise ValueError(f"{url!r} is no address of an exchange") from None
    return url


def wait_until_ready(find: Callable[[], str], timeout: float) -> str:
    """The URL of an exchange, once it answers. `find` says before each attempt where to ask, and
    raises NotYet if it cannot say so yet; any other error of it ends the waiting. Raises NotYet
    after so many seconds.
    """
    search = _Search(find)
    threading.Thread(target=search.run, name="heartbeat", daemon=True).start()
    try:
        return search.found.result(timeout)
    except TimeoutError:
        raise NotYet(
            f"No exchange has answered within {timeout:g} seconds: {search.reason}"
        ) from None
    finally:
        search.is_over.set()


class _Search:
    """Attempts until one succeeds, or nobody waits any more."""

    def __init__(self, find: Callable[[], str]) -> None:
        self._find = find
        self.found: Future[str] = Future()
        self.reason = "nothing tells where it is"
        self.is_over = threading.Event()

    def run(self) -> None:
        asked = None
        while not self.is_over.is_set():
            try:
                url = self._find()
                if url != asked:
                    self.reason = f"nothing comes from {url}"
                asked = url
                ask(url)
            except NotYet as fault:
                self.reason = str(fault)
            except Exception as fault:
                self.found.set_exception(fault)
                return
            else:
                self.found.set_result(url)
                return
            time.sleep(PAUSE)


def _heartbeat(url: str) -> str:
    return f"{api_address(url)}/heartbeat"


def ask(url: str) -> None:
    """Ask an exchange once whether it is there; raises NotYet, or ValueError for what is no URL."""
    checked_address(url)
    with requests.Session() as session:
        session.trust_env = not is_this_machine(url)  # which is never reached through a proxy
        try:
            with session.get(
                _heartbeat(url),
                timeout=PATIENCE,
                allow_redirects=False,
                verify=authorities(True),
                stream=True,
            ) as answer:
                text = answer.raw.read(LONGEST_ANSWER, decode_content=True)
        except (requests.RequestException, HTTPError, OSError) as error:
            raise NotYet(f"{url} does not answer ({_reason(error)})") from None
    _check(url, answer.status_code, text)


def _check(url: str, status: int, text: bytes) -> None:
    """Raises NotYet unless this is what an exchange answers to a heartbeat."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        told = None
    is_ours = isinstance(told, dict) and isinstance(told.get("ok"), bool)
    if status != 200:
        sentence = f": {_one_line(str(told.get('error')))}" if is_ours else ""
        raise NotYet(f"{url} answers with status {status}{sentence}")
    if not is_ours or not told["ok"]:
        raise NotYet(f"What answers at {url} is no exchange")


def _one_line(text: str) -> str:
    printable = "".join(each if each.isprintable() else " " for each in text)
    return printable[:LONGEST_REASON]


def _reason(error: BaseException) -> str:
    """What the system or TLS says, at the bottom of what the library makes of it."""
    untrusted = why_untrusted(error)
    if untrusted is not None:
        return _one_line(untrusted)
    cause: BaseException | None = error
    while cause is not None:
        error = cause
        cause = error.__cause__ or error.__context__
    return _one_line(getattr(error, "strerror", None) or type(error).__name__)
