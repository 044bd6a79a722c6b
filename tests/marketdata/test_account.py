"""What is known of accounts: against a ledger that a test keeps of every trade."""

from collections import Counter
from collections.abc import Generator, Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from durable_market import MEMORY, Stoppable, buy, play, sell
from hypothesis import given, settings
from hypothesis import strategies as st

from disorderbook.engine.book import Execution, OrderBook
from disorderbook.engine.orders import BUY, LIMIT, MARKET, SELL, NewOrder, Order, OrderType, Side
from disorderbook.errors import CannotRead, CannotWrite
from disorderbook.exchange import Exchange
from disorderbook.marketdata import account as module
from disorderbook.marketdata.account import AccountHistories, AccountHistory, OpenOrders
from disorderbook.marketdata.cost_basis import CostBasis

Asking = Generator[None, None, AccountHistory | None]


def finished(steps: Asking) -> AccountHistory:
    """What somebody gets who asks, and goes through all steps."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            assert isinstance(end.value, AccountHistory)
            return end.value


class Watched:
    """An exchange of one book, whose every trade the test notes as it happens."""

    def __init__(self) -> None:
        self.executions: list[Execution] = []
        self.exchange = Exchange(clock=count(1).__next__, publishers=[self.publish])
        self.book = self.exchange.book("V", "S")
        self.histories = AccountHistories(self.exchange)
        self.steps = 0

    def publish(self, book: OrderBook, executions: object) -> None:
        self.executions += executions  # type: ignore[arg-type]

    def place(self, account: str, side: Side, price: int, qty: int, kind: OrderType) -> Order:
        return self.exchange.submit(self.book, NewOrder(account, side, kind, price, qty))

    def history(self, account: str) -> AccountHistory:
        return finished(self._counted(self.histories.history("V", "S", account)))

    def _counted(self, steps: Asking) -> Asking:
        """The same steps, which the market counts."""
        while True:
            try:
                yield next(steps)
            except StopIteration as end:
                assert end.value is None or isinstance(end.value, AccountHistory)
                return end.value
            self.steps += 1

    def check(self, account: str) -> None:
        """What is known is what the trades make it."""
        history, basis = self.history(account), CostBasis()
        fills = Counter[tuple[int, int, int, int, bool]]()
        for trade in self.executions:
            mine = [each for each in (trade.standing, trade.incoming) if each.account == account]
            for order in mine:
                fills[order.id, trade.price, trade.quantity, trade.ts, order is trade.incoming] += 1
            if len(mine) == 1:
                sign = 1 if mine[0].side is BUY else -1
                basis.trade(sign * trade.quantity, trade.price)
        told = history.fills(0, 10**9)
        assert fills == Counter((f.order_id, f.price, f.quantity, f.ts, f.is_take) for _, f in told)
        assert [number for number, _ in told] == list(range(1, len(told) + 1))
        times = [fill.ts for _, fill in told]
        assert times == sorted(times)
        for name in ("cash", "shares", "lowest", "highest"):
            assert getattr(history.basis, name) == getattr(basis, name)
        assert abs(history.basis.realised - basis.realised) <= 1
        position = self.book.positions.get(account)
        if position is not None:
            assert (history.basis.cash, history.basis.shares) == (position.cash, position.shares)
            assert (position.lowest, position.highest) == (basis.lowest, basis.highest)
            assert not told or told[-1][1].position == position.shares
        for side in Side:
            mine = [o for o in self.book.orders_of(account) if o.is_open and o.side is side]
            assert history.open[side] == OpenOrders(len(mine), sum(o.remaining for o in mine))


EVENTS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from("ABC"),
            st.sampled_from(Side),
            st.integers(95, 105),
            st.integers(1, 30),
            st.sampled_from(OrderType),
        ),
        st.integers(0, 50),  # cancel
        st.sampled_from("ask"),
    ),
    max_size=50,
)


@given(EVENTS)
def test_what_is_known_is_what_the_trades_made_it(events: list[object]) -> None:
    """Whether it is asked for once at the end or also in between, and through self-trades."""
    market = Watched()
    for event in events:
        if isinstance(event, tuple):
            market.place(*event)
        elif isinstance(event, int):
            order = market.book.find(event)
            if order is not None:
                market.exchange.cancel(order)
        else:
            market.check("A")
    asked_again = market.history("A").fills(0, 10**9)
    market.histories = AccountHistories(market.exchange)
    for account in "ABC":
        market.check(account)
    assert market.history("A").fills(0, 10**9) == asked_again


def test_who_trades_with_himself_gains_and_moves_nothing() -> None:
    market = Watched()
    market.place("B", SELL, 100, 10, LIMIT)
    market.place("A", BUY, 100, 10, LIMIT)
    market.place("A", SELL, 120, 4, LIMIT)
    market.place("A", BUY, 120, 4, LIMIT)
    history = market.history("A")
    assert history.fill_count == 3
    assert (history.basis.average_price, history.basis.realised) == (100, 0)
    assert history.basis.unrealised(120) == 200


def test_fills_of_one_event_come_at_the_best_price_first() -> None:
    """Whichever order is older: selling through zero at 110 and then at 120 is not the reverse."""
    market = Watched()
    for side, prices in ((SELL, (120, 110)), (BUY, (80, 90))):
        market.place("B", SELL if side is BUY else BUY, 100, 7, LIMIT)
        market.place("A", side if side is BUY else BUY, 100, 7, MARKET)
        for price in prices:
            market.place("A", side, price, 5, LIMIT)
        market.place("B", BUY if side is SELL else SELL, prices[0], 10, LIMIT)
        told = [fill.price for _, fill in market.history("A").fills(0, 99)][-2:]
        assert told == [prices[1], prices[0]]
        market.check("A")


def test_a_question_costs_what_is_new_and_what_is_open() -> None:
    market = Watched()
    for _ in range(500):
        market.place("B", SELL, 100, 1, LIMIT)
        market.place("A", BUY, 100, 1, LIMIT)
    market.place("A", BUY, 90, 1, LIMIT)
    market.history("A")
    assert market.steps > 1
    market.steps = 0
    for _ in range(20):
        market.place("B", SELL, 100, 1, LIMIT)
        market.place("A", BUY, 100, 1, LIMIT)
        market.history("A")
    assert market.steps == 0 and market.history("A").fill_count == 520


def test_any_number_of_open_orders_is_looked_at_in_bounded_steps() -> None:
    market = Watched()
    for _ in range(20_000):
        market.place("A", BUY, 100, 1, LIMIT)
    assert market.history("A").open[BUY] == OpenOrders(20_000, 20_000)
    market.steps = 0
    market.place("A", BUY, 100, 1, LIMIT)
    market.history("A")
    assert market.steps <= 2 * 20_000 // module.STEP + 2


def test_what_happens_between_steps_is_told_the_next_time() -> None:
    market = Watched()
    for _ in range(400):
        market.place("B", SELL, 100, 2, LIMIT)
        market.place("A", BUY, 100, 1, LIMIT)
    stepping = market.histories.history("V", "S", "A")
    next(stepping)
    market.place("A", BUY, 101, 3, LIMIT)
    history = finished(stepping)
    assert history.fill_count == history.basis.shares == 400
    assert history.quote.last == 100
    market.check("A")


def test_orders_and_fills_between_later_steps_are_told_once_and_the_next_time() -> None:
    market = Watched()
    orders = [market.place("A", BUY, 100, 2, LIMIT) for _ in range(module.STEP + 5)]
    market.history("A")
    market.place("A", BUY, 99, 1, LIMIT)
    stepping = market.histories.history("V", "S", "A")
    next(stepping)
    market.place("B", SELL, 100, 1, LIMIT)  # meets the first of those, which is looked at last
    market.place("B", SELL, 101, 1, LIMIT)
    market.place("A", BUY, 101, 1, LIMIT)
    assert orders[0].remaining == 1
    history = finished(stepping)
    assert history.fill_count == 0
    assert history.open[BUY].orders == len(orders) + 1
    assert market.history("A").fill_count == 2
    market.check("A")


def test_two_who_ask_at_once_share_the_work() -> None:
    market = Watched()
    for _ in range(400):
        market.place("B", SELL, 100, 1, LIMIT)
        market.place("A", BUY, 100, 1, LIMIT)
    askers: list[Iterator[None]] = [market.histories.history("V", "S", "A") for _ in range(2)]
    steps = 0
    while askers:
        for asker in list(askers):
            if next(asker, "ended") == "ended":
                askers.remove(asker)
            else:
                steps += 1
    market.history("A")
    assert steps + 1 <= 400 * (module.FILL_COST + module.ORDER_COST) // module.STEP + 2
    market.check("A")


def test_the_oldest_fills_are_let_go_but_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RECENT_FILLS", 5)
    market = Watched()
    for price in range(100, 110):
        market.place("B", SELL, price, 1, LIMIT)
        market.place("A", BUY, price, 1, MARKET)
    history = market.history("A")
    assert history.fill_count == 10
    told = [(number, fill.price) for number, fill in history.fills(0, 3)]
    assert told == [(6, 105), (7, 106), (8, 107)]
    assert [number for number, _ in history.fills(8, 100)] == [9, 10]
    assert history.fills(10, 100) == history.fills(99, 100) == []


def test_who_was_asked_for_longest_ago_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    market = Watched()
    for account in "ABCD":
        market.place("Z", SELL, 100, 1, LIMIT)
        market.place(account, BUY, 100, 1, LIMIT)
    first = market.history("A")
    assert market.history("A") is first
    monkeypatch.setattr(module, "MOST_HISTORIES", 2)
    market.history("B")
    assert market.history("A") is first
    market.history("C")
    assert market.history("A") is first
    monkeypatch.setattr(module, "MOST_STORED", 1)
    market.history("D")
    assert market.history("A") is not first
    market.check("A")


def test_an_order_with_many_fills_is_told_in_steps() -> None:
    market = Watched()
    for _ in range(600):
        market.place("B", SELL, 100, 1, LIMIT)
    market.place("A", BUY, 100, 600, LIMIT)
    assert market.history("A").fill_count == 600
    assert market.steps == 600 * module.FILL_COST // module.STEP
    market.check("A")


@settings(max_examples=20)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=40))
def test_a_curve_ends_at_what_is_held(quantities: list[int]) -> None:
    market = Watched()
    for price, quantity in enumerate(quantities, 100):
        market.place("B", SELL, price, quantity, LIMIT)
        market.place("A", BUY, price, quantity, LIMIT)
    last = market.history("A").series.since(0)[-1]
    position = market.book.positions["A"]
    assert (last.cash, last.shares) == (position.cash, position.shares)
    assert last.price == 99 + len(quantities)


TURNS = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob"]),
        st.sampled_from(Side),
        st.integers(48, 52),
        st.integers(1, 9),
    ),
    min_size=1,
    max_size=25,
)


def known(exchange: Exchange, account: str = "ann") -> object:
    """All that is told of an account in the one book of an exchange."""
    histories = AccountHistories(exchange)
    with exchange.transaction():
        history = finished(histories.history("V", "S", account))
    return (
        [(number, msgspec.structs.astuple(fill)) for number, fill in history.fills(0, 10**6)],
        history.fill_count,
        history.open,
        [getattr(history.basis, name) for name in CostBasis.__slots__],
        [msgspec.structs.astuple(each) for each in history.series.since(0)],
    )


@settings(max_examples=8, deadline=None)
@given(TURNS)
def test_a_restart_changes_nothing(turns: list[tuple[str, Side, int, int]]) -> None:
    """Nor does a crash, nor a database that has nearly all of the orders."""
    with TemporaryDirectory(dir=MEMORY) as folder:
        market = Stoppable(Path(folder) / "market.db", clock=count(1).__next__)
        plain = Exchange(clock=count(1).__next__)
        for account, side, price, quantity in turns:
            for exchange in (market.exchange, plain):
                play(exchange, (("V", "S"), NewOrder(account, side, LIMIT, price, quantity)))
        expected = known(plain)
        assert known(market.exchange) == expected
        market.crash()
        assert known(market.exchange) == expected
        market.flush()
        market.stop()
        assert known(market.exchange) == expected
        market.exchange.close()


def test_what_a_rollback_took_back_is_not_told(tmp_path: Path) -> None:
    market = Stoppable(tmp_path / "market.db", clock=count(1).__next__)
    exchange = market.exchange
    for order in (sell(5), buy(2, "ann")):
        play(exchange, (("V", "S"), order))
    play(exchange, (("V", "S"), sell(7, "bob")))
    histories = AccountHistories(exchange)
    with exchange.lock:
        exchange.submit(exchange.book("V", "S"), buy(9, "ann"))
        before = finished(histories.history("V", "S", "ann"))
        assert (before.fill_count, before.basis.shares) == (5, 6)
        exchange._ledger.roll_back()
        with pytest.raises(CannotWrite):
            exchange.commit()
        after = finished(histories.history("V", "S", "ann"))
        assert (after.fill_count, after.basis.shares) == (2, 0)
        assert after.open[SELL] == OpenOrders(1, 3)
    exchange.close()


def test_a_ledger_that_cannot_be_read_is_told_and_tried_again(tmp_path: Path) -> None:
    market = Stoppable(tmp_path / "market.db", clock=count(1).__next__)
    for _ in range(5):
        for order in (sell(1), buy(1)):
            play(market.exchange, (("V", "S"), order))
    market.flush()
    histories = AccountHistories(market.exchange)
    find = market.exchange._ledger.find
    with market.exchange.lock:

        def damaged(book: OrderBook, order_id: int) -> Order | None:
            if order_id > 5:
                raise CannotRead
            return find(book, order_id)

        market.exchange._ledger.find = damaged  # type: ignore[method-assign]
        for _ in range(2):
            with pytest.raises(CannotRead):
                finished(histories.history("V", "S", "ann"))
        market.exchange._ledger.find = find  # type: ignore[method-assign]
        assert finished(histories.history("V", "S", "ann")).fill_count == 5
    market.exchange.close()


def test_orders_of_the_ledger_are_read_some_at_a_time(tmp_path: Path) -> None:
    market = Stoppable(tmp_path / "market.db", clock=count(1).__next__)
    for _ in range(40):
        for order in (sell(1), buy(1)):
            play(market.exchange, (("V", "S"), order))
    market.flush()
    with market.exchange.lock:
        steps = sum(1 for _ in AccountHistories(market.exchange).history("V", "S", "ann"))
    assert steps >= 30 * module.LEDGER_COST // module.STEP
    market.exchange.close()
