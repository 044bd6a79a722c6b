"""What an exchange asks of whatever keeps its past, and the plainest of those."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from disorderbook.engine.book import OrderBook, Outcome
from disorderbook.engine.orders import Order


class Ledger(Protocol):
    """What keeps the past of an exchange; called inside the turn."""

    def require_writable(self) -> None:
        """Raise CannotKeep if nothing may change now; asked before every change, so a ledger may
        begin a transaction here that ends with the commit.
        """

    def open_book(self, book: OrderBook) -> None:
        """Take note of a new book."""

    def submit(self, book: OrderBook, outcome: Outcome) -> None:
        """Take note of an order and what it led to."""

    def cancel(self, book: OrderBook, order: Order) -> None:
        """Take note of an open order that was cancelled."""

    def abandon(self) -> None:
        """A change was not finished: have the next commit fail, if that leads back before it."""

    def commit(self) -> Sequence[Order]:
        """Keep what was noted, or raise CannotKeep; returns closed orders to be forgotten."""

    def settle(self) -> Sequence[Order]:
        """Do also what `commit` has put off, if it can be done now; returns the same, or raises
        CannotKeep.

        If that takes back what no commit has kept yet, the next one raises CannotKeep as well.
        """

    def kept_books(self) -> Sequence[OrderBook]:
        """After CannotKeep: the books as of the last commit before it; raises CannotRead."""

    def close(self) -> None:
        """Let go of files; nothing else is called any more."""

    def find(self, book: OrderBook, order_id: int) -> Order | None:
        """An order that was forgotten; raises CannotRead."""

    def orders_of(self, book: OrderBook, account: str) -> Sequence[Order]:
        """The forgotten orders of an account in a book, oldest first; raises CannotRead."""


class EndlessMemory:
    """The ledger of an exchange that forgets nothing until it ends."""

    def require_writable(self) -> None:
        """Anything may change."""

    def open_book(self, book: OrderBook) -> None:
        """The exchange remembers it."""

    def submit(self, book: OrderBook, outcome: Outcome) -> None:
        """The book remembers it."""

    def cancel(self, book: OrderBook, order: Order) -> None:
        """The book remembers it."""

    def abandon(self) -> None:
        """There is nothing to go back to."""

    def commit(self) -> Sequence[Order]:
        return ()

    def settle(self) -> Sequence[Order]:
        return ()

    def kept_books(self) -> Sequence[OrderBook]:
        return ()

    def close(self) -> None:
        """There are none."""

    def find(self, book: OrderBook, order_id: int) -> Order | None:
        return None

    def orders_of(self, book: OrderBook, account: str) -> Sequence[Order]:
        return ()


SECONDS_PER_TRADING_DAY = 5


END_OF_THE_WORLD_DAY = 1000  # the last trading day of an instance


NANOSECONDS_PER_TRADING_DAY = SECONDS_PER_TRADING_DAY * 10**9


class Instance(msgspec.Struct, gc=False):
    """A level in play: `account` is the player's, `started_at` is nanoseconds since 1970."""

    id: int
    account: str
    started_at: int

    def trading_day(self, now: int) -> int:
        """Days since the start at a time in nanoseconds; the last day does not end."""
        days = (now - self.started_at) // NANOSECONDS_PER_TRADING_DAY
        return min(days, END_OF_THE_WORLD_DAY)
