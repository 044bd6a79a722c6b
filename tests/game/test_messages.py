"""The game master's answers."""

import json

from disorderbook.exchange import Exchange
from disorderbook.game.instances import LEVELS
from disorderbook.game.messages import instance_message, levels_message, start_message
from disorderbook.ledger.base import NANOSECONDS_PER_TRADING_DAY, Instance


def test_levels_are_told_by_name() -> None:
    assert json.loads(levels_message())["levels"] == [{"name": name} for name in LEVELS]


def test_a_start_names_the_account_and_where_one_can_trade() -> None:
    exchange = Exchange()
    for venue, symbol in (("V", "A"), ("V", "B"), ("W", "A")):
        exchange.book(venue, symbol)
    told = json.loads(start_message(Instance(7, "ME", 0), exchange))
    assert (told["instanceId"], told["account"]) == (7, "ME")
    assert (told["venues"], told["tickers"]) == (["V", "W"], ["A", "B"])


def test_an_instance_counts_its_days() -> None:
    told = json.loads(instance_message(Instance(7, "ME", 5), 5 + 3 * NANOSECONDS_PER_TRADING_DAY))
    assert told["details"]["tradingDay"] == 3 and told["state"] == "open"
