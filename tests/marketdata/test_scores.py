"""The scores as a page, whose exact layout the recorded answers hold, as JSON and as CSV."""

import csv
import io
import json

import pytest

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import NewOrder, OrderType, Side
from disorderbook.marketdata import scores
from disorderbook.marketdata.ranking import Rankings
from disorderbook.marketdata.scores import NO_TRADES, Viewer
from disorderbook.protocol.route import Steps

NOW = "1970-01-01T00:00:00.000000007Z"


def whole(steps: Steps) -> bytes:
    """An answer of one step."""
    with pytest.raises(StopIteration) as end:
        next(steps)
    return bytes(end.value.value)


def scores_page(book: OrderBook, hide_holdings: bool) -> str:
    return whole(scores.scores_page(Rankings(), book, 7, Viewer(hide_holdings))).decode()


def scores_message(
    book: OrderBook, hide_holdings: bool, owner: str | None = None, most: int | None = None
) -> bytes:
    viewer = Viewer(hide_holdings, owner)
    return whole(scores.scores_message(Rankings(), book, 7, viewer, most))


def scores_table(book: OrderBook, hide_holdings: bool, owner: str | None = None) -> bytes:
    return whole(scores.scores_table(Rankings(), book, 7, Viewer(hide_holdings, owner)))


def traded(seller: str, buyer: str) -> OrderBook:
    book = OrderBook("TESTEX", "FOOBAR", 1)
    for account, side in ((seller, Side.SELL), (buyer, Side.BUY)):
        book.submit(NewOrder(account, side, OrderType.LIMIT, 5001, 10), 2)
    return book


def test_there_are_no_scores_before_a_trade() -> None:
    book = OrderBook("TESTEX", "FOOBAR", 1)
    book.submit(NewOrder("ann", Side.BUY, OrderType.LIMIT, 1, 1), 2)
    assert scores_page(book, hide_holdings=False) == NO_TRADES


def test_dollars_are_rounded_down() -> None:
    page = scores_page(traded("ann", "bob"), hide_holdings=False)
    assert "$500 " in page and "$-501 " in page and "Current price: $50.01\n" in page


def test_holdings_can_be_hidden() -> None:
    page = scores_page(traded("ann", "bob"), hide_holdings=True)
    assert page.count("[hidden]") == 4 and "$500" not in page


def test_names_are_escaped__difference_15() -> None:
    page = scores_page(traded("<script>", "a&b"), hide_holdings=False)
    assert "&lt;script&gt;        $" in page and "a&amp;b             $" in page
    assert "<script>" not in page


def test_a_name_cannot_forge_a_line() -> None:
    page = scores_page(traded("a\nb", "c\u2028"), hide_holdings=False)
    assert "a\ufffdb             $" in page and "c\ufffd              $" in page


def test_an_account_that_traded_with_itself_is_listed() -> None:
    page = scores_page(traded("ann", "ann"), hide_holdings=False)
    assert "ann             $0          0          0          0          $0           \n" in page


def test_scores_as_json_are_in_cents_and_agree_with_the_page() -> None:
    message = json.loads(scores_message(traded("ann", "bob"), hide_holdings=False))
    assert message == {
        "ok": True,
        "venue": "TESTEX",
        "symbol": "FOOBAR",
        "price": 5001,
        "startTime": "1970-01-01T00:00:00.000000001Z",
        "currentTime": NOW,
        "accounts": 2,
        "scores": [
            {"account": "ann", "nav": 0, "lowest": -10, "highest": 0, "cash": 50010, "shares": -10},
            {"account": "bob", "nav": 0, "lowest": 0, "highest": 10, "cash": -50010, "shares": 10},
        ],
    }


def test_scores_as_json_hide_what_the_page_hides() -> None:
    book = traded("ann", "bob")
    book.submit(NewOrder("cat", Side.SELL, OrderType.LIMIT, 5006, 1), 3)
    book.submit(NewOrder("cat", Side.BUY, OrderType.LIMIT, 5006, 1), 4)
    told = json.loads(scores_message(book, hide_holdings=True))["scores"]
    assert all(row.keys() == {"account", "nav"} for row in told)
    assert [(row["account"], row["nav"]) for row in told] == [
        ("bob", 0),
        ("cat", 0),
        ("ann", -100),  # 50 cents more and less, in whole dollars
    ]


def test_an_owner_is_told_his_holdings_and_nobody_elses() -> None:
    book = traded("ann", "bob")
    book.submit(NewOrder("cat", Side.SELL, OrderType.LIMIT, 5006, 1), 3)
    book.submit(NewOrder("cat", Side.BUY, OrderType.LIMIT, 5006, 1), 4)
    told = scores_message(book, hide_holdings=True, owner="ann")
    bob, cat, ann = json.loads(told)["scores"]
    assert ann == {
        "account": "ann",
        "nav": -50,
        "lowest": -10,
        "highest": 0,
        "cash": 50010,
        "shares": -10,
    }
    assert bob.keys() == cat.keys() == {"account", "nav"}
    assert scores_table(book, hide_holdings=True, owner="ann").splitlines()[1:] == [
        b'"bob",0,"","","",""',
        b'"cat",0,"","","",""',
        b'"ann",-50,-10,0,50010,-10',
    ]


@pytest.mark.parametrize("hide_holdings", [False, True])
def test_only_so_many_of_the_best_are_told(hide_holdings: bool) -> None:
    book = traded("ann", "bob")
    told = scores_message(book, hide_holdings, "bob", most=1)
    assert [row["account"] for row in json.loads(told)["scores"]] == ["ann"]


def test_scores_as_json_have_no_price_before_a_trade() -> None:
    message = json.loads(scores_message(OrderBook("V", "S", 1), hide_holdings=True))
    assert message["scores"] == [] and "price" not in message


def rows_of(table: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.decode(), newline="")))


@pytest.mark.parametrize("hide_holdings", [False, True])
def test_scores_as_csv_have_the_rows_of_the_json(hide_holdings: bool) -> None:
    book = traded("ann", "bob")
    book.submit(NewOrder("cat", Side.SELL, OrderType.LIMIT, 5006, 1), 3)
    book.submit(NewOrder("cat", Side.BUY, OrderType.LIMIT, 5006, 1), 4)
    table = scores_table(book, hide_holdings)
    told = json.loads(scores_message(book, hide_holdings))["scores"]
    assert rows_of(table) == [{key: str(row[key]) for key in row} for row in told]
    assert (b"cash" in table) is not hide_holdings


def test_scores_as_csv_quote_text_and_not_numbers() -> None:
    assert scores_table(traded("ann", "bob"), hide_holdings=False).splitlines() == [
        b'"account","nav","lowest","highest","cash","shares"',
        b'"ann",0,-10,0,50010,-10',
        b'"bob",0,0,10,-50010,10',
    ]


@pytest.mark.parametrize("hide_holdings", [False, True])
def test_scores_as_csv_have_their_heading_before_a_trade(hide_holdings: bool) -> None:
    table = scores_table(OrderBook("V", "S", 1), hide_holdings)
    holdings = b',"lowest","highest","cash","shares"' * (not hide_holdings)
    assert table == b'"account","nav"' + holdings + b"\r\n"


def test_no_name_in_csv_is_a_formula() -> None:
    shown = [row["account"] for row in rows_of(scores_table(traded("=1+1", "bob"), False))]
    assert shown == ["'=1+1", "bob"]
