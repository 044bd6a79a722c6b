"""The market maker quotes three levels a side around the middle, wherever that goes."""

from typing import Any

import pytest
from book_gateway import BookGateway, trade

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import BUY, IMMEDIATE_OR_CANCEL, SELL, Side
from disorderbook.traders.market_maker import PART, MarketMaker, levels, middle
from disorderbook.traders.market_view import MAX_PRICE, MarketView, TopOfBook


class Market:
    """A book in which a maker trades."""

    def __init__(self, maker: MarketMaker = MarketMaker(), **options: Any) -> None:
        self.book = OrderBook("V", "S", 0)
        self.gateway = BookGateway(self.book, "MAKER")
        self.view = MarketView(self.gateway, "MAKER", 1, **options)
        self.maker = maker

    def step(self) -> None:
        self.maker.step(self.view)

    def trade(self, side: Side, quantity: int, price: int) -> None:
        """Somebody else's order, of which nothing rests."""
        trade(self.book, side, quantity, price, IMMEDIATE_OR_CANCEL)

    def prices(self) -> tuple[list[int], list[int]]:
        """Prices of the bids and of the asks, best first, one for each order."""
        depth = self.view.book()
        return [price for price, _ in depth.bids], [price for price, _ in depth.asks]


def test_an_empty_market_begins_around_the_start_price() -> None:
    market = Market()
    market.step()
    assert market.prices() == ([4975, 4950, 4925], [5025, 5050, 5075])
    dear = Market(MarketMaker(start_price=20000))
    dear.step()
    assert dear.prices() == ([19900, 19800, 19700], [20100, 20200, 20300])


def test_its_orders_follow_the_middle_and_stale_ones_go() -> None:
    market = Market()
    market.step()
    market.trade(BUY, 3 * 200, 5050)  # takes two levels
    market.step()
    bids, asks = market.prices()
    centre = (bids[0] + asks[0]) // 2
    assert centre > 5000 and market.view.cancelled > 0
    assert bids == [centre - number * (centre // PART) for number in (1, 2, 3)]
    assert asks == [centre + number * (centre // PART) for number in (1, 2, 3)]


def test_after_each_of_many_moves_it_has_three_levels_a_side_half_a_percent_apart() -> None:
    market, centres = Market(), set()
    for number in range(40):
        before = middle(market.view.quote(), 5000)
        market.step()
        expected = list(levels(before))
        bids, asks = market.prices()
        assert bids == [price for side, price in expected if side is BUY]
        assert asks == [price for side, price in expected if side is SELL]
        centres.add(before)
        if number < 20:
            market.trade(SELL, 150, 1)
        else:
            market.trade(BUY, 150, MAX_PRICE)
    assert len(centres) > 10


def test_in_a_quiet_market_it_renews_an_order_a_step() -> None:
    market = Market()
    for number in range(10):
        market.step()
        assert (market.view.sent, market.view.cancelled) == (6 + number, number)
        assert market.prices() == ([4975, 4950, 4925], [5025, 5050, 5075])


@pytest.mark.parametrize("most", [1, 4, 6, 9])
def test_it_sends_no_more_orders_than_it_may(most: int) -> None:
    market = Market(orders=most)
    while not market.view.has_finished:
        market.step()
    assert (market.view.sent, market.book.next_id) == (most, most)


def test_it_knows_what_it_has_traded() -> None:
    market = Market()
    market.step()
    market.trade(BUY, 30, 5025)
    market.step()
    assert (market.view.shares, market.view.cents) == (-30, 30 * 5025)


def test_an_exchange_that_was_started_afresh_gets_all_orders_again() -> None:
    market = Market()
    for _ in range(4):
        market.step()
    market.gateway.book_itself = OrderBook("V", "S", 0)
    market.step()
    assert market.prices() == ([4975, 4950, 4925], [5025, 5050, 5075])


@pytest.mark.parametrize(
    "top, expected",
    [
        (TopOfBook(), 5000),
        (TopOfBook(last=7000), 7000),
        (TopOfBook(bid=90, ask=110, last=500), 100),
        (TopOfBook(bid=4000, last=5000), 5000),
        (TopOfBook(bid=6000, last=5000), 6030),
        (TopOfBook(ask=6000, last=5000), 5000),
        (TopOfBook(ask=4000, last=5000), 3980),
        (TopOfBook(bid=1), 5000),
        (TopOfBook(ask=MAX_PRICE), 5000),
        (TopOfBook(bid=10_000), 10_050),
    ],
)
def test_the_middle_is_between_the_best_prices_or_near_the_last(
    top: TopOfBook, expected: int
) -> None:
    assert middle(top, 5000) == expected


@pytest.mark.parametrize("centre", [-5, 0, 1, 4, 5, 199, 5000, 2**30, MAX_PRICE, MAX_PRICE + 9])
def test_all_levels_have_prices_that_an_exchange_takes(centre: int) -> None:
    prices = [price for _, price in levels(centre)]
    assert len(set(prices)) == 6
    assert 1 <= min(prices) and max(prices) <= MAX_PRICE
