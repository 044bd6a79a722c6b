"""What a strategy sees through a view, and the books that the view keeps of its account."""

from typing import Any

from book_gateway import BookGateway, trade

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import BUY, SELL
from disorderbook.traders.market_view import (
    MAX_PRICE,
    Depth,
    MarketView,
    TopOfBook,
)


def a_view(**options: Any) -> tuple[MarketView, OrderBook]:
    book = OrderBook("TESTEX", "FOOBAR", 0)
    return MarketView(BookGateway(book, "ANN"), "ANN", 1, **options), book


def test_it_shows_the_best_prices_the_last_trade_and_the_book() -> None:
    view, book = a_view()
    assert view.quote() == TopOfBook() and view.book() == Depth()
    for side, quantity, price in ((BUY, 5, 4990), (BUY, 6, 4980), (SELL, 7, 5000), (BUY, 2, 5000)):
        trade(book, side, quantity, price)
    assert view.quote() == TopOfBook(4990, 5000, 5000) and view.last_price == 5000
    assert view.book() == Depth(((4990, 5), (4980, 6)), ((5000, 5),))


def test_its_position_is_what_its_orders_have_traded() -> None:
    view, book = a_view()
    trade(book, SELL, 4, 5000)
    view.place(BUY, 10, 5001)
    assert (view.shares, view.cents) == (4, -20_000)
    trade(book, SELL, 3, 5001)
    assert (view.shares, view.cents) == (4, -20_000)  # it has not looked since
    view.refresh()
    assert (view.shares, view.cents) == (7, -35_003)
    trade(book, SELL, 1, 5001)
    view.cancel_oldest(beyond=0)
    assert (view.shares, view.cents, view.cancelled) == (8, -40_004, 1)
    view.place(SELL, 8, 6000)
    trade(book, BUY, 8, 6000)
    view.refresh()
    assert (view.shares, view.cents, dict(view.resting)) == (0, 7_996, {})


def test_a_cancel_that_comes_too_late_is_none() -> None:
    view, book = a_view()
    view.place(BUY, 10, 5000)
    trade(book, SELL, 10, 5000)
    view.cancel(0)
    assert (view.cancelled, view.shares, dict(view.resting)) == (0, 10, {})


def test_the_oldest_orders_are_cancelled() -> None:
    view, book = a_view()
    for price in range(4000, 4012):
        view.place(BUY, 1, price)
    view.cancel_oldest(beyond=10)
    assert list(view.resting) == list(range(2, 12))
    assert [order.is_open for order in book.orders_of("ANN")] == [False] * 2 + [True] * 10


def test_prices_stay_in_the_range_that_an_exchange_takes() -> None:
    view, book = a_view()
    view.place(BUY, 1, -50)
    view.place(SELL, 1, MAX_PRICE + 100)
    assert [order.price for order in book.orders_of("ANN")] == [1, MAX_PRICE]


def test_a_market_order_never_rests() -> None:
    view, book = a_view()
    view.take(BUY, 5)
    trade(book, SELL, 3, 5000)
    view.take(BUY, 5)
    assert (view.shares, view.placed, dict(view.resting)) == (3, 2, {})


def test_it_sends_no_more_orders_than_it_may() -> None:
    view, book = a_view(orders=2)
    for _ in range(5):
        view.place(BUY, 1, 5000)
        view.take(SELL, 1)
    assert view.has_finished and (view.sent, book.next_id) == (2, 2)


def test_refused_orders_count_as_sent_and_leave_nothing() -> None:
    gateway = BookGateway(OrderBook("V", "S", 0), "ANN")
    gateway.is_deaf = True
    view = MarketView(gateway, "ANN", 1, orders=1)
    assert view.quote() == TopOfBook() and view.book() == Depth()
    view.place(BUY, 1, 5000)
    assert (view.sent, view.placed, view.has_finished) == (1, 0, True)


def test_orders_of_an_exchange_that_was_started_afresh_are_forgotten() -> None:
    for forget in ("place", "refresh"):
        gateway = BookGateway(OrderBook("V", "S", 0), "ANN")
        view = MarketView(gateway, "ANN", 1)
        for price in (4000, 4001, 4002):
            view.place(BUY, 1, price)
        gateway.book_itself = OrderBook("V", "S", 0)
        trade(gateway.book_itself, BUY, 9, 10)  # has the id of ours, and is somebody else's
        if forget == "place":
            view.place(BUY, 1, 4003)
            assert list(view.resting) == [1]
        view.refresh()
        assert list(view.resting) == ([1] if forget == "place" else [])
        assert view.shares == 0


def test_what_it_sent_is_reported_with_the_account() -> None:
    lines: list[str] = []
    view, book = a_view(say=lines.append)
    trade(book, SELL, 4, 5000)
    view.place(BUY, 10, 5001)
    view.take(SELL, 3)
    assert lines == [
        "ANN buy 10 @ 5001: id 1, 4 filled",
        "ANN sell 3 at any price: id 2, 3 filled",
    ]
