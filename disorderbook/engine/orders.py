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
    BUY = 1
    SELL = 2


class OrderType(enum.Enum):
    LIMIT = 1
    MARKET = 2
    FILL_OR_KILL = 3
    IMMEDIATE_OR_CANCEL = 4


# Members by themselves: looking one up in its Enum takes longer than most of what a book does.
BUY, SELL = Side
LIMIT, MARKET, FILL_OR_KILL, IMMEDIATE_OR_CANCEL = OrderType


class NewOrder(msgspec.Struct, frozen=True, gc=False):
    """An order that is checked and not yet accepted; a market order's price is 0."""

    account: str
    side: Side
    type: OrderType
    price: int
    quantity: int


class Fill(msgspec.Struct, frozen=True, gc=False):
    """A trade as one of its two orders remembers it."""

    price: int
    quantity: int
    ts: int


class Order(msgspec.Struct, eq=False, gc=False):
    """A new order after its acceptance: what was asked, and what has become of it so far.

    It is open while it wants shares: `remaining` is their number, 0 once closed. `fills` only ever
    grows; it is the shared empty tuple until the first fill, because most orders never have one.
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

    @property
    def is_open(self) -> bool:
        return self.remaining > 0

    def fill(self, fill: Fill) -> None:
        """Take part in a trade."""
        if self.filled:
            self.fills.append(fill)  # type: ignore[attr-defined]  # a list since the first fill
        else:
            self.fills = [fill]
        self.filled += fill.quantity
        self.remaining -= fill.quantity

    def close(self) -> None:
        """Give up what is still wanted."""
        self.remaining = 0
