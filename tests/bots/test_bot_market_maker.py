"""The market maker quotes three rungs a side around the middle, wherever that goes."""

from typing import Any

import pytest
from bot_market_maker import PART, MarketMaker, middle, rungs
from live import Exchange, running
from stockfighter_minimal import Client, Order
from trader import LARGEST


def a_maker(exchange: Exchange, venue: str, **knobs: Any) -> MarketMaker:
    return MarketMaker(
        Client(exchange.url),
        venue=venue,
        account="MAKER",
        say=lambda line: None,
        **{"seed": 1, **knobs},
    )


def trade(maker: MarketMaker, direction: str, quantity: int, price: int) -> None:
    """Somebody else's order, of which nothing rests."""
    order = Order(maker.venue, "FOOBAR", direction, quantity, price, "ioc", "SOMEBODY")
    assert maker.client.execute(order)


def book(maker: MarketMaker) -> tuple[list[int], list[int]]:
    """Prices of the bids and of the asks, best first, one for each order."""
    answer = maker.client.orderbook(maker.venue, "FOOBAR")
    assert answer is not None
    return [row["price"] for row in answer["bids"]], [row["price"] for row in answer["asks"]]


def quoted(maker: MarketMaker) -> tuple[list[int], list[int]]:
    """The maker's own part of the book."""
    resting = maker.resting.values()
    prices: dict[str, list[int]] = {"buy": [], "sell": []}
    for order in resting:
        prices[order["direction"]].append(order["price"])
    return sorted(prices["buy"], reverse=True), sorted(prices["sell"])


def test_an_empty_market_begins_around_the_start_price(exchange: Exchange, venue: str) -> None:
    maker = a_maker(exchange, venue)
    maker.step()
    assert book(maker) == ([4975, 4950, 4925], [5025, 5050, 5075])
    dear = a_maker(exchange, venue + "-DEAR", start_price=20000)
    dear.step()
    assert book(dear) == ([19900, 19800, 19700], [20100, 20200, 20300])


def test_its_rungs_follow_the_middle_and_stale_ones_go(exchange: Exchange, venue: str) -> None:
    maker = a_maker(exchange, venue)
    maker.step()
    trade(maker, "buy", 3 * 200, 5050)  # takes two rungs
    maker.step()
    answer = maker.client.quote(venue, "FOOBAR")
    assert answer is not None and maker.cancelled > 0
    bids, asks = quoted(maker)
    centre = (bids[0] + asks[0]) // 2
    assert centre > 5000
    assert bids == [centre - number * (centre // PART) for number in (1, 2, 3)]
    assert asks == [centre + number * (centre // PART) for number in (1, 2, 3)]


def test_after_each_of_many_moves_it_has_three_rungs_a_side_half_a_percent_apart(
    exchange: Exchange, venue: str
) -> None:
    maker = a_maker(exchange, venue)
    centres = set()
    for turn in range(40):
        before = middle(maker.quote(), 5000)
        maker.step()
        bids, asks = quoted(maker)
        assert (bids + asks) == [
            price for side in ("buy", "sell") for way, price in rungs(before) if way == side
        ]
        centres.add(before)
        trade(maker, "sell" if turn < 20 else "buy", 150, 1 if turn < 20 else LARGEST)
    assert len(centres) > 10


def test_in_a_quiet_market_it_renews_an_order_a_step(exchange: Exchange, venue: str) -> None:
    maker = a_maker(exchange, venue)
    for number in range(10):
        maker.step()
        assert maker.sent == 6 + number and maker.cancelled == number
        assert book(maker) == ([4975, 4950, 4925], [5025, 5050, 5075])


def test_it_sends_no_more_orders_than_it_may(exchange: Exchange, venue: str) -> None:
    for most in (1, 4, 6, 9):
        maker = a_maker(exchange, f"{venue}-{most}", orders=most)
        while not maker.has_finished:
            maker.step()
        assert (maker.sent, maker.placed) == (most, most)


def test_it_knows_what_it_has_traded(exchange: Exchange, venue: str) -> None:
    maker = a_maker(exchange, venue)
    maker.step()
    trade(maker, "buy", 30, 5025)
    maker.step()
    assert (maker.shares, maker.cents) == (-30, 30 * 5025)


def test_an_exchange_that_was_started_afresh_gets_all_rungs_again() -> None:
    with running() as exchange:
        maker = a_maker(exchange, "TESTEX")
        for _ in range(4):
            maker.step()
    with running("-p", str(exchange.port)):
        maker.step()
        assert book(maker) == ([4975, 4950, 4925], [5025, 5050, 5075])


@pytest.mark.parametrize(
    "quote, expected",
    [
        ({}, 5000),
        ({"last": 7000}, 7000),
        ({"bid": 90, "ask": 110, "last": 500}, 100),
        ({"bid": 4000, "last": 5000}, 5000),
        ({"bid": 6000, "last": 5000}, 6030),
        ({"ask": 6000, "last": 5000}, 5000),
        ({"ask": 4000, "last": 5000}, 3980),
        ({"bid": 1}, 5000),
        ({"ask": LARGEST}, 5000),
        ({"bid": 10_000}, 10_050),
    ],
)
def test_the_middle_is_between_the_best_prices_or_near_the_last(
    quote: dict[str, int], expected: int
) -> None:
    assert middle(quote, 5000) == expected


@pytest.mark.parametrize("centre", [-5, 0, 1, 4, 5, 199, 5000, 2**30, LARGEST, LARGEST + 9])
def test_all_rungs_are_prices_that_the_exchange_takes(centre: int) -> None:
    prices = [price for _, price in rungs(centre)]
    assert len(set(prices)) == 6
    assert 1 <= min(prices) and max(prices) <= LARGEST
