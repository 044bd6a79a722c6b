"""An account as JSON: what is put together, and in steps of which size."""

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from disorderbook.engine.orders import BUY, LIMIT, SELL, NewOrder, Order, Side
from disorderbook.exchange import Exchange
from disorderbook.marketdata.account import AccountHistories
from disorderbook.marketdata.account_messages import (
    MOST_ORDERS,
    MOST_POINTS,
    AccountAnswers,
)
from disorderbook.marketdata.history import MOST_CANDLES, SECOND, History
from disorderbook.marketdata.queue_position import QUEUE_AT_ONCE
from disorderbook.protocol.route import ORDERS_AT_ONCE, Steps


class Venue:
    """A venue V whose account A asks; time goes on by `tick` nanoseconds with each event."""

    def __init__(self, tick: int = 1) -> None:
        self.past = History(0)
        self.exchange = Exchange(clock=count(tick, tick).__next__, publishers=[self.past.record])
        self.answers = AccountAnswers(self.exchange, AccountHistories(self.exchange), "V", "A")

    def place(self, account: str, side: Side, price: int, qty: int = 1, symbol: str = "S") -> Order:
        book = self.exchange.book("V", symbol)
        return self.exchange.submit(book, NewOrder(account, side, LIMIT, price, qty))

    def curve(self, since: int = 0) -> Any:
        candles = self.past.of(self.exchange.book("V", "S")).series("all")
        return json.loads(whole(self.answers.history("S", candles, since, 0)))


def whole(steps: Steps) -> bytes:
    return b"".join(pieces(steps))


def pieces(steps: Steps) -> Iterator[bytes]:
    """What each step has made."""
    yield (yield from steps)


def test_the_orders_of_a_long_queue_are_counted_once() -> None:
    """All 20,000 are the account's own, and it reads them in parts."""
    market, since, steps = Venue(), -1, 0
    told: list[Any] = []
    for _ in range(20_000):
        market.place("A", BUY, 100, 2)
    while len(told) < 5000:
        made = list(pieces(market.answers.orders(["S"], True, since, MOST_ORDERS)))
        told += json.loads(b"".join(made))["orders"]
        since, steps = told[-1]["id"], steps + len(made)
    assert [order["ahead"] for order in told] == [2 * each for each in range(5000)]
    assert steps <= 5000 // ORDERS_AT_ONCE + 5 + 5000 // QUEUE_AT_ONCE + 5


def test_what_is_ahead_follows_the_book_between_steps() -> None:
    market = Venue()
    first = market.place("B", BUY, 100, 9)
    for _ in range(3 * ORDERS_AT_ONCE):
        market.place("A", BUY, 100, 2)
    steps = market.answers.orders(["S"], True, -1, MOST_ORDERS)
    begun = next(steps)
    market.exchange.cancel(first)
    orders = json.loads(begun + whole(steps))["orders"]
    moved = [2 * number + 9 * (number < ORDERS_AT_ONCE) for number in range(len(orders))]
    assert [order["ahead"] for order in orders] == moved


def test_an_order_with_many_fills_has_what_is_ahead_at_its_end() -> None:
    market = Venue()
    market.place("B", BUY, 100, 5)
    order = market.place("A", BUY, 100, 1000)
    for _ in range(205):
        market.place("B", SELL, 100)
    market.place("A", BUY, 100)
    first, second = json.loads(whole(market.answers.orders(["S"], False, -1, 9)))["orders"]
    assert len(first["fills"]) == 200 and first["ahead"] == 0
    assert second["ahead"] == first["qty"] == order.remaining == 800


def test_a_step_ends_with_each_stock_that_was_worked_for() -> None:
    market = Venue()
    symbols = [f"S{number}" for number in range(30)]
    for symbol in symbols:
        market.place("A" if symbol[-1] == "0" else "B", BUY, 100, 1, symbol)
    made = list(pieces(market.answers.positions(symbols, 1)))
    told = json.loads(b"".join(made))["stocks"]
    assert [stock["symbol"] for stock in told] == ["S0", "S10", "S20"]
    assert len(made) == 3


