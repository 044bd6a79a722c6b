"""The gateway over HTTP: what it carries, what it repeats, and what it reports."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from live import Exchange, running

from disorderbook.client import Market
from disorderbook.engine.orders import BUY, LIMIT, MARKET, SELL
from disorderbook.runner.gateway import Endpoint, HttpGateway, Outage, Stopped
from disorderbook.traders.market_view import Depth, MarketView, OwnOrder, TopOfBook


class Bot:
    """A gateway with all that it reported."""

    def __init__(self, url: str, venue: str = "TESTEX", account: str = "ANN") -> None:
        self.reports: list[str] = []
        self.stop = threading.Event()
        endpoint = Endpoint(url, venue, "FOOBAR")
        self.outage = Outage(endpoint.host, self.reports.append)
        self.gateway = HttpGateway(
            endpoint, account, "", self.outage, self.stop, self.reports.append
        )


class Losing(BaseHTTPRequestHandler):
    """Answers no more than the server has answers for; each other request is read and lost."""

    server: "LosingServer"

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen[self.command] += 1
        if self.server.seen[self.command] <= self.server.losses:
            self.close_connection = True
            return
        body = json.dumps(self.server.answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_DELETE = do_GET

    def log_message(self, *words: object) -> None:
        pass


class LosingServer(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Losing)
        self.seen: Counter[str] = Counter()
        self.losses = 0
        self.answer: dict[str, object] = {
            "ok": True,
            "venue": "TESTEX",
            "symbol": "FOOBAR",
            "direction": "buy",
            "originalQty": 1,
            "qty": 1,
            "price": 1,
            "orderType": "limit",
            "id": 7,
            "account": "ANN",
            "ts": "",
            "fills": [],
            "totalFilled": 0,
            "open": True,
        }
        self.url = f"http://127.0.0.1:{self.server_port}/"


@pytest.fixture
def losing() -> Iterator[LosingServer]:
    with LosingServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_it_carries_orders_and_what_the_market_shows(exchange: Exchange, venue: str) -> None:
    bot = Bot(exchange.url, venue)
    gateway = bot.gateway
    assert gateway.place(SELL, 10, 5000, LIMIT) == OwnOrder(0, SELL, 5000, 10, 0, 0, True)
    assert gateway.place(BUY, 4, 0, MARKET) == OwnOrder(1, BUY, 0, 4, 4, 20_000, False)
    assert gateway.place(BUY, 3, 4990, LIMIT) == OwnOrder(2, BUY, 4990, 3, 0, 0, True)
    assert gateway.quote() == TopOfBook(4990, 5000, 5000)
    assert gateway.book() == Depth(((4990, 3),), ((5000, 6),))
    assert gateway.status(0) == OwnOrder(0, SELL, 5000, 10, 4, 20_000, True)
    assert gateway.cancel(0) == OwnOrder(0, SELL, 5000, 10, 4, 20_000, False)
    assert bot.reports == []
    gateway.close()


def test_an_order_of_somebody_else_is_none_of_its_own(exchange: Exchange, venue: str) -> None:
    with Market(venue, "FOOBAR", "BOB", url=exchange.url) as market:
        market.buy(5000, 1)
    bot = Bot(exchange.url, venue)
    assert bot.gateway.status(0) is None and bot.reports == []


def test_a_refusal_is_reported_in_a_sentence(exchange: Exchange, venue: str) -> None:
    bot = Bot(exchange.url, venue)
    assert bot.gateway.place(BUY, 0, 5000, LIMIT) is None
    assert bot.gateway.status(99) is None
    assert len(bot.reports) == 2
    assert all(report.startswith("Refused: ") for report in bot.reports)
    assert f"POST {exchange.url}venues/{venue}/stocks/FOOBAR/orders)" in bot.reports[0]
    assert "): qty is 0; allowed: " in bot.reports[0]
    assert f"GET {exchange.url}venues/{venue}/stocks/FOOBAR/orders/99)" in bot.reports[1]


def test_what_changes_nothing_twice_is_repeated_until_it_is_answered(losing: LosingServer) -> None:
    losing.losses = 2
    bot = Bot(losing.url)
    assert bot.gateway.status(7) is not None and bot.gateway.cancel(7) is not None
    assert losing.seen == {"GET": 3, "DELETE": 3}
    away, back = f"Cannot reach {losing.url[:-1]} (", f"{losing.url[:-1]} answers again."
    assert len(bot.reports) == 4
    assert all(report.startswith(away) for report in bot.reports[::2])
    assert bot.reports[1::2] == [back, back]


def test_an_order_that_may_have_been_placed_is_never_sent_again(losing: LosingServer) -> None:
    losing.losses = 1
    bot = Bot(losing.url)
    assert bot.gateway.place(BUY, 1, 1, LIMIT) is None
    assert losing.seen == {"POST": 1}
    assert len(bot.reports) == 1 and "may have been placed, or not" in bot.reports[0]


def test_an_order_is_sent_once_the_exchange_is_there() -> None:
    with running() as exchange:
        pass
    bot = Bot(exchange.url)
    placed: list[OwnOrder | None] = []
    thread = threading.Thread(
        target=lambda: placed.append(bot.gateway.place(BUY, 1, 5000, LIMIT)), daemon=True
    )
    thread.start()
    with running("-p", str(exchange.port)):
        thread.join(20)
    assert placed == [OwnOrder(0, BUY, 5000, 1, 0, 0, True)]


def test_once_stopped_nothing_is_sent(losing: LosingServer) -> None:
    bot = Bot(losing.url)
    bot.stop.set()
    for call in (bot.gateway.quote, lambda: bot.gateway.place(BUY, 1, 1, LIMIT)):
        with pytest.raises(Stopped):
            call()
    assert not losing.seen


def test_stopping_ends_the_wait_for_an_exchange_that_is_away(losing: LosingServer) -> None:
    losing.losses = 10**6
    bot = Bot(losing.url)
    timer = threading.Timer(0.3, bot.stop.set)
    timer.start()
    with pytest.raises(Stopped):
        bot.gateway.quote()
    timer.join()
    assert len(bot.reports) == 1


def test_a_view_over_http_forgets_the_orders_of_an_exchange_that_was_started_afresh() -> None:
    with running() as exchange:
        bot = Bot(exchange.url)
        view = MarketView(bot.gateway, "ANN", 1)
        for price in (4000, 4001, 4002):
            view.place(BUY, 1, price)
        assert list(view.resting) == [0, 1, 2]
    with running("-p", str(exchange.port)):
        view.place(BUY, 1, 4003)
        assert (list(view.resting), view.placed) == ([0], 4)
