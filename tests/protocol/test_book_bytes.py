"""What a book's answers share, and that they say what the book is.

Counted are the pieces that are rendered and those that are new, never the time.
"""

import json
import random
from itertools import pairwise
from typing import Any

import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from disorderbook.engine.book import OrderBook
from disorderbook.engine.ladder import Ladder
from disorderbook.engine.orders import NewOrder, OrderType, Side
from disorderbook.protocol import book_bytes
from disorderbook.protocol.book_bytes import MAX_ROWS, MERGED_ROWS, SideView, book_parts
from disorderbook.protocol.messages import BookMessage, RowMessage
from disorderbook.protocol.names import timestamp, to_json
from disorderbook.server.unsent import chunks_of

NOW = 5
MANY = 100_000  # orders of a big book


def limit(side: Side, price: int, quantity: int) -> NewOrder:
    return NewOrder("ann", side, OrderType.LIMIT, price, quantity)


def bids(orders: int, levels: int = 1) -> OrderBook:
    """A book with bids on so many levels, one after the other."""
    book = OrderBook("TESTEX", "FOOBAR", 1)
    for number in range(orders):
        book.submit(limit(Side.BUY, MANY + number % levels, 100), 2)
    return book


def naive(book: OrderBook) -> bytes:
    """All of a book's answer, made anew."""
    bid_rows, ask_rows = (
        [
            RowMessage(order.price, order.remaining, ladder is book.bids)
            for level in ladder
            for order in level.orders.values()
        ]
        for ladder in (book.bids, book.asks)
    )
    message = BookMessage(True, book.venue, book.symbol, bid_rows, ask_rows, timestamp(NOW))
    return to_json(message) + b"\n"


def chunks_sent(book: OrderBook, now: int) -> list[bytes]:
    return chunks_of(book_parts(book, now))


def rows(book: OrderBook, side: str) -> list[Any]:
    answer = json.loads(b"".join(chunks_sent(book, NOW)))
    return [(row["price"], row["qty"], row["isBuy"]) for row in answer[side]]


def chunks(ladder: Ladder) -> list[book_bytes.Chunk]:
    assert isinstance(ladder.view, SideView)
    return ladder.view.chunks


