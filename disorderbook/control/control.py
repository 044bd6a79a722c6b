"""Control of a running market, for tests of its clients: begin anew, halt and resume a stock.

Whatever has state that follows from what was done in the market *registers* it here: it says how it
begins anew. A test walks over all objects of an exchange that was used and reset, and compares them
with those of a new one. So a part that has not registered is found.

`MarketControl` is what there is to control, with the exchange's lock held: the routes below
/api/v1/control/ call it. `Control` is the same for the program that has the exchange in itself.
"""

import io
import pickle
from typing import Any, NamedTuple, Protocol, runtime_checkable

from disorderbook.control.fault_control import FaultControl, Latencies, TapeControl, Using
from disorderbook.control.fault_injection import FaultInjection
from disorderbook.control.faults import Fault
from disorderbook.control.journal import ClientRequest, RequestJournal
from disorderbook.engine.book import OrderBook
from disorderbook.errors import (
    BelongsToLevel,
    IllegalValue,
    MissingField,
    NoRoomForSnapshot,
    NoSuchBook,
    NoSuchSnapshot,
)
from disorderbook.exchange import Exchange
from disorderbook.protocol.names import NAME_RULE, detail_of, is_name, missing

HALTED = "the exchange's owner has halted it"  # unless another reason is given
LONGEST_REASON = 200  # characters
NO_NAMES = (".", "..")  # of snapshots: who sends a URL leaves these out of its path
MOST_SNAPSHOTS = 16
MOST_SNAPSHOT_BYTES = 256 << 20  # of all together
REASON_RULE = f"1 to {LONGEST_REASON} characters that can be printed"


class Stateful(Protocol):
    """A part of an exchange that remembers what was done in the market."""

    @property
    def name(self) -> str: ...

    def reset(self, book: OrderBook | None) -> object:
        """Be as in a new market; or, if one book begins anew, have nothing of that. The exchange's
        lock is held.
        """
        ...


@runtime_checkable
class Restorable(Protocol):
    """A part that is in a snapshot. What `save` gives may refer to what lives: it is copied at
    once, with what the other parts give, so that who shares an order shares it afterwards.
    """

    def save(self) -> object:
        """What `load` goes on from."""
        ...

    def load(self, state: Any) -> object:
        """Have what `save` gave then, and nothing of now."""
        ...


class SnapshotInfo(NamedTuple):
    """A snapshot: when it was made on the exchange's clock, nanoseconds since 1970, and its size in
    bytes.
    """

    name: str
    ts: int
    size: int


