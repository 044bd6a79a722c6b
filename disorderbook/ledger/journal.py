"""What the tables of a durable market do not have yet: a journal in the file, changes in memory.

To write one order into the tables changes a page of each of them and of their indexes. To append a
command is one short row. So a commit appends commands, and a flush writes the tables now and then
and empties the journal. The rule: a book that replays the same commands gets into the same state,
so the tables and the journal together are the market. Changes hold the books' own orders, so a row
is written as the order is at the flush, however often it has changed since the last one.
"""

import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from operator import attrgetter

import msgspec

from disorderbook.engine.book import Execution, OrderBook, Outcome
from disorderbook.engine.orders import PLAIN, Fill, NewOrder, Order, OrderType, Side, Terms
from disorderbook.ledger.base import (
    Instance,
    InstanceState,
    SampleChanges,
    StoredAction,
    StoredFreeze,
    StoredNotice,
    StoredResult,
    StoredRun,
)
from disorderbook.ledger.scores import write_freezes, write_samples
from disorderbook.ledger.tables import (
    ADMIN_ACTIONS,
    BOOKS,
    EXECUTIONS,
    INSTANCES,
    NOTICES,
    ORDERS,
    POSITIONS,
    RESULTS,
    RUNS,
    STATES,
    WRITE_ACTION,
    WRITE_BOOK,
    WRITE_EXECUTION,
    WRITE_INSTANCE,
    WRITE_NOTICE,
    WRITE_ORDER,
    WRITE_POSITION,
    WRITE_RESULT,
    WRITE_RUN,
    WRITE_STATE,
    Damaged,
    Holding,
    Row,
)

MOST_ACTIONS = 100_000  # of the admin that are kept

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


class PlacementOnTerms(Placement, frozen=True, gc=False, array_like=True, tag=3, tag_field="what"):
    """An order that was stopped by the rules of its market, or that fees are paid for: what these
    were then counts, whatever they are now.
    """

    terms: Terms


class Cancellation(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=1, tag_field="what"):
    """The cancel of an open order."""

    venue: str
    symbol: str
    id: int
    ts: int


Command = Placement | PlacementOnTerms | Cancellation | InstanceState

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


class BookChanges:
    """What has changed in one book."""

    __slots__ = ("orders", "executions", "accounts")

    def __init__(self) -> None:
        self.orders: dict[int, Order] = {}
        self.executions: list[Execution] = []
        self.accounts: dict[str, None] = {}  # in the order of their first trades


class Changes:
    """What has changed, by book, and in instances of levels (None: it has ended); `size` is about
    how many rows that is.
    """

    __slots__ = (
        *("books", "instances", "states", "runs", "results", "actions", "notices"),
        *("samples", "freezes", "size"),
    )

    def __init__(self) -> None:
        self.books: dict[OrderBook, BookChanges] = {}
        self.instances: dict[int, Instance | None] = {}
        self.states: dict[int, InstanceState] = {}
        self.runs: list[StoredRun] = []
        self.results: list[StoredResult] = []
        self.actions: list[StoredAction] = []
        self.notices: dict[str, StoredNotice | None] = {}  # by kind
        self.samples: list[SampleChanges] = []
        self.freezes: dict[str, StoredFreeze | None] = {}  # by venue
        self.size = 0

    def open(self, book: OrderBook) -> None:
        """Add a new book."""
        self.books[book] = BookChanges()
        self.size += 1

    def submit(self, book: OrderBook, outcome: Outcome) -> None:
        """Add an order and what it led to."""
        changes, account = self._of(book), outcome.order.account
        changes.orders[outcome.order.id] = outcome.order
        for execution in outcome.executions:
            standing = execution.standing
            changes.orders[standing.id] = standing
            changes.accounts[standing.account] = changes.accounts[account] = None
        changes.executions += outcome.executions
        self.size += 1 + len(outcome.executions)

    def cancel(self, book: OrderBook, order: Order) -> None:
        """Add a cancelled order."""
        self._of(book).orders[order.id] = order
        self.size += 1

    def note(self, book: OrderBook) -> None:
        """Add that something of a book itself has changed."""
        self._of(book)

    def own_fills(self, venue: str, account: str) -> Iterator[tuple[int, Side, Fill]]:
        """The fills of an account's orders at a venue, with the ids and sides of those."""
        for book, changes in self.books.items():
            for execution in changes.executions if book.venue == venue else ():
                fill = Fill(execution.price, execution.quantity, execution.ts)
                for order in (execution.standing, execution.incoming):
                    if order.account == account:
                        yield order.id, order.side, fill

    def record_instance(self, instance_id: int, instance: Instance | None) -> None:
        """Add an instance that starts, restarts or ends."""
        self.instances[instance_id] = instance
        self.states.pop(instance_id, None)

    def record_state(self, state: InstanceState) -> None:
        """Add how an instance stands now; only the last one counts."""
        self.size += state.id not in self.states
        self.states[state.id] = state

    def record_samples(self, changes: SampleChanges) -> None:
        """Add what has come to the samples of a venue."""
        self.samples.append(changes)
        self.size += 1

    def _of(self, book: OrderBook) -> BookChanges:
        changes = self.books.get(book)
        if changes is None:
            changes = self.books[book] = BookChanges()
        return changes


