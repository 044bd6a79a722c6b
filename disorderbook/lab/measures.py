"""What a run comes to, in numbers, and its curves over time.

The rule: a number is defined once, in DEFINITIONS. The documents, the tables, summary.json,
`--require` and the report all take its name, its unit and its sentence from there. All numbers are
derived from the orders of a record: money is cents here, and dollars wherever people read it.

An order and its trades are one transaction, so position and net asset value (NAV) are looked at
after each order that traded, never amid its trades. The trades of one order move an account's
shares one way only, so no extreme is missed by that.
"""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import msgspec

from disorderbook.engine.orders import BUY, fee_of
from disorderbook.lab.record import RunRecord

CENTS = 100  # in a dollar
DOLLARS = "dollars"  # the unit of what is cents inside
FRACTION = "0 to 1"
LEAST_POINTS = 16  # of a curve
POINTS = 2000  # of a curve, if nobody says otherwise

Number = int | float


class Definition(NamedTuple):
    """What a number means: `name` is its field of Measures, its key in summary.json and its name in
    `--require`; `title` heads its column; `unit` is what people read it in.
    """

    name: str
    title: str
    unit: str
    sentence: str


DEFINITIONS = (
    Definition(
        "pnl",
        "P&L",
        DOLLARS,
        "Profit and loss: cash, from zero and less the fees of the rules, plus the shares held at"
        " the end at the price of the book's last trade.",
    ),
    Definition("shares", "Position", "shares", "Shares held at the end; below zero when short."),
    Definition(
        "lowest", "Lowest", "shares", "The fewest shares ever held; below zero after selling short."
    ),
    Definition("highest", "Highest", "shares", "The most shares ever held."),
    Definition("fills", "Fills", "fills", "Trades of the program's orders."),
    Definition("traded", "Traded", "shares", "Shares in those trades."),
    Definition(
        "takes",
        "Takes",
        FRACTION,
        "Which part of the traded shares its orders traded as they came in, rather than while they"
        " stood in the book; none without a fill.",
    ),
    Definition("orders", "Orders", "orders", "Orders of the program that the exchange accepted."),
    Definition("requests", "Requests", "requests", "HTTP requests that the program sent."),
    Definition(
        "refusals", "Refusals", "requests", "Those of its requests that the exchange refused."
    ),
    Definition(
        "drawdown",
        "Drawdown",
        DOLLARS,
        "The largest fall of the net asset value from an earlier high (zero, at the start), looked"
        " at after each order of anybody that traded.",
    ),
    Definition(
        "days", "Days", "days", "Trading days that passed before the run ended, with fractions."
    ),
    Definition(
        "won",
        "Won",
        "0 or 1",
        "Whether the level was won: 1 if so, 0 if not; none without a level.",
    ),
)
NAMES = tuple(each.name for each in DEFINITIONS)


class Measures(msgspec.Struct, frozen=True):
    """The numbers of one run; DEFINITIONS says what they mean. Money is cents.

    `ending` is why it ended, and `status` the program's exit status if it has one; `level` is how
    the level stood (`open`, `won`, `lost`), and None where none was played.
    """

    seed: int
    pnl: int
    shares: int
    lowest: int
    highest: int
    fills: int
    traded: int
    takes: float | None
    orders: int
    requests: int
    refusals: int
    drawdown: int
    days: float
    won: int | None
    ending: str
    status: int | None = None
    level: str | None = None
    level_day: int | None = None


class Curve(NamedTuple):
    """How a run went: the four columns have one row for each moment.

    `times` is nanoseconds since 1970; `price` the last price in cents, None before the first trade;
    `nav` cents; `shares` what was held. The first row is the run's start, the last one its
    end, and each other one an order that traded: what it says holds until the next row.
    """

    times: list[int]
    price: list[int | None]
    nav: list[int]
    shares: list[int]


def measures(record: RunRecord) -> Measures:
    """The numbers of a run."""
    own = [order for order in record.orders if order.account == record.account]
    rows = _rows(record)
    shares = [row.shares for row in rows]
    traded = sum(order.filled for order in own)
    taken = sum(fill.quantity for order in own for fill in order.fills if fill.ts == order.ts)
    return Measures(
        record.seed,
        rows[-1].nav,
        shares[-1],
        min(shares),
        max(shares),
        sum(len(order.fills) for order in own),
        traded,
        taken / traded if traded else None,
        len(own),
        record.requests,
        record.refusal_count,
        _drawdown(row.nav for row in rows),
        round((record.end - record.start) / record.day, 2),
        int(record.level.state == "won") if record.level else None,
        record.ending.reason,
        record.ending.status,
        record.level.state if record.level else None,
        record.level.day if record.level else None,
    )


