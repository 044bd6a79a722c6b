"""The simulation as a program uses it: what it says, what it refuses, and that it repeats."""

import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from disorderbook.client import Market, MarketClosed, Refused
from disorderbook.engine.orders import BUY
from disorderbook.in_process import serve
from disorderbook.lab import Simulation, simulation
from disorderbook.lab.record import DAYS, DECIDED, FAILED, INTERRUPTED, packed
from disorderbook.traders.market_view import MarketView, Strategy
from disorderbook.traders.taker import Taker

TRIO = "market-maker taker noise"


class BuyOne(Strategy):
    """Buys a share in each step, and wants so many steps at a look."""

    def __init__(self, steps: int = 1) -> None:
        self.steps, self.left = steps, steps

    def step(self, market: MarketView) -> bool:
        market.take(BUY, 1)
        self.left = (self.left or self.steps) - 1
        return self.left > 0


def quoting(market: Market, sim: Simulation) -> None:
    """A little market maker: two orders around the middle, new ones each time."""
    for order in market.open_orders():
        market.cancel(order.id)
    top = market.quote()
    if top.bid and top.ask:
        middle = (top.bid + top.ask) // 2
        market.buy(middle - 5, 20)
        market.sell(middle + 5, 20)


def test_nothing_is_loaded_nor_started_that_is_not_needed() -> None:
    script = f"""
import sys, threading
from disorderbook.lab import Simulation
with Simulation(seed=7, opponents="{TRIO}") as sim:
    sim.advance(5)
    assert sim.result().measures.seed == 7
    loaded = ("bottle", "requests", "httptools", "sqlite3", "pandas", "disorderbook.server")
    assert not [name for name in loaded if name in sys.modules], sys.modules.keys()
    sim.market("ME").quote()
    assert "bottle" in sys.modules and threading.active_count() == 1
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=100)


def test_time_passes_when_it_is_told_to_and_opponents_trade_then() -> None:
    with Simulation(seed=7, opponents=TRIO) as sim:
        market, start = sim.market("ME"), sim.time
        assert market.quote().bid is None
        sim.advance(5)
        assert sim.time == start + 5 and market.quote().bid is not None
        before = market.book()
        assert market.book() == before, "reads change nothing"
        sim.advance(0.5)
        assert sim.time == start + 5.5


@pytest.mark.parametrize("opponents", ["market-maker,taker,noise:2", "market-maker taker  noise:2"])
def test_opponents_are_named_as_for_the_command(opponents: str) -> None:
    with Simulation(seed=1, opponents=opponents) as sim:
        sim.advance(10)
        accounts = {order.account for order in sim.record().orders}
    assert accounts == {"MAKERBOTS", "TAKERBOTS", "NOISEBOTS1", "NOISEBOTS2"}


@pytest.mark.parametrize("strategy", [quoting, BuyOne], ids=["function", "strategy"])
def test_the_same_run_gives_the_same_record(strategy: Any) -> None:
    records = []
    for seed in (7, 7, 8):
        with Simulation(seed=seed, opponents=TRIO) as sim:
            sim.run(strategy() if strategy is BuyOne else strategy, days=4, looks=5)
            records.append(packed(sim.record()))
    assert records[0] == records[1] != records[2]


def test_over_http_with_the_same_seed_the_same_happens() -> None:
    def trade(market: Market, advance: Callable[[float], None]) -> list[object]:
        told: list[object] = []
        for _ in range(12):
            advance(1.25)
            quoting(market, None)  # type: ignore[arg-type]
            try:
                market.buy(0, 1)
            except Refused as refusal:
                told.append(refusal.args)
            told.append(market.book())
        return [*told, market.orders(), market.position(), market.fills(), market.open_orders()]

    with Simulation(seed=7, opponents=TRIO) as sim:
        here = trade(sim.market("ME"), sim.advance)
        assert any(fill for order in sim.market().orders() for fill in order.fills)
    with serve(opponents="market-maker,taker,noise", seed=7, clock="stepped") as exchange:
        with Market("TESTEX", "FOOBAR", "ME", url=exchange.url) as market:
            assert trade(market, exchange.advance) == here


def test_a_function_looks_as_often_as_it_is_told_to() -> None:
    times: list[float] = []
    with Simulation(seed=1, day_seconds=10) as sim:
        start = sim.time
        sim.run(lambda market, sim: times.append(sim.time - start), days=2, looks=4)
        assert times == [2.5, 5, 7.5, 10, 12.5, 15, 17.5, 20]
        sim.run(lambda market, sim: times.append(sim.time - start), days=1)
    assert times[-1] == 30 and sim.day == 3


def test_a_strategy_may_let_time_pass_itself_and_time_never_goes_back() -> None:
    times: list[float] = []

    def look(market: Market, sim: Simulation) -> None:
        times.append(sim.time)
        sim.advance(3)

    with Simulation(seed=1, day_seconds=5) as sim:
        start = sim.time
        sim.run(look, days=1, looks=5)
    assert [time - start for time in times] == [1, 4, 7, 10, 13]


@pytest.mark.parametrize("is_file", [True, False], ids=["file", "tables"])
def test_everybody_obeys_the_rules_of_the_stock(tmp_path: Path, is_file: bool) -> None:
    """Those of its venue: a class has a venue for each round."""
    rules: Any = {"market": {"largest_order": 90}, "venues": {"ROUND1": {"largest_order": 140}}}
    if is_file:
        rules = tmp_path / "rules.toml"
        rules.write_text("[market]\nlargest_order = 90\n[venues.ROUND1]\nlargest_order = 140\n")
    with Simulation(seed=7, opponents=TRIO, venue="ROUND1", rules=rules) as sim:
        market = sim.market()
        market.buy(5000, 140)
        with pytest.raises(Refused, match="at most 140"):
            market.buy(5000, 141)
        sim.run(BuyOne(), days=1)
        orders = sim.record().orders
    assert max(order.quantity for order in orders) == 140
    assert {order.account for order in orders} > {"ME", "MAKERBOTS"}
    with Simulation(seed=7, rules=rules) as sim:
        assert sim.market().buy(5000, 90).open


def test_the_result_is_less_what_the_rules_ask_for_each_trade() -> None:
    rules = {"market": {"taker_fee": 30, "maker_fee": -7}}
    with Simulation(seed=7, opponents=TRIO, rules=rules) as sim:
        sim.run(BuyOne(), days=3)
        [book] = sim._inside.exchange.books(sim.venue)
        assert book.last_trade is not None
        for account in ("ME", "MAKERBOTS"):
            position, pnl = book.positions[account], sim.result(account).measures.pnl
            assert position.fees and pnl == position.net_asset_value(book.last_trade.price)


def test_all_days_can_be_played_once() -> None:
    with Simulation(seed=1, days=3) as sim:
        sim.run(quoting, days=2)
        sim.run(quoting)
        with pytest.raises(ValueError, match="All 3 days of this simulation have been played"):
            sim.run(quoting)
        assert sim.record().days == 3 and sim.result().measures.days == 3.0


def test_the_result_is_frozen_and_tells_what_was_traded() -> None:
    with Simulation(seed=7, opponents=TRIO) as sim:
        sim.advance(5)
        sim.run(BuyOne(3), days=2)
        result = sim.result()
        assert (result.measures.shares, result.measures.fills, result.measures.takes) == (6, 6, 1.0)
        assert result.measures.requests == 0 and result.curve.shares[-1] == 6
        assert result.state is None and result.measures.ending == DAYS
        with pytest.raises(AttributeError):
            result.measures = None  # type: ignore[misc,assignment]
        assert sim.result("MAKERBOTS").measures.orders > 0


def test_the_record_counts_requests_and_names_refusals() -> None:
    with Simulation(seed=7, opponents=TRIO) as sim:
        market = sim.market()
        market.quote()
        with pytest.raises(Refused):
            market.buy(5000, 0)
        record = sim.record()
    assert (record.requests, record.refusal_count) == (2, 1)
    [refusal] = record.refusals
    assert (refusal.method, refusal.status) == ("POST", 400) and "qty" in refusal.detail
    kept = sim._served().journal.requests()  # what is not told is not kept either
    assert [request.status for request in kept] == [400]


def test_a_record_stays_as_it_was() -> None:
    with Simulation(seed=7) as sim:
        market = sim.market()
        order = market.buy(5000, 10)
        record = sim.record()
        sim.market("OTHER").sell(5000, 4)
        market.cancel(order)
    [then] = record.orders
    assert (then.filled, then.remaining, len(then.fills), then.closed_at) == (0, 10, 0, None)
    assert sim.record().orders[0].filled == 4


def fails(market: Market, sim: Simulation) -> None:
    market.buy(5000, 10)
    if sim.day >= 2:
        raise ZeroDivisionError("mine")


def test_what_a_strategy_raises_comes_out_and_the_rest_can_be_read() -> None:
    with Simulation(seed=7, opponents=TRIO) as sim:
        with pytest.raises(ZeroDivisionError, match="mine") as raised:
            sim.run(fails, days=9)
        frames = traceback.extract_tb(raised.tb)
        assert (frames[-1].name, frames[-1].filename) == ("fails", __file__)
        record = sim.record()
        assert record.ending.reason == FAILED and "mine" in record.ending.last_lines[-1]
        assert sim.result().measures.orders == 2 and sim.day == 2
        sim.run(quoting, days=1)
        assert sim.record().ending.reason == DAYS


def test_what_was_interrupted_can_be_read_and_is_not_gone_on_with() -> None:
    def interrupted(market: Market, sim: Simulation) -> None:
        market.buy(1, 1)
        raise KeyboardInterrupt

    with Simulation(seed=7) as sim:
        with pytest.raises(KeyboardInterrupt):
            sim.run(interrupted)
        with pytest.raises(RuntimeError, match="was interrupted, and can only be read"):
            sim.advance(1)
        assert sim.record().ending.reason == INTERRUPTED and len(sim.record().orders) == 1


def test_a_strategy_that_never_has_enough_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulation, "MOST_STEPS", 50)
    with Simulation(seed=7) as sim:
        with pytest.raises(RuntimeError, match="more than 50 steps at one look"):
            sim.run(BuyOne(10**9))
        assert len(sim.record().orders) == 50


def test_a_strategy_may_ask_a_market_in_its_step() -> None:
    class Asking(Strategy):
        def step(self, market: MarketView) -> None:
            bids.append(asked.quote().bid)

    bids: list[int | None] = []
    with Simulation(seed=7, opponents=TRIO) as sim:
        asked = sim.market()
        sim.run(Asking(), days=2)
    assert len(bids) == 2 and all(bids)


def test_a_closed_simulation_can_be_read_and_does_nothing() -> None:
    with Simulation(seed=7, opponents=TRIO) as sim:
        market = sim.market()
        ticks = market.ticks()
        sim.run(BuyOne(), days=3)
    for call in (sim.market, sim.run, lambda: sim.advance(1)):
        with pytest.raises(RuntimeError, match="was closed, and can only be read"):
            call(*([BuyOne()] if call == sim.run else []))  # type: ignore[operator]
    with pytest.raises(MarketClosed):
        market.quote()
    assert list(ticks) == []
    assert sim.result().measures.orders == 3 and sim.time > 0
    sim.close()


def test_a_strategy_that_closes_its_simulation_ends_its_run() -> None:
    with Simulation(seed=7) as sim:
        with pytest.raises(RuntimeError, match="was closed"):
            sim.run(lambda market, sim: sim.close())
    assert sim.day == 1


def test_runs_do_not_nest() -> None:
    with Simulation(seed=7) as sim:
        with pytest.raises(RuntimeError, match="runs a strategy already"):
            sim.run(lambda market, sim: sim.run(quoting))


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        ({"opponents": "market-maker wolf"}, "No opponent is called 'wolf'; there are market-m"),
        ({"opponents": "noise:0"}, "a count is 1 to 100"),
        ({"seed": -1}, r"seed is an integer from 0 to \d+, and not -1"),
        ({"seed": "7"}, "seed has to be int"),
        ({"seed": True}, "seed has to be int"),
        ({"level": "sell_sde"}, "sell_side"),
        ({"level": "sell_side", "opponents": "noise"}, "A level has bots"),
        ({"level": "sell_side", "account": "ME"}, "A level has bots"),
        ({"level": "sell_side", "rules": {}}, "A level has bots, rules"),
        ({"rules": {"market": {"limit": 5}}}, r"^rules has limit in \[market\]"),
        ({"days": 0}, "days is an integer from 1 to 500, and not 0"),
        ({"days": 501}, "days is an integer from 1 to 500"),
        ({"day_seconds": 0}, "day_seconds is 0.05 to 86400, and not 0"),
        ({"day_seconds": float("nan")}, "day_seconds is"),
        ({"venue": "x" * 300}, "cannot name a venue"),
        ({"symbol": ""}, "cannot name a venue, a stock"),
        ({"account": "NOISEBOTS", "opponents": "noise"}, "is the account of an opponent"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(
    arguments: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        Simulation(**({"seed": 7} | arguments))


@pytest.mark.parametrize("seconds", [-1, float("inf"), float("nan"), 86_401, "5", True])
def test_time_that_goes_back_or_is_none_changes_nothing(seconds: Any) -> None:
    with Simulation(seed=7, opponents=TRIO) as sim:
        time = sim.time
        with pytest.raises(ValueError, match="A clock is moved by 0 to 86400 seconds, and not"):
            sim.advance(seconds)
        assert sim.time == time


async def waiting(market: Market, sim: Simulation) -> None:
    """Makes a coroutine, which nobody would wait for."""


def yielding(market: Market, sim: Simulation) -> Iterator[None]:
    """Makes a generator, which nobody would ask."""
    yield


class Waiting:
    """The same as an object."""

    async def __call__(self, market: Market, sim: Simulation) -> None: ...


@pytest.mark.parametrize(
    "strategy, numbers, sentence",
    [
        (quoting, {"days": 0}, "days is an integer from 1 to 500, and not 0"),
        (quoting, {"days": 2.5}, "days is an integer"),
        (quoting, {"looks": 0}, "looks is an integer from 1 to 100000, and not 0"),
        (7, {}, "7 is no Strategy and no function"),
        (waiting, {}, "waiting .* is no Strategy and no function"),
        (yielding, {}, "yielding .* is no Strategy and no function"),
        (Waiting(), {}, "is no Strategy and no function"),
        (Taker, {}, "Taker.* is no Strategy and no function"),
    ],
)
def test_a_run_that_cannot_be_is_refused(
    strategy: Any, numbers: dict[str, Any], sentence: str
) -> None:
    with Simulation(seed=7) as sim:
        with pytest.raises(ValueError, match=sentence):
            sim.run(strategy, **numbers)
        assert sim.day == 0


def test_a_seed_is_drawn_if_none_is_given() -> None:
    with Simulation() as one, Simulation() as two:
        assert one.seed != two.seed and one.record().seed == one.seed


def test_a_level_is_played_until_it_is_decided() -> None:
    with Simulation(seed=7, level="first_steps") as sim:
        assert sim.state == "open" and sim.market().quote().ask is not None
        sim.run(lambda market, sim: market.buy(market.quote().ask, 100), days=500)
        assert sim.state == "won" and sim.record().ending.reason == DECIDED
        assert sim.result().state == "won" and sim.flash is not None
        with pytest.raises(ValueError, match="Nobody can be accused here"):
            sim.accuse("ANYBODY")


@pytest.mark.slow
def test_the_curve_goes_to_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    with Simulation(seed=7, opponents=TRIO) as sim:
        sim.run(BuyOne(), days=2)
        result = sim.result()
    table = result.to_pandas()
    assert list(table.columns) == ["price", "nav", "shares"]
    assert list(table.nav) == result.curve.nav and str(table.index.tz) == "UTC"
    assert table.index[0] == pandas.Timestamp(result.curve.times[0], tz="UTC")
    assert pandas.isna(table.price.iloc[0]) and table.price.iloc[-1] == result.curve.price[-1]


def test_without_pandas_a_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with Simulation(seed=7) as sim:
        with pytest.raises(ModuleNotFoundError, match="pip install pandas"):
            sim.result().to_pandas()


def test_a_report_is_written_about_the_run(tmp_path: Path) -> None:
    with Simulation(seed=7, opponents=TRIO) as sim:
        sim.run(quoting, days=2, looks=5)
    sim.report(tmp_path / "run.html")
    assert (tmp_path / "run.html").read_text().lower().startswith("<!doctype html")
    with pytest.raises(OSError):
        sim.report(tmp_path / "nowhere" / "run.html")


def test_in_a_level_the_tape_tells_what_its_bots_trade() -> None:
    with Simulation(seed=7, level="sell_side") as sim:
        market = sim.market()
        ticks = market.ticks()
        sim.advance(20)
        assert len(list(ticks)) > 50 and market.position().shares == 0
        assert sim.day > 1 and market.account == sim.account


@pytest.mark.parametrize("account", [5, None, ""])
def test_what_is_no_name_is_no_accusation(account: Any) -> None:
    with Simulation(seed=3, level="making_amends") as sim:
        with pytest.raises(ValueError, match="cannot name"):
            sim.accuse(account)
        assert sim.state == "open"
