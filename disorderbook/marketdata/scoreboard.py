"""The scoreboard: what stocks count for, how accounts stand at a venue and stood before, and the
venues whose scores are frozen.

While a venue is frozen, everybody but the admin sees its scores as they were at that moment, on
every route of scores. A frozen venue is a copy of its books without their orders, each settled at
the mark of that moment, so scores are made of it as of any other. Trading goes on meanwhile.

The exchange's lock must be held in every function.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from disorderbook.engine.book import OrderBook
from disorderbook.errors import BelongsToLevel, IllegalValue
from disorderbook.exchange import Exchange
from disorderbook.ledger.base import Ledger, StoredScores
from disorderbook.marketdata.frozen_scores import FrozenVenue, frozen, restored, settlements
from disorderbook.marketdata.history import History
from disorderbook.marketdata.mark import Mark, Marks
from disorderbook.marketdata.nav_series import NavRecorder, NavSeries
from disorderbook.marketdata.ranking import Rankings
from disorderbook.protocol.names import detail_of

MOST_FROZEN = 20_000  # positions of a venue, which are copied at once, in about 50 ms


class VenueStanding(NamedTuple):
    """How a venue stands for somebody who asks at `now`, nanoseconds since 1970: live, or as it was
    when it was frozen.
    """

    books: Sequence[OrderBook]
    rankings: Rankings
    series: NavSeries
    now: int
    settled: Mapping[str, int]  # cents a share of the stocks that are settled
    mark: Mark  # what the others count at
    frozen_at: int | None = None
    symbol: str | None = None  # the stock that alone counts

    def of_stock(self, live: OrderBook) -> "VenueStanding":
        """How it stands in one stock alone. There is nothing over time but for the whole venue, so
        the series is empty where there are others.
        """
        series = self.series if len(self.books) == 1 else NavSeries()
        books = [self.book(live)]
        settled = {live.symbol: self.settled[live.symbol]} if live.symbol in self.settled else {}
        return self._replace(books=books, series=series, settled=settled, symbol=live.symbol)

    def book(self, live: OrderBook) -> OrderBook:
        """A book as it stands here; one without a trade if it was opened since."""
        if self.frozen_at is None:
            return live
        for book in self.books:
            if book.symbol == live.symbol:
                return book
        return OrderBook(live.venue, live.symbol, live.opened_at)


class Scoreboard:
    """That of an exchange whose every trade `history` is told."""

    def __init__(
        self,
        exchange: Exchange,
        history: History,
        mark: Mark = Mark.LAST,
        ledger: Ledger = Ledger(),
    ) -> None:
        self.marks = Marks(exchange, history, mark)
        self.recorder = NavRecorder(exchange, self.marks.of, mark is Mark.MID, ledger)
        self._ledger = ledger
        history.tell_traded = self.recorder.note
        self._exchange = exchange
        self.rankings = Rankings(self.marks.of)
        self._frozen: dict[str, FrozenVenue] = {}
        self._frozen_rankings: dict[str, Rankings] = {}

    def mark(self, book: OrderBook) -> int | None:
        """Cents that a share counts for now; None where there is no price yet."""
        return self.marks.of(book)

    def note(self, venue: str) -> None:
        """Something has changed there what accounts are worth, and was no trade: a settlement."""
        self.recorder.note(venue)

    def freeze(self, venue: str) -> None:
        """Show the scores of a venue as they are now until `reveal`; nothing happens if it is
        frozen. Raises NoSuchVenue, VenueClosed, BelongsToLevel, IllegalValue for one with more than
        MOST_FROZEN positions, and CannotWrite; then nothing has changed.
        """
        books = list(self._exchange.books(venue))
        if self._exchange.is_reserved(venue):
            raise BelongsToLevel(detail_of("venue", venue, "a venue that is no level's"))
        if venue in self._frozen:
            return
        positions = sum(len(book.position_list) for book in books)
        if positions > MOST_FROZEN:
            allowed = f"one with at most {MOST_FROZEN} positions, and it has {positions}"
            raise IllegalValue(detail_of("venue", venue, allowed))
        now, series = self._exchange.read_clock(), self.recorder.series(venue)
        found = frozen(now, books, series, self.marks.of, self.marks.kind_at(venue))
        if self._ledger.keeps_states:
            self._ledger.record_freeze(venue, found.stored(venue))
        self._frozen[venue] = found

    def reveal(self, venue: str) -> None:
        """Show the scores of a venue as they are again; nothing happens if it is not frozen. Raises
        CannotWrite; then nothing has changed.
        """
        if venue in self._frozen:
            self._ledger.record_freeze(venue, None)
        self._forget(venue)

    def _forget(self, venue: str) -> None:
        self._frozen.pop(venue, None)
        self._frozen_rankings.pop(venue, None)

    def frozen(self) -> list[str]:
        """The venues that are frozen, the longest first."""
        return list(self._frozen)

    def standing(self, venue: str, is_admin: bool) -> VenueStanding:
        """How a venue stands, live for the admin. Raises NoSuchVenue, VenueClosed."""
        books, now = list(self._exchange.books(venue)), self._exchange.read_clock()
        found = None if is_admin else self._frozen.get(venue)
        if found is not None:
            rankings = self._frozen_rankings.setdefault(venue, Rankings(_settled_price))
            ts, copies, series, settled, mark = found
            return VenueStanding(copies, rankings, series, ts, settled, mark, ts)
        rankings = self.rankings
        if self._exchange.is_reserved(venue):
            rankings = Rankings()  # a level's market is small, and goes
        series, mark = self.recorder.series(venue), self.marks.kind_at(venue)
        return VenueStanding(books, rankings, series, now, settlements(books), mark)

    def restore(self, stored: StoredScores) -> None:
        """Have what a ledger holds, and nothing else: at a start, and after a rollback. Raises
        ValueError for what makes no sense.
        """
        self.reset(None)
        self.recorder.restore(stored)
        self._frozen = {freeze.venue: restored(freeze) for freeze in stored.freezes}

    # ---- what `control.control` does

    name = "scoreboard"

    def reset(self, book: OrderBook | None) -> None:
        """Have no venue frozen, or not that of a new book."""
        if book is not None:
            self._forget(book.venue)  # the ledger has, too
            return
        self._frozen, self._frozen_rankings = {}, {}

    def save(self) -> object:
        """What `load` goes on from."""
        return self._frozen

    def load(self, state: Any) -> None:
        """Go on from there."""
        self.reset(None)
        self._frozen = state


def _settled_price(book: OrderBook) -> int | None:
    return book.settled
