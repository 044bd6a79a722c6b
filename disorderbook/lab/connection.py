"""How a market reaches an exchange of its own process, without a socket or a thread.

The rule: what is asked goes the way that it goes over HTTP. A request is written as bytes, which
the server's reader reads, the application answers, and the client decodes; a message of the tape is
the one that a websocket would bring. So refusals, limits and JSON are those of the wire, and a
program that trades here trades the same over HTTP.
"""

import io
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Generic, NamedTuple, TypeVar
from weakref import WeakSet

from disorderbook.accounts import Accounts
from disorderbook.api.app import DirectBottle, make_app
from disorderbook.api.services import Services
from disorderbook.client.network import API, DETAIL_HEADER, IDEMPOTENCY_HEADER, TAPE, address_of
from disorderbook.client.recovery import Recovery
from disorderbook.client.results import MarketClosed, Refused, read
from disorderbook.control.journal import Answered, RequestJournal
from disorderbook.engine.book import Execution, OrderBook
from disorderbook.errors import ExchangeError
from disorderbook.exchange import Exchange
from disorderbook.game.master import GameMaster
from disorderbook.marketdata.history import History
from disorderbook.protocol.messages import execution_message, tick_message
from disorderbook.server.head import Refusal
from disorderbook.server.limits import Limits
from disorderbook.server.reader import HttpRequest, KnownHeads, RequestReader
from disorderbook.server.unsent import chunks_of
from disorderbook.tape.subscriptions import Subscription, subscription
from disorderbook.timeline.timeline import Timeline

HERE = "this simulation"  # the exchange, in the sentence of an error
HOST = "127.0.0.1"
MOST_WAITING = 20_000  # ticks of one stream that nobody has read; the oldest are dropped first

_ENVIRON = {
    "SCRIPT_NAME": "",
    "SERVER_NAME": HOST,
    "SERVER_PORT": "80",
    "SERVER_SOFTWARE": "disorderBook",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.errors": io.StringIO(),
    "wsgi.multithread": False,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
}

T = TypeVar("T")


class DirectAnswer(NamedTuple):
    """An answer to a request; `detail` is its DETAIL_HEADER."""

    status: int
    body: bytes
    detail: str | None = None


class RecordedStream(Generic[T]):
    """The messages of one subscription: what has happened so far.

    Iterating ends when all of that is read, and goes on later with what has happened since. Of the
    ticks that nobody reads the last MOST_WAITING are kept; where some were dropped, `interruptions`
    and `gaps` are one more, and `on_gap` is called. No execution is dropped.
    """

    def __init__(
        self,
        wanted: Subscription,
        pick: Callable[[str | bytes, str], T | None],
        on_gap: Callable[[], object] | None = None,
    ) -> None:
        self.interruptions = self.gaps = 0
        self._on_gap = on_gap
        self._wanted = wanted
        self._pick = pick
        self._waiting: deque[Callable[[], bytes]] = deque()
        self._has_dropped = self._is_closed = False

    def record(self, book: OrderBook, executions: Sequence[Execution]) -> None:
        """Keep what an event of a book says to this subscription."""
        account, venue, symbol = self._wanted
        if self._is_closed or book.venue != venue or symbol not in (book.symbol, None):
            return
        if account is None:
            self._record_tick(book)
            return
        for execution in executions:
            for receiver in (execution.standing, execution.incoming):
                if receiver.account == account:
                    self._waiting.append(_later(execution_message, execution, receiver))

    def __iter__(self) -> "RecordedStream[T]":
        return self

    def __next__(self) -> T:
        if self._has_dropped:
            self._has_dropped = False
            self.interruptions += 1
            self.gaps += 1
            if self._on_gap is not None:
                self._on_gap()
        while self._waiting:
            picked = self._pick(self._waiting.popleft()(), HERE)
            if picked is not None:
                return picked
        raise StopIteration

    def close(self) -> None:
        """Record nothing more, and end the iteration."""
        self._is_closed = True
        self._waiting.clear()

    def __enter__(self) -> "RecordedStream[T]":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _record_tick(self, book: OrderBook) -> None:
        if len(self._waiting) == MOST_WAITING:
            self._waiting.popleft()
            self._has_dropped = True
        self._waiting.append(_later(tick_message, book.quote()))


def _later(render: Callable[..., bytes], *arguments: object) -> Callable[[], bytes]:
    """Most messages are never read, and rendering one takes longer than the trade that it tells."""
    return lambda: render(*arguments)


class RefusalJournal(RequestJournal):
    """Counts requests, and keeps those that were refused: nobody asks for the others here, and to
    keep one takes a sixth of the time that it is answered in.
    """

    def observe(self, answered: Answered) -> None:
        """Count a request, and keep it if it was refused."""
        if answered.status < "400":
            self.count += 1
        else:
            super().observe(answered)


