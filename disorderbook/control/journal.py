"""The journal of requests: what clients asked of the exchange, and how each refusal was worded.

It is off unless it is asked for, and then costs a request nothing. Requests of web pages are left
out, and those that steer the exchange itself (NOT_CLIENTS): whoever reads the journal asks what the
programs that trade have done. What our server refuses by itself, such as bytes that are no HTTP, is
in it without method and path. What it has no room for is not, if it drops even the connection.
"""

import json
import re
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from disorderbook.accounts import Accounts, sent_key
from disorderbook.engine.book import OrderBook
from disorderbook.process.log import quoted
from disorderbook.protocol.names import DETAIL_HEADER, MAX_NAME_LENGTH

MOST_REQUESTS = 10_000  # kept, the newest
MOST_REFUSALS = 1000  # kept besides, the first
LONGEST_WORDING = 1000  # characters of a sentence or a detail that are kept
# These paths, and all below them.
NOT_CLIENTS = ("/api/v1/admin", "/api/v1/clock", "/api/v1/control")

NOT_OK = b'{"ok":false'  # what refusals begin with

KEY_PLACES = (
    "HTTP_X_STARFIGHTER_AUTHORIZATION",
    "HTTP_X_STOCKFIGHTER_AUTHORIZATION",
    "HTTP_COOKIE",
)
# A path may have stray slashes.
_STEERING = re.compile(f"(?:{'|'.join(NOT_CLIENTS).replace('/', '/+')})(?:/|$)")
_ACCOUNT_IN_PATH = re.compile(r"/accounts/([^/]+)")


class Answered(NamedTuple):
    """A request and its answer: the environ and the body of the request, the status and the headers
    of the answer, and its body if that is known whole.
    """

    environ: dict[str, Any]
    asked: bytes
    status: str
    headers: Sequence[tuple[str, str]]
    told: bytes | None
    microseconds: float


Observe = Callable[[Answered], None]
"""Called once for each request, when its answer is known, in the thread that answers it."""


class ClientRequest(NamedTuple):
    """A request of a client. They are numbered from 1 as they are answered. `ts` is when that was
    (nanoseconds since 1970, on the exchange's clock), `account` for whom it was, as far as that is
    known. The path is as the log has it, without keys. `status` is 0 where a fault that somebody
    asked for lost it (`control.faults`). `sentence` and `detail` say why it was
    refused, and are empty if it was not.
    """

    number: int
    ts: int
    method: str
    path: str
    account: str | None
    status: int
    sentence: str = ""
    detail: str = ""

    @property
    def is_refused(self) -> bool:
        """Whether the answer was no, of the client's making or of ours: also one with status 200,
        as an order gets that is rejected because somebody asked for that.
        """
        return self.status >= 400 or self.sentence != ""


class RequestJournal:
    """The requests of clients since the start, or since it was cleared. Any thread may use it.
    `resets` counts how often that was, for whoever follows it.
    """

    def __init__(self, clock: Callable[[], int], accounts: Accounts) -> None:
        self._clock, self._accounts = clock, accounts
        self._lock = threading.Lock()
        self._newest: deque[ClientRequest] = deque(maxlen=MOST_REQUESTS)
        self._refusals: list[ClientRequest] = []
        self.count = self.refusal_count = self.resets = 0

    def observe(self, answered: Answered) -> None:
        """Keep a request, if it is a client's."""
        environ = answered.environ
        path = environ["PATH_INFO"]
        if "HTTP_SEC_FETCH_SITE" in environ or _STEERING.match(path):
            return
        status = int(answered.status[:3])
        is_refused = status >= 400 or (answered.told or b"").startswith(NOT_OK)
        wording = _wording(answered) if is_refused else ()
        method, account = (
            _quoted(environ["REQUEST_METHOD"]),
            account_of(environ, answered.asked, self._accounts),
        )
        self._keep(method, _quoted(path), account, status, *wording)

    def observe_refusal(self, status: str, sentence: str, detail: str) -> None:
        """Keep what the server has refused before it was a request."""
        self._keep("", "", None, int(status[:3]), sentence, detail)

    name = "journal of requests"

    def reset(self, book: OrderBook | None) -> None:
        """Forget all, unless it is one book only that begins anew."""
        if book is None:
            with self._lock:
                self._newest.clear()
                self._refusals.clear()
                self.count = self.refusal_count = 0
                self.resets += 1

    def save(self) -> object:
        return None

    def load(self, state: None) -> None:
        """What clients have asked for stays recorded."""

    def requests(self) -> list[ClientRequest]:
        """The newest, oldest first."""
        with self._lock:
            return list(self._newest)

    def since(self, number: int, is_reversed: bool = False) -> list[ClientRequest]:
        """Those of the newest that come after a number, oldest first, or newest first."""
        with self._lock:
            first = self.count - len(self._newest)
            count = len(self._newest) - max(0, number - first)
            newest = list(islice(reversed(self._newest), max(0, count)))
        return newest if is_reversed else newest[::-1]

    def refusals(self) -> list[ClientRequest]:
        """The first that were refused, oldest first."""
        with self._lock:
            return list(self._refusals)

    def _keep(
        self,
        method: str,
        path: str,
        account: str | None,
        status: int,
        sentence: str = "",
        detail: str = "",
    ) -> None:
        with self._lock:
            self.count += 1
            request = ClientRequest(
                self.count, self._clock(), method, path, account, status, sentence, detail
            )
            self._newest.append(request)
            if request.is_refused:
                self.refusal_count += 1
                if len(self._refusals) < MOST_REFUSALS:
                    self._refusals.append(request)


def account_of(environ: dict[str, Any], body: bytes, accounts: Accounts) -> str | None:
    """The account in the path or the body of a request, or else the one whose key was sent."""
    found = _ACCOUNT_IN_PATH.search(environ["PATH_INFO"])
    if found is not None:
        return quoted(found[1].encode("latin-1", "replace").decode("utf-8", "replace"))
    named = _account_in(body)
    return accounts.owner_of(sent_key(environ, KEY_PLACES)) if named is None else named


class _Body(msgspec.Struct):
    account: str


_BODIES = msgspec.json.Decoder(_Body)


def _account_in(body: bytes) -> str | None:
    if not body:
        return None
    try:
        account = _BODIES.decode(body).account
    except (ValueError, RecursionError):
        return None
    return account if len(account) <= MAX_NAME_LENGTH else None


# A program asks for the same few paths again and again.
_quoted = lru_cache(maxsize=256)(quoted)


def _wording(answered: Answered) -> tuple[str, str]:
    """The sentence and the detail of a refusal, as far as it has them."""
    try:
        sentence = json.loads(answered.told or b"")["error"]
    except (ValueError, TypeError, KeyError):
        sentence = ""
    details = [json.loads(value) for name, value in answered.headers if name == DETAIL_HEADER]
    return str(sentence)[:LONGEST_WORDING], "".join(details)[:LONGEST_WORDING]


def told(body: object) -> bytes | None:
    """A body as far as it is known whole: not one that is made in steps."""
    if isinstance(body, bytes):
        return body
    if isinstance(body, (list, tuple)) and all(isinstance(part, bytes) for part in body):
        return b"".join(body)
    return None


class ReadBody:
    """A WSGI input that remembers what was read of it."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._read: list[bytes] = []

    def read(self, size: int = -1) -> bytes:
        """As the stream does."""
        part: bytes = self._stream.read(size)
        self._read.append(part)
        return part

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def so_far(self) -> bytes:
        """What was read."""
        return b"".join(self._read)
