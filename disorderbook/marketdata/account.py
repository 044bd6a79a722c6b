"""What accounts have done: their fills in the order of time, what their positions have cost, and
how these were over time.

Nobody pays for this but who asks: a trade records nothing here. The orders have it all, those in
memory and those in the ledger, so it is the same after a restart or a rollback. The first question
goes through all orders of an account in a book, and each later one through those that were open
then and those that came since, in steps of a bounded number of orders and fills. The rule: what is
told is as of one moment, that at which this began.

The exchange's lock must be held in every function and during each step.
"""

from collections import OrderedDict, deque
from collections.abc import Generator, Iterator
from heapq import heappop, heappush
from itertools import islice
from typing import NamedTuple
from weakref import ref

import msgspec

from disorderbook.engine.book import OrderBook, Quote
from disorderbook.engine.orders import BUY, SELL, Fill, Order, Side, fee_of
from disorderbook.errors import ExchangeError
from disorderbook.exchange import Exchange
from disorderbook.marketdata.cost_basis import CostBasis
from disorderbook.marketdata.history import MOST_CANDLES, SECOND, Slot, WholeSeries
from disorderbook.marketdata.mark import last_price
from disorderbook.marketdata.ranking import Price
from disorderbook.rules.market import fee_rates

RECENT_FILLS = 10_000  # of an account in a book, which are stored
MOST_HISTORIES = 1000  # accounts in books, the ones asked for last
MOST_STORED = 1_000_000  # fills and open orders of all these together: 150 MB
STEP = 1000  # what a step may do, in about a millisecond, where a look at an open order costs 1,
ORDER_COST = 4  # and a new order,
FILL_COST = 4  # and a fill,
LEDGER_COST = 64  # and an order that is read from the ledger


class AccountFill(msgspec.Struct, frozen=True, gc=False):
    """A trade as one of its two orders remembers it, which an account has placed."""

    order_id: int
    side: Side
    price: int  # cents
    quantity: int  # shares
    ts: int  # nanoseconds since 1970
    is_take: bool  # whether the order traded when it came
    position: int  # shares that the account had after it


class PastPosition(Slot, gc=False):
    """How a position was at the end of a stretch of time."""

    cash: int  # cents
    shares: int
    price: int  # of the account's last trade, in cents
    value: int  # of all its trades until then, in cents
    charged: int  # for these by the rules of today, in cents

    def extend(self, later: "PastPosition") -> None:
        """Merge a later one into this one."""
        self.cash, self.shares, self.price = later.cash, later.shares, later.price
        self.value, self.charged = later.value, later.charged


class OpenOrders(NamedTuple):
    """How many orders an account has in a side of a book, and how many shares they want."""

    orders: int = 0
    quantity: int = 0


Pending = tuple[int, int, bool, int, int, Order, Fill]
"""A fill that is to be told: its time, its rank within its event (the price, as the incoming order
meets it), whether its order came in, that order's id, and the fill's number there from 0."""


