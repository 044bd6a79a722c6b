"""A market without a socket, beside one over HTTP to an exchange of the same kind."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from live import Exchange, running
from wsgi import Client

from disorderbook.client import Market, MarketClosed, MarketError, Refused
from disorderbook.lab import connection
from disorderbook.lab.connection import DirectConnection

WIRE_TIMES = {"ts", "quoteTime", "lastTrade", "filledAt"}


@pytest.fixture
def client() -> Client:
    return Client(extra=True)


def market(client: Client, account: str | None = "ME", symbol: str = "FOOBAR") -> Market:
    services = client.services
    direct = DirectConnection(client.app, services.exchange, services.accounts)
    return Market("TESTEX", symbol, account, connection=direct)


@pytest.fixture(scope="module")
def exchange() -> Iterator[Exchange]:
    with running("--extra") as exchange:
        yield exchange


CALLS: tuple[Callable[[Market], object], ...] = (
    lambda market: market.quote(),
    lambda market: market.buy(5000, 10),
    lambda market: market.sell(4900, 4),
    lambda market: market.sell(5100, 2**31 - 1, "ioc"),
    lambda market: market.buy(None, 1, "market"),
    lambda market: market.buy(9, 1, idempotency_key="one"),
    lambda market: market.buy(9, 1, idempotency_key="one"),
    lambda market: market.sell(9, 1, idempotency_key="one"),
    lambda market: market.buy(9, 1, idempotency_key="x" * 200),
    lambda market: market.buy(5000, 0),
    lambda market: market.buy(2**31, 1),
    lambda market: market.buy(1, 1, "stop"),  # type: ignore[arg-type]
    lambda market: market.status(0),
    lambda market: market.status(99),
    lambda market: market.cancel(0),
    lambda market: market.cancel(77),
    lambda market: market.book(),
    lambda market: market.orders(),
    lambda market: market.position(),
    lambda market: market.fills(since=1),
    lambda market: market.open_orders(),
    lambda market: Market.quote(market),
)
NAMES = ("FOOBAR", "A SPACE", "ÜBER/x", "?#", "x" * 20, "x" * 300, "x" * 20_000)


def told(call: Callable[[Market], object], market: Market) -> object:
    """What a call returns or raises, without the times."""
    try:
        return timeless(msgspec.to_builtins(call(market)))
    except MarketError as error:
        return type(error), error.args


def timeless(answer: Any) -> Any:
    if isinstance(answer, dict):
        return {name: timeless(each) for name, each in answer.items() if name not in WIRE_TIMES}
    if isinstance(answer, (list, tuple)):
        return [timeless(each) for each in answer]
    return answer


@pytest.mark.parametrize("symbol", NAMES, ids=lambda name: name[:10])
def test_every_call_is_answered_as_over_http(
    client: Client, exchange: Exchange, symbol: str
) -> None:
    here = market(client, symbol=symbol)
    with Market("TESTEX", symbol, "ME", url=f"http://127.0.0.1:{exchange.port}") as there:
        for call in CALLS:
            assert told(call, here) == told(call, there)


def test_a_refusal_by_the_reader_leaves_the_connection_usable(client: Client) -> None:
    here = market(client, "x" * 20_000)
    with pytest.raises(Refused, match="headers are at most") as refused:
        here.orders()
    assert refused.value.status == 431 and "allowed: at most" in str(refused.value.detail)
    assert here.quote().bid is None


def test_a_stream_tells_what_has_happened_since_it_began_and_goes_on_later(client: Client) -> None:
    here, other = market(client), market(client, "OTHER")
    here.buy(5000, 1)
    ticks, executions = here.ticks(), here.executions()
    assert list(ticks) == list(executions) == []
    here.buy(5001, 10)
    other.sell(5000, 7)
    assert [(tick.bid, tick.bid_size, tick.last) for tick in ticks] == [
        (5001, 10, None),
        (5001, 3, 5001),
    ]
    other.sell(5001, 3)
    assert [(each.filled, each.order.qty, each.price) for each in executions] == [
        (7, 3, 5001),
        (3, 0, 5001),
    ]
    assert list(ticks)[0].bid == 5000
    assert list(ticks) == [] and ticks.interruptions == 0


def test_what_is_traded_with_oneself_is_told_twice(client: Client) -> None:
    here = market(client)
    executions = here.executions()
    here.buy(5000, 1)
    here.sell(5000, 1)
    assert [each.order.direction for each in executions] == ["buy", "sell"]


def test_ticks_that_nobody_reads_are_bounded(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MOST_WAITING", 3)
    here = market(client)
    ticks = here.ticks()
    for price in range(1, 6):
        here.buy(price, 1)
    assert [tick.bid for tick in ticks] == [3, 4, 5]
    assert ticks.interruptions == 1


def test_a_stream_hears_of_its_own_stock_only_and_of_nothing_once_closed(client: Client) -> None:
    here, elsewhere = market(client), market(client, symbol="OTHER")
    ticks = here.ticks()
    elsewhere.buy(1, 1)
    assert list(ticks) == []
    here.buy(1, 1)
    ticks.close()
    assert list(ticks) == []


def test_a_name_that_no_tape_takes_is_refused(client: Client) -> None:
    with pytest.raises(Refused, match="at most 255"):
        market(client, symbol="x" * 300).ticks()


def test_a_closed_market_says_so_and_costs_the_exchange_nothing(client: Client) -> None:
    here = market(client)
    with here:
        ticks = here.ticks()
    for call in (here.quote, lambda: here.buy(1, 1), here.ticks, here.executions):
        with pytest.raises(MarketClosed):
            call()
    with suppress(StopIteration):
        next(ticks)
        raise AssertionError("a closed stream goes on")
    assert len(client.services.exchange._publishers) == 1, "the history's"
