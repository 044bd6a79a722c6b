"""What the admin does with the market: each action, and the record of them all.

The rule: an action is checked as a whole before it changes anything; then it is recorded: in the
log, in memory (the newest), and in the market's file. One for all stocks of a venue, or for all
orders of an account, is done in steps, so that nobody's order waits for all of it. Names and keys
of accounts are the only thing that an action changes outside of that file, and a key is recorded
nowhere.

The exchange's lock must be held in all of these methods.
"""

from collections.abc import Callable, Generator, Iterable, Sequence

from disorderbook.accounts import Accounts, Keys, can_be_named, new_key
from disorderbook.admin.notices import Notices
from disorderbook.admin.record import ActionRecord
from disorderbook.control.control import HALTED, MarketControl, check_reason
from disorderbook.engine.book import OrderBook
from disorderbook.errors import (
    AccountExists,
    BelongsToLevel,
    IllegalValue,
    NoAccounts,
    NoPrice,
    NoSuchAccount,
    NoSuchBook,
    StockSettled,
    TooManyAccounts,
)
from disorderbook.exchange import Exchange
from disorderbook.ledger.base import Ledger, StoredAdmin
from disorderbook.marketdata.scoreboard import Scoreboard
from disorderbook.protocol.names import MAX_NAME_LENGTH, NAME_RULE, detail_of, is_name

CANCELS_AT_ONCE = 64  # orders that are cancelled, or looked for, in a step: 2 to 4 ms
STOCKS_AT_ONCE = 16  # that are halted, resumed or settled in a step: in 2 ms
MOST_ACCOUNTS = 1000
ACCOUNT_RULE = f"1 to {MAX_NAME_LENGTH} characters that can be printed"

Changes = Generator[None, None, int]
"""Changes stocks, or cancels orders, in steps: each `next` is one, during which the lock must be
held; it may be released in between. Returns how many it were.
"""


