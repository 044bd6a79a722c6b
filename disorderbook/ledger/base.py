"""What an exchange asks of its ledger: the class `Ledger`, which does nothing.

An exchange with that ledger has everything in memory until it ends. Other ledgers derive from it
and override what they do differently. The rule: every method is called while the caller holds the
exchange's lock, so a ledger needs no lock of its own for them.
"""

from collections.abc import Sequence

import msgspec

from disorderbook.engine.book import OrderBook, Outcome
from disorderbook.engine.orders import Order


class Ledger:
    """Records nothing, finds nothing, refuses nothing."""

    def require_writable(self) -> None:
        """Raise CannotWrite if nothing may change now. The exchange calls it before each change,
        so a ledger may begin a transaction here that ends with `commit`.
        """

    def open_book(self, book: OrderBook) -> None:
        """Record a new book."""

    def submit(self, book: OrderBook, outcome: Outcome) -> None:
        """Record an order that was accepted, and what it led to."""

    def cancel(self, book: OrderBook, order: Order) -> None:
        """Record that an open order was cancelled."""

    def roll_back(self) -> None:
        """Drop what is not committed, because a change was interrupted; the next commit raises
        CannotWrite. A ledger without transactions has nothing to drop.
        """

    def commit(self) -> Sequence[Order]:
        """Make what was recorded permanent, or raise CannotWrite. Returns closed orders that the
        exchange is to forget, because `find` finds them.
        """
        return ()

    def flush(self) -> Sequence[Order]:
        """Commit, and write what earlier commits have put off, if that is possible now.

        Returns what `commit` returns. Raises CannotWrite; if changes were lost that no commit has
        made permanent yet, then the next commit raises it as well.
        """
        return self.commit()

    def committed_books(self) -> Sequence[OrderBook]:
        """After CannotWrite: the books as of the last commit; raises CannotRead."""
        return ()

    def close(self) -> None:
        """Close the files. Nothing is called after that."""

    def find(self, book: OrderBook, order_id: int) -> Order | None:
        """A closed order that the exchange has forgotten; raises CannotRead."""
        return None

    def ids_of(self, book: OrderBook, account: str, start: int, most: int) -> Sequence[int]:
        """The lowest ids from `start` on of an account's orders in a book that `find` would find,
        at most `most`, in ascending order. Others of the account may be among them. Raises
        CannotRead.
        """
        return ()


class Instance(msgspec.Struct, gc=False):
    """A level in play: `account` is the player's, `started_at` is nanoseconds since 1970."""

    id: int
    account: str
    started_at: int
