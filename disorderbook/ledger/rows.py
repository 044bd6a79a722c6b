"""From orders, fills and positions to rows and back; a row carries a checksum.

SQLite notices a page that makes no sense, but not a digit that has changed.
"""

import sqlite3
import zlib
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from disorderbook.engine.book import Execution, OrderBook
from disorderbook.engine.orders import Fill, Order
from disorderbook.engine.positions import Position
from disorderbook.gamemaster import Instance
from disorderbook import messages
from disorderbook.messages import NANOSECONDS, ORDER_TYPE_NAMES, SIDE_NAMES

ORDER_COLUMNS = (
    "venue, symbol, id, account, side, type, price, quantity, ts, remaining, filled, checksum"
)
BOOK_COLUMNS = (
    "venue, symbol, opened, orders, bid_depth, ask_depth, accounts, quote_time, last_price, "
    "last_quantity, last_trade, checksum"
)
POSITION_COLUMNS = "venue, symbol, account, cash, shares, lowest, highest, checksum"
EXECUTION_COLUMNS = (
    "venue, symbol, standing_id, standing_fill, incoming_id, incoming_fill, price, quantity, ts, "
    "checksum"
)

timestamp = lru_cache(maxsize=256)(messages.timestamp)  # an order and its fills share one

Row = tuple[Any, ...]
NumberedFill = tuple[int, int, Fill]  # id of its order, its number among that order's from 0

# What a database that cannot be read or written raises; the second where SQLite's own words, such
# as the name of a table, are damaged.
FAULTS = (sqlite3.Error, UnicodeDecodeError)

# A line for each of so many values; the quickest way to turn many into one text.
_LINES = ["\n".join(["%s"] * count) for count in range(16)]
_SIDES = {name: side for side, name in SIDE_NAMES.items()}
_TYPES = {name: order_type for order_type, name in ORDER_TYPE_NAMES.items()}


def is_busy(fault: Exception) -> bool:
    """Whether SQLite could not do what it was asked because another connection is in the way."""
    return getattr(fault, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


class Damaged(Exception):
    """What was read is not what was written; says what does not fit."""


def signed(*values: Any) -> Row:
    """A row with the checksum of its values at its end."""
    return *values, checksum(*values)


def verified(row: Row, what: str) -> Row:
    """The values of a row without the checksum at its end; raises Damaged."""
    *values, written = row
    if written != checksum(*values):
        raise Damaged(f"the checksum of {what} is wrong")
    return tuple(values)


def order_row(order: Order) -> Row:
    return signed(
        order.venue, order.symbol, order.id, order.account, SIDE_NAMES[order.side],
        ORDER_TYPE_NAMES[order.type], order.price, order.quantity, timestamp(order.ts),
        order.remaining, order.filled,
    )


def execution_row(trade: Execution) -> Row:
    standing = trade.standing
    return signed(
        standing.venue, standing.symbol, standing.id, trade.standing_fills - 1,
        trade.incoming.id, trade.incoming_fills - 1, trade.price, trade.quantity,
        timestamp(trade.ts),
    )


def book_row(book: OrderBook) -> Row:
    """A book's own row says enough of the others to notice if one of those is missing or old."""
    last = book.last_trade
    return signed(
        book.venue, book.symbol, timestamp(book.opened_at), book.next_id, book.bids.depth,
        book.asks.depth, len(book.positions), timestamp(book.quote_time),
        *((last.price, last.quantity, timestamp(last.ts)) if last else (None, None, None)),
    )


def position_row(book: OrderBook, position: Position) -> Row:
    cash = position.cash
    return signed(
        book.venue, book.symbol, position.account,
        cash if -(2**63) <= cash < 2**63 else str(cash),
        position.shares, position.lowest, position.highest,
    )


def instance_row(instance: Instance) -> Row:
    return signed(instance.id, instance.account, timestamp(instance.started_at))


def read_position(row: Row) -> Position:
    """Raises Damaged."""
    _, _, account, cash, shares, lowest, highest = verified(row, "a position")
    position = Position(account)
    position.cash, position.shares = int(cash), shares
    position.lowest, position.highest = lowest, highest
    return position


def read_instance(row: Row) -> Instance:
    """Raises Damaged."""
    instance_id, account, started = verified(row, "an instance")
    return Instance(instance_id, account, nanoseconds(started))


def read_order(row: Row, fills: Sequence[NumberedFill]) -> Order:
    """An order from its row and its fills, by number; raises Damaged."""
    venue, symbol, order_id, account, side, order_type, price, quantity, ts, remaining, filled = (
        verified(row, "an order")
    )
    order = Order(
        order_id, venue, symbol, account, _SIDES[side], _TYPES[order_type], price, quantity,
        nanoseconds(ts), remaining, filled,
    )
    if fills:
        order.fills = [fill for _, _, fill in fills]
    numbers = [(order_id, number) for number in range(len(fills))]
    if [fill[:2] for fill in fills] != numbers or sum(f.quantity for f in order.fills) != filled:
        raise Damaged(f"the fills of order {order_id} of {symbol} at {venue} are not complete")
    return order


def read_fill(row: Row) -> NumberedFill:
    """One half of an execution: its row behind 0 for the standing order's, 1 for the other's;
    raises Damaged.
    """
    half, *execution = row
    _, _, *numbers, price, quantity, ts = verified(tuple(execution), "an execution")
    order_id, number = numbers[2:] if half else numbers[:2]
    return order_id, number, Fill(price, quantity, nanoseconds(ts))


def nanoseconds(text: str) -> int:
    """The time that `messages.timestamp` has written, since 1970; raises Damaged."""
    try:
        seconds = datetime.fromisoformat(text[:19] + "+00:00").timestamp()
        return int(seconds) * NANOSECONDS + int(text[20:29])
    except ValueError:
        raise Damaged(f"{text!r} is no time") from None


def checksum(*values: Any) -> int:
    return zlib.crc32((_LINES[len(values)] % values).encode())
