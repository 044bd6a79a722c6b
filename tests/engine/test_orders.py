"""Orders and what becomes of them."""

import gc

from disorderbook.engine.orders import Fill, Order, OrderType, Side


def new() -> Order:
    return Order(0, "TESTEX", "FOOBAR", "ann", Side.BUY, OrderType.LIMIT, 5000, 10, 1, 10)


def test_an_order_closes_with_its_last_share() -> None:
    order = new()
    order.fill(Fill(4999, 4, 2), 7)
    assert (order.filled, order.remaining, order.is_open) == (4, 6, True)
    order.fill(Fill(5000, 6, 3), 8)
    assert (order.filled, order.remaining, order.is_open) == (10, 0, False)
    assert order.fills == [Fill(4999, 4, 2), Fill(5000, 6, 3)]


def test_a_closed_order_keeps_what_it_traded() -> None:
    order = new()
    order.fill(Fill(4999, 4, 2), 7)
    order.close(5, 9)
    assert (order.quantity, order.filled, order.remaining, order.is_open) == (10, 4, 0, False)


def test_the_garbage_collector_does_not_visit_orders() -> None:
    order = new()
    order.fill(Fill(5000, 1, 1), 7)
    assert not gc.is_tracked(order) and not gc.is_tracked(order.fills[0])
