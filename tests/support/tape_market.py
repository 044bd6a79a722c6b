"""An exchange with a tape on a free port, for tests that trade and listen."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from raw_http import Recorder, serving
from raw_websocket import PATIENCE, TEXT, TICKERS, Frame, RawPeer

from disorderbook.accounts import Accounts
from disorderbook.engine.orders import NewOrder, Order, OrderType, Side
from disorderbook.exchange import Exchange
from disorderbook.server.origin import OriginPolicy
from disorderbook.tape.feed import Tape
from disorderbook.tape.limits import TapeLimits


class Market:
    """Trades at once, without HTTP; `port` is the tape's, or another that leads there."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.port = tape.port
        self.exchange = Exchange(max_books=10_000, publishers=[tape.publish])

    def order(
        self,
        account: str = "ANN",
        side: Side = Side.BUY,
        quantity: int = 1,
        price: int = 100,
        *,
        order_type: OrderType = OrderType.LIMIT,
        venue: str = "TESTEX",
        symbol: str = "FOOBAR",
    ) -> Order:
        with self.exchange.transaction():
            book = self.exchange.book(venue, symbol)
            return self.exchange.submit(book, NewOrder(account, side, order_type, price, quantity))

    def tick(self, count: int = 1, *, venue: str = "TESTEX", symbol: str = "FOOBAR") -> None:
        """Make a tick `count` times, in a book that stays as it is."""
        with self.exchange.transaction():
            order = self.exchange.book(venue, symbol).find(0)
        if order is None:
            order = self.order("TICKER", price=1, venue=venue, symbol=symbol)
            count -= 1
        for _ in range(count):
            with self.exchange.transaction():
                self.exchange.cancel(order)

    def trade(self, buyer: str = "ANN", seller: str = "BOB", **where: Any) -> None:
        """One trade, the buyer's order standing."""
        self.order(buyer, Side.BUY, **where)
        self.order(seller, Side.SELL, **where)

    def peer(self, path: str = TICKERS, *changes: str, **keywords: int) -> RawPeer:
        """A listener, which the tape counts."""
        return RawPeer.listening(self.port, path, *changes, **keywords)


@contextmanager
def market(accounts: Accounts = Accounts(), **limits: Any) -> Iterator[Market]:
    bounds, origins = TapeLimits(refusal_seconds=0)._replace(**limits), OriginPolicy(["trade.lan"])
    with Tape(accounts, 0, limits=bounds, origins=origins) as tape:
        yield Market(tape)


@contextmanager
def market_behind_http(accounts: Accounts = Accounts(), **limits: Any) -> Iterator[Market]:
    """The same, whose port is that of an HTTP server."""
    with market(accounts, **limits) as opened:
        with serving(Recorder(), upgrade=opened.tape.take_over) as server:
            opened.port = server.port
            yield opened


PORTS = {"the tape's port": market, "the port for HTTP": market_behind_http}


def message(got: Frame | None) -> Any:
    """The JSON in a text frame."""
    assert got is not None and got.opcode == TEXT and got.is_final, got
    return json.loads(got.payload)


def wait_until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """For what happens on the tape's thread and sends nothing to wait for."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)
