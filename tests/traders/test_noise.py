"""The noise trader keeps its promises about prices, quantities and resting orders."""

from book_gateway import BookGateway, trade

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import BUY, SELL
from disorderbook.traders.market_view import MAX_PRICE, MAX_QUANTITY, MarketView
from disorderbook.traders.noise import EXTREME, Noise, NoiseTrader


def a_trader(seed: int = 1, noise: Noise = Noise()) -> tuple[NoiseTrader, MarketView, OrderBook]:
    book = OrderBook("V", "S", 0)
    return NoiseTrader(noise), MarketView(BookGateway(book, "ANN"), "ANN", seed), book


def test_prices_are_near_the_last_and_quantities_in_their_range() -> None:
    trader, view, book = a_trader()
    distances = []
    for order_id in range(80):
        last = view.quote().last or 5000
        trader.step(view)
        order = book.find(order_id)
        assert order is not None
        distances.append(order.price - last)
    assert -100 <= min(distances) < -60 and 60 < max(distances) <= 100
    quantities = [order.quantity for order in book.orders_of("ANN")]
    assert 50 <= min(quantities) < 65 and 135 < max(quantities) <= 150
    assert {order.side for order in book.orders_of("ANN")} == {BUY, SELL}
    assert view.last_price is not None  # so that not all was around 5000


def test_at_most_ten_orders_rest() -> None:
    trader, view, book = a_trader()
    most = 0
    for _ in range(60):
        trader.step(view)
        most = max(most, sum(order.is_open for order in book.orders_of("ANN")))
    assert most == 10 and view.cancelled > 0


def test_extreme_noise_is_any_price_and_quantity_that_an_exchange_takes() -> None:
    trader, view, book = a_trader(noise=EXTREME)
    for _ in range(60):
        trader.step(view)
    orders = book.orders_of("ANN")
    prices, quantities = [each.price for each in orders], [each.quantity for each in orders]
    for values, limit in ((prices, MAX_PRICE), (quantities, MAX_QUANTITY)):
        assert 1 <= min(values) < limit // 8 and limit // 8 * 7 < max(values) <= limit


def test_noise_around_the_lowest_price_stays_above_zero() -> None:
    trader, view, book = a_trader()
    trade(book, SELL, 10, 1)
    trade(book, BUY, 10, 1)
    for _ in range(30):
        trader.step(view)
    assert min(order.price for order in book.orders_of("ANN")) == 1


def test_the_same_seed_makes_the_same_orders() -> None:
    markets = [a_trader(seed) for seed in (7, 7, 8)]
    for _ in range(40):
        for trader, view, _ in markets:
            trader.step(view)
    first, same, other = (
        [(order.side, order.price, order.quantity, order.filled) for order in book.orders_of("ANN")]
        for _, _, book in markets
    )
    assert len(first) == 40 and first == same and first != other
