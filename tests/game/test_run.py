"""A run of a level: its days and pauses, its state and flash, and how it is stored."""

import json
from collections import Counter

import pytest

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import BUY, LIMIT, SELL, NewOrder
from disorderbook.exchange import Exchange
from disorderbook.game.levels import LEVELS
from disorderbook.game.run import Place, Run, free_names
from disorderbook.game.simulation import LevelSimulation
from disorderbook.protocol.names import NANOSECONDS

DAY = 5 * NANOSECONDS


def test_day_0_has_no_pauses_and_leaves_a_quote() -> None:
    for name in LEVELS:
        simulation = LevelSimulation(name, 3)
        run = simulation.run
        start, actions = run.next_at, 0
        while run.is_opening:
            assert run.next_at == start
            events = run.book.event_count
            simulation.act()
            assert run.book.event_count <= events + 1
            actions += 1
        quote = run.book.quote()
        assert quote.last and quote.bid and quote.ask, name
        assert run.trading_day is None and run.flash is None and actions > 10
        assert 0.2 * DAY <= run.next_at - start <= DAY


def test_a_day_is_a_burst_of_single_orders_and_then_silence() -> None:
    simulation = LevelSimulation("chock_a_block", 3)
    run = simulation.run
    simulation.play_day()
    pauses: Counter[int] = Counter()
    for day in range(1, 30):
        begins = run.next_at
        simulation.act()
        assert run.trading_day == day and run.is_bursting
        while run.is_bursting:
            pause = run.next_at - simulation.clock.now
            events = run.book.event_count
            pauses[pause] += 1
            simulation.act()
            assert run.book.event_count <= events + 1
        assert run.next_at == begins + DAY
        assert simulation.clock.now - begins < DAY / 5
    assert min(pauses) == 1_000_000 and max(pauses) == 5_000_000
    assert 1_300_000 <= sorted(pauses.elements())[pauses.total() // 2] <= 1_700_000


def test_a_late_thread_does_not_shift_the_days() -> None:
    simulation = LevelSimulation("first_steps", 3)
    run = simulation.run
    simulation.play_day()
    first = run.next_at
    for day in range(1, 20):
        while run.day < day or run.is_bursting:
            run.act(run.next_at + 3_000_000)
        assert run.next_at == first + day * DAY
    run.act(run.next_at + 10 * DAY)
    begun = run.day_began
    assert begun == first + 29 * DAY and run.day == 20  # days that were slept through do not come
    while run.is_bursting:
        run.act(run.next_at)
    assert run.next_at == begun + DAY


def test_instances_have_phases_of_their_own() -> None:
    firsts = []
    for seed in range(20):
        simulation = LevelSimulation("first_steps", seed)
        simulation.play_day()
        firsts.append(simulation.run.next_at % DAY)
    assert max(firsts) - min(firsts) > DAY / 2


@pytest.mark.parametrize("seconds, paused", [(60, 12.0), (0.5, 0.1), (0.2, 0.04), (0.1, 0)])
def test_pauses_shrink_with_the_day(seconds: float, paused: float) -> None:
    exchange = Exchange()
    run = Run(LEVELS["first_steps"], 1, exchange, Place("V", "S", "A"), 1000, seconds)
    while run.day < 3:
        run.act(run.next_at)
    while run.is_bursting:
        pause = run.next_at - run.acted_at
        assert pause == 0 if paused == 0 else 0 < pause <= paused / 0.04 / 1000 * NANOSECONDS
        run.act(run.next_at)


def test_after_the_last_day_it_is_lost_and_the_bots_stop() -> None:
    simulation = LevelSimulation("first_steps", 3)
    run = simulation.run
    while not run.is_over:
        assert run.state == "open"
        simulation.play_day()
    assert run.day == 499 and run.state == "lost" and run.flash and "error" in run.flash
    orders = run.book.next_id
    run.act(run.next_at + DAY)
    assert run.book.next_id == orders


def trade(simulation: LevelSimulation, side: object, quantity: int, price: int) -> None:
    run = simulation.run
    new = NewOrder(run.place.account, side, LIMIT, price, quantity)  # type: ignore[arg-type]
    simulation.exchange.submit(run.book, new)


def test_the_verdict_comes_at_the_close_and_stays_while_the_market_goes_on() -> None:
    simulation = LevelSimulation("first_steps", 3)
    run = simulation.run
    simulation.play_day()
    trade(simulation, BUY, 100, 10**6)
    assert run.state == "open"
    simulation.play_day()
    flash = run.flash
    assert run.state == "won" and flash and list(flash) == ["success"]
    trade(simulation, SELL, 100, 1)
    orders = run.book.next_id
    simulation.play_day()
    assert run.flash == flash and run.trading_day == 2 and run.book.next_id > orders


def test_a_limit_is_watched_at_every_trade() -> None:
    simulation = LevelSimulation("sell_side", 3)
    simulation.play_day()
    ask = simulation.run.book.quote().ask
    assert ask
    trade(simulation, BUY, 1, ask)
    assert simulation.run.flash and list(simulation.run.flash) == ["info"]
    other = NewOrder("B", SELL, LIMIT, 1, 2000)
    trade(simulation, BUY, 1000, ask * 2)
    assert simulation.run.state == "open" or simulation.run.book.positions
    simulation.exchange.submit(simulation.run.book, other)
    trade(simulation, BUY, 1000, ask)
    assert simulation.run.state == "lost"


def test_every_bot_has_a_name_of_its_own_that_is_not_the_players() -> None:
    for seed in range(30):
        first = free_names(seed, "")()
        names = free_names(seed, first)
        drawn = [names() for _ in range(1000)]
        assert len(set(drawn)) == 1000 and first not in drawn


def test_levels_without_a_culprit_take_no_accusation() -> None:
    run = LevelSimulation("sell_side", 3).run
    assert run.judge("mm") is False and run.state == "open"


def copy(book: OrderBook, exchange: Exchange) -> OrderBook:
    """A book as a ledger restores it: open orders, positions, last trade."""
    again = OrderBook(book.venue, book.symbol, book.opened_at)
    orders = [o for side in (book.bids, book.asks) for level in side for o in level.orders.values()]
    twins = []
    for order in sorted(orders, key=lambda each: each.id):
        twin = NewOrder(order.account, order.side, order.type, order.price, order.quantity)
        fresh = OrderBook("X", "X", 0)
        restored = fresh.submit(twin, order.ts).order
        restored.id, restored.venue, restored.symbol = order.id, order.venue, order.symbol
        restored.remaining, restored.filled = order.remaining, order.filled
        restored.fills, restored.event = list(order.fills), order.event
        twins.append(restored)
    again.restore(
        twins,
        book.next_id,
        book.event_count,
        book.positions.values(),
        book.quote_time,
        book.last_trade,
    )
    exchange.restore([again], book.quote_time)
    return again


def tail(simulation: LevelSimulation, days: int) -> list[object]:
    """What happens from now on, order by order."""
    run, happened = simulation.run, []
    last = run.day + days
    while run.day < last or run.is_bursting:
        simulation.act()
        quote = run.book.quote()
        happened.append((run.day, run.next_at - simulation.clock.now, quote.bid, quote.ask))
        happened.append((quote.last, quote.bid_depth, quote.ask_depth, run.book.next_id))
    return happened


@pytest.mark.parametrize("name", LEVELS)
@pytest.mark.parametrize("actions", [5, 43, 250, 251, 252, 253, 254, 500])
def test_a_run_that_is_restored_in_mid_day_goes_on_as_if_nothing_had_been(
    name: str, actions: int
) -> None:
    one, other = LevelSimulation(name, 5), LevelSimulation(name, 5)
    for simulation in (one, other):
        for _ in range(actions):
            simulation.act()
    stored = json.loads(json.dumps(other.run.stored()))
    exchange = Exchange(clock=other.clock)
    copy(other.run.book, exchange)
    other.clock.now += 1000 * DAY  # the clock of the run stands still meanwhile
    other.run = Run.restored(stored, exchange, other.clock.now)
    assert json.loads(json.dumps(other.run.stored())) == stored
    assert tail(one, 3) == tail(other, 3)