class AccountHistory:
    """What an account has done in a book until `ts`, nanoseconds since 1970, and the quote then;
    `price` is what a share counted for, in cents.

    An account that trades with itself has two fills, and neither cash nor shares move, nor the cost
    of what it has. `fees` are what it has paid until `ts`, in cents; `basis` is without them. No
    order remembers what its trades cost: `charged` is what the rules of today ask for them, which
    is another sum only if a file of other rules was given before.
    """

    def __init__(
        self, exchange: Exchange, book: OrderBook, account: str, price: Price = last_price
    ) -> None:
        self.account = account
        self.ts = -1
        self.quote: Quote = book.quote()
        self.price = price(book)
        self._price = price
        self.basis = CostBasis()
        self.fees = self.charged = 0
        self.value = 0  # of all fills, in cents
        self.fill_count = 0
        self.series: WholeSeries[PastPosition] = WholeSeries(SECOND, MOST_CANDLES)
        self.open = {side: OpenOrders() for side in (BUY, SELL)}
        self.has_failed = False  # and is of no use any more
        self._exchange = exchange
        self._book = ref(book)  # which goes when its level is over
        self._fills: deque[AccountFill] = deque(maxlen=RECENT_FILLS)
        self._position = 0  # shares after the last fill
        self._live: list[
            tuple[Order, int]
        ] = []  # that may trade again, and how many fills are told
        self._open = {side: (0, 0) for side in (BUY, SELL)}  # of those in `_live`
        self._pending: list[Pending] = []  # a heap
        self._group = (0, 0)  # time and price of the fills that `_net` shares are bought in
        self._net = 0
        self._settled_charge = 0
        self._rates = fee_rates(None)
        self._next_id = 0
        self._events = -1  # of the book
        self._steps: Iterator[int] | None = None

    @property
    def size(self) -> int:
        """How many fills and orders it holds."""
        return len(self._fills) + len(self._live)

    def look_at_price(self, book: OrderBook) -> None:
        """Have what a share counts for now, unless something has happened since: a settlement
        changes nothing else.
        """
        if self._events == book.event_count:
            self.price = self._price(book)

    def is_of(self, book: OrderBook) -> bool:
        """Whether it is of this book, and not of one that a rollback has replaced."""
        return self._book() is book and not self.has_failed

    def is_behind(self, book: OrderBook, ts: int) -> bool:
        """Whether steps are missing for whoever asked at `ts`."""
        if self._steps is not None:
            return True
        return self.ts < ts and self._events != book.event_count

    def go_on(self, book: OrderBook) -> None:
        """Make a step; raises CannotRead, and is then of no use any more."""
        self._steps = self._steps or self._catch_up(book)
        spent = 0
        try:
            for cost in self._steps:
                spent += cost
                if spent >= STEP:
                    return
        except BaseException:
            self.has_failed = True
            raise
        self._steps = None

    def fills(self, since: int, most: int) -> list[tuple[int, AccountFill]]:
        """The first fills with a number over `since`, at most `most`, and their numbers, which
        count from 1. Those before the latest RECENT_FILLS are not told.
        """
        before = self.fill_count - len(self._fills)
        first = max(since - before, 0)
        return list(enumerate(islice(self._fills, first, first + most), before + first + 1))

    def _catch_up(self, book: OrderBook) -> Iterator[int]:
        """Yields what each part of the work costs. Orders are gone through by id, which is the
        order of their times, and each one's fills come in order, too: so the fills that are pending
        are never more than one for each order.
        """
        until, events, end = self._exchange.latest, book.event_count, book.next_id
        quote, price = book.quote(), self._price(book)
        position = book.positions.get(self.account)
        fees = position.fees if position is not None else 0
        self._rates = fee_rates(book.rules)
        known, self._live = self._live, []
        self._open = {side: (0, 0) for side in (BUY, SELL)}
        while known:
            self._await(*known.pop(), until)
            yield 1
        placed = self._exchange.orders_of(book, self.account, self._next_id - 1)
        for new in placed:
            if new is None:
                yield ORDER_COST
                continue
            if new.id >= end:
                break
            yield from self._tell_before(new.ts, until)
            self._await(new, 0, until)
            yield ORDER_COST if book.find(new.id) is new else LEDGER_COST
        yield from self._tell_before(until + 1, until)
        self._settle()
        self.open = {side: OpenOrders(*counted) for side, counted in self._open.items()}
        self.ts, self.quote, self.price, self.fees = until, quote, price, fees
        self._events, self._next_id = events, end

    def _await(self, order: Order, number: int, until: int) -> None:
        """Have a fill of an order told in its turn, or note that it comes later if ever."""
        if number < len(order.fills):
            fill = order.fills[number]
            if fill.ts <= until:
                is_take = fill.ts == order.ts
                rank = fill.price if (order.side is BUY) is is_take else -fill.price
                heappush(self._pending, (fill.ts, rank, is_take, order.id, number, order, fill))
                return
        elif not order.is_open:
            return
        self._live.append((order, number))
        if order.is_open:
            orders, shares = self._open[order.side]
            self._open[order.side] = orders + 1, shares + order.remaining

    def _tell_before(self, ts: int, until: int) -> Iterator[int]:
        while self._pending and self._pending[0][0] < ts:
            *_, is_take, _, number, order, fill = heappop(self._pending)
            self._tell(order, fill, is_take)
            self._await(order, number + 1, until)
            yield FILL_COST

    def _tell(self, order: Order, fill: Fill, is_take: bool) -> None:
        bought = fill.quantity if order.side is BUY else -fill.quantity
        if self._group != (fill.ts, fill.price):
            self._settle()
            self._group = fill.ts, fill.price
        self._net += bought
        self._position += bought
        value = fill.price * fill.quantity
        self.value += value
        self.charged += fee_of(value, self._rates[is_take])
        self.fill_count += 1
        self._fills.append(
            AccountFill(
                order.id,
                order.side,
                fill.price,
                fill.quantity,
                fill.ts,
                is_take,
                self._position,
            )
        )

    def _settle(self) -> None:
        """Count what was bought or sold in one event at one price, but for what an account bought
        of itself, which costs fees alone.
        """
        if not self._net and self.charged == self._settled_charge:
            return
        ts, price = self._group
        basis = self.basis
        if self._net:
            basis.trade(self._net, price)
        self.series.add(PastPosition(ts, basis.cash, basis.shares, price, self.value, self.charged))
        self._net, self._settled_charge = 0, self.charged


