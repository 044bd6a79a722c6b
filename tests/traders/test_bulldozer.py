"""A bulldozer's attack: prices, sizes, blows and how it ends."""

import statistics

import pytest
from trader_market import VALUE, TraderMarket

from disorderbook.engine.orders import BUY, SELL, Side
from disorderbook.traders.bulldozer import (
    FIRST_BLOW,
    LAST_BLOW,
    LEAVE,
    SECOND_BLOW,
    Bulldozer,
)


def a_market(side: Side, seed: int = 1) -> TraderMarket:
    market = TraderMarket(lambda today: Bulldozer(today, side), seed)
    market.rest(BUY, 5000, 99)
    market.rest(SELL, 5000, 101)
    return market


@pytest.mark.parametrize(
    "side, median, low, high", [(SELL, 0.607, 0.557, 0.657), (BUY, 1.308, 1.243, 1.403)]
)
def test_prices_and_sizes_of_a_first_blow(
    side: Side, median: float, low: float, high: float
) -> None:
    factors = []
    for seed in range(200):
        market = a_market(side, seed)
        market.today.day = day = seed * 2
        (order,) = market.turn(FIRST_BLOW)
        assert order.side is side and order.filled == 5000 and order.is_open
        assert order.quantity == (10**9 + 10**9 * day // 499) // order.price
        factors.append(order.price / VALUE)
    assert low <= min(factors) and max(factors) <= high
    assert statistics.median(factors) == pytest.approx(median, rel=0.03)


def test_later_blows_are_one_percent_nearer_on_either_side_and_the_last_on_his_own() -> None:
    own = 0
    for seed in range(200):
        market = a_market(SELL, seed)
        (first,) = market.turn(FIRST_BLOW)
        (second,) = market.turn(SECOND_BLOW)
        assert not first.is_open and second.price == round(first.price * 1.01)
        if second.side is SELL:
            own += 1
            assert second.quantity == 10**9 // 2 // second.price
        else:
            assert second.quantity == 2500
        (last,) = market.turn(LAST_BLOW)
        assert last.side is SELL and last.price == round(second.price * 1.01)
        assert [order.is_open for order in market.orders] == [False, False, True]
    assert 130 <= own <= 170


def test_the_last_order_stands_until_he_leaves() -> None:
    market = a_market(BUY)
    market.turn(FIRST_BLOW)
    (last,) = market.turn(LAST_BLOW)
    assert last.is_open and last.price < VALUE * 1.403
    assert market.turn(LEAVE) == [] and not last.is_open
