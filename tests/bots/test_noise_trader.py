"""The noise trader keeps its promises about prices, quantities and resting orders."""

from live import Exchange
from noise_trader import EXTREME, Noise, NoiseTrader
from stockfighter_minimal import Answer, Client
from trader import LARGEST


def a_trader(exchange: Exchange, venue: str, noise: Noise = Noise()) -> NoiseTrader:
    return NoiseTrader(
        Client(exchange.url), noise=noise, venue=venue, account="ANN", seed=1, say=lambda line: None
    )


def order(trader: NoiseTrader, order_id: int) -> Answer:
    answer = trader.client.status(trader.venue, trader.symbol, order_id)
    assert answer is not None
    return answer


def test_prices_are_near_the_last_and_quantities_in_their_range(
    exchange: Exchange, venue: str
) -> None:
    trader = a_trader(exchange, venue)
    distances, quantities, directions = [], [], set()
    for order_id in range(80):
        last = trader.last_price() or 5000
        trader.step()
        placed = order(trader, order_id)
        distances.append(placed["price"] - last)
        quantities.append(placed["originalQty"])
        directions.add(placed["direction"])
    assert -100 <= min(distances) < -60 and 60 < max(distances) <= 100
    assert 50 <= min(quantities) < 65 and 135 < max(quantities) <= 150
    assert directions == {"buy", "sell"}
    assert trader.last_price() is not None  # so that not all was around 5000


def test_at_most_ten_orders_rest(exchange: Exchange, venue: str) -> None:
    trader = a_trader(exchange, venue)
    most = 0
    for _ in range(60):
        trader.step()
        book = trader.client.orderbook(venue, "FOOBAR")
        assert book is not None
        most = max(most, len(book["bids"]) + len(book["asks"]))
    assert most <= 10 and trader.cancelled > 0


def test_the_oldest_order_is_the_one_that_is_cancelled(exchange: Exchange, venue: str) -> None:
    trader = a_trader(exchange, venue)
    for price in range(4000, 4012):
        trader.place("buy", 1, price)
    trader.cancel_oldest(beyond=10)
    assert [order(trader, order_id)["open"] for order_id in range(3)] == [False, False, True]


def test_extreme_noise_takes_any_price_and_quantity(exchange: Exchange, venue: str) -> None:
    trader = a_trader(exchange, venue, EXTREME)
    for _ in range(60):
        trader.step()
    placed = [order(trader, order_id) for order_id in range(60)]
    assert trader.placed == 60  # none was refused
    for key in ("price", "originalQty"):
        values = [each[key] for each in placed]
        assert 1 <= min(values) < LARGEST // 8 and LARGEST // 8 * 7 < max(values) <= LARGEST


def test_noise_around_the_lowest_price_is_never_refused(exchange: Exchange, venue: str) -> None:
    trader = a_trader(exchange, venue)
    trader.place("sell", 10, 1)
    trader.place("buy", 10, 1)
    assert trader.last_price() == 1
    for _ in range(30):
        trader.step()
    assert trader.placed == trader.sent == 32