class _Bounded(io.BytesIO):
    """What can be written up to a size."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._left = most

    def write(self, content: Any) -> int:
        self._left -= len(content)
        if self._left < 0:
            raise NoRoomForSnapshot(f"allowed: {MOST_SNAPSHOT_BYTES} bytes for all together")
        return super().write(content)


class MarketControl:
    """What can be done with a market as a whole. `first` is the venue and the stock that are open
    from the start.

    The exchange's lock must be held for everything here. Parts are reset in the order in which they
    are registered; the first ones are `before` the exchange, and only the first of all may refuse.
    """

    def __init__(
        self, exchange: Exchange, first: tuple[str, str], before: tuple[Stateful, ...] = ()
    ) -> None:
        self._exchange, self._first = exchange, first
        self._parts: list[Stateful] = [*before, exchange]
        self._snapshots: dict[str, tuple[SnapshotInfo, bytes]] = {}

    def register(self, *parts: Stateful | None) -> None:
        """Have parts reset from now on with the others; None is one that there is not."""
        self._parts += [part for part in parts if part is not None]

    @property
    def parts(self) -> tuple[Stateful, ...]:
        """All that are registered, in the order in which they are reset."""
        return tuple(self._parts)

    def reset(self, venue: str | None = None, symbol: str | None = None) -> None:
        """Have a new market, as if the exchange had been started anew; or, with both names, a new
        book in the place of one. Raises CannotWrite before anything has changed, NoSuchVenue,
        NoSuchBook, BelongsToLevel, and MissingField for one name alone.
        """
        book = None if venue is None and symbol is None else self._book(venue, symbol)
        first, *others = self._parts
        first.reset(book)
        try:
            for part in others:
                part.reset(book)
            self._exchange.book(*self._first)
        except BaseException:
            self._exchange.roll_back()
            raise

    def halt(self, venue: str, symbol: str, reason: str = HALTED) -> None:
        """Take no orders in a stock, for a reason that whoever sends one is told, until `resume`.
        What rests can be cancelled. Raises as `reset` does for a book, StockSettled, IllegalValue.
        """
        check_reason(reason)
        self._exchange.halt(self._book(venue, symbol), reason)

    def resume(self, venue: str, symbol: str) -> None:
        """Take orders in a stock again; nothing happens if it does."""
        self._exchange.resume(self._book(venue, symbol))

    def snapshot(self, name: str) -> None:
        """Save the whole market under a name, in the place of an older one of that name. Raises
        CannotSnapshot for a market in a file or while a level is in play, NoRoomForSnapshot,
        IllegalValue.
        """
        if not is_name(name) or name in NO_NAMES:
            raise IllegalValue(detail_of("name", name, f"{NAME_RULE}, and is neither . nor .."))
        others = [info for info, _ in self._snapshots.values() if info.name != name]
        if len(others) >= MOST_SNAPSHOTS:
            raise NoRoomForSnapshot(f"allowed: {MOST_SNAPSHOTS} snapshots")
        saved = {part.name: part.save() for part in self._parts if isinstance(part, Restorable)}
        file = _Bounded(MOST_SNAPSHOT_BYTES - sum(info.size for info in others))
        pickle.Pickler(file, pickle.HIGHEST_PROTOCOL).dump(saved)
        content = file.getvalue()
        info = SnapshotInfo(name, self._exchange.read_clock(), len(content))
        self._snapshots[name] = info, content

    def restore(self, name: str) -> None:
        """Have the market that a snapshot saved, any number of times; levels in play end. What is
        worked out from a market anew, such as rankings, is forgotten. Raises NoSuchSnapshot, or
        CannotWrite before anything has changed.
        """
        _, content = self._found(name)
        saved = pickle.loads(content)
        for part in self._parts:
            if isinstance(part, Restorable):
                part.load(saved[part.name])
            else:
                part.reset(None)

    def snapshots(self) -> list[SnapshotInfo]:
        """Those that there are, the oldest name first."""
        return [info for info, _ in self._snapshots.values()]

    def forget(self, name: str) -> None:
        """Make room for others; raises NoSuchSnapshot."""
        self._found(name)
        del self._snapshots[name]

    def _found(self, name: str) -> tuple[SnapshotInfo, bytes]:
        if name not in self._snapshots:
            raise NoSuchSnapshot(
                detail_of("name", name, f"a name of the {len(self._snapshots)} there")
            )
        return self._snapshots[name]

    def halts(self) -> list[tuple[str, str, str]]:
        """Venue, stock and reason of each book that takes no orders."""
        return self._exchange.halts()

    def _book(self, venue: str | None, symbol: str | None) -> OrderBook:
        if venue is None or symbol is None:
            name = "symbol" if symbol is None else "venue"
            raise MissingField(missing(name, "both venue and symbol, or for a reset none"))
        book = self._exchange.find_book(venue, symbol)
        if book is None:
            self._exchange.books(venue)
            raise NoSuchBook(detail_of("symbol", symbol, "a stock that has been used there"))
        if self._exchange.is_reserved(venue):
            raise BelongsToLevel(detail_of("venue", venue, "a venue that is no level's"))
        return book


def check_reason(reason: str) -> None:
    """Raise IllegalValue for a reason of a halt that cannot be told."""
    if not 1 <= len(reason) <= LONGEST_REASON or not reason.isprintable():
        raise IllegalValue(detail_of("reason", reason, REASON_RULE))


class Control:
    """Control of an exchange in this process, from any thread: each method takes the exchange's
    lock. All raise Ending after the end. `faults` and `tape` are what they do badly on purpose.
    """

    def __init__(
        self,
        using: Using,
        market: MarketControl,
        injection: FaultInjection,
        journal: RequestJournal | None = None,
    ) -> None:
        self._using, self._market, self._journal = using, market, journal
        self._injection = injection
        self.faults, self.tape = FaultControl(using, injection), TapeControl(using, injection)

    @property
    def requests(self) -> tuple[ClientRequest, ...]:
        """What clients have asked over HTTP since the start or the last reset, and why it was
        refused: the newest 10,000, oldest first. Requests of web pages, of the clock, of control
        and of the admin are not among them. Raises RuntimeError where the exchange has no journal.
        """
        if self._journal is None:
            raise RuntimeError("This exchange has no journal; start it with journal=True")
        with self._using():
            return tuple(self._journal.requests())

    def reset(self, venue: str | None = None, symbol: str | None = None) -> None:
        """Have a new market, as if the exchange had been started anew: no orders, positions, levels
        and results, a simulated clock at its start, the opponents and their chance from the seed
        again. With both names it is that book only. Listeners of the tape stay connected.

        In the file of a market everything is deleted as well. Raises CannotWrite, and then nothing
        has changed; for a book NoSuchVenue, NoSuchBook, or BelongsToLevel; MissingField for one
        name alone.
        """
        with self._using() as exchange:
            self._market.reset(venue, symbol)
            exchange.commit(flush=True)  # also what requests of other threads have changed

    def halt(self, venue: str, symbol: str, reason: str = HALTED) -> None:
        """Refuse orders in a stock from now on, for this reason; cancels and reading work. Raises
        NoSuchVenue, NoSuchBook, BelongsToLevel, StockSettled, CannotWrite, or IllegalValue for a
        reason that cannot be told.
        """
        with self._using() as exchange:
            self._market.halt(venue, symbol, reason)
            exchange.commit(flush=True)

    def resume(self, venue: str, symbol: str) -> None:
        """Take orders again; nothing happens if the stock is not halted. Raises as `halt`."""
        with self._using() as exchange:
            self._market.resume(venue, symbol)
            exchange.commit(flush=True)

    def snapshot(self, name: str) -> None:
        """Save the whole market in memory under a name: orders and their ids and places in queues,
        positions, history, idempotency keys, halts, a simulated clock, opponents and their chance.
        At most MOST_SNAPSHOTS of MOST_SNAPSHOT_BYTES together. Raises CannotSnapshot for a market
        in a file and while a level is in play, NoRoomForSnapshot, IllegalValue for a name.
        """
        with self._using():
            self._market.snapshot(name)

    def restore(self, name: str) -> None:
        """Have the market as it was when it was saved, any number of times. Levels in play end,
        recorded requests stay, listeners of the tape stay connected. Raises NoSuchSnapshot.
        """
        with self._using():
            self._market.restore(name)

    def forget(self, name: str) -> None:
        """Let go of a snapshot; raises NoSuchSnapshot."""
        with self._using():
            self._market.forget(name)

    @property
    def snapshots(self) -> tuple[SnapshotInfo, ...]:
        """Those that there are."""
        with self._using():
            return tuple(self._market.snapshots())

    def latency(self, orders: str | None = None, tape: str | None = None) -> Latencies:
        """Hold orders and cancels, and the messages of the tape, for so long: "50ms",
        "uniform:10ms,90ms", "lognormal:90ms,0.3" (median and sigma), or "off"; None leaves one as
        it is. They are drawn from the seed. Returns what is in force. Raises WrongType,
        IllegalValue, and NoTape where there is none.
        """
        with self._using():
            self._injection.set_latency(orders, tape)
            latency = self._injection.latency
            return Latencies(latency.orders.text, latency.tape.text)

    def reject(
        self,
        count: int = 1,
        sentence: str | None = None,
        status: int | None = None,
        account: str | None = None,
    ) -> Fault:
        """Refuse so many of the next orders, which are not done: with status 200 and ok false, or
        a `status` of 400 to 599. Raises WrongType, IllegalValue, TooManyFaults.
        """
        with self._using():
            return self._injection.reject(count, sentence=sentence, status=status, account=account)
