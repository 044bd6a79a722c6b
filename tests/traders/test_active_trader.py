"""The active trader: one order at a time, at his own valuation, on the side it says."""

import statistics

import pytest
from trader_market import VALUE, TraderMarket

from disorderbook.engine.orders import BUY, SELL
from disorderbook.traders.active_trader import CAPITAL, ActiveTrader


def test_he_buys_above_the_middle_and_sells_below_for_a_fifth_of_what_he_has() -> None:
    market = TraderMarket(ActiveTrader)
    market.rest(BUY, 10**6, 99)
    market.rest(SELL, 10**6, 103)
    valuations = []
    for _ in range(300):
        cents, shares = CAPITAL // 2 + market.view.cents, 625 + market.view.shares
        (order,) = market.turn()
        valuations.append(order.price / VALUE)
        if order.side is BUY:
            assert order.price > VALUE * 1.005 and order.quantity == int(cents / 5 / order.price)
        else:
            assert order.price <= VALUE * 1.03 and order.quantity == shares // 5
        assert sum(each.is_open for each in market.orders) <= 1
        market.view.refresh()
    assert statistics.pstdev(valuations) == pytest.approx(0.035, rel=0.15)
    assert {order.side for order in market.orders} == {BUY, SELL}


def test_without_a_middle_the_fair_value_decides() -> None:
    market = TraderMarket(ActiveTrader)
    for _ in range(50):
        (order,) = market.turn()
        assert (order.side is BUY) == (order.price >= VALUE)
