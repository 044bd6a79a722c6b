"""The recent past of every book, for people who watch: its last trades, and its price over time.

The exchange tells of each event with its lock held, so that has to cost next to nothing: a trade is
appended to a queue, and the event counts in a candle of one second. What is made of the candles
is made once a second, or when somebody asks.
"""

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

import msgspec

from disorderbook.engine.book import Execution, OrderBook
from disorderbook.engine.orders import Side

SECOND = 10**9  # nanoseconds


RECENT_TRADES = 500  # that are remembered of a book


MOST_CANDLES = 400  # of a book's whole past


SPANS = {"5m": 300 * SECOND, "30m": 1800 * SECOND, "all": 0}  # 0: ever since


class Trade(NamedTuple):
    """A trade as anybody may see it; `side` is that of the order that came in and met another."""

    number: int  # counts the trades of a book from 1
    price: int
    quantity: int
    ts: int
    side: Side


class Candle(msgspec.Struct, gc=False):
    """The trades of a stretch of time that begins at `start`, nanoseconds since 1970."""

    start: int
    open: int
    high: int
    low: int
    close: int
    volume: int  # shares
    trades: int

    def extend(self, later: "Candle") -> None:
        """Take in a candle that follows this one."""
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.close = later.close
        self.volume += later.volume
        self.trades += later.trades


class Series:
    """Candles of `width` nanoseconds each, those in which something traded; the latest `most`."""

    def __init__(self, width: int, most: int) -> None:
        self.width = width
        self._most = most
        self._candles: deque[Candle] = deque()

    def add(self, candle: Candle) -> None:
        """Take in a candle, no wider than these, that comes after all others."""
        self._append(candle)
        while len(self._candles) > self._most:
            self._make_room()

    def since(self, start: int) -> list[Candle]:
        """The candles that begin at a time or later, oldest first."""
        found = []
        for candle in reversed(self._candles):
            if candle.start < start:
                break
            found.append(candle)
        return found[::-1]

    def _append(self, candle: Candle) -> None:
        start = candle.start - candle.start % self.width
        if self._candles and self._candles[-1].start == start:
            self._candles[-1].extend(candle)
        else:
            self._candles.append(msgspec.structs.replace(candle, start=start))

    def _make_room(self) -> None:
        self._candles.popleft()


class WholeSeries(Series):
    """A series that forgets nothing: its candles become twice as wide when they are too many."""

    def _make_room(self) -> None:
        self.width *= 2
        narrow, self._candles = self._candles, deque()
        for candle in narrow:
            self._append(candle)


class BookHistory:
    """The recent past of one book. What was traded since the candles were last brought up to date
    is counted in plain attributes, which are quicker than a candle's.
    """

    __slots__ = (
        "count",
        "_trades",
        "_series",
        "_second_ends",
        "_counted",
        "_open",
        "_high",
        "_low",
        "_close",
        "_volume",
    )

    def __init__(self) -> None:
        self.count = 0  # trades so far
        self._trades: deque[tuple[int, int, int, Side]] = deque(maxlen=RECENT_TRADES)
        self._series = {
            "5m": Series(SECOND, 300),
            "30m": Series(5 * SECOND, 360),
            "all": WholeSeries(SECOND, MOST_CANDLES),
        }
        self._second_ends = 0  # of the second that is counted in the following
        self._counted = 0  # trades that the candles hold
        self._open = self._high = self._low = self._close = self._volume = 0

    def record(self, executions: Sequence[Execution]) -> None:
        """Take note of all executions of one order, at least one.

        They have one time, and go from the best price to the worst.
        """
        last = executions[-1]
        price, ts = last.price, last.ts
        if ts >= self._second_ends or self._counted == self.count:
            self._begin(executions[0].price, ts)
        if len(executions) == 1:
            self.count += 1
            self._trades.append((price, last.quantity, ts, last.incoming.side))
        else:
            self._record_more(executions)
        if price > self._high:
            self._high = price
        elif price < self._low:
            self._low = price
        self._close = price
        self._volume += last.incoming_filled

    def trades(self, since: int, most: int) -> list[Trade]:
        """The latest trades with a number over `since`, at most `most`, oldest first."""
        wanted = min(max(self.count - since, 0), most, len(self._trades))
        latest = list(islice(reversed(self._trades), wanted))
        return [Trade(self.count - age, *latest[age]) for age in range(wanted - 1, -1, -1)]

    def series(self, span: str) -> Series:
        """The price over a span, one of SPANS; what is older may be there too."""
        self._settle()
        return self._series[span]

    def _record_more(self, executions: Sequence[Execution]) -> None:
        """Take note of all trades of an order, and of the first one's price."""
        side, best = executions[0].incoming.side, executions[0].price
        self._high, self._low = max(self._high, best), min(self._low, best)
        self.count += len(executions)
        self._trades.extend(
            [(trade.price, trade.quantity, trade.ts, side) for trade in executions[-RECENT_TRADES:]]
        )

    def _begin(self, price: int, ts: int) -> None:
        """Count from zero, in the second of a time."""
        self._settle()
        self._second_ends = ts - ts % SECOND + SECOND
        self._open = self._high = self._low = price
        self._volume = 0

    def _settle(self) -> None:
        """Bring what is counted to the candles."""
        trades, self._counted = self.count - self._counted, self.count
        if trades:
            candle = Candle(
                self._second_ends - SECOND,
                self._open,
                self._high,
                self._low,
                self._close,
                self._volume,
                trades,
            )
            for series in self._series.values():
                series.add(candle)


class History:
    """The recent past of all books since `since`, nanoseconds since 1970."""

    def __init__(self, since: int) -> None:
        self.since = since
        self._books: dict[tuple[str, str], BookHistory] = {}
        self._found: dict[OrderBook, BookHistory] = {}
        self._latest: dict[tuple[str, str], OrderBook] = {}  # by which that of the names is found

    def record(self, book: OrderBook, executions: Sequence[Execution]) -> None:
        """For the exchange, after each event, with its lock held."""
        if executions:
            (self._found.get(book) or self._find(book)).record(executions)

    def of(self, book: OrderBook) -> BookHistory:
        """That of a book; an empty one if nothing has traded there."""
        return self._books.get((book.venue, book.symbol)) or BookHistory()

    def _find(self, book: OrderBook) -> BookHistory:
        """That of a book, from now on found by the book itself, which is quicker than by names.

        The exchange may have put another book of the same names in the place of an older one.
        """
        place = book.venue, book.symbol
        past = self._books.setdefault(place, BookHistory())
        if place in self._latest:
            del self._found[self._latest[place]]
        self._latest[place], self._found[book] = book, past
        return past
