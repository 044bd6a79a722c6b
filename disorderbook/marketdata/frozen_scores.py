"""The scores of a venue as they were at one moment, and how they are stored.

A frozen venue is a copy of its books without their orders, each settled at the mark of that moment,
so scores are made of it as of any other.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import Fill
from disorderbook.engine.positions import Position
from disorderbook.ledger.base import StoredFreeze, StoredSample
from disorderbook.marketdata.mark import Mark
from disorderbook.marketdata.nav_series import NavSeries
from disorderbook.marketdata.ranking import Price
from disorderbook.protocol.names import NANOSECONDS, to_json

PositionFields = tuple[str, int, int, int, int, int, int]


class FrozenBook(NamedTuple):
    """What is stored of a book."""

    symbol: str
    opened_at: int
    last: tuple[int, int, int] | None  # price, quantity and time of the last trade
    price: int | None  # that it counts at
    settled: int | None
    positions: list[PositionFields]


class FrozenSeries(NamedTuple):
    """What is stored of the values over time."""

    step: int  # seconds
    accounts: list[str]
    samples: list[tuple[int, list[int | None]]]


class FrozenState(NamedTuple):
    """What the JSON of a StoredFreeze says."""

    books: list[FrozenBook]
    series: FrozenSeries
    mark: Mark = Mark.LAST


_DECODER = msgspec.json.Decoder(FrozenState)  # made once: see client.results


class FrozenVenue(NamedTuple):
    """A venue as it was at `ts`, nanoseconds since 1970. `books` have no orders; `settled` are the
    prices, in cents, of those that were settled then, and `mark` is what the others counted at.
    """

    ts: int
    books: list[OrderBook]
    series: NavSeries
    settled: Mapping[str, int]
    mark: Mark

    def stored(self, venue: str) -> StoredFreeze:
        """All of it, which `restored` understands."""
        series = self.series
        samples = [(point.ts, list(point.navs)) for point in series.points]
        told = FrozenSeries(series.step // NANOSECONDS, list(series.numbers), samples)
        books = [_stored_book(book, self.settled.get(book.symbol)) for book in self.books]
        return StoredFreeze(venue, self.ts, to_json(FrozenState(books, told, self.mark)).decode())


def frozen(
    ts: int, books: Sequence[OrderBook], series: NavSeries, price: Price, mark: Mark
) -> FrozenVenue:
    """Books as they are now, where `price` says what a share counts for, at this mark."""
    copies = [_copy(book, price(book)) for book in books]
    return FrozenVenue(ts, copies, series.copy(), settlements(books), mark)


def restored(freeze: StoredFreeze) -> FrozenVenue:
    """What was stored; raises ValueError for what makes no sense."""
    state = _DECODER.decode(freeze.state)
    step, accounts, samples = state.series
    series = NavSeries()
    stored = [StoredSample("", step, 0, ts, to_json(navs).decode()) for ts, navs in samples]
    series.restore(accounts, stored)
    settled = {book.symbol: book.settled for book in state.books if book.settled is not None}
    books = [_restored_book(freeze.venue, book) for book in state.books]
    return FrozenVenue(freeze.ts, books, series, settled, state.mark)


def settlements(books: Sequence[OrderBook]) -> dict[str, int]:
    """Cents a share of those that are settled, by stock."""
    return {book.symbol: book.settled for book in books if book.settled is not None}


def _copy(book: OrderBook, price: int | None) -> OrderBook:
    """A book without its orders, that counts at this price for good."""
    copy = OrderBook(book.venue, book.symbol, book.opened_at)
    positions = [_position(_fields(position)) for position in book.position_list]
    copy.restore((), book.next_id, book.event_count, positions, book.quote_time, book.last_trade)
    copy.settled = price
    return copy


def _stored_book(book: OrderBook, settled: int | None) -> FrozenBook:
    last = book.last_trade
    return FrozenBook(
        book.symbol,
        book.opened_at,
        None if last is None else (last.price, last.quantity, last.ts),
        book.settled,
        settled,
        [_fields(position) for position in book.position_list],
    )


def _restored_book(venue: str, stored: FrozenBook) -> OrderBook:
    book = OrderBook(venue, stored.symbol, stored.opened_at)
    last = None if stored.last is None else Fill(*stored.last)
    book.restore((), 0, 0, map(_position, stored.positions), stored.opened_at, last)
    book.settled = stored.price
    return book


def _fields(position: Position) -> PositionFields:
    return (
        position.account,
        position.cash,
        position.shares,
        position.lowest,
        position.highest,
        position.fees,
        position.trades,
    )


def _position(fields: PositionFields) -> Position:
    position = Position(fields[0])
    _, position.cash, position.shares, position.lowest, position.highest, *others = fields
    position.fees, position.trades = others
    return position