class AdminActions:
    """The actions on one exchange, whose scores are on this board."""

    def __init__(
        self,
        exchange: Exchange,
        accounts: Accounts,
        control: MarketControl,
        ledger: Ledger,
        scoreboard: Scoreboard,
    ) -> None:
        self._exchange, self._accounts, self._control = exchange, accounts, control
        self._ledger, self._scoreboard = ledger, scoreboard
        self.notices = Notices(exchange, ledger)
        self.record = ActionRecord(exchange, ledger)

    # ---- what the market does

    def open(self, venue: str, symbol: str, halted: bool) -> None:
        """Have a stock, and have it halted if that is said. Raises TooManyBooks, IllegalValue,
        BelongsToLevel; StockSettled for a halt of one that is there.
        """
        for field, name in (("venue", venue), ("symbol", symbol)):
            if not is_name(name) or name in (".", ".."):
                raise IllegalValue(detail_of(field, name, NAME_RULE))
        self._check_is_no_level(venue)
        book = self._exchange.book(venue, symbol)
        if halted:
            self._exchange.halt(book, HALTED)
        self.record.add("open", venue, symbol, detail="halted" if halted else None)

    def halt(self, venue: str, symbol: str | None, reason: str) -> Changes:
        """Take no orders in a stock, or in all of a venue that are not settled, until `resume`.
        Raises IllegalValue for the reason, and as `_open_books` does, at once.
        """
        check_reason(reason)
        books = self._open_books(venue, symbol)
        self.record.add("halt", venue, symbol, detail=reason)
        return self._in_steps(books, lambda book: self._exchange.halt(book, reason))

    def resume(self, venue: str, symbol: str | None) -> Changes:
        """Take orders again; nothing happens where they are taken. Raises as `_open_books` does, at
        once.
        """
        books = self._open_books(venue, symbol)
        self.record.add("resume", venue, symbol)
        return self._in_steps(books, self._exchange.resume)

    def settle(self, venue: str, symbol: str | None, price: int | None) -> Changes:
        """Close a stock, or all of a venue that are not settled, for good: at this price in cents,
        or at what a share of each counts now. Raises NoPrice, and as `_open_books` does, at once.
        """
        books, prices = self._open_books(venue, symbol), {}
        for book in books:
            found = self._scoreboard.mark(book) if price is None else price
            if found is None:
                raise NoPrice(f"{book.symbol} at {venue} has no trade; allowed: with a price")
            prices[book.symbol] = found

        def settle(book: OrderBook) -> None:
            found = prices[book.symbol]
            self._exchange.settle(book, found)
            self.record.add("settle", venue, book.symbol, detail=f"at {found} cents a share")
            self._scoreboard.note(venue)

        return self._in_steps(books, settle)

    def reset(self, venue: str, symbol: str) -> None:
        """Have a new book in the place of one. Raises as `MarketControl.reset` does."""
        self._control.reset(venue, symbol)
        self.record.add("reset", venue, symbol)

    # ---- what accounts do

    def cancel(self, account: str, venue: str | None = None, symbol: str | None = None) -> Changes:
        """Cancel the open orders of an account, those of one venue or stock if that is said, and
        those only that are there now. Raises NoSuchVenue, NoSuchBook, BelongsToLevel or CannotWrite
        at once, before anything has changed.
        """
        if venue is None:
            books = [
                book
                for name in self._exchange.venues()
                if not self._exchange.is_reserved(name)
                for book in self._exchange.books(name)
            ]
        else:
            books = self._books(venue, symbol)
        self._ledger.require_writable()
        starts = [(book, book.next_id) for book in books]
        return self._cancel_in_steps(starts, account, venue, symbol)

    def expel(self, account: str) -> Changes:
        """Take an account's key away, which closes the websockets that it has opened, and then
        cancel its orders as `cancel` does. Raises NoAccounts, NoSuchAccount, CannotChangeAccounts.
        """

        def change(keys: Keys) -> None:
            _check_is_there(keys, account)
            del keys[account]

        self._change(change)
        self.record.add("expel", account=account)
        return self.cancel(account)

    def add(self, account: str) -> str:
        """Have another account; returns its key. Raises NoAccounts, AccountExists, TooManyAccounts,
        IllegalValue, CannotChangeAccounts.
        """
        if not can_be_named(account):
            raise IllegalValue(detail_of("account", account, ACCOUNT_RULE))
        key = new_key()

        def change(keys: Keys) -> None:
            if account in keys:
                raise AccountExists(detail_of("account", account, "one that is not there"))
            if len(keys) >= MOST_ACCOUNTS:
                raise TooManyAccounts(f"{len(keys)} are there; allowed: {MOST_ACCOUNTS}")
            keys[account] = key

        self._change(change)
        self.record.add("add", account=account)
        return key

    def rekey(self, account: str) -> str:
        """Have a new key for an account, and the old one good for nothing; returns it. Raises
        NoAccounts, NoSuchAccount, CannotChangeAccounts.
        """
        key = new_key()

        def change(keys: Keys) -> None:
            _check_is_there(keys, account)
            keys[account] = key

        self._change(change)
        self.record.add("rekey", account=account)
        return key

    # ---- what everybody is told

    def freeze(self, venue: str) -> None:
        """Show the scores of a venue as they are now until `reveal`. Raises as `Scoreboard.freeze`
        does.
        """
        self._scoreboard.freeze(venue)
        self.record.add("freeze", venue)

    def reveal(self, venue: str) -> None:
        """Show them as they are, which may be so already. Raises NoSuchVenue, BelongsToLevel."""
        self._books(venue, None)
        self._scoreboard.reveal(venue)
        self.record.add("reveal", venue)

    def frozen(self) -> list[str]:
        """The venues whose scores are frozen."""
        return self._scoreboard.frozen()

    def announce(self, text: str) -> None:
        """As `Notices.announce` does."""
        self.notices.announce(text)
        self.record.add("announce", detail=text or None)

    def count_down(self, seconds: int, text: str) -> None:
        """As `Notices.count_down` does."""
        self.notices.count_down(seconds, text)
        self.record.add("countdown", detail=f"{seconds} s {text}".strip())

    def restore(self, stored: StoredAdmin) -> None:
        """Have done and said what a ledger has."""
        self.record.restore(stored.actions)
        self.notices.restore(stored.notices)

    def _in_steps(
        self, books: Sequence[OrderBook], change: Callable[[OrderBook], object]
    ) -> Changes:
        """Change books, but those that were settled or begun anew since the first step."""
        changed = 0
        for number, book in enumerate(books):
            if number and number % STOCKS_AT_ONCE == 0:
                yield
                self._ledger.require_writable()  # else the books may be others for that reason
            is_there = self._exchange.find_book(book.venue, book.symbol) is book
            if is_there and book.settled is None:
                change(book)
                changed += 1
        return changed

    def _cancel_in_steps(
        self,
        books: Iterable[tuple[OrderBook, int]],
        account: str,
        venue: str | None,
        symbol: str | None,
    ) -> Changes:
        """`books` come with the first id that is not meant any more. What takes several steps is
        recorded in the first as well: nobody may wait for the last.
        """
        exchange, cancelled, work, is_begun = self._exchange, 0, 0, False
        for book, end in books:
            for order in exchange.orders_of(book, account, only_open=True):
                if order is not None and order.id < end:
                    exchange.cancel(order)
                    cancelled += 1
                work += 1
                if work == CANCELS_AT_ONCE:
                    work = 0
                    if not is_begun:
                        self.record.add("cancel", venue, symbol, account, "begun")
                        is_begun = True
                    yield
        self.record.add("cancel", venue, symbol, account, f"{cancelled} orders")
        return cancelled

    def _change(self, change: Callable[[Keys], None]) -> None:
        """Change the keys of the accounts; raises what that does, or NoAccounts."""
        if not self._accounts.need_keys:
            raise NoAccounts
        self._ledger.require_writable()  # else it could not be recorded
        self._accounts.change(change)

    def _books(self, venue: str, symbol: str | None) -> list[OrderBook]:
        """A book, or all of a venue; raises NoSuchVenue, NoSuchBook, BelongsToLevel."""
        books = list(self._exchange.books(venue))
        self._check_is_no_level(venue)
        if symbol is None:
            return books
        found = [book for book in books if book.symbol == symbol]
        if not found:
            raise NoSuchBook(detail_of("symbol", symbol, "a stock that has been used there"))
        return found

    def _open_books(self, venue: str, symbol: str | None) -> list[OrderBook]:
        """As `_books`, but of a whole venue those alone that are not settled; raises StockSettled
        where there is none that is not.
        """
        books = self._books(venue, symbol)
        unsettled = [book for book in books if book.settled is None]
        if not unsettled:
            raise StockSettled(f"{symbol or 'every stock'} at {venue} was closed for good")
        return unsettled

    def _check_is_no_level(self, venue: str) -> None:
        if self._exchange.is_reserved(venue):
            raise BelongsToLevel(detail_of("venue", venue, "a venue that is no level's"))


def _check_is_there(keys: Keys, account: str) -> None:
    if account not in keys:
        raise NoSuchAccount(detail_of("account", account, "one of the accounts file"))
