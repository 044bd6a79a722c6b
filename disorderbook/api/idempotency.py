"""Orders that came with the header Idempotency-Key: which key led to which order.

A repeated request finds its order there and is answered as the first one was; no answer is stored,
since the order itself tells what it had traded when it was placed. The rule: an entry counts only
while the book has that very order, so a commit that has failed, and a book that is gone, need no
clearing up. All is in memory: a restart forgets it.
"""

import re
from collections import OrderedDict
from typing import NamedTuple

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import NewOrder, Order
from disorderbook.errors import IllegalIdempotencyKey, NoSuchOrder, ReusedIdempotencyKey
from disorderbook.exchange import Exchange
from disorderbook.protocol.messages import OrderState, state_of
from disorderbook.protocol.names import detail_of

LONGEST_KEY = 128  # characters
KEYS_KEPT = 128  # of an account in one stock, the newest
ACCOUNTS_KEPT = 1000  # in one stock each; the one whose last new key is oldest goes first

_LEGAL = re.compile(f"[!-~]{{1,{LONGEST_KEY}}}")
_ALLOWED = f"1 to {LONGEST_KEY} visible characters of ASCII, without spaces"

Scope = tuple[str, str, str]  # venue, symbol, account


class Placed(NamedTuple):
    """The order that a key led to, and how it stood when it was answered."""

    id: int
    ts: int  # nanoseconds since 1970; no other order has the same
    stood: OrderState


def check_idempotency_key(key: str) -> None:
    """Raise IllegalIdempotencyKey."""
    if not _LEGAL.fullmatch(key):
        raise IllegalIdempotencyKey(detail_of("Idempotency-Key", key, _ALLOWED))


class PlacedOrders:
    """The orders of an exchange that came with a key. The exchange's lock must be held, and whoever
    asks must be allowed to trade for the account.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._by_scope: OrderedDict[Scope, OrderedDict[str, Placed]] = OrderedDict()

    name = "idempotency keys"

    def reset(self, book: OrderBook | None) -> None:
        """Forget those of a book, or all: an order of the new one may be as the old one's was."""
        for scope in list(self._by_scope):
            if book is None or scope[:2] == (book.venue, book.symbol):
                del self._by_scope[scope]

    def save(self) -> object:
        return self._by_scope

    def load(self, state: OrderedDict[Scope, OrderedDict[str, Placed]]) -> None:
        self._by_scope = state

    def place(self, book: OrderBook, new: NewOrder, key: str) -> tuple[Order, OrderState]:
        """The order that this key led to before, or else places it; and how it stood then.

        Raises ReusedIdempotencyKey if that was another one; else as `Exchange.submit` does and,
        if it cannot be looked up, CannotRead.
        """
        scope = book.venue, book.symbol, new.account
        keys = self._by_scope.get(scope)
        placed = None if keys is None else keys.get(key)
        order = None if placed is None else self._find(book, placed)
        if placed is None or order is None:
            order = self._exchange.submit(book, new)
            placed = Placed(order.id, order.ts, state_of(order))
            self._remember(scope, key, placed)
        elif not _asks_for(order, new):
            allowed = "a key that no other order of the account in this stock came with"
            raise ReusedIdempotencyKey(detail_of("Idempotency-Key", key, allowed))
        return order, placed.stood

    def _find(self, book: OrderBook, placed: Placed) -> Order | None:
        """None if the order was taken back."""
        try:
            order = self._exchange.order(book.venue, book.symbol, placed.id)
        except NoSuchOrder:
            return None
        return order if order.ts == placed.ts else None

    def _remember(self, scope: Scope, key: str, placed: Placed) -> None:
        keys = self._by_scope.setdefault(scope, OrderedDict())
        self._by_scope.move_to_end(scope)
        keys.pop(key, None)
        keys[key] = placed
        if len(keys) > KEYS_KEPT:
            keys.popitem(last=False)
        if len(self._by_scope) > ACCOUNTS_KEPT:
            self._by_scope.popitem(last=False)


def _asks_for(order: Order, new: NewOrder) -> bool:
    """Whether this is what the order was placed for."""
    asked = NewOrder(order.account, order.side, order.type, order.price, order.quantity)
    return asked == new
