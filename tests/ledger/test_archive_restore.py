"""A market that is stopped and started again at any moments goes on as if it had never stopped."""

import itertools
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from durable_market import MEMORY, Act, Stoppable, buy, play, sell, state
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from disorderbook.engine.orders import NewOrder, OrderType, Side
from disorderbook.exchange import Exchange
from disorderbook.ledger import durable
from disorderbook.ledger.base import Instance, Ledger
from disorderbook.ledger.location import Unusable

MOST = 2**31 - 1
PLACES = [("V", "A"), ("V", "b"), ("W", "A")]

orders = st.tuples(
    st.sampled_from(PLACES),
    st.builds(
        NewOrder,
        st.sampled_from(["ann", "bob", "c\0ü"]),
        st.sampled_from(Side),
        st.sampled_from([OrderType.LIMIT, OrderType.LIMIT, *OrderType]),
        st.integers(0, 6) | st.just(MOST),
        st.integers(1, 9) | st.just(MOST),
    ),
)
cancels = st.tuples(st.sampled_from(PLACES), st.integers(0, 30))
pauses = st.sampled_from(["stop", "crash", "flush"])
acts = st.lists(orders | orders | orders | cancels | pauses, max_size=60)


@examples(2)
@given(acts, st.integers(0, 5), st.integers(1, 20))
@pytest.mark.slow
def test_a_stopped_market_equals_one_that_never_stopped(
    acts: list[Act | str],
    bound: int,
    flushed_at: int,
) -> None:
    with TemporaryDirectory(dir=MEMORY) as folder, patch.object(durable, "FLUSHED_AT", flushed_at):
        endless = Exchange(clock=itertools.count(1).__next__, ledger=Ledger())
        stoppable = Stoppable(Path(folder, "market.db"), bound, itertools.count(1).__next__)
        for act in acts:
            if isinstance(act, str):
                getattr(stoppable, act)()
            else:
                play(endless, act)
                play(stoppable.exchange, act)
        stoppable.stop()
        assert state(stoppable.exchange) == state(endless)
        stoppable.exchange.close()


batches = st.lists(
    st.tuples(
        st.lists(orders | orders | cancels, max_size=8),
        st.sampled_from(["commit", "commit", "flush", "crash"]),
        st.sampled_from(["", "stop", "flush"]),
    ),
    max_size=15,
)


@examples(1.5)
@given(batches, st.integers(0, 5), st.integers(1, 20))
@pytest.mark.slow
def test_a_crash_takes_the_batch_that_was_not_committed_and_no_other(
    batches: list[tuple[list[Act], str, str]],
    bound: int,
    flushed_at: int,
) -> None:
    time = [0]
    with TemporaryDirectory(dir=MEMORY) as folder, patch.object(durable, "FLUSHED_AT", flushed_at):
        endless = Exchange(clock=lambda: time[0], ledger=Ledger())
        stoppable = Stoppable(Path(folder, "market.db"), bound, lambda: time[0])
        for acts, end, pause in batches:
            start = time[0]
            for exchange in [stoppable.exchange, *[endless] * (end != "crash")]:
                exchange.group_commit, time[0] = True, start
                for act in acts:
                    time[0] += 10
                    play(exchange, act)
            getattr(stoppable if end == "crash" else stoppable.exchange, end)()
            if pause:
                getattr(stoppable, pause)()
            assert state(stoppable.exchange) == state(endless)
        stoppable.exchange.close()


def test_time_goes_on_after_the_last_that_was_recorded(tmp_path: Path) -> None:
    killed = NewOrder("ann", Side.BUY, OrderType.FILL_OR_KILL, 5, 5)
    market = Stoppable(tmp_path / "market.db")
    play(market.exchange, (("V", "S"), killed))
    ts = market.exchange.order("V", "S", 0).ts
    market.stop()
    assert market.exchange.now() == ts + 1
    market.exchange.close()


def test_sums_of_money_beyond_64_bits_come_back(tmp_path: Path) -> None:
    market = Stoppable(tmp_path / "market.db")
    for _ in range(5):
        play(market.exchange, (("V", "S"), sell(MOST, price=MOST)))
        play(market.exchange, (("V", "S"), buy(MOST, price=MOST)))
    market.stop()
    positions = market.exchange.book("V", "S").positions
    assert positions["ann"].cash == 5 * MOST * MOST > 2**63
    assert positions["bob"].cash == -5 * MOST * MOST
    market.exchange.close()


