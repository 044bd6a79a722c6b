"""What the options of the bots' commands take."""

import argparse

import pytest

from disorderbook.runner.command import bot_parser, bots_parser, endpoint, name, pause, url
from disorderbook.runner.gateway import Endpoint
from disorderbook.traders.registry import REGISTRY


def test_a_host_alone_is_an_exchange() -> None:
    assert url("http://localhost:9") == "http://localhost:9/ob/api/"
    assert url("http://localhost:9/x/y/") == "http://localhost:9/x/y/"
    with pytest.raises(argparse.ArgumentTypeError, match="'nowhere' is no url of an exchange"):
        url("nowhere")


@pytest.mark.parametrize("text", ["", ".", "..", "a\nb", "A" * 256])
def test_what_cannot_stand_in_a_url_is_no_name(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        name(text)
    assert name("A/B ü") == "A/B ü"


def test_a_pause_is_a_time_or_its_limits() -> None:
    assert pause("4") == (4, 4) and pause("0.3-0.7") == (0.3, 0.7)


def test_a_bot_trades_the_first_market_of_this_machine_unless_it_is_told_otherwise() -> None:
    options = bot_parser("bot", REGISTRY["taker"]).parse_args([])
    assert endpoint(options) == Endpoint("http://127.0.0.1:8000/ob/api/", "TESTEX", "FOOBAR", True)
    assert (options.account, options.key) == ("TAKERBOTS", "takerkey")


def test_in_a_run_the_environment_says_where_to_trade(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"URL": "http://127.0.0.1:9", "VENUE": "V", "SYMBOL": "S", "ACCOUNT": "ME"}
    for variable, value in {**values, "KEY": "k", "SEED": "8"}.items():
        monkeypatch.setenv(f"DISORDERBOOK_{variable}", value)
    for parser in (bot_parser("bot", REGISTRY["taker"]), bots_parser("bots")):
        options = parser.parse_args([])
        assert endpoint(options) == Endpoint("http://127.0.0.1:9/ob/api/", "V", "S", True)
        assert (options.account, options.key, options.seed) == ("ME", "k", 8)
        assert parser.parse_args(["--account", "YOU"]).account == "YOU"


def test_names_and_options_may_be_mixed() -> None:
    options = bots_parser("bots").parse_intermixed_args(["taker", "--seed", "7", "noise"])
    assert (options.names, options.seed) == (["taker", "noise"], 7)
