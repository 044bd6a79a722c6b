"""The recent past of every book, for people who watch: its last trades, and its price over time.

It outlives the exchange where the market is in a file: the ledger stores the states of books that
`History.states` gives, and `History.restore` goes on from such a state and the trades since.

The exchange calls `History.record` for each event, with its lock held, so a record must cost next
to nothing: a trade is appended to a queue, and counts in a candle of one second. The longer candles
are made once a second, or when somebody asks. The lock must be held for reading, too.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, takewhile
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import msgspec

from disorderbook.engine.book import Execution, OrderBook
from disorderbook.engine.orders import Side
from disorderbook.ledger.base import HistoryState, Past, PastTrade, past_trade
from disorderbook.marketdata.band import BandMark
from disorderbook.rules.market import NO_RULES, RuleBook, Rules

SECOND = 10**9  # nanoseconds
RECENT_TRADES = 500  # of a book, which are told, and stored where the market is in a file
KEPT_EXECUTIONS = 2000  # of a book, in memory, for who has missed some of them
MOST_CANDLES = 400  # of a book's whole past
SPANS = {"5m": 300 * SECOND, "30m": 1800 * SECOND, "all": 0}  # nanoseconds; 0 is the whole past


class Trade(NamedTuple):
    """A trade as anybody may see it; `side` is that of the incoming order."""

    number: int  # counts the trades of a book from 1
    price: int  # cents
    quantity: int  # shares
    ts: int  # nanoseconds since 1970
    side: Side


S = TypeVar("S", bound="Slot")


class Slot(msgspec.Struct, gc=False):
    """What a series knows of a stretch of time that begins at `start`, nanoseconds since 1970."""

    start: int

    def extend(self: S, later: S) -> None:
        """Merge a later slot into this one."""
        raise NotImplementedError


class Candle(Slot, gc=False, array_like=True):
    """The trades of a stretch of time, and the best prices at its end; prices in cents. `bid` and
    `ask` are None where there was none, or where a start has read the trades alone.
    """

    open: int
    high: int
    low: int
    close: int
    volume: int  # shares
    trades: int
    bid: int | None = None
    ask: int | None = None

    def extend(self, later: "Candle") -> None:
        """Merge a later candle into this one."""
        self.bid, self.ask = later.bid, later.ask
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.close = later.close
        self.volume += later.volume
        self.trades += later.trades


SideName = Literal["buy", "sell"]
StoredTrade = tuple[int, int, int, SideName, int, int, int, int]
"""The fields of a PastTrade."""


class StoredSeries(NamedTuple):
    """A series as the state of a history has it."""

    width: int  # nanoseconds
    candles: list[Candle]


class StoredTrades(NamedTuple):
    """The state of a history: what its JSON says."""

    trades: list[StoredTrade]
    series: dict[str, StoredSeries]
    mark: int | None = None  # cents; where the server marks at the band


_DECODER = msgspec.json.Decoder(StoredTrades)  # made once: see client.results

_SIDES: dict[SideName, Side] = {"buy": Side.BUY, "sell": Side.SELL}
_NAMES: dict[Side, SideName] = {side: name for name, side in _SIDES.items()}


class Series(Generic[S]):
    """The latest `most` slots of `width` nanoseconds each; those without a trade are left out."""

    def __init__(self, width: int, most: int) -> None:
        self.width = width
        self._most = most
        self._slots: deque[S] = deque()

    def add(self, slot: S) -> None:
        """Merge a slot that is no wider than these and later than all of them."""
        self._append(slot)
        while len(self._slots) > self._most:
            self._make_room()

    def since(self, start: int) -> list[S]:
        """The slots that begin at `start` (nanoseconds since 1970) or later, oldest first."""
        found = []
        for slot in reversed(self._slots):
            if slot.start < start:
                break
            found.append(slot)
        return found[::-1]

    def latest(self) -> S:
        """The last slot; there must be one."""
        return self._slots[-1]

    def restore(self, width: int, slots: Iterable[S]) -> None:
        """Have what another series had, instead of all that is here."""
        self.width, self._slots = width, deque(slots)

    def _append(self, slot: S) -> None:
        start = slot.start - slot.start % self.width
        if self._slots and self._slots[-1].start == start:
            self._slots[-1].extend(slot)
        else:
            self._slots.append(msgspec.structs.replace(slot, start=start))

    def _make_room(self) -> None:
        self._slots.popleft()


class WholeSeries(Series[S]):
    """A series of the whole past: when its slots are too many, they become twice as wide."""

    def _make_room(self) -> None:
        self.width *= 2
        narrow, self._slots = self._slots, deque()
        for slot in narrow:
            self._append(slot)


class BookHistory:
    """The recent past of one book. The trades of the second under way are counted in plain
    attributes, which are quicker than a candle's.
    """

    __slots__ = (
        "count",
        "since",
        "stored",
        "missed",
        "_trades",
        "_series",
        "second_ends",
        "_counted",
        "_open",
        "_high",
        "_low",
        "_close",
        "_volume",
        "bid",
        "ask",
        "band",
    )

    def __init__(self, since: int, rules: Rules | None = None) -> None:
        """`rules` have a band, if there are any."""
        self.since = since  # nanoseconds since 1970; nothing is known of trades before
        self.band = None if rules is None else BandMark(rules)
        self.count = 0  # trades so far
        self.stored = 0  # of them, those in the state that was given last
        self.missed = 0  # of them, those that were before its book's object
        self._trades: deque[Execution | PastTrade] = deque(maxlen=KEPT_EXECUTIONS)
        self._series: dict[str, Series[Candle]] = {
            "5m": Series(SECOND, 300),
            "30m": Series(5 * SECOND, 360),
            "all": WholeSeries(SECOND, MOST_CANDLES),
        }
        self.second_ends = 0  # nanoseconds; end of the second that is counted in the following
        self.bid: int | None = None  # the best prices after its last event
        self.ask: int | None = None
        self._counted = 0  # trades that are in the candles
        self._open = self._high = self._low = self._close = self._volume = 0

    def record(self, executions: Sequence[Execution]) -> bool:
        """Record all executions of one order, at least one. Returns whether they are the first of
        a second.

        They have the same time, and go from the best price to the worst.
        """
        last = executions[-1]
        price, ts = last.price, last.ts
        is_first = ts >= self.second_ends or self._counted == self.count
        if is_first:
            self._begin(executions[0].price, ts)
        if len(executions) == 1:
            self.count += 1
            self._trades.append(last)
        else:
            self._record_more(executions)
        if price > self._high:
            self._high = price
        elif price < self._low:
            self._low = price
        self._close = price
        self._volume += last.incoming_filled
        if self.band is not None:
            self.band.weigh(last.incoming.id, (each.price for each in reversed(executions)))
        return is_first

    def add(self, trade: PastTrade) -> None:
        """Record a trade of the past, later than all that are recorded: as `record` does."""
        if trade.ts >= self.second_ends or self._counted == self.count:
            self._begin(trade.price, trade.ts)
        self.count += 1
        self._trades.append(trade)
        self._high, self._low = max(self._high, trade.price), min(self._low, trade.price)
        self._close = trade.price
        self._volume += trade.quantity
        if self.band is not None:
            self.band.weigh(trade.incoming_id, (trade.price,))

    def skip(self, count: int) -> None:
        """Count trades of which nothing else is known, before all others."""
        self.count = self._counted = count

    def state(self) -> str:
        """All of it as JSON, which `restore` understands."""
        self._flush()
        trades = [_stored(_without_orders(each)) for each in self._latest(RECENT_TRADES)]
        stored = {
            span: StoredSeries(series.width, series.since(0))
            for span, series in self._series.items()
        }
        mark = None if self.band is None else self.band.price
        return msgspec.json.encode(StoredTrades(trades, stored, mark)).decode()

    def restore(self, state: str, count: int) -> None:
        """Have what another one had after so many trades; raises ValueError."""
        stored = _DECODER.decode(state)
        if stored.series.keys() != self._series.keys():
            raise ValueError(f"it has the spans {', '.join(stored.series)}")
        for span, series in self._series.items():
            width, candles = stored.series[span]
            series.restore(width, candles)
        self._trades.extend(
            PastTrade(price, quantity, ts, _SIDES[side], *orders)
            for price, quantity, ts, side, *orders in stored.trades
        )
        self.count = self._counted = self.stored = count
        if self.band is not None and stored.mark is not None:
            self.band.restore(stored.mark, stored.trades[-1][0] if stored.trades else None)
        elif self.band is not None:  # it was marked otherwise: what is known has to do
            for price, *_, event, _ in stored.trades:
                self.band.weigh(event, (price,))

    def trades(self, since: int, most: int) -> list[Trade]:
        """The latest trades with a number over `since`, at most `most`, oldest first."""
        wanted = min(max(self.count - since, 0), most, RECENT_TRADES)
        latest = self._latest(wanted)
        first = self.count - len(latest) + 1
        return [
            Trade(number, *_without_orders(each)[:4]) for number, each in enumerate(latest, first)
        ]

    def executions(self, since: int) -> tuple[list[Execution | PastTrade], bool]:
        """Those from a time on (nanoseconds since 1970), oldest first, and whether all that there
        were since then are still here.
        """
        later = list(takewhile(lambda each: each.ts >= since, reversed(self._trades)))[::-1]
        return later, len(self._trades) == self.count or len(later) < len(self._trades)

    def _latest(self, most: int) -> list[Execution | PastTrade]:
        """The latest trades, at most `most`, oldest first."""
        return list(islice(reversed(self._trades), most))[::-1]

    def series(self, span: str) -> Series[Candle]:
        """The candles of a span, one of SPANS; there may be older ones, too."""
        self._flush()
        return self._series[span]

    def _record_more(self, executions: Sequence[Execution]) -> None:
        """Record the trades of an order that has several, and the first one's price."""
        best = executions[0].price
        self._high, self._low = max(self._high, best), min(self._low, best)
        self.count += len(executions)
        self._trades.extend(executions[-KEPT_EXECUTIONS:])

    def _begin(self, price: int, ts: int) -> None:
        """Begin to count the second that `ts` is in."""
        self._flush()
        self.second_ends = ts - ts % SECOND + SECOND
        self._open = self._high = self._low = price
        self._volume = 0
        self.bid = self.ask = None

    def _flush(self) -> None:
        """Add what is counted to the candles."""
        trades, self._counted = self.count - self._counted, self.count
        if not trades and self.second_ends:
            for series in self._series.values():
                latest = series.latest()
                latest.bid, latest.ask = self.bid, self.ask
        if trades:
            candle = Candle(
                self.second_ends - SECOND,
                self._open,
                self._high,
                self._low,
                self._close,
                self._volume,
                trades,
                self.bid,
                self.ask,
            )
            for series in self._series.values():
                series.add(candle)


