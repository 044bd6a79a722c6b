"""The trades that the history of a market is made of again when an exchange starts.

The same trades make the same history, so it need not be written with each of them: the state of a
book's is stored once STORED_EACH trades have come together, and when the exchange ends. The rule: a
start reads that state, and then no more of the past than the trades behind it, by index. A file of
an older version has no states: then the newest TRADES_READ trades are read, and the others counted.
"""

import sqlite3
from collections.abc import Iterable

from disorderbook.engine.book import OrderBook
from disorderbook.ledger.archive import Market
from disorderbook.ledger.base import HistoryState, Past, PastTrade, past_trade
from disorderbook.ledger.tables import (
    EXECUTIONS,
    HISTORIES,
    ORDERS,
    WRITE_HISTORY,
    Row,
    read_history,
)

STORED_EACH = 2000  # trades of a book, about 60 KB
TRADES_READ = 20_000  # of a book, at most

_STATE = f"SELECT {HISTORIES.all} FROM histories WHERE (venue, symbol) = (?, ?)"
# Ids of incoming orders grow with the time of their trades.
_NEWEST = f"""
    SELECT o.side, {", ".join(f"e.{column}" for column in EXECUTIONS.all.split(", "))}
    FROM executions AS e INDEXED BY executions_by_incoming CROSS JOIN orders AS o
    ON (o.venue, o.symbol, o.id) = (e.venue, e.symbol, e.incoming_id)
    WHERE (e.venue, e.symbol) = (?, ?) AND e.incoming_id >= ?
    ORDER BY e.incoming_id DESC, e.number DESC LIMIT ?
"""
_COUNT = "SELECT count(*) FROM executions WHERE (venue, symbol) = (?, ?) AND incoming_id >= ?"


def load_pasts(connection: sqlite3.Connection, market: Market) -> list[Past]:
    """The past of each open book, those trades included that are in the journal only; raises
    Damaged or sqlite3.Error.
    """
    return [_load_past(connection, market, book) for book in market.books]


def _load_past(connection: sqlite3.Connection, market: Market, book: OrderBook) -> Past:
    place = book.venue, book.symbol
    row = connection.execute(_STATE, place).fetchone()
    state = None if row is None else read_history(row)
    values = (*place, 0 if state is None else state.orders)
    rows = connection.execute(_NEWEST, (*values, TRADES_READ))
    trades = [_past_trade(row) for row in rows][::-1]
    skipped = 0
    if len(trades) == TRADES_READ:
        (count,) = connection.execute(_COUNT, values).fetchone()
        skipped = count - TRADES_READ
    changes = market.changes.books.get(book)
    trades += map(past_trade, changes.executions if changes else ())
    return Past(book, state, skipped, trades)


def _past_trade(row: Row) -> PastTrade:
    side, *execution = row
    values = EXECUTIONS.read(tuple(execution))
    return PastTrade(
        values["price"],
        values["quantity"],
        values["ts"],
        ORDERS.decode({"side": side})["side"],
        values["standing_id"],
        values["standing_fill"] + 1,
        values["incoming_id"],
        values["incoming_fill"] + 1,
    )


def write_histories(connection: sqlite3.Connection, states: Iterable[HistoryState]) -> None:
    """Store states in the place of older ones, within the caller's transaction."""
    connection.executemany(WRITE_HISTORY, map(HISTORIES.row, states))
