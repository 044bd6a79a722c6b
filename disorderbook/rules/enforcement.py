"""Whether an order obeys the rules of its book, and on which terms it is placed then.

The rule: nothing changes here. `admit` refuses, or says what has to be done before the order is
placed (orders of its own account to cancel) and how much of it may trade: up to the band's edge,
and, where own trades are prevented by stopping the newer order, up to the first order of its own
account. Both are one number of shares, which the book and the journal are given.

Refusals come in the order of their cost for the trader: what the order is by itself (its size, tick
and price), how often the account sends orders, what it has open, and what the order would meet.
"""

from collections import OrderedDict, deque
from collections.abc import Iterator
from itertools import chain, takewhile
from typing import NamedTuple

from disorderbook.engine.book import OrderBook
from disorderbook.engine.ladder import Ladder, PriceLevel
from disorderbook.engine.orders import (
    BUY,
    FILL_OR_KILL,
    IMMEDIATE_OR_CANCEL,
    LIMIT,
    MARKET,
    SELL,
    NewOrder,
    Order,
    Side,
    Terms,
)
from disorderbook.errors import (
    OffTick,
    OrderTooLarge,
    OutsideBand,
    OwnOrderMet,
    PositionLimit,
    TooManyOpenOrders,
    TooManyOrders,
)
from disorderbook.protocol.names import NANOSECONDS, detail_of
from disorderbook.rules.market import Rules

SECOND = NANOSECONDS


class Admission(NamedTuple):
    """How an order that obeys the rules is to be placed."""

    terms: Terms
    cancelled: tuple[Order, ...] = ()  # own orders, to be cancelled before it is


class OrderRates:
    """When each account has placed its latest orders in a book, on the exchange's clock in
    nanoseconds: as many as it may in a second. Accounts without an order in the last second are
    dropped, the longest idle first.
    """

    def __init__(self, most: int | None) -> None:
        self._most = most  # in a second; None: no limit, and nothing to note
        self._times: OrderedDict[str, deque[int]] = OrderedDict()

    def is_over(self, account: str, now: int) -> bool:
        """Whether an account has placed as many as it may in the second before `now`."""
        times = self._times.get(account)
        return times is not None and len(times) == self._most and now - times[0] < SECOND

    def note(self, account: str, now: int) -> None:
        """An account places an order."""
        if self._most is None:
            return
        times = self._times.setdefault(account, deque(maxlen=self._most))
        times.append(now)
        self._times.move_to_end(account)
        while now - next(iter(self._times.values()))[-1] >= SECOND:
            self._times.popitem(last=False)


def reference_of(book: OrderBook) -> int | None:
    """The price in cents that the band of a book is around: the last trade's; or, as its rules say,
    the middle of the best bid and ask (rounded down), or the start price. Where there is no such
    price: the last trade's instead of the middle, the start price instead of that, else None.
    """
    rules = book.rules
    if rules is None:
        return None
    if rules.band_around == "start":
        return rules.start_price
    bid, ask, last = book.bids.best, book.asks.best, book.last_trade
    if rules.band_around == "mid" and bid is not None and ask is not None:
        return (bid.price + ask.price) // 2
    return rules.start_price if last is None else last.price


def admit(rules: Rules, book: OrderBook, new: NewOrder, rates: OrderRates, now: int) -> Admission:
    """How an order is to be placed in a book that has these rules; `now` is nanoseconds on the
    exchange's clock. Raises the refusals of these rules, and has changed nothing.
    """
    edges = rules.edges(reference_of(book))
    _check_size_and_price(rules, new, edges)
    if rates.is_over(new.account, now):
        allowed = f"{rules.orders_per_second} of an account in this stock"
        raise TooManyOrders(f"this would be one more within a second; allowed: {allowed}")
    _check_holdings(rules, book, new)
    most, own = _reach(rules, book, new, edges)
    return Admission(Terms(most, rules.taker_fee or 0, rules.maker_fee or 0), own)


