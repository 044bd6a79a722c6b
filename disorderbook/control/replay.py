"""A replay: the orders and cancels of a market that was recorded, given again at their times.

It is a source of the timeline. Each event is done at its moment of the recording on a simulated
clock, which begins BEFORE the first one, and as long after the start as it then was on the
machine's. Where nobody else trades, the market is the original, order by order: with the same ids,
and on a simulated clock with the same time stamps. The rule: orders come in the order of their
events, with what was asked for then, whatever becomes of them now; and a cancel goes to the order
that the original one has become.

The exchange's lock must be held for everything here but the construction.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import NewOrder, Order
from disorderbook.errors import ExchangeError, Unavailable
from disorderbook.exchange import Exchange
from disorderbook.ledger.journal import Place
from disorderbook.ledger.recording import RecordedEvent, Recording, Taken
from disorderbook.protocol.names import NAME_RULE, is_name
from disorderbook.timeline.clock import Clock, FastClock


class ReplayStatus(NamedTuple):
    """How far a replay is: how many orders and cancels were done; how many were refused; how many
    orders traded otherwise as they came in than in the original (in other numbers of shares, of
    executions, or at other prices) or cancels found an order closed; and how many events are left.
    """

    orders: int
    cancels: int
    refused: int
    differing: int
    left: int


Tell = Callable[[ReplayStatus], object]


def tell_nobody(status: ReplayStatus) -> None:
    """At the end of a replay that nobody asked to hear of."""


def place_of(text: str) -> Place:
    """The book that VENUE/STOCK names; raises ValueError with a sentence."""
    venue, slash, symbol = text.partition("/")
    if not (slash and is_name(venue) and is_name(symbol)):
        raise ValueError(f"{text[:40]!r} is no VENUE/STOCK: {NAME_RULE}")
    return venue, symbol


_STATE = ("_orders", "_cancels", "_refused", "_differing", "_ids", "_next_ids", "_gone", "_done")


class ReplaySettings(NamedTuple):
    """What is replayed, and who hears of its end; that is called with the lock held."""

    recording: Recording
    at_end: Tell = tell_nobody


class Replay:
    """Gives a recording to an exchange. Between a placing and the cancel of an order it remembers
    the new id where that differs: of no more orders than were open in the original.
    """

    name = "replay"

    def __init__(self, exchange: Exchange, clock: Clock, settings: ReplaySettings) -> None:
        self._exchange, self._clock = exchange, clock
        self.recording, self._at_end = settings
        self._begin()

    def _begin(self) -> None:
        clock = self._clock
        # Of the machine's clock against that of the original.
        self._lag = 0 if clock.is_simulated else clock() - self.recording.start
        self._orders = self._cancels = self._refused = self._differing = 0
        self._ids: dict[tuple[Place, int], int | None] = {}  # None: its placing was refused
        self._next_ids: dict[Place, int] = {}  # of the original's books
        self._gone: dict[Place, int] = {}  # orders with lower ids were in a book that is no more
        self._done = 0  # the number of the last event that was done
        self._events = deque(self.recording.portion(self._done))

    def open_books(self) -> None:
        """Open those of the recording, oldest first; raises TooManyBooks or CannotWrite."""
        with self._showing(self.recording.start):
            for place in self.recording.places:
                self._exchange.book(*place)

    def reset(self, book: OrderBook | None) -> None:
        """Begin anew in a new market, on a clock that does so, too; or, if one book begins anew, go
        on there without the orders that were in it. Raises as `open_books`, and CannotUse.
        """
        if book is None:
            self._begin()
            self.open_books()
            return
        place = book.venue, book.symbol
        self._gone[place] = self._next_ids.get(place, 0)
        self._ids = {old: order_id for old, order_id in self._ids.items() if old[0] != place}

    def save(self) -> object:
        """What `load` goes on from."""
        return {name: getattr(self, name) for name in _STATE}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from there; raises CannotUse."""
        for name in _STATE:
            setattr(self, name, state[name])
        self._events = deque(self.recording.portion(self._done))

    @property
    def next_at(self) -> int | None:
        """When the next event is due, nanoseconds since 1970; None after the last one."""
        return self._events[0].ts + self._lag if self._events else None

    @property
    def status(self) -> ReplayStatus:
        """How far it is."""
        left = self.recording.orders + self.recording.cancels - self._done
        return ReplayStatus(self._orders, self._cancels, self._refused, self._differing, left)

    def act(self) -> None:
        """Give the exchange the next event. Raises CannotWrite, and then does the same event the
        next time; raises CannotUse if there are no more events to be had.
        """
        event = self._events[0]
        try:
            self._do(event)
        except Unavailable:
            raise
        except ExchangeError:
            self._refuse(event)
        except Exception:
            self._refuse(event)
            self._go_on(event)
            raise
        self._go_on(event)

    def _refuse(self, event: RecordedEvent) -> None:
        self._refused += 1
        if event.is_cancelled:
            self._ids[event.place, event.order_id] = None

    def _go_on(self, event: RecordedEvent) -> None:
        self._done = event.number
        if event.new is not None:
            self._next_ids[event.place] = event.order_id + 1
        self._events.popleft()
        if not self._events:
            self._events.extend(self.recording.portion(self._done))
            if not self._events:
                self._at_end(self.status)

    def _do(self, event: RecordedEvent) -> None:
        with self._showing(event.ts):
            if event.new is None:
                self._cancel(event)
            else:
                self._place(event, event.new)

    @contextmanager
    def _showing(self, moment: int) -> Iterator[None]:
        """Have a simulated clock that goes by itself, and so is a little late, show this moment."""
        clock = self._clock if isinstance(self._clock, FastClock) else None
        if clock is None:
            yield
            return
        clock.shown = moment
        try:
            yield
        finally:
            clock.shown = None

    def _place(self, event: RecordedEvent, new: NewOrder) -> None:
        order = self._exchange.submit(self._exchange.book(*event.place), new)
        if event.is_cancelled and order.id != event.order_id:
            self._ids[event.place, event.order_id] = order.id
        self._differing += _taken(order) != event.taken
        self._orders += 1

    def _cancel(self, event: RecordedEvent) -> None:
        old = event.place, event.order_id
        order_id = self._ids.get(old, event.order_id)
        if order_id is None:
            self._refused += 1
        else:
            is_gone = event.order_id < self._gone.get(event.place, 0)
            order = None if is_gone else self._exchange.book(*event.place).find(order_id)
            if order is None or not order.is_open:
                self._differing += 1
            else:
                self._exchange.cancel(order)
            self._cancels += 1
        self._ids.pop(old, None)


def _taken(order: Order) -> Taken:
    """What a new order has traded. Its executions go from the best price to the worst."""
    if not order.filled:
        return Taken()
    prices = order.fills[0].price, order.fills[-1].price
    return Taken(len(order.fills), order.filled, min(prices), max(prices))
