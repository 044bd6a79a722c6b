"""The order of accounts by net asset value, in one book or over the books of a venue, kept for all
who ask, and made in steps.

A trade moves the price, and with it the value of every account that has shares: no order can be
kept up with each trade. A ranking is made at one price of each stock, with cash and shares of each
account as of the moment of its step. AT_ONCE accounts at a time are sorted by themselves, and then
some of these runs at a time are merged, AT_ONCE accounts in a step again.

The rule: everybody who asks between two trades has the same ranking, and a ranking of more than
AT_ONCE positions is used for so long that no more than RANKED_PER_SECOND are ranked, however many
trade and ask. Whoever is first makes it in the steps of his answer. Who comes meanwhile goes on
where the last step ended, so it does not matter who leaves.
"""

from abc import ABC, abstractmethod
from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from disorderbook.engine.book import OrderBook
from disorderbook.engine.positions import Position
from disorderbook.marketdata.mark import last_price
from disorderbook.protocol.names import NANOSECONDS

AT_ONCE = 1000  # accounts that a step sorts or merges, in about a millisecond
MERGED = 8  # runs that become one
RANKED_PER_SECOND = 20_000  # positions, in a twentieth of that second

Place = tuple[int, int]  # net asset value in cents, turned negative, and number of an account
Price = Callable[[OrderBook], int | None]  # what a share counts for, in cents


class SortedAccounts(ABC):
    """Accounts, by number, that are brought into the order of their values. All that was traded
    until `ts`, nanoseconds since 1970, counts, and what came later for those that were looked at
    later.
    """

    __slots__ = ("ts", "count", "is_whole", "_worst_first", "_steps")

    def __init__(self, ts: int, count: int) -> None:
        self.ts = ts
        self.count = count  # of the accounts; of several books it is known once all were looked at
        self.is_whole = False  # whether all accounts are ranked
        self._worst_first = array("I")  # their numbers
        self._steps = self._rank()

    @property
    @abstractmethod
    def work(self) -> int:
        """How many positions have to be looked at for it."""

    def is_recent(self, now: int) -> bool:
        """Whether it was made so lately that no other one is made yet."""
        if self.work <= AT_ONCE:
            return False
        return (now - self.ts) * RANKED_PER_SECOND < self.work * NANOSECONDS

    def go_on(self) -> None:
        """Make a step, unless it is whole."""
        next(self._steps, None)

    def numbers(self, most: int | None = None) -> Iterator[int]:
        """Those of the best accounts, or of all."""
        return islice(reversed(self._worst_first), most)

    def _gather(self) -> Iterator[None]:
        """What must be done before the values are known, in steps."""
        return iter(())

    @abstractmethod
    def _values(self, start: int, end: int) -> Iterator[int]:
        """Net asset values, in cents, of the accounts with these numbers."""

    def _rank(self) -> Iterator[None]:
        """Rank all accounts, a step at each `next`. Also dropping so many tuples takes time."""
        yield from self._gather()
        runs: deque[list[Place]] = deque()
        for start in range(0, self.count, AT_ONCE):
            values = enumerate(self._values(start, min(start + AT_ONCE, self.count)), start)
            runs.append(sorted((-value, number) for number, value in values))
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
            if runs[0]:
                yield
        self.is_whole = True


class Ranking(SortedAccounts):
    """The accounts that had traded in a book when its ranking was begun; `price` is what a share
    counts for, in cents.
    """

    __slots__ = ("book", "price", "_executions")

    def __init__(self, book: OrderBook, ts: int, price: int | None) -> None:
        self.book = book
        self.price = price
        self._executions = book.execution_count
        super().__init__(ts, len(book.position_list))

    @property
    def work(self) -> int:
        return self.count

    def is_good_for(self, book: OrderBook, now: int, price: int | None) -> bool:
        """Whether it may be shown to whoever asks now."""
        if self.book is not book:  # there was a rollback
            return False
        if (self._executions, self.price) == (book.execution_count, price):
            self.ts = now
            return True
        return self.is_recent(now)

    def positions(self, most: int | None = None) -> Iterator[Position]:
        """The positions of the best accounts, or of all, as they are at each `next`."""
        listed = self.book.position_list
        return (listed[number] for number in self.numbers(most))

    def _values(self, start: int, end: int) -> Iterator[int]:
        price, positions = self.price or 0, self.book.position_list
        return (positions[n].net_asset_value(price) for n in range(start, end))


class Total:
    """What an account has in several books together."""

    __slots__ = ("account", "nav", "cash", "shares", "trades")

    def __init__(self, account: str) -> None:
        self.account = account
        self.nav = self.cash = 0  # cents
        self.shares = self.trades = 0

    def add(self, position: Position, price: int) -> None:
        """Add what it has in one of them, where a share counts for `price` cents."""
        self.nav += position.net_asset_value(price)
        self.cash += position.cash
        self.shares += position.shares
        self.trades += position.trades