def _stored(trade: PastTrade) -> StoredTrade:
    price, quantity, ts, side, *_ = trade
    return price, quantity, ts, _NAMES[side], trade[4], trade[5], trade[6], trade[7]


def _without_orders(trade: Execution | PastTrade) -> PastTrade:
    return trade if isinstance(trade, PastTrade) else past_trade(trade)


_STATE = ("since", "_books", "_found", "_latest")


class History:
    """The recent past of all books. `since` is when the server began, nanoseconds since 1970, by
    this clock. `tell_traded` is called with a venue at the first trade of a second in a book there.
    `bands`: stocks that have a band in these rules are marked by it.
    """

    def __init__(
        self, since: int, clock: Callable[[], int] = time.time_ns, bands: RuleBook = NO_RULES
    ) -> None:
        self.since = since
        self._bands = bands
        self._clock = clock
        self.tell_traded: Callable[[str], object] = lambda venue: None
        self._books: dict[tuple[str, str], BookHistory] = {}
        self._found: dict[OrderBook, BookHistory] = {}
        self._latest: dict[tuple[str, str], OrderBook] = {}  # the key in _found, by names

    name = "history"

    def reset(self, book: OrderBook | None) -> None:
        """Know nothing of a book, or of any: the server begins at `clock` anew."""
        if book is not None:
            self.forget(self._latest.get((book.venue, book.symbol), book))
            return
        self.since = self._clock()
        self._books, self._found, self._latest = {}, {}, {}

    def save(self) -> object:
        """What `load` goes on from."""
        return {name: getattr(self, name) for name in _STATE}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from there; the books in it are those of the exchange."""
        for name in _STATE:
            setattr(self, name, state[name])

    def restore(self, pasts: Iterable[Past]) -> None:
        """Have the past of these books and of no others: at a start, and after a rollback. Raises
        ValueError for a state that no history has given.
        """
        self._books, self._found, self._latest = {}, {}, {}
        for past in pasts:
            place = past.book.venue, past.book.symbol
            history = _restored(past, self._banded(past.book))
            self._books[place] = self._found[past.book] = history
            self._latest[place] = past.book

    def states(self, least: int) -> Iterator[HistoryState]:
        """The state of each book of which at least so many trades are in none that was given
        before.
        """
        for (venue, symbol), book in self._latest.items():
            past = self._books[venue, symbol]
            # A signal may have ended the exchange between a trade and its record here.
            is_complete = past.count == past.missed + book.execution_count
            if past.count - past.stored >= least and is_complete:
                past.stored = past.count
                yield HistoryState(
                    venue, symbol, book.next_id, past.count, past.since, past.state()
                )

    def record(self, book: OrderBook, executions: Sequence[Execution]) -> None:
        """The exchange's publisher: records what one event has traded, with the lock held."""
        past = self._found.get(book)
        if executions:
            past = past or self._find(book)
            if past.record(executions):
                self.tell_traded(book.venue)
        if past is not None and book.quote_time < past.second_ends:
            bid, ask = book.bids.best, book.asks.best
            past.bid = bid.price if bid is not None else None
            past.ask = ask.price if ask is not None else None

    def of(self, book: OrderBook) -> BookHistory:
        """The history of a book; an empty one if nothing has traded there."""
        found = self._books.get((book.venue, book.symbol))
        return found or BookHistory(book.opened_at, self._banded(book))

    def forget(self, book: OrderBook) -> None:
        """Let go of the history of a book that is closed."""
        place = book.venue, book.symbol
        self._books.pop(place, None)
        self._found.pop(book, None)
        self._latest.pop(place, None)

    def _find(self, book: OrderBook) -> BookHistory:
        """The history of a book, which `_found` has from now on: that is quicker than by names."""
        place = book.venue, book.symbol
        past = self._books.setdefault(place, BookHistory(book.opened_at, self._banded(book)))
        if place in self._latest:
            del self._found[self._latest[place]]
        self._latest[place], self._found[book] = book, past
        return past

    def _banded(self, book: OrderBook) -> Rules | None:
        """The rules of a book that is marked by its band."""
        rules = self._bands.of(book.venue, book.symbol)
        return None if rules is None or rules.band is None else rules


def _restored(past: Past, rules: Rules | None) -> BookHistory:
    """Raises ValueError."""
    book, state = past.book, past.state
    if state is None:
        since = past.trades[0].ts if past.skipped else book.opened_at
        history = BookHistory(since, rules)
        history.skip(past.skipped)
    else:
        history = BookHistory(state.since, rules)
        history.restore(state.state, state.trades)
    for trade in past.trades:
        history.add(trade)
    history.missed = history.count - book.execution_count
    return history
