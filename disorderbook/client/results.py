"""What the exchange answers, with the wire's names in snake_case: totalFilled is total_filled.

Prices are cents a share, quantities shares. Times are UTC text with nine fractional digits, as
they came, for Python's datetime would cut them: they sort as time does, and both
`datetime.fromisoformat` and pandas read them. What the market has nothing to say for is None.
"""

from typing import Literal

import msgspec

OrderType = Literal["limit", "market", "fill-or-kill", "fok", "immediate-or-cancel", "ioc"]
"""Those that can be asked for; an order tells its own by the long names."""


class Result(msgspec.Struct, frozen=True, rename="camel"):
    """What all of them have in common: they cannot be changed."""


class Fill(Result, frozen=True):
    """A trade as one of its two orders remembers it."""

    price: int
    qty: int
    ts: str


class Order(Result, frozen=True):
    """An order and what has become of it."""

    venue: str
    symbol: str
    direction: Literal["buy", "sell"]
    original_qty: int
    qty: int  # what is left of it, 0 once it is closed
    price: int  # 0 for a market order
    order_type: str
    id: int
    account: str
    ts: str
    fills: tuple[Fill, ...]
    total_filled: int
    open: bool


class Quote(Result, frozen=True):
    """The best prices, how many shares there are at them and in all, and the last trade."""

    venue: str
    symbol: str
    bid_size: int
    ask_size: int
    bid_depth: int
    ask_depth: int
    quote_time: str
    bid: int | None = None
    ask: int | None = None
    last: int | None = None
    last_size: int | None = None
    last_trade: str | None = None


class Row(Result, frozen=True):
    """A resting order as the book shows it."""

    price: int
    qty: int
    is_buy: bool


class Book(Result, frozen=True):
    """Every resting order, best first, the oldest first within a price."""

    venue: str
    symbol: str
    bids: tuple[Row, ...]
    asks: tuple[Row, ...]
    ts: str


class Execution(Result, frozen=True):
    """A trade of an account, with the account's own order as it stood right after it."""

    account: str
    venue: str
    symbol: str
    order: Order
    standing_id: int  # the order that had waited
    incoming_id: int
    price: int
    filled: int
    filled_at: str
    standing_complete: bool
    incoming_complete: bool


class Orders(Result, frozen=True):
    """The envelope of a list of orders."""

    venue: str
    orders: tuple[Order, ...]


class Tick(Result, frozen=True):
    """The envelope of a quote on the tape."""

    quote: Quote


class Verdict(Result, frozen=True):
    """What every answer begins with."""

    ok: bool
    error: str = ""
