"""Control of a running market, for tests of its clients: begin anew, halt and resume a stock.

Whatever has state that follows from what was done in the market *registers* it here: it says how it
begins anew. A test walks over all objects of an exchange that was used and reset, and compares them
with those of a new one. So a part that has not registered is found.

`MarketControl` is what there is to control, with the exchange's lock held: the routes below
/api/v1/control/ call it. `Control` is the same for the program that has the exchange in itself.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from disorderbook.engine.book import OrderBook
from disorderbook.errors import BelongsToLevel, IllegalValue, MissingField, NoSuchBook
from disorderbook.exchange import Exchange
from disorderbook.lab.journal import ClientRequest, RequestJournal
from disorderbook.protocol.names import detail_of, missing

HALTED = "the exchange's owner has halted it"  # unless another reason is given
LONGEST_REASON = 200  # characters
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
        What rests can be cancelled. Raises as `reset` does for a book, and IllegalValue.
        """
        if not 1 <= len(reason) <= LONGEST_REASON or not reason.isprintable():
            raise IllegalValue(detail_of("reason", reason, REASON_RULE))
        self._exchange.halt(self._book(venue, symbol), reason)

    def resume(self, venue: str, symbol: str) -> None:
        """Take orders in a stock again; nothing happens if it does."""
        self._exchange.resume(self._book(venue, symbol))

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


Using = Callable[[], AbstractContextManager[Exchange]]
"""Gives the exchange with its lock held; raises Ending after the end."""


class Control:
    """Control of an exchange in this process, from any thread: each method takes the exchange's
    lock. All raise Ending after the end.
    """

    def __init__(
        self, using: Using, market: MarketControl, journal: RequestJournal | None = None
    ) -> None:
        self._using, self._market, self._journal = using, market, journal

    @property
    def requests(self) -> tuple[ClientRequest, ...]:
        """What clients have asked over HTTP since the start or the last reset, and why it was
        refused: the newest 10,000, oldest first. Requests of web pages, of the clock and of control
        are not among them. Raises RuntimeError where the exchange has no journal.
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
        NoSuchVenue, NoSuchBook, BelongsToLevel, or IllegalValue for a reason that cannot be told.
        """
        with self._using():
            self._market.halt(venue, symbol, reason)

    def resume(self, venue: str, symbol: str) -> None:
        """Take orders again; nothing happens if the stock is not halted. Raises as `halt`."""
        with self._using():
            self._market.resume(venue, symbol)
