"""The numbers of a run against a slow book that shares no code with ours, and its curves."""

import random
import re
from itertools import pairwise

import pytest
from documents import DOCS, rows
from oracle import SlowBook
from records import DAY, START, STEP, record_of, traded_book

from disorderbook.engine.orders import (
    FILL_OR_KILL,
    IMMEDIATE_OR_CANCEL,
    LIMIT,
    MARKET,
    SIDE_NAMES,
    Order,
)
from disorderbook.lab.measures import (
    DEFINITIONS,
    LEAST_POINTS,
    Measures,
    curve,
    in_words,
    measures,
    numbers,
)
from disorderbook.lab.record import FAILED, LevelOutcome, RunEnding

KINDS = {LIMIT: "limit", MARKET: "market", FILL_OR_KILL: "fok", IMMEDIATE_OR_CANCEL: "ioc"}


class Replayed:
    """What the account A went through, told by a slow book that is given the orders again."""

    def __init__(self, orders: list[Order]) -> None:
        self.book = SlowBook()
        self.navs, self.held, self.prices = [0], [0], [0]
        self.fills = self.traded = self.taken = 0
        cancelled = [order for order in orders if order.close_reason == "cancelled"]
        events = [(order.event, order, True) for order in orders]
        events += [(order.closed_event or 0, order, False) for order in cancelled]
        for _, order, is_new in sorted(events, key=lambda event: event[0]):
            if is_new:
                self.submit(order)
            else:
                self.book.cancel(order.id)

    def submit(self, order: Order) -> None:
        known = len(self.book.trades)
        self.book.submit(
            order.account,
            SIDE_NAMES[order.side],
            KINDS[order.type],
            order.price,
            order.quantity,
        )
        trades = self.book.trades[known:]
        if not trades:
            return
        for _, quantity, buyer, seller in trades:
            halves = (buyer, seller).count("A")
            self.fills += halves
            self.traded += halves * quantity
            self.taken += quantity * (order.account == "A")
        cash, shares = self.book.position("A")
        self.prices.append(trades[-1][0])
        self.navs.append(cash + shares * trades[-1][0])
        self.held.append(shares)

    def drawdown(self) -> int:
        return max(
            high - low for number, high in enumerate(self.navs) for low in self.navs[number:]
        )


@pytest.mark.parametrize("seed", range(4))
def test_each_number_is_what_a_slow_book_says(seed: int) -> None:
    book, orders = traded_book(seed, 250)
    told = measures(record_of(orders, requests=99, refusal_count=3))
    slow = Replayed(orders)
    assert told.fills > 20 and told.takes not in (0, 1) and told.drawdown > 0
    assert told == Measures(
        seed=7,
        pnl=slow.navs[-1],
        shares=slow.held[-1],
        lowest=min(slow.held),
        highest=max(slow.held),
        fills=slow.fills,
        traded=slow.traded,
        takes=slow.taken / slow.traded,
        orders=sum(order.account == "A" for order in slow.book.orders),
        requests=99,
        refusals=3,
        drawdown=slow.drawdown(),
        days=round((max(order.ts for order in orders) + 2 * STEP - START) / DAY, 2),
        won=None,
        ending="days",
    )
    position = book.positions["A"]
    assert (told.lowest, told.highest) == (position.lowest, position.highest)


def test_a_program_that_did_nothing_has_no_share_of_takes() -> None:
    ending = RunEnding(FAILED, 3, ("Traceback",), "/a/log")
    level = LevelOutcome("sell_side", "lost", 12, -5)
    told = measures(record_of([], ending=ending, level=level))
    assert (told.pnl, told.fills, told.orders, told.takes, told.drawdown) == (0, 0, 0, None, 0)
    assert (told.ending, told.status, told.level, told.level_day) == ("failed", 3, "lost", 12)
    won = LevelOutcome("sell_side", "won", 12, 5)
    assert (told.won, measures(record_of([], level=won)).won) == (0, 1)


def test_others_alone_move_nothing() -> None:
    _, orders = traded_book(1, 200, accounts="BC")
    told = measures(record_of(orders))
    assert (told.pnl, told.fills, told.lowest, told.highest, told.drawdown) == (0, 0, 0, 0, 0)
    assert curve(record_of(orders)).price[-1] is not None


