"""The order book of one stock at one venue: accepts, matches, rests and closes orders.

Priority is price, then arrival. A trade happens at the standing order's price. The book is given
the time (`ts`, nanoseconds since 1970) and carries it along; it never compares times. Prices are
cents a share and quantities shares. The engine knows no threads: where an Exchange has the book,
its lock must be held in every method of these modules.
"""

from collections.abc import Iterable, Sequence

import msgspec

from disorderbook.engine.index import Register
from disorderbook.engine.ladder import Ladder
from disorderbook.engine.orders import (
    BUY,
    FILL_OR_KILL,
    LIMIT,
    SELL,
    Fill,
    NewOrder,
    Order,
    Terms,
    fee_of,
)
from disorderbook.engine.positions import Position
from disorderbook.engine.usage import Usages
from disorderbook.rules.market import Rules


class Execution(msgspec.Struct, frozen=True, gc=False):
    """A trade between two orders, complete: also how each stood right after it.

    An order's fills only ever grow, so how it stood is two numbers: how many shares it had traded
    (`..._filled`) in how many fills (`..._fills`). `ts` is the time of the incoming order.
    """

    standing: Order
    incoming: Order
    price: int
    quantity: int
    ts: int
    standing_filled: int
    standing_fills: int
    incoming_filled: int
    incoming_fills: int


