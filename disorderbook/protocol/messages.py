"""From orders, quotes, books and executions to the JSON bytes that go over the wire.

With `parsing`, the way in, the only place that spells the wire's names. What is absent is left
out, never null: there are typed clients that refuse both a null and a key they do not know.
"""

from collections.abc import Iterable

import msgspec
from msgspec import UNSET, UnsetType

from disorderbook.engine.book import Execution, OrderBook, Quote
from disorderbook.engine.ladder import Ladder, PriceLevel
from disorderbook.engine.orders import ORDER_TYPE_NAMES, SIDE_NAMES, Order
from disorderbook.protocol.names import timestamp, to_json

HEARTBEAT = to_json({"ok": True, "error": ""})


class FillMessage(msgspec.Struct, gc=False):
    """A fill as it is sent; like OrderMessage quicker to make and to render than a dictionary."""

    price: int
    qty: int
    ts: str


class OrderMessage(msgspec.Struct, gc=False):
    """An order as it is sent."""

    ok: bool
    venue: str
    symbol: str
    direction: str
    originalQty: int
    qty: int
    price: int
    orderType: str
    id: int
    account: str
    ts: str
    fills: list[FillMessage]
    totalFilled: int
    open: bool


class QuoteMessage(msgspec.Struct, gc=False):
    """A quote as it is sent; what is unset is left out."""

    ok: bool | UnsetType
    venue: str
    symbol: str
    bidSize: int
    askSize: int
    bidDepth: int
    askDepth: int
    quoteTime: str
    bid: int | UnsetType = UNSET
    ask: int | UnsetType = UNSET
    last: int | UnsetType = UNSET
    lastSize: int | UnsetType = UNSET
    lastTrade: str | UnsetType = UNSET


def order_message(order: Order) -> bytes:
    fills = len(order.fills)
    return to_json(_order_as_it_stood(order, order.remaining, order.filled, fills))


def orders_message(venue: str, orders: Iterable[Order]) -> bytes:
    return to_json({"ok": True, "venue": venue, "orders": [_order(order) for order in orders]})


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
    return to_json({"ok": True, "quote": quote_fields(quote, ok=UNSET)})


def execution_message(execution: Execution, receiver: Order) -> bytes:
    """An execution as told to the owner of `receiver`, which is one of its two orders."""
    trade = execution
    if receiver is trade.standing:
        filled, fills = trade.standing_filled, trade.standing_fills
    else:
        filled, fills = trade.incoming_filled, trade.incoming_fills
    return to_json(
        {
            "ok": True,
            "account": receiver.account,
            "venue": receiver.venue,
            "symbol": receiver.symbol,
            "order": _order_as_it_stood(receiver, receiver.quantity - filled, filled, fills),
            "standingId": trade.standing.id,
            "incomingId": trade.incoming.id,
            "price": trade.price,
            "filled": trade.quantity,
            "filledAt": timestamp(trade.ts),
            "standingComplete": trade.standing_filled == trade.standing.quantity,
            "incomingComplete": trade.incoming_filled == trade.incoming.quantity,
        }
    )


def book_message(book: OrderBook, now: int) -> bytes:
    """Every resting order, best first. A level that has not changed since it was last asked for
    is not rendered again.
    """
    return b'{"ok":true,"venue":%b,"symbol":%b,"bids":[%b],"asks":[%b],"ts":"%b"}' % (
        to_json(book.venue),
        to_json(book.symbol),
        _rows(book.bids, b"true"),
        _rows(book.asks, b"false"),
        timestamp(now).encode(),
    )


def venues_message(venues: Iterable[str]) -> bytes:
    return to_json(
        {
            "ok": True,
            "venues": [
                {"id": number, "name": f"{venue} Exchange", "venue": venue, "state": "open"}
                for number, venue in enumerate(venues, start=1)
            ],
        }
    )


def stocks_message(books: Iterable[OrderBook]) -> bytes:
    return to_json(
        {
            "ok": True,
            "symbols": [{"symbol": book.symbol, "name": f"{book.symbol} Inc"} for book in books],
        }
    )


def venue_heartbeat_message(venue: str) -> bytes:
    return to_json({"ok": True, "venue": venue})


def _order(order: Order) -> OrderMessage:
    return _order_as_it_stood(order, order.remaining, order.filled, len(order.fills))


def _order_as_it_stood(order: Order, remaining: int, filled: int, fills: int) -> OrderMessage:
    """An order at the moment when it had traded `filled` shares in `fills` fills."""
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
        [
            FillMessage(fill.price, fill.quantity, timestamp(fill.ts))
            for fill in order.fills[:fills]
        ],
        filled,
        remaining > 0,
    )


def _rows(ladder: Ladder, is_buy: bytes) -> bytes:
    return b",".join([level.rendering or _render(level, is_buy) for level in ladder])


def _render(level: PriceLevel, is_buy: bytes) -> bytes:
    start, end = b'{"price":%d,"qty":' % level.price, b',"isBuy":%b}' % is_buy
    level.rendering = b",".join(
        [b"%b%d%b" % (start, order.remaining, end) for order in level.orders.values()]
    )
    return level.rendering
