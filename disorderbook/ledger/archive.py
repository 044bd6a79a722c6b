"""Finds closed orders that have left memory.

A book never needs a closed order again, so memory holds a bounded number of them. The rule: an
order leaves memory only after its row and its fills are in the tables.
"""

import logging
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import Order
from disorderbook.errors import CannotRead
from disorderbook.ledger.base import Ledger
from disorderbook.ledger.tables import (
    FAULTS,
    ORDERS,
    Damaged,
    NumberedFill,
    read_order,
)

CLOSED_ORDERS_IN_MEMORY = 100_000  # of all books together; the rest is looked up in the ledger

_FIND_ORDER = f"SELECT {ORDERS.all} FROM orders WHERE (venue, symbol, id) = (?, ?, ?)"
_ORDERS_OF = f"""
    SELECT {ORDERS.all} FROM orders WHERE (account, venue, symbol) = (?, ?, ?) ORDER BY id
"""

log = logging.getLogger(__name__)


class Archive(Ledger, ABC):
    """A ledger with tables of orders and fills, and one connection to them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def find(self, book: OrderBook, order_id: int) -> Order:
        """A closed order that the book has accepted and forgotten; raises CannotRead."""
        place = book.venue, book.symbol, order_id
        with reading():
            row = self.connection.execute(_FIND_ORDER, place).fetchone()
            if row is None:
                raise Damaged(f"order {order_id} of {book.symbol} at {book.venue} is missing")
            fills = sorted(self.fills_of_order(*place), key=itemgetter(1))
            return _closed(read_order(ORDERS.read(row), fills))

    def orders_of(self, book: OrderBook, account: str) -> Sequence[Order]:
        """The forgotten orders of an account, oldest first; raises CannotRead."""
        place = account, book.venue, book.symbol
        with reading():
            every = map(ORDERS.read, self.connection.execute(_ORDERS_OF, place).fetchall())
            forgotten = [values for values in every if book.find(values["id"]) is None]
            if not forgotten:
                return ()
            fills = fills_by_order(self.fills_of_account(*place))
            return [_closed(read_order(each, fills.get(each["id"], ()))) for each in forgotten]

    @abstractmethod
    def fills_of_order(self, venue: str, symbol: str, order_id: int) -> Iterable[NumberedFill]:
        """In any order; raises Damaged."""

    @abstractmethod
    def fills_of_account(self, account: str, venue: str, symbol: str) -> Iterable[NumberedFill]:
        """Those of all its orders, in any order; raises Damaged."""

    def close(self) -> None:
        self.connection.close()


@contextmanager
def reading() -> Iterator[None]:
    """Raise CannotRead, and log why, where a database cannot be read or makes no sense."""
    try:
        yield
    except (*FAULTS, Damaged) as error:
        log.error("The ledger cannot be read: %s", error)
        raise CannotRead from error


def fills_by_order(fills: Iterable[NumberedFill]) -> dict[int, list[NumberedFill]]:
    """Fills of one book, sorted, under the ids of their orders."""
    ordered = sorted(fills, key=itemgetter(0, 1))
    return {order_id: list(group) for order_id, group in groupby(ordered, itemgetter(0))}


def _closed(order: Order) -> Order:
    if order.is_open:
        raise Damaged(f"order {order.id} of {order.symbol} at {order.venue} is not in its book")
    return order
