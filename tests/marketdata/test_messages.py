"""What is told to those who watch, as JSON."""

import json

import pytest

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import NewOrder, OrderType, Side
from disorderbook.exchange import Exchange
from disorderbook.marketdata.history import SECOND, History
from disorderbook.marketdata.messages import (
    candles_message,
    market_message,
    server_message,
    trades_message,
)
from disorderbook.protocol.route import NAMES_AT_ONCE


def traded() -> tuple[OrderBook, History]:
    """A book with two levels of bids, and trades in the seconds 10 and 400."""
    book, history = OrderBook("V", "S", 5), History(0)
    for side, price, ts in (
        (Side.BUY, 4990, 1),
        (Side.BUY, 4990, 1),
        (Side.BUY, 4980, 1),
        (Side.BUY, 4970, 1),
        (Side.SELL, 4990, 10 * SECOND),
        (Side.SELL, 4000, 400 * SECOND),
    ):
        outcome = book.submit(NewOrder("ann", side, OrderType.LIMIT, price, 7), ts)
        history.record(book, outcome.executions)
    return book, history


def test_the_market_is_the_quote_and_the_best_levels() -> None:
    told = json.loads(market_message(traded()[0], most=1))
    assert told["bids"] == [{"price": 4980, "qty": 7, "orders": 1}] and told["asks"] == []
    assert (told["quote"]["bid"], told["quote"]["last"]) == (4980, 4990)
    assert "ok" not in told["quote"] and "ask" not in told["quote"]
    counts = [told[f"{side}{of}"] for side in ("bid", "ask") for of in ("Levels", "Orders")]
    assert counts == [2, 2, 0, 0]


def test_orders_at_one_price_are_one_level() -> None:
    book = OrderBook("V", "S", 0)
    for quantity in (3, 4):
        book.submit(NewOrder("ann", Side.SELL, OrderType.LIMIT, 5000, quantity), 1)
    told = json.loads(market_message(book, most=9))
    assert told["asks"] == [{"price": 5000, "qty": 7, "orders": 2}]


def test_a_trade_tells_no_account() -> None:
    told = json.loads(trades_message(*traded(), since=1, most=9))
    assert told == {
        "ok": True,
        "venue": "V",
        "symbol": "S",
        "since": "1970-01-01T00:00:00.000000005Z",
        "count": 2,
        "trades": [
            {
                "number": 2,
                "price": 4990,
                "qty": 7,
                "ts": "1970-01-01T00:06:40.000000000Z",
                "direction": "sell",
            }
        ],
    }


def test_a_span_ends_now() -> None:
    def told(span: str, since: int = 0) -> list[str]:
        message = candles_message(*traded(), span, since, now=401 * SECOND)
        return [candle["ts"][14:19] for candle in json.loads(message)["candles"]]

    assert told("5m") == ["06:40"] and told("30m") == told("all") == ["00:10", "06:40"]
    assert told("all", since=11 * SECOND) == ["06:40"]


def told_of_server(exchange: Exchange, needs_keys: bool, tape_port: int | None) -> bytes:
    """The answer, whose only step this must be."""
    with pytest.raises(StopIteration) as end:
        next(server_message(exchange, 0, needs_keys, tape_port))
    return bytes(end.value.value)


def test_a_server_names_its_venues_in_steps() -> None:
    exchange = Exchange(max_books=9999)
    names = [(f"V{n % 7}", f"S{n}") for n in range(2 * NAMES_AT_ONCE)]
    for venue, symbol in names:
        exchange.book(venue, symbol)
    steps, parts = server_message(exchange, 0, False, None), []
    with pytest.raises(StopIteration) as end:
        while True:
            parts.append(next(steps))
            exchange.book("LATER", f"S{len(parts)}")
    assert len(parts) == 2 and max(part.count(b'"S') for part in parts) <= NAMES_AT_ONCE
    told = json.loads(b"".join([*parts, end.value.value]))["venues"]
    assert {(venue["venue"], s) for venue in told for s in venue["symbols"]} == set(names)


def test_a_server_names_its_venues_and_only_a_tape_that_there_is() -> None:
    exchange = Exchange()
    for venue, symbol in (("V", "A"), ("W", "A"), ("V", "B")):
        exchange.book(venue, symbol)
    told = json.loads(told_of_server(exchange, True, None))
    assert told["venues"] == [
        {"venue": "V", "symbols": ["A", "B"]},
        {"venue": "W", "symbols": ["A"]},
    ]
    assert told["needsKeys"] is True and "tapePort" not in told
    assert json.loads(told_of_server(exchange, False, 8001))["tapePort"] == 8001
