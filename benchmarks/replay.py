# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
Replay a market of 100,000 orders and cancels as fast as possible, and compare it with its original.

The original has three books, orders of all types around one price, trades of accounts with
themselves, and cancels of what is open; its chance follows from a seed. It is replayed by a
stepped clock, once from its file and once from its export, into a new file each time. Then the
exports of all three must be the same, byte for byte, or this ends with status 1.

All is in one process, without sockets, and times are processor time. The replay commits after each
tenth of a second of its clock, some 100 events.

    python3 benchmarks/replay.py [--events N] [--seed N]
"""

import interrupts  # noqa: F401  # isort: skip
import argparse
import random
import sys
import time
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from disorderbook.accounts import Accounts
from disorderbook.assembly import MarketSettings, assemble
from disorderbook.control.replay import ReplaySettings
from disorderbook.engine.orders import BUY, SELL, NewOrder, Order, OrderType
from disorderbook.exchange import Exchange
from disorderbook.game.simulation import START
from disorderbook.ledger.copies import export
from disorderbook.ledger.file import open_ledger
from disorderbook.ledger.recording import EXECUTIONS_CSV, ORDERS_CSV, read_recording
from disorderbook.protocol.names import NANOSECONDS
from disorderbook.timeline.clock import STEPPED, ClockSettings

EVENTS, SEED = 100_000, 7
BOOKS = [("EX", "ONE"), ("EX", "TWO"), ("OTHER", "ONE")]
ACCOUNTS = ["ANN", "BOB", "CEM", "DEB"]
TYPES = [OrderType.LIMIT] * 7 + list(OrderType)[1:]
CANCELS = 0.3  # of the events, where something is open
MOST_OPEN = 1000  # of the orders that a cancel is drawn from
COMMIT_EVERY = 100  # events
STEP = NANOSECONDS // 10  # that the replay's clock is moved by at once
LONGEST_PAUSE = 2_000_000  # nanoseconds between two events


def trade(exchange: Exchange, rng: random.Random, recent: list[Order]) -> None:
    """One placing, or one cancel of an order that is open."""
    if recent and rng.random() < CANCELS:
        number = rng.randrange(len(recent))
        recent[number], recent[-1] = recent[-1], recent[number]
        order = recent.pop()
        if order.is_open:
            exchange.cancel(order)
            return
    kind = rng.choice(TYPES)
    side, quantity = rng.choice([BUY, SELL]), rng.randrange(1, 100)
    away = rng.randrange(-5, 50)  # cents from the price where others want to trade, too
    price = 5000 - away if side is BUY else 5000 + away
    price = 0 if kind is OrderType.MARKET else price
    book = exchange.book(*rng.choice(BOOKS))
    order = exchange.submit(book, NewOrder(rng.choice(ACCOUNTS), side, kind, price, quantity))
    if order.is_open and len(recent) < MOST_OPEN:
        recent.append(order)


def make_original(file: Path, events: int, seed: int) -> None:
    """So many placings and cancels in a new file."""
    rng = random.Random(seed)
    moment = START

    def clock() -> int:
        nonlocal moment
        moment += rng.randrange(LONGEST_PAUSE)
        return moment

    ledger, _ = open_ledger(str(file))
    exchange = Exchange(clock=clock, ledger=ledger)
    recent: list[Order] = []
    with exchange.lock:
        for number in range(events):
            trade(exchange, rng, recent)
            if number % COMMIT_EVERY == 0:
                exchange.commit()
        exchange.commit()
    exchange.close()


def replay(path: Path, new: Path) -> str:
    """Replay a market into a new file; returns what that took, and what was told of it."""
    start = time.process_time()
    with closing(read_recording(str(path))) as recording:
        read = time.process_time() - start
        settings = MarketSettings(
            database=str(new), clock=ClockSettings(STEPPED), replay=ReplaySettings(recording)
        )
        start = time.process_time()
        with assemble(settings, Accounts()) as services:
            assert services.replay is not None
            while services.replay.status.left:
                with services.exchange.transaction():
                    services.timeline.advance(STEP)
            status = services.replay.status
        took = time.process_time() - start
    events = status.orders + status.cancels
    if status.refused or status.differing:
        sys.exit(f"The replay is another market: {status}")
    return (
        f"{status.orders:,} orders and {status.cancels:,} cancels: {read:.1f} s to read and "
        f"check, {took:.1f} s to replay ({events / took:,.0f} a second)"
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        make_original(folder / "market.db", options.events, options.seed)
        export(str(folder / "market.db"), str(folder / "export"))
        print("of the file    ", replay(folder / "market.db", folder / "a.db"))
        print("of the export  ", replay(folder / "export", folder / "b.db"))
        for copy in ("a", "b"):
            export(str(folder / f"{copy}.db"), str(folder / copy))
        for file in (ORDERS_CSV, EXECUTIONS_CSV):
            written = {(folder / place / file).read_bytes() for place in ("export", "a", "b")}
            size = len(next(iter(written)))
            print(f"{file:15} {size:,} bytes, {'equal' if len(written) == 1 else 'DIFFERENT'}")
            if len(written) > 1:
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
