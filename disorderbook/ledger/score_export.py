"""The scores of a market as rows of CSV: what accounts have in each stock and at each venue, and
what they were worth over time.

Levels are left out: their venues are of one player each.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence

import msgspec

from disorderbook.engine.book import OrderBook
from disorderbook.ledger.archive import Market, load_market
from disorderbook.ledger.scores import load_scores
from disorderbook.ledger.tables import Row
from disorderbook.protocol.names import timestamp

SCORE_COLUMNS = ("venue", "symbol", "account", "nav", "cash", "shares", "trades", "price")
HISTORY_COLUMNS = ("venue", "time", "account", "nav")

Prices = Callable[[sqlite3.Connection, Market], Callable[[OrderBook], int | None]]
"""What says what shares of the books of a market count for, in cents."""


def last_prices(reader: sqlite3.Connection, market: Market) -> Callable[[OrderBook], int | None]:
    """The price that a stock is settled at, or else of its last trade."""

    def price(book: OrderBook) -> int | None:
        last = None if book.last_trade is None else book.last_trade.price
        return last if book.settled is None else book.settled

    return price


def score_rows(reader: sqlite3.Connection, prices: Prices) -> Iterator[Row]:
    """What each account has in each stock, and behind the stocks of a venue in all of it, without a
    symbol and a price. The best are first.
    """
    market = load_market(reader, has_journal=False)
    price = prices(reader, market)
    levels = {venue for (venue,) in reader.execute("SELECT venue FROM runs")}
    for venue in dict.fromkeys(book.venue for book in market.books):
        if venue not in levels:
            books = [book for book in market.books if book.venue == venue]
            yield from _rows_of_venue(venue, books, [price(book) for book in books])


def _rows_of_venue(
    venue: str, books: Sequence[OrderBook], prices: Sequence[int | None]
) -> Iterator[Row]:
    totals: dict[str, list[int]] = {}
    for book, price in zip(books, prices, strict=True):
        holdings: dict[str, list[int]] = {}
        for held in book.position_list:
            nav = held.net_asset_value(price or 0)
            holdings[held.account] = [nav, held.cash, held.shares, held.trades]
            total = totals.setdefault(held.account, [0, 0, 0, 0])
            total[:] = map(sum, zip(total, holdings[held.account], strict=True))
        yield from _best_first((venue, book.symbol), holdings, price)
    yield from _best_first((venue, None), totals, None)


def _best_first(
    place: tuple[str, str | None], holdings: dict[str, list[int]], price: int | None
) -> Iterator[Row]:
    for account, values in sorted(holdings.items(), key=lambda item: -item[1][0]):
        yield (*place, account, *values, price)


def history_rows(reader: sqlite3.Connection, prices: Prices) -> Iterator[Row]:
    """What each account was worth at the time of each sample, oldest first, by venue."""
    stored = load_scores(reader)
    accounts = {(each.venue, each.number): each.account for each in stored.scorers}
    for sample in stored.samples:
        time = timestamp(sample.ts)
        for number, nav in enumerate(msgspec.json.decode(sample.navs, type=list[int | None])):
            if nav is not None:
                yield sample.venue, time, accounts[sample.venue, number], nav