def test_a_trade_with_oneself_is_two_fills_and_moves_nothing() -> None:
    _, orders = traded_book(1, 200, accounts="A")
    told = measures(record_of(orders))
    assert (told.pnl, told.shares, told.lowest, told.highest, told.takes) == (0, 0, 0, 0, 0.5)
    assert told.fills > 20


def test_a_curve_has_the_start_each_trade_and_the_end() -> None:
    _, orders = traded_book(3, 200)
    record = record_of(orders)
    told, slow = curve(record, 10_000), Replayed(orders)
    assert told.nav == [*slow.navs, slow.navs[-1]] and told.shares == [*slow.held, slow.held[-1]]
    assert told.price == [None, *slow.prices[1:], slow.prices[-1]]
    assert (told.times[0], told.times[-1]) == (record.start, record.end)
    assert all(before < after for before, after in pairwise(told.times))


@pytest.mark.parametrize("points", [LEAST_POINTS, 100, 300])
def test_a_thinned_curve_keeps_its_extremes_and_its_ends(points: int) -> None:
    record = record_of(traded_book(5, 2000)[1])
    whole, thin = curve(record, 10_000), curve(record, points)
    assert len(whole.times) > 2 * points >= 2 * len(thin.times) > points // 2
    everything = {*zip(*whole, strict=True)}
    assert {*zip(*thin, strict=True)} < everything
    for all_values, values in zip(whole[2:], thin[2:], strict=True):
        assert (min(all_values), max(all_values)) == (min(values), max(values))
        assert (all_values[0], all_values[-1]) == (values[0], values[-1])
    assert thin.price[0] is None
    prices, kept = [price or 0 for price in whole.price[1:]], [price or 0 for price in thin.price]
    assert (min(prices), max(prices)) == (min(kept[1:]), max(kept))


def test_a_curve_of_fewer_points_is_refused() -> None:
    with pytest.raises(ValueError, match="A curve has 16 points or more, and not 15"):
        curve(record_of([]), LEAST_POINTS - 1)


def test_a_curve_of_nothing_is_flat() -> None:
    record = record_of([])
    assert curve(record, LEAST_POINTS) == (
        [record.start, record.end],
        [None, None],
        [0, 0],
        [0, 0],
    )


def test_people_read_dollars() -> None:
    record = record_of(traded_book(2, 200)[1])
    told, shown = measures(record), numbers(measures(record))
    assert (shown["pnl"], shown["drawdown"]) == (told.pnl / 100, told.drawdown / 100)
    assert {name: shown[name] for name in ("shares", "fills", "takes", "days")} == {
        "shares": told.shares,
        "fills": told.fills,
        "takes": told.takes,
        "days": told.days,
    }
    by_name = {each.name: each for each in DEFINITIONS}
    assert in_words(-1234.5, by_name["pnl"]) == "-1,234.50"
    assert in_words(0.5, by_name["takes"]) == "0.50" and in_words(0, by_name["takes"]) == "0.00"
    assert in_words(12345, by_name["fills"]) == "12,345" == in_words(12345.0, by_name["fills"])
    assert in_words(12.5, by_name["fills"]) == "12.50"
    assert in_words(None, by_name["takes"]) == "-"


def test_every_number_has_one_definition() -> None:
    names = [each.name for each in DEFINITIONS]
    others = {"seed", "ending", "status", "level", "level_day"}
    assert len({*names}) == len(names) and {*names} | others == {*Measures.__struct_fields__}
    for each in DEFINITIONS:
        assert re.fullmatch(r"[A-Z].*\.", each.sentence) and each.unit and each.title


def test_the_orders_of_a_record_may_come_in_any_order() -> None:
    _, orders = traded_book(4, 200)
    shuffled = random.Random(1).sample(orders, len(orders))
    assert measures(record_of(shuffled)) == measures(record_of(orders))


def test_the_documents_define_the_numbers_as_the_code_does() -> None:
    page = (DOCS / "lab.md").read_text()
    known = [
        [f"`{each.name}`", each.unit, f"{each.title}: {each.sentence}"] for each in DEFINITIONS
    ]
    section = page.partition("\n## Runs\n")[2].partition("\n## ")[0]
    assert [row for row in rows(section, 3) if not row[0].startswith("`-")] == known
