"""What was answered is there after kill -9; and a second exchange is kept from the same file."""

import itertools
import json
import os
import random
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from busy_clients import Json, PatientTrader, Trader, trade_a_little, wait_for
from durable_market import Stoppable, state
from invariants import check_ladder, check_order
from level_player import LEVELS, HttpClient, until
from live import killed, running
from program import refused, start
from wsgi import BUY, ORDERS

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import Order, Side
from disorderbook.engine.positions import Position
from disorderbook.errors import CannotWrite
from disorderbook.protocol.messages import order_message

MEDDLINGS = 8  # of another program with the file, under load
BACKUPS = 3
KILLS_OF_STARTS = 8
KILLS_OF_LEVELS = 4
KILLS = 15
KILLS_WITH_SYNC = 8  # which says something of a machine that dies; to a kill it is the same
FULL_DISK_KIB = 400
ACCOUNTS = ["ANN", "BOB", "CAT"]
FIXED = ("id", "account", "direction", "orderType", "price", "originalQty", "ts")


def test_trades_and_candles_are_the_same_after_a_kill_and_after_an_end(tmp_path: Path) -> None:
    file = str(tmp_path / "market.db")
    pages = ["trades?limit=500", *(f"candles?span={span}" for span in ("5m", "30m", "all"))]

    def told(client: HttpClient) -> list[Json]:
        stock = "/api/v1/venues/TESTEX/stocks/FOOBAR"
        return [client.get(f"{stock}/{page}", None) | {"ts": ""} for page in pages]

    def trade(client: HttpClient, price: int) -> None:
        for direction in ("buy", "sell"):
            client.post(ORDERS, None, BUY | {"direction": direction, "price": price})

    with killed("-d", file) as exchange:
        client = HttpClient(exchange.port)
        for price in (5000, 4990, 5010):
            trade(client, price)
        before = told(client)
        assert [each["number"] for each in before[0]["trades"]] == [1, 2, 3]
        assert [sum(c["trades"] for c in page["candles"]) for page in before[1:]] == [3, 3, 3]
    with running("-d", file) as exchange:
        client = HttpClient(exchange.port)
        assert told(client) == before
        trade(client, 5020)
        after = told(client)
        assert [each["number"] for each in after[0]["trades"]] == [1, 2, 3, 4]
    with running("-d", file) as exchange:
        assert told(HttpClient(exchange.port)) == after


@pytest.mark.parametrize("options", [[], ["--sync"]], ids=["plain", "sync"])
@pytest.mark.slow
def test_another_program_that_writes_to_the_file_holds_up_changes_only_and_leaves_no_trace(
    tmp_path: Path,
    options: list[str],
) -> None:
    file, progress = tmp_path / "market.db", threading.Semaphore(0)
    with running("-d", str(file), *options) as exchange:
        traders = [PatientTrader(exchange.port, account, progress) for account in ACCOUNTS]
        for trader in traders:
            trader.start()
        for _ in range(MEDDLINGS):
            wait_for(progress, 30)
            meddle(file, exchange.port, traders)
            while progress.acquire(blocking=False):  # what was answered before
                pass
        wait_for(progress, 30)
        for trader in traders:
            trader.over.set()
        for trader in traders:
            trader.join(20)
            assert not trader.is_alive() and trader.fault is None, trader.fault
        assert exchange.log().count("no changes until") == MEDDLINGS
        assert "cannot be written" not in exchange.log()
    placed = {number: order for trader in traders for number, order in trader.placed.items()}
    market = Stoppable(file)
    orders = consistent_orders(market.exchange.book("TESTEX", "FOOBAR"), market)
    assert len(orders) == len(placed)  # none that was refused is there
    check_answers(placed, traders, orders)
    market.exchange.close()
    check_tables(file)


@pytest.mark.slow
def test_a_backup_under_load_has_every_order_that_was_answered_before_it(tmp_path: Path) -> None:
    file, progress = tmp_path / "market.db", threading.Semaphore(0)
    answered: list[dict[int, Json]] = []
    with running("-d", str(file)) as exchange:
        traders = [PatientTrader(exchange.port, account, progress) for account in ACCOUNTS]
        for trader in traders:
            trader.start()
        for number in range(BACKUPS):
            wait_for(progress, 100)
            answered.append({n: order for t in traders for n, order in dict(t.placed).items()})
            ended = start("backup", str(file), str(tmp_path / f"copy{number}.db"))
            assert ended.returncode == 0, ended
        for trader in traders:
            trader.over.set()
        for trader in traders:
            trader.join(20)
            assert not trader.is_alive() and trader.fault is None, trader.fault
    final = {n: order for t in traders for n, order in t.placed.items()}
    for number, placed in enumerate(answered):
        copy = tmp_path / f"copy{number}.db"
        market = Stoppable(copy)
        orders = consistent_orders(market.exchange.book("TESTEX", "FOOBAR"), market)
        assert placed.keys() <= {order.id for order in orders} <= final.keys()
        check_answers(placed, [], orders)
        market.exchange.close()
        check_tables(copy)


