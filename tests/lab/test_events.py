"""The events of a run: adding them up gives the book that the engine had after each of them."""

from collections import Counter
from collections.abc import Iterator
from itertools import accumulate

import pytest
from records import books_of, record_of, traded_book

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import LIMIT
from disorderbook.lab.events import CANCEL, KINDS, EventColumns, event_columns
from disorderbook.lab.record import RunRecord

Levels = list[tuple[int, int]]


def levels_of(book: OrderBook) -> tuple[Levels, Levels]:
    """Price and shares of every level, the best first; bids and asks."""
    bids, asks = ([(level.price, level.size) for level in side] for side in (book.bids, book.asks))
    return bids, asks


class Added:
    """The book as the columns tell it, by adding up alone."""

    def __init__(self, columns: EventColumns) -> None:
        self.columns = columns
        self.trades = list(
            zip(
                accumulate(columns.trade_events),
                columns.trade_orders,
                columns.trade_quantities,
                strict=True,
            )
        )
        self.placed: list[tuple[int, int]] = []  # kind and price
        self.left: list[int] = []  # shares, by order

    def steps(self) -> Iterator[tuple[Levels, Levels]]:
        for number, kind in enumerate(self.columns.kinds):
            if kind == CANCEL:
                self.left[len(self.left) - self.columns.prices[number]] = 0
            else:
                self.place(number, kind)
            yield self.levels(0), self.levels(1)

    def place(self, number: int, kind: int) -> None:
        self.placed.append((kind, self.columns.prices[number]))
        left = self.columns.quantities[number]
        for _, order, quantity in (trade for trade in self.trades if trade[0] == number):
            self.left[order] -= quantity
            left -= quantity
        self.left.append(left if KINDS[kind][1] is LIMIT else 0)

    def levels(self, side: int) -> Levels:
        sizes: Counter[int] = Counter()
        for (kind, price), left in zip(self.placed, self.left):
            if left and kind // 4 == side:
                sizes[price] += left
        return sorted(sizes.items(), reverse=side == 0)


@pytest.mark.parametrize("seed", range(5))
def test_the_columns_add_up_to_the_book_after_each_event(seed: int) -> None:
    _, orders = traded_book(seed, 300)
    columns = event_columns(record_of(orders))
    added = list(Added(columns).steps())
    assert added == [levels_of(book) for book in books_of(orders)]
    assert columns.count == len(added) == len(columns.kinds) > len(orders)


def test_times_accounts_and_ids_are_told() -> None:
    _, orders = traded_book(1, 100)
    record = record_of(orders)
    columns = event_columns(record)
    placings = [number for number, kind in enumerate(columns.kinds) if kind != CANCEL]
    times = [record.start + time for time in accumulate(columns.pauses)]
    assert [times[number] for number in placings] == [order.ts for order in orders]
    assert list(accumulate(columns.ids)) == [order.id for order in orders]
    owners = [columns.accounts[columns.owners[number]] for number in placings]
    assert owners == [order.account for order in orders]
    cancels = [times[number] for number, kind in enumerate(columns.kinds) if kind == CANCEL]
    assert cancels == sorted(o.closed_at or 0 for o in orders if o.close_reason == "cancelled")


def test_the_trades_of_an_order_come_in_the_order_in_which_they_happened() -> None:
    """Those of one event are told apart by nothing but their order."""
    _, orders = traded_book(3, 400)
    columns = event_columns(record_of(orders))
    placings = [number for number, kind in enumerate(columns.kinds) if kind != CANCEL]
    fills: dict[int, list[tuple[int, int]]] = {}
    for event, order, quantity in Added(columns).trades:
        fills.setdefault(event, []).append((orders[order].price, quantity))
    expected = {
        placings[order.id]: taken
        for order in orders
        if (taken := [(f.price, f.quantity) for f in order.fills if f.ts == order.ts])
    }
    assert fills == expected and max(map(len, fills.values())) > 2


def test_the_first_events_are_those_of_all() -> None:
    _, orders = traded_book(2, 200)
    record: RunRecord = record_of(orders)
    columns = event_columns(record, most=50)
    assert list(Added(columns).steps()) == list(Added(event_columns(record)).steps())[:50]
    assert (len(columns.kinds), columns.count) == (50, event_columns(record).count)


def test_a_run_without_orders_has_no_events() -> None:
    columns = event_columns(record_of([]))
    assert (columns.count, columns.kinds, columns.accounts) == (0, [], [])
