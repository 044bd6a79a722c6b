"""The maker of the first levels: waves of three rungs a side, and what it forgets."""

import json

from book_gateway import BookGateway, trade

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import BUY, SELL
from disorderbook.traders.level_maker import LevelMaker
from disorderbook.traders.market_view import MarketView
from disorderbook.traders.today import Today

VALUE, LIMIT = 8000, 12_500


class Market:
    def __init__(self, seed: int = 1) -> None:
        self.book = OrderBook("V", "S", 0)
        self.view = MarketView(BookGateway(self.book, "mm"), "mm", seed)
        self.today = Today(VALUE)
        self.maker = LevelMaker(self.today, LIMIT)

    def wave(self, round: int) -> None:
        self.today.round = round
        while self.maker.step(self.view):
            pass

    def rungs(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """(Price, quantity) of its bids and asks, best first."""
        depth = self.view.book()
        return list(depth.bids), list(depth.asks)


def test_after_two_waves_it_has_three_rungs_a_side_and_a_spread_of_one_percent() -> None:
    for seed in range(20):
        market = Market(seed)
        market.wave(0)
        bids, asks = market.rungs()
        centre = market.maker.centre
        assert abs(centre - VALUE) <= VALUE * 0.05 + 1
        step = int(centre * 0.005)
        assert [price for price, _ in asks] == [centre + n * step for n in (1, 2, 3)]
        assert [price for price, _ in bids] == [centre - n * step for n in (1, 2, 3)]
        assert all(quantity == LIMIT // 10 for _, quantity in bids + asks)


def test_what_is_bought_from_it_changes_sizes_only_and_pairs_keep_their_sum() -> None:
    market = Market()
    market.wave(0)
    prices = [price for price, _ in market.rungs()[1]]
    trade(market.book, BUY, 1000, prices[0])
    market.wave(2)
    bids, asks = market.rungs()
    assert [price for price, _ in asks] == prices
    assert [quantity for _, quantity in asks] == [(LIMIT - 1000) // 10] * 3
    assert [quantity for _, quantity in bids] == [(LIMIT + 1000) // 10] * 3


def test_it_forgets_in_the_second_wave_only() -> None:
    market = Market()
    market.wave(0)
    trade(market.book, BUY, 1000, market.rungs()[1][0][0])
    market.wave(1)
    bids, asks = market.rungs()
    assert asks == [] and [quantity for _, quantity in bids] == [100] * 3
    market.wave(2)
    assert [len(side) for side in market.rungs()] == [3, 3]


def test_it_never_takes_whatever_stands_there() -> None:
    for side, price in ((BUY, 10_000), (SELL, 6_000)):
        market = Market()
        trade(market.book, side, 10, price)
        market.wave(0)
        assert market.book.execution_count == 0
        bids, asks = market.rungs()
        assert bids[0][0] < asks[0][0]


def test_it_cancels_asks_from_near_to_far_then_bids_and_posts_asks_from_far_to_near() -> None:
    market = Market()
    market.wave(0)
    first = [(order.side, order.price) for order in market.book.orders_of("mm")]
    assert [side for side, _ in first] == [SELL] * 3 + [BUY] * 3
    asks = [price for side, price in first if side is SELL]
    assert asks == sorted(asks, reverse=True)
    market.wave(2)
    cancelled = sorted(
        (order for order in market.book.orders_of("mm") if not order.is_open),
        key=lambda order: order.closed_event or 0,
    )
    prices = [order.price for order in cancelled]
    assert prices[:3] == sorted(asks) and prices[3:] == sorted(prices[3:], reverse=True)


def test_in_the_middle_of_a_wave_it_can_be_stored_and_gone_on_with() -> None:
    one, other = Market(), Market()
    for market in (one, other):
        market.wave(0)
        market.today.round = 2
        for _ in range(4):
            market.maker.step(market.view)
    memory = json.loads(json.dumps(other.maker.memory()))
    other.maker = LevelMaker(other.today, LIMIT)
    other.maker.remember(memory)
    for market in (one, other):
        while market.maker.step(market.view):
            pass
    assert one.rungs() == other.rungs() and one.book.next_id == 12