def test_instances_of_levels_come_back_and_no_id_is_given_twice(tmp_path: Path) -> None:
    market = Stoppable(tmp_path / "market.db")
    with market.exchange.transaction():
        for number in (1, 2, 3):
            market.record_instance(number, Instance(number, "BOB", 5))
        market.record_instance(2, None)
        market.record_instance(3, None)
        market.record_instance(1, Instance(1, "ANN", 9))
    market.stop()
    assert market.instances == [Instance(1, "ANN", 9)] and market.last_instance == 3
    market.exchange.close()


def test_what_has_not_been_committed_is_dropped(tmp_path: Path) -> None:
    market = Stoppable(tmp_path / "market.db")
    play(market.exchange, (("V", "S"), sell(3)))
    market.exchange.group_commit = True
    play(market.exchange, (("V", "S"), buy(3)))
    market.exchange.commit()
    play(market.exchange, (("V", "S"), sell(4)))
    market.stop()
    assert market.exchange.book("V", "S").next_id == 2
    market.exchange.close()


DAMAGES = [
    "DELETE FROM orders WHERE remaining > 0 AND side = 'sell'",
    "DELETE FROM orders WHERE id = 3",
    "DELETE FROM executions WHERE standing_id = 0",
    "DELETE FROM executions WHERE incoming_id = 2",
    "DELETE FROM positions WHERE account = 'ann'",
    "DELETE FROM positions",
    "DELETE FROM books",
    "DELETE FROM ledger",
    "UPDATE ledger SET books = 2",
    "UPDATE ledger SET last_instance = 0",
    "UPDATE orders SET remaining = 1 WHERE id = 0",
    "UPDATE orders SET price = 51 WHERE id = 0",
    "UPDATE orders SET account = 'cat' WHERE id = 0",
    "UPDATE orders SET remaining = 0 WHERE id = 0",
    "UPDATE positions SET cash = cash + 1",
    "UPDATE positions SET lowest = -9",
    "UPDATE books SET quote_time = opened",
    "UPDATE books SET orders = 1",
    "UPDATE books SET last_price = NULL",
    "UPDATE instances SET account = 'cat'",
    "UPDATE executions SET ts = 'soon'",
    "UPDATE executions SET standing_fill = standing_fill + 5",
    "DROP TABLE positions",
    "DROP INDEX open_orders",
    "UPDATE ledger SET journaled = 9",
]

JOURNAL_DAMAGES = [
    "DELETE FROM journal WHERE number = (SELECT min(number) FROM journal)",
    "DELETE FROM journal WHERE number = (SELECT min(number) FROM journal) + 1",
    "UPDATE journal SET commands = x'91'",
    "UPDATE journal SET checksum = checksum + 1",
    "UPDATE journal SET number = number + 1000",
    "UPDATE ledger SET journaled = 9",
    "DROP TABLE journal",
    "DELETE FROM orders WHERE id = 1",
    "DELETE FROM books",
]


@pytest.mark.parametrize("damage", JOURNAL_DAMAGES)
def test_a_journal_that_does_not_fit_is_refused(tmp_path: Path, damage: str) -> None:
    market = Stoppable(tmp_path / "market.db")
    for act in (sell(9), buy(2)):
        play(market.exchange, (("V", "S"), act))
    market.flush()
    for act in (0, buy(3), sell(1)):
        play(market.exchange, (("V", "S"), act))
    market.exchange._ledger.connection.execute(damage)
    with pytest.raises(Unusable, match="is damaged"):
        market.crash()


@pytest.mark.parametrize("damage", DAMAGES)
def test_rows_that_do_not_fit_together_are_refused(tmp_path: Path, damage: str) -> None:
    market = Stoppable(tmp_path / "market.db")
    for act in (sell(9), buy(2), buy(3), buy(1, price=40)):
        play(market.exchange, (("V", "S"), act))
    with market.exchange.transaction():
        market.record_instance(1, Instance(1, "ANN", 1))
    market.flush()
    market.exchange._ledger.connection.execute(damage)
    with pytest.raises(Unusable, match="is damaged"):
        market.stop()
