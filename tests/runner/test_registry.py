"""The registry of bots: whom they trade for, and that a user can read what they do."""

import json
import re

from live import ROOT

from disorderbook.runner.registry import REGISTRY, listing
from disorderbook.traders.market_view import Strategy


def test_every_bot_trades_for_an_account_of_the_example_file() -> None:
    keys = json.loads((ROOT / "accounts.json").read_text("utf-8"))
    assert REGISTRY
    for bot in REGISTRY.values():
        assert keys[bot.account] == bot.key


def test_each_thread_gets_a_strategy_of_its_own() -> None:
    for bot in REGISTRY.values():
        first, second = bot.make_strategy(), bot.make_strategy()
        assert isinstance(first, Strategy) and first is not second


def test_the_listing_has_a_line_for_each_and_a_command_to_type() -> None:
    listed = listing("PROGRAM")
    for name, bot in REGISTRY.items():
        assert re.search(rf"^  {name} +{re.escape(bot.line)}$", listed, re.MULTILINE)
    assert "PROGRAM market-maker taker noise" in listed
    assert max(map(len, listed.splitlines())) <= 100
