"""The mark of a stock: what a share counts for in everything that has a net asset value.

The last price is what one trade with oneself makes of it, so a market may be marked otherwise: at
the middle of the best bid and ask, or at the last price that was within the band of its rules. A
settled stock counts at its price whatever the mark, and a level's stock at its last price.

The exchange's lock must be held in every function.
"""

from enum import StrEnum

from msgspec.structs import replace

from disorderbook.engine.book import OrderBook
from disorderbook.exchange import Exchange
from disorderbook.marketdata.band import BandMark
from disorderbook.marketdata.history import Candle, History, Series


class Mark(StrEnum):
    """What `--mark` may be."""

    LAST = "last"
    MID = "mid"  # the last price where a side of the book is empty
    BAND = "band"


def last_price(book: OrderBook) -> int | None:
    """Cents a share of the last trade; None before the first one."""
    return None if book.last_trade is None else book.last_trade.price


def middle(book: OrderBook) -> int | None:
    """Half way between the best bid and ask in cents, half a cent rounded down; the last price
    where one of them is missing.
    """
    bid, ask = book.bids.best, book.asks.best
    return last_price(book) if bid is None or ask is None else (bid.price + ask.price) // 2


class Marks:
    """The marks of an exchange whose every trade `history` is told; for those of the band it must
    have been made so.
    """

    def __init__(self, exchange: Exchange, history: History, mark: Mark = Mark.LAST) -> None:
        self.mark = mark
        self._exchange, self._history = exchange, history

    def kind_at(self, venue: str) -> Mark:
        """What stocks of a venue are marked at."""
        return Mark.LAST if self._exchange.is_reserved(venue) else self.mark

    def of(self, book: OrderBook) -> int | None:
        """Cents that a share counts for now; None where there is no price yet."""
        if book.settled is not None:
            return book.settled
        kind, last = self.kind_at(book.venue), last_price(book)
        if kind is Mark.MID:
            return middle(book)
        band = self._history.of(book).band if kind is Mark.BAND and last is not None else None
        return last if band is None else band.price

    def over_time(self, book: OrderBook, candles: Series[Candle]) -> Series[Candle]:
        """The candles of a book, each of which closes at what a share counted for at its end, as
        far as candles tell: the trades between are not there to be compared with the band.
        """
        kind, rules = self.kind_at(book.venue), book.rules
        found = candles.since(0)
        if kind is Mark.LAST or (kind is Mark.BAND and (rules is None or rules.band is None)):
            return candles
        marked: Series[Candle] = Series(candles.width, len(found))
        marked.restore(candles.width, map(replace, found))
        if rules is not None and kind is Mark.BAND:
            band = BandMark(rules)
            for number, candle in enumerate(marked.since(0)):
                band.weigh(number, (candle.close,))
                candle.close = candle.close if band.price is None else band.price
        else:
            for candle in marked.since(0):
                if candle.bid is not None and candle.ask is not None:
                    candle.close = (candle.bid + candle.ask) // 2
        return marked
