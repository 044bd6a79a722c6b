"""The scores: who made how much in one book, as a page of text, as JSON or as CSV.

Where holdings are hidden, JSON and CSV show of an account the net asset value alone, and the rest
to its owner. The page shows everybody the fewest and the most shares too, since its columns are
those of the 2016 server. Somebody who reads the value at two prices can compute the holdings from
it; a leaderboard cannot do without the value. The exchange's lock must be held for every function.
"""

import io
from html import escape
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from disorderbook.engine.book import OrderBook
from disorderbook.engine.positions import Position
from disorderbook.protocol.fields import Account, Ok, Price, Symbol, Timestamp, Venue
from disorderbook.protocol.names import to_json
from disorderbook.protocol.spreadsheet import write_table

CENTS = 100  # in a dollar
NO_BOOK = "<pre>No such venue/stock!</pre>"
NO_TRADES = "<pre>No trading activity yet.</pre>"

# The columns are those of the 2016 server, blanks at a line's end included: people parse them.
HEADING = f"{'Account':<15} {'USD':<11} {'Shares':<10} {'Pos.min':<10} {'Pos.max':<10} NAV"

COLUMNS = ["account", "nav"]
HOLDINGS = ["lowest", "highest", "cash", "shares"]


def scores_page(book: OrderBook, start: str, now: str, hide_holdings: bool) -> str:
    """The positions of a book, the highest net asset value first, in whole dollars rounded down.

    `start` and `now` are time stamps. `hide_holdings` hides cash and shares.
    """
    if book.last_trade is None:
        return NO_TRADES
    price = book.last_trade.price
    rows = "\n".join(_row(position, price, hide_holdings) for position in ranking(book))
    return (
        f"<pre>{escape(book.venue)} {escape(book.symbol)}\n"
        f"Current price: ${price / CENTS:.2f}\n\n"
        f"{HEADING}\n{rows}\n\n"
        f"Start time:    {start}\nCurrent time:  {now}</pre>"
    )


OWNER_ONLY = "Where the server needs keys, absent for all but the account's owner."


class ScoreMessage(msgspec.Struct, gc=False):
    """What an account has made in one book."""

    account: Account
    nav: Annotated[
        int,
        Meta(
            description="Net asset value in cents: cash, plus shares at the current price. Where "
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
                description="Cents a share paid in the last trade; absent until something has "
                "traded."
            ),
        ]
        | UnsetType
    ) = UNSET
    startTime: Annotated[Timestamp, Meta(description="When the book was opened.")]
    currentTime: Annotated[Timestamp, Meta(description="When these were the scores.")]
    accounts: Annotated[int, Meta(description="How many accounts have traded.", ge=0)]
    scores: Annotated[
        list[ScoreMessage],
        Meta(description="The highest net asset value first; none until something has traded."),
    ]


def scores_message(
    book: OrderBook,
    start: str,
    now: str,
    hide_holdings: bool,
    owner: str | None = None,
    most: int | None = None,
) -> bytes:
    """The positions of a book as JSON, in cents, the highest net asset value first. There is no
    price until something has traded.

    `hide_holdings` hides the holdings of all accounts but `owner`. `most` limits the number of
    accounts; None shows all of them. `start` and `now` are time stamps.
    """
    return to_json(
        ScoresMessage(
            ok=True,
            venue=book.venue,
            symbol=book.symbol,
            price=book.last_trade.price if book.last_trade else UNSET,
            startTime=start,
            currentTime=now,
            accounts=len(book.positions),
            scores=_scores(book, hide_holdings, owner, most),
        )
    )


def scores_table(book: OrderBook, hide_holdings: bool, owner: str | None = None) -> bytes:
    """The rows of `scores_message` as CSV (UTF-8), below the names of the columns.

    The columns of the holdings are absent where all holdings are hidden. Where those of `owner`
    alone are shown, the cells of the others are empty.
    """
    columns = COLUMNS if hide_holdings and owner is None else COLUMNS + HOLDINGS
    text = io.StringIO(newline="")
    rows = (
        [_cell(getattr(score, column)) for column in columns]
        for score in _scores(book, hide_holdings, owner)
    )
    write_table(text, columns, rows, quote_all_text=True)
    return text.getvalue().encode()


def ranking(book: OrderBook) -> list[Position]:
    """The positions of a book, the highest net asset value first."""
    price = book.last_trade.price if book.last_trade else 0
    return sorted(book.positions.values(), key=lambda p: p.net_asset_value(price), reverse=True)


def _scores(
    book: OrderBook, hide_holdings: bool, owner: str | None, most: int | None = None
) -> list[ScoreMessage]:
    price = book.last_trade.price if book.last_trade else 0
    return [
        _score(position, price, hide_holdings and position.account != owner)
        for position in ranking(book)[:most]
    ]


def _score(position: Position, price: int, hide_holdings: bool) -> ScoreMessage:
    nav = position.net_asset_value(price)
    if hide_holdings:
        # To the cent, two values at different prices would show how many shares there are.
        return ScoreMessage(position.account, nav // CENTS * CENTS)
    return ScoreMessage(
        position.account, nav, position.lowest, position.highest, position.cash, position.shares
    )


def _cell(value: str | int | UnsetType) -> str | int | None:
    return None if isinstance(value, UnsetType) else value


def _row(position: Position, price: int, hide_holdings: bool) -> str:
    cash, shares = _dollars(position.cash), str(position.shares)
    if hide_holdings:
        cash = shares = "[hidden]"
    nav = _dollars(position.net_asset_value(price))
    return (
        f"{escape(f'{_on_one_line(position.account):<15}')} {cash:<11} {shares:<10} "
        f"{position.lowest:<10} {position.highest:<10} {nav:<13}"
    )


def _on_one_line(account: str) -> str:
    """A name without the characters that could forge lines of the page."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in account
    )


def _dollars(cents: int) -> str:
    return f"${cents // CENTS}"
