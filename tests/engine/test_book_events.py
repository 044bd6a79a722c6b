"""When and why an order was closed, and the numbers of a book's events."""

import random

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import (
    BUY,
    FILL_OR_KILL,
    IMMEDIATE_OR_CANCEL,
    LIMIT,
    MARKET,
    SELL,
    NewOrder,
    Order,
    OrderType,
    Side,
)


def closing(order: Order) -> tuple[int, int | None, int | None, str | None]:
    return order.event, order.closed_at, order.closed_event, order.close_reason


def test_an_order_says_when_and_why_it_was_closed_and_in_which_event() -> None:
    book = OrderBook("V", "S", 1)

    def place(side: Side, order_type: OrderType, price: int, quantity: int, ts: int) -> Order:
        return book.submit(NewOrder("ann", side, order_type, price, quantity), ts).order

    first = place(SELL, LIMIT, 50, 3, 10)
    second = place(SELL, LIMIT, 50, 3, 20)
    assert closing(first) == (0, None, None, None)
    both = place(BUY, LIMIT, 50, 4, 30)  # fills the first, and a share of the second
    assert closing(first) == (0, 30, 2, "filled")
    assert closing(both) == (2, 30, 2, "filled")
    killed = place(BUY, FILL_OR_KILL, 50, 9, 40)
    assert closing(killed) == (3, 40, 3, "killed")
    book.cancel(second, 50)
    book.cancel(second, 60)  # closed already, so this is no event
    assert closing(second) == (1, 50, 4, "cancelled")
    assert closing(place(SELL, MARKET, 0, 1, 70)) == (5, 70, 5, "rest")
    rest = place(BUY, LIMIT, 40, 5, 80)
    assert closing(place(SELL, IMMEDIATE_OR_CANCEL, 40, 7, 90)) == (7, 90, 7, "rest")
    assert closing(rest) == (6, 90, 7, "filled")
    assert closing(place(BUY, FILL_OR_KILL, 50, 1, 99)) == (8, 99, 8, "killed")
    assert book.event_count == 9


def test_the_orders_alone_replay_a_market() -> None:
    """Whoever has the rows of the orders can have the same book again, event by event."""
    draw, book = random.Random(4), OrderBook("V", "S", 1)
    for ts in range(2, 500):
        if draw.random() < 0.3 and (found := book.find(max(0, book.next_id - draw.randint(1, 4)))):
            book.cancel(found, ts)
        else:
            kind = draw.choice([LIMIT, LIMIT, MARKET, FILL_OR_KILL, IMMEDIATE_OR_CANCEL])
            side, price = draw.choice([BUY, SELL]), draw.randint(1, 9)
            book.submit(NewOrder(draw.choice("abc"), side, kind, price, draw.randint(1, 9)), ts)
    orders = [order for number in range(book.next_id) if (order := book.find(number))]
    placings = {order.event: order for order in orders}
    cancels = {o.closed_event: o for o in orders if o.close_reason == "cancelled"}
    assert sorted([*placings, *cancels]) == list(range(book.event_count))  # type: ignore[type-var]
    assert len(cancels) > 10

    again = OrderBook("V", "S", 1)
    for event in range(book.event_count):
        if (o := placings.get(event)) is not None:
            again.submit(NewOrder(o.account, o.side, o.type, o.price, o.quantity), o.ts)
        else:
            order = again.find(cancels[event].id)
            assert order is not None
            again.cancel(order, cancels[event].closed_at or 0)
    for order in orders:
        other = again.find(order.id)
        assert other is not None
        assert closing(other) == closing(order) and list(other.fills) == list(order.fills)
