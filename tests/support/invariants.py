"""What is true of any order book at any time, however it came about."""

from disorderbook.engine.book import OrderBook
from disorderbook.engine.ladder import Ladder
from disorderbook.engine.orders import Order, OrderType, Side


def check_invariants(book: OrderBook) -> None:
    """Raise AssertionError if a book contradicts itself."""
    orders = all_orders(book)
    for number, order in enumerate(orders):
        assert order.id == number
        check_order(order)
    for side, ladder in ((Side.BUY, book.bids), (Side.SELL, book.asks)):
        check_ladder(ladder, [o for o in orders if o.side is side and o.is_open], side)
    if book.bids.best and book.asks.best:
        assert book.bids.best.price < book.asks.best.price, "the book is crossed"
    assert sum(position.cash + position.fees for position in book.positions.values()) == 0
    assert sum(position.shares for position in book.positions.values()) == 0
    for position in book.positions.values():
        assert position.lowest <= min(0, position.shares)
        assert position.highest >= max(0, position.shares)
    assert 2 * book.execution_count == sum(len(order.fills) for order in orders)
    bought, sold = (sum(o.filled for o in orders if o.side is side) for side in Side)
    assert bought == sold


def all_orders(book: OrderBook) -> list[Order]:
    """Every order a book has accepted, in the order of their ids."""
    orders: list[Order] = []
    while (order := book.find(len(orders))) is not None:
        orders.append(order)
    return orders


def check_order(order: Order) -> None:
    assert order.filled == sum(fill.quantity for fill in order.fills)
    assert all(fill.quantity > 0 for fill in order.fills)
    assert order.remaining >= 0 and order.filled + order.remaining <= order.quantity
    if order.is_open:
        assert order.type is OrderType.LIMIT, "only limit orders rest"
        assert order.filled + order.remaining == order.quantity
    if order.type is OrderType.FILL_OR_KILL:
        assert order.filled in (0, order.quantity)
    if order.type is not OrderType.MARKET:
        for fill in order.fills:
            paid, limit = (fill.price, order.price)[:: 1 if order.side is Side.BUY else -1]
            assert paid <= limit, "an order traded beyond its limit"


def check_ladder(ladder: Ladder, resting: list[Order], side: Side) -> None:
    """The levels hold exactly the open orders, best price first, oldest first within a price."""
    sign = -1 if side is Side.BUY else 1
    expected = sorted(resting, key=lambda order: (sign * order.price, order.id))
    assert [order for level in ladder for order in level.orders.values()] == expected
    assert ladder.depth == sum(order.remaining for order in resting)
    assert ladder.resting == len(resting)
    for level in ladder:
        assert level.orders, "an empty level"
        assert level.size == sum(order.remaining for order in level.orders.values())
        assert {order.price for order in level.orders.values()} == {level.price}
    assert ladder.best is next(iter(ladder), None)