def test_a_book_that_is_closed_meanwhile_is_left_out() -> None:
    market = Venue()
    for symbol in "ST":
        market.place("A", BUY, 100, 1, symbol)
    steps = market.answers.positions("ST", 1)
    begun = next(steps)
    market.exchange.close_venue("V")
    assert [stock["symbol"] for stock in json.loads(begun + whole(steps))["stocks"]] == ["S"]
    for late in (
        market.answers.orders("ST", False, -1, 9),
        market.answers.fills("ST", 0, 9),
        market.answers.positions("ST", 1),
    ):
        assert [] in json.loads(whole(late)).values()


def test_the_price_of_a_curve_is_everybodys() -> None:
    """A has 4 shares from the first second on, while others move the price."""
    market = Venue(tick=SECOND)
    for price in (100, 110, 90):
        market.place("B", SELL, price, 4)
        market.place("A" if price == 100 else "C", BUY, price, 4)
    points = market.curve()["points"]
    assert [(p["nav"], p["shares"], p["price"]) for p in points] == [
        (0, 4, 100),
        (40, 4, 110),
        (-40, 4, 90),
    ]
    assert market.curve(since=5 * SECOND)["points"] == points[1:]


@pytest.mark.parametrize("trades", [1000, 3000])
def test_a_curve_is_bounded_and_ends_where_the_account_stands(trades: int) -> None:
    market = Venue(tick=SECOND)
    for number in range(trades):
        market.place("B", SELL, 100 + number % 7)
        market.place("A" if number % 3 else "C", BUY, 106)
    told, position = market.curve(), market.exchange.book("V", "S").positions["A"]
    assert MOST_POINTS // 8 < len(told["points"]) <= MOST_POINTS
    assert told["width"] >= 2 * trades // MOST_POINTS
    starts = [point["ts"] for point in told["points"]]
    assert starts == sorted(set(starts))
    last = told["points"][-1]
    assert last["shares"] == position.shares
    assert last["nav"] == position.net_asset_value(last["price"])


def test_without_candles_the_own_trades_are_the_price() -> None:
    market = Venue(tick=SECOND)
    for price in (100, 120):
        market.place("B", SELL, price)
        market.place("A", BUY, price)
    market.past = History(0)
    assert [(p["nav"], p["price"]) for p in market.curve()["points"]] == [(0, 100), (20, 120)]


def test_points_are_as_wide_as_the_wider_of_both_series() -> None:
    """As after a start that knows the account's fills, and no candles any more."""
    market = Venue(tick=SECOND)
    for _ in range(MOST_CANDLES + 9):
        market.place("B", SELL, 100)
        market.place("A", BUY, 100)
    market.past.forget(market.exchange.book("V", "S"))
    market.place("B", SELL, 130)
    market.place("C", BUY, 130)
    told = market.curve()
    assert told["width"] == 4 and len(told["points"]) <= MOST_POINTS
    assert told["points"][-1]["price"] == 130 and told["points"][-2]["price"] == 100


def test_half_cents_are_told_as_such_and_whole_ones_stay_exact() -> None:
    market = Venue()
    market.place("B", SELL, 2**31 - 2, 2**31 - 1)
    market.place("A", BUY, 2**31 - 2, 2**31 - 1)
    market.place("A", BUY, 100)
    market.place("B", SELL, 2**31 - 1)
    [stock] = json.loads(whole(market.answers.positions(["S"], 1)))["stocks"]
    twice = 100 + 2**31 - 1
    assert stock["mid"] == twice / 2
    assert stock["navAtMid"] == (2 * stock["cash"] + stock["shares"] * twice) / 2
    market.place("B", SELL, 100)
    market.place("B", BUY, 98)
    market.place("B", SELL, 100)
    [stock] = json.loads(whole(market.answers.positions(["S"], 1)))["stocks"]
    assert stock["mid"] == 99
    assert stock["navAtMid"] == stock["cash"] + stock["shares"] * 99
    assert isinstance(stock["navAtMid"], int)