def _check_size_and_price(rules: Rules, new: NewOrder, edges: tuple[int, int]) -> None:
    largest, tick, (lowest, highest) = rules.largest_order, rules.tick_size, edges
    if largest is not None and new.quantity > largest:
        raise OrderTooLarge(detail_of("qty", new.quantity, f"at most {largest} (shares)"))
    if new.type is MARKET:
        return
    if tick is not None and new.price % tick:
        raise OffTick(detail_of("price", new.price, f"a multiple of {tick} (cents)"))
    if not lowest <= new.price <= highest:
        raise OutsideBand(detail_of("price", new.price, f"{lowest} to {highest} (cents)"))


def _check_holdings(rules: Rules, book: OrderBook, new: NewOrder) -> None:
    usage = book.usages.of(new.account) if book.usages is not None else None
    if usage is None:
        return
    most = rules.open_orders
    if most is not None and new.type is LIMIT and usage.orders >= most:
        raise TooManyOpenOrders(
            f"the account has {usage.orders} open orders here; allowed: {most} with this one"
        )
    limit = rules.position_limit
    if limit is not None:
        position = book.positions.get(new.account)
        shares = 0 if position is None else position.shares
        held = shares if new.side is BUY else -shares
        worst = held + usage.shares(new.side) + new.quantity
        if worst > limit:
            word = "held" if new.side is BUY else "owed"
            raise PositionLimit(
                f"{worst} shares would be {word} if this and all open orders of its side traded;"
                f" allowed: {limit}"
            )


def _reach(
    rules: Rules, book: OrderBook, new: NewOrder, edges: tuple[int, int]
) -> tuple[int | None, tuple[Order, ...]]:
    """How many shares an order may trade, None if nothing stops it, and which own orders are to be
    cancelled before; raises OwnOrderMet.

    A band stops market orders only, since others have a price within it. It stops them on the side
    to which they drive the price: what stands beyond the other side has been there since before the
    rules, and trading it leads the price back.
    """
    account, wanted = new.account, new.quantity
    own, against = (BUY, book.asks) if new.side is BUY else (SELL, book.bids)
    limit = edges[own is BUY] if new.type is MARKET else new.price
    levels = _levels_to(limit, own, against)
    if rules.self_trade is None or not _has_orders(book, account, SELL if own is BUY else BUY):
        if new.type is not MARKET or rules.band is None:
            return None, ()
        return _short(_sum(levels, wanted), wanted), ()
    if new.type is FILL_OR_KILL and _sum(_levels_to(limit, own, against), wanted) < wanted:
        return None, ()  # it is killed, and meets nobody
    shares, met = _walk(levels, new, stops=rules.self_trade != "cancel-older")
    if met and rules.self_trade == "refuse":
        raise OwnOrderMet(f"it would trade with order {met[0].id}; allowed: orders of others")
    if met and rules.self_trade == "cancel-newer":
        return shares, ()
    if new.type is LIMIT or new.type is IMMEDIATE_OR_CANCEL:
        return None, tuple(met)
    # Without its own orders a fill-or-kill order may be too large: it is killed then.
    most = _short(shares, wanted)
    return most, () if most is not None and new.type is FILL_OR_KILL else tuple(met)


def _walk(levels: Iterator[PriceLevel], new: NewOrder, stops: bool) -> tuple[int, list[Order]]:
    """How many shares of others an order meets, and which own orders on the way to the last of
    them, or only the first one, if it `stops` there. It looks at no other order.
    """
    shares, met = 0, []
    for order in chain.from_iterable(level.queue() for level in levels):
        if order.account != new.account:
            shares += order.remaining
        else:
            met.append(order)
        if shares >= new.quantity or met and stops:
            break
    return shares, met


def _levels_to(limit: int, side: Side, against: Ladder) -> Iterator[PriceLevel]:
    """What an order of a side may reach, the best first."""
    if side is BUY:
        return takewhile(lambda level: level.price <= limit, against)
    return takewhile(lambda level: level.price >= limit, against)


def _sum(levels: Iterator[PriceLevel], wanted: int) -> int:
    """The shares of levels, as long as not so many are found."""
    shares = 0
    for level in levels:
        shares += level.size
        if shares >= wanted:
            break
    return shares


def _short(shares: int, wanted: int) -> int | None:
    """How many there are, if they are too few."""
    return shares if shares < wanted else None


def _has_orders(book: OrderBook, account: str, side: Side) -> bool:
    return book.usages is not None and book.usages.of(account).shares(side) > 0