def meddle(file: Path, port: int, traders: list[PatientTrader]) -> None:
    """Write to the file until every trader was refused twice, and see that others can read."""
    meddler = sqlite3.connect(file, timeout=20, isolation_level=None)
    meddler.execute("BEGIN IMMEDIATE")
    for trader in traders:
        while trader.refused.acquire(blocking=False):
            pass
        wait_for(trader.refused, 2)
    reader = Trader(port, "ANN", threading.Semaphore(0))
    assert reader.ask("GET", f"{ORDERS}/0")[0] == 200
    assert reader.ask("GET", ORDERS.removesuffix("/orders") + "/quote")[0] == 200
    meddler.execute("UPDATE orders SET remaining = 0")
    meddler.close()


@pytest.mark.parametrize(
    "options, kills", [([], KILLS), (["--sync"], KILLS_WITH_SYNC)], ids=["plain", "sync"]
)
@pytest.mark.slow
def test_every_answered_order_and_cancel_survives_kill_9(
    tmp_path: Path,
    options: list[str],
    kills: int,
) -> None:
    file, draw = tmp_path / "market.db", random.Random(9)
    placed: dict[int, Json] = {}
    for kill in range(1, kills + 1):
        traders = trade_and_kill(file, options, answers=draw.choice([0, 1, 5, 20, 60, 100]))
        for trader in traders:
            assert not placed.keys() & trader.placed.keys(), "an id was given twice"
            placed |= trader.placed
        market = Stoppable(file)
        orders = consistent_orders(market.exchange.book("TESTEX", "FOOBAR"), market)
        # Of each trader one order may have been kept and not answered.
        assert len(placed) <= len(orders) <= len(placed) + len(ACCOUNTS) * kill
        check_answers(placed, traders, orders)
        market.exchange.close()
        check_tables(file)
    assert len(placed) > 10 * kills


@pytest.mark.slow
def test_a_kill_while_a_market_ends_or_starts_loses_nothing(tmp_path: Path) -> None:
    """Then the file may be on its way into WAL mode or out of it."""
    file = tmp_path / "market.db"
    draw = random.Random(5)
    for _ in range(KILLS_OF_STARTS):
        known = stop_and_start_until_killed(file, lines=draw.randint(2, 12))
        market = Stoppable(file)
        assert market.exchange.book("V", "S").next_id >= known
        market.exchange.close()


