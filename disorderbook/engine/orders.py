"""What traders ask for and what becomes of it: orders and fills.

These are msgspec Structs that Python's garbage collector does not track (`gc=False`): a book of a
million orders then costs a collection nothing, and no order waits for one. They never refer to
each other in a circle, so counting references is enough to free them.

Prices are cents a share, quantities are shares, times are integer nanoseconds since 1970 (UTC).
"""

import enum
from collections.abc import Sequence

import msgspec


class Side(enum.Enum):
    """What an order does with shares."""

    BUY = 1
    SELL = 2
    # Members are unique, so the hash of any object will do; that of Enum is a function in Python.
    __hash__ = object.__hash__


class OrderType(enum.Enum):
    """What becomes of the shares that an order cannot trade at once."""

    LIMIT = 1
    MARKET = 2
    FILL_OR_KILL = 3
    IMMEDIATE_OR_CANCEL = 4
    __hash__ = object.__hash__


# Members by themselves: looking one up in its Enum takes longer than most of what a book does.
BUY, SELL = Side
LIMIT, MARKET, FILL_OR_KILL, IMMEDIATE_OR_CANCEL = OrderType

SIDE_NAMES = {BUY: "buy", SELL: "sell"}
ORDER_TYPE_NAMES = {
    LIMIT: "limit",
    MARKET: "market",
    FILL_OR_KILL: "fill-or-kill",
    IMMEDIATE_OR_CANCEL: "immediate-or-cancel",
}

# Why an order is closed that did not trade all that it wanted.
_REASONS = {
    LIMIT: "cancelled",
    MARKET: "rest",
    IMMEDIATE_OR_CANCEL: "rest",
    FILL_OR_KILL: "killed",
}


class NewOrder(msgspec.Struct, frozen=True, gc=False):
    """An order that is checked and not yet accepted; a market order's price is 0."""

    account: str
    side: Side
    type: OrderType
    price: int
    quantity: int


class Terms(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What an order is placed on, beyond what it asks for. Fees are in basis points (hundredths of
    a percent) of what a trade is worth; one below zero is given to whom it concerns.
    """

    most: int | None = None  # shares that it trades; it is then closed; None: it is not stopped
    taker_fee: int = 0  # for the account of the order that comes in
    maker_fee: int = 0  # for that of the one that stands


PLAIN = Terms()


def fee_of(value: int, basis_points: int) -> int:
    """Cents for a trade of a value in cents, to the nearest cent; half a cent is the exchange's."""
    return (value * basis_points + 5000) // 10_000


class Fill(msgspec.Struct, frozen=True, gc=False):
    """A trade as one of its two orders remembers it."""

    price: int
    quantity: int
    ts: int


class Order(msgspec.Struct, eq=False, gc=False):
    """A new order after its acceptance: what was asked, and what has become of it so far.

    It is open while it wants shares: `remaining` is their number, 0 once closed. `fills` only ever
    grows; it is the shared empty tuple until the first fill, because most orders never have one.

    The events of a book are its placings and its cancels of open orders, numbered from 0. `event`
    is the order's placing. `closed_event` is what closed the order: its own placing, the placing
    of the order that filled it, or its cancel. `closed_at` is that event's time.
    """

    id: int
    venue: str
    symbol: str
    account: str
    side: Side
    type: OrderType
    price: int
    quantity: int
    ts: int
    remaining: int
    filled: int = 0
    fills: Sequence[Fill] = ()
    event: int = 0
    closed_at: int | None = None  # None while it is open
    closed_event: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether it still wants shares."""
        return self.remaining > 0

    @property
    def close_reason(self) -> str | None:
        """Why it is closed, or None: `filled`; `killed` (fill-or-kill, and not to be filled at
        once); `rest` (of an order that was not to rest: a market or immediate-or-cancel order, or
        one that was stopped by its terms); `cancelled`.
        """
        if self.remaining:
            return None
        if self.filled == self.quantity:
            return "filled"
        is_stopped = self.type is LIMIT and self.closed_event == self.event
        return "rest" if is_stopped else _REASONS[self.type]

    def fill(self, fill: Fill, event: int) -> None:
        """Take part in a trade; `event` is the placing of the incoming order."""
        filled, quantity = self.filled, fill.quantity
        if filled:
            self.fills.append(fill)  # type: ignore[attr-defined]  # a list since the first fill
        else:
            self.fills = [fill]
        self.filled = filled + quantity
        remaining = self.remaining = self.remaining - quantity
        if not remaining:
            self.closed_at, self.closed_event = fill.ts, event

    def close(self, ts: int, event: int) -> None:
        """Give up what is still wanted, at a time and in an event of the book."""
        self.remaining = 0
        self.closed_at, self.closed_event = ts, event
