"""A market that was recorded under rules is given again, under the same ones and without any."""

import contextlib
import random
from pathlib import Path

from durable_market import Stoppable, play

from disorderbook.engine.orders import BUY, SELL, NewOrder, OrderType
from disorderbook.errors import ExchangeError
from disorderbook.in_process import serve
from disorderbook.rules.file import rule_book

RULES = {"market": {"self_trade": "cancel-newer", "band": 10, "start_price": 100, "taker_fee": 5}}


def test_a_replay_obeys_the_rules_of_its_own_start(tmp_path: Path) -> None:
    ticks = iter(range(10**18, 2 * 10**18, 10**6))
    market = Stoppable(tmp_path / "market.db", clock=ticks.__next__)
    market.exchange.rules = rule_book(RULES)
    chance = random.Random(2)
    for _ in range(200):
        kind = chance.choice((OrderType.LIMIT, OrderType.MARKET))
        price = 0 if kind is OrderType.MARKET else chance.randint(95, 105)
        side, account = chance.choice((BUY, SELL)), chance.choice(("ann", "bob"))
        new = NewOrder(account, side, kind, price, chance.randint(1, 20))
        with contextlib.suppress(ExchangeError):
            play(market.exchange, (("V", "S"), new))
    book = market.exchange.book("V", "S")
    orders, last = book.next_id, book.last_trade
    market.exchange.close()
    for rules, is_same in ((RULES, True), (None, False)):
        with serve(replay=tmp_path / "market.db", clock="stepped", rules=rules) as again:
            again.advance(3600)
            status = again.replay
            assert status is not None and (status.orders, status.refused) == (orders, 0)
            assert (status.differing == 0) is is_same
            with again._using() as exchange:
                trade = exchange.book("V", "S").last_trade
                assert last is not None and trade is not None
                assert (trade.price == last.price and trade.ts == last.ts) or not is_same
