"""The scores of a venue: who made how much in all its stocks together, or in one of them, now and
over time.

Where holdings are hidden, an account's net asset value is told in whole dollars, and the rest to
its owner and to the admin. Values have no bound: a few trades at the highest price make more cents
than a double holds exactly, and they are JSON numbers all the same.

Both answers are made in steps, during each of which the exchange's lock must be held. Times are
nanoseconds since 1970 here, and time stamps in the answers.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from disorderbook.accounts import Accounts
from disorderbook.marketdata.nav_series import (
    CHANGE_SECONDS,
    MOST_ACCOUNTS,
    MOST_POINTS,
    Sample,
)
from disorderbook.marketdata.ranking import Total, VenueRanking
from disorderbook.marketdata.scoreboard import VenueStanding
from disorderbook.marketdata.scores import (
    OWNER_ONLY,
    SCORES_AT_ONCE,
    Viewer,
    everybody,
    whole_dollars,
)
from disorderbook.protocol.fields import Account, Ok, Price, Symbol, Timestamp, Venue
from disorderbook.protocol.names import NANOSECONDS, timestamp, to_json
from disorderbook.protocol.route import Steps, list_in_steps, with_commas

MOST_VENUE_SCORES = 1000  # accounts in an answer
CURVES_AT_ONCE = 10  # accounts whose values over time a step tells

FrozenAt = (
    Annotated[
        Timestamp,
        Meta(
            description="Since when the scores are frozen, which is the moment that they are told "
            "of; absent where they are not, and for the admin."
        ),
    ]
    | UnsetType
)


class MarkedStockMessage(msgspec.Struct, gc=False, kw_only=True):
    """A stock, and what it counts for."""

    symbol: Symbol
    price: (
        Annotated[
            Price,
            Meta(description="Cents that a share counts for; absent where there is no price."),
        ]
        | UnsetType
    ) = UNSET
    settled: (
        Annotated[
            Price, Meta(description="Cents a share at which it was settled; absent if it was not.")
        ]
        | UnsetType
    ) = UNSET


class VenueScoreMessage(msgspec.Struct, gc=False, kw_only=True):
    """What an account has made at a venue."""

    account: Account
    nav: Annotated[
        int,
        Meta(
            description="Net asset value in cents: cash, plus shares at what they count for. Where "
            "the server needs keys it is in whole dollars, rounded down, but for the account's "
            "owner."
        ),
    ]
    change: (
        Annotated[
            int,
            Meta(
                description=f"`nav` less that of {CHANGE_SECONDS} seconds ago, or of the first "
                "sample if that is younger; in cents. Absent where no samples are taken: of an "
                f"account beyond the first {MOST_ACCOUNTS} of the venue, and of one stock of "
                "several."
            ),
        ]
        | UnsetType
    ) = UNSET
    trades: Annotated[int, Meta(description="Trades that the account took part in.", ge=0)]
    cash: (
        Annotated[int, Meta(description=f"Cents, from zero before the first trade. {OWNER_ONLY}")]
        | UnsetType
    ) = UNSET
    shares: (
        Annotated[int, Meta(description=f"Shares held now, of all stocks. {OWNER_ONLY}")]
        | UnsetType
    ) = UNSET


class VenueScoresMessage(msgspec.Struct, gc=False, kw_only=True):
    """What every account that has traded at a venue has made there. Where keys are needed, accounts
    that have none are not among them.
    """

    ok: Ok
    venue: Venue
    mark: Annotated[
        Literal["last", "mid", "band"],
        Meta(
            description="What a share counts for: the price of the last trade; the middle of the "
            "best bid and ask (the last trade where one of them is missing; half a cent is rounded "
            "down); or the last trade within the band of the stock's rules. A settled stock counts "
            "at its price."
        ),
    ]
    stocks: Annotated[list[MarkedStockMessage], Meta(description="Those that count, oldest first.")]
    startTime: Annotated[Timestamp, Meta(description="When the first of them was opened.")]
    currentTime: Annotated[Timestamp, Meta(description="When these were the scores.")]
    frozenAt: FrozenAt = UNSET
    accounts: Annotated[int, Meta(description="How many accounts there are.", ge=0)]
    scores: Annotated[
        list[VenueScoreMessage],
        Meta(description="The highest net asset value first.", max_length=MOST_VENUE_SCORES),
    ]


class AccountCurveMessage(msgspec.Struct, gc=False):
    """What an account was worth at some times."""

    account: Account
    nav: Annotated[
        list[int | None],
        Meta(
            description="Net asset value at each of `times`, in cents or whole dollars as in the "
            "scores; null before its first trade, and beyond the first "
            f"{MOST_ACCOUNTS} accounts of the venue.",
            max_length=MOST_POINTS,
        ),
    ]


class VenueCurvesMessage(msgspec.Struct, gc=False, kw_only=True):
    """What the accounts of a venue were worth over time."""

    ok: Ok
    venue: Venue
    step: Annotated[
        int, Meta(description="Seconds from one time to the next at least, but for the last.", ge=1)
    ]
    frozenAt: FrozenAt = UNSET
    times: Annotated[
        list[Timestamp],
        Meta(
            description="Oldest first. A time in which nothing has changed has none.",
            max_length=MOST_POINTS,
        ),
    ]
    scores: Annotated[
        list[AccountCurveMessage],
        Meta(description="In the order of the scores.", max_length=MOST_VENUE_SCORES),
    ]


def venue_scores_message(
    standing: VenueStanding, viewer: Viewer, accounts: Accounts, most: int
) -> Steps:
    """The best accounts of a venue, at most `most`, as JSON."""
    ranking = yield from _ranking(standing, accounts)
    books = standing.books
    message = VenueScoresMessage(
        ok=True,
        venue=books[0].venue,
        mark=standing.mark.value,
        stocks=[_stock(book.symbol, ranking, standing) for book in books],
        startTime=timestamp(min(book.opened_at for book in books)),
        currentTime=timestamp(ranking.ts),
        frozenAt=_frozen_at(standing),
        accounts=ranking.count,
        scores=[],
    )
    changes = NavChanges(standing, ranking.ts)
    rows = (_score(total, viewer, changes) for total in _shown(ranking, viewer, most))
    at_once = max(1, SCORES_AT_ONCE // len(books))
    return (yield from list_in_steps(to_json(message), with_commas(map(to_json, rows)), at_once))


def over_time_message(
    standing: VenueStanding, viewer: Viewer, accounts: Accounts, most: int
) -> Steps:
    """What the best accounts of a venue, at most `most`, were worth over time, as JSON."""
    ranking = yield from _ranking(standing, accounts)
    series, points = standing.series, standing.series.points
    message = VenueCurvesMessage(
        ok=True,
        venue=standing.books[0].venue,
        step=series.step // NANOSECONDS,
        frozenAt=_frozen_at(standing),
        times=[timestamp(point.ts) for point in points],
        scores=[],
    )
    numbers = dict(series.numbers)
    rows = (
        AccountCurveMessage(
            total.account, _curve(points, numbers.get(total.account), viewer.may_see(total.account))
        )
        for total in _shown(ranking, viewer, most)
    )
    json = with_commas(map(to_json, rows))
    return (yield from list_in_steps(to_json(message), json, CURVES_AT_ONCE))


class NavChanges:
    """What accounts were worth CHANGE_SECONDS before a time."""

    def __init__(self, standing: VenueStanding, now: int) -> None:
        self._numbers = standing.series.numbers
        self._before = standing.series.before(now)

    def since_then(self, account: str, nav: int, is_exact: bool) -> int | UnsetType:
        """How much more `nav` is, in cents; in whole dollars unless `is_exact`."""
        if self._before is None or account not in self._numbers:
            return UNSET
        before = self._before.nav(self._numbers[account]) or 0
        return nav - before if is_exact else whole_dollars(nav) - whole_dollars(before)


def listed_at(venue: str, accounts: Accounts) -> Callable[[str], bool]:
    """Which accounts are listed at a venue: where keys are needed those that have one now, at a
    level's venue all.
    """
    return everybody if venue in accounts.private else accounts.is_listed


def _ranking(standing: VenueStanding, accounts: Accounts) -> Generator[bytes, None, VenueRanking]:
    venue = standing.books[0].venue
    listed = listed_at(venue, accounts)
    return (
        yield from standing.rankings.venue_ranking(
            venue, standing.symbol, standing.books, standing.now, listed, accounts.version
        )
    )


def _frozen_at(standing: VenueStanding) -> str | UnsetType:
    return UNSET if standing.frozen_at is None else timestamp(standing.frozen_at)


def _stock(symbol: str, ranking: VenueRanking, standing: VenueStanding) -> MarkedStockMessage:
    price, settled = ranking.prices[symbol], standing.settled.get(symbol)
    return MarkedStockMessage(
        symbol=symbol,
        price=UNSET if price is None else price,
        settled=UNSET if settled is None else settled,
    )


def _shown(ranking: VenueRanking, viewer: Viewer, most: int) -> Iterator[Total]:
    if viewer.alone:
        return (total for total in ranking.totals() if total.account == viewer.owner)
    return ranking.totals(most)


def _score(total: Total, viewer: Viewer, changes: NavChanges) -> VenueScoreMessage:
    is_exact = viewer.may_see(total.account)
    score = VenueScoreMessage(
        account=total.account,
        nav=total.nav if is_exact else whole_dollars(total.nav),
        change=changes.since_then(total.account, total.nav, is_exact),
        trades=total.trades,
    )
    if is_exact:
        score.cash, score.shares = total.cash, total.shares
    return score


def _curve(points: Sequence[Sample], number: int | None, is_exact: bool) -> list[int | None]:
    """The values of an account at each point."""
    if number is None:
        return [None] * len(points)
    navs = [point.nav(number) for point in points]
    return navs if is_exact else [None if n is None else whole_dollars(n) for n in navs]
