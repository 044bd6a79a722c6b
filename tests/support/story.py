"""Runs a story: what traders do to one book, and what must come of it, a line for each.

ann  sell 10 @ 5002              a limit order; ids count from 0
dan  buy  25 @ 5002 ioc  -> 10 @ 5002          and the fills it must get at once
eve  buy   5 market      -> nothing
ann  cancels 0
book 4999 x 5, 4998 x 1 | 5002 x 5             levels: bids | asks, best first
last 5002 x 10
ann  holds -10 shares, 50020 cents
"""

import re
from collections.abc import Iterable

from invariants import check_invariants

from disorderbook.engine.book import OrderBook
from disorderbook.engine.ladder import Ladder
from disorderbook.engine.orders import Fill, NewOrder, OrderType, Side

TYPES = {
    "": OrderType.LIMIT,
    "market": OrderType.MARKET,
    "fok": OrderType.FILL_OR_KILL,
    "ioc": OrderType.IMMEDIATE_OR_CANCEL,
}
ORDER = re.compile(r"(\w+) (buy|sell) (\d+)(?: @ (\d+))?(?: (market|fok|ioc))?(?: -> (.*))?")


def run(story: str) -> OrderBook:
    """Play a story; raises AssertionError with the line that came out differently."""
    book = OrderBook("TESTEX", "FOOBAR", 0)
    for ts, line in enumerate(filter(None, map(_squeeze, story.splitlines())), start=1):
        expected, came = _play(book, line, ts)
        assert came == expected, f"{line}\n  came out as: {came}\n{story}"
        check_invariants(book)
    return book


def _squeeze(line: str) -> str:
    return " ".join(line.split())


def _play(book: OrderBook, line: str, ts: int) -> tuple[str, str]:
    """What the line expects, and what came."""
    who, verb, *rest = line.split()
    if who == "book":
        bids, _, asks = line.removeprefix("book").partition("|")
        return f"{bids.strip()} | {asks.strip()}", f"{_levels(book.bids)} | {_levels(book.asks)}"
    if who == "last":
        quote = book.quote()
        return line, f"last {quote.last} x {quote.last_size}"
    if verb == "holds":
        position = book.positions[who]
        return line, f"{who} holds {position.shares} shares, {position.cash} cents"
    if verb == "cancels":
        order = book.find(int(rest[0]))
        assert order, f"there is no such order: {line}"
        book.cancel(order, ts)
        return "", ""
    found = ORDER.fullmatch(line)
    assert found, f"not a line of a story: {line}"
    who, side, quantity, price, kind, fills = found.groups(default="")
    new = NewOrder(who, Side[side.upper()], TYPES[kind], int(price or 0), int(quantity))
    return fills or "nothing", _fills(book.submit(new, ts).order.fills)


def _fills(fills: Iterable[Fill]) -> str:
    return ", ".join(f"{fill.quantity} @ {fill.price}" for fill in fills) or "nothing"


def _levels(ladder: Ladder) -> str:
    return ", ".join(f"{level.price} x {level.size}" for level in ladder)
