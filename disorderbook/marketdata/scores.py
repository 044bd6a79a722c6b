"""The scores: who made how much in one book, as a page of text, as JSON or as CSV.

Where holdings are hidden, JSON and CSV show of an account the net asset value alone, and the rest
to its owner. The page shows everybody the fewest and the most shares too, since its columns are
those of the 2016 server. Somebody who reads the value at two prices can compute the holdings from
it; a leaderboard cannot do without the value. At a level's venue an account is shown to its player
alone.

All three are made in steps, during each of which the exchange's lock must be held. A row is as of
the moment of its step, but for the price and the order, which are the ranking's.
"""

from collections.abc import Callable, Iterator
from html import escape
from itertools import islice
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from disorderbook.engine.book import OrderBook
from disorderbook.engine.positions import Position
from disorderbook.marketdata.ranking import Ranking, Rankings
from disorderbook.protocol.fields import Account, Ok, Price, Symbol, Timestamp, Venue
from disorderbook.protocol.names import timestamp, to_json
from disorderbook.protocol.route import Steps, list_in_steps, rows_in_steps, with_commas
from disorderbook.protocol.spreadsheet import table_lines

CENTS = 100  # in a dollar
SCORES_AT_ONCE = 500  # accounts that a step shows, in at most 2 ms (CSV)
NO_BOOK = "<pre>No such venue/stock!</pre>"
NO_TRADES = "<pre>No trading activity yet.</pre>"

# The columns are those of the 2016 server, blanks at a line's end included: people parse them.
HEADING = f"{'Account':<15} {'USD':<11} {'Shares':<10} {'Pos.min':<10} {'Pos.max':<10} NAV"

COLUMNS = ["account", "nav"]
HOLDINGS = ["lowest", "highest", "cash", "shares"]


class Viewer(msgspec.Struct, frozen=True, gc=False):
    """Who asks: whether holdings are hidden, and whose are not (None: everybody's are). Where
    everybody is `alone`, only the account `owner` is shown, if there is one.
    """

    hide_holdings: bool
    owner: str | None = None
    alone: bool = False

    def may_see(self, account: str) -> bool:
        """Whether the holdings of an account are shown."""
        return not self.hide_holdings or account == self.owner


def everybody(account: str) -> bool:
    """Every account is listed."""
    return True


def scores_page(rankings: Rankings, book: OrderBook, now: int, viewer: Viewer) -> Steps:
    """The positions of a book, the highest net asset value first, in whole dollars rounded down.

    `now` is nanoseconds since 1970. Where holdings are hidden, cash and shares are, also from their
    owner.
    """
    if book.last_trade is None:
        return NO_TRADES.encode()
    ranking = yield from rankings.ranking(book, now)
    price, start = ranking.price or 0, timestamp(book.opened_at)
    head = (
        f"<pre>{escape(book.venue)} {escape(book.symbol)}\n"
        f"Current price: ${price / CENTS:.2f}\n\n"
        f"{HEADING}"
    )
    tail = f"\n\nStart time:    {start}\nCurrent time:  {timestamp(ranking.ts)}</pre>"
    shown = _shown(ranking, viewer)
    rows = (f"\n{_row(each, price, viewer.hide_holdings)}".encode() for each in shown)
    return (yield from rows_in_steps(rows, SCORES_AT_ONCE, head.encode(), tail.encode()))


OWNER_ONLY = "Where the server needs keys, absent for all but the account's owner."


class ScoreMessage(msgspec.Struct, gc=False):
    """What an account has made in one book."""

    account: Account
    nav: Annotated[
        int,
        Meta(
            description="Net asset value in cents: cash, plus shares at `price`. Where "
            "the server needs keys it is in whole dollars, rounded down, but for the account's "
            "owner."
        ),
    ]
    lowest: (
        Annotated[
            int,
            Meta(
                description="The fewest shares it has ever held; below zero after selling short. "
                f"{OWNER_ONLY}",
                le=0,
            ),
        ]
        | UnsetType
    ) = UNSET
    highest: (
        Annotated[int, Meta(description=f"The most shares it has ever held. {OWNER_ONLY}", ge=0)]
        | UnsetType
    ) = UNSET
    cash: (
        Annotated[int, Meta(description=f"Cents, from zero before the first trade. {OWNER_ONLY}")]
        | UnsetType
    ) = UNSET
    shares: Annotated[int, Meta(description=f"Shares held now. {OWNER_ONLY}")] | UnsetType = UNSET


