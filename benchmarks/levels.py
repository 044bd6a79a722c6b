# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
The levels in simulated time: what their markets look like beside what was recorded, who wins them,
and what they cost.

    python3 benchmarks/levels.py [--statistics] [--wins] [--cost] [--write]

Without an option it does all three. --write puts the tables into docs/game.md.
"""

import argparse
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import NewOrder
from disorderbook.game.levels import LEVELS
from disorderbook.game.simulation import play

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))  # the suite plays and measures the same

from level_players import NAIVE, WINNERS, Contest  # noqa: E402
from level_statistics import AMENDS, BOUNDS, Figures, means, observe  # noqa: E402

SEEDS, DAYS = 30, 200  # of the statistics
INSIDER_SEEDS = 40  # of making_amends, whose bounds are in seeds of 40
GAMES = 40  # of each player
ROUNDS = 5  # of the cost
MOST = 4.0  # times the bare book
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


TABLES = {"statistics": statistics_table, "wins": wins_table, "cost": cost_table}


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
