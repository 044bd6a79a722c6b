"""Net asset values over time: which samples are taken, which are kept, and how many."""

import pytest

from disorderbook.engine.orders import BUY, LIMIT, SELL, NewOrder
from disorderbook.exchange import Exchange, Titles
from disorderbook.marketdata import nav_series
from disorderbook.marketdata.history import History
from disorderbook.marketdata.mark import Mark
from disorderbook.marketdata.nav_series import (
    MOST_POINTS,
    SAMPLE_STEP,
    NavRecorder,
    NavSeries,
    Sample,
)
from disorderbook.marketdata.scoreboard import Scoreboard
from disorderbook.protocol.names import NANOSECONDS
from disorderbook.timeline.clock import SteppedClock
from disorderbook.timeline.timeline import Timeline

START = 1_000_000 * NANOSECONDS


class Market:
    """An exchange whose clock is moved by hand."""

    def __init__(self, mark: Mark = Mark.LAST) -> None:
        self.clock = SteppedClock(START)
        self.history = History(0)
        self.exchange = Exchange(100, [self.history.record], self.clock.read)
        self.scoreboard = Scoreboard(self.exchange, self.history, mark)
        self.recorder = self.scoreboard.recorder
        self.timeline = Timeline(self.exchange, self.clock, [self.recorder])
        self.acts = 0

    def order(
        self, account: str, quantity: int, price: int, venue: str = "V", symbol: str = "S"
    ) -> None:
        """Buy, or sell where the quantity is negative."""
        side = BUY if quantity > 0 else SELL
        book = self.exchange.book(venue, symbol)
        self.exchange.submit(book, NewOrder(account, side, LIMIT, price, abs(quantity)))

    def trade(self, price: int = 50, buyer: str = "ann", seller: str = "bob", **place: str) -> None:
        self.order(seller, -1, price, **place)
        self.order(buyer, 1, price, **place)

    def wait(self, seconds: float) -> None:
        def count() -> None:
            self.acts += 1

        self.timeline.advance(round(seconds * NANOSECONDS), count)

    def told(self, venue: str = "V") -> list[tuple[float, list[int | None]]]:
        """The samples, at seconds since the start."""
        points = self.recorder.series(venue).points
        return [((point.ts - START) / NANOSECONDS, list(point.navs)) for point in points]


def test_a_venue_is_sampled_after_a_trade_and_not_while_it_stands_still() -> None:
    market = Market()
    market.order("ann", 1, 40)
    market.wait(100)
    assert market.acts == 0 and market.told() == []  # nobody is worth anything
    market.trade(50)
    market.wait(100)
    assert market.told() == [(102, [0, 0])] and market.acts == 2  # a sample, and a look
    market.trade(60)
    market.wait(1)
    market.trade(70, "cat", "ann")
    market.wait(10)
    assert market.told()[1:] == [(200, [0, 0]), (202, [-30, 30, 0])]
    assert market.acts == 4


def test_who_trades_in_the_second_of_a_late_sample_is_in_the_next_one() -> None:
    """A thread is late by some milliseconds, and the second has begun by then."""
    market = Market()
    market.trade(50)
    market.clock.now = START + 2 * NANOSECONDS + NANOSECONDS // 2
    market.trade(50)
    while market.timeline.act_next():
        pass
    market.trade(90)
    market.wait(10)
    assert market.told()[-1][1] == [-40 - 40, 40 + 40]


def test_all_stocks_of_a_venue_count_and_levels_are_left_alone() -> None:
    market = Market()
    market.exchange.reserve("LEVEL", "S", Titles("LEVEL", "S"))
    market.trade(50)
    market.trade(50, venue="OTHER")
    market.trade(10, "bob", "ann", symbol="T")
    market.trade(60, "cat", "cat")
    market.trade(13, "cat", "cat", symbol="T")
    market.wait(5)
    assert market.told() == [(2, [-10 + 3, 10 - 3, 0])]
    assert market.told("OTHER") and not market.told("LEVEL")


def test_at_the_middle_a_venue_is_sampled_while_only_quotes_change() -> None:
    market = Market(Mark.MID)
    market.trade(50)
    market.order("cat", 1, 40)
    market.order("cat", -1, 60)
    market.wait(10)
    market.order("cat", 1, 50)
    market.wait(10)
    assert market.told() == [(2, [0, 0]), (10, [0, 0]), (12, [-5, 5])]


