"""All books of a venue in short."""

import json
from typing import Any

import pytest
from wsgi import BUY, Client

from disorderbook.engine.book import OrderBook
from disorderbook.marketdata import overview
from disorderbook.marketdata.history import SECOND
from disorderbook.marketdata.overview import BOOKS_AT_ONCE, MOST_BOOKS, POINTS
from disorderbook.protocol.names import MAX_PRICE, MAX_QUANTITY

OVERVIEW = "/api/v1/venues/TESTEX/overview"
BEGAN = 1_700_000_000 * SECOND


class Market:
    """A market whose clock a test moves."""

    def __init__(self, max_books: int = 200) -> None:
        self.now = BEGAN
        self.client = Client(clock=lambda: self.now, max_books=max_books)

    def order(self, direction: str, price: int, qty: int = 10, symbol: str = "FOOBAR") -> None:
        fields = BUY | {"direction": direction, "price": price, "qty": qty}
        path = f"/ob/api/venues/TESTEX/stocks/{symbol}/orders"
        assert self.client("POST", path, fields).status == 200

    def trade(self, price: int, qty: int = 10, symbol: str = "FOOBAR") -> None:
        self.order("sell", price, qty, symbol)
        self.order("buy", price, qty, symbol)

    def wait(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)

    def told(self, **asked: object) -> dict[str, Any]:
        query = "&".join(f"{name}={value}" for name, value in asked.items())
        answer = self.client("GET", f"{OVERVIEW}?{query}")
        assert answer.status == 200
        return dict(answer.json)


def test_a_book_is_told_with_its_prices_and_how_it_went() -> None:
    market = Market()
    market.trade(5000, 10)
    market.wait(10)
    market.trade(5100, 20)
    market.wait(20)
    market.order("buy", 5050, 7)
    market.order("sell", 5150, 8)
    told = market.told()
    assert told["stocks"] == 1 and told["skipped"] == 0
    (book,) = told["books"]
    line = book.pop("line")
    assert book == {
        "symbol": "FOOBAR",
        "last": 5100,
        "bid": 5050,
        "bidSize": 7,
        "ask": 5150,
        "askSize": 8,
        "open": 5000,
        "volume": 30,
        "trades": 2,
    }
    assert line == [5000] * 2 + [5100] * 5  # parts of five seconds; before was nothing


def test_what_was_before_the_span_is_its_first_price_and_nothing_else() -> None:
    market = Market()
    market.trade(4000, 99)
    market.wait(400)
    (book,) = market.told()["books"]
    assert (book["open"], book["volume"], book["trades"]) == (4000, 0, 0)
    assert book["line"] == [4000] * POINTS
    market.trade(4400, 5)
    (book,) = market.told()["books"]
    assert (book["last"], book["open"], book["volume"]) == (4400, 4000, 5)
    assert book["line"] == [4000] * (POINTS - 1) + [4400]
    for span in ("30m", "all"):
        (book,) = market.told(span=span)["books"]
        assert (book["open"], book["volume"], book["line"][-1]) == (4000, 104, 4400)


def test_what_many_look_at_is_made_once_a_second_and_after_each_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    market, made = Market(), []
    in_short = overview._in_short

    def note(book: OrderBook, *others: Any) -> Any:
        made.append(book.symbol)
        return in_short(book, *others)

    monkeypatch.setattr(overview, "_in_short", note)
    market.trade(5000, symbol="B")  # beside FOOBAR, which has none
    first = market.told()
    market.wait(0.5)
    assert market.told()["books"] == first["books"] and made == ["FOOBAR", "B"]
    market.told(span="30m")
    market.told(skip=1, limit=1)
    assert made == ["FOOBAR", "B"] * 2, "those of another span"
    market.order("buy", 4000, symbol="B")
    assert market.told()["books"][1]["bid"] == 4000 and made[4:] == ["B"]
    market.wait(0.5)
    market.told()
    assert made[5:] == ["FOOBAR", "B"]
    book = market.client.services.exchange.book("TESTEX", "FOOBAR")
    market.client.services.exchange.halt(book, "a break")
    assert market.told()["books"][0]["halted"] == "a break"


def test_a_book_without_trades_has_neither_price_nor_line() -> None:
    market = Market()
    (book,) = market.told()["books"]
    assert book == {"symbol": "FOOBAR", "volume": 0, "trades": 0, "line": []}
    assert market.told(span="all")["books"] == [book]


def test_extreme_prices_are_told_as_they_are() -> None:
    market = Market()
    market.trade(0)
    market.wait(6)
    market.trade(MAX_PRICE, MAX_QUANTITY)
    (book,) = market.told()["books"]
    assert (book["open"], book["last"], book["volume"]) == (0, MAX_PRICE, MAX_QUANTITY + 10)
    assert book["line"] == [0, MAX_PRICE]


def test_it_is_told_which_books_are_halted_and_settled() -> None:
    market = Market()
    exchange = market.client.services.exchange
    exchange.halt(exchange.book("TESTEX", "FOOBAR"), "a lesson")
    exchange.settle(exchange.book("TESTEX", "OVER"), 0)
    halted, settled = market.told()["books"]
    assert halted["halted"] == "a lesson" and "settled" not in halted
    assert settled["settled"] == 0


def test_a_venue_of_many_books_is_told_in_parts_and_in_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    market, made = Market(max_books=1000), []
    exchange = market.client.services.exchange
    names = ["FOOBAR", *(f"S{number}" for number in range(MOST_BOOKS + 29))]
    for name in names:
        exchange.book("TESTEX", name)
    in_short = overview._in_short

    def counted(book: object, *others: object) -> object:
        made.append(book)
        return in_short(book, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(overview, "_in_short", counted)
    steps, counts = [], []
    for step in market.client.steps(OVERVIEW):
        steps.append(step)
        counts.append(len(made))
        made.clear()
    assert max(counts) == BOOKS_AT_ONCE and sum(counts) == MOST_BOOKS
    told = json.loads(b"".join(steps))
    assert told["stocks"] == len(names)
    assert [book["symbol"] for book in told["books"]] == names[:MOST_BOOKS]
    rest = market.told(skip=MOST_BOOKS, limit=20)
    assert rest["skipped"] == MOST_BOOKS
    symbols = [book["symbol"] for book in rest["books"]]
    assert symbols == names[MOST_BOOKS : MOST_BOOKS + 20]
    assert market.told(skip=5000)["books"] == []


@pytest.mark.parametrize("question", ["span=5h", "skip=-1", f"limit={MOST_BOOKS + 1}"])
def test_an_odd_question_about_a_venue_is_refused(question: str) -> None:
    assert Client()("GET", f"{OVERVIEW}?{question}").status == 400


def test_a_venue_that_nobody_has_used_stays_unopened() -> None:
    client = Client()
    answer = client("GET", "/api/v1/venues/NEW/overview")
    assert answer.error == (404, "Venue NEW does not exist (create it by using it)")
    assert len(client("GET", "/api/v1/server").json["venues"]) == 1
