"""A book as JSON, in chunks that the answers share.

The rows of a side, best first, are cut into chunks of at most MAX_ROWS rows. Each chunk is rendered
into one immutable object. All answers between two changes refer to one list of those for each side,
so another answer costs the same however large the book is. A chunk may hold several price levels or
a part of one: a book of one level has as many as a book of 100,000.

An order has one place in its side (price, then id), which is in one chunk. The ladder only notes
which orders were touched. Who reads next has their chunks rendered, and no others; who reads after
that gets the same objects, until the next change.

- A chunk that would have more than MAX_ROWS rows is split. Two neighbours that have no more than
  MERGED_ROWS together are merged. So the chunks of a side are at most 1 + 2 * rows / MERGED_ROWS,
  whatever was cancelled.
- A row has at most 52 bytes with its comma, and a chunk 3.3 KB. With larger chunks, an order would
  have more rendered; with smaller ones, the lists of chunks would be the larger part of answers.
- If more orders were touched since the last reading than rest (and some), the ladder lets go of
  all this. The next reading renders the whole side.
"""

from bisect import bisect_right, insort
from collections.abc import Iterable
from itertools import islice
from math import ceil
from operator import attrgetter

from disorderbook.engine.book import OrderBook
from disorderbook.engine.ladder import Ladder, LadderView
from disorderbook.engine.orders import Order
from disorderbook.protocol.messages import BookMessage, RowMessage
from disorderbook.protocol.names import timestamp, to_json
from disorderbook.server.unsent import Part, SharedChunks

MAX_ROWS = 64  # of a chunk
SPLIT_ROWS = 48  # at most, of those that a larger one is split into: there is room for others
MERGED_ROWS = 32
FEW = 8  # orders that are put into their places one by one

Place = tuple[int, ...]
"""Where an order is in its side: its price, negated for a bid, and its id."""


class Chunk:
    """Orders that follow each other in one side of a book, and their rows."""

    __slots__ = ("orders", "start", "rows", "_first_rows")

    def __init__(self, orders: tuple[Order, ...], start: Place) -> None:
        self.orders = orders  # those that have closed since the last reading included
        self.start = start  # the place of the first one
        self.rows = b""  # their JSON, each with a comma before it; empty until somebody needs it
        self._first_rows = b""

    def first_rows(self) -> bytes:
        """The rows of the side's first chunk: without a comma before them."""
        self._first_rows = self._first_rows or self.rows[1:]
        return self._first_rows


class SideView(LadderView):
    """The JSON of one side of a book, kept up with the ladder."""

    __slots__ = ("_is_buy", "chunks", "_rows")

    def __init__(self, ladder: Ladder, is_buy: bool) -> None:
        super().__init__()
        self._is_buy = is_buy
        orders = [order for level in ladder for order in level.orders.values()]
        self.chunks = self._split(orders)
        self._rows = self._rendered()

    def rows(self) -> SharedChunks:
        """The rows as they are now: the same object until the next change."""
        if self.touched:
            self.chunks = self._updated()
            self._rows = self._rendered()
            self.touched.clear()
        return self._rows

    def _rendered(self) -> SharedChunks:
        rows = [chunk.rows or self._render(chunk) for chunk in self.chunks]
        if rows:
            rows[0] = self.chunks[0].first_rows()
        return SharedChunks(rows)

    def _render(self, chunk: Chunk) -> bytes:
        rows = [RowMessage(order.price, order.remaining, self._is_buy) for order in chunk.orders]
        chunk.rows = b",%b" % to_json(rows)[1:-1]  # without its brackets
        return chunk.rows

    def _updated(self) -> list[Chunk]:
        """The chunks with what has come and without what has gone; those that nobody has touched
        are the same objects.
        """
        old = self.chunks or [Chunk((), ())]
        chunks: list[Chunk] = []
        done = 0
        for index, touched in sorted(self._touched_by_chunk().items()):
            _add(chunks, old[done:index])
            _add(chunks, self._split(self._open(old[index].orders, touched)))
            done = index + 1
        _add(chunks, old[done:])
        return chunks

    def _touched_by_chunk(self) -> dict[int, list[Order]]:
        found: dict[int, list[Order]] = {}
        for order in self.touched:
            after = bisect_right(self.chunks, self._place(order), key=_start)
            found.setdefault(max(after - 1, 0), []).append(order)
        return found

    def _open(self, known: Iterable[Order], touched: Iterable[Order]) -> list[Order]:
        """Those that rest in the book, each once, best first, as the known ones are."""
        orders = [order for order in known if order.remaining]
        new = {order for order in touched if order.remaining}.difference(orders)
        if len(new) > FEW:
            return sorted((*orders, *new), key=self._place)
        for order in new:
            insort(orders, order, key=self._place)
        return orders

    def _split(self, orders: list[Order]) -> list[Chunk]:
        """One chunk, or several of about the same size if they are too many; none of none."""
        rows = len(orders)
        if rows > MAX_ROWS:
            rows = ceil(rows / ceil(rows / SPLIT_ROWS))
        left = iter(orders)
        parts = [tuple(islice(left, rows)) for _ in range(0, len(orders), rows or 1)]
        return [Chunk(part, self._place(part[0])) for part in parts]

    def _place(self, order: Order) -> Place:
        return -order.price if self._is_buy else order.price, order.id


def book_parts(book: OrderBook, now: int) -> list[Part]:
    """A book's answer in parts, its line break included: every resting order, best first. The list
    is the caller's; the sides are in the answers of others too.
    """
    message = BookMessage(True, book.venue, book.symbol, [], [], timestamp(now))
    head, middle, tail = to_json(message).rsplit(b"[]", 2)  # no time stamp has brackets
    bids, asks = _rows(book.bids, is_buy=True), _rows(book.asks, is_buy=False)
    return [head + b"[", bids, b"]%b[" % middle, asks, b"]%b\n" % tail]


def _rows(ladder: Ladder, is_buy: bool) -> SharedChunks:
    view = ladder.view
    if not isinstance(view, SideView):
        view = ladder.view = SideView(ladder, is_buy)
    return view.rows()


def _add(chunks: list[Chunk], others: list[Chunk]) -> None:
    """Append chunks, the first of which is merged with the last there is if both are small. The
    others need no look: they were neighbours before, or have just been split.
    """
    last, first = chunks[-1:], others[:1]
    if last and first and len(last[0].orders) + len(first[0].orders) <= MERGED_ROWS:
        chunks[-1] = Chunk(last[0].orders + first[0].orders, last[0].start)
        others = others[1:]
    chunks += others


_start = attrgetter("start")
