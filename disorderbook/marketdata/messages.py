"""What the exchange tells those who watch it, as JSON: the market, trades, candles, and where
there is something to see. Nothing here names an account.
"""

from collections.abc import Iterable
from itertools import islice

import msgspec

from disorderbook.engine.book import OrderBook
from disorderbook.engine.ladder import Ladder
from disorderbook.engine.orders import SIDE_NAMES
from disorderbook.exchange import Exchange
from disorderbook.marketdata.history import SECOND, SPANS, History
from disorderbook.protocol.messages import quote_fields
from disorderbook.protocol.names import timestamp, to_json


class LevelMessage(msgspec.Struct, gc=False):
    """All resting orders at one price."""

    price: int
    qty: int
    orders: int


class TradeMessage(msgspec.Struct, gc=False):
    """A trade; `direction` is that of the order which met a resting one."""

    number: int
    price: int
    qty: int
    ts: str
    direction: str


class CandleMessage(msgspec.Struct, gc=False):
    """What was traded in a stretch of time that begins at `ts`."""

    ts: str
    open: int
    high: int
    low: int
    close: int
    volume: int
    trades: int


def server_message(
    exchange: Exchange, since: int, needs_keys: bool, tape_port: int | None
) -> bytes:
    """What to know of a server before watching one of its books."""
    return to_json(
        {
            "ok": True,
            "started": timestamp(since),
            "needsKeys": needs_keys,
            **({} if tape_port is None else {"tapePort": tape_port}),
            "venues": [
                {"venue": venue, "symbols": [book.symbol for book in exchange.books(venue)]}
                for venue in exchange.venues()
            ],
        }
    )


def market_message(book: OrderBook, most: int) -> bytes:
    """The quote, and at most so many price levels of each side, best first."""
    return to_json(
        {
            "ok": True,
            "quote": quote_fields(book.quote(), ok=msgspec.UNSET),
            "bids": _levels(book.bids, most),
            "asks": _levels(book.asks, most),
        }
    )


def trades_message(book: OrderBook, history: History, since: int, most: int) -> bytes:
    """The latest trades with a number over `since`, at most `most`, oldest first."""
    past = history.of(book)
    return _past(
        book,
        history,
        {
            "count": past.count,
            "trades": [
                TradeMessage(number, price, quantity, timestamp(ts), SIDE_NAMES[side])
                for number, price, quantity, ts, side in past.trades(since, most)
            ],
        },
    )


def candles_message(book: OrderBook, history: History, span: str, since: int, now: int) -> bytes:
    """The candles of a span, one of SPANS, that begin at a time or later, oldest first."""
    series = history.of(book).series(span)
    start = max(since, now - SPANS[span] if SPANS[span] else 0)
    return _past(
        book,
        history,
        {
            "ts": timestamp(now),
            "seconds": series.width // SECOND,
            "candles": [
                CandleMessage(
                    timestamp(c.start), c.open, c.high, c.low, c.close, c.volume, c.trades
                )
                for c in series.since(start)
            ],
        },
    )


def _past(book: OrderBook, history: History, told: dict[str, object]) -> bytes:
    return to_json(
        {
            "ok": True,
            "venue": book.venue,
            "symbol": book.symbol,
            "since": timestamp(history.since),
            **told,
        }
    )


def _levels(ladder: Ladder, most: int) -> Iterable[LevelMessage]:
    return [
        LevelMessage(level.price, level.size, len(level.orders)) for level in islice(ladder, most)
    ]
