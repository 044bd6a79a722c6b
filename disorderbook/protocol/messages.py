"""From orders, quotes and executions to the JSON bytes that go over the wire, and what a book looks
like there (`book_bytes` renders it).

With `parse`, the way in, the only place that spells the wire's names. Each message is a struct,
which is quicker to make and to encode than a dictionary; the OpenAPI description is made from the
same structs. What is absent is left out, never null: there are typed clients that refuse both a
null and a key they do not know.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Annotated, NamedTuple, cast

import msgspec
from msgspec import UNSET, Meta, UnsetType

from disorderbook.engine.book import Execution, Quote
from disorderbook.engine.orders import ORDER_TYPE_NAMES, SIDE_NAMES, Fill, Order
from disorderbook.protocol.fields import (
    Account,
    Count,
    Direction,
    Ok,
    OrderId,
    Price,
    Quantity,
    Shares,
    Symbol,
    Timestamp,
    TypeOfOrder,
    Venue,
)
from disorderbook.protocol.names import MAX_QUANTITY, timestamp, to_json


class DoneMessage(msgspec.Struct, gc=False):
    """It worked, and there is nothing to tell."""

    ok: Ok
    error: Annotated[str, Meta(description="Always empty.", extra_json_schema={"const": ""})]


# An order is told with all its fills after each of its trades. What it had before is not rendered
# again: pieces of that size are kept, the latest ones of all orders.
PIECE = 64  # fills: 5 KB
MOST_PIECES = 4096  # 22 MB, and their fills

HEARTBEAT = to_json(DoneMessage(True, ""))


class FillMessage(msgspec.Struct, gc=False):
    """A trade, as one of its two orders remembers it."""

    price: Annotated[
        Price,
        Meta(description="Cents a share: the price of the order that was standing in the book."),
    ]
    qty: Annotated[Quantity, Meta(description="Shares that changed hands.")]
    ts: Annotated[
        Timestamp, Meta(description="When. All fills of one incoming order have the same time.")
    ]


class OrderMessage(msgspec.Struct, gc=False):
    """An order and what has become of it."""

    ok: Ok
    venue: Venue
    symbol: Symbol
    direction: Direction
    originalQty: Annotated[
        Quantity, Meta(description="Shares asked for when the order was placed.")
    ]
    qty: Annotated[
        Shares,
        Meta(description="Shares still wanted; 0 once the order is closed.", le=MAX_QUANTITY),
    ]
    price: Annotated[Price, Meta(description="Cents a share, as asked for; 0 for a market order.")]
    orderType: TypeOfOrder
    id: OrderId
    account: Annotated[Account, Meta(description="The account that placed the order.")]
    ts: Annotated[Timestamp, Meta(description="When the order was placed.")]
    fills: Annotated[
        list[FillMessage], Meta(description="What the order has traded, oldest first.")
    ]
    totalFilled: Annotated[
        Shares, Meta(description="Shares traded, the sum of the fills.", le=MAX_QUANTITY)
    ]
    open: Annotated[
        bool, Meta(description="Whether the order still rests in the book. Only a limit order can.")
    ]


class OrdersMessage(msgspec.Struct, gc=False):
    """Orders of one account at a venue, book after book, oldest first in each."""

    ok: Ok
    venue: Venue
    orders: Annotated[list[OrderMessage], Meta(description="Open and closed orders.")]


class QuoteMessage(msgspec.Struct, gc=False):
    """The best prices, how much there is, and the last trade. What is not known is left out, never
    null.
    """

    ok: Ok | UnsetType  # unset where another message holds the quote
    venue: Venue
    symbol: Symbol
    bidSize: Annotated[Shares, Meta(description="Shares wanted at the bid.")]
    askSize: Annotated[Shares, Meta(description="Shares on offer at the ask.")]
    bidDepth: Annotated[Shares, Meta(description="Shares wanted at any price.")]
    askDepth: Annotated[Shares, Meta(description="Shares on offer at any price.")]
    quoteTime: Annotated[Timestamp, Meta(description="When the book last changed.")]
    bid: (
        Annotated[
            Price,
            Meta(
                description="The highest price, in cents a share, at which somebody buys; absent "
                "while nobody does."
            ),
        ]
        | UnsetType
    ) = UNSET
    ask: (
        Annotated[
            Price,
            Meta(
                description="The lowest price, in cents a share, at which somebody sells; absent "
                "while nobody does."
            ),
        ]
        | UnsetType
    ) = UNSET
    last: (
        Annotated[
            Price,
            Meta(
                description="Cents a share paid in the last trade; absent until something has "
                "traded, like the next two."
            ),
        ]
        | UnsetType
    ) = UNSET
    lastSize: (
        Annotated[Quantity, Meta(description="Shares that changed hands in the last trade.")]
        | UnsetType
    ) = UNSET
    lastTrade: Annotated[Timestamp, Meta(description="When the last trade was.")] | UnsetType = (
        UNSET
    )


class TickMessage(msgspec.Struct, gc=False):
    """A quote, as the tape has it."""

    ok: Ok
    quote: QuoteMessage


class ExecutionMessage(msgspec.Struct, gc=False):
    """A trade, as the tape has it for the owner of one of the two orders."""

    ok: Annotated[Ok, Meta(description="Always true.")]
    account: Annotated[Account, Meta(description="The account that is being told.")]
    venue: Annotated[Venue, Meta(description="The venue.")]
    symbol: Annotated[Symbol, Meta(description="The stock.")]
    order: Annotated[
        OrderMessage,
        Meta(description="That account's own order as it stood right after this trade."),
    ]
    standingId: Annotated[OrderId, Meta(description="Id of the order that waited in the book.")]
    incomingId: Annotated[
        OrderId, Meta(description="Id of the order that came and traded with it.")
    ]
    price: Annotated[Price, Meta(description="Cents a share, the price of the standing order.")]
    filled: Annotated[Quantity, Meta(description="Shares that changed hands.")]
    filledAt: Annotated[Timestamp, Meta(description="When.")]
    standingComplete: Annotated[
        bool, Meta(description="Whether the standing order is filled by this.")
    ]
    incomingComplete: Annotated[
        bool, Meta(description="Whether the incoming order is filled by this.")
    ]


class PublicTradeMessage(msgspec.Struct, gc=False):
    """A trade as everybody may know it: without accounts and orders."""

    venue: Venue
    symbol: Symbol
    price: Annotated[Price, Meta(description="Cents a share, the price of the standing order.")]
    qty: Annotated[Quantity, Meta(description="Shares that changed hands.")]
    direction: Annotated[Direction, Meta(description="Of the order that came.")]
    filledAt: Annotated[Timestamp, Meta(description="When.")]


class RowMessage(msgspec.Struct, gc=False):
    """One resting order, without its owner."""

    price: Price
    qty: Annotated[Quantity, Meta(description="Shares that the order still wants.")]
    isBuy: Annotated[bool, Meta(description="Whether the row is a bid.")]


def _rows_where(is_buy: bool) -> Meta:
    return Meta(extra_json_schema={"properties": {"isBuy": {"const": is_buy}}})


Bid = Annotated[RowMessage, _rows_where(is_buy=True)]
Ask = Annotated[RowMessage, _rows_where(is_buy=False)]


class BookMessage(msgspec.Struct, gc=False):
    """Every resting order of one stock."""

    ok: Ok
    venue: Venue
    symbol: Symbol
    bids: Annotated[
        list[Bid],
        Meta(
            description="Orders to buy, the highest price first, the oldest first within a price."
        ),
    ]
    asks: Annotated[
        list[Ask],
        Meta(
            description="Orders to sell, the lowest price first, the oldest first within a price."
        ),
    ]
    ts: Annotated[Timestamp, Meta(description="When the book looked like this.")]


class VenueIsUpMessage(msgspec.Struct, gc=False):
    """The venue exists and takes orders."""

    ok: Ok
    venue: Venue


class VenueEntryMessage(msgspec.Struct, gc=False):
    """A venue and what to call it."""

    id: Annotated[Count, Meta(description="Counts the venues from 1, oldest first.")]
    name: Annotated[
        str,
        Meta(
            description="The venue's name for people: its name (a level's has that of a city) and "
            "` Exchange`.",
            pattern=" Exchange$",
        ),
    ]
    venue: Venue
    state: Annotated[
        str, Meta(description="Every venue is always open.", extra_json_schema={"const": "open"})
    ]


class VenuesMessage(msgspec.Struct, gc=False):
    """Every venue that has been used."""

    ok: Ok
    venues: Annotated[list[VenueEntryMessage], Meta(description="Oldest first.")]


class StockMessage(msgspec.Struct, gc=False):
    """A stock and what to call it."""

    symbol: Symbol
    name: Annotated[
        str,
        Meta(
            description="The stock's name for people: its symbol (a level's has a company's name) "
            "and ` Inc`.",
            pattern=" Inc$",
        ),
    ]


class StocksMessage(msgspec.Struct, gc=False):
    """Every stock that has been used at a venue."""

    ok: Ok
    symbols: Annotated[list[StockMessage], Meta(description="Oldest first.")]


class OrderState(NamedTuple):
    """How an order stood at some time."""

    remaining: int  # shares
    filled: int  # shares
    fills: int  # how many


def state_of(order: Order) -> OrderState:
    """How it stands now."""
    return OrderState(order.remaining, order.filled, len(order.fills))


def order_message(order: Order) -> bytes:
    fills = len(order.fills)
    return to_json(_order_as_it_stood(order, order.remaining, order.filled, fills))


def order_pieces(order: Order, stood: OrderState | None = None) -> Iterator[bytes]:
    """The order as it stood then, or as it stands at the first `next`, in pieces that have at most
    PIECE fills each, so that one with very many can be rendered in steps.
    """
    fills, (remaining, filled, count) = order.fills, stood or state_of(order)
    if count < PIECE:
        yield to_json(_order_as_it_stood(order, remaining, filled, count))
        return
    message = to_json(_order_as_it_stood(order, remaining, filled, 0))
    # In a name these quotes would have backslashes.
    head, found, tail = message.partition(b'"fills":[')
    yield head + found + _piece_of_fills(tuple(fills[:PIECE]))
    whole = count - count % PIECE
    for start in range(PIECE, whole, PIECE):
        yield b"," + _piece_of_fills(tuple(fills[start : start + PIECE]))
    if whole < count:
        yield b"," + to_json(_fills(fills[whole:count]))[1:-1]
    yield tail


def orders_message(venue: str) -> bytes:
    """A listing that has no orders yet."""
    return to_json(OrdersMessage(True, venue, []))


def quote_fields(quote: Quote, ok: bool | UnsetType) -> QuoteMessage:
    """A quote without the names that the market has nothing to say for."""
    message = QuoteMessage(
        ok,
        quote.venue,
        quote.symbol,
        quote.bid_size,
        quote.ask_size,
        quote.bid_depth,
        quote.ask_depth,
        timestamp(quote.quote_time),
    )
    if quote.bid is not None:
        message.bid = quote.bid
    if quote.ask is not None:
        message.ask = quote.ask
    if quote.last is not None:
        message.last = quote.last
        message.lastSize = quote.last_size
        message.lastTrade = timestamp(quote.last_trade)
    return message


def quote_message(quote: Quote) -> bytes:
    return to_json(quote_fields(quote, ok=True))


def tick_message(quote: Quote) -> bytes:
    return to_json(TickMessage(True, quote_fields(quote, ok=UNSET)))


def execution_message(execution: Execution, receiver: Order) -> bytes:
    """An execution as sent to the owner of `receiver`, which is one of its two orders."""
    trade = execution
    if receiver is trade.standing:
        filled, fills = trade.standing_filled, trade.standing_fills
    else:
        filled, fills = trade.incoming_filled, trade.incoming_fills
    return to_json(
        ExecutionMessage(
            True,
            receiver.account,
            receiver.venue,
            receiver.symbol,
            _order_as_it_stood(receiver, receiver.quantity - filled, filled, fills),
            trade.standing.id,
            trade.incoming.id,
            trade.price,
            trade.quantity,
            timestamp(trade.ts),
            trade.standing_filled == trade.standing.quantity,
            trade.incoming_filled == trade.incoming.quantity,
        )
    )


def trade_message(execution: Execution) -> bytes:
    """An execution as everybody may know it."""
    incoming = execution.incoming
    return to_json(
        PublicTradeMessage(
            incoming.venue,
            incoming.symbol,
            execution.price,
            execution.quantity,
            SIDE_NAMES[incoming.side],
            timestamp(execution.ts),
        )
    )


def venues_message() -> bytes:
    """Without any venue yet."""
    return to_json(VenuesMessage(True, []))


def venue_entry(number: int, venue: str, title: str) -> bytes:
    """`title` is what people call it."""
    return to_json(VenueEntryMessage(number, f"{title} Exchange", venue, "open"))


def stocks_message() -> bytes:
    """Without any stock yet."""
    return to_json(StocksMessage(True, []))


def stock_entry(symbol: str, title: str) -> bytes:
    """`title` is what people call it."""
    return to_json(StockMessage(symbol, f"{title} Inc"))


def venue_heartbeat_message(venue: str) -> bytes:
    return to_json(VenueIsUpMessage(True, venue))


def _order_as_it_stood(order: Order, remaining: int, filled: int, fills: int) -> OrderMessage:
    """An order at the moment when it had traded `filled` shares in `fills` fills."""
    rendered: list[FillMessage] = []
    if fills >= PIECE:
        rendered = _pieces_of_fills(order.fills[:fills])
    elif fills:  # here and not in a function, as nearly every order that trades comes this way
        rendered = [
            FillMessage(fill.price, fill.quantity, timestamp(fill.ts))
            for fill in order.fills[:fills]
        ]
    return OrderMessage(
        True,
        order.venue,
        order.symbol,
        SIDE_NAMES[order.side],
        order.quantity,
        remaining,
        order.price,
        ORDER_TYPE_NAMES[order.type],
        order.id,
        order.account,
        timestamp(order.ts),
        rendered,
        filled,
        remaining > 0,
    )


def _fills(fills: Sequence[Fill]) -> list[FillMessage]:
    return [FillMessage(fill.price, fill.quantity, timestamp(fill.ts)) for fill in fills]


def _pieces_of_fills(fills: Sequence[Fill]) -> list[FillMessage]:
    """Fills that are JSON already: the encoder takes that for what it stands."""
    whole = len(fills) - len(fills) % PIECE
    pieces = [_piece_of_fills(tuple(fills[n : n + PIECE])) for n in range(0, whole, PIECE)]
    if whole < len(fills):
        pieces.append(to_json(_fills(fills[whole:]))[1:-1])
    return cast("list[FillMessage]", msgspec.Raw(b"[%b]" % b",".join(pieces)))


@lru_cache(maxsize=MOST_PIECES)
def _piece_of_fills(fills: tuple[Fill, ...]) -> bytes:
    """PIECE fills without brackets."""
    return to_json(_fills(fills))[1:-1]
