"""The journal: the commands that the tables do not have yet.

To write one order into the tables changes a page of each of them and of their indexes. To append a
command is one short row. So a commit appends commands, and a flush writes the tables now and then
and empties the journal. The rule: a book that replays the same commands gets into the same state,
so the tables and the journal together are the market.
"""

import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from disorderbook.engine.book import OrderBook, Outcome
from disorderbook.engine.orders import NewOrder, Order, OrderType, Side
from disorderbook.ledger.changes import Changes
from disorderbook.ledger.tables import Damaged

Place = tuple[str, str]  # venue and symbol of a book


class Placement(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=0, tag_field="what"):
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


class Cancellation(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=1, tag_field="what"):
    """The cancel of an open order."""

    venue: str
    symbol: str
    id: int
    ts: int


Command = Placement | Cancellation

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Command]).decode


class Journal:
    """The table of that name; `last` is the number of its last entry, or of the last before it
    was emptied.
    """

    def __init__(self, connection: sqlite3.Connection, last: int) -> None:
        self.last = last
        self._connection = connection

    def append(self, commands: Sequence[Command]) -> None:
        """Add an entry, in a transaction of its own unless there is one."""
        content = _encode(commands)
        self._connection.execute(
            "INSERT INTO journal VALUES (?, ?, ?)",
            (self.last + 1, content, _checksum(self.last + 1, content)),
        )
        self.last += 1

    def clear(self) -> None:
        """Remove every entry: the tables have them all."""
        self._connection.execute("DELETE FROM journal")


def placement(order: Order) -> Placement:
    """The command that led to an order."""
    return Placement(
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


def entries(connection: sqlite3.Connection, flushed: int) -> Iterator[list[Command]]:
    """The commands of each entry, where `flushed` is the number of the last entry that the tables
    have; raises Damaged.
    """
    rows = connection.execute("SELECT * FROM journal ORDER BY number")
    for expected, (number, content, checksum) in enumerate(rows, flushed + 1):
        is_right = isinstance(content, bytes) and checksum == _checksum(number, content)
        if number != expected or not is_right:
            raise Damaged(f"entry {expected} of the journal is missing or wrong")
        try:
            yield _decode(content)
        except msgspec.MsgspecError:
            raise Damaged(f"entry {number} of the journal makes no sense") from None


def replay(command: Command, books: Mapping[Place, OrderBook], changes: Changes) -> None:
    """Give a book a command that it has had before; raises Damaged if the result would differ."""
    book = books.get((command.venue, command.symbol))
    if book is None:
        raise Damaged(f"{command.symbol} at {command.venue} is in the journal only")
    if isinstance(command, Placement):
        changes.submit(book, _place(command, book))
    else:
        changes.cancel(book, _cancel(command, book))


def _place(command: Placement, book: OrderBook) -> Outcome:
    if command.id != book.next_id:
        raise Damaged(f"order {book.next_id} of {book.symbol} at {book.venue} is missing")
    new = NewOrder(command.account, command.side, command.type, command.price, command.quantity)
    return book.submit(new, command.ts)


def _cancel(command: Cancellation, book: OrderBook) -> Order:
    order = book.find(command.id)
    if order is None or not order.is_open:
        raise Damaged(f"order {command.id} of {book.symbol} at {book.venue} is not open")
    book.cancel(order, command.ts)
    return order


def _checksum(number: int, content: bytes) -> int:
    return zlib.crc32(content, number & 0xFFFFFFFF)
