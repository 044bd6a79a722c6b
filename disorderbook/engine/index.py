"""Orders by id and by account, of which the oldest may be let go.

No order waits for its registration: a dictionary that outgrows its table copies all of it at once,
for milliseconds when it holds a hundred thousand, so there are several smaller ones; and an
account's ids are bits, sixty-four to an entry, so that any of them can be taken out. An account's
entries are looked up by number, some at a time, so that orders may come and go in between.
"""

from collections.abc import Iterator

from disorderbook.engine.orders import Order

SHARDS = 16  # dictionaries of orders by id
ENTRY = 64  # ids
ENTRIES_AT_ONCE = 4096  # that are looked up for an account, in a third of a millisecond


class Register:
    """Numbers orders from 0, and finds those that it still holds."""

    __slots__ = ("next_id", "_shards", "_accounts")

    def __init__(self) -> None:
        self.next_id = 0
        self._shards: tuple[dict[int, Order], ...] = tuple({} for _ in range(SHARDS))
        self._accounts: dict[str, dict[int, int]] = {}  # ids // ENTRY, and which of those there

    def __len__(self) -> int:
        """How many orders are held."""
        return sum(map(len, self._shards))

    def add(self, order: Order) -> None:
        """Hold an order; ids must come in ascending order."""
        order_id, account = order.id, order.account
        self.next_id = order_id + 1
        self._shards[order_id % SHARDS][order_id] = order
        entries = self._accounts.get(account)
        if entries is None:
            entries = self._accounts[account] = {}
        entry = order_id // ENTRY
        entries[entry] = entries.get(entry, 0) | 1 << order_id % ENTRY

    def remove(self, order: Order) -> None:
        """Let go of an order that is held."""
        del self._shards[order.id % SHARDS][order.id]
        entries = self._accounts[order.account]
        entry, bit = divmod(order.id, ENTRY)
        entries[entry] ^= 1 << bit
        if not entries[entry]:
            del entries[entry]
            if not entries:
                del self._accounts[order.account]

    def find(self, order_id: int) -> Order | None:
        """The order with this id, if it is held."""
        return self._shards[order_id % SHARDS].get(order_id)

    def ids_of(self, account: str, start: int, most: int) -> tuple[list[int], int]:
        """Ids from `start` on of orders that are held of an account, in ascending order, and the
        id to go on from: all below that are there. They are `most` or some more (less than ENTRY);
        fewer if the account has no others, or if ENTRIES_AT_ONCE do not have as many.
        """
        entries = self._accounts.get(account)
        if not entries:
            return [], self.next_id
        ids: list[int] = []
        entry = max(start // ENTRY, next(iter(entries)))  # the first entry is the lowest
        end = min(entry + ENTRIES_AT_ONCE, self.next_id // ENTRY + 1)
        while entry < end and len(ids) < most:
            ids += [each for each in _ids(entry, entries.get(entry, 0)) if each >= start]
            entry += 1
        return ids, entry * ENTRY


def _ids(entry: int, bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield entry * ENTRY + lowest.bit_length() - 1
        bits ^= lowest