def test_a_settlement_is_sampled() -> None:
    market = Market()
    market.trade(50)
    market.wait(9)
    market.exchange.settle(market.exchange.book("V", "S"), 80)
    market.scoreboard.note("V")
    market.wait(1)
    assert market.told()[-1] == (9, [-30, 30])


def sample(seconds: int, *navs: int) -> Sample:
    return Sample(seconds * NANOSECONDS, navs)


def test_a_series_has_a_bounded_number_of_points_from_its_first_to_its_last() -> None:
    series = NavSeries()
    for number in range(1, 10 * MOST_POINTS):
        series.add(sample(2 * number, number))
        assert len(series.points) <= MOST_POINTS and len(series._latest) <= 32
    times = [point.ts // NANOSECONDS for point in series.points]
    assert times[-1] == 2 * (10 * MOST_POINTS - 1) and times == sorted(times)
    assert series.step == 16 * SAMPLE_STEP and times[0] <= 32
    assert {later - earlier for earlier, later in zip(times[:-1], times[1:-1], strict=False)} == {
        32
    }
    assert all(nav == point.ts // NANOSECONDS // 2 for point in series.points for nav in point.navs)


def test_the_end_of_a_time_without_samples_has_a_point() -> None:
    """Else a line would lead from what was before to what is after, as if that had been so."""
    series = NavSeries()
    series.add(sample(2, 5))
    series.add(sample(100, 9))
    assert series.points == [sample(2, 5), sample(98, 5), sample(100, 9)]


def test_what_was_a_minute_ago() -> None:
    series = NavSeries()
    assert series.before(7) is None
    for number in range(1, 60):
        series.add(sample(2 * number, number))
    assert series.before(118 * NANOSECONDS) == sample(58, 29)
    assert series.before(119 * NANOSECONDS) == sample(58, 29)
    assert series.before(10**12) == sample(118, 59)
    young = NavSeries()
    young.add(sample(2, 1))
    young.add(sample(4, 2))
    assert young.before(5 * NANOSECONDS) == sample(2, 1)


def test_after_a_start_it_is_the_point_that_comes_nearest() -> None:
    before, after = NavSeries(), NavSeries()
    for second in range(2, 3600, 2):
        before.add(sample(second, second))
    after.restore(["ann"], before.take_changes("V").samples)
    assert after.step == 16 * NANOSECONDS
    for now in range(3600, 3616, 2):
        exact, nearest = (series.before(now * NANOSECONDS) for series in (before, after))
        assert exact == sample(now - 60, now - 60) and nearest is not None
        assert abs(nearest.ts - exact.ts) <= after.step // 2


def test_only_so_many_accounts_are_sampled_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nav_series, "MOST_ACCOUNTS", 30)
    monkeypatch.setattr(nav_series, "MOST_RECORDED", 50)
    monkeypatch.setattr(nav_series, "VALUES_AT_ONCE", 10)
    market = Market()
    for venue in ("V", "W", "X"):
        for number in range(20):
            market.trade(50, f"{venue}-buyer-{number}", f"{venue}-seller-{number}", venue=venue)
    market.wait(2)
    counts = [len(market.recorder.series(venue).numbers) for venue in ("V", "W", "X")]
    assert counts == [30, 20, 0] and market.acts >= 5 + 3
    assert market.told()[0][1] == [0] * 30


@pytest.mark.parametrize("drop", ["load", "finish"])
def test_a_sample_under_way_that_is_dropped_is_made_anew(
    monkeypatch: pytest.MonkeyPatch, drop: str
) -> None:
    monkeypatch.setattr(nav_series, "VALUES_AT_ONCE", 1)
    market = Market()
    market.trade(50)
    for _ in range(3):  # two accounts are numbered, and one is looked at
        market.recorder.act()
    assert market.told() == []
    if drop == "load":
        market.recorder.load(market.recorder.save())
        market.wait(2)
    else:
        market.recorder.finish()
        assert market.recorder.next_at is None
    assert [navs for _, navs in market.told()] == [[0, 0]]


def test_a_copy_does_not_go_on() -> None:
    market = Market()
    market.trade(50)
    market.wait(2)
    copy = market.recorder.series("V").copy()
    market.trade(60, "new", "ann")
    market.wait(2)
    assert len(copy.points) == 1 and "new" not in copy.numbers and len(market.told()) == 2


def test_a_closed_venue_is_not_due_any_more() -> None:
    exchange = Exchange()
    recorder = NavRecorder(exchange, lambda book: None, is_restless=True)
    recorder.note("GONE")
    recorder.act()
    assert recorder.next_at is None
