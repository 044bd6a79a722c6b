# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
The levels in simulated time: what their markets look like beside what was recorded, who wins them,
and what they cost. And in real time: what many instances cost an exchange that runs.

    python3 benchmarks/levels.py [--statistics] [--wins] [--cost] [--load] [--write]

Without an option it does all four. --write puts the tables into docs/game.md. --load needs Linux.
"""

import interrupts  # noqa: F401  # isort: skip
import argparse
import http.client
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import NewOrder
from disorderbook.game.levels import LEVELS
from disorderbook.game.simulation import play

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))  # the suite plays and measures the same

from level_player import HttpClient  # noqa: E402
from level_players import NAIVE, WINNERS, Contest  # noqa: E402
from level_statistics import AMENDS, BOUNDS, Figures, means, observe  # noqa: E402
from live import running  # noqa: E402

sys.path.insert(0, str(ROOT / "benchmarks"))

from load import ORDERS  # noqa: E402

SEEDS, DAYS = 30, 200  # of the statistics
INSIDER_SEEDS = 40  # of making_amends, whose bounds are in seeds of 40
GAMES = 40  # of each player
ROUNDS = 5  # of the cost
MOST = 4.0  # times the bare book
INSTANCES = 200  # of making_amends, in real time
LOAD_SECONDS = 20.0  # for the share of a core, and again for the orders of others
BETWEEN_ORDERS = 0.005  # seconds, of a program at TESTEX that awaits each answer
MOST_OF_A_CORE = {False: 0.333, True: 0.5}  # without a file, and with one
MOST_MILLISECONDS = 1.0  # by which the 99th of 100 orders at TESTEX may be later
PAGE = ROOT / "docs" / "game.md"


def statistics_table() -> Iterator[str]:
    """What was recorded, and what we have."""
    figures: dict[str, Figures] = {}
    yield from ("| level | figure | recorded | here | |", "|---|---|---|---|---|")
    for bound in BOUNDS:
        if bound.level not in figures:
            seeds = INSIDER_SEEDS if bound.level == AMENDS else SEEDS
            figures[bound.level] = means(observe(bound.level, seed, DAYS) for seed in range(seeds))
        value = figures[bound.level][bound.figure]
        if bound.low is None:
            verdict = ""
        else:
            verdict = "met" if bound.allows(value) else "MISSED"
        shown = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
        yield f"| `{bound.level}` | {bound.figure} | {bound.recorded} | {shown} | {verdict} |"


def wins(contest: Contest) -> tuple[int, list[int]]:
    """How many games of GAMES a player wins, and on which days."""
    results = [play(contest.level, seed, contest.make()) for seed in range(GAMES)]
    days = sorted(result.day for result in results if result.state == "won")
    return len(days), days


def wins_table() -> Iterator[str]:
    """Every player's wins."""
    yield "| level | player | wins of 40 | bound | median day | |"
    yield "|---|---|---|---|---|---|"
    for contest in WINNERS + NAIVE:
        won, days = wins(contest)
        bound = f"{contest.least} or more" if contest.least else f"{contest.most} or fewer"
        verdict = "met" if contest.least <= won <= contest.most else "MISSED"
        day = days[len(days) // 2] if days else ""
        yield f"| `{contest.level}` | {contest.name} | {won} | {bound} | {day} | {verdict} |"


def commands(book: OrderBook) -> list[NewOrder | int]:
    """Every order of a book, and the id of every cancelled one, in the order in which they came."""
    events: dict[int, NewOrder | int] = {}
    for order_id in range(book.next_id):
        order = book.find(order_id)
        assert order is not None
        events[order.event] = NewOrder(
            order.account, order.side, order.type, order.price, order.quantity
        )
        if order.close_reason == "cancelled" and order.closed_event is not None:
            events[order.closed_event] = order_id
    return [events[event] for event in sorted(events)]


def bare_seconds(sent: list[NewOrder | int]) -> float:
    """Processor time of a book alone."""
    start = time.process_time()
    book = OrderBook("V", "S", 0)
    for ts, command in enumerate(sent):
        if isinstance(command, int):
            order = book.find(command)
            if order is not None:
                book.cancel(order, ts)
        else:
            book.submit(command, ts)
    return time.process_time() - start


def cost_table() -> Iterator[str]:
    """Seconds of 500 days, and of the same orders on a bare book; the quickest of ROUNDS."""
    yield "| level | orders and cancels | seconds | bare book | ratio | |"
    yield "|---|---|---|---|---|---|"
    for name in LEVELS:
        games, bare, sent = [], [], 0
        for _ in range(ROUNDS):
            start = time.process_time()
            result = play(name, 1)
            games.append(time.process_time() - start)
            orders = commands(result.run.book)
            bare.append(bare_seconds(orders))
            sent = len(orders)
        ratio = min(games) / min(bare)
        verdict = "met" if ratio <= MOST else "MISSED"
        costs = f"{min(games):.2f} | {min(bare):.3f} | {ratio:.1f} | {verdict}"
        yield f"| `{name}` | {sent:,} | {costs} |"


class RunningLoad(NamedTuple):
    """What an exchange needs for its levels alone, and how soon it answers others meanwhile."""

    core: float  # seconds of processor time a second
    p50: float  # milliseconds until an order was answered
    p99: float


def processor_seconds(pid: int) -> float:
    """What a process has needed so far, its own and the system's for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def running_load(instances: int, options: Sequence[str], seconds: float) -> RunningLoad:
    """The load of so many instances of making_amends, each of a player of its own."""
    with running("--websockets", "--seed", "1", *options) as exchange:
        client = HttpClient(exchange.port)
        for number in range(instances):
            client.start(AMENDS, f"player-{number}")
        time.sleep(1.0)
        before, start = processor_seconds(exchange.process.pid), time.monotonic()
        time.sleep(seconds)
        needed = processor_seconds(exchange.process.pid) - before
        core = needed / (time.monotonic() - start)
        waits = sorted(order_milliseconds(exchange.port, seconds))
    return RunningLoad(core, waits[len(waits) // 2], waits[len(waits) * 99 // 100])


def order_milliseconds(port: int, seconds: float) -> Iterator[float]:
    """How long each order at TESTEX waits for its answer, one after the other."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    end = time.monotonic() + seconds
    with closing(connection):
        for asked in cycle(ORDERS):
            if time.monotonic() > end:
                return
            start = time.perf_counter()
            connection.request(asked.method, asked.path, asked.body)
            answer = connection.getresponse()
            answer.read()
            yield (time.perf_counter() - start) * 1000
            if answer.status != 200:
                sys.exit(f"The exchange answers an order with {answer.status}")
            time.sleep(BETWEEN_ORDERS)


def load_table() -> Iterator[str]:
    """INSTANCES beside none, without a file and with one."""
    yield "| market | instances | of a core | order: half, 99 of 100 (ms) | |"
    yield "|---|---|---|---|---|"
    for in_file in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            idle, loaded = (
                running_load(count, ["-d", f"{folder}/{count}.db"] if in_file else [], LOAD_SECONDS)
                for count in (0, INSTANCES)
            )
        is_met = (
            loaded.core <= MOST_OF_A_CORE[in_file] and loaded.p99 - idle.p99 < MOST_MILLISECONDS
        )
        market = "in a file (`-d`)" if in_file else "in memory"
        for count, load in ((0, idle), (INSTANCES, loaded)):
            verdict = "" if not count else "met" if is_met else "MISSED"
            waits = f"{load.p50:.2f}, {load.p99:.2f}"
            yield f"| {market} | {count} | {load.core:.3f} | {waits} | {verdict} |"


TABLES = {
    "statistics": statistics_table,
    "wins": wins_table,
    "cost": cost_table,
    "load": load_table,
}


def write(name: str, rows: list[str]) -> None:
    """Put a table into the page, between its marks."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    text = PAGE.read_text()
    block = "\n".join([begin, *rows, end])
    text, count = re.subn(f"{begin}.*?{end}", lambda _: block, text, flags=re.DOTALL)
    if count != 1:
        raise SystemExit(f"{PAGE} has no marks of {name}")
    PAGE.write_text(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in TABLES:
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/game.md")
    options = vars(parser.parse_args())
    wanted = [name for name in TABLES if options[name]] or list(TABLES)
    for name in wanted:
        rows = []
        for row in TABLES[name]():
            print(row, flush=True)
            rows.append(row)
        if options["write"]:
            write(name, rows)


if __name__ == "__main__":
    main()
