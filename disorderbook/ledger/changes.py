"""What the tables of a durable market do not have yet."""

from disorderbook.engine.book import Execution, OrderBook, Outcome
from disorderbook.engine.orders import Order


class BookChanges:
    """What has changed in one book."""

    __slots__ = ("orders", "executions", "accounts")

    def __init__(self) -> None:
        self.orders: dict[int, Order] = {}
        self.executions: list[Execution] = []
        self.accounts: dict[str, None] = {}  # in the order of their first trades


class Changes:
    """By book, and how many rows that is, about."""

    __slots__ = ("books", "size")

    def __init__(self) -> None:
        self.books: dict[OrderBook, BookChanges] = {}
        self.size = 0

    def open(self, book: OrderBook) -> None:
        """Take note of a new book."""
        self.books[book] = BookChanges()
        self.size += 1

    def submit(self, book: OrderBook, outcome: Outcome) -> None:
        """Take note of an order and what it led to."""
        changes, account = self._of(book), outcome.order.account
        changes.orders[outcome.order.id] = outcome.order
        for execution in outcome.executions:
            standing = execution.standing
            changes.orders[standing.id] = standing
            changes.accounts[standing.account] = changes.accounts[account] = None
        changes.executions += outcome.executions
        self.size += 1 + len(outcome.executions)

    def cancel(self, book: OrderBook, order: Order) -> None:
        """Take note of a cancelled order."""
        self._of(book).orders[order.id] = order
        self.size += 1

    def _of(self, book: OrderBook) -> BookChanges:
        changes = self.books.get(book)
        if changes is None:
            changes = self.books[book] = BookChanges()
        return changes
