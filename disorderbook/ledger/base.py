"""What an exchange asks of its ledger: the class `Ledger`, which does nothing.

An exchange with that ledger has everything in memory until it ends. Other ledgers derive from it
and override what they do differently. The rule: every method is called while the caller holds the
exchange's lock, so a ledger needs no lock of its own for them.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from disorderbook.engine.book import Execution, OrderBook, Outcome
from disorderbook.engine.orders import Fill, Order, Side


class Instance(msgspec.Struct, gc=False):
    """A level in play: `account` is the player's, `started_at` is nanoseconds since 1970."""

    id: int
    account: str
    started_at: int


class InstanceState(
    msgspec.Struct, frozen=True, gc=False, array_like=True, tag=2, tag_field="what"
):
    """How an instance stood at a time (nanoseconds since 1970): JSON that the game understands."""

    id: int
    ts: int
    state: str


class StoredRun(NamedTuple):
    """One start or restart of a level, and where it was played.

    `player` is as `Accounts.player_of` gives it; times are nanoseconds since 1970. `ended_at` is
    None while the venue is open. `has_market` says whether its orders and trades are kept.
    """

    venue: str
    symbol: str
    instance: int
    player: str
    level: str
    account: str
    seed: int
    seed_chosen: bool
    started_at: int
    ended_at: int | None = None
    has_market: bool = True


class StoredResult(NamedTuple):
    """How a level was won or lost: who played, as `Accounts.player_of` gives it, and then what
    everybody is told.
    """

    player_id: str
    level: str
    player: str
    state: str
    days: int
    nav: int  # cents
    seed: int
    seed_chosen: bool
    tries: int
    assisted: bool
    ts: int  # nanoseconds since 1970


class StartCount(NamedTuple):
    """How often a player has started a level."""

    player: str
    level: str
    starts: int


class StoredGame(NamedTuple):
    """What a ledger holds of levels: `closed` are the venues of runs that have ended, `results` and
    `starts` have the oldest first.
    """

    states: Sequence[InstanceState] = ()
    closed: Sequence[str] = ()
    results: Sequence[StoredResult] = ()
    starts: Sequence[StartCount] = ()


ACTIONS_SHOWN = 100  # of the admin that are told, the newest


class StoredAction(NamedTuple):
    """Something that the admin has done: when (nanoseconds since 1970), and to what, as far as that
    can be said. It has no key.
    """

    ts: int
    action: str
    venue: str | None = None
    symbol: str | None = None
    account: str | None = None
    detail: str | None = None


class StoredNotice(NamedTuple):
    """What the admin tells everybody; there is one of a kind at most. Times are nanoseconds since
    1970: when it was made, and when it ends, if it does.
    """

    kind: str
    text: str
    ts: int
    ends_at: int | None = None


class StoredAdmin(NamedTuple):
    """What a ledger holds of the admin: the newest actions, oldest first, and the notices."""

    actions: Sequence[StoredAction] = ()
    notices: Sequence[StoredNotice] = ()


class StoredSample(NamedTuple):
    """What the accounts of a venue were worth at `ts`, nanoseconds since 1970: a JSON list of cents
    by the accounts' numbers, null for one that had not traded yet. `slot` is the multiple of `step`
    that it stands for, both in seconds, the former since 1970.
    """

    venue: str
    step: int
    slot: int
    ts: int
    navs: str


class StoredScorer(NamedTuple):
    """An account that samples are taken of, and its number there, from 0."""

    venue: str
    number: int
    account: str


class SampleChanges(NamedTuple):
    """What has come to the samples of a venue; or, where they begin anew, all of them."""

    venue: str
    scorers: Sequence[StoredScorer]
    samples: Sequence[StoredSample]
    is_anew: bool = False


class StoredFreeze(NamedTuple):
    """The scores of a venue as they were when they were frozen, at `ts` (nanoseconds since 1970):
    JSON that the scoreboard understands.
    """

    venue: str
    ts: int
    state: str


class StoredScores(NamedTuple):
    """What a ledger holds of scores: by venue, the scorers by number and the samples by time."""

    scorers: Sequence[StoredScorer] = ()
    samples: Sequence[StoredSample] = ()
    freezes: Sequence[StoredFreeze] = ()


class PastTrade(NamedTuple):
    """A trade as the history of its book has it; `side` is that of the incoming order. Of both
    orders there are their ids, and how many fills they had after it.
    """

    price: int  # cents
    quantity: int  # shares
    ts: int  # nanoseconds since 1970
    side: Side
    standing_id: int
    standing_fills: int
    incoming_id: int
    incoming_fills: int


def past_trade(execution: Execution) -> PastTrade:
    """An execution without its orders."""
    return PastTrade(
        execution.price,
        execution.quantity,
        execution.ts,
        execution.incoming.side,
        execution.standing.id,
        execution.standing_fills,
        execution.incoming.id,
        execution.incoming_fills,
    )


