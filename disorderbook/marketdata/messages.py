"""Market data as JSON: the market, trades, candles, and which books there are.

Nothing here names an account. The exchange's lock must be held for every function. Prices are in
cents, quantities in shares; times come in as nanoseconds since 1970 and go out as time stamps.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from disorderbook.engine.book import OrderBook
from disorderbook.engine.ladder import Ladder
from disorderbook.engine.orders import SIDE_NAMES
from disorderbook.exchange import Exchange
from disorderbook.marketdata.history import MOST_CANDLES, RECENT_TRADES, SECOND, SPANS, History
from disorderbook.protocol.fields import (
    Count,
    Direction,
    Ok,
    Price,
    Quantity,
    Symbol,
    Timestamp,
    Venue,
)
from disorderbook.protocol.messages import QuoteMessage, quote_fields
from disorderbook.protocol.names import LARGEST_PORT, timestamp, to_json
from disorderbook.protocol.route import NAMES_AT_ONCE, Steps, list_in_steps, with_commas
from disorderbook.rules.market import BandAround, RuleBook, SelfTrade

Since = Annotated[
    Timestamp, Meta(description="Since when it is known what traded: when the book was opened.")
]

BEST_AT_END = (
    "The best {} at its end; absent where there was none, and after the exchange was killed where "
    "the file had the trades alone."
)
MOST_LEVELS = 200  # of each side of a market


class VenueStocksMessage(msgspec.Struct, gc=False):
    """A venue and its stocks."""

    venue: Venue
    symbols: Annotated[
        list[Symbol], Meta(description="The stocks that have been used there, oldest first.")
    ]


class MarketRulesMessage(msgspec.Struct, gc=False, rename="camel", omit_defaults=True):
    """Rules of a market: what is absent is not ruled here. Those of a stock count for more than
    those of its venue, and these for more than those of every venue.
    """

    venue: (
        Annotated[Venue, Meta(description="Where they hold; absent: at every venue.")] | UnsetType
    ) = UNSET
    symbol: (
        Annotated[Symbol, Meta(description="For which stock they hold; absent: for every one.")]
        | UnsetType
    ) = UNSET
    position_limit: (
        Annotated[
            int,
            Meta(
                description="Shares that an account may hold or owe at most, also if all its open "
                "orders of one side traded.",
                ge=1,
            ),
        ]
        | UnsetType
    ) = UNSET
    largest_order: (
        Annotated[int, Meta(description="Shares of an order at most.", ge=1)] | UnsetType
    ) = UNSET
    open_orders: (
        Annotated[int, Meta(description="Open orders of an account in a stock.", ge=1)] | UnsetType
    ) = UNSET
    band: (
        Annotated[
            float,
            Meta(
                description="Percent, to both sides of what it is around, to which prices may go; "
                "always a tick at least.",
                gt=0,
            ),
        ]
        | UnsetType
    ) = UNSET
    band_around: (
        Annotated[
            BandAround,
            Meta(
                description="What the band is around: the last trade, the middle of the best two "
                "prices, or the start price."
            ),
        ]
        | UnsetType
    ) = UNSET
    start_price: (
        Annotated[
            Price,
            Meta(description="Cents a share: what the band is around before anything has traded."),
        ]
        | UnsetType
    ) = UNSET
    orders_per_second: (
        Annotated[int, Meta(description="Orders of an account in a stock within a second.", ge=1)]
        | UnsetType
    ) = UNSET
    self_trade: (
        Annotated[
            SelfTrade,
            Meta(
                description="What happens where an order would trade with one of its own account: "
                "the newer or the older one is cancelled, or the newer is refused."
            ),
        ]
        | UnsetType
    ) = UNSET
    taker_fee: (
        Annotated[
            int,
            Meta(
                description="Basis points of a trade's value that the account of the incoming order"
                " pays."
            ),
        ]
        | UnsetType
    ) = UNSET
    maker_fee: (
        Annotated[
            int,
            Meta(
                description="Basis points that the account of the standing order pays, or is "
                "given where it is below zero."
            ),
        ]
        | UnsetType
    ) = UNSET
    tick_size: (
        Annotated[int, Meta(description="Cents, of which every price is a multiple.", ge=1)]
        | UnsetType
    ) = UNSET


class ServerMessage(msgspec.Struct, gc=False, kw_only=True):
    """What to know of a server before watching."""

    ok: Ok
    started: Annotated[
        Timestamp,
        Meta(description="When the server was started; another time means another server."),
    ]
    needsKeys: Annotated[bool, Meta(description="Whether traders need keys.")]
    tapePort: (
        Annotated[
            Count,
            Meta(description="A port that takes websockets; absent without them.", le=LARGEST_PORT),
        ]
        | UnsetType
    ) = UNSET
    rules: (
        Annotated[
            list[MarketRulesMessage],
            Meta(
                description="The rules of this market, those that hold most widely first; absent "
                "without `--rules`."
            ),
        ]
        | UnsetType
    ) = UNSET
    venues: Annotated[
        list[VenueStocksMessage],
        Meta(description="Every venue that has been used, oldest first."),
    ]


class LevelMessage(msgspec.Struct, gc=False):
    """All resting orders at one price."""

    price: Price
    qty: Annotated[Count, Meta(description="Shares that these orders still want.")]
    orders: Annotated[Count, Meta(description="How many orders there are.")]


class MarketMessage(msgspec.Struct, gc=False):
    """A quote and the price levels behind it."""

    ok: Ok
    quote: QuoteMessage
    bids: Annotated[
        list[LevelMessage],
        Meta(
            description="Levels of orders to buy, the highest price first.", max_length=MOST_LEVELS
        ),
    ]
    asks: Annotated[
        list[LevelMessage],
        Meta(
            description="Levels of orders to sell, the lowest price first.", max_length=MOST_LEVELS
        ),
    ]
    bidLevels: Annotated[
        int, Meta(description="How many levels to buy there are, told or not.", ge=0)
    ]
    askLevels: Annotated[
        int, Meta(description="How many levels to sell there are, told or not.", ge=0)
    ]
    bidOrders: Annotated[int, Meta(description="How many orders to buy rest, at any price.", ge=0)]
    askOrders: Annotated[int, Meta(description="How many orders to sell rest, at any price.", ge=0)]


class TradeMessage(msgspec.Struct, gc=False):
    """A trade as anybody may see it."""

    number: Annotated[
        Count,
        Meta(description="Counts the trades of a stock, from 1."),
    ]
    price: Price
    qty: Quantity
    ts: Timestamp
    direction: Annotated[
        Direction, Meta(description="That of the order which came in and met one that rested.")
    ]


class TradesMessage(msgspec.Struct, gc=False):
    """The latest trades of a stock."""

    ok: Ok
    venue: Venue
    symbol: Symbol
    since: Since
    count: Annotated[int, Meta(description="How many trades there have been.", ge=0)]
    trades: Annotated[
        list[TradeMessage],
        Meta(description="The latest trades, oldest first.", max_length=RECENT_TRADES),
    ]


class CandleMessage(msgspec.Struct, gc=False):
    """What was traded in a stretch of time."""

    ts: Annotated[Timestamp, Meta(description="When it begins.")]
    open: Annotated[Price, Meta(description="Of the first trade, in cents a share.")]
    high: Annotated[Price, Meta(description="The highest.")]
    low: Annotated[Price, Meta(description="The lowest.")]
    close: Annotated[Price, Meta(description="Of the last trade.")]
    volume: Annotated[Count, Meta(description="Shares that changed hands.")]
    trades: Annotated[Count, Meta(description="How many trades there were.")]
    bid: Annotated[Price, Meta(description=BEST_AT_END.format("bid"))] | UnsetType = UNSET
    ask: Annotated[Price, Meta(description=BEST_AT_END.format("ask"))] | UnsetType = UNSET


class CandlesMessage(msgspec.Struct, gc=False):
    """The price of a stock over time."""

    ok: Ok
    venue: Venue
    symbol: Symbol
    since: Since
    ts: Annotated[Timestamp, Meta(description="When this was so.")]
    seconds: Annotated[Count, Meta(description="How wide a candle is.")]
    candles: Annotated[
        list[CandleMessage], Meta(description="Oldest first.", max_length=MOST_CANDLES)
    ]


def server_message(
    exchange: Exchange, since: int, needs_keys: bool, tape_port: int | None
) -> Steps:
    """What to know of a server before watching one of its books; it began at `since`. Made in
    steps, between which books may be opened.
    """
    message = ServerMessage(
        ok=True,
        started=timestamp(since),
        needsKeys=needs_keys,
        tapePort=UNSET if tape_port is None else tape_port,
        rules=_rules(exchange.rules) or UNSET,
        venues=[],
    )
    return list_in_steps(to_json(message), _venues_and_stocks(exchange), NAMES_AT_ONCE)


def _rules(book: RuleBook) -> list[MarketRulesMessage]:
    told = []
    for venue, symbol, rules in book.entries():
        place = (("venue", venue), ("symbol", symbol))
        fields = {name: value for name, value in (*place, *rules.given()) if value is not None}
        told.append(MarketRulesMessage(**fields))  # type: ignore[arg-type]
    return told


def _venues_and_stocks(exchange: Exchange) -> Iterator[bytes]:
    """Every venue with its stocks: a VenueStocksMessage in pieces of one name each."""
    comma = b""
    for venue in list(exchange.venues()):
        message = to_json(VenueStocksMessage(venue, []))
        yield comma + message[:-2]
        yield from with_commas(to_json(book.symbol) for book in list(exchange.books(venue)))
        yield message[-2:]
        comma = b","


def market_message(book: OrderBook, most: int) -> bytes:
    """The quote, and at most `most` price levels of each side, best first."""
    quote = quote_fields(book.quote(), ok=UNSET)
    bids, asks = book.bids, book.asks
    return to_json(
        MarketMessage(
            True,
            quote,
            _levels(bids, most),
            _levels(asks, most),
            bids.level_count,
            asks.level_count,
            bids.resting,
            asks.resting,
        )
    )


def trades_message(book: OrderBook, history: History, since: int, most: int) -> bytes:
    """The latest trades with a number over `since`, at most `most`, oldest first."""
    past = history.of(book)
    trades = [
        TradeMessage(number, price, quantity, timestamp(ts), SIDE_NAMES[side])
        for number, price, quantity, ts, side in past.trades(since, most)
    ]
    start = timestamp(past.since)
    return to_json(TradesMessage(True, book.venue, book.symbol, start, past.count, trades))


def candles_message(book: OrderBook, history: History, span: str, since: int, now: int) -> bytes:
    """The candles of a span, one of SPANS, that begin at `since` or later, oldest first."""
    past = history.of(book)
    series = past.series(span)
    start = max(since, now - SPANS[span] if SPANS[span] else 0)
    candles = [
        CandleMessage(
            timestamp(c.start),
            c.open,
            c.high,
            c.low,
            c.close,
            c.volume,
            c.trades,
            UNSET if c.bid is None else c.bid,
            UNSET if c.ask is None else c.ask,
        )
        for c in series.since(start)
    ]
    return to_json(
        CandlesMessage(
            True,
            book.venue,
            book.symbol,
            timestamp(past.since),
            timestamp(now),
            series.width // SECOND,
            candles,
        )
    )


def _levels(ladder: Ladder, most: int) -> list[LevelMessage]:
    return [
        LevelMessage(level.price, level.size, len(level.orders)) for level in islice(ladder, most)
    ]