def check_bounds(ladder: Ladder) -> None:
    """The chunks of a side that has just been read are few, and none is large."""
    held = chunks(ladder)
    assert [order for chunk in held for order in chunk.orders] == [
        order for level in ladder for order in level.orders.values()
    ]
    assert all(1 <= len(chunk.orders) <= MAX_ROWS for chunk in held)
    assert all(len(one.orders) + len(other.orders) > MERGED_ROWS for one, other in pairwise(held))
    assert len(held) <= 1 + 2 * ladder.resting / MERGED_ROWS


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each chunk had that was rendered."""
    sizes: list[int] = []
    render = SideView._render

    def recorded(view: SideView, chunk: book_bytes.Chunk) -> bytes:
        sizes.append(len(chunk.orders))
        return render(view, chunk)

    monkeypatch.setattr(SideView, "_render", recorded)
    return sizes


def test_a_book_has_a_row_for_each_order_best_and_oldest_first() -> None:
    book = OrderBook("TESTEX", "FOOBAR", 1)
    for ts, (price, quantity) in enumerate([(10, 1), (11, 2), (10, 3)], start=2):
        book.submit(limit(Side.BUY, price, quantity), ts)
        book.submit(limit(Side.SELL, price + 10, quantity), ts)
    assert rows(book, "bids") == [(11, 2, True), (10, 1, True), (10, 3, True)]
    assert rows(book, "asks") == [(20, 1, False), (20, 3, False), (21, 2, False)]


def test_a_book_is_rendered_anew_where_it_changed() -> None:
    book = OrderBook("TESTEX", "FOOBAR", 1)
    assert rows(book, "bids") == []
    resting = book.submit(limit(Side.BUY, 10, 5), 2).order
    book.submit(limit(Side.BUY, 9, 5), 3)
    assert rows(book, "bids") == [(10, 5, True), (9, 5, True)]
    book.submit(limit(Side.SELL, 10, 2), 4)
    assert rows(book, "bids") == [(10, 3, True), (9, 5, True)]
    book.submit(limit(Side.BUY, 9, 1), 5)
    assert rows(book, "bids") == [(10, 3, True), (9, 5, True), (9, 1, True)]
    book.cancel(resting, 6)
    assert rows(book, "bids") == [(9, 5, True), (9, 1, True)]


@pytest.mark.parametrize("name", ['V"[]', 'V"bids":[]', "S\\"])
def test_a_name_is_escaped_in_its_book(name: str) -> None:
    book = OrderBook(name, name, 1)
    book.submit(limit(Side.SELL, 7, 1), 2)
    assert b"".join(chunks_sent(book, NOW)) == naive(book)
    assert json.loads(naive(book))["venue"] == name


def test_between_two_changes_a_book_has_few_parts_however_large_it_is() -> None:
    for orders in (0, 1, 5 * MAX_ROWS):
        book = bids(orders)
        first, second = book_parts(book, NOW), book_parts(book, NOW + 1)
        assert len(first) == 5 and first[1] is second[1] and first[3] is second[3]
        book.submit(limit(Side.BUY, MANY, 1), NOW)
        after = book_parts(book, NOW)
        assert after[1] is not first[1] and after[3] is first[3]


def test_who_reads_between_two_changes_gets_the_same_objects(rendered: list[int]) -> None:
    book = bids(3 * MAX_ROWS)
    first, *others = (chunks_sent(book, NOW + number) for number in range(5))
    assert len(rendered) == len(chunks(book.bids))
    for other in others:
        # The brackets before, between and behind them are made for each, and have the time.
        assert all(one is another for one, another in zip(first[1:-2], other[1:-2], strict=True))
        assert max(map(len, (other[0], *other[-2:]))) < 100


@pytest.mark.parametrize("orders, levels", [(MANY, 1), (MANY // 10, 100), (MANY // 10, MANY // 10)])
def test_an_order_renders_one_chunk_of_a_big_book(
    orders: int, levels: int, rendered: list[int]
) -> None:
    book = bids(orders, levels)
    before = chunks_sent(book, NOW)
    assert len(before) < 1.5 * orders / MERGED_ROWS
    draw, known = random.Random(levels), {id(piece) for piece in before}
    middle = book.find(orders // 2)
    assert middle is not None
    for change in (
        lambda: book.submit(limit(Side.BUY, MANY + draw.randrange(levels), 7), NOW),
        lambda: book.submit(limit(Side.SELL, 0, 1), NOW),  # trades with the first of all
        lambda: book.cancel(middle, NOW),
        lambda: book.submit(limit(Side.BUY, MANY + levels, 7), NOW),  # a level of its own
    ):
        change()
        rendered.clear()
        after = chunks_sent(book, NOW)
        new = [piece for piece in after if id(piece) not in known and len(piece) > 100]
        assert len(rendered) == len(new) == 1, rendered
        assert len(new[0]) < 64 * 1024
        known |= {id(piece) for piece in after}
        before += after  # so that no other object gets an id that is known
    assert b"".join(after) == naive(book)


def test_a_chunk_that_is_full_is_split_and_nothing_else_is_rendered(rendered: list[int]) -> None:
    book = bids(5 * MAX_ROWS)
    chunks_sent(book, NOW)
    for _ in range(2 * MAX_ROWS):
        rendered.clear()
        book.submit(limit(Side.BUY, MANY, 1), NOW)
        chunks_sent(book, NOW)
        assert len(rendered) <= 2 and sum(rendered) <= MAX_ROWS + 1
    check_bounds(book.bids)


@pytest.mark.parametrize("levels", [1, 50])
def test_cancels_leave_few_chunks(levels: int, rendered: list[int]) -> None:
    book, draw = bids(5 * MAX_ROWS, levels), random.Random(levels)
    numbers = draw.sample(range(book.next_id), book.next_id)
    chunks_sent(book, NOW)
    for count, number in enumerate(numbers):
        rendered.clear()
        order = book.find(number)
        assert order is not None
        book.cancel(order, NOW)
        after = chunks_sent(book, NOW)
        assert len(rendered) <= 1
        if count % 100 == 0:
            check_bounds(book.bids)
            assert b"".join(after) == naive(book)
    assert chunks(book.bids) == []


def test_a_row_is_no_longer_than_the_bound_supposes() -> None:
    book = OrderBook("TESTEX", "FOOBAR", 1)
    for _ in range(MAX_ROWS):
        book.submit(limit(Side.SELL, 2**31 - 1, 2**31 - 1), 2)
    chunks_sent(book, NOW)
    assert [len(chunk.rows) for chunk in chunks(book.asks)] == [MAX_ROWS * 52]


def test_what_nobody_reads_is_dropped_and_made_again() -> None:
    book = bids(10)
    chunks_sent(book, NOW)
    while book.bids.view is not None:
        book.cancel(book.submit(limit(Side.BUY, 3, 1), 2).order, 2)
        assert book.next_id < 5000
    assert b"".join(chunks_sent(book, NOW)) == naive(book)
    check_bounds(book.bids)


acts = st.lists(
    st.tuples(
        st.sampled_from(["read", "buy", "sell", "buy", "sell", "sweep", "cancel", "cancel"]),
        st.integers(0, 8),
        st.integers(1, 40),
    ),
    max_size=120,
)


@examples(4)
@given(acts, st.sampled_from([(4, 3, 2), (16, 12, 8)]))
def test_the_parts_make_up_the_whole_answer(
    acts: list[tuple[str, int, int]], bounds: tuple[int, int, int]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, bound in zip(("MAX_ROWS", "SPLIT_ROWS", "MERGED_ROWS"), bounds, strict=True):
            patch.setattr(book_bytes, name, bound)
        patch.setattr(book_bytes, "FEW", 2)
        patch.setattr("disorderbook.engine.ladder.SPARE_TOUCHED", 10 * bounds[0])
        play(OrderBook("TESTEX", "FOOBAR", 1), acts, *bounds)


def play(book: OrderBook, acts: list[tuple[str, int, int]], most: int, _: int, merged: int) -> None:
    """Read at each "read" and at the end, and compare with what is made anew."""
    for verb, price, number in (*acts, ("read", 0, 0)):
        if verb == "read":
            assert b"".join(chunks_sent(book, NOW)) == naive(book)
            for ladder in (book.bids, book.asks):
                sizes = [len(chunk.orders) for chunk in chunks(ladder)]
                assert all(1 <= size <= most for size in sizes)
                assert all(one + other > merged for one, other in pairwise(sizes))
        elif verb == "cancel":
            order = book.find(number)
            if order is not None:
                book.cancel(order, 2)
        elif verb == "sweep":
            book.submit(limit(Side.SELL if price % 2 else Side.BUY, 4, 5 * number), 2)
        else:
            side, away = (Side.BUY, -1) if verb == "buy" else (Side.SELL, 1)
            for _ in range(number % 7):
                book.submit(limit(side, 4 + away * price // 2, number), 2)
