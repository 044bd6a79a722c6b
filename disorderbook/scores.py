"""The scores: who made how much in one book, as a page of text, as JSON or as CSV."""

import csv
import io
from html import escape

import msgspec
from msgspec import UNSET, UnsetType

from disorderbook.engine.book import OrderBook
from disorderbook.engine.positions import Position
from disorderbook.messages import to_json

CENTS = 100  # in a dollar

NO_BOOK = "<pre>No such venue/stock!</pre>"
NO_TRADES = "<pre>No trading activity yet.</pre>"

# The columns are those of the 2016 server, blanks at a line's end included: people parse them.
HEADING = f"{'Account':<15} {'USD':<11} {'Shares':<10} {'Pos.min':<10} {'Pos.max':<10} NAV"

COLUMNS = ["account", "nav", "lowest", "highest"]
HOLDINGS = ["cash", "shares"]

# What makes a spreadsheet take a cell for a formula (also as wide letters), and our mark itself.
_BEGIN_A_FORMULA = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20'")


def scores_page(book: OrderBook, start: str, now: str, hide_holdings: bool) -> str:
    """The positions of a book, the highest net asset value first, in whole dollars rounded down.

    `start` and `now` are time stamps. `hide_holdings` keeps cash and shares to their owners.
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


class ScoreMessage(msgspec.Struct, gc=False):
    """What an account has made, in cents and shares; what is hidden is left out."""

    account: str
    nav: int
    lowest: int
    highest: int
    cash: int | UnsetType = UNSET
    shares: int | UnsetType = UNSET


def scores_message(
    book: OrderBook, start: str, now: str, hide_holdings: bool, most: int | None = None
) -> bytes:
    """The same as JSON, in cents; without a price as long as nothing has traded. `most` is of how
    many accounts to tell, None for all.
    """
    price = book.last_trade.price if book.last_trade else 0
    return to_json({
        "ok": True,
        "venue": book.venue,
        "symbol": book.symbol,
        **({"price": price} if book.last_trade else {}),
        "startTime": start,
        "currentTime": now,
        "accounts": len(book.positions),
        "scores": [_score(p, price, hide_holdings) for p in ranking(book)[:most]],
    })


def scores_table(book: OrderBook, hide_holdings: bool) -> bytes:
    """The rows of `scores_message` as CSV (UTF-8, RFC 4180), the names of its columns first.

    Text is quoted and numbers are not. A name that a spreadsheet could run as a formula has an
    apostrophe put before it, and so has one that begins with an apostrophe.
    """
    price = book.last_trade.price if book.last_trade else 0
    columns = COLUMNS if hide_holdings else COLUMNS + HOLDINGS
    text = io.StringIO(newline="")
    table = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC)
    table.writerow(columns)
    for position in ranking(book):
        score = _score(position, price, hide_holdings)
        score.account = _no_formula(score.account)
        table.writerow([getattr(score, column) for column in columns])
    return text.getvalue().encode()


def ranking(book: OrderBook) -> list[Position]:
    """The positions of a book, the highest net asset value first."""
    price = book.last_trade.price if book.last_trade else 0
    return sorted(book.positions.values(), key=lambda p: p.net_asset_value(price), reverse=True)


def _score(position: Position, price: int, hide_holdings: bool) -> ScoreMessage:
    nav = position.net_asset_value(price)
    score = ScoreMessage(position.account, nav, position.lowest, position.highest)
    if hide_holdings:
        # To the cent, two values at different prices would tell how many shares there are.
        score.nav = nav // CENTS * CENTS
    else:
        score.cash, score.shares = position.cash, position.shares
    return score


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
    """A name without what would forge lines of the page."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}"
                   for letter in account)


def _dollars(cents: int) -> str:
    return f"${cents // CENTS}"


def _no_formula(account: str) -> str:
    starts = account[:1], account.lstrip()[:1]
    return f"'{account}" if set(starts) & _BEGIN_A_FORMULA else account
