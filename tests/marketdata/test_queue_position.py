"""What stands before an order in its queue, against a count of the whole queue."""

from hypothesis import given
from hypothesis import strategies as st

from disorderbook.engine.book import OrderBook
from disorderbook.engine.ladder import PriceLevel
from disorderbook.engine.orders import LIMIT, NewOrder, Order, Side
from disorderbook.marketdata.queue_position import QUEUE_AT_ONCE, RECOUNTED, QueueCounts


def placed(book: OrderBook, account: str, side: Side, price: int, quantity: int) -> Order:
    new = NewOrder(account, side, LIMIT, price, quantity)
    return book.submit(new, book.event_count + 1).order


def counted(book: OrderBook, order: Order, counts: QueueCounts) -> tuple[int | None, int]:
    """What is ahead, and in how many steps that was counted."""
    steps, stepping = 1, counts.ahead(book, order)
    while True:
        try:
            next(stepping)
        except StopIteration as end:
            return end.value, steps
        steps += 1


def brute_force(book: OrderBook, order: Order) -> int | None:
    """The shares of everybody who rests at the price and came earlier."""
    if not order.is_open:
        return None
    everybody = [book.find(each) for each in range(order.id)]
    return sum(
        each.remaining
        for each in everybody
        if each is not None and (each.side, each.price) == (order.side, order.price)
    )


ORDERS = st.tuples(
    st.sampled_from("AB"), st.sampled_from(Side), st.integers(5, 7), st.integers(1, 9)
)


@given(st.lists(st.one_of(ORDERS, st.integers(0, 60)), max_size=60))
def test_it_is_exact_after_any_placings_trades_and_cancels(
    events: list[tuple[str, Side, int, int] | int],
) -> None:
    """Also where the same counts are asked again after each event."""
    book, counts = OrderBook("V", "S", 0), QueueCounts()
    for event in events:
        if isinstance(event, int):
            order = book.find(event)
            if order is not None:
                book.cancel(order, book.event_count + 1)
        else:
            placed(book, *event)
        for order in book.orders_of("A"):
            assert counted(book, order, counts)[0] == brute_force(book, order)


def test_a_queue_is_gone_through_once_for_all_of_ones_orders() -> None:
    book, counts = OrderBook("V", "S", 0), QueueCounts()
    orders = [placed(book, "A", Side.BUY, 100, 2) for _ in range(30_000)]
    steps = 0
    for number, order in enumerate(orders):
        ahead, more = counted(book, order, counts)
        steps += more - 1
        assert ahead == 2 * number
    assert counts.counted == len(orders) - 1
    assert steps == counts.counted // QUEUE_AT_ONCE
    assert counted(book, orders[7], counts)[0] == 14  # also in another order


def test_orders_that_are_gone_cost_steps_too() -> None:
    book = OrderBook("V", "S", 0)
    orders = [placed(book, "A", Side.SELL, 100, 1) for _ in range(3 * QUEUE_AT_ONCE)]
    for order in orders[1 : 2 * QUEUE_AT_ONCE]:
        book.cancel(order, book.event_count + 1)
    ahead, steps = counted(book, orders[-1], QueueCounts())
    assert ahead == QUEUE_AT_ONCE and steps == 3


def test_a_long_queue_is_not_counted_again_and_never_told_too_short() -> None:
    book, counts = OrderBook("V", "S", 0), QueueCounts()
    orders = [placed(book, "A", Side.BUY, 100, 1) for _ in range(RECOUNTED + 50)]
    assert counted(book, orders[-2], counts)[0] == RECOUNTED + 48
    book.cancel(orders[0], book.event_count + 1)
    assert counted(book, orders[-1], counts)[0] == RECOUNTED + 49
    assert counts.counted == RECOUNTED + 49
    assert counted(book, orders[-1], QueueCounts())[0] == RECOUNTED + 48


def test_an_order_that_closes_while_it_is_counted_has_nothing_ahead() -> None:
    book = OrderBook("V", "S", 0)
    orders = [placed(book, "A", Side.BUY, 100, 1) for _ in range(2 * QUEUE_AT_ONCE)]
    stepping = QueueCounts().ahead(book, orders[-1])
    next(stepping)
    book.cancel(orders[-1], book.event_count + 1)
    for each in orders[:-1]:  # and its level
        book.cancel(each, book.event_count + 1)
    assert next(stepping, "ended") == "ended"


def test_a_level_tells_its_orders_between_ids() -> None:
    book = OrderBook("V", "S", 0)
    orders = [placed(book, "A", Side.BUY, 100, 1) for _ in range(9)]
    book.cancel(orders[3], 20)
    level = book.bids.best
    assert isinstance(level, PriceLevel)
    assert level.between(2, 6, 9) == ([orders[2], orders[4], orders[5]], 6)
    assert level.between(2, 6, 2) == ([orders[2]], 4)
    assert level.between(4, 4, 9) == ([], 4)
