"""Traders in threads, against a live exchange: how many orders they send, and how they end."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from live import Exchange

from disorderbook.client import Market, Order
from disorderbook.runner.gateway import Endpoint, HttpGateway, Outage
from disorderbook.runner.instances import OrderCounts, Trader, count_orders, run_together
from disorderbook.traders.market_view import MarketView, Strategy
from disorderbook.traders.noise import NoiseTrader


def a_trader(
    exchange: Exchange,
    venue: str,
    *,
    seed: int = 1,
    pause: tuple[float, float] = (0.0, 0.0),
    orders: int | None = None,
    strategy: Strategy | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Trader:
    endpoint = Endpoint(exchange.url, venue, "FOOBAR")
    outage = Outage(endpoint.host, print)
    gateway = HttpGateway(endpoint, "ANN", "", outage, threading.Event(), print)
    view = MarketView(gateway, "ANN", seed, orders=orders, say=say)
    return Trader(strategy or NoiseTrader(), view, gateway, pause)


def orders_on(exchange: Exchange, venue: str, count: int) -> list[tuple[Any, ...]]:
    """What the first `count` orders of the book are, without their times."""
    with Market(venue, "FOOBAR", url=exchange.url) as market:
        return [_without_times(market.status(order_id)) for order_id in range(count)]


def _without_times(order: Order) -> tuple[Any, ...]:
    fills = [(fill.price, fill.qty) for fill in order.fills]
    return order.direction, order.price, order.original_qty, order.total_filled, fills


def test_it_sends_exactly_as_many_orders_as_it_may(exchange: Exchange, venue: str) -> None:
    trader = a_trader(exchange, venue, orders=17)
    trader.run(threading.Event())
    assert count_orders([trader])[:2] == (17, 17)
    assert len(orders_on(exchange, venue, 17)) == 17


def test_refused_orders_count(exchange: Exchange) -> None:
    trader = a_trader(exchange, "V" * 256, orders=3)
    trader.run(threading.Event())
    assert count_orders([trader]) == OrderCounts(sent=3, placed=0, cancelled=0)


def test_the_same_seed_makes_the_same_orders(exchange: Exchange, venue: str) -> None:
    for name, seed, pause in (("-A", 7, 0.0), ("-B", 7, 0.002), ("-C", 8, 0.0)):
        trader = a_trader(exchange, venue + name, seed=seed, pause=(0.0, pause), orders=40)
        trader.run(threading.Event())
    first, same, other = (orders_on(exchange, venue + name, 40) for name in ("-A", "-B", "-C"))
    assert first == same and first != other


def test_a_long_pause_ends_at_once_when_it_is_stopped(exchange: Exchange, venue: str) -> None:
    stop, has_placed = threading.Event(), threading.Event()
    trader = a_trader(exchange, venue, pause=(3600.0, 3600.0), say=lambda line: has_placed.set())
    thread = threading.Thread(target=trader.run, args=(stop,))
    thread.start()
    assert has_placed.wait(60)
    stop.set()
    thread.join(60)
    assert not thread.is_alive()


def test_traders_run_side_by_side_until_the_last_has_finished(
    exchange: Exchange, venue: str
) -> None:
    traders = [
        a_trader(exchange, venue, seed=seed, pause=(0.0, 0.01), orders=5 + seed)
        for seed in range(4)
    ]
    assert run_together(traders, threading.Event()) is True
    assert [trader.view.placed for trader in traders] == [5, 6, 7, 8]
    assert len(orders_on(exchange, venue, 26)) == 26


class Broken(Strategy):
    """Has a bug."""

    def step(self, market: MarketView) -> None:
        raise ZeroDivisionError


def test_a_trader_that_fails_is_reported(
    exchange: Exchange, venue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", printed.append)
    broken = a_trader(exchange, venue, strategy=Broken())
    whole = a_trader(exchange, venue, orders=3)
    assert run_together([broken, whole], threading.Event()) is False
    assert whole.view.placed == 3
    assert [each.exc_type for each in printed] == [ZeroDivisionError]
