"""A market with rules in a file: the same after kill -9, also where the rules have changed."""

import contextlib
import random
from pathlib import Path
from urllib.error import HTTPError

import pytest
from durable_market import Stoppable, play, state
from level_player import HttpClient
from live import killed, running
from wsgi import BUY as POSTED
from wsgi import ORDERS

from disorderbook.engine.orders import BUY, SELL, NewOrder, OrderType
from disorderbook.errors import ExchangeError
from disorderbook.exchange import Exchange
from disorderbook.rules.file import rule_book

ACCOUNTS = ("ann", "bob", "c\0ü")
PLACE = ("V", "S")
FIRST = {
    "band": 10,
    "band_around": "start",
    "start_price": 100,
    "self_trade": "cancel-newer",
    "taker_fee": 30,
    "maker_fee": -10,
    "position_limit": 300,
}
SECOND = FIRST | {"self_trade": "cancel-older", "taker_fee": 900, "maker_fee": 5, "band": 2}


def act(chance: random.Random) -> NewOrder | int:
    """An order, or the id of one to cancel."""
    if chance.random() < 0.2:
        return chance.randrange(40)
    kind = chance.choice(list(OrderType))
    price = 0 if kind is OrderType.MARKET else chance.randrange(92, 109)
    side, quantity = chance.choice((BUY, SELL)), chance.randrange(1, 30)
    return NewOrder(chance.choice(ACCOUNTS), side, kind, price, quantity)


def trade(exchange: Exchange, chance: random.Random, acts: int) -> None:
    for _ in range(acts):
        with contextlib.suppress(ExchangeError):
            play(exchange, (PLACE, act(chance)))


def usages(exchange: Exchange) -> object:
    counted = exchange.book(*PLACE).usages
    assert counted is not None
    return {a: (u.orders, u.bids, u.asks) for a in ACCOUNTS for u in (counted.of(a),)}


def test_what_was_traded_by_rules_is_the_same_after_a_crash_under_other_rules(
    tmp_path: Path,
) -> None:
    ticks = iter(range(10**18, 2 * 10**18, 1000))
    market = Stoppable(tmp_path / "market.db", clock=ticks.__next__)
    market.rules, others = rule_book({"market": FIRST}), rule_book({"market": SECOND})
    market.exchange.rules = market.rules
    chance = random.Random(5)
    fees = 0
    for turn in range(6):
        trade(market.exchange, chance, 50)
        before, open_orders = state(market.exchange), usages(market.exchange)
        paid = sum(p.fees for p in market.exchange.book(*PLACE).position_list)
        assert paid > fees, "nothing was traded, or nothing paid"
        fees = paid
        market.rules, others = others, market.rules
        if turn % 3 == 1:
            market.flush()
        (market.stop if turn % 3 == 2 else market.crash)()
        assert state(market.exchange) == before and usages(market.exchange) == open_orders
    stopped = [
        order
        for number in range(market.exchange.book(*PLACE).next_id)
        for order in [market.exchange.order(*PLACE, number)]
        if order.type is OrderType.LIMIT and order.close_reason == "rest"
    ]
    assert stopped, "no order was stopped where it met an own one"
    market.exchange.close()


def test_a_market_with_rules_goes_on_after_kill_9(tmp_path: Path) -> None:
    file, rules = str(tmp_path / "market.db"), tmp_path / "rules.toml"
    rules.write_text("[market]\ntaker_fee = 100\nopen_orders = 2\nself_trade = 'cancel-newer'\n")
    account = "/api/v1/venues/TESTEX/accounts/ANN"

    def sent(direction: str, qty: int, account: str = "ANN") -> dict[str, object]:
        return POSTED | {"account": account, "direction": direction, "qty": qty}

    with killed("-d", file, "--rules", str(rules)) as exchange:
        client = HttpClient(exchange.port)
        client.post(ORDERS, None, sent("sell", 5, "BOB"))
        client.post(ORDERS, None, sent("buy", 7))
        stopped = client.post(ORDERS, None, sent("sell", 1))
        assert (stopped["open"], stopped["totalFilled"]) == (False, 0)
        before = client.get(account, None) | {"ts": ""}
        assert before["stocks"][0]["fees"] == 5 * 50
    rules.write_text("[market]\nopen_orders = 1\n")
    with running("-d", file, "--rules", str(rules)) as exchange:
        client = HttpClient(exchange.port)
        assert client.get(account, None) | {"ts": ""} == before
        with pytest.raises(HTTPError) as refused:
            client.post(ORDERS, None, sent("sell", 1) | {"price": 9999})
        assert b"no more open orders" in refused.value.read()
