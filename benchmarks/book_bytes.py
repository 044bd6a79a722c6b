# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
What it costs to answer a big book again after one order, beside rendering all of it.

In this process, without HTTP. Each row is a book of as many bids on so many price levels. After
every order (at a level drawn at random) the book is read, and the answer is kept, as it is for a
client that does not take it. Counted are the bytes that are new with each answer and those that all
the answers hold, each object once. The naive answer is one JSON message of all rows.

    python3 benchmarks/book_bytes.py [--orders 100000] [--levels 1,100,10000] [--answers 100]
"""

import interrupts  # noqa: F401  # isort: skip
import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import NewOrder, OrderType, Side
from disorderbook.process.periodic import keep_collections_short
from disorderbook.protocol.book_bytes import SideView, book_parts
from disorderbook.protocol.messages import BookMessage, RowMessage
from disorderbook.protocol.names import timestamp, to_json
from disorderbook.server.unsent import chunks_of

MIDDLE = 10**6  # cents
NAIVE_ANSWERS = 9
NOW = 1
SEED = 2016
HEADINGS = ("levels", "MB", "naive ms", "first ms", "again ms", "naive/again", "chunks", "kB", "MB")
Answer = TypeVar("Answer", bytes, list[bytes])
WIDTHS = (7, 6, 9, 9, 9, 12, 7, 6, 6)


class Measured(NamedTuple):
    """Medians; bytes without what Python needs for each object, but for the lists."""

    levels: int
    size: float  # MB of an answer
    naive: float  # ms
    first: float  # ms
    again: float  # ms, after one order
    ratio: float  # naive / again
    chunks: float  # rendered after one order
    new: float  # kB that an answer has and those before it have not, its list included
    held: float  # MB in all answers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--levels", default="1,100,10000")
    parser.add_argument("--answers", type=int, default=100)
    options = parser.parse_args()
    keep_collections_short()
    print(" ".join(f"{heading:>{width}}" for heading, width in zip(HEADINGS, WIDTHS)))
    for levels in map(int, options.levels.split(",")):
        row = measure(options.orders, levels, options.answers)
        print(
            f"{row.levels:>7} {row.size:>6.2f} {row.naive:>9.2f} {row.first:>9.2f} "
            f"{row.again:>9.3f} {row.ratio:>12.0f} {row.chunks:>7.1f} {row.new:>6.1f} "
            f"{row.held:>6.2f}",
            flush=True,
        )


def measure(orders: int, levels: int, answers: int) -> Measured:
    book, draw = OrderBook("TESTEX", "FOOBAR", NOW), random.Random(SEED)
    for number in range(orders):
        book.submit(bid(number % levels), NOW)
    naive_times = [timed(lambda: naive(book))[0] for _ in range(NAIVE_ANSWERS)]
    first, answer = timed(lambda: chunks_of(book_parts(book, NOW)))
    held = {id(piece): len(piece) for piece in answer}
    kept, times, new, rendered = [answer], [], [], []
    for _ in range(answers):
        book.submit(bid(draw.randrange(levels)), NOW)
        before = chunks_held(book)
        seconds, answer = timed(lambda: chunks_of(book_parts(book, NOW)))
        kept.append(answer)  # so that no later object has an id that is counted already
        pieces = {id(piece): len(piece) for piece in answer if id(piece) not in held}
        held |= pieces
        times.append(seconds)
        rendered.append(len(chunks_held(book) - before))
        new.append(sum(pieces.values()) + sys.getsizeof(answer))
    if b"".join(answer) != naive(book):
        sys.exit("The answer is not what the book says")
    again = statistics.median(times)
    return Measured(
        levels,
        sum(map(len, answer)) / 1e6,
        statistics.median(naive_times) * 1e3,
        first * 1e3,
        again * 1e3,
        statistics.median(naive_times) / again,
        statistics.mean(rendered),
        statistics.mean(new) / 1e3,
        (sum(held.values()) + sum(map(sys.getsizeof, kept))) / 1e6,
    )


def timed(call: Callable[[], Answer]) -> tuple[float, Answer]:
    """Seconds, and what came of it."""
    start = time.perf_counter()
    made = call()
    return time.perf_counter() - start, made


def chunks_held(book: OrderBook) -> set[object]:
    view = book.bids.view
    if not isinstance(view, SideView):
        sys.exit("The book was not read")
    return set(view.chunks)


def naive(book: OrderBook) -> bytes:
    rows = [
        RowMessage(level.price, order.remaining, True)
        for level in book.bids
        for order in level.orders.values()
    ]
    message = BookMessage(True, book.venue, book.symbol, rows, [], timestamp(NOW))
    return to_json(message) + b"\n"


def bid(level: int) -> NewOrder:
    return NewOrder("ann", Side.BUY, OrderType.LIMIT, MIDDLE - level, 100)


if __name__ == "__main__":
    main()