class Quote(msgspec.Struct, frozen=True, gc=False):
    """Best prices, what is for sale and wanted, and the last trade; None is "there is none".

    Sizes are shares at the best price, depths are shares on the whole side. `last_trade` and
    `quote_time` are times; without a trade, `last_size` and `last_trade` are 0.
    """

    venue: str
    symbol: str
    bid: int | None
    ask: int | None
    bid_size: int
    ask_size: int
    bid_depth: int
    ask_depth: int
    last: int | None
    last_size: int
    last_trade: int
    quote_time: int


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What a submitted order led to: its executions, oldest first, and whether the book moved.

    Only a fill-or-kill order that could not be filled leaves the book as it was.
    """

    order: Order
    executions: list[Execution]
    book_moved: bool = True
    terms: Terms | None = None  # those that it was placed on

    def closed_orders(self) -> list[Order]:
        """The orders that this one has closed, itself included."""
        closed = []
        for execution in self.executions:
            if not execution.standing.remaining:
                closed.append(execution.standing)
        if not self.order.remaining:
            closed.append(self.order)
        return closed


class OrderBook:
    """The orders of one stock at one venue, and the positions they led to.

    It holds every order that it has accepted and that `forget` has not removed.
    """

    def __init__(self, venue: str, symbol: str, ts: int) -> None:
        self.venue = venue
        self.symbol = symbol
        self.opened_at = ts
        self.quote_time = ts
        self.bids = Ladder(BUY)
        self.asks = Ladder(SELL)
        self.last_trade: Fill | None = None
        self.positions: dict[str, Position] = {}  # in order of the accounts' first trades
        self.position_list: list[Position] = []  # the same, to be read some at a time
        self.execution_count = 0  # since this object was made
        self.event_count = 0  # placings, and cancels of open orders
        # Its exchange sees to these.
        self.halted: str | None = None  # why it takes no orders now
        self.settled: int | None = None  # cents a share at which it was closed for good
        self.rules: Rules | None = None  # what orders must obey
        self.usages: Usages | None = None  # what accounts have open, while there are rules
        self.is_restricted = False  # whether a new order has to pass checks of the exchange first
        self.is_gone = False  # whether a new market has taken its place
        self._register = Register()

    def submit(self, new: NewOrder, ts: int, terms: Terms | None = None) -> Outcome:
        """Accept an order that is within its limits, match it, then rest or close what is left."""
        order = self._accept(new, ts)
        if order.side is BUY:
            own, against = self.bids, self.asks
        else:
            own, against = self.asks, self.bids
        most = None if terms is None else terms.most
        if order.type is FILL_OR_KILL and (most is not None or not against.can_fill(order)):
            order.close(ts, order.event)
            return Outcome(order, [], book_moved=False, terms=terms)
        if most is not None:
            order.remaining = most
        limit, best = against.limit(order), against.best
        meets = best is not None and best.rank >= limit
        executions = self._match(order, against, limit, ts) if meets else []
        if order.closed_at is None:
            if order.type is LIMIT and most is None:
                own.rest(order)
            else:
                order.close(ts, order.event)
        self.quote_time = ts
        if terms is not None:
            self._note(terms, order, executions)
        return Outcome(order, executions, True, terms)

    def cancel(self, order: Order, ts: int) -> None:
        """Close an order of this book; one that is closed already stays as it is."""
        if order.is_open:
            if self.usages is not None:
                self.usages.take(order, order.remaining, is_last=True)
            ladder = self.bids if order.side is BUY else self.asks
            ladder.reduce(order, order.remaining)
            order.close(ts, self.event_count)
            self.event_count += 1
            self.quote_time = ts

    def obey(self, rules: Rules | None) -> None:
        """Have these rules from now on, which the exchange sees to, and count what is open."""
        self.rules, self.usages = rules, None
        if rules is not None:
            levels = [*self.bids, *self.asks]
            self.usages = Usages(order for level in levels for order in level.orders.values())

    def find(self, order_id: int) -> Order | None:
        """The order with this id, if there ever was one that is not forgotten."""
        return self._register.find(order_id)

    def orders_of(self, account: str) -> list[Order]:
        """Every order of an account that is not forgotten, oldest first."""
        orders, start = [], 0
        while start < self.next_id:
            ids, start = self.ids_of(account, start, self.next_id)
            orders += [order for order in map(self.find, ids) if order is not None]
        return orders

    def ids_of(self, account: str, start: int, most: int) -> tuple[list[int], int]:
        """Some ids of an account's orders that are not forgotten, as Register.ids_of says."""
        return self._register.ids_of(account, start, most)

    def resting_ids_of(self, account: str) -> list[int]:
        """Ids of an account's orders that rest here, oldest first; looks at every resting order."""
        return sorted(
            order.id
            for side in (self.bids, self.asks)
            for level in side
            for order in level.orders.values()
            if order.account == account
        )

    @property
    def next_id(self) -> int:
        """The id of the order that comes next: how many have been accepted."""
        return self._register.next_id

    @property
    def held(self) -> int:
        """How many orders are not forgotten, open ones and closed."""
        return len(self._register)

    def forget(self, order: Order) -> None:
        """Hold a closed order no more; matching never needs one again."""
        self._register.remove(order)

    def restore(
        self,
        open_orders: Iterable[Order],
        next_id: int,
        event_count: int,
        positions: Iterable[Position],
        quote_time: int,
        last_trade: Fill | None,
    ) -> None:
        """Go on from where another book was: its open orders by ascending id, its positions in
        the order of the accounts' first trades. The book must be new.
        """
        for order in open_orders:
            self._register.add(order)
            (self.bids if order.side is BUY else self.asks).rest(order)
        self._register.next_id = next_id
        self.event_count = event_count
        self.position_list = list(positions)
        self.positions = {position.account: position for position in self.position_list}
        self.quote_time = quote_time
        self.last_trade = last_trade

    def quote(self) -> Quote:
        """The state of the market right now."""
        bid, ask, last = self.bids.best, self.asks.best, self.last_trade
        return Quote(
            self.venue,
            self.symbol,
            bid.price if bid else None,
            ask.price if ask else None,
            bid.size if bid else 0,
            ask.size if ask else 0,
            self.bids.depth,
            self.asks.depth,
            last.price if last else None,
            last.quantity if last else 0,
            last.ts if last else 0,
            self.quote_time,
        )

    def _note(self, terms: Terms, order: Order, executions: Sequence[Execution]) -> None:
        """Have the accounts pay for their trades, and count what they have open."""
        for each in executions if terms.taker_fee or terms.maker_fee else ():
            value = each.price * each.quantity
            self.positions[each.standing.account].charge(fee_of(value, terms.maker_fee))
            self.positions[each.incoming.account].charge(fee_of(value, terms.taker_fee))
        if self.usages is not None:
            for each in executions:
                self.usages.take(each.standing, each.quantity, not each.standing.remaining)
            self.usages.add(order)

    def _accept(self, new: NewOrder, ts: int) -> Order:
        event, quantity, register = self.event_count, new.quantity, self._register
        order = Order(
            register.next_id,
            self.venue,
            self.symbol,
            new.account,
            new.side,
            new.type,
            new.price,
            quantity,
            ts,
            quantity,
            0,
            (),
            event,
        )
        self.event_count = event + 1
        register.add(order)
        return order

    def _match(self, incoming: Order, against: Ladder, limit: int, ts: int) -> list[Execution]:
        """Trade with the orders at ranks from `limit` on, the best first."""
        executions: list[Execution] = []
        fill, event = self.last_trade, incoming.event
        while (wanted := incoming.remaining) and (level := against.best) and level.rank >= limit:
            standing, price = level.front, level.price
            offered = standing.remaining
            quantity = offered if offered < wanted else wanted  # min() takes ten times as long
            against.reduce(standing, quantity)
            fill = Fill(price, quantity, ts)
            standing.fill(fill, event)
            incoming.fill(fill, event)
            self._move(standing, incoming, price, quantity)
            executions.append(
                Execution(
                    standing,
                    incoming,
                    price,
                    quantity,
                    ts,
                    standing.filled,
                    len(standing.fills),
                    incoming.filled,
                    len(incoming.fills),
                )
            )
        self.last_trade = fill
        self.execution_count += len(executions)
        return executions

    def _move(self, standing: Order, incoming: Order, price: int, quantity: int) -> None:
        """Move cash and shares between the two accounts; the standing one is listed first."""
        positions = self.positions
        owner = positions.get(standing.account) or self._open_position(standing.account)
        other = positions.get(incoming.account) or self._open_position(incoming.account)
        if owner is not other:
            bought = quantity if standing.side is BUY else -quantity
            owner.trade(bought, price)
            other.trade(-bought, price)
        else:
            owner.trades += 1

    def _open_position(self, account: str) -> Position:
        position = self.positions[account] = Position(account)
        self.position_list.append(position)
        return position
