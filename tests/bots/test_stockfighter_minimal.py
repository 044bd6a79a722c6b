"""The client, against a live exchange, and against servers that lose what they are sent."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import Any

import pytest
import stockfighter_minimal as sf
from forked import forked, forked_by_multiprocessing, heard
from live import Exchange


@pytest.fixture
def scripts_url(exchange: Exchange) -> Iterator[str]:
    """What a script does first, undone afterwards."""
    sf.set_web_url(exchange.url)
    yield exchange.url
    sf.set_web_url(sf.DEFAULT_URL)
    sf.change_api_key("")


class Stub(BaseHTTPRequestHandler):
    """Answers `{"ok": true}`; what its server is to lose is read and then not answered."""

    protocol_version = "HTTP/1.1"
    server: "StubServer"

    def setup(self) -> None:
        super().setup()
        self.server.seen["connections"] += 1

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen[self.command] += 1
        if self.server.to_lose:
            self.server.to_lose -= 1
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    do_GET = do_POST = do_DELETE = _answer

    def log_message(self, *words: object) -> None:
        pass


class StubServer(ThreadingHTTPServer):
    daemon_threads = True
    answer = b'{"ok": true}'
    to_lose = 0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Stub)
        self.seen: Counter[str] = Counter()
        self.url = f"http://127.0.0.1:{self.server_port}/ob/api/"


@contextmanager
def stub() -> Iterator[StubServer]:
    with StubServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_an_order_is_placed_and_answered(scripts_url: str, venue: str) -> None:
    order = sf.Order(venue, "FOOBAR", "buy", 10, 4990, "limit", "ANN")
    answer = sf.execute(order)
    assert answer is not None
    assert (answer["venue"], answer["symbol"], answer["account"]) == (venue, "FOOBAR", "ANN")
    assert (answer["direction"], answer["qty"], answer["price"]) == ("buy", 10, 4990)
    assert answer["open"] is True and answer["id"] == 0


def test_an_order_has_defaults_that_can_be_changed_one_by_one(scripts_url: str, venue: str) -> None:
    order = sf.Order()
    order.venue, order.price = venue, 4321
    answer = sf.execute(order)
    assert answer is not None
    assert (answer["venue"], answer["price"], answer["orderType"]) == (venue, 4321, "limit")


@pytest.mark.parametrize("name", ["stock", "symbol"])
def test_an_order_may_be_a_dict_that_says_stock_or_symbol(
    scripts_url: str, venue: str, name: str
) -> None:
    answer = sf.execute_d(
        {
            "account": "ANN",
            "venue": venue,
            name: "FOOBAR",
            "qty": 3,
            "price": 5000,
            "direction": "sell",
            "orderType": "limit",
        }
    )
    assert answer is not None
    assert (answer["venue"], answer["symbol"], answer["qty"]) == (venue, "FOOBAR", 3)


def test_an_order_without_a_venue_is_a_mistake_of_the_script() -> None:
    with pytest.raises(ValueError, match="venue"):
        sf.execute_d({"symbol": "FOOBAR"})


def test_quote_and_orderbook_tell_of_the_order(scripts_url: str, venue: str) -> None:
    sf.execute(sf.Order(venue=venue, qty=10, price=4990))
    quote, book = sf.quote(venue, "FOOBAR"), sf.orderbook(venue, "FOOBAR")
    assert quote is not None and (quote["bid"], quote["bidSize"]) == (4990, 10)
    assert book is not None and book["bids"] == [{"price": 4990, "qty": 10, "isBuy": True}]


def test_a_cancelled_order_is_closed(scripts_url: str, venue: str) -> None:
    sf.execute(sf.Order(venue=venue))
    cancelled = sf.cancel(venue, "FOOBAR", 0)
    assert cancelled is not None and cancelled["open"] is False
    assert sf.status(venue, "FOOBAR", 0) == cancelled


def test_any_url_can_be_got_posted_to_and_deleted(scripts_url: str, venue: str) -> None:
    orders = f"{scripts_url}venues/{venue}/stocks/FOOBAR/orders"
    order = {"account": "ANN", "direction": "buy", "orderType": "limit", "price": 5, "qty": 1}
    posted = sf.get_json_from_url(orders, order)
    as_text = sf.get_json_from_url(orders, json.dumps(order))
    assert posted is not None and as_text is not None
    assert (posted["id"], as_text["id"]) == (0, 1)
    assert sf.get_json_from_url(orders + "/0") == posted
    deleted = sf.get_json_from_url(orders + "/0", deletemethod=True)
    assert deleted is not None and deleted["open"] is False


def test_names_are_encoded_in_urls(scripts_url: str, venue: str) -> None:
    name = f"{venue} & ü?#%"
    answer = sf.execute(sf.Order(venue=name, symbol="é=;"))
    assert answer is not None and (answer["venue"], answer["symbol"]) == (name, "é=;")


def test_a_refused_request_is_none_and_one_sentence(
    scripts_url: str, venue: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sf.execute(sf.Order(venue=venue, qty=-1)) is None
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    assert err.startswith("Refused: Illegal value (usually a non-positive number) (400, POST ")
    assert "/orders): qty is -1; allowed: " in err


def test_verbose_prints_the_answer(
    scripts_url: str, venue: str, capsys: pytest.CaptureFixture[str]
) -> None:
    quote = sf.quote(venue, "FOOBAR", verbose=True)
    assert json.loads(capsys.readouterr().out) == quote


def test_fills_are_moves_of_shares_and_cents(scripts_url: str, venue: str) -> None:
    sf.execute(sf.Order(venue=venue, direction="sell", qty=10, price=5000))
    sf.execute(sf.Order(venue=venue, direction="sell", qty=30, price=5004))
    bought = sf.execute(sf.Order(venue=venue, direction="buy", qty=20, price=5010))
    assert sf.parse_fills_from_response(bought) == {
        "shares": 20,
        "cents": -100040,
        "fills": 2,
        "average": 5002,
    }
    assert sf.parse_fills_from_response(sf.status(venue, "FOOBAR", 0)) == {
        "shares": -10,
        "cents": 50000,
        "fills": 1,
        "average": 5000,
    }


def test_without_fills_nothing_moves() -> None:
    nothing = {"shares": 0, "cents": 0, "fills": 0, "average": None}
    assert sf.parse_fills_from_response(None) == nothing
    assert sf.parse_fills_from_response({"direction": "buy", "fills": []}) == nothing


@pytest.mark.parametrize(
    "given, meant",
    [
        ("http://127.0.0.1:8000/ob/api/", "http://127.0.0.1:8000/ob/api/"),
        ("http://127.0.0.1:8000/ob/api", "http://127.0.0.1:8000/ob/api/"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/ob/api/"),
        ("https://exchange.example/", "https://exchange.example/ob/api/"),
        ("https://exchange.example/behind/a/proxy", "https://exchange.example/behind/a/proxy/"),
    ],
)
def test_a_url_is_completed(given: str, meant: str) -> None:
    assert sf.api_url(given) == meant


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://host/", "http://", "http://a:x/"])
def test_what_is_no_url_of_an_exchange_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="is no url of an exchange"):
        sf.set_web_url(url)


def test_a_thread_keeps_its_connection() -> None:
    with stub() as server:
        client = sf.Client(server.url)
        for _ in range(5):
            assert client.quote("V", "S") == {"ok": True}
        assert server.seen == {"connections": 1, "GET": 5}
        thread = threading.Thread(target=client.quote, args=("V", "S"))
        thread.start()
        thread.join()
        assert server.seen == {"connections": 2, "GET": 6}
        client.close()


def test_a_post_whose_answer_was_lost_is_not_sent_again(capsys: pytest.CaptureFixture[str]) -> None:
    with stub() as server:
        client = sf.Client(server.url)
        client.quote("V", "S")
        server.to_lose = 1
        assert client.execute(sf.Order()) is None
        assert server.seen["POST"] == 1
        client.close()
    assert "it may have been placed, or not" in capsys.readouterr().err


def test_reading_and_cancelling_are_repeated_until_answered(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with stub() as server:
        client = sf.Client(server.url)
        server.to_lose = 2
        assert client.quote("V", "S") == {"ok": True}
        server.to_lose = 1
        assert client.cancel("V", "S", 0) == {"ok": True}
        assert (server.seen["GET"], server.seen["DELETE"]) == (3, 2)
        client.close()
    sentences = capsys.readouterr().err.splitlines()
    assert len(sentences) == 4  # away and back, for each of the two
    assert "trying again" in sentences[0] and "answers again" in sentences[1]


@pytest.mark.parametrize("answer", [b"<html>", b"[1]", b"\xff", b""])
def test_an_answer_that_is_no_json_object_is_none_and_one_sentence(
    answer: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    with stub() as server:
        server.answer = answer
        client = sf.Client(server.url)
        assert client.quote("V", "S") is None
        client.close()
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "but no JSON object" in err


def test_waiting_for_an_exchange_ends_when_told_to_stop(capsys: pytest.CaptureFixture[str]) -> None:
    with stub() as server:
        url = server.url
    stop = threading.Event()  # and nobody listens at the url any more
    client = sf.Client(url, stop=stop)
    timer = threading.Timer(0.5, stop.set)
    timer.start()
    with pytest.raises(sf.Stopped):
        client.execute(sf.Order())
    timer.join()
    assert capsys.readouterr().err.count("\n") == 1


def test_a_stopped_client_sends_nothing() -> None:
    with stub() as server:
        client = sf.Client(server.url)
        client.stop.set()
        with pytest.raises(sf.Stopped):
            client.execute(sf.Order())
        assert server.seen["POST"] == 0


def test_a_key_that_cannot_be_sent_is_a_sentence(
    exchange: Exchange, venue: str, capsys: pytest.CaptureFixture[str]
) -> None:
    client = sf.Client(exchange.url, key="two\nlines")
    assert client.quote(venue, "FOOBAR") is None
    assert "Cannot send" in capsys.readouterr().err


@pytest.mark.parametrize("fork", [forked, forked_by_multiprocessing])
def test_after_a_fork_each_process_gets_its_own_answers(
    scripts_url: str, venue: str, fork: Callable[..., Any]
) -> None:
    def prices_answered(first: int) -> list[int]:
        orders = (sf.Order(venue=venue, price=first + number) for number in range(300))
        return [answer["price"] for answer in map(sf.execute, orders) if answer]

    def trade(pipe: Connection) -> None:
        pipe.send("ready")
        pipe.recv()
        pipe.send(prices_answered(5000))

    sf.execute(sf.Order(venue=venue))
    with fork(trade) as child:
        assert heard(child) == "ready"
        child.send("go")
        assert prices_answered(1000) == list(range(1000, 1300))
        assert heard(child) == list(range(5000, 5300))


def test_the_child_of_a_fork_ends_no_connection_of_the_parents() -> None:
    with stub() as server:
        client = sf.Client(server.url)
        copy = client.with_key("k")
        client.quote("V", "S")

        def use(pipe: Connection) -> None:
            copy.close()
            pipe.send(copy.quote("V", "S"))

        with client._shared.lock, forked(use) as child:
            assert heard(child) == {"ok": True}
        client.quote("V", "S")
        client.close()
        assert server.seen["connections"] == 2
