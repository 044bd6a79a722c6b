"""The registry of bots: whom they trade for, and their strategies."""

import json

from live import ROOT

from disorderbook.traders.market_view import Strategy
from disorderbook.traders.registry import REGISTRY


def test_every_bot_trades_for_an_account_of_the_example_file() -> None:
    keys = json.loads((ROOT / "accounts.json").read_text("utf-8"))
    assert REGISTRY
    for bot in REGISTRY.values():
        assert keys[bot.account] == bot.key


def test_each_thread_gets_a_strategy_of_its_own() -> None:
    for bot in REGISTRY.values():
        first, second = bot.make_strategy(), bot.make_strategy()
        assert isinstance(first, Strategy) and first is not second