class ScoresMessage(msgspec.Struct, gc=False, kw_only=True):
    """What every account that has traded has made in one book."""

    ok: Ok
    venue: Venue
    symbol: Symbol
    price: (
        Annotated[
            Price,
            Meta(
                description="Cents that a share counts for: the last trade's price, unless the "
                "server marks otherwise (`--mark`) or the stock is settled; absent where there is "
                "none."
            ),
        ]
        | UnsetType
    ) = UNSET
    startTime: Annotated[Timestamp, Meta(description="When the book was opened.")]
    currentTime: Annotated[Timestamp, Meta(description="When these were the scores.")]
    frozenAt: (
        Annotated[
            Timestamp,
            Meta(
                description="Since when the scores of the venue are frozen, which is the moment "
                "that they are told of; absent where they are not, and below /ob/api."
            ),
        ]
        | UnsetType
    ) = UNSET
    accounts: Annotated[int, Meta(description="How many accounts have traded.", ge=0)]
    scores: Annotated[
        list[ScoreMessage],
        Meta(
            description="The highest net asset value first; none until something has traded. Where "
            "the server needs keys, accounts that have none are only listed below /ob/api."
        ),
    ]


def scores_message(
    rankings: Rankings,
    book: OrderBook,
    now: int,
    viewer: Viewer,
    most: int | None = None,
    frozen_at: int | None = None,
    listed: Callable[[str], bool] = everybody,
) -> Steps:
    """The positions of a book as JSON, in cents, the highest net asset value first. There is no
    price until something has traded.

    `now` and `frozen_at` are nanoseconds since 1970. `most` limits the number of accounts; None
    shows all of them. Accounts that are not `listed` are left out, but counted.
    """
    ranking = yield from rankings.ranking(book, now)
    message = ScoresMessage(
        ok=True,
        venue=book.venue,
        symbol=book.symbol,
        price=UNSET if ranking.price is None else ranking.price,
        startTime=timestamp(book.opened_at),
        currentTime=timestamp(ranking.ts),
        frozenAt=UNSET if frozen_at is None else timestamp(frozen_at),
        accounts=ranking.count,
        scores=[],
    )
    rows = with_commas(map(to_json, _scores(ranking, viewer, listed, most)))
    return (yield from list_in_steps(to_json(message), rows, SCORES_AT_ONCE))


def scores_table(rankings: Rankings, book: OrderBook, now: int, viewer: Viewer) -> Steps:
    """The rows of `scores_message` as CSV (UTF-8), below the names of the columns.

    The columns of the holdings are absent where all holdings are hidden. Where those of the owner
    alone are shown, the cells of the others are empty.
    """
    ranking = yield from rankings.ranking(book, now)
    hides_all = viewer.hide_holdings and viewer.owner is None
    columns = COLUMNS if hides_all else COLUMNS + HOLDINGS
    rows = (
        [_cell(getattr(score, column)) for column in columns]
        for score in _scores(ranking, viewer, everybody)
    )
    lines = table_lines(columns, rows, quote_all_text=True)
    return (yield from rows_in_steps((line.encode() for line in lines), SCORES_AT_ONCE))


def _shown(ranking: Ranking, viewer: Viewer) -> Iterator[Position]:
    positions = ranking.positions()
    return (p for p in positions if p.account == viewer.owner) if viewer.alone else positions


def _scores(
    ranking: Ranking, viewer: Viewer, listed: Callable[[str], bool], most: int | None = None
) -> Iterator[ScoreMessage]:
    price = ranking.price or 0
    shown = (position for position in _shown(ranking, viewer) if listed(position.account))
    for position in islice(shown, most):
        yield _score(position, price, not viewer.may_see(position.account))


def _score(position: Position, price: int, hide_holdings: bool) -> ScoreMessage:
    nav = position.net_asset_value(price)
    if hide_holdings:
        # To the cent, two values at different prices would show how many shares there are.
        return ScoreMessage(position.account, whole_dollars(nav))
    return ScoreMessage(
        position.account, nav, position.lowest, position.highest, position.cash, position.shares
    )


def whole_dollars(cents: int) -> int:
    """An amount in cents, rounded down to a dollar."""
    return cents // CENTS * CENTS


def _cell(value: str | int | UnsetType) -> str | int | None:
    return None if isinstance(value, UnsetType) else value


def _row(position: Position, price: int, hide_holdings: bool) -> str:
    cash, shares = _in_dollars(position.cash), str(position.shares)
    if hide_holdings:
        cash = shares = "[hidden]"
    nav = _in_dollars(position.net_asset_value(price))
    return (
        f"{escape(f'{_on_one_line(position.account):<15}')} {cash:<11} {shares:<10} "
        f"{position.lowest:<10} {position.highest:<10} {nav:<13}"
    )


def _on_one_line(account: str) -> str:
    """A name without the characters that could forge lines of the page."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in account
    )


def _in_dollars(cents: int) -> str:
    return f"${cents // CENTS}"
