"""The market as a bot uses it, against a live exchange."""

import json
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from live import ROOT, killed, running

from disorderbook.client import ExchangeUnreachable, Market, MarketClosed, Quote, Refused
from disorderbook.client.market import Stream
from disorderbook.in_process import PrivateExchange, serve

KEYS = json.loads((ROOT / "accounts.json").read_text())


@pytest.fixture
def market(exchange: PrivateExchange) -> Iterator[Market]:
    with Market("TESTEX", "FOOBAR", "ME", url=exchange.url, tape_url=exchange.tape_url) as market:
        yield market


def test_an_order_is_placed_and_answered(market: Market) -> None:
    order = market.buy(5000, 10)
    assert (order.venue, order.symbol, order.account) == ("TESTEX", "FOOBAR", "ME")
    assert (order.direction, order.price, order.order_type) == ("buy", 5000, "limit")
    assert (order.original_qty, order.qty, order.total_filled, order.fills) == (10, 10, 0, ())
    assert order.open and order.id == 0


def test_a_trade_is_told_by_both_orders_and_the_quote(market: Market) -> None:
    bought = market.buy(5000, 10)
    sold = market.sell(4900, 4)
    assert [(fill.price, fill.qty) for fill in sold.fills] == [(5000, 4)] and not sold.open
    assert market.status(bought).total_filled == market.status(bought.id).total_filled == 4
    quote = market.quote()
    assert (quote.bid, quote.bid_size, quote.ask, quote.last, quote.last_size) == (
        5000,
        6,
        None,
        5000,
        4,
    )
    assert quote.last_trade == sold.fills[0].ts


@pytest.mark.parametrize(
    "order_type, long_name, is_open",
    [
        ("limit", "limit", True),
        ("fok", "fill-or-kill", False),
        ("ioc", "immediate-or-cancel", False),
        ("fill-or-kill", "fill-or-kill", False),
        ("market", "market", False),
    ],
)
def test_every_order_type_can_be_asked_for(
    market: Market, order_type: str, long_name: str, is_open: bool
) -> None:
    market.sell(5000, 3)
    order = market.buy(None if order_type == "market" else 5000, 5, order_type)
    assert (order.order_type, order.open) == (long_name, is_open)
    assert order.total_filled == (0 if long_name == "fill-or-kill" else 3)


def test_a_cancelled_order_is_closed(market: Market) -> None:
    order = market.sell(5000, 10)
    assert market.cancel(order) == market.cancel(order.id) == market.status(order)
    assert not market.status(order).open and market.book().asks == ()


def test_the_book_lists_resting_orders_best_first(market: Market) -> None:
    for price, qty in ((4000, 1), (4002, 2), (4001, 3)):
        market.buy(price, qty)
    market.sell(5000, 9)
    book = market.book()
    assert [(row.price, row.qty, row.is_buy) for row in book.bids] == [
        (4002, 2, True),
        (4001, 3, True),
        (4000, 1, True),
    ]
    assert [(row.price, row.qty, row.is_buy) for row in book.asks] == [(5000, 9, False)]


def test_the_accounts_orders_are_listed(market: Market, exchange: PrivateExchange) -> None:
    with Market("TESTEX", "FOOBAR", "YOU", url=exchange.url) as other:
        mine, yours = market.buy(1, 1), other.buy(2, 2)
        assert market.orders() == (mine,) and other.orders() == (yours,)


def test_times_are_text_that_datetime_reads(market: Market) -> None:
    first, second = market.buy(1, 1), market.buy(1, 1)
    assert first.ts < second.ts and len(first.ts) == len("2016-01-17T22:43:07.123456789Z")
    assert datetime.fromisoformat(first.ts).tzinfo is not None


@pytest.mark.parametrize(
    "price, qty, status, sentence",
    [
        (-1, 5, 400, "Illegal value (usually a non-positive number)"),
        (5000, 0, 400, "Illegal value (usually a non-positive number)"),
        (2**80, 5, 400, "Illegal value (usually a non-positive number)"),
        (None, 5, 400, "Incoming POST was missing required field"),
    ],
)
def test_a_refusal_carries_the_sentence_and_the_status(
    market: Market, price: int | None, qty: int, status: int, sentence: str
) -> None:
    with pytest.raises(Refused) as refusal:
        market.buy(price, qty)
    assert (refusal.value.status, refusal.value.sentence, str(refusal.value)) == (
        status,
        sentence,
        sentence,
    )
    field = "qty is" if price == 5000 else "price is"
    assert str(refusal.value.detail).startswith(field)
    assert market.orders() == ()


def test_an_order_that_is_not_there_is_refused(market: Market) -> None:
    for ask in (market.status, market.cancel):
        with pytest.raises(Refused, match="No such order") as refusal:
            ask(7)
        assert refusal.value.status == 404


def test_what_is_no_integer_is_not_sent(market: Market) -> None:
    with pytest.raises(TypeError):
        market.buy(12.9, 10)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        market.status("0/cancel")  # type: ignore[arg-type]
    assert market.orders() == ()


@pytest.mark.parametrize(
    "venue, symbol, account",
    [
        ("Zürich", "日本", "Ελλάς"),
        ("A B", "50%", "a&b=c"),
        ("∕", "%2F", "?#"),
        ("...", "a;b", "+ +"),
        ("\U0001f4c8", "'\"", "<b>"),
        ("V" * 255, "日" * 255, "A" * 255),
    ],
)
def test_names_are_sent_whatever_they_consist_of(
    exchange: PrivateExchange, venue: str, symbol: str, account: str
) -> None:
    with Market(venue, symbol, account, None, exchange.url, exchange.tape_url) as market:
        executions = market.executions()
        order = market.buy(5000, 10)
        assert (order.venue, order.symbol, order.account) == (venue, symbol, account)
        assert market.orders() == (order,) and market.book().symbol == symbol
        market.sell(5000, 10)
        assert next(executions).account == account