class Application:
    """The routes of an exchange whose every change `history` is told, for who asks directly. Orders
    may be listed, and nobody needs a key.
    """

    def __init__(self, exchange: Exchange, history: History, timeline: Timeline) -> None:
        self._exchange, self._accounts = exchange, Accounts()
        self.journal = RefusalJournal(exchange.read_clock, self._accounts)
        self._app = make_app(
            Services(
                exchange,
                self._accounts,
                GameMaster(exchange, self._accounts),
                timeline,
                extra=True,
                history=history,
                journal=self.journal,
            )
        )

    def connection(self) -> "DirectConnection":
        """One more connection."""
        return DirectConnection(self._app, self._exchange, self._accounts)


class DirectConnection:
    """A client's connection to an application of this process. One thread may use it at a time, and
    must not hold the exchange's lock.
    """

    def __init__(self, app: DirectBottle, exchange: Exchange, accounts: Accounts) -> None:
        self._app, self._exchange, self._accounts = app, exchange, accounts
        self._heads = KnownHeads()
        self._reader = self._new_reader()
        self._streams: WeakSet[RecordedStream[Any]] = WeakSet()
        self._is_closed = False

    def request(
        self,
        method: str,
        path: str,
        kind: type[T],
        body: bytes | None = None,
        idempotency_key: str | None = None,
    ) -> T:
        """The result of one request; `path` is below the API's, or begins with EXTENSIONS. Raises
        Refused or MarketClosed.
        """
        if self._is_closed:
            raise MarketClosed
        target = address_of(API, path)
        answer = self._answered(self._written(method, target, body, idempotency_key))
        return read(answer.body, kind, HERE, answer.status, answer.detail)

    def listen(
        self,
        path: str,
        pick: Callable[[str | bytes, str], T | None],
        recovery: Recovery[T] | None = None,
        on_gap: Callable[[], object] | None = None,
    ) -> RecordedStream[T]:
        """The tape's messages from now on; `path` is below the tape's. No connection is ever lost,
        so nothing has to be recovered. Raises Refused.
        """
        try:
            wanted = subscription(TAPE + path, {}, self._accounts)
        except ExchangeError as refusal:
            raise Refused(str(refusal), None, refusal.detail or None) from None
        stream = RecordedStream(wanted, pick, on_gap)
        self._streams.add(stream)
        with self._exchange.lock:
            self._exchange.add_publisher(self._record)
        return stream

    def close(self) -> None:
        """Answer no request any more, and record nothing."""
        self._is_closed = True
        with self._exchange.lock:
            self._exchange.remove_publisher(self._record)

    abort = close  # no request is under way: each is answered before its call returns

    def _record(self, book: OrderBook, executions: Sequence[Execution]) -> None:
        for stream in list(self._streams):
            stream.record(book, executions)

    @staticmethod
    def _written(method: str, target: str, body: bytes | None, once: str | None) -> bytes:
        head = f"{method} {target} HTTP/1.1\r\nHost: {HOST}\r\n"
        if once is not None:
            head += f"{IDEMPOTENCY_HEADER}: {once}\r\n"
        if body is None:
            return f"{head}\r\n".encode()
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    def _answered(self, sent: bytes) -> DirectAnswer:
        """The answer to a request."""
        try:
            self._reader.feed(sent)
        except Refusal as refusal:
            self._reader = self._new_reader()  # as a server hangs up
            status = int(refusal.status[:3])
            raise Refused(refusal.sentence, status, refusal.detail or None) from None
        return self._rendered(self._reader.ready.popleft())

    def _rendered(self, request: HttpRequest) -> DirectAnswer:
        response = self._app.respond(request)
        if response is None:
            return self._called(request)
        if isinstance(response, Future):
            if not response.done():
                raise RuntimeError(f"The answer to {request.head.environ} would come later")
            response = response.result()
        if isinstance(response, bytes):
            return DirectAnswer(200, response)
        body = response.body
        whole = body if isinstance(body, bytes) else b"".join(chunks_of(body))
        return _answer(response.status, whole, response.headers)

    def _called(self, request: HttpRequest) -> DirectAnswer:
        """The answer of a WSGI application."""
        started: list[tuple[str, Sequence[tuple[str, str]]]] = []
        chunks = self._app(
            request.environ(), lambda status, headers, *_: started.append((status, headers))
        )
        status, headers = started[-1]
        return _answer(status, b"".join(chunks), headers)

    def _new_reader(self) -> RequestReader:
        return RequestReader(_ENVIRON, Limits(), self._heads)


def _answer(status: str, body: bytes, headers: Sequence[tuple[str, str]]) -> DirectAnswer:
    details = (value for name, value in headers if name == DETAIL_HEADER)
    return DirectAnswer(int(status[:3]), body, next(details, None))