class VenueRanking(SortedAccounts):
    """The accounts that had traded in some books of a venue, or in one of them, and that are
    `listed`. `prices` are what shares count for, in cents, by stock.
    """

    __slots__ = (
        "books",
        "prices",
        "_listed",
        "_version",
        "_state",
        "_accounts",
        "_sums",
        "_totals",
    )

    def __init__(
        self,
        books: Sequence[OrderBook],
        ts: int,
        price: Price,
        listed: Callable[[str], bool],
        version: int = 0,
    ) -> None:
        self.books = tuple(books)
        self.prices = {book.symbol: price(book) for book in books}
        self._listed, self._version = listed, version
        self._state = self._state_of(books)
        self._accounts: list[str] = []
        self._sums: list[int] = []
        self._totals: dict[int, Total] = {}  # of the numbers that were asked for
        super().__init__(ts, 0)

    @property
    def work(self) -> int:
        return sum(len(book.position_list) for book in self.books)

    def is_good_for(self, books: Sequence[OrderBook], now: int, price: Price, version: int) -> bool:
        """Whether it may be shown to whoever asks now; another `version` means that others are
        listed.
        """
        if self.books != tuple(books) or self._version != version:
            return False
        if self.is_recent(now):
            return True
        prices = {book.symbol: price(book) for book in books}
        if (self._state, self.prices) == (self._state_of(books), prices):
            self.ts = now
            return True
        return False

    def totals(self, most: int | None = None) -> Iterator[Total]:
        """What the best accounts have, or all, as it was when somebody first asked for each."""
        return (self._totals.get(number) or self._total(number) for number in self.numbers(most))

    def _total(self, number: int) -> Total:
        account = self._accounts[number]
        total = self._totals[number] = Total(account)
        for book in self.books:
            position = book.positions.get(account)
            if position is not None:
                total.add(position, self.prices[book.symbol] or 0)
        return total

    @staticmethod
    def _state_of(books: Sequence[OrderBook]) -> list[int]:
        return [book.execution_count for book in books]

    def _gather(self) -> Iterator[None]:
        sums: dict[str, int] = {}
        looked_at = 0
        for book in self.books:
            price = self.prices[book.symbol] or 0
            for position in islice(book.position_list, len(book.position_list)):
                account = position.account
                if account in sums:
                    sums[account] += position.net_asset_value(price)
                elif self._listed(account):
                    sums[account] = position.net_asset_value(price)
                looked_at += 1
                if looked_at % AT_ONCE == 0:
                    yield
        self._accounts, self.count = list(sums), len(sums)
        self._sums = list(sums.values())

    def _values(self, start: int, end: int) -> Iterator[int]:
        return iter(self._sums[start:end])


R = TypeVar("R", bound=SortedAccounts)


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
    """The latest ranking of every book, and of every venue, that somebody has asked for. `price` is
    what a share counts for. The exchange's lock must be held.
    """

    def __init__(self, price: Price = last_price) -> None:
        self.price = price
        self._latest: dict[tuple[str, str], Ranking] = {}
        self._venues: dict[tuple[str, str | None], VenueRanking] = {}

    name = "rankings"

    def reset(self, book: OrderBook | None) -> None:
        """Forget those that a book is in, or all; who is being answered goes on with his."""
        if book is None:
            self._latest, self._venues = {}, {}
            return
        self._latest.pop((book.venue, book.symbol), None)
        for place in [place for place in self._venues if place[0] == book.venue]:
            del self._venues[place]

    def ranking(self, book: OrderBook, now: int) -> Generator[bytes, None, Ranking]:
        """The ranking of a book for somebody who asks now, made in steps: yields nothing after each
        but the last.
        """
        place, price = (book.venue, book.symbol), self.price(book)
        ranking = self._latest.get(place)
        if ranking is None or not ranking.is_good_for(book, now, price):
            ranking = self._latest[place] = Ranking(book, now, price)
        return (yield from _made(ranking))

    def venue_ranking(
        self,
        venue: str,
        symbol: str | None,
        books: Sequence[OrderBook],
        now: int,
        listed: Callable[[str], bool],
        version: int = 0,
    ) -> Generator[bytes, None, VenueRanking]:
        """The same over these books, which are all of the venue, or that of `symbol`. Another
        `version` means that other accounts are `listed`.
        """
        place = venue, symbol
        ranking = self._venues.get(place)
        if ranking is None or not ranking.is_good_for(books, now, self.price, version):
            ranking = VenueRanking(books, now, self.price, listed, version)
            self._venues[place] = ranking
        return (yield from _made(ranking))


def _made(ranking: R) -> Generator[bytes, None, R]:
    while not ranking.is_whole:
        ranking.go_on()
        if not ranking.is_whole:
            yield b""
    return ranking
