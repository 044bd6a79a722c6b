"""One side of a book: price levels in order, and at each price a queue of resting orders."""

from array import array
from bisect import bisect_left
from collections.abc import Iterator

from sortedcontainers import SortedList

from disorderbook.engine.orders import BUY, MARKET, Order, Side

LOWEST_RANK = -(2**63)
SPARE_ARRIVALS = 32  # that a level may remember for nothing, beyond one for each order
SPARE_TOUCHED = 1024  # orders that a view may have to look at, beyond one for each that rests


class PriceLevel:
    """The orders that rest at one price (cents), first come first served; `size` is their shares.

    A dictionary says who is still here, and an array in what order they came. (Alone, the
    dictionary would look for its front past everything that was ever removed there. An OrderedDict
    would not, but the garbage collector visits each of its entries, and none of these.)
    """

    __slots__ = ("price", "rank", "size", "orders", "_arrivals", "_arrived")

    def __init__(self, price: int, rank: int) -> None:
        self.price = price
        self.rank = rank  # the higher, the better
        self.size = 0
        self.orders: dict[int, Order] = {}  # by id, oldest first
        self._arrivals = array("q")  # ids
        self._arrived = 0  # how many of them are known to be gone

    @property
    def front(self) -> Order:
        """The order that has waited longest; the level must not be empty."""
        while (order := self.orders.get(self._arrivals[self._arrived])) is None:
            self._arrived += 1
        return order

    def append(self, order: Order) -> None:
        """Put an order at the back of the queue."""
        if len(self._arrivals) > 2 * len(self.orders) + SPARE_ARRIVALS:
            self._arrivals, self._arrived = array("q", self.orders), 0
        self._arrivals.append(order.id)
        self.orders[order.id] = order
        self.size += order.remaining

    def queue(self) -> Iterator[Order]:
        """The orders from the front on, as they stand while nothing changes. It looks only at those
        that are asked for, and not at what was removed before them.
        """
        if self.orders:
            self.front  # noqa: B018  # moves _arrived past those that are gone
            for index in range(self._arrived, len(self._arrivals)):
                order = self.orders.get(self._arrivals[index])
                if order is not None:
                    yield order

    def between(self, first: int, end: int, most: int) -> tuple[list[Order], int]:
        """Orders of the queue with ids from `first` to below `end`, in their order, and the id to
        go on from. At most `most` arrivals are looked at, some of which may be gone.
        """
        start = bisect_left(self._arrivals, first, self._arrived)  # ids arrive ascending
        stop = bisect_left(self._arrivals, end, start)
        if stop > start + most:
            stop, end = start + most, self._arrivals[start + most]
        found = map(self.orders.get, self._arrivals[start:stop])
        return [order for order in found if order is not None], end


class LadderView:
    """What a reader keeps of one side of a book; `touched` says what is no longer so. These orders
    have come to rest, traded or gone since the reader last emptied it.
    """

    __slots__ = ("touched",)

    def __init__(self) -> None:
        self.touched: set[Order] = set()


class Ladder:
    """All price levels of one side. A level ranks by its price, sells by the negated price, so
    that the higher rank is the better price on both sides and there is one piece of code.
    """

    __slots__ = ("best", "depth", "resting", "view", "_sign", "_levels", "_ranks")

    def __init__(self, side: Side) -> None:
        self.best: PriceLevel | None = None
        self.depth = 0  # shares resting on this side
        self.resting = 0  # orders
        self.view: LadderView | None = None  # a reader's; dropped once it would have all to do anew
        self._sign = 1 if side is BUY else -1
        self._levels: dict[int, PriceLevel] = {}  # by rank
        self._ranks: SortedList[int] = SortedList()  # of the levels, the best last

    def __getstate__(self) -> tuple[None, dict[str, object]]:
        """For a copy, which has no reader yet."""
        state = {name: getattr(self, name) for name in self.__slots__}
        return None, state | {"view": None}

    def __iter__(self) -> Iterator[PriceLevel]:
        """Levels, best first."""
        return map(self._levels.__getitem__, reversed(self._ranks))

    @property
    def level_count(self) -> int:
        """How many levels there are."""
        return len(self._ranks)

    def level_of(self, order: Order) -> PriceLevel:
        """The level where an order rests, one of this side that is open."""
        return self._levels[order.price * self._sign]

    def limit(self, order: Order) -> int:
        """The lowest rank at which an order from the other side trades."""
        return LOWEST_RANK if order.type is MARKET else order.price * self._sign

    def can_fill(self, order: Order) -> bool:
        """Whether an order from the other side would be filled at once and in full.

        Looks at whole levels, and at no more of them than filling the order would empty.
        """
        wanted, limit = order.remaining, self.limit(order)
        if wanted > self.depth:
            return False
        for level in self:
            if level.rank < limit:
                break
            wanted -= level.size
            if wanted <= 0:
                return True
        return False

    def rest(self, order: Order) -> None:
        """Put an open order at the back of the queue at its price."""
        level = self._levels.get(order.price * self._sign) or self._open(order.price)
        level.append(order)
        self.depth += order.remaining
        self.resting += 1
        if (view := self.view) is not None:
            view.touched.add(order)
            if len(view.touched) > self.resting + SPARE_TOUCHED:
                self.view = None

    def reduce(self, order: Order, quantity: int) -> None:
        """Take shares of a resting order off this side, all of its shares or fewer.

        It stands anywhere in its queue, and `order.remaining` is still what it was before.
        """
        level = self._levels[order.price * self._sign]
        if quantity == order.remaining:
            del level.orders[order.id]
            self.resting -= 1
        level.size -= quantity
        self.depth -= quantity
        if not level.orders:
            self._close(level)
        if self.view is not None:
            self.view.touched.add(order)

    def _open(self, price: int) -> PriceLevel:
        rank = price * self._sign
        level = self._levels[rank] = PriceLevel(price, rank)
        self._ranks.add(rank)
        if self.best is None or rank > self.best.rank:
            self.best = level
        return level

    def _close(self, level: PriceLevel) -> None:
        del self._levels[level.rank]
        self._ranks.remove(level.rank)
        if level is self.best:
            self.best = self._levels[self._ranks[-1]] if self._ranks else None
