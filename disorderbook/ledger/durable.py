"""The ledger of a durable market, which is in a file.

The rule: what was changed is in the file before its answer leaves. A commit puts it into the
journal; a flush, twice a second or when enough has come together, into the tables that people read.
"""

import logging
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress

from disorderbook.engine.book import OrderBook, Outcome
from disorderbook.engine.orders import Fill, Order, Side
from disorderbook.errors import CannotSnapshot, CannotWrite
from disorderbook.ledger.archive import (
    CLOSED_ORDERS_IN_MEMORY,
    Archive,
    Market,
    load_admin,
    load_market,
    reading,
)
from disorderbook.ledger.base import (
    HistoryState,
    HistoryStates,
    Instance,
    InstanceState,
    Past,
    SampleChanges,
    StoredAction,
    StoredAdmin,
    StoredFreeze,
    StoredGame,
    StoredNotice,
    StoredResult,
    StoredRun,
    StoredScores,
)
from disorderbook.ledger.journal import (
    Cancellation,
    Changes,
    Command,
    Journal,
    placement,
    write_tables,
)
from disorderbook.ledger.lock import FileLock
from disorderbook.ledger.runs import OldMarkets, delete_old_results
from disorderbook.ledger.scores import load_scores
from disorderbook.ledger.tables import (
    BOOK_TABLES,
    EXECUTIONS,
    FAULTS,
    MARKET_TABLES,
    SCHEMA_VERSION,
    VENUE_TABLES,
    NumberedFill,
    Summary,
    is_busy,
    read_fill,
    read_own_fill,
    write_summary,
)
from disorderbook.ledger.trades import STORED_EACH, load_pasts, write_histories
from disorderbook.ledger.wal import BUSY_MILLISECONDS, Checkpoints, LogSync

FORGOTTEN_AT_ONCE = 1000  # orders that leave memory after one commit, or as many as it wrote
FLUSHED_AT = 400  # changes that are written into the tables together, in about 4 ms

# What an order trades when it is placed comes before what it trades later.
_FILLS_OF_ORDER = {
    half: f"""
    SELECT number, {half}, {EXECUTIONS.all} FROM executions
    WHERE (venue, symbol, {order}_id) = (?, ?, ?) AND number > ? ORDER BY number LIMIT ?
"""
    for half, order in ((1, "incoming"), (0, "standing"))
}
_LAST_FILL = """
    SELECT max(
        coalesce((
            SELECT incoming_fill FROM executions
            WHERE (venue, symbol, incoming_id) = (?1, ?2, ?3) ORDER BY number DESC LIMIT 1
        ), -1),
        coalesce((
            SELECT standing_fill FROM executions
            WHERE (venue, symbol, standing_id) = (?1, ?2, ?3) ORDER BY number DESC LIMIT 1
        ), -1)
    )
"""

_OWN_FILLS = """
    SELECT o.id, o.side, f.price, f.quantity, f.ts FROM orders AS o JOIN fills AS f
    ON (f.venue, f.symbol, f.order_id) = (o.venue, o.symbol, o.id)
    WHERE o.account = ? AND o.venue = ? ORDER BY f.ts, f.number
"""

log = logging.getLogger(__name__)


