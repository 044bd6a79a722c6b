"""The direct view shows and does what a view over a gateway does."""

import random

from book_gateway import BookGateway

from disorderbook.engine.orders import BUY, IMMEDIATE_OR_CANCEL, SELL, NewOrder, OrderType, Side
from disorderbook.exchange import Exchange
from disorderbook.game.view import DirectView
from disorderbook.traders.market_view import MarketView


def test_random_trading_leaves_both_views_with_the_same_market() -> None:
    exchange = Exchange()
    twin = Exchange().book("V", "S")
    direct = DirectView(exchange, exchange.book("V", "S"), "ANN", random.Random(1))
    other = MarketView(BookGateway(twin, "ANN"), "ANN", 1)
    draw = random.Random(7)
    for _ in range(2000):
        side, price = draw.choice((BUY, SELL)), draw.randint(4980, 5020)
        quantity = draw.randint(1, 50)
        kind = draw.choice((OrderType.LIMIT, IMMEDIATE_OR_CANCEL))
        choice = draw.random()
        if choice < 0.4:
            trade(exchange, twin, side, quantity, price)
        elif choice < 0.5:
            direct.take(side, quantity)
            other.take(side, quantity)
        elif choice < 0.7 and direct.resting:
            order_id = draw.choice(list(direct.resting))
            direct.cancel(order_id)
            other.cancel(order_id)
        else:
            direct.place(side, quantity, price, kind)
            other.place(side, quantity, price, kind)
        for view in (direct, other):
            view.refresh()
            view.cancel_oldest(beyond=5)
        assert (direct.shares, direct.cents) == (other.shares, other.cents)
        assert list(direct.resting) == list(other.resting)
        assert (direct.quote(), direct.book()) == (other.quote(), other.book())
    assert (direct.sent, direct.cancelled) == (other.sent, other.cancelled)


def trade(exchange: Exchange, twin: object, side: Side, quantity: int, price: int) -> None:
    new = NewOrder("BOB", side, OrderType.LIMIT, price, quantity)
    exchange.submit(exchange.book("V", "S"), new)
    twin.submit(new, 1)  # type: ignore[attr-defined]


def test_it_adopts_orders_of_an_earlier_process() -> None:
    exchange = Exchange()
    book = exchange.book("V", "S")
    order = exchange.submit(book, NewOrder("ANN", BUY, OrderType.LIMIT, 5000, 10))
    view = DirectView(exchange, book, "ANN", random.Random(1))
    assert not view.resting
    view.adopt(order)
    view.cancel(order.id)
    assert not order.is_open and not view.resting and view.cancelled == 1