def curve(record: RunRecord, points: int = POINTS) -> Curve:
    """The curves of a run, of at most so many points (LEAST_POINTS or more, or ValueError).

    Where there are more, the time is cut into equal pieces, and of each the rows with the extremes
    of price, NAV and shares are left, so that no peak is lost.
    """
    if points < LEAST_POINTS:
        raise ValueError(f"A curve has {LEAST_POINTS} points or more, and not {points}")
    rows = _rows(record)
    rows.append(rows[-1]._replace(ts=max(record.end, rows[-1].ts)))
    if len(rows) > points:
        rows = _thinned(rows, points)
    return Curve(
        [row.ts for row in rows],
        [row.price for row in rows],
        [row.nav for row in rows],
        [row.shares for row in rows],
    )


def for_people(number: Number | None, definition: Definition) -> Number | None:
    """A number of Measures in the unit that its definition names."""
    return number / CENTS if number is not None and definition.unit == DOLLARS else number


def numbers(run: Measures) -> dict[str, Number | None]:
    """Every number that is defined, by name, in the unit that its definition names."""
    return {each.name: for_people(getattr(run, each.name), each) for each in DEFINITIONS}


def in_words(number: Number | None, definition: Definition) -> str:
    """How a number in its definition's unit is printed: -1,234.50 for dollars, and a dash for
    none.
    """
    if number is None:
        return "-"
    is_whole = definition.unit not in (DOLLARS, FRACTION) and number == int(number)
    return f"{int(number):,}" if is_whole else f"{number:,.2f}"


class _Row(NamedTuple):
    ts: int
    price: int | None
    nav: int
    shares: int


class _Change:
    """What one order's trades have changed: the last price, and the account's cash and shares."""

    __slots__ = ("price", "cash", "shares")

    def __init__(self) -> None:
        self.price = 0
        self.cash = 0
        self.shares = 0


def _rows(record: RunRecord) -> list[_Row]:
    """How price and account stood at the start and after each order that traded."""
    price, cash, shares = None, 0, 0
    rows = [_Row(record.start, None, 0, 0)]
    for ts, change in sorted(_changes(record).items()):
        price = change.price
        cash += change.cash
        shares += change.shares
        rows.append(_Row(ts, price, cash + shares * price, shares))
    return rows


def _changes(record: RunRecord) -> dict[int, _Change]:
    """What the trades of each moment changed: an order's trades are of the moment it came in. Where
    an account trades with itself, its two halves make up for each other, but for their fees.
    """
    changes: dict[int, _Change] = {}
    for order in record.orders:
        is_own = order.account == record.account
        sign = 1 if order.side is BUY else -1
        for fill in order.fills:
            is_incoming = fill.ts == order.ts
            if not is_own and not is_incoming:
                break  # it stood from here on, and whoever came in tells the price
            change = changes.setdefault(fill.ts, _Change())
            if is_incoming:
                change.price = fill.price
            if is_own:
                value = fill.price * fill.quantity
                change.cash -= sign * value + fee_of(value, record.fees[is_incoming])
                change.shares += sign * fill.quantity
    return changes


def _drawdown(navs: Iterator[int]) -> int:
    high = drawdown = 0
    for nav in navs:
        high = max(high, nav)
        drawdown = max(drawdown, high - nav)
    return drawdown


def _thinned(rows: list[_Row], points: int) -> list[_Row]:
    """The first row, the last one, and those with the extremes of each piece of the time."""
    start, end = rows[0].ts, rows[-1].ts
    times = [row.ts for row in rows]
    pieces = (points - 2) // 7  # six extremes and how things stood at its end
    cuts = [bisect_right(times, start + (end - start) * cut // pieces) for cut in range(pieces)]
    kept = {0, len(rows) - 1}
    for first, last in pairwise([1, *cuts[1:], len(rows)]):
        kept |= _extremes(rows, first, last)
    return [rows[number] for number in sorted(kept)]


def _extremes(rows: list[_Row], first: int, last: int) -> set[int]:
    """The numbers of the rows with the extremes between two numbers, and of the last there."""
    between = range(first, last)
    if not between:
        return set()
    columns: list[list[int]] = [
        [row.price or 0 for row in rows[first:last]],
        [row.nav for row in rows[first:last]],
        [row.shares for row in rows[first:last]],
    ]
    found = {last - 1}
    for column in columns:
        found |= {first + column.index(min(column)), first + column.index(max(column))}
    return found
