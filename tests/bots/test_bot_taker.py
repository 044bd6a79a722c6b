"""The taker sends market orders and leaves nothing in the book."""

from bot_taker import LEAST, MOST, Taker
from live import Exchange
from stockfighter_minimal import Client, Order


def a_taker(exchange: Exchange, venue: str) -> tuple[Taker, list[str]]:
    said: list[str] = []
    taker = Taker(Client(exchange.url), venue=venue, account="TAKER", seed=1, say=said.append)
    return taker, said


def test_its_orders_are_market_orders_of_both_kinds(exchange: Exchange, venue: str) -> None:
    taker, said = a_taker(exchange, venue)
    for _ in range(60):
        taker.step()
    placed = [taker.client.status(venue, "FOOBAR", order_id) for order_id in range(60)]
    orders = [order for order in placed if order is not None]
    assert len(orders) == 60
    assert {order["orderType"] for order in orders} == {"market"}
    assert {order["direction"] for order in orders} == {"buy", "sell"}
    assert not any(order["open"] for order in orders) and taker.resting == {}
    quantities = [order["originalQty"] for order in orders]
    assert LEAST <= min(quantities) < 20 and 50 < max(quantities) <= MOST
    assert said[0].endswith("at any price: id 0, 0 filled")


def test_it_takes_what_is_offered_and_knows_its_position(exchange: Exchange, venue: str) -> None:
    taker, _ = a_taker(exchange, venue)
    for direction, price in (("sell", 5100), ("buy", 4900)):
        order = Order(venue, "FOOBAR", direction, 10_000, price, "limit", "SOMEBODY")
        assert taker.client.execute(order)
    bought = sold = 0
    for order_id in range(2, 22):
        taker.step()
        order_sent = taker.client.status(venue, "FOOBAR", order_id)
        assert order_sent is not None
        assert order_sent["totalFilled"] == order_sent["originalQty"]
        if order_sent["direction"] == "buy":
            bought += order_sent["totalFilled"]
        else:
            sold += order_sent["totalFilled"]
    assert bought and sold
    assert (taker.shares, taker.cents) == (bought - sold, 4900 * sold - 5100 * bought)