class HistoryState(NamedTuple):
    """What the history of a book knew after some trades: JSON that the history understands."""

    venue: str
    symbol: str
    orders: int  # that the book had had; what they traded later, incoming, is not in the state
    trades: int  # how many there had been
    since: int  # nanoseconds since 1970; the trades before are counted only
    state: str


class Past(NamedTuple):
    """The past of an open book: how its history stood once, `skipped` trades of which only their
    number is known, and all those that came after both, oldest first.
    """

    book: OrderBook
    state: HistoryState | None
    skipped: int
    trades: Sequence[PastTrade]


HistoryStates = Callable[[int], Iterable[HistoryState]]
"""The states of the books of which so many trades are in none that it gave before."""


class Ledger:
    """Records nothing, finds nothing, refuses nothing."""

    keeps_states = False  # whether `record_state` does anything

    def require_writable(self) -> None:
        """Raise CannotWrite if nothing may change now. The exchange calls it before each change,
        so a ledger may begin a transaction here that ends with `commit`.
        """

    name = "ledger"

    def reset(self, book: OrderBook | None) -> None:
        """Have nothing of a book any more, or of anything: with the next commit, and with what is
        recorded from now on. Raises CannotWrite before anything has changed.
        """

    def save(self) -> object:
        """What `load` goes on from; raises CannotSnapshot."""
        return None

    def load(self, state: Any) -> None:
        """Go on from there; raises CannotWrite before anything has changed."""

    def open_book(self, book: OrderBook) -> None:
        """Record a new book."""

    def submit(self, book: OrderBook, outcome: Outcome) -> None:
        """Record an order that was accepted, and what it led to."""

    def cancel(self, book: OrderBook, order: Order) -> None:
        """Record that an open order was cancelled."""

    def restrict(self, book: OrderBook) -> None:
        """Record that a book was halted, resumed or settled, as its attributes say."""

    def roll_back(self) -> None:
        """Drop what is not committed, because a change was interrupted; the next commit raises
        CannotWrite. A ledger without transactions has nothing to drop.
        """

    def commit(self) -> Sequence[Order]:
        """Make what was recorded permanent, or raise CannotWrite. Returns closed orders that the
        exchange is to forget, because `find` finds them.
        """
        return ()

    def flush(self) -> Sequence[Order]:
        """Commit, and write what earlier commits have put off, if that is possible now.

        Returns what `commit` returns. Raises CannotWrite; if changes were lost that no commit has
        made permanent yet, then the next commit raises it as well.
        """
        return self.commit()

    def committed_books(self) -> Sequence[OrderBook]:
        """After CannotWrite: the books as of the last commit; raises CannotRead."""
        return ()

    def close(self) -> None:
        """Close the files. Nothing is called after that."""

    def find(self, book: OrderBook, order_id: int) -> Order | None:
        """A closed order that the exchange has forgotten; raises CannotRead."""
        return None

    def ids_of(self, book: OrderBook, account: str, start: int, most: int) -> Sequence[int]:
        """The lowest ids from `start` on of an account's orders in a book that `find` would find,
        at most `most`, in ascending order. Others of the account may be among them. Raises
        CannotRead.
        """
        return ()

    def record_instance(self, instance_id: int, instance: Instance | None) -> None:
        """Record that an instance of a level starts, restarts or (None) ends."""

    def record_state(self, state: InstanceState) -> None:
        """Record how an instance stands; `require_writable` was called before it changed."""

    def record_run(self, run: StoredRun) -> None:
        """Record that a run begins or has ended."""

    def record_result(self, result: StoredResult) -> None:
        """Record that a level was won or lost."""

    def record_action(self, action: StoredAction) -> None:
        """Record what the admin has done."""

    def record_notice(self, kind: str, notice: StoredNotice | None) -> None:
        """Record a notice, in the place of one of its kind; None: there is none any more."""

    def record_samples(self, changes: SampleChanges) -> None:
        """Record what accounts were worth, with the next flush."""

    def record_freeze(self, venue: str, freeze: StoredFreeze | None) -> None:
        """Record that the scores of a venue are frozen, or (None) are not any more."""

    def committed_admin(self) -> StoredAdmin:
        """What the admin has done and said, as of the last commit; raises CannotRead."""
        return StoredAdmin()

    def committed_scores(self) -> StoredScores:
        """Samples and frozen scores as of the last commit that succeeded; raises CannotRead."""
        return StoredScores()

    def committed_game(self) -> StoredGame:
        """After CannotWrite: the levels as of the last commit; raises CannotRead."""
        return StoredGame()

    def keep_history(self, states: HistoryStates) -> None:
        """Store from now on what the history of the market gives, now and then."""

    def committed_pasts(self) -> Sequence[Past]:
        """After CannotWrite: the past of each book as of the last commit; raises CannotRead."""
        return ()

    def own_fills(self, venue: str, account: str) -> Sequence[tuple[int, Side, Fill]]:
        """The fills of an account's orders at a venue with the ids and sides of those, oldest
        first; raises CannotRead.
        """
        return ()
