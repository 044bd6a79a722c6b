"""One side of a book on its own."""

import pytest

from disorderbook.engine.ladder import SPARE_TOUCHED, Ladder, LadderView, PriceLevel
from disorderbook.engine.orders import Order, OrderType, Side


def order(number: int, price: int, quantity: int = 10, kind: OrderType = OrderType.LIMIT) -> Order:
    return Order(
        number, "TESTEX", "FOOBAR", "ann", Side.SELL, kind, price, quantity, number, quantity
    )


def ladder(side: Side, *prices: int) -> Ladder:
    made = Ladder(side)
    for number, price in enumerate(prices):
        made.rest(order(number, price))
    return made


@pytest.mark.parametrize("side, best_first", [(Side.BUY, [7, 5, 3]), (Side.SELL, [3, 5, 7])])
def test_levels_come_best_first(side: Side, best_first: list[int]) -> None:
    made = ladder(side, 5, 7, 3, 5)
    assert [level.price for level in made] == best_first
    assert made.best is not None and made.best.price == best_first[0]
    assert made.depth == 40


def test_a_level_is_a_queue_that_forgets_an_order_by_its_id() -> None:
    made, second = Ladder(Side.SELL), order(1, 5)
    for resting in (order(0, 5), second, order(2, 5)):
        made.rest(resting)
    made.reduce(second, second.remaining)
    assert list(made.best.orders) == [0, 2]
    assert made.best.front.id == 0 and made.best.size == made.depth == 20


def test_a_level_forgets_those_who_came_and_went() -> None:
    level = PriceLevel(5, 5)
    level.append(order(0, 5))
    for number in range(1, 10_000):
        level.append(order(number, 5))
        del level.orders[number]
    assert len(level._arrivals) < 100
    assert level.front.id == 0


def test_the_front_is_found_past_those_who_have_gone() -> None:
    level = PriceLevel(5, 5)
    for number in range(100):
        level.append(order(number, 5))
    for number in (*range(50), 60):
        del level.orders[number]
    assert level.front.id == 50
    level.append(order(100, 5))
    del level.orders[50]
    assert level.front.id == 51 and list(level.orders)[-1] == 100


def test_every_change_tells_the_view_whose_order_it_was() -> None:
    made, first, second = Ladder(Side.SELL), order(0, 5), order(1, 5)
    made.rest(first)
    changes = [
        (lambda: made.rest(second), second),
        (lambda: made.reduce(first, 1), first),
        (lambda: made.reduce(second, second.remaining), second),
    ]
    made.view = LadderView()
    for change, touched in changes:
        change()
        assert made.view.touched == {touched}
        made.view.touched.clear()


def test_a_view_that_would_have_to_look_at_more_than_rests_is_dropped() -> None:
    made = ladder(Side.SELL, 5)
    made.view = LadderView()
    for number in range(1, SPARE_TOUCHED + 3):
        made.rest(passing := order(number, 6))  # two rest now
        assert made.view is not None and len(made.view.touched) == number
        made.reduce(passing, passing.remaining)
    made.rest(order(number + 1, 6))
    assert made.view is None


@pytest.mark.parametrize(
    "limit, quantity, fills",
    [
        (6, 20, True),
        (6, 21, False),
        (5, 10, True),
        (5, 11, False),
        (4, 1, False),
        (9, 31, False),
    ],
)
def test_an_order_is_filled_at_once_if_levels_within_its_limit_hold_enough(
    limit: int, quantity: int, fills: bool
) -> None:
    made = ladder(Side.SELL, 5, 6, 9)
    assert made.can_fill(order(9, limit, quantity, OrderType.FILL_OR_KILL)) is fills


@pytest.mark.parametrize("side", list(Side))
def test_anybody_trades_with_a_market_order(side: Side) -> None:
    market = order(9, 0, 10, OrderType.MARKET)
    made = ladder(side, 0, 2**31 - 1)
    assert all(level.rank >= made.limit(market) for level in made)


@pytest.mark.parametrize("side, partners", [(Side.BUY, [7, 5]), (Side.SELL, [3, 5])])
def test_others_trade_at_their_limit_or_better(side: Side, partners: list[int]) -> None:
    made, limit = ladder(side, 5, 7, 3), order(9, 5)
    assert [level.price for level in made if level.rank >= made.limit(limit)] == partners