class DurableLedger(Archive):
    """Writes down every change, and lets the exchange forget closed orders beyond `bound`.

    The first change after a commit begins the next transaction. While another program writes to
    the file none can begin, so changes are refused before they have changed anything, and go on
    when that is over. A transaction that has begun meets nobody else until its commit.

    After a write that failed nothing may change any more until the exchange is started again:
    what the disk then holds is known only by reading it.
    """

    keeps_states = True

    def __init__(
        self,
        connection: sqlite3.Connection,
        lock: FileLock,
        checkpoints: Checkpoints,
        market: Market,
        bound: int = CLOSED_ORDERS_IN_MEMORY,
        log_sync: LogSync | None = None,
    ) -> None:
        super().__init__(connection)
        self._lock = lock  # what keeps other exchanges from the file
        self._checkpoints = checkpoints
        self._log_sync = log_sync  # None where each commit waits for the disk
        self._books = market.book_count
        self._last_instance = market.last_instance  # the highest id given so far
        self._bound = bound
        self._journal = Journal(connection, market.journaled)
        self._commands: list[Command] = []  # since the last commit
        self._must_flush = False  # something has changed since then that is not for the journal
        self._changes = market.changes  # since the tables were written
        self._old_markets = OldMarkets(connection)
        self._replayed = market.changes  # what the journal alone has
        self._states: HistoryStates = lambda least: ()  # of the market's history
        self._states_due: Iterable[HistoryState] = ()
        self._closed: deque[Order] = deque()  # in memory, the longest closed first
        for changes in self._changes.books.values():
            self._closed.extend(o for o in changes.orders.values() if not o.is_open)
        self._has_failed = False
        self._has_lost_commands = False  # that the next commit was to write
        self._set_busy(False)

    def require_writable(self) -> None:
        """Keep others from writing until the next commit; raises CannotWrite while one of them
        writes, and for good after a write has failed.
        """
        if self._has_failed or not self._begin():
            raise CannotWrite

    def reset(self, book: OrderBook | None) -> None:
        """Delete it all within the transaction that the next commit ends. Of a book go its orders,
        trades and positions; whatever else has changed is written first.
        """
        self.require_writable()
        try:
            if book is None:
                self._delete_all()
            else:
                self._delete_book(book)
        except FAULTS as error:
            self._fail(str(error))
            self._has_lost_commands = True
            raise CannotWrite from error
        self._must_flush = True

    def save(self) -> object:
        """The file is copied instead: a restored market could not be written in one piece."""
        raise CannotSnapshot("this market is in a file (-d), of which backup makes a copy")

    def open_book(self, book: OrderBook) -> None:
        self._changes.open(book)
        self._books += 1
        self._must_flush = True

    def submit(self, book: OrderBook, outcome: Outcome) -> None:
        self._commands.append(placement(outcome))
        self._changes.submit(book, outcome)
        self._closed.extend(outcome.closed_orders())

    def cancel(self, book: OrderBook, order: Order) -> None:
        self._commands.append(Cancellation(order.venue, order.symbol, order.id, book.quote_time))
        self._changes.cancel(book, order)
        self._closed.append(order)

    def restrict(self, book: OrderBook) -> None:
        self._changes.note(book)
        self._must_flush = True

    def record_instance(self, instance_id: int, instance: Instance | None) -> None:
        self.require_writable()
        self._changes.record_instance(instance_id, instance)
        self._last_instance = max(self._last_instance, instance_id)
        self._must_flush = True

    def record_state(self, state: InstanceState) -> None:
        if not self._has_failed:  # else the next commit says so
            self._commands.append(state)
            self._changes.record_state(state)

    def record_run(self, run: StoredRun) -> None:
        self.require_writable()
        self._changes.runs.append(run)
        self._must_flush = True

    def record_result(self, result: StoredResult) -> None:
        self.require_writable()
        self._changes.results.append(result)
        self._must_flush = True

    def record_action(self, action: StoredAction) -> None:
        self.require_writable()
        self._changes.actions.append(action)
        self._must_flush = True

    def record_notice(self, kind: str, notice: StoredNotice | None) -> None:
        self.require_writable()
        self._changes.notices[kind] = notice
        self._must_flush = True

    def record_samples(self, changes: SampleChanges) -> None:
        if not self._has_failed:
            self._changes.record_samples(changes)

    def record_freeze(self, venue: str, freeze: StoredFreeze | None) -> None:
        self.require_writable()
        self._changes.freezes[venue] = freeze
        self._must_flush = True

    def roll_back(self) -> None:
        self._fail("a change was not finished")
        self._has_lost_commands = True

    def commit(self) -> Sequence[Order]:
        """Write down what has changed; returns some of the closed orders beyond the bound."""
        if self._has_lost_commands:  # whose answers must not leave; those after them may
            self._has_lost_commands = False
            raise CannotWrite
        if self._must_flush or self._changes.size >= FLUSHED_AT:
            return self._flush()
        if self._commands:
            self._write(self._append_to_journal)
        else:
            self._roll_back()  # the change for which it was begun did not come
        return ()

    def flush(self) -> Sequence[Order]:
        """Write down what has changed, now into the tables unless another program is writing to
        the file; returns the same as `commit`.
        """
        awaits_commit = bool(self._commands) or self._must_flush
        try:
            self._require_same_files()
            return self._flush()
        except CannotWrite:
            self._has_lost_commands = awaits_commit
            raise

    def fills_of_order(self, venue: str, symbol: str, order_id: int) -> Iterator[NumberedFill]:
        for query in _FILLS_OF_ORDER.values():
            for _, *half in self.pages(query, venue, symbol, order_id):
                yield read_fill(tuple(half))

    def count_fills(self, venue: str, symbol: str, order_id: int) -> int:
        [last] = self.connection.execute(_LAST_FILL, (venue, symbol, order_id)).fetchone()
        return int(last) + 1

    def committed_books(self) -> Sequence[OrderBook]:
        """The books as of the last commit that succeeded; raises CannotRead."""
        with reading():
            return load_market(self.connection).books

    def committed_game(self) -> StoredGame:
        with reading():
            market = load_market(self.connection)
        self._replayed = market.changes
        return market.game

    def committed_admin(self) -> StoredAdmin:
        with reading():
            return load_admin(self.connection)

    def committed_scores(self) -> StoredScores:
        with reading():
            return load_scores(self.connection)

    def own_fills(self, venue: str, account: str) -> Sequence[tuple[int, Side, Fill]]:
        """As of the start, or of `committed_game`, if nothing has changed since then."""
        with reading():
            rows = self.connection.execute(_OWN_FILLS, (account, venue)).fetchall()
            return [*map(read_own_fill, rows), *self._replayed.own_fills(venue, account)]

    def keep_history(self, states: HistoryStates) -> None:
        self._states = states

    def committed_pasts(self) -> Sequence[Past]:
        with reading():
            return load_pasts(self.connection, load_market(self.connection))

    def close(self) -> None:
        """Drop what has not been committed, and let others have the file."""
        if self._lock.is_inherited:
            return  # a forked process must not touch what SQLite has open in its parent
        if not self._commands and not self._has_failed:
            self._states_due = list(self._states(1))
            self._must_flush = self._must_flush or bool(self._states_due)
            with suppress(CannotWrite):  # the journal has it
                self.flush()
        self._roll_back()
        self._checkpoints.stop()
        if self._log_sync is not None:
            self._log_sync.stop()
        if self._lock.stray() is None:
            self._lock.release_log()  # else SQLite would remove somebody else's by its name
            if not self._has_failed:
                self._leave_wal_mode()
        super().close()
        self._lock.close()

    def _delete_all(self) -> None:
        for table in MARKET_TABLES:
            self.connection.execute(f"DELETE FROM {table}")
        self._changes = self._replayed = Changes()
        self._commands, self._states_due, self._closed = [], (), deque()
        self._books = self._last_instance = self._journal.last = 0
        self._old_markets = OldMarkets(self.connection)

    def _delete_book(self, book: OrderBook) -> None:
        write_tables(self.connection, self._changes)
        self._journal.clear()
        place = book.venue, book.symbol
        for table in BOOK_TABLES:
            self.connection.execute(f"DELETE FROM {table} WHERE (venue, symbol) = (?, ?)", place)
        for table in VENUE_TABLES:
            self.connection.execute(f"DELETE FROM {table} WHERE venue = ?", place[:1])
        self._changes = self._replayed = Changes()
        self._commands = []
        self._books -= 1
        self._closed = deque(o for o in self._closed if (o.venue, o.symbol) != place)

    def _leave_wal_mode(self) -> None:
        """Let the file be read by those who may not write beside it."""
        try:
            self.connection.execute("PRAGMA journal_mode = DELETE")
        except FAULTS as error:  # another program has it open
            log.warning("The ledger stays in WAL mode: %s", error)

    def _require_same_files(self) -> None:
        """Raise CannotWrite if what is written would be in no file that anybody finds again."""
        stray = None if self._has_failed else self._lock.stray()
        if stray is not None:
            self._fail(f"{stray} is not the file any more that was opened")
            raise CannotWrite

    def _flush(self) -> Sequence[Order]:
        most = max(self._changes.size, FORGOTTEN_AT_ONCE)  # so a batch of any size leaves no more
        if self._changes.size or self._must_flush or self._old_markets:
            if not self._begin():
                return ()
            self._write(self._write_all)
        surplus = min(len(self._closed) - self._bound, most)  # may be below zero
        return [self._closed.popleft() for _ in range(surplus)]

    def _begin(self) -> bool:
        """Begin a transaction unless there is one; returns whether there is one now.

        Only the first attempt waits while another program writes. Raises CannotWrite.
        """
        if self.connection.in_transaction:
            return True
        if self._log_sync is not None and self._log_sync.has_failed:
            self._fail("its log does not reach the disk")
            raise CannotWrite
        try:
            self.connection.execute("BEGIN IMMEDIATE")
        except FAULTS as error:
            if not is_busy(error):
                self._fail(str(error))
                raise CannotWrite from error
            if not self._is_busy:
                log.warning("Another program writes to the ledger: no changes until it has done so")
                self._set_busy(True)
            return False
        if self._is_busy:
            log.warning("The other program has written to the ledger: changes go on")
            self._set_busy(False)
        return True

    def _set_busy(self, is_busy: bool) -> None:
        self._is_busy = is_busy  # another program writes to the file
        timeout = 0 if is_busy else BUSY_MILLISECONDS
        self.connection.execute(f"PRAGMA busy_timeout = {timeout}")

    def _write(self, write: Callable[[], None]) -> None:
        """Have something written and commit, or raise CannotWrite and nothing is."""
        try:
            write()
            self._commands, self._must_flush = (
                [],
                False,
            )  # a signal after the commit changes nothing
            self.connection.execute("COMMIT")
        except FAULTS as error:
            self._fail(str(error))
            raise CannotWrite from error
        if self._log_sync is not None:
            self._log_sync.note_write()
        self._checkpoints.count(self.connection)

    def _append_to_journal(self) -> None:
        self._journal.append(self._commands)

    def _write_all(self) -> None:
        connection, changes = self.connection, self._changes
        write_tables(connection, changes)
        write_histories(connection, [*self._states_due, *self._states(STORED_EACH)])
        self._old_markets.look(changes.runs)
        self._books -= self._old_markets.delete_some()
        if changes.results:
            delete_old_results(connection)
        last = self._journal.last
        write_summary(connection, Summary(SCHEMA_VERSION, self._books, self._last_instance, last))
        self._journal.clear()
        self._changes = self._replayed = Changes()

    def _fail(self, why: str) -> None:
        log.error("The ledger cannot be written, so nothing may change from now on: %s", why)
        self._has_failed = True
        self._changes, self._closed = Changes(), deque()
        self._commands, self._must_flush = [], False
        self._roll_back()

    def _roll_back(self) -> None:
        if self.connection.in_transaction:
            with suppress(*FAULTS):
                self.connection.execute("ROLLBACK")
