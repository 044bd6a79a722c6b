"""The makers of the last three levels: rungs round a centre, and a bubble's centre."""

import statistics

import pytest
from trader_market import VALUE, TraderMarket

from disorderbook.engine.orders import BUY, SELL
from disorderbook.traders.market_view import MAX_PRICE
from disorderbook.traders.rung_maker import BubbleMaker, RungMaker

LIMIT = 15_000


def a_market(seed: int = 1, error: float = 0.027) -> TraderMarket:
    return TraderMarket(lambda today: RungMaker(today, LIMIT, error), seed)


def a_bubble() -> TraderMarket:
    return TraderMarket(lambda today: BubbleMaker(today, 750))


def prices(market: TraderMarket) -> tuple[list[int], list[int]]:
    depth = market.view.book()
    return [price for price, _ in depth.bids], [price for price, _ in depth.asks]


def test_it_posts_three_rungs_a_side_0_49_percent_apart() -> None:
    market = a_market(error=0.0)
    market.turn()
    assert prices(market) == ([7961, 7922, 7883], [8039, 8078, 8117])
    assert {order.quantity for order in market.orders} == {LIMIT // 3}


def test_its_error_is_drawn_anew_at_each_requote_and_the_days_is_added() -> None:
    market = a_market()
    centres = []
    for _ in range(400):
        market.turn()
        bids, asks = prices(market)
        centres.append((bids[0] + asks[0]) / 2 / VALUE - 1)
    assert statistics.pstdev(centres) == pytest.approx(0.027, rel=0.1)
    assert abs(statistics.mean(centres)) < 0.005
    market = a_market(error=0.0)
    market.today.error = 0.1
    market.turn()
    bids, asks = prices(market)
    assert (bids[0] + asks[0]) / 2 == pytest.approx(VALUE * 1.1, abs=1)


def test_a_position_moves_sizes_and_leaves_the_sum_of_a_pair() -> None:
    market = a_market(error=0.0)
    market.turn()
    market.take(BUY, 4500, MAX_PRICE)
    placed = market.turn()
    assert {(order.side, order.quantity) for order in placed} == {
        (BUY, (LIMIT + 4500) // 3),
        (SELL, (LIMIT - 4500) // 3),
    }
    market.take(BUY, 15_000, MAX_PRICE)
    assert {order.side for order in market.turn()} == {BUY}


def test_its_position_may_count_from_the_days_beginning() -> None:
    market = TraderMarket(lambda today: RungMaker(today, LIMIT, 0.0, counts_daily=True))
    market.turn()
    market.take(SELL, 10**6, 1)
    assert {order.side for order in market.turn()} == {SELL}
    market.today.day = 1
    assert {order.quantity for order in market.turn()} == {LIMIT // 3}
    market.take(SELL, 3000, 1)
    assert {order.quantity for order in market.turn()} == {LIMIT // 3 - 1000, LIMIT // 3 + 1000}


def test_it_follows_a_bulldozer_and_never_takes() -> None:
    for side, percent in ((BUY, 130.8), (SELL, 60.7)):
        market = a_market(error=0.0)
        market.rest(side, 10**6, percent)
        market.turn()
        bids, asks = prices(market)
        assert market.book.execution_count == 0 and market.orders
        if side is BUY:
            assert asks[0] == round(bids[0] * 1.0049)
        else:
            assert bids[0] == round(asks[0] * 0.9951)


def test_a_bubble_rises_with_what_is_sold_and_at_most_by_3_percent() -> None:
    market = a_bubble()
    market.turn()
    assert market.strategy.memory()["centre"] == VALUE
    market.take(BUY, 4, MAX_PRICE)
    market.turn()
    assert market.strategy.memory()["centre"] == pytest.approx(VALUE * 1.02)
    market.take(BUY, 100, MAX_PRICE)
    market.turn()
    assert market.strategy.memory()["centre"] == pytest.approx(VALUE * 1.02 * 1.03)
    market.turn()
    assert market.strategy.memory()["centre"] == pytest.approx(VALUE * 1.02 * 1.03)


def test_a_bubble_sinks_while_the_maker_is_long_and_asks_nothing_once_sold_out() -> None:
    market = a_bubble()
    market.turn()
    market.take(SELL, 100, 1)
    market.turn()
    assert market.strategy.memory()["centre"] == pytest.approx(VALUE * (1 - 0.06 * 0.1))
    market.take(BUY, 10**6, MAX_PRICE)
    market.take(BUY, 10**6, MAX_PRICE)
    for _ in range(10):
        market.turn()
        market.take(BUY, 10**6, MAX_PRICE)
    assert prices(market)[1] == []
    assert -750 <= market.view.shares <= -748


def test_no_price_of_a_bubble_is_higher_than_an_exchange_takes() -> None:
    market = a_bubble()
    market.strategy.remember({**market.strategy.memory(), "centre": MAX_PRICE * 2.0})
    placed = market.turn()
    assert len(placed) == 6 and max(order.price for order in placed) <= MAX_PRICE
