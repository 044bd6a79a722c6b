"""The market that the environment names, as a program of `disorderbook run` finds it."""

import pytest

from disorderbook.client import Market
from disorderbook.in_process import serve

NAMES = ("URL", "TAPE_URL", "ACCOUNT", "KEY", "VENUE", "SYMBOL")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in NAMES:
        monkeypatch.delenv(f"DISORDERBOOK_{name}", raising=False)
    return monkeypatch


def test_a_market_is_made_of_the_environment(environment: pytest.MonkeyPatch) -> None:
    with serve(accounts={"ME": "mykey"}, venue="V", symbol="S") as exchange:
        url = f"{exchange.url}/ob/api/"
        for name, value in zip(NAMES, (url, "", "ME", "mykey", "V", "S"), strict=True):
            environment.setenv(f"DISORDERBOOK_{name}", value)
        market = Market.from_environment()
        assert market.buy(5000, 10).account == "ME"
        market.close()


@pytest.mark.parametrize("missing", ["VENUE", "SYMBOL"])
def test_a_market_needs_a_venue_and_a_stock(environment: pytest.MonkeyPatch, missing: str) -> None:
    for name in {"VENUE", "SYMBOL"} - {missing}:
        environment.setenv(f"DISORDERBOOK_{name}", "X")
    with pytest.raises(ValueError, match=f"DISORDERBOOK_{missing} is not set; disorderbook run"):
        Market.from_environment()


def test_without_a_url_it_is_the_usual_one_and_without_an_account_one_can_look(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("DISORDERBOOK_VENUE", "V")
    environment.setenv("DISORDERBOOK_SYMBOL", "S")
    market = Market.from_environment()
    assert (market.venue, market.symbol, market.account) == ("V", "S", None)
