"""The taker sends market orders and leaves nothing in the book."""

from book_gateway import BookGateway, trade

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import BUY, MARKET, SELL
from disorderbook.traders.market_view import MarketView
from disorderbook.traders.taker import MAX_QUANTITY, MIN_QUANTITY, Taker


def test_its_orders_are_market_orders_of_both_sides() -> None:
    book = OrderBook("V", "S", 0)
    view, taker = MarketView(BookGateway(book, "TAKER"), "TAKER", 1), Taker()
    for _ in range(60):
        taker.step(view)
    orders = book.orders_of("TAKER")
    assert len(orders) == 60
    assert {order.type for order in orders} == {MARKET}
    assert {order.side for order in orders} == {BUY, SELL}
    assert not any(order.is_open for order in orders) and not view.resting
    quantities = [order.quantity for order in orders]
    assert MIN_QUANTITY <= min(quantities) < 20 and 50 < max(quantities) <= MAX_QUANTITY


def test_it_takes_what_is_offered_and_knows_its_position() -> None:
    book = OrderBook("V", "S", 0)
    view, taker = MarketView(BookGateway(book, "TAKER"), "TAKER", 1), Taker()
    trade(book, SELL, 10_000, 5100)
    trade(book, BUY, 10_000, 4900)
    for _ in range(20):
        taker.step(view)
    orders = book.orders_of("TAKER")
    bought = sum(order.filled for order in orders if order.side is BUY)
    sold = sum(order.filled for order in orders if order.side is SELL)
    assert bought and sold and bought + sold == sum(order.quantity for order in orders)
    assert (view.shares, view.cents) == (bought - sold, 4900 * sold - 5100 * bought)
