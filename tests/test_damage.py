"""Bytes that change and files that are cut: a market is refused or is an earlier one, never wrong.

Beside the file there is its log with the latest changes. What is done to them is random, and the
same in every run.
"""

import random
import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from durable_market import Stoppable, order_state, play
from examples import examples

from disorderbook.engine.orders import NewOrder, OrderType, Side
from disorderbook.errors import CannotRead
from disorderbook.exchange import Exchange
from disorderbook.ledger.location import Unusable

DAMAGES = max(20, examples(0.4).max_examples)  # of each kind
ACTS = 100
SETTLED_EVERY = 7  # acts, so that some are in the journal when the crash comes

Books = list[object]
Orders = dict[tuple[str, int], list[object]]


def books_and_orders(exchange: Exchange) -> tuple[Books, Orders]:
    """What is in memory of a market, and every order that can be read."""
    books: Books = []
    orders: Orders = {}
    for book in exchange.books("V"):
        positions = [(p.account, p.cash, p.shares) for p in book.positions.values()]
        resting = [
            order_state(order)
            for ladder in (book.bids, book.asks)
            for level in ladder
            for order in level.orders.values()
        ]
        books.append([book.quote(), book.next_id, positions, resting])
        for number in range(book.next_id):
            try:
                orders[book.symbol, number] = order_state(exchange.order("V", book.symbol, number))
            except CannotRead:
                continue
    return books, orders


class Crashed:
    """The files of a market as a crash leaves them, and all that the market has ever been."""

    def __init__(self, folder: Path, checkpoint_after: int, log_goes_on: bool) -> None:
        market = Stoppable(folder / "market.db", bound=0, clock=iter(range(1, 10**9)).__next__)
        draw = random.Random(1)
        self.past: list[tuple[Books, Orders]] = []
        reader = sqlite3.connect(folder / "market.db")
        for number in range(ACTS):
            order = NewOrder(
                draw.choice(["ann", "bob", "cat"]),
                draw.choice(list(Side)),
                draw.choice([OrderType.LIMIT, OrderType.LIMIT, *OrderType]),
                draw.randint(40, 60),
                draw.randint(1, 20),
            )
            play(market.exchange, (("V", draw.choice("AB")), order))
            if number % SETTLED_EVERY == SETTLED_EVERY - 1:
                market.flush()
            self.past.append(books_and_orders(market.exchange))
            if number == checkpoint_after:
                if log_goes_on:
                    # A reader keeps the log from beginning anew, so that it will hold both what is
                    # already in the file and what is not.
                    reader.execute("BEGIN")
                    reader.execute("SELECT count(*) FROM orders").fetchone()
                market.exchange._ledger.connection.execute("PRAGMA wal_checkpoint")
        self.file = (folder / "market.db").read_bytes()
        self.log = (folder / "market.db-wal").read_bytes()
        reader.close()
        market.exchange.close()


@pytest.fixture(scope="module", params=[(ACTS // 2, True), (ACTS // 2, False), (ACTS - 2, False)])
def crashed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Crashed:
    return Crashed(tmp_path_factory.mktemp("crashed"), *request.param)


def last_commit(log: bytes) -> tuple[int, int]:
    """Where the frame of the last commit begins and ends; SQLite, "Database File Format", 4.1."""
    (size,) = struct.unpack_from(">I", log, 8)
    starts = range(32, len(log) - 24 - size + 1, 24 + size)
    begin = max(
        start
        for start in starts
        if log[start + 8 : start + 16] == log[16:24] and log[start + 4 : start + 8] != bytes(4)
    )
    return begin, begin + 24 + size


def is_told(log: bytes, damaged: bytes) -> bool:
    """Whether damage leaves the last commit's frame alone, and lies before it."""
    begin, end = last_commit(log)
    return damaged[:begin] != log[:begin] and damaged[begin:end] == log[begin:end]


def flipped(content: bytes, draw: random.Random) -> bytes:
    changed = bytearray(content)
    start = draw.randrange(len(content))
    for place in range(start, min(start + draw.choice([1, 1, 4, 600]), len(content))):
        changed[place] ^= draw.randint(1, 255)
    return bytes(changed)


def cut(content: bytes, draw: random.Random) -> bytes:
    return content[: draw.randrange(len(content))]


def zeroed(content: bytes, draw: random.Random) -> bytes:
    start = draw.randrange(0, len(content), 512)
    hole = content[start : start + draw.choice([512, 4096])]
    return content[:start] + bytes(len(hole)) + content[start + len(hole) :]


def damaged(crashed: Crashed, how: str, folder: Path) -> Iterator[Path]:
    """The files with one damage after the other."""
    draw, (which, damage) = random.Random(how), how.split()
    for number in range(DAMAGES):
        file = folder / f"{number}.db"
        change = {"flipped": flipped, "cut": cut, "zeroed": zeroed}[damage]
        hits_file = which == "file"
        file.write_bytes(change(crashed.file, draw) if hits_file else crashed.file)
        log = crashed.log if hits_file else change(crashed.log, draw)
        file.with_name(f"{file.name}-wal").write_bytes(log)
        yield file


@pytest.mark.parametrize(
    "how",
    [f"{which} {damage}" for which in ("file", "log") for damage in ("flipped", "cut", "zeroed")],
)
def test_a_damaged_market_is_refused_or_an_earlier_one(
    crashed: Crashed,
    how: str,
    tmp_path: Path,
) -> None:
    refusals = 0
    for file in damaged(crashed, how, tmp_path):
        before = file.read_bytes()
        log_before = file.with_name(f"{file.name}-wal").read_bytes()
        try:
            market = Stoppable(file, bound=0)
        except Unusable:
            assert file.read_bytes() == before
            assert file.with_name(f"{file.name}-wal").read_bytes() == log_before
            refusals += 1
            continue
        assert not is_told(crashed.log, log_before), f"{file}: nothing is said of lost commits"
        books, orders = books_and_orders(market.exchange)
        past = [was for shown, was in crashed.past if shown == books]
        assert past, f"{file}: this market never was"
        assert all(orders[place] == past[-1][place] for place in orders), file
        market.exchange.close()
    # A file that is cut may lack in each case what the log does not have; and of a log that damage
    # hits, nearly all or next to nothing may be before its last commit.
    assert refusals or how != "file cut"
    assert refusals < DAMAGES or how in ("file cut", "log flipped", "log zeroed")