def stop_and_start_until_killed(file: Path, lines: int) -> int:
    """How many orders it had said that there are."""
    process = subprocess.Popen(
        [sys.executable, "-c", STOP_AND_START, str(file)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    with process, process.stdout as said:
        before = [said.readline() for _ in range(lines)]
        process.kill()
        return max(int(line) for line in [*before, *said] if line.strip().isdigit())


STOP_AND_START = """
import sys
from durable_market import Stoppable, play, sell
market = Stoppable(sys.argv[1])
while True:
    play(market.exchange, (("V", "S"), sell(1)))
    print(market.exchange.book("V", "S").next_id, flush=True)
    market.stop()
    print("started", flush=True)
"""


def trade_and_kill(file: Path, options: list[str], answers: int) -> list[Trader]:
    """Start an exchange, trade, and kill it after this many answers, with requests under way."""
    progress = threading.Semaphore(0)
    with killed("-d", str(file), *options) as exchange:
        traders = [Trader(exchange.port, account, progress) for account in ACCOUNTS]
        for trader in traders:
            trader.start()
        for _ in range(answers):
            assert progress.acquire(timeout=20), exchange.log()
    for trader in traders:
        trader.join(20)
        assert not trader.is_alive() and trader.fault is None, trader.fault
    return traders


def consistent_orders(book: OrderBook, market: Stoppable) -> list[Order]:
    """All orders, by id, once nothing in the book contradicts itself."""
    listings = [
        [order for order in market.exchange.orders_of(book, account) if order is not None]
        for account in ACCOUNTS
    ]
    orders = sorted(itertools.chain(*listings), key=lambda order: order.id)
    assert [order.id for order in orders] == list(range(book.next_id))
    for order in orders:
        check_order(order)
    for side, ladder in ((Side.BUY, book.bids), (Side.SELL, book.asks)):
        check_ladder(ladder, [o for o in orders if o.side is side and o.is_open], side)
    bought, sold = (sum(o.filled for o in orders if o.side is side) for side in Side)
    assert bought == sold
    for account, listing in zip(ACCOUNTS, listings, strict=True):
        position = book.positions.get(account, Position(account))
        assert (position.cash, position.shares) == earned(listing)
    return orders


def earned(orders: list[Order]) -> tuple[int, int]:
    """Cash and shares that some orders' fills have led to."""
    fills = [(1 if o.side is Side.BUY else -1, fill) for o in orders for fill in o.fills]
    return (
        -sum(sign * fill.price * fill.quantity for sign, fill in fills),
        sum(sign * fill.quantity for sign, fill in fills),
    )


def check_answers(placed: dict[int, Json], traders: list[Trader], orders: list[Order]) -> None:
    """Nothing may be less than what was answered: fills are only added, a closed order is final."""
    for order_id, answer in placed.items():
        now = json.loads(order_message(orders[order_id]))
        assert {key: now[key] for key in FIXED} == {key: answer[key] for key in FIXED}
        assert now["fills"][: len(answer["fills"])] == answer["fills"]
        assert answer["open"] or now == answer
    for trader in traders:
        for order_id, answer in trader.cancelled.items():
            assert json.loads(order_message(orders[order_id])) == answer


def check_tables(file: Path) -> None:
    """Executions and fills tell of the same trades; money and shares only change hands."""
    connection = sqlite3.connect(file)
    (executions,) = connection.execute("SELECT count(*) FROM executions")
    (fills,) = connection.execute("SELECT count(*) / 2.0 FROM fills")
    assert executions == fills
    sums = connection.execute("SELECT sum(cash), sum(shares) FROM positions").fetchone()
    assert sums in [(0, 0), (None, None)]
    connection.close()


def test_a_second_exchange_on_the_same_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "market.db"
    with running("-d", str(file)) as exchange:
        assert f"{file} is in use by another exchange" in refused("-p", "0", "-d", str(file))
        assert trade_a_little(exchange.port)["id"] == 0
    with running("-d", str(file)) as again:
        assert trade_a_little(again.port)["id"] == 1


def test_a_full_disk_stops_changes_and_loses_nothing(tmp_path: Path) -> None:
    file = tmp_path / "market.db"
    small_files = ("bash", "-c", f'ulimit -f {FULL_DISK_KIB}; exec "$@"', "limited")
    with killed("-d", str(file), wrapper=small_files) as exchange:
        trader = Trader(exchange.port, "ANN", threading.Semaphore(0))
        refusal = (503, {"ok": False, "error": CannotWrite.sentence})
        while (answer := trader.ask("POST", ORDERS, BUY))[0] == 200:
            trader.placed[answer[1]["id"]] = answer[1]
        assert answer == refusal and len(trader.placed) > 10
        assert trader.ask("POST", ORDERS, BUY) == trader.ask("DELETE", f"{ORDERS}/0") == refusal
        for order_id, placed in trader.placed.items():
            assert trader.ask("GET", f"{ORDERS}/{order_id}") == (200, placed)
        assert trader.ask("GET", f"{ORDERS}/{len(trader.placed)}")[0] == 404
        assert exchange.log().count("The ledger cannot be written") == 1
        assert "Traceback" not in exchange.log()
        kept = trader.placed
    with running("-d", str(file)) as exchange:
        trader = Trader(exchange.port, "ANN", threading.Semaphore(0))
        assert trader.place()["id"] == len(kept)


@pytest.mark.slow
def test_every_level_goes_on_after_a_kill_in_the_midst_of_its_bursts(tmp_path: Path) -> None:
    options = ["-d", str(tmp_path / "market.db"), "--websockets", "--day-seconds", "0.3"]
    started: dict[str, Json] = {}
    orders: dict[str, list[Json]] = {name: [] for name in LEVELS}
    days: dict[str, int] = {}
    for number in range(KILLS_OF_LEVELS):
        with killed(*options, "--seed", "7") as exchange:
            client = HttpClient(exchange.port)
            for name in LEVELS:
                answer = client.start(name, None)
                if not number:
                    started[name] = answer
                assert answer == started[name]  # the same account, venue and stock
            for name, answer in started.items():
                stock = f"/venues/{answer['venues'][0]}/stocks/{answer['tickers'][0]}"
                for placed in orders[name]:
                    again = client.get(f"/ob/api{stock}/orders/{placed['id']}", None)
                    assert again["ts"] == placed["ts"] and again["qty"] <= placed["qty"]
                new = {
                    "account": answer["account"],
                    "direction": "buy",
                    "orderType": "limit",
                    "qty": 1,
                    "price": 1,
                }
                orders[name].append(client.post(f"/ob/api{stock}/orders", None, new))
                path = f"/gm/instances/{answer['instanceId']}"
                reached = days.get(name, 0)
                until(lambda: day_of(client, path) > reached)  # noqa: B023
                days[name] = day_of(client, path)
    market = Stoppable(tmp_path / "market.db")
    state(market.exchange)  # in which nothing contradicts itself
    venues = {answer["venues"][0] for answer in started.values()}
    assert venues | {"TESTEX"} == set(market.exchange.venues())
    market.exchange.close()
    check_tables(tmp_path / "market.db")


def day_of(client: HttpClient, path: str) -> int:
    """The trading day that is told, 0 before the first."""
    return int(client.get(path, None).get("details", {}).get("tradingDay", 0))