class AccountHistories:
    """The histories of those accounts that somebody has asked for. `price` is what a share counts
    for.
    """

    def __init__(self, exchange: Exchange, price: Price = last_price) -> None:
        self._exchange, self._price = exchange, price
        self._histories: OrderedDict[tuple[str, str, str], AccountHistory] = OrderedDict()
        self._sizes: dict[tuple[str, str, str], int] = {}
        self._stored = 0  # the sum of these

    name = "account histories"

    def reset(self, book: OrderBook | None) -> None:
        """Forget those of a book, or all."""
        for place in list(self._histories):
            if book is None or place[:2] == (book.venue, book.symbol):
                del self._histories[place]
                self._stored -= self._sizes.pop(place, 0)

    def history(
        self, venue: str, symbol: str, account: str
    ) -> Generator[None, None, AccountHistory | None]:
        """The history of an account as of now or later, in steps: yields after each but the last.
        None if the book was closed meanwhile. Raises CannotRead.
        """
        place, asked = (venue, symbol, account), self._exchange.latest
        while (book := self.book(venue, symbol)) is not None:
            history = self._find(place, book)
            if not history.is_behind(book, asked):
                history.look_at_price(book)
                return history
            history.go_on(book)
            if not history.is_behind(book, asked):
                self._note_size(place, history.size)
                return history
            yield
        return None

    def book(self, venue: str, symbol: str) -> OrderBook | None:
        """A book, if it is still open."""
        try:
            return self._exchange.find_book(venue, symbol)
        except ExchangeError:  # it belonged to a level that has ended
            return None

    def _find(self, place: tuple[str, str, str], book: OrderBook) -> AccountHistory:
        found = self._histories.get(place)
        if found is None or not found.is_of(book):
            found = self._histories[place] = AccountHistory(
                self._exchange, book, place[2], self._price
            )
            self._note_size(place, 0)
        self._histories.move_to_end(place)
        return found

    def _note_size(self, place: tuple[str, str, str], size: int) -> None:
        """Forget those asked for longest ago where there are too many."""
        self._stored += size - self._sizes.get(place, 0)
        self._sizes[place] = size
        while len(self._sizes) > MOST_HISTORIES or self._stored > MOST_STORED:
            oldest = next(iter(self._histories))
            del self._histories[oldest]
            self._stored -= self._sizes.pop(oldest)
