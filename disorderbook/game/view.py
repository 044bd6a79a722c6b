"""How the bots of a level, and players in simulated time, see their market: straight from the book.

The exchange's lock must be held in every method. Nothing here keeps books of its own: the position
is the book's, and resting orders are the book's objects, so a view can be made at any time.
"""

import random
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import LIMIT, MARKET, NewOrder, Order, OrderType, Side
from disorderbook.errors import RULE_REFUSALS
from disorderbook.exchange import Exchange
from disorderbook.traders.market_view import (
    MAX_PRICE,
    MAX_QUANTITY,
    Depth,
    MarketView,
    OwnOrder,
    RestingOrder,
    TopOfBook,
)

_COUNTS = ("sent", "placed", "cancelled", "shares", "cents", "last_price")


class NoGateway:
    """The gateway of a view that needs none, and refuses all."""

    def quote(self) -> TopOfBook | None:
        return None

    def book(self) -> Depth | None:
        return None

    def status(self, order_id: int) -> OwnOrder | None:
        return None

    def place(
        self, side: Side, quantity: int, price: int, order_type: OrderType
    ) -> OwnOrder | None:
        return None

    def cancel(self, order_id: int) -> OwnOrder | None:
        return None


class DirectView(MarketView):
    """One book as one account of it sees and trades it.

    `shares` and `cents` are as they were at the last `refresh` or order that traded.
    """

    def __init__(
        self, exchange: Exchange, book: OrderBook, account: str, chance: random.Random
    ) -> None:
        super().__init__(NoGateway(), account, 0)
        self.rng = chance
        self.market = book
        self._exchange = exchange
        self._open: dict[int, Order] = {}
        self._shown = MappingProxyType(self._open)

    def save(self) -> object:
        """What `load` goes on from."""
        return dict(self._open), {name: getattr(self, name) for name in _COUNTS}

    def load(self, state: Any) -> None:
        """Go on from there, with the open orders that are in it."""
        orders, counts = state
        self._open.clear()
        self._open.update(orders)
        for name in _COUNTS:
            setattr(self, name, counts[name])

    def adopt(self, order: Order) -> None:
        """Take charge of an open order of the account that was placed in an earlier process."""
        self._open[order.id] = order

    @property
    def resting(self) -> Mapping[int, RestingOrder]:
        """The account's open orders by id, oldest first, as of the last `refresh` or order."""
        return self._shown

    def quote(self) -> TopOfBook:
        book = self.market
        bid, ask, last = book.bids.best, book.asks.best, book.last_trade
        return TopOfBook(
            bid.price if bid else None, ask.price if ask else None, last.price if last else None
        )

    def book(self) -> Depth:
        bids, asks = (
            tuple((each.price, each.remaining) for level in side for each in level.orders.values())
            for side in (self.market.bids, self.market.asks)
        )
        return Depth(bids, asks)

    def place(self, side: Side, quantity: int, price: int, order_type: OrderType = LIMIT) -> None:
        if not 0 < price <= MAX_PRICE:
            price = min(max(price, 1), MAX_PRICE)
        self._submit(side, quantity, price, order_type)

    def take(self, side: Side, quantity: int) -> None:
        self._submit(side, quantity, 0, MARKET)

    def cancel(self, order_id: int) -> None:
        order = self._open.pop(order_id, None)
        if order is not None and order.remaining:
            self.cancelled += 1
            self._exchange.cancel(order)

    def refresh(self) -> None:
        if self._open:
            for order in list(self._open.values()):
                if not order.remaining:
                    del self._open[order.id]
        self._look_at_position()

    def _look_at_position(self) -> None:
        position = self.market.positions.get(self.account)
        if position is not None:
            self.shares, self.cents = position.shares, position.cash

    def _submit(self, side: Side, quantity: int, price: int, order_type: OrderType) -> None:
        if not 0 < quantity <= MAX_QUANTITY:
            quantity = min(max(quantity, 1), MAX_QUANTITY)
        new = NewOrder(self.account, side, order_type, price, quantity)
        try:
            order = self._exchange.submit(self.market, new)
        except RULE_REFUSALS:
            self.sent += 1
            return  # as over HTTP: its next order may be allowed
        self.sent += 1
        self.placed += 1
        if order.remaining:
            self._open[order.id] = order
        if order.filled:
            self._look_at_position()
