"""What a strategy sees of a market and how it acts there.

A strategy is given a MarketView: one stock at one venue, as one account sees and trades it. The
view keeps the books of that account: its resting orders and its position. It reaches an exchange
through a Gateway, the only part that depends on where the exchange is.

Prices are cents a share, quantities are shares, cash is cents.
"""

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Protocol

from disorderbook.engine.orders import BUY, LIMIT, MARKET, OrderType, Side

MAX_PRICE = 2**31 - 1  # cents, the highest that an exchange takes
MAX_QUANTITY = 2**31 - 1  # shares, the most that an exchange takes in one order
FIRST_PRICE = 5000  # cents, where a market begins as long as nothing has traded


class TopOfBook(NamedTuple):
    """The best prices and the price of the last trade, in cents; None where there is none."""

    bid: int | None = None
    ask: int | None = None
    last: int | None = None


class Depth(NamedTuple):
    """Every resting order of a stock as (price, quantity), best price first, oldest first."""

    bids: tuple[tuple[int, int], ...] = ()
    asks: tuple[tuple[int, int], ...] = ()


class OwnOrder(NamedTuple):
    """An order of the view's account, as it stood when it was last seen."""

    id: int
    side: Side
    price: int
    quantity: int
    filled: int  # shares
    turnover: int  # cents, the sum of price times quantity over its fills
    is_open: bool


class RestingOrder(Protocol):
    """What a strategy may know of an open order of its own; `quantity` is what was ordered."""

    @property
    def id(self) -> int: ...
    @property
    def side(self) -> Side: ...
    @property
    def price(self) -> int: ...
    @property
    def quantity(self) -> int: ...
    @property
    def filled(self) -> int: ...


class Gateway(Protocol):
    """What carries requests for one stock and one account to an exchange.

    Every method returns None when the exchange refuses, or when its answer was lost. None is no
    error: the gateway has reported the reason to whoever runs the trader. A gateway may raise an
    exception of its own to end the trader.
    """

    def quote(self) -> TopOfBook | None: ...

    def book(self) -> Depth | None: ...

    def status(self, order_id: int) -> OwnOrder | None:
        """None also for an order of another account."""
        ...

    def place(
        self, side: Side, quantity: int, price: int, order_type: OrderType
    ) -> OwnOrder | None:
        """Submit an order; returns how it stands after matching. A market order's price is 0."""
        ...

    def cancel(self, order_id: int) -> OwnOrder | None:
        """Cancel an order; returns how it ended, also if it was closed before."""
        ...


class MarketView:
    """One stock as one account sees and trades it.

    `rng` is the only source of chance that a strategy uses, so that equal seeds and equal answers
    give equal orders. `orders` is the number of orders after which the view sends no more (None:
    no end); an order that was refused or lost counts. `say` takes each line of the report.
    """

    def __init__(
        self,
        gateway: Gateway,
        account: str,
        seed: int,
        *,
        orders: int | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.account = account
        self.rng = random.Random(seed)
        self.say = say
        self.sent = self.placed = self.cancelled = 0  # orders
        self.shares = self.cents = 0  # the position, as far as fills were seen
        self.last_price: int | None = None  # cents, of the last trade when `quote` last looked
        self._gateway = gateway
        self._orders = orders
        self._resting: dict[int, OwnOrder] = {}

    @property
    def resting(self) -> Mapping[int, RestingOrder]:
        """The account's open orders by id, oldest first, as each was last seen. Read only."""
        return MappingProxyType(self._resting)

    @property
    def has_finished(self) -> bool:
        """Whether all orders were sent that may be sent."""
        return self._orders is not None and self.sent >= self._orders

    def quote(self) -> TopOfBook:
        """The best prices and the last trade; all None if the exchange refuses to say."""
        top = self._gateway.quote()
        if top is None:
            return TopOfBook()
        self.last_price = top.last
        return top

    def book(self) -> Depth:
        """All resting orders of everybody; none if the exchange refuses to say."""
        return self._gateway.book() or Depth()

    def place(self, side: Side, quantity: int, price: int, order_type: OrderType = LIMIT) -> None:
        """Send an order of a type that has a price, which is brought into the range that an
        exchange takes.
        """
        self._send(side, quantity, min(max(price, 1), MAX_PRICE), order_type)

    def take(self, side: Side, quantity: int) -> None:
        """Send a market order, which trades with what there is at once and never rests."""
        self._send(side, quantity, 0, MARKET)

    def cancel(self, order_id: int) -> None:
        """Cancel a resting order of the account; afterwards it is in `resting` no more."""
        order = self._gateway.cancel(order_id)
        if order is not None:
            self.cancelled += order.filled < order.quantity
            self._follow(order)
        self._resting.pop(order_id, None)

    def cancel_oldest(self, beyond: int) -> None:
        """Cancel resting orders, oldest first, until no more than `beyond` are left."""
        while len(self.resting) > beyond:
            self.cancel(next(iter(self.resting)))

    def refresh(self) -> None:
        """Learn what resting orders have traded since they were last seen."""
        for order_id in list(self._resting):
            order = self._gateway.status(order_id)
            if order is None:
                # The exchange was started afresh, and the order is gone with the old one.
                self._resting.pop(order_id, None)
            else:
                self._follow(order)

    def _send(self, side: Side, quantity: int, price: int, order_type: OrderType) -> None:
        if self.has_finished:
            return
        order = self._gateway.place(side, quantity, price, order_type)
        self.sent += 1
        if order is None:
            return
        self.placed += 1
        if self._resting and order.id <= max(self._resting):
            # Ids only grow, so this is a new exchange, where the old ids are other people's.
            self._resting.clear()
        self._follow(order)
        at = f"@ {price}" if price else "at any price"
        name = side.name.lower()
        self.say(f"{self.account} {name} {quantity} {at}: id {order.id}, {order.filled} filled")

    def _follow(self, order: OwnOrder) -> None:
        """Add to the position what an order has traded since it was last seen."""
        before = self._resting.get(order.id)
        shares = order.filled - (before.filled if before else 0)
        cents = order.turnover - (before.turnover if before else 0)
        sign = 1 if order.side is BUY else -1
        self.shares += sign * shares
        self.cents -= sign * cents
        if order.is_open:
            self._resting[order.id] = order
        else:
            self._resting.pop(order.id, None)


class Strategy(ABC):
    """A way to trade. It may remember things between steps; chance comes from `market.rng`."""

    @abstractmethod
    def step(self, market: MarketView) -> bool | None:
        """Look at the market once and act on it. True asks whoever runs the strategy for another
        step before somebody else's turn.
        """


class Remembering(Strategy):
    """A strategy that can be stored between two steps, and go on later as if nothing had been.

    It sends one order or cancel in a step at most, and draws from `market.rng` in one step of a
    turn only, so that the turn can be gone on with by a generator that begins anew.
    """

    REMEMBERS: ClassVar[tuple[str, ...]] = ()  # attributes: numbers, texts, and lists of them

    def memory(self) -> dict[str, Any]:
        """What it must be given back, as JSON can hold it."""
        return {name: getattr(self, name) for name in self.REMEMBERS}

    def remember(self, memory: Mapping[str, Any]) -> None:
        """Go on from a `memory`."""
        for name in self.REMEMBERS:
            setattr(self, name, memory[name])
