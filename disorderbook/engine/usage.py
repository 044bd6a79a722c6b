"""What each account has open in a book, counted: for rules that ask before each order.

The counts follow the orders one by one, so that asking costs nothing however many there are. The
rule: whatever opens, reduces or closes an order of the book says so here.
"""

from collections.abc import Iterable

from disorderbook.engine.orders import BUY, Order, Side


class Usage:
    """The open orders of an account, and the shares that they want, by side."""

    __slots__ = ("orders", "bids", "asks")

    def __init__(self) -> None:
        self.orders = 0
        self.bids = 0
        self.asks = 0

    def shares(self, side: Side) -> int:
        """What is wanted on a side."""
        return self.bids if side is BUY else self.asks

    def count(self, side: Side, orders: int, shares: int) -> None:
        """Add so much, or take it off."""
        self.orders += orders
        if side is BUY:
            self.bids += shares
        else:
            self.asks += shares


NOTHING_OPEN = Usage()


class Usages:
    """The usage of every account that has an open order."""

    __slots__ = ("_accounts",)

    def __init__(self, resting: Iterable[Order]) -> None:
        self._accounts: dict[str, Usage] = {}
        for order in resting:
            self.add(order)

    def of(self, account: str) -> Usage:
        """What an account has open; not to be changed."""
        return self._accounts.get(account, NOTHING_OPEN)

    def add(self, order: Order) -> None:
        """Count an order that has come to rest, if it is open."""
        if order.remaining:
            usage = self._accounts.setdefault(order.account, Usage())
            usage.count(order.side, 1, order.remaining)

    def take(self, order: Order, quantity: int, is_last: bool) -> None:
        """Count that shares of a counted order have traded, or are not wanted any more; with the
        last of them it is closed.
        """
        usage = self._accounts[order.account]
        usage.count(order.side, -is_last, -quantity)
        if not usage.orders:
            del self._accounts[order.account]
