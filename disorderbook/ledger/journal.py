"""The journal: what has been asked of the books since the tables were last written.

To write a few orders into the tables touches a page of each of them and of their indexes; to note
what was asked is one short row. A book does the same whenever it is asked the same, so asking again
leads to where it was; and since the tables soon follow, never much has to be asked again.
"""

import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from disorderbook.engine.book import OrderBook, Outcome
from disorderbook.engine.orders import NewOrder, Order, OrderType, Side
from disorderbook.ledger.tables import Changes, Damaged

Place = tuple[str, str]  # venue and symbol of a book


class Placed(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=0, tag_field="what"):
    """An order that was accepted, and the id that it was given."""

    venue: str
    symbol: str
    id: int
    ts: int
    account: str
    side: Side
    type: OrderType
    price: int
    quantity: int


class Cancelled(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=1, tag_field="what"):
    """An open order that was cancelled."""

    venue: str
    symbol: str
    id: int
    ts: int


Asked = Placed | Cancelled

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Asked]).decode


class Journal:
    """The table of that name; `last` is the number of its last entry, or of the last before it
    was emptied.
    """

    def __init__(self, connection: sqlite3.Connection, last: int) -> None:
        self.last = last
        self._connection = connection

    def append(self, asked: Sequence[Asked]) -> None:
        """Add an entry, in a transaction of its own unless there is one."""
        content = _encode(asked)
        self._connection.execute(
            "INSERT INTO journal VALUES (?, ?, ?)",
            (self.last + 1, content, _checksum(self.last + 1, content)),
        )
        self.last += 1

    def clear(self) -> None:
        """The tables have it all."""
        self._connection.execute("DELETE FROM journal")


def placed(order: Order) -> Placed:
    return Placed(
        order.venue,
        order.symbol,
        order.id,
        order.ts,
        order.account,
        order.side,
        order.type,
        order.price,
        order.quantity,
    )


def entries(connection: sqlite3.Connection, tables: int) -> Iterator[list[Asked]]:
    """What is in the journal, if `tables` is the number of the last entry that the tables have;
    raises Damaged.
    """
    rows = connection.execute("SELECT * FROM journal ORDER BY number")
    for expected, (number, content, checksum) in enumerate(rows, tables + 1):
        is_right = isinstance(content, bytes) and checksum == _checksum(number, content)
        if number != expected or not is_right:
            raise Damaged(f"entry {expected} of the journal is missing or wrong")
        try:
            yield _decode(content)
        except msgspec.MsgspecError:
            raise Damaged(f"entry {number} of the journal makes no sense") from None


def ask_again(asked: Asked, books: Mapping[Place, OrderBook], changes: Changes) -> None:
    """Have a book do what it has done before; raises Damaged if it would do something else."""
    book = books.get((asked.venue, asked.symbol))
    if book is None:
        raise Damaged(f"{asked.symbol} at {asked.venue} is in the journal only")
    if isinstance(asked, Placed):
        changes.submit(book, _place(asked, book))
    else:
        changes.cancel(book, _cancel(asked, book))


def _place(asked: Placed, book: OrderBook) -> Outcome:
    if asked.id != book.next_id:
        raise Damaged(f"order {book.next_id} of {book.symbol} at {book.venue} is missing")
    new = NewOrder(asked.account, asked.side, asked.type, asked.price, asked.quantity)
    return book.submit(new, asked.ts)


def _cancel(asked: Cancelled, book: OrderBook) -> Order:
    order = book.find(asked.id)
    if order is None or not order.is_open:
        raise Damaged(f"order {asked.id} of {book.symbol} at {book.venue} is not open")
    book.cancel(order, asked.ts)
    return order


def _checksum(number: int, content: bytes) -> int:
    return zlib.crc32(content, number & 0xFFFFFFFF)
