"""Who buys at any price buys a few shares, within bounds, and never rests."""

from book_gateway import BookGateway, trade

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import BUY, SELL, OrderType
from disorderbook.traders.market_buyer import RETAIL, MarketBuyer
from disorderbook.traders.market_view import MarketView


def test_each_step_is_one_market_buy_of_ten_to_thirteen_shares() -> None:
    book = OrderBook("V", "S", 0)
    trade(book, SELL, 10_000, 2_000_000_000)
    view = MarketView(BookGateway(book, "retail-1"), "retail-1", 1)
    buyer = MarketBuyer(*RETAIL)
    for _ in range(100):
        assert buyer.step(view) is False
    orders = book.orders_of("retail-1")
    assert {(order.side, order.type) for order in orders} == {(BUY, OrderType.MARKET)}
    assert {order.quantity for order in orders} == {10, 11, 12, 13}
    assert not view.resting and view.shares == sum(order.quantity for order in orders)
