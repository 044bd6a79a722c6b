"""The order of a book's accounts by net asset value, kept for all who ask, and made in steps.

A trade moves the price, and with it the value of every account that has shares: no order can be
kept up with each trade. A ranking is made at one price, with cash and shares of each account as of
the moment of its step. AT_ONCE accounts at a time are sorted by themselves, and then some of these
runs at a time are merged, AT_ONCE accounts in a step again.

The rule: everybody who asks between two trades has the same ranking, and a ranking of more than
AT_ONCE accounts is used for so long that no more than RANKED_PER_SECOND are ranked, however many
trade and ask. Whoever is first makes it in the steps of his answer. Who comes meanwhile goes on
where the last step ended, so it does not matter who leaves.
"""

from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from itertools import islice

from disorderbook.engine.book import OrderBook
from disorderbook.engine.positions import Position
from disorderbook.protocol.names import NANOSECONDS

AT_ONCE = 1000  # accounts that a step sorts or merges, in about a millisecond
MERGED = 8  # runs that become one
RANKED_PER_SECOND = 20_000  # accounts of a book, in a twentieth of that second

Place = tuple[int, int]  # net asset value in cents, turned negative, and number of a position


class Ranking:
    """The accounts that had traded in a book when its ranking was begun. All that was traded until
    `ts`, nanoseconds since 1970, counts, and what came later for those that were ranked later.
    """

    __slots__ = ("book", "ts", "price", "count", "_executions", "_worst_first", "_steps")

    def __init__(self, book: OrderBook, ts: int) -> None:
        self.book = book
        self.ts = ts
        self.price = book.last_trade.price if book.last_trade else None  # cents a share
        self.count = len(book.position_list)
        self._executions = book.execution_count
        self._worst_first = array("I")  # numbers in the book's list of positions
        self._steps = self._rank()

    @property
    def is_whole(self) -> bool:
        """Whether all accounts are ranked."""
        return len(self._worst_first) == self.count

    def is_good_for(self, book: OrderBook, now: int) -> bool:
        """Whether it may be shown to whoever asks now."""
        if self.book is not book:  # there was a rollback
            return False
        if self._executions == book.execution_count:
            self.ts = now
            return True
        if self.count <= AT_ONCE:
            return False
        return (now - self.ts) * RANKED_PER_SECOND < self.count * NANOSECONDS

    def go_on(self) -> None:
        """Make a step, unless it is whole."""
        next(self._steps, None)

    def positions(self, most: int | None = None) -> Iterator[Position]:
        """The positions of the best accounts, or of all, as they are at each `next`."""
        listed = self.book.position_list
        return (listed[number] for number in islice(reversed(self._worst_first), most))

    def _rank(self) -> Iterator[None]:
        """Rank all accounts, a step at each `next`. Also dropping so many tuples takes time."""
        runs: deque[list[Place]] = deque()
        for start in range(0, self.count, AT_ONCE):
            runs.append(sorted(self._places(start, min(start + AT_ONCE, self.count))))
            if self.count > AT_ONCE:
                yield
        while len(runs) > 1:
            merged: list[Place] = []
            for block in merged_blocks([runs.popleft() for _ in range(min(MERGED, len(runs)))]):
                merged += block
                yield
            runs.append(merged)
        while runs and runs[0]:
            self._worst_first.extend(number for _, number in reversed(runs[0][-AT_ONCE:]))
            del runs[0][-AT_ONCE:]
            yield

    def _places(self, start: int, end: int) -> Iterator[Place]:
        price, positions = self.price or 0, self.book.position_list
        return ((-positions[n].net_asset_value(price), n) for n in range(start, end))


def merged_blocks(runs: Sequence[list[Place]]) -> Iterator[list[Place]]:
    """Sorted lists as one, in blocks of at most AT_ONCE. Sorting what comes next of each is many
    times as fast as taking place by place.
    """
    starts, size = [0] * len(runs), AT_ONCE // len(runs)
    while True:
        parts = [run[start : start + size] for run, start in zip(runs, starts, strict=True)]
        ends = [part[-1] for part in parts if part]
        if not ends:
            return
        last = min(ends)  # what is not above it is in these parts
        block: list[Place] = []
        for number, part in enumerate(parts):
            count = bisect_right(part, last)
            block += part[:count]
            starts[number] += count
        block.sort()
        yield block


class Rankings:
    """The latest ranking of every book that somebody has asked for. The exchange's lock must be
    held.
    """

    def __init__(self) -> None:
        self._latest: dict[tuple[str, str], Ranking] = {}

    name = "rankings"

    def reset(self, book: OrderBook | None) -> None:
        """Forget that of a book, or all; who is being answered goes on with his."""
        if book is None:
            self._latest = {}
        else:
            self._latest.pop((book.venue, book.symbol), None)

    def ranking(self, book: OrderBook, now: int) -> Generator[bytes, None, Ranking]:
        """The ranking for somebody who asks now, made in steps: yields nothing after each but the
        last.
        """
        place = book.venue, book.symbol
        ranking = self._latest.get(place)
        if ranking is None or not ranking.is_good_for(book, now):
            ranking = self._latest[place] = Ranking(book, now)
        while not ranking.is_whole:
            ranking.go_on()
            if not ranking.is_whole:
                yield b""
        return ranking
