"""What a market tells an account about itself, against a live exchange."""

from collections.abc import Iterator

import pytest

from disorderbook.client import ExchangeUnreachable, Market, Position, Refused
from disorderbook.client import market as module
from disorderbook.client.network import address_of
from disorderbook.client.results import OpenCount
from disorderbook.in_process import PrivateExchange, serve
from disorderbook.marketdata.account_messages import MOST_FILLS, MOST_ORDERS


@pytest.fixture
def markets(exchange: PrivateExchange) -> Iterator[tuple[Market, Market]]:
    """Those of ME and YOU in a stock that this test alone uses."""
    with (
        Market("TESTEX", "MY&STOCK=more", "ME", url=exchange.url) as mine,
        Market("TESTEX", "MY&STOCK=more", "YOU", url=exchange.url) as yours,
    ):
        yield mine, yours


def test_a_position_says_what_was_made(markets: tuple[Market, Market]) -> None:
    mine, yours = markets
    mine.buy(5000, 10)
    yours.sell(4900, 4)
    mine.sell(5100, 3)
    yours.buy(5100, 1)
    position = mine.position()
    assert (position.shares, position.cash) == (3, 5100 - 4 * 5000)
    assert (position.lowest, position.highest, position.fills) == (0, 4, 2)
    assert (position.average_price, position.last, position.mid) == (5000, 5100, 5050)
    assert position.mark == 5100
    assert (position.realised, position.unrealised, position.nav) == (100, 300, 400)
    assert position.nav_at_mid == 250
    assert (position.open.buy, position.open.sell) == (OpenCount(1, 6), OpenCount(1, 2))
    with pytest.raises(AttributeError):
        position.shares = 9  # type: ignore[misc]


def test_who_has_done_nothing_has_nothing(markets: tuple[Market, Market]) -> None:
    mine, yours = markets
    yours.buy(5000, 1)
    assert mine.position() == Position(mine.symbol)
    assert mine.fills() == () and mine.open_orders() == ()


def test_a_stock_that_nobody_used_is_refused(exchange: PrivateExchange) -> None:
    with Market("TESTEX", "NEVER", "ME", url=exchange.url) as market:
        for ask in (market.position, market.fills, market.open_orders):
            with pytest.raises(Refused, match="no such stock") as refused:
                ask()
            assert refused.value.status == 404


def test_fills_and_open_orders_of_any_number_come_in_pages(
    markets: tuple[Market, Market], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE", 10)
    mine, yours = markets
    wanted = 3 * module.PAGE
    for _ in range(wanted):
        mine.buy(100, 1)
    orders = mine.open_orders()
    assert [order.ahead for order in orders] == list(range(wanted))
    assert orders[-1].id - orders[0].id == wanted - 1
    yours.sell(100, wanted)
    fills = mine.fills()
    assert [fill.number for fill in fills] == list(range(1, wanted + 1))
    assert not any(fill.is_take for fill in fills) and fills[-1].position == wanted
    assert mine.fills(since=11) == fills[11:] and mine.fills(wanted) == ()
    assert mine.open_orders() == ()


def test_the_key_of_the_account_is_needed_where_there_are_keys() -> None:
    with serve(accounts={"ME": "mine", "YOU": "yours"}) as exchange:
        for key, status in (("mine", None), ("yours", 401), (None, 401)):
            with Market("TESTEX", "FOOBAR", "ME", key, exchange.url) as market:
                for ask in (market.position, market.fills, market.open_orders):
                    if status is None:
                        ask()
                    else:
                        with pytest.raises(Refused) as refused:
                            ask()
                        assert refused.value.status == status


def test_a_page_is_as_long_as_the_exchange_allows() -> None:
    assert module.PAGE == MOST_FILLS == MOST_ORDERS


def test_a_market_without_an_account_asks_nothing() -> None:
    with Market("TESTEX", "FOOBAR", url="http://127.0.0.1:1") as market:
        for ask in (market.position, market.fills, market.open_orders):
            with pytest.raises(ValueError, match="account"):
                ask()
    with (
        Market("TESTEX", "FOOBAR", "ME", url="http://127.0.0.1:1") as market,
        pytest.raises(ExchangeUnreachable, match="http://127.0.0.1:1/api/v1/venues/TESTEX"),
    ):
        market.position()


@pytest.mark.parametrize(
    "api, path, address",
    [
        ("http://h/ob/api", "/venues/V", "http://h/ob/api/venues/V"),
        ("http://h/ob/api", "/api/v1/venues/V", "http://h/api/v1/venues/V"),
        ("https://h/below/ob/api", "/api/v1/x", "https://h/below/api/v1/x"),
        ("/ob/api", "/api/v1/x", "/api/v1/x"),
    ],
)
def test_extensions_stand_beside_the_api(api: str, path: str, address: str) -> None:
    assert address_of(api, path) == address
