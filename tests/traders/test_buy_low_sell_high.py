"""Buy-low-sell-high waits, rests on the right side of the price, and knows what it owns."""

from book_gateway import BookGateway, trade

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import BUY, SELL
from disorderbook.traders.buy_low_sell_high import DISTANCE, QUANTITY, RESTING, BuyLowSellHigh
from disorderbook.traders.market_view import MarketView


def a_bot() -> tuple[BuyLowSellHigh, MarketView, OrderBook, list[str]]:
    book = OrderBook("V", "S", 0)
    lines: list[str] = []
    view = MarketView(BookGateway(book, "B"), "B", 1, say=lines.append)
    return BuyLowSellHigh(), view, book, lines


def test_it_waits_for_a_price_and_says_so_once() -> None:
    bot, view, _, lines = a_bot()
    for _ in range(3):
        bot.step(view)
    assert (view.sent, lines) == (0, ["Waiting for a first trade."])


def test_without_shares_it_rests_on_either_side() -> None:
    bot, view, book, _ = a_bot()
    trade(book, SELL, 1, 5000)
    trade(book, BUY, 1, 5000)
    for _ in range(10):
        bot.step(view)
    resting = {(order.side, order.price) for order in view.resting.values()}
    assert resting == {(BUY, 5000 - DISTANCE), (SELL, 5000 + DISTANCE)}


def test_it_sells_what_it_owns_and_buys_back_what_it_owes() -> None:
    bot, view, book, lines = a_bot()
    view.place(BUY, QUANTITY, 5000)
    trade(book, SELL, 70, 4000)  # at 5000, the standing price
    bot.step(view)
    newest = view.resting[max(view.resting)]
    assert lines[-2] == "Shares: 70, cents: -350000, NAV: 0 (last price 5000)"
    assert (newest.side, newest.price) == (SELL, 5000 + DISTANCE)

    trade(book, SELL, 30, 5000)  # the rest of its first order
    trade(book, BUY, QUANTITY, 5050)  # all that it offers
    view.place(SELL, QUANTITY, 5050)
    trade(book, BUY, QUANTITY, 5050)
    bot.step(view)
    newest = view.resting[max(view.resting)]
    assert lines[-2] == "Shares: -100, cents: 510000, NAV: 5000 (last price 5050)"
    assert (newest.side, newest.price) == (BUY, 5050 - DISTANCE)


def test_its_position_is_what_all_its_orders_have_traded() -> None:
    bot, view, book, _ = a_bot()
    trade(book, SELL, 1, 5000)
    trade(book, BUY, 1, 5000)
    for number in range(30):
        bot.step(view)
        trade(book, BUY if number % 2 else SELL, 60, 5100 if number % 2 else 4900)
    view.refresh()
    position = book.positions["B"]
    assert position.cash != 0 and (view.shares, view.cents) == (position.shares, position.cash)
    assert len(view.resting) <= RESTING
