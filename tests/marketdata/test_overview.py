"""All books of a venue in short."""

import json

import pytest
from wsgi import BUY, Client

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

    def told(self, **asked: object) -> dict[str, object]:
        query = "&".join(f"{name}={value}" for name, value in asked.items())
        answer = self.client("GET", f"{OVERVIEW}?{query}")
        assert answer.status == 200
        return answer.json  # type: ignore[no-any-return]


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
    (book,) = told["books"]  # type: ignore[misc]
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
    (book,) = market.told()["books"]  # type: ignore[misc]
    assert (book["open"], book["volume"], book["trades"]) == (4000, 0, 0)
    assert book["line"] == [4000] * POINTS
    market.trade(4400, 5)
    (book,) = market.told()["books"]  # type: ignore[misc]
    assert (book["last"], book["open"], book["volume"]) == (4400, 4000, 5)
    assert book["line"] == [4000] * (POINTS - 1) + [4400]
    for span in ("30m", "all"):
        (book,) = market.told(span=span)["books"]  # type: ignore[misc]
        assert (book["open"], book["volume"], book["line"][-1]) == (4000, 104, 4400)


def test_a_book_without_trades_has_neither_price_nor_line() -> None:
    market = Market()
    (book,) = market.told()["books"]  # type: ignore[misc]
    assert book == {"symbol": "FOOBAR", "volume": 0, "trades": 0, "line": []}
    assert market.told(span="all")["books"] == [book]


def test_extreme_prices_are_told_as_they_are() -> None:
    market = Market()
    market.trade(0)
    market.wait(6)
    market.trade(MAX_PRICE, MAX_QUANTITY)
    (book,) = market.told()["books"]  # type: ignore[misc]
    assert (book["open"], book["last"], book["volume"]) == (0, MAX_PRICE, MAX_QUANTITY + 10)
    assert book["line"] == [0, MAX_PRICE]


def test_it_is_told_which_books_are_halted_and_settled() -> None:
    market = Market()
    exchange = market.client.services.exchange
    exchange.halt(exchange.book("TESTEX", "FOOBAR"), "a lesson")
    exchange.settle(exchange.book("TESTEX", "OVER"), 0)
    halted, settled = market.told()["books"]  # type: ignore[misc]
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
    symbols = [book["symbol"] for book in rest["books"]]  # type: ignore[attr-defined]
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
