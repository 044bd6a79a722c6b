"""How many shares stand before an order in the queue at its price.

Nobody counts while orders come and go: whoever asks goes through the queue, once for all of his
orders there, in steps of a bounded number of orders.
"""

from collections.abc import Generator

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import BUY, Order, Side

QUEUE_AT_ONCE = 4000  # orders that are counted in a step, in about a millisecond
RECOUNTED = 500  # orders that are counted anew if the book has changed since


class _Count:
    """The shares of the orders in a queue whose ids are below `next_id`."""

    __slots__ = ("shares", "orders", "next_id", "events")

    def __init__(self, events: int) -> None:
        self.shares = 0
        self.orders = 0
        self.next_id = 0
        self.events = events  # of the book when this was begun


class QueueCounts:
    """Counts for one answer. A queue is gone through once where orders are asked for in ascending
    order of their ids.

    The rule: a count is exact where it has at most RECOUNTED orders, and where the book has not
    changed since it was begun. Else some of those orders may have traded or gone since: it is then
    what stood before the order a moment ago, and never less than what does now.
    """

    def __init__(self) -> None:
        self.counted = 0  # orders so far
        self._book: OrderBook | None = None
        self._counts: dict[tuple[Side, int], _Count] = {}  # by side and price
        self._left = QUEUE_AT_ONCE  # of this step

    def ahead(self, book: OrderBook, order: Order) -> Generator[None, None, int | None]:
        """The shares before an order; None if it is closed, perhaps meanwhile. Yields where a step
        ends; the lock must be held during each.
        """
        while order.is_open:
            count = self._count(book, order)
            if count.next_id >= order.id:
                return count.shares
            if not self._left:
                self._left = QUEUE_AT_ONCE
                yield
                continue
            level = (book.bids if order.side is BUY else book.asks).level_of(order)
            found, count.next_id = level.between(count.next_id, order.id, self._left)
            count.shares += sum([each.remaining for each in found])
            count.orders += len(found)
            self.counted += len(found)
            self._left = self._left - len(found) if count.next_id == order.id else 0
        return None

    def _count(self, book: OrderBook, order: Order) -> _Count:
        """What is counted at the price of an order, or a new count."""
        if book is not self._book:
            self._book, self._counts = book, {}
        key = order.side, order.price
        count = self._counts.get(key)
        if count is None or count.next_id > order.id or _is_outdated(count, book):
            count = self._counts[key] = _Count(book.event_count)
        return count


def _is_outdated(count: _Count, book: OrderBook) -> bool:
    return count.orders <= RECOUNTED and count.events != book.event_count
