"""Calls a WSGI application in this process, as a server would, without a socket."""

import io
import json
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from disorderbook.accounts import Accounts
from disorderbook.api.app import make_app
from disorderbook.api.services import Services
from disorderbook.control.journal import RequestJournal
from disorderbook.exchange import Exchange
from disorderbook.game.master import GameMaster, GameSettings
from disorderbook.ledger.base import Ledger
from disorderbook.marketdata.history import History
from disorderbook.marketdata.mark import Mark
from disorderbook.marketdata.scoreboard import Scoreboard
from disorderbook.protocol.names import MAX_BOOKS
from disorderbook.rules.market import NO_RULES, RuleBook
from disorderbook.server.origin import OriginPolicy
from disorderbook.server.reader import Head, HttpRequest
from disorderbook.server.unsent import chunks_of
from disorderbook.timeline.clock import RealClock
from disorderbook.timeline.thread import TimelineThread
from disorderbook.timeline.timeline import Timeline

KEYS = {"BLSHBOTS": "blshkey", "NOISEBOTS": "noisekey", "EXB123456": "exb123456"}
ORDERS = "/ob/api/venues/TESTEX/stocks/FOOBAR/orders"
DAY_0_SECONDS = 60.0  # until it has been traded; far more than it takes
BUY = {"account": "ANN", "direction": "buy", "orderType": "limit", "price": 5000, "qty": 10}


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def type(self) -> str:
        return self.headers["Content-Type"].split(";")[0]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def ok(self) -> bool:
        """Whether what was asked for was done."""
        return self.status == 200 and self.json["ok"] is True

    @property
    def error(self) -> tuple[int, str]:
        """Status and sentence of a refusal, once its envelope is found to be right."""
        assert self.type == "application/json"
        assert self.json.keys() == {"ok", "error"} and self.json["ok"] is False
        return self.status, self.json["error"]


def _as_request(environ: dict[str, Any]) -> HttpRequest:
    """What our server's reader would make of the request."""
    body = environ["wsgi.input"].getvalue()
    return HttpRequest(Head(len(body), environ), {}, body, True)


class Client:
    """Talks to an exchange of its own, which `services` lets a test look into."""

    def __init__(
        self,
        venue: str = "TESTEX",
        symbol: str = "FOOBAR",
        *,
        extra: bool = False,
        keys: dict[str, str] | None = None,
        max_books: int = MAX_BOOKS,
        clock: Callable[[], int] = time.time_ns,
        ledger: Ledger = Ledger(),
        allowed_hosts: Sequence[str] = (),
        game: GameSettings = GameSettings(),
        has_tape: bool = False,
        has_journal: bool = False,
        mark: Mark = Mark.LAST,
        admin_key: str | None = None,
        rules: RuleBook = NO_RULES,
    ) -> None:
        history, accounts = History(0), Accounts(keys)
        exchange = Exchange(max_books, [history.record], clock, ledger, rules)
        master = GameMaster(exchange, accounts, game, has_tape=has_tape, forget=[history.forget])
        timeline = Timeline(exchange, RealClock(clock), [master])
        thread = TimelineThread(exchange, master, timeline)  # begins with the first level
        self.close = weakref.finalize(self, thread.stop)  # for who cannot wait to be collected
        self.close.atexit = False
        self.services = Services(
            exchange,
            accounts,
            master,
            timeline,
            extra,
            history,
            origins=OriginPolicy(allowed_hosts),
            journal=RequestJournal(clock, accounts) if has_journal else None,
            admin_key=admin_key,
            scores=Scoreboard(exchange, history, mark),
        )
        self.services.exchange.book(venue, symbol)
        self.app = make_app(self.services)

    def __call__(
        self,
        method: str,
        path: str,
        body: object = b"",
        headers: dict[str, str] | None = None,
        **environ: str,
    ) -> Answer:
        """One request; a body that is not bytes is sent as JSON."""
        return self._call(self._environ(method, path, body, headers) | environ)

    @staticmethod
    def _environ(
        method: str, path: str, body: object, headers: dict[str, str] | None
    ) -> dict[str, Any]:
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        path, _, query = path.partition("?")
        variables = {
            "REQUEST_METHOD": method,
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "SERVER_PROTOCOL": "HTTP/1.1",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8000",
            "HTTP_HOST": "127.0.0.1:8000",
            "CONTENT_LENGTH": str(len(sent)),
            "wsgi.input": io.BytesIO(sent),
            "wsgi.errors": io.StringIO(),
            "wsgi.url_scheme": "http",
        }
        for name, value in (headers or {}).items():
            name = name.upper().replace("-", "_")
            is_own = name in ("CONTENT_TYPE", "CONTENT_LENGTH")
            variables[name if is_own else f"HTTP_{name}"] = value
        return variables

    def _call(self, environ: dict[str, Any]) -> Answer:
        """As our own server does: the direct way first, then that of WSGI. A length that is not the
        body's can only come from another server.
        """
        request = _as_request(environ)
        is_own = environ["CONTENT_LENGTH"] == str(request.head.length)
        response = self.app.respond(request) if is_own else None
        if isinstance(response, Future):
            response = response.result(DAY_0_SECONDS)
        if isinstance(response, bytes):
            headers = {"Content-Type": "application/json", "Content-Length": str(len(response))}
            return Answer(200, headers, response)
        if response is not None:
            has_length = isinstance(response.body, (bytes, list, tuple))
            whole = isinstance(response.body, bytes)
            body = response.body if whole else b"".join(chunks_of(response.body))
            length = {"Content-Length": str(len(body))} if has_length else {}
            return Answer(int(response.status[:3]), dict(response.headers) | length, body)
        started: list[Any] = []
        chunks = self.app(environ, lambda *arguments: started.extend(arguments))
        status, headers, *_ = started
        return Answer(int(status.split()[0]), dict(headers), b"".join(chunks))

    def steps(
        self,
        path: str,
        headers: dict[str, str] | None = None,
        method: str = "GET",
        fields: dict[str, object] | None = None,
    ) -> Iterator[bytes]:
        """The body of an answer as our own server gets it: in one piece, or step by step."""
        body = b"" if fields is None else json.dumps(fields).encode()
        response = self.app.respond(_as_request(self._environ(method, path, body, headers)))
        if not isinstance(response, bytes):
            response = response.body
        return iter([response]) if isinstance(response, bytes) else iter(response)

    def order(self, **changes: object) -> Answer:
        """Post the order BUY with changes; a change to None leaves the field out."""
        fields = {name: value for name, value in (BUY | changes).items() if value is not None}
        return self("POST", ORDERS, fields)