def placement(outcome: Outcome) -> Placement:
    """The command that led to an order."""
    order, terms = outcome.order, outcome.terms
    fields = (
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
    if terms is None or terms == PLAIN:
        return Placement(*fields)
    return PlacementOnTerms(*fields, terms)


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
    if isinstance(command, InstanceState):
        changes.record_state(command)
        return
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
    terms = command.terms if isinstance(command, PlacementOnTerms) else None
    return book.submit(new, command.ts, terms)


def _cancel(command: Cancellation, book: OrderBook) -> Order:
    order = book.find(command.id)
    if order is None or not order.is_open:
        raise Damaged(f"order {command.id} of {book.symbol} at {book.venue} is not open")
    book.cancel(order, command.ts)
    return order


def _checksum(number: int, content: bytes) -> int:
    return zlib.crc32(content, number & 0xFFFFFFFF)


def write_tables(connection: sqlite3.Connection, changes: Changes) -> None:
    """Write what has changed, within the caller's transaction."""
    every = changes.books.values()
    write_orders(connection, (ORDERS.row(order) for b in every for order in b.orders.values()))
    # In the order of time, so that their numbers do not depend on how often this is called.
    executions = merge(*(b.executions for b in every), key=attrgetter("ts"))
    connection.executemany(WRITE_EXECUTION, map(EXECUTIONS.row, executions))
    holdings = (
        Holding(book, book.positions[account])
        for book, changed in changes.books.items()
        for account in changed.accounts
    )
    connection.executemany(WRITE_POSITION, map(POSITIONS.row, holdings))
    connection.executemany(WRITE_BOOK, map(BOOKS.row, changes.books))
    if changes.instances:
        _write_instances(connection, changes.instances)
    connection.executemany(WRITE_STATE, map(STATES.row, changes.states.values()))
    connection.executemany(WRITE_RUN, map(RUNS.row, changes.runs))
    connection.executemany(WRITE_RESULT, map(RESULTS.row, changes.results))
    if changes.actions or changes.notices:
        _write_admin(connection, changes)
    write_samples(connection, changes.samples)
    write_freezes(connection, changes.freezes)


def _write_instances(
    connection: sqlite3.Connection, instances: Mapping[int, Instance | None]
) -> None:
    gone = [(number,) for number, instance in instances.items() if not instance]
    connection.executemany("DELETE FROM instances WHERE id = ?", gone)
    connection.executemany("DELETE FROM instance_states WHERE id = ?", gone)
    present = filter(None, instances.values())
    connection.executemany(WRITE_INSTANCE, map(INSTANCES.row, present))


def _write_admin(connection: sqlite3.Connection, changes: Changes) -> None:
    connection.executemany(WRITE_ACTION, map(ADMIN_ACTIONS.row, changes.actions))
    connection.execute(
        "DELETE FROM admin_actions WHERE number <= (SELECT max(number) FROM admin_actions) - ?",
        (MOST_ACTIONS,),
    )
    gone = [(kind,) for kind in changes.notices]
    connection.executemany("DELETE FROM notices WHERE kind = ?", gone)
    present = filter(None, changes.notices.values())
    connection.executemany(WRITE_NOTICE, map(NOTICES.row, present))


def write_orders(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """Add orders, or what has become of orders that were added before."""
    connection.executemany(WRITE_ORDER, rows)
