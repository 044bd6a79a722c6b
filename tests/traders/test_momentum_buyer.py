"""The momentum buyer: buys at any price, runs after four falling fills, and comes back late."""

from trader_market import VALUE, TraderMarket

from disorderbook.engine.orders import BUY, SELL, OrderType
from disorderbook.traders.momentum_buyer import DAILY, WAVE, MomentumBuyer


def buys_at(market: TraderMarket, percent: float, round: int = DAILY) -> None:
    """A turn in which there are three shares at this price."""
    market.rest(SELL, 3, percent)
    market.turn(round)
    for order in market.book.orders_of("SOMEBODY"):
        if order.side is SELL and order.is_open:
            market.book.cancel(order, 1)


def test_he_buys_one_share_or_one_to_three_in_a_wave_at_any_price() -> None:
    market = TraderMarket(MomentumBuyer)
    sizes = set()
    for number in range(60):
        market.rest(SELL, 10, 100 + number)
        for order in market.turn(WAVE):
            assert (order.side, order.type) == (BUY, OrderType.MARKET)
            sizes.add(order.quantity)
    assert sizes == {1, 2, 3}
    market = TraderMarket(MomentumBuyer)
    market.rest(SELL, 1, 2_000_000_000 * 100 / VALUE)
    (order,) = market.turn(DAILY)
    assert order.filled == 1 and market.view.cents == -2_000_000_000


def test_four_falling_fills_make_him_sell_all_he_has() -> None:
    market = TraderMarket(MomentumBuyer)
    market.rest(BUY, 1000, 50)
    for percent in (100, 300, 299, 299, 298, 297):
        buys_at(market, percent)
        assert market.view.shares > 0
    buys_at(market, 296)
    assert market.orders[-1].side is SELL and market.view.shares == 0
    assert market.orders[-1].quantity == 7


def test_he_stays_out_for_days_and_until_it_is_cheap() -> None:
    for seed in range(20):
        market = TraderMarket(MomentumBuyer, seed)
        market.rest(BUY, 1000, 50)
        for percent in (300, 299, 298, 297):
            buys_at(market, percent)
        back_on = market.strategy.memory()["back_on"]
        assert 6 <= back_on <= 15
        orders = len(market.orders)
        market.today.day = back_on - 1
        buys_at(market, 100)
        market.today.day = back_on
        buys_at(market, 111)
        assert len(market.orders) == orders
        buys_at(market, 110)
        assert len(market.orders) == orders + 1
        assert market.strategy.memory() == {"fills": [VALUE * 110 // 100], "back_on": None}


def test_a_fill_is_the_last_price_of_an_order_and_a_miss_is_none() -> None:
    market = TraderMarket(MomentumBuyer)
    market.turn(DAILY)
    assert market.strategy.memory()["fills"] == []
    market.rest(SELL, 1, 100)
    market.rest(SELL, 1, 101)
    market.rest(SELL, 1, 102)
    while not market.view.shares == 3:
        market.turn(WAVE)
    assert market.strategy.memory()["fills"][-1] == VALUE * 102 // 100
