"""All books of a venue in short, for a page that shows them side by side.

Nothing here names an account, and nothing tells more of a book than its market and its candles do.
The exchange's lock must be held for each step.
"""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

import msgspec
from msgspec import UNSET, Meta, UnsetType

from disorderbook.engine.book import OrderBook
from disorderbook.exchange import Exchange
from disorderbook.marketdata.history import SECOND, SPANS, BookHistory, Candle, History
from disorderbook.protocol.fields import Count, Ok, Price, Symbol, Timestamp, Venue
from disorderbook.protocol.names import timestamp, to_json
from disorderbook.protocol.route import Steps, list_in_steps, with_commas

MOST_BOOKS = 100  # of a venue in one answer
BOOKS_AT_ONCE = 20  # that a step tells, in about 2 ms
POINTS = 60  # of a book's line


class BookInShort(msgspec.Struct, gc=False, kw_only=True):
    """What a book is at, and how it got there."""

    symbol: Symbol
    last: Annotated[Price, Meta(description="Of the last trade.")] | UnsetType = UNSET
    bid: Annotated[Price, Meta(description="The best.")] | UnsetType = UNSET
    bidSize: Annotated[Count, Meta(description="Shares at the best bid.")] | UnsetType = UNSET
    ask: Annotated[Price, Meta(description="The best.")] | UnsetType = UNSET
    askSize: Annotated[Count, Meta(description="Shares at the best ask.")] | UnsetType = UNSET
    open: (
        Annotated[
            Price,
            Meta(
                description="What the last trade before the span paid, or else the first one in it."
            ),
        ]
        | UnsetType
    ) = UNSET
    volume: Annotated[int, Meta(description="Shares that changed hands in the span.", ge=0)]
    trades: Annotated[int, Meta(description="How many trades there were in the span.", ge=0)]
    halted: (
        Annotated[str, Meta(description="Why it takes no orders now; absent while it does.")]
        | UnsetType
    ) = UNSET
    settled: (
        Annotated[
            int,
            Meta(description="Cents a share at which it was closed for good, if it was.", ge=0),
        ]
        | UnsetType
    ) = UNSET
    line: Annotated[
        list[Price],
        Meta(
            description="The last price at the end of each sixtieth of the span, oldest first. The "
            "last one is that of `ts`; what was before the first trade is left out.",
            max_length=POINTS,
        ),
    ]


class OverviewMessage(msgspec.Struct, gc=False, kw_only=True):
    """The books of a venue side by side."""

    ok: Ok
    venue: Venue
    ts: Annotated[Timestamp, Meta(description="When this was so.")]
    stocks: Annotated[int, Meta(description="How many books the venue has.", ge=0)]
    skipped: Annotated[int, Meta(description="How many of them are older than those below.", ge=0)]
    books: Annotated[list[BookInShort], Meta(description="Oldest first.", max_length=MOST_BOOKS)]


class Told(NamedTuple):
    """A book in short as JSON, and what that follows from besides the span."""

    event_count: int
    trades: int  # that the history has of it
    halted: str | None
    settled: int | None
    end: int  # of the span, nanoseconds since 1970
    json: bytes


class Overview:
    """The books of an exchange in short. What has been told of a book in a span is told again until
    something happens in that book, or a second begins: many may look at the same time.
    """

    def __init__(self, exchange: Exchange, history: History) -> None:
        self._exchange, self._history = exchange, history
        self._told: WeakKeyDictionary[OrderBook, dict[str, Told]] = WeakKeyDictionary()

    def message(self, venue: str, span: str, skip: int, most: int) -> Steps:
        """At most `most` books of a venue, without the `skip` oldest ones, and what was traded
        there in a span, one of SPANS. Raises NoSuchVenue.
        """
        books, now = list(self._exchange.books(venue)), self._exchange.read_clock()
        message = OverviewMessage(
            ok=True,
            venue=venue,
            ts=timestamp(now),
            stocks=len(books),
            skipped=min(skip, len(books)),
            books=[],
        )
        end = now - now % SECOND + SECOND  # of the second under way, whose trades count
        told = (self._in_short(book, span, end) for book in islice(books, skip, skip + most))
        return (yield from list_in_steps(to_json(message), with_commas(told), BOOKS_AT_ONCE))

    def _in_short(self, book: OrderBook, span: str, end: int) -> bytes:
        spans, past = self._told.setdefault(book, {}), self._history.of(book)
        state = book.event_count, past.count, book.halted, book.settled, end
        found = spans.get(span)
        if found is None or found[:-1] != state:
            found = spans[span] = Told(*state, to_json(_in_short(book, past, span, end)))
        return found.json


def _in_short(book: OrderBook, past: BookHistory, span: str, end: int) -> BookInShort:
    quote, length = book.quote(), SPANS[span] or max(end - past.since, 1)
    before, candles = _before_and_within(past, span, end - length)
    first = candles[0].open if before is None and candles else before
    return BookInShort(
        symbol=book.symbol,
        last=_known(quote.last),
        bid=_known(quote.bid),
        bidSize=quote.bid_size or UNSET,
        ask=_known(quote.ask),
        askSize=quote.ask_size or UNSET,
        open=_known(first),
        volume=sum(candle.volume for candle in candles),
        trades=sum(candle.trades for candle in candles),
        halted=_known(book.halted),
        settled=_known(book.settled),
        line=list(_line(before, candles, end - length, length)),
    )


def _before_and_within(past: BookHistory, span: str, start: int) -> tuple[int | None, list[Candle]]:
    """The last price before a time, if one is known, and the candles from then on."""
    candles = past.series(span).since(0)
    number = bisect_left(candles, start, key=lambda candle: candle.start)
    return candles[number - 1].close if number else None, candles[number:]


def _line(before: int | None, candles: list[Candle], start: int, length: int) -> Iterator[int]:
    """The last price at the end of each part of a span, from the first part that has one on."""
    price, number = before, 0
    for part in range(1, POINTS + 1):
        end = start + length * part // POINTS
        while number < len(candles) and (candles[number].start < end or part == POINTS):
            price = candles[number].close
            number += 1
        if price is not None:
            yield price


T = TypeVar("T")


def _known(value: T | None) -> T | UnsetType:
    return UNSET if value is None else value
