"""What the tape published must rebuild what HTTP answers: the book, every fill, every position.

Traders act over HTTP and listen over websockets, as bots do. What each knows is how its orders
were answered, and what it was told since; nothing that the exchange is asked afterwards goes into
it.
"""

import itertools
import json
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import msgspec
import pytest
from examples import examples
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from raw_websocket import PING, PONG, TEXT, RawPeer, frame

from disorderbook import Market, serve
from disorderbook.client import Execution, Order, Quote
from disorderbook.in_process import PrivateExchange

ACCOUNTS = ["ANN", "BOB", "CAT"]
SYMBOL = "FOO"
STEPS = 20

numbers = itertools.count()


class Told:
    """What a listener hears of one venue, each message once."""

    def __init__(self, exchange: PrivateExchange, account: str, venue: str, topic: str) -> None:
        assert exchange.tape_port is not None
        path = f"/ob/api/ws/{account}/venues/{venue}/{topic}/stocks/{SYMBOL}"
        self.peer = RawPeer.listening(exchange.tape_port, path)

    def next(self) -> bytes:
        """Waits for it; fails if nothing comes for long."""
        while (got := self.peer.frame()) is not None:
            if got.opcode == TEXT:
                return got.payload
        raise AssertionError("the tape hung up")

    def has_ended(self) -> bool:
        """Whether there is nothing more: a ping is answered behind all that was told."""
        self.peer.send(frame(PING, b"more?"))
        got = self.peer.frame()
        return got is not None and (got.opcode, got.payload) == (PONG, b"more?")


class Trader:
    """One account: its orders as it knows them, by id, and its position."""

    def __init__(self, exchange: PrivateExchange, account: str, venue: str) -> None:
        self.market = Market(venue, SYMBOL, account=account, url=exchange.url)
        self.executions = Told(exchange, account, venue, "executions")
        self.orders: dict[int, Order] = {}
        self.heard: list[Execution] = []
        self.cash = self.shares = 0

    def hear(self) -> None:
        """Take in one execution; it is of an order of this account."""
        execution = msgspec.json.decode(self.executions.next(), type=Execution)
        self.heard.append(execution)
        order = execution.order
        known = self.orders[order.id]
        assert (order.account, order.ts) == (self.market.account, known.ts)
        assert order.total_filled == sum(fill.qty for fill in order.fills)
        if len(order.fills) > len(known.fills):  # else its own answer has said so already
            assert order.fills[:-1] == known.fills
            self.orders[order.id] = order
        sign = 1 if order.direction == "buy" else -1
        self.shares += sign * execution.filled
        self.cash -= sign * execution.filled * execution.price


class TapeAndAnswers(RuleBasedStateMachine):
    """Each market has a venue of its own; `exchange` is set by the test."""

    exchange: PrivateExchange

    def __init__(self) -> None:
        super().__init__()
        self.venue = f"VENUE{next(numbers)}"
        self.ticks = Told(self.exchange, "ANYBODY", self.venue, "tickertape")
        self.traders = {name: Trader(self.exchange, name, self.venue) for name in ACCOUNTS}
        self.owners: list[str] = []  # of the orders, by id
        self.quote: Quote | None = None  # the latest that was published

    @rule(
        account=st.sampled_from(ACCOUNTS),
        side=st.sampled_from(["buy", "sell"]),
        kind=st.sampled_from(["limit", "limit", "limit", "market", "fok", "ioc"]),
        price=st.integers(1, 6),
        quantity=st.integers(1, 9),
    )
    def place(self, account: str, side: str, kind: Any, price: int, quantity: int) -> None:
        trader = self.traders[account]
        act = trader.market.buy if side == "buy" else trader.market.sell
        order = act(price, quantity, kind)
        assert order.id == len(self.owners)
        self.owners.append(account)
        trader.orders[order.id] = order
        self.listen(order)

    def listen(self, order: Order) -> None:
        """Hear the executions that an order must have led to, and of its partners."""
        for _ in order.fills:
            incoming = self.traders[order.account]
            incoming.hear()
            execution = incoming.heard[-1]
            if execution.order.id != order.id:  # it traded with itself: its standing order is first
                incoming.hear()
                assert incoming.heard[-1].order.id == order.id
                continue
            standing = execution.standing_id
            owner = self.traders[self.owners[standing]]
            owner.hear()
            assert owner.heard[-1].order.id == standing

    @rule(number=st.integers(0, STEPS - 1))
    def cancel(self, number: int) -> None:
        if number < len(self.owners):
            trader = self.traders[self.owners[number]]
            trader.orders[number] = trader.market.cancel(number)

    @invariant()
    def the_orders_and_their_fills_are_those_that_were_told(self) -> None:
        if self.owners:
            for trader in self.traders.values():
                published = [order for _, order in sorted(trader.orders.items())]
                assert list(trader.market.orders()) == published

    @invariant()
    def the_book_is_what_is_left_of_the_orders_that_were_told(self) -> None:
        if not self.owners:
            return
        book = self.traders["ANN"].market.book()
        orders = [order for trader in self.traders.values() for order in trader.orders.values()]
        for rows, direction, sign in ((book.bids, "buy", -1), (book.asks, "sell", 1)):
            resting = [order for order in orders if order.open and order.direction == direction]
            resting.sort(key=lambda order: (sign * order.price, order.id))
            assert [(row.price, row.qty) for row in rows] == [(o.price, o.qty) for o in resting]

    @invariant()
    def the_newest_tick_is_the_quote(self) -> None:
        if not any(order.order_type != "fill-or-kill" for order in self.all_orders()):
            return  # one that was killed moves nothing, and no tick tells of it
        quote = self.traders["ANN"].market.quote()
        while self.quote != quote:
            tick = msgspec.json.decode(self.ticks.next(), type=dict[str, msgspec.Raw])
            self.quote = msgspec.json.decode(tick["quote"], type=Quote)

    @invariant()
    def the_positions_are_the_sums_of_what_was_told(self) -> None:
        published = {
            name: (trader.cash, trader.shares)
            for name, trader in self.traders.items()
            if trader.heard
        }
        if published:
            url = f"{self.exchange.url}/ob/api/venues/{self.venue}/stocks/{SYMBOL}/scores"
            with urllib.request.urlopen(f"{url}?format=json") as answer:
                scores = json.load(answer)["scores"]
            answered = {row["account"]: (row["cash"], row["shares"]) for row in scores}
            assert answered == published

    def all_orders(self) -> Iterator[Order]:
        for trader in self.traders.values():
            yield from trader.orders.values()

    def teardown(self) -> None:
        with ExitStack() as stack:
            stack.callback(self.ticks.peer.socket.close)
            for trader in self.traders.values():
                stack.callback(trader.executions.peer.socket.close)
                stack.callback(trader.market.close)
            for trader in self.traders.values():
                assert trader.executions.has_ended(), "it was told more than has happened"


@pytest.mark.timeout(600)
@pytest.mark.slow
def test_what_the_tape_told_rebuilds_what_is_answered() -> None:
    with serve(websockets=True, max_books=100_000) as exchange:
        TapeAndAnswers.exchange = exchange
        bounded = settings(examples(0.5), stateful_step_count=STEPS)
        run_state_machine_as_test(TapeAndAnswers, settings=bounded)
