"""The noise trader of the first levels: one order at a time, on the side of his opinion."""

import random

import pytest
from book_gateway import BookGateway, trade

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import BUY, SELL
from disorderbook.traders.level_noise import START_CENTS, LevelNoise
from disorderbook.traders.market_view import MarketView
from disorderbook.traders.today import Today

VALUE = 8000


class Market:
    def __init__(self, seed: int = 1) -> None:
        self.book = OrderBook("V", "S", 0)
        self.view = MarketView(BookGateway(self.book, "noise-1"), "noise-1", seed)
        self.today = Today(VALUE)
        self.noise = LevelNoise(self.today)

    def turn(self) -> None:
        while self.noise.step(self.view):
            pass


def test_he_buys_for_a_fifth_of_his_cash_where_he_finds_the_ask_cheap() -> None:
    market = Market()
    trade(market.book, SELL, 100_000, VALUE * 94 // 100)
    trade(market.book, BUY, 100_000, VALUE * 93 // 100)
    for left in (1.0, 0.8, 0.64):
        market.view.rng = random.Random(3)
        before = market.view.cents
        market.turn()
        order = market.book.orders_of("noise-1")[-1]
        assert order.side is BUY and VALUE * 0.95 <= order.price <= VALUE * 1.05
        assert order.quantity == int(0.2 * (START_CENTS + before) / order.price)
        assert START_CENTS + before == pytest.approx(START_CENTS * left, rel=0.06)


def test_he_sells_a_fifth_of_his_shares_where_the_bid_is_dear_and_never_what_he_has_not() -> None:
    market = Market()
    trade(market.book, BUY, 100_000, VALUE * 106 // 100)
    trade(market.book, SELL, 100_000, VALUE * 107 // 100)
    for _ in range(20):
        market.turn()
    assert market.book.orders_of("noise-1") == []
    trade(market.book, SELL, 100, VALUE * 106 // 100)
    market.view.shares = 100
    market.view.rng = random.Random(3)
    market.turn()
    (order,) = market.book.orders_of("noise-1")
    assert (order.side, order.quantity, order.filled) == (SELL, 20, 20)


def test_between_the_best_prices_he_cancels_his_old_order_and_does_nothing() -> None:
    market = Market()
    trade(market.book, BUY, 1, VALUE * 90 // 100)
    trade(market.book, SELL, 1, VALUE * 110 // 100)
    market.view.place(BUY, 10, VALUE * 91 // 100)
    for _ in range(20):
        market.turn()
    orders = market.book.orders_of("noise-1")
    assert len(orders) == 1 and not orders[0].is_open


def test_in_the_second_round_he_acts_a_quarter_of_the_time() -> None:
    acted = {0: 0, 1: 0}
    for round in acted:
        for seed in range(400):
            market = Market(seed)
            market.today.round = round
            market.turn()
            acted[round] += market.view.placed
    # With nobody there he buys or sells at random, and has nothing to sell: half of the chances.
    assert 150 <= acted[0] <= 210 and 35 <= acted[1] <= 65
