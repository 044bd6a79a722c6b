"""The mark that follows trades within the band: what counts, and that it survives what a market
does.
"""

from pathlib import Path
from typing import Any

import pytest
from controlled_market import Assembled
from wsgi import ORDERS

from disorderbook.accounts import Accounts
from disorderbook.assembly import CannotStart, MarketSettings, assemble
from disorderbook.in_process import serve
from disorderbook.marketdata.band import BandMark
from disorderbook.marketdata.mark import Mark
from disorderbook.rules.file import rule_book
from disorderbook.rules.market import Rules
from disorderbook.timeline.clock import clock_settings

# Around the middle, so that quotes can lead trades out of the band around the mark before.
AROUND_MID = {"market": {"band": 10, "band_around": "mid"}}


def weighed(rules: Rules, *events: list[int]) -> int | None:
    mark = BandMark(rules)
    for number, prices in enumerate(events):
        mark.weigh(number, reversed(prices))
    return mark.price


def test_a_price_outside_of_the_band_around_the_mark_before_does_not_count() -> None:
    rules = Rules(band=10, band_around="last")
    assert weighed(rules) is None
    assert weighed(rules, [1000]) == 1000
    assert weighed(rules, [1000], [1101]) == 1000
    assert weighed(rules, [1000], [899], [1100], [1200]) == 1200
    # A sweep counts as far as the band around the mark before it goes.
    assert weighed(rules, [1000], [1050, 1100, 1101, 1150, 2**31 - 1]) == 1100


def test_a_price_that_has_moved_without_trades_counts_at_the_second_trade_there() -> None:
    rules = Rules(band=10, band_around="mid")
    assert weighed(rules, [1000], [1190]) == 1000
    assert weighed(rules, [1000], [1190], [1000], [1190]) == 1000  # to and fro
    assert weighed(rules, [1000], [1190], [1200]) == 1200
    assert weighed(rules, [1000], [1190], [2000], [2100], [2050]) == 2050
    # All trades of an order are compared with what was before it.
    assert weighed(rules, [1000], [1190, 1191, 1192]) == 1000
    around_start = Rules(band=10, band_around="start", start_price=1000)
    assert weighed(around_start, [1190], [1190], [1190]) == 1000


def test_a_start_price_is_the_mark_until_a_trade_counts() -> None:
    rules = Rules(band=10, band_around="last", start_price=500)
    assert weighed(rules) == weighed(rules, [1000]) == 500
    assert weighed(rules, [540]) == 540
    around_start = Rules(band=10, band_around="start", start_price=500)
    assert weighed(around_start, [550], [450]) == 450  # each is within 10 % of 500


def settings(database: Path | None = None, **others: Any) -> MarketSettings:
    return MarketSettings(
        database=None if database is None else str(database),
        clock=clock_settings("stepped"),
        has_control=True,
        rules=rule_book(AROUND_MID),
        **({"mark": Mark.BAND} | others),
    )


def send(client: Assembled, account: str, side: str, price: int) -> None:
    body = {"account": account, "direction": side, "orderType": "limit", "price": price, "qty": 1}
    assert client("POST", ORDERS, body).json["ok"]


def mark_of(client: Assembled) -> list[int]:
    """The last price and the mark, wherever that is told."""
    told = client("GET", "/api/v1/venues/TESTEX/scores").json
    assert told["mark"] == "band"
    [stock] = client("GET", "/api/v1/venues/TESTEX/accounts/ann").json["stocks"]
    [price] = {
        told["stocks"][0]["price"],
        stock["mark"],
        client("GET", "/api/v1/venues/TESTEX/stocks/FOOBAR/scores").json["price"],
    }
    return [stock["last"], price]


def walked(client: Assembled) -> None:
    """A trade at 1000; then quotes lead the middle up, and there is a trade at 1190."""
    for account, side, price in (
        ("ann", "buy", 1000),
        ("bob", "sell", 1000),
        ("eve", "sell", 1100),
        ("eve", "buy", 1090),
        ("eve", "sell", 1200),
    ):
        send(client, account, side, price)
    assert client("DELETE", f"{ORDERS}/2").json["ok"]
    send(client, "eve", "buy", 1190)
    send(client, "bob", "sell", 1190)


def test_it_is_the_same_after_a_restart_a_rollback_and_a_snapshot(tmp_path: Path) -> None:
    file = tmp_path / "market.db"
    with assemble(settings(file), Accounts()) as services:
        client = Assembled(services)
        walked(client)
        before = mark_of(client)
        assert before == [1190, 1000]
        services.exchange.flush()
        with services.exchange.lock:
            for restore in services.exchange.restorers:
                restore()
        assert mark_of(client) == before
    for _ in range(2):
        with assemble(settings(file), Accounts()) as services:
            assert mark_of(Assembled(services)) == before
    with assemble(settings(file), Accounts()) as services:
        client = Assembled(services)
        send(client, "eve", "buy", 1190)
        send(client, "bob", "sell", 1190)
        assert mark_of(client) == [1190, 1190]  # the trade before it is known
    with assemble(settings(file, mark=Mark.LAST), Accounts()) as services:
        told = Assembled(services)("GET", "/api/v1/venues/TESTEX/scores").json
        assert told["stocks"][0]["price"] == before[0]
    with assemble(settings(), Accounts()) as services:
        client = Assembled(services)
        walked(client)
        with services.exchange.transaction():
            services.control.snapshot("walked")
            services.control.reset("TESTEX", "FOOBAR")
        assert client("GET", "/api/v1/venues/TESTEX/scores").json["stocks"] == [
            {"symbol": "FOOBAR"}
        ]
        with services.exchange.transaction():
            services.control.restore("walked")
        assert mark_of(client) == before


@pytest.mark.parametrize("rules", [{}, {"market": {"tick_size": 5}}])
def test_without_a_band_there_is_nothing_to_mark_at(rules: dict[str, object]) -> None:
    with (
        pytest.raises(CannotStart, match="--mark band needs --rules in which some stock has"),
        serve(mark="band", rules=rules),
    ):
        pass


def test_an_unknown_mark_is_refused() -> None:
    with (
        pytest.raises(ValueError, match="mark is 'best'; allowed: last, mid, band"),
        serve(mark="best"),
    ):
        pass
