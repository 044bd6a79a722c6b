"""What happened in a book, event by event, derived from its orders.

The rule: nothing is matched again. An event is the placing of an order or the cancel of an open
one, and an order says when each was and what it traded, so whoever reads the events can tell how
the book was after each of them by adding up. No two events of a book have the same time.

The events are columns of small numbers, since a table of them compresses to a few bytes an event.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from disorderbook.engine.orders import SELL, Order, OrderType, Side
from disorderbook.lab.record import RunRecord

MOST_EVENTS = 300_000  # of a run; a page that shows more takes too long to load
KINDS = tuple((side, type) for side in Side for type in OrderType)  # of placings
CANCEL = len(KINDS)  # the kind of a cancel


class EventColumns(msgspec.Struct, frozen=True):
    """The first events of a run's book, oldest first.

    Accounts and orders stand as numbers: an account's is its place in `accounts`, an order's is
    how many were placed before it. `ids` are the exchange's, each minus the one before.

    One row an event: `pauses` is the nanoseconds since the event before (the first: since the run's
    start). `kinds` is a place in KINDS or CANCEL. A placing has its account, its limit in cents (0:
    none) and its shares; a cancel has its order in `prices`, counted back from the newest, and
    nothing else.

    One row a trade, in the order in which they happened: the number of its event, minus that of the
    trade before (the first: as it is), the number of the standing order, and the shares. The price
    is the standing order's, and the incoming order is the event's.

    `count` is how many events there were in all.
    """

    accounts: list[str]
    ids: list[int]
    pauses: list[int]
    kinds: list[int]
    owners: list[int]
    prices: list[int]
    quantities: list[int]
    trade_events: list[int]
    trade_orders: list[int]
    trade_quantities: list[int]
    count: int


class _Event(NamedTuple):
    ts: int
    order: int
    is_cancel: bool


def event_columns(record: RunRecord, most: int = MOST_EVENTS) -> EventColumns:
    """The first events of a run, at most so many."""
    happened = _events(record.orders)
    kept = happened[:most]
    placed = [record.orders[event.order] for event in kept if not event.is_cancel]
    numbers: dict[str, int] = {}
    for order in placed:
        numbers.setdefault(order.account, len(numbers))
    columns = EventColumns(
        list(numbers),
        _differences([order.id for order in placed]),
        _differences([event.ts - record.start for event in kept]),
        *([], [], [], []),
        *_trades(record.orders, kept),
        len(happened),
    )
    placings = 0
    for event in kept:
        if event.is_cancel:
            row = (CANCEL, 0, placings - event.order, 0)
        else:
            placings += 1
            row = _placing(record.orders[event.order], numbers)
        columns.kinds.append(row[0])
        columns.owners.append(row[1])
        columns.prices.append(row[2])
        columns.quantities.append(row[3])
    return columns


def _events(orders: Sequence[Order]) -> list[_Event]:
    """Every event by time. Only a limit order is ever cancelled: others are closed as they come."""
    events = []
    for number, order in enumerate(orders):
        events.append(_Event(order.ts, number, False))
        if order.close_reason == "cancelled" and order.closed_at is not None:
            events.append(_Event(order.closed_at, number, True))
    events.sort()
    return events


def _placing(order: Order, numbers: dict[str, int]) -> tuple[int, int, int, int]:
    return (
        KINDS.index((order.side, order.type)),
        numbers[order.account],
        order.price,
        order.quantity,
    )


def _trades(
    orders: Sequence[Order], kept: Sequence[_Event]
) -> tuple[list[int], list[int], list[int]]:
    """The columns of trades: an order that came in met the best price first, then the oldest."""
    numbers = {event.ts: number for number, event in enumerate(kept)}
    trades = []
    for number, order in enumerate(orders):
        rank = order.price if order.side is SELL else -order.price
        for fill in order.fills:
            if fill.ts != order.ts and fill.ts in numbers:
                trades.append((numbers[fill.ts], rank, number, fill.quantity))
    trades.sort()
    return (
        _differences([event for event, *_ in trades]),
        [order for _, _, order, _ in trades],
        [quantity for *_, quantity in trades],
    )


def _differences(numbers: Sequence[int]) -> list[int]:
    """Each minus the one before, and the first as it is."""
    return [number - before for number, before in zip(numbers, [0, *numbers])]