def test_a_slash_in_a_name_is_refused_by_the_exchange(exchange: PrivateExchange) -> None:
    with Market("A/B", "FOOBAR", "ME", url=exchange.url) as market:
        with pytest.raises(Refused, match="No such path"):
            market.buy(5000, 10)


@pytest.mark.parametrize(
    "options",
    [
        {"url": "127.0.0.1:8000"},
        {"tape_url": "http://127.0.0.1:8001"},
        {"key": ""},
        {"key": "two\r\nlines"},
        {"key": " k"},
        {"venue": ".."},
        {"symbol": ""},
        {"timeout": 0},
    ],
)
def test_what_cannot_be_sent_is_a_value_error_at_once(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Market(**({"venue": "TESTEX", "symbol": "FOOBAR"} | options))


def test_without_an_account_one_can_look_but_not_trade(exchange: PrivateExchange) -> None:
    with Market("TESTEX", "FOOBAR", url=exchange.url, tape_url=exchange.tape_url) as market:
        assert market.quote().bid is None and market.book().bids == ()
        for trade in (lambda: market.buy(1, 1), market.orders, market.executions):
            with pytest.raises(ValueError, match="account"):
                trade()


def test_a_key_is_sent_where_keys_are_asked_for() -> None:
    with running("-a", "accounts.json", "-e") as exchange:
        name, key = next(iter(KEYS.items()))
        with Market("TESTEX", "FOOBAR", name, key, exchange.url) as market:
            order = market.buy(5000, 10)
            assert market.orders() == (market.status(order),)
        for wrong, sentence in ((None, "no API key was received"), ("wrong", "wrong API key")):
            with Market("TESTEX", "FOOBAR", name, wrong, exchange.url) as market:
                for call in (lambda: market.buy(1, 1), lambda: market.cancel(0), market.orders):
                    with pytest.raises(Refused, match=sentence) as refusal:
                        call()
                    assert refusal.value.status == 401
                assert market.quote().bid == 5000, "anybody may look"


def test_it_goes_on_after_the_exchange_was_killed_and_started_again(tmp_path: Path) -> None:
    database = ("-d", str(tmp_path / "market.db"))
    with killed(*database) as exchange:
        market = Market("TESTEX", "FOOBAR", "ME", url=exchange.url)
        order = market.buy(5000, 10)
    for call in (market.quote, lambda: market.sell(5000, 10)):
        with pytest.raises(ExchangeUnreachable, match="Connection refused") as error:
            call()
        assert not error.value.was_sent
    with running(*database, "-p", str(exchange.port)), market:
        assert market.status(order) == order
        assert market.sell(5000, 10).total_filled == 10


def test_threads_can_share_a_market(market: Market) -> None:
    threads = [
        threading.Thread(target=lambda: [market.buy(price, 1) for price in range(1, 26)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(order.id for order in market.orders()) == list(range(200))


def test_a_closed_market_says_so(exchange: PrivateExchange) -> None:
    market = Market("TESTEX", "FOOBAR", "ME", url=exchange.url, tape_url=exchange.tape_url)
    with market:
        market.buy(1, 1)
    market.close()
    for call in (market.quote, lambda: market.buy(1, 1), market.ticks, market.executions):
        with pytest.raises(MarketClosed, match="was closed"):
            call()


def test_two_exchanges_at_once_are_not_mixed_up() -> None:
    with serve() as one, serve() as two:
        with (
            Market("V", "S", "ME", url=one.url) as first,
            Market("V", "S", "ME", url=two.url) as second,
        ):
            first.buy(1, 1)
            assert len(first.orders()) == 1 and second.book().bids == ()


class RecordingConnection:
    """Answers every request with a quote, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def request(
        self,
        method: str,
        path: str,
        kind: type[Any],
        body: bytes | None = None,
        idempotency_key: str | None = None,
    ) -> Any:
        self.asked.append(f"{method} {path}")
        return Quote("V", "S", 0, 0, 0, 0, "")

    def listen(self, path: str, *_: object) -> Stream[Any]:
        self.asked.append(f"listen {path}")
        raise MarketClosed

    def close(self) -> None:
        self.asked.append("close")

    def abort(self) -> None:
        self.asked.append("abort")


def test_a_connection_of_another_kind_carries_all_that_a_market_asks() -> None:
    connection = RecordingConnection()
    with Market("a venue", "S", "ME", connection=connection) as market:
        market.quote()
        with pytest.raises(MarketClosed):
            market.executions()
        market.abort()
    assert connection.asked == [
        "GET /venues/a%20venue/stocks/S/quote",
        "listen /ME/venues/a%20venue/executions/stocks/S",
        "abort",
        "close",
        "close",
    ]


def test_an_order_with_an_idempotency_key_is_placed_once(market: Market) -> None:
    first = market.buy(5000, 10, idempotency_key="one")
    market.sell(5000, 10)
    assert market.buy(5000, 10, idempotency_key="one") == first
    assert first.open and not market.status(first).open
    with pytest.raises(Refused, match="came with another order") as error:
        market.sell(6000, 10, idempotency_key="one")
    assert error.value.status == 422
    assert market.sell(6000, 10, idempotency_key="two").id == 2


@pytest.mark.parametrize("key", ["", "a b", "a\r\nb", "é"])
def test_a_key_that_cannot_be_sent_is_told_at_once(market: Market, key: str) -> None:
    with pytest.raises(ValueError, match="cannot be sent as a key"):
        market.buy(5000, 10, idempotency_key=key)
    assert market.book().bids == ()
