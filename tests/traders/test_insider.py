"""The insider: a sale of everything every 30 days, a wait, and a purchase for all his cash."""

from trader_market import VALUE, TraderMarket

from disorderbook.engine.orders import BUY, SELL
from disorderbook.traders.insider import Insider

FIRST = 20
SHARES = 10_000_000 // 2 // VALUE


def a_market(seed: int = 1) -> TraderMarket:
    market = TraderMarket(lambda today: Insider(today, FIRST), seed)
    market.rest(BUY, 10**6, 99)
    return market


def sold(seed: int = 1) -> TraderMarket:
    """The day after the sale."""
    market = a_market(seed)
    market.today.day = FIRST
    (order,) = market.turn()
    assert (order.side, order.price, order.quantity) == (SELL, int(VALUE * 0.998), SHARES)
    market.today.day += 1
    return market


def test_on_ordinary_days_he_acts_half_of_the_time() -> None:
    acted = 0
    for seed in range(200):
        market = a_market(seed)
        market.today.day = 5
        acted += len(market.turn())
    assert 75 <= acted <= 125


def test_after_the_sale_he_waits_and_leaves_what_rests() -> None:
    market = sold()
    market.rest(SELL, 100, 99.9)
    for day in range(FIRST + 1, FIRST + 11):
        market.today.day = day
        assert market.turn() == [] and market.orders[-1].is_open


def test_he_buys_for_all_his_cash_once_the_ask_is_cheap() -> None:
    market = sold()
    market.take(BUY, SHARES, VALUE * 2)
    market.rest(SELL, 10**6, 101)
    for day in range(FIRST + 11, FIRST + 13):
        market.today.day = day
        assert market.turn() == []
    market.rest(SELL, 1, 99.9)
    cash = 10_000_000 // 2 + SHARES * int(VALUE * 0.998)
    (order,) = market.turn()
    limit = int(int(VALUE * 0.999) * 1.05)
    assert (order.side, order.price, order.quantity) == (BUY, limit, cash // limit)
    market.today.day += 1
    assert market.strategy.memory() == {"sold_on": None}


def test_on_the_fifteenth_day_he_buys_in_any_case_or_when_there_is_an_ask() -> None:
    market = sold()
    market.take(BUY, SHARES, VALUE * 2)
    for day in range(FIRST + 11, FIRST + 18):
        market.today.day = day
        assert market.turn() == []
    market.rest(SELL, 10**6, 150)
    (order,) = market.turn()
    assert order.side is BUY and order.filled == order.quantity


def test_what_is_left_of_the_sale_is_cancelled_before_he_buys() -> None:
    market = sold()
    market.today.day = FIRST + 11
    market.rest(SELL, 10**6, 99.95)
    (order,) = market.turn()
    assert (order.side, order.filled) == (BUY, order.quantity)
    assert not market.orders[0].is_open and market.orders[0].filled == 0


def test_his_own_sale_is_no_ask_that_he_finds_cheap() -> None:
    market = sold()
    market.rest(SELL, 10**6, 101)
    market.today.day = FIRST + 11
    assert market.turn() == []
    market.today.day = FIRST + 15
    (order,) = market.turn()
    assert order.side is BUY


def test_the_next_sale_is_thirty_days_later() -> None:
    market = sold()
    market.strategy.remember({"sold_on": None})
    market.today.day = FIRST + 30
    (order,) = market.turn()
    assert order.side is SELL and order.price == int(VALUE * 0.998)
