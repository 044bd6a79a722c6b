"""Net asset values over time, of the accounts of a venue, and what records them.

The recorder is a source of the exchange's timeline: it acts by the exchange's clock, so the same
market has the same values over time whatever else the machine does. A trade in a new second has its
venue sampled at the next multiple of SAMPLE_STEP, and again until nothing has traded between two
looks, so a market that stands still costs nothing. Nobody's order waits for a sample: one is made
in steps of VALUES_AT_ONCE, each in a turn of the lock of its own.

The rule: whatever is traded, a venue has at most MOST_POINTS samples of MOST_ACCOUNTS accounts (the
first that traded there), and those of the last CHANGE_SECONDS; when there are more, every other one
goes, and from then on half as many are kept. All venues together have MOST_RECORDED accounts.

Each sample goes to the ledger. Those of the last CHANGE_SECONDS are in memory only, so for so long
after a start a change is over CHANGE_SECONDS give or take half a step of the points.

The exchange's lock must be held in every function.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from disorderbook.engine.book import OrderBook
from disorderbook.errors import NotFound
from disorderbook.exchange import Exchange
from disorderbook.ledger.base import (
    Ledger,
    SampleChanges,
    StoredSample,
    StoredScorer,
    StoredScores,
)
from disorderbook.protocol.names import NANOSECONDS, to_json

SAMPLE_STEP = 2 * NANOSECONDS
MOST_POINTS = 240  # of a venue
MOST_ACCOUNTS = 1000  # of a venue
MOST_RECORDED = 5000  # accounts of all venues together
CHANGE_SECONDS = 60  # that a change is told over
VALUES_AT_ONCE = 2500  # positions that are looked up in a step, in about a millisecond


class Sample(NamedTuple):
    """What accounts were worth at `ts`, nanoseconds since 1970: cents, by the accounts' numbers.
    Those who came later have none, and None stands for one that had not traded yet.
    """

    ts: int
    navs: Sequence[int | None]

    def nav(self, number: int) -> int | None:
        """That of an account."""
        return self.navs[number] if number < len(self.navs) else None


class NavSeries:
    """The samples of a venue, oldest first; one every `step` nanoseconds at most."""

    def __init__(self) -> None:
        self.step = SAMPLE_STEP
        self.numbers: dict[str, int] = {}  # of the accounts, as samples have them
        self.seen: dict[str, int] = {}  # positions, by stock, whose accounts have numbers
        self._points: dict[int, Sample] = {}  # by the multiple of the step that they are for
        self._latest: deque[Sample] = deque()  # of the last CHANGE_SECONDS, and the one before
        self._changed: dict[int, Sample] = {}  # points that were not stored yet
        self._is_anew = False  # whether the others that are stored are none any more
        self._stored = 0  # accounts

    def copy(self) -> "NavSeries":
        """What is so now; the other one goes on."""
        copy = NavSeries()
        copy.step, copy.numbers = self.step, dict(self.numbers)
        copy._points, copy._latest = dict(self._points), self._latest.copy()
        return copy

    @property
    def points(self) -> list[Sample]:
        """At most MOST_POINTS, oldest first."""
        return list(self._points.values())

    def add(self, sample: Sample) -> None:
        """Add what is later than all others. After a time without samples, in which nothing has
        changed, the end of it has a point as well.
        """
        last = self._last()
        if last is not None and sample.ts - last.ts > 2 * self.step:
            self._put(last._replace(ts=sample.ts - self.step))
        self._put(sample)
        while len(self._points) > MOST_POINTS:
            self.step *= 2
            self._changed, self._is_anew = {}, True
            points, self._points = self._points, {}
            for each in points.values():
                self._put(each)
        self._latest.append(sample)
        since = sample.ts - CHANGE_SECONDS * NANOSECONDS
        while len(self._latest) > 1 and self._latest[1].ts <= since:
            self._latest.popleft()

    def latest_navs(self) -> Sequence[int | None]:
        """Those of the last sample; none before the first one."""
        last = self._last()
        return () if last is None else last.navs

    def before(self, now: int) -> Sample | None:
        """The newest sample that is CHANGE_SECONDS old; where there is none, as after a start, the
        point that comes nearest to that, which is the oldest of a series that is younger.
        """
        then = now - CHANGE_SECONDS * NANOSECONDS
        older = [sample for sample in self._latest if sample.ts <= then]
        if older:
            return older[-1]
        return min(self._points.values(), key=lambda point: abs(point.ts - then), default=None)

    def take_changes(self, venue: str) -> SampleChanges:
        """What is to be stored of this series of a venue, and was not taken before."""
        accounts = enumerate(islice(self.numbers, self._stored, None), self._stored)
        changes = SampleChanges(
            venue,
            [StoredScorer(venue, number, account) for number, account in accounts],
            [self._stored_sample(venue, slot, each) for slot, each in self._changed.items()],
            self._is_anew,
        )
        self._changed, self._is_anew, self._stored = {}, False, len(self.numbers)
        return changes

    def restore(self, accounts: Iterable[str], samples: Iterable[StoredSample]) -> None:
        """Go on from what was stored, which is not empty."""
        self.numbers = {account: number for number, account in enumerate(accounts)}
        for each in samples:
            self.step = each.step * NANOSECONDS
            self._put(Sample(each.ts, msgspec.json.decode(each.navs, type=list[int | None])))
        self._changed, self._stored = {}, len(self.numbers)

    def _last(self) -> Sample | None:
        return self._latest[-1] if self._latest else next(reversed(self._points.values()), None)

    def _stored_sample(self, venue: str, slot: int, sample: Sample) -> StoredSample:
        step, at, navs = self.step // NANOSECONDS, slot // NANOSECONDS, to_json(sample.navs)
        return StoredSample(venue, step, at, sample.ts, navs.decode())

    def _put(self, sample: Sample) -> None:
        slot = -(-sample.ts // self.step) * self.step
        self._points.pop(slot, None)  # so that the newest stands last
        self._points[slot] = self._changed[slot] = sample


class NavRecorder:
    """Samples the venues of an exchange, where `price` says what a share counts for; a source of
    its timeline. Levels' venues are not sampled. With `is_restless` prices change without trades:
    then a venue is sampled from its first trade on without an end. `wake` is called when something
    is due earlier than was known.
    """

    def __init__(
        self,
        exchange: Exchange,
        price: Callable[[OrderBook], int | None],
        is_restless: bool = False,
        ledger: Ledger = Ledger(),
    ) -> None:
        self._ledger = ledger
        self.wake: Callable[[], object] = lambda: None
        self._exchange, self._price, self._is_restless = exchange, price, is_restless
        self._series: dict[str, NavSeries] = {}
        self._due: dict[str, int] = {}
        self._looked: dict[str, int] = {}  # what had happened at a venue at the last sample
        self._steps: Iterator[None] | None = None  # of the sample under way

    name = "net asset values over time"

    def series(self, venue: str) -> NavSeries:
        """That of a venue; an empty one if nothing has traded there."""
        return self._series.get(venue) or NavSeries()

    def note(self, venue: str) -> None:
        """What accounts are worth at a venue has changed, or a trade will: sample it soon."""
        if self._exchange.is_reserved(venue):
            return
        self._looked.pop(venue, None)
        if venue not in self._due:
            self._due[venue] = _next_step(self._exchange.latest)  # a look at the clock would count
            self.wake()

    def note_all(self) -> None:
        """Sample every venue soon where somebody has traded: what was traded, or settled, right
        before the end of an exchange has no sample yet.
        """
        for venue in self._exchange.venues():
            if any(book.position_list for book in self._exchange.books(venue)):
                self.note(venue)

    def restore(self, stored: StoredScores) -> None:
        """Have what a ledger holds, and nothing else; raises ValueError for what makes no sense."""
        self.reset(None)
        accounts: dict[str, list[str]] = defaultdict(list)
        samples: dict[str, list[StoredSample]] = defaultdict(list)
        for scorer in stored.scorers:
            if scorer.number != len(accounts[scorer.venue]):
                raise ValueError(f"scorer {scorer.number} of {scorer.venue} is not the next")
            accounts[scorer.venue].append(scorer.account)
        for sample in stored.samples:
            if sample.step < 1:
                raise ValueError(f"a sample of {sample.venue} has no step")
            samples[sample.venue].append(sample)
        for venue, of_venue in samples.items():
            self._series[venue] = NavSeries()
            self._series[venue].restore(accounts[venue], of_venue)

    # ---- a source of the timeline

    @property
    def next_at(self) -> int | None:
        """When a venue is due, nanoseconds since 1970."""
        return min(self._due.values()) if self._due else None

    def act(self) -> None:
        """Make a step of the sample that is due first."""
        if self._steps is None:
            venue = min(self._due, key=self._due.__getitem__)
            self._steps = self._sample(venue)
        if next(self._steps, self) is self:
            self._steps = None

    def finish(self) -> None:
        """Make every sample that is due at some time now, at once: the exchange ends."""
        self._steps = None
        for venue in list(self._due):
            for _ in self._sample(venue):
                pass
        self._due.clear()

    # ---- what `control.control` does

    def reset(self, book: OrderBook | None) -> None:
        """Know nothing of any venue, or of that of a book, whose other books go on: what was there
        before cannot be told apart.
        """
        self._steps = None
        for state in (self._series, self._due, self._looked):
            if book is None:
                state.clear()
            else:
                state.pop(book.venue, None)

    def save(self) -> object:
        """What `load` goes on from; a sample under way is made anew."""
        return self._series, self._due, self._looked

    def load(self, state: Any) -> None:
        """Go on from there."""
        self._steps = None
        self._series, self._due, self._looked = state

    def _sample(self, venue: str) -> Iterator[None]:
        """A look at a venue, in steps; a sample if something has happened since the last one."""
        books = self._books(venue)
        happened = sum(b.event_count if self._is_restless else b.execution_count for b in books)
        if books and happened != self._looked.get(venue):
            series = self._series.setdefault(venue, NavSeries())
            yield from self._number_accounts(series, books)
            navs = yield from self._values(series, books)
            self._looked[venue] = happened  # not before: a sample under way may be dropped
            if navs != series.latest_navs():
                series.add(Sample(self._exchange.read_clock(), navs))
                self._ledger.record_samples(series.take_changes(venue))
        elif not self._is_restless or not books:
            del self._due[venue]
            return
        self._due[venue] = _next_step(self._exchange.read_clock())

    def _number_accounts(self, series: NavSeries, books: Sequence[OrderBook]) -> Iterator[None]:
        """Number those that have traded since the last sample."""
        others = sum(len(each.numbers) for each in self._series.values() if each is not series)
        most = min(MOST_ACCOUNTS, MOST_RECORDED - others)
        for book in books:
            seen = series.seen.get(book.symbol, 0)
            while seen < len(book.position_list) and len(series.numbers) < most:
                for position in book.position_list[seen : seen + VALUES_AT_ONCE]:
                    if len(series.numbers) == most:
                        return
                    series.numbers.setdefault(position.account, len(series.numbers))
                    seen += 1
                series.seen[book.symbol] = seen
                if seen % VALUES_AT_ONCE == 0:
                    yield

    def _values(
        self, series: NavSeries, books: Sequence[OrderBook]
    ) -> Generator[None, None, list[int | None]]:
        """What each account is worth now; None before its first trade."""
        navs: list[int | None] = []
        priced = [(book.positions, self._price(book) or 0) for book in books]
        looked_at = 0
        for account in list(series.numbers):
            nav, has_traded = 0, False
            for positions, price in priced:
                position = positions.get(account)
                if position is not None:  # a call for each would take twice as long
                    nav += position.cash + position.shares * price
                    has_traded = True
            navs.append(nav if has_traded else None)
            looked_at += len(priced)
            if looked_at >= VALUES_AT_ONCE:
                looked_at = 0
                yield
        return navs

    def _books(self, venue: str) -> list[OrderBook]:
        try:
            return list(self._exchange.books(venue))
        except NotFound:  # it was closed since
            return []


def _next_step(ts: int) -> int:
    """The multiple of SAMPLE_STEP that comes after a time."""
    return ts - ts % SAMPLE_STEP + SAMPLE_STEP
