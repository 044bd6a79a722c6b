"""The routes of the protocol for trading: one short function for each.

They run with the exchange's lock held, and return JSON. A refusal is raised.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from disorderbook.accounts import Accounts
from disorderbook.api.idempotency import PlacedOrders, check_idempotency_key
from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import Order
from disorderbook.errors import (
    Disabled,
    ExchangeError,
    ForeignCancel,
    ForeignOrder,
    IllegalParameter,
    NoSuchOrder,
    NotFoundOfMany,
)
from disorderbook.exchange import Exchange, no_such_id
from disorderbook.protocol import messages
from disorderbook.protocol.book_bytes import book_parts
from disorderbook.protocol.messages import PIECE, OrderState
from disorderbook.protocol.names import detail_of
from disorderbook.protocol.parse import (
    Fields,
    account_name,
    check_url_agrees,
    new_order,
    parse_post,
    plain_order,
)
from disorderbook.protocol.route import (
    MAX_PARAMETER,
    NAMES_AT_ONCE,
    NUMBER,
    ORDERS_AT_ONCE,
    Answer,
    Request,
    Route,
    list_in_steps,
    made_in_steps,
    rows_in_steps,
    with_commas,
)

NO_FIELDS: Fields = {}


class Selection(NamedTuple):
    """Which orders of an account to list: those with an id over `since`, or of them those that are
    open, and at most the first `most`.
    """

    only_open: bool
    since: int
    most: int


EVERY_ORDER = Selection(only_open=False, since=-1, most=MAX_PARAMETER)
Leak = Callable[[str], ExchangeError]
"""What a leaky venue says of an order of that account to somebody else."""


def _foreign_order(account: str) -> ForeignOrder:
    return ForeignOrder()


class TradingRoutes:
    """`extra` says whether the orders of an account may be listed."""

    def __init__(self, exchange: Exchange, accounts: Accounts, extra: bool) -> None:
        self._exchange = exchange
        self._accounts = accounts
        self._extra = extra
        self.placed = PlacedOrders(exchange)

    def heartbeat(self, request: Request) -> Answer:
        return messages.HEARTBEAT

    def venues(self, request: Request) -> Answer:
        exchange = self._exchange
        entries = []
        for venue in exchange.venues():
            titles = exchange.titles_of(venue)
            entries.append((exchange.number_of(venue), venue, titles.venue if titles else venue))
        steps = itertools.starmap(messages.venue_entry, entries)
        return self._in_steps(messages.venues_message(), steps)

    def venue_heartbeat(self, request: Request, venue: str) -> Answer:
        self._exchange.books(venue)
        return messages.venue_heartbeat_message(venue)

    def stocks(self, request: Request, venue: str) -> Answer:
        titles = self._exchange.titles_of(venue)
        symbols = [book.symbol for book in self._exchange.books(venue)]
        entries = (messages.stock_entry(each, titles.stock if titles else each) for each in symbols)
        return self._in_steps(messages.stocks_message(), entries)

    def book(self, request: Request, venue: str, symbol: str) -> Answer:
        found = self._book_to_read(request, venue, symbol)
        return book_parts(found, self._exchange.read_clock())

    def quote(self, request: Request, venue: str, symbol: str) -> Answer:
        return messages.quote_message(self._book_to_read(request, venue, symbol).quote())

    def place_order(self, request: Request, venue: str, symbol: str) -> Answer:
        """The order of refusals is part of the contract: no JSON or no object, another venue or
        stock than the URL's, too many books, account, key, then the rest of the order. A plain
        order can only be refused for the books and the key.

        An Idempotency-Key is checked before all of it, and looked up after all of it.
        """
        once = request.idempotency_key
        if once is not None:
            check_idempotency_key(once)
        new, fields = plain_order(request.body, venue, symbol), NO_FIELDS
        if new is None:
            fields = parse_post(request.body)
            check_url_agrees(fields, venue, symbol)
        book = self._exchange.find_book(venue, symbol)
        if book is None:
            book = self._book_to_trade_in(request, venue, symbol)
        account = account_name(fields) if new is None else new.account
        if self._accounts.need_keys or venue in self._accounts.private:
            self._accounts.authorize_at(venue, account, request.key)
        new = new or new_order(fields, account)
        if once is not None:
            return self._told(*self.placed.place(book, new, once))
        order = self._exchange.submit(book, new)
        return messages.order_message(order) if len(order.fills) < PIECE else self._told(order)

    def order_status(self, request: Request, venue: str, symbol: str, order_id: str) -> Answer:
        return self._told(self._own_order(request, venue, symbol, order_id))

    def cancel_order(self, request: Request, venue: str, symbol: str, order_id: str) -> Answer:
        order = self._own_order(request, venue, symbol, order_id, ForeignCancel)
        self._exchange.cancel(order)
        return self._told(order)

    def account_orders(self, request: Request, venue: str, account: str) -> Answer:
        self._authorize_listing(request, venue, account)
        selection = _selection(request)
        return self._listing(venue, self._exchange.books(venue), account, selection)

    def account_orders_in_stock(
        self, request: Request, venue: str, account: str, symbol: str
    ) -> Answer:
        self._authorize_listing(request, venue, account)
        selection = _selection(request)
        self._exchange.books(venue)
        found = self._exchange.find_book(venue, symbol)
        return self._listing(venue, [found] if found else [], account, selection)

    def _listing(
        self, venue: str, books: Iterable[OrderBook], account: str, selection: Selection
    ) -> Answer:
        """The orders of an account in books of a venue, each as of the moment of its step."""
        orders = (
            order
            for book in list(books)
            for order in self._exchange.orders_of(
                book, account, selection.since, selection.only_open
            )
        )
        rows = _order_rows(orders, selection.most)
        steps = list_in_steps(messages.orders_message(venue), rows, ORDERS_AT_ONCE)
        return made_in_steps(steps, self._exchange.lock)

    def _told(self, order: Order, stood: OrderState | None = None) -> Answer:
        """An order as it stood then, or as it stands now, however many fills it has."""
        steps = rows_in_steps(messages.order_pieces(order, stood), ORDERS_AT_ONCE)
        return made_in_steps(steps, self._exchange.lock)

    def _in_steps(self, message: bytes, entries: Iterable[bytes]) -> Answer:
        """A list of names; whoever comes to the market in the meantime is not in it."""
        steps = list_in_steps(message, with_commas(entries), NAMES_AT_ONCE)
        return made_in_steps(steps, self._exchange.lock)

    def _may_open(self, request: Request) -> bool:
        """Whether this request may open a book: with keys, whoever sends that of any account."""
        return not self._accounts.need_keys or self._accounts.owner_of(request.key) is not None

    def _book_to_read(self, request: Request, venue: str, symbol: str) -> OrderBook:
        """The book, opened now if need be; who may not open one is shown an empty one that stays
        unopened. Raises TooManyBooks.
        """
        found = self._exchange.find_book(venue, symbol)
        if found is None and not self._may_open(request):
            return OrderBook(venue, symbol, self._exchange.read_clock())
        return self._exchange.book(venue, symbol) if found is None else found

    def _book_to_trade_in(self, request: Request, venue: str, symbol: str) -> OrderBook:
        """The book of a new order. A full exchange refuses before a key is asked for, and whoever
        may not open a book has no account to trade for either. Raises TooManyBooks.
        """
        self._exchange.require_room()
        return self._book_to_read(request, venue, symbol)

    def _own_order(
        self,
        request: Request,
        venue: str,
        symbol: str,
        order_id: str,
        leak: Leak = _foreign_order,
    ) -> Order:
        """The order that a URL names, if its owner asks; raises NoSuchOrder or Unauthorized. At a
        leaky venue these say more, as they did there in the original game: `leak` is what is said
        of somebody else's order.
        """
        if not NUMBER.fullmatch(order_id):
            raise NoSuchOrder(no_such_id(order_id))
        book = self._exchange.find_book(venue, symbol)
        if book is None and not self._may_open(request):
            raise NoSuchOrder(no_such_id(int(order_id)))
        private = self._accounts.private.get(venue)
        if private is None or not private.is_leaky or book is None:
            order = self._exchange.order(venue, symbol, int(order_id))
            self._accounts.authorize_at(venue, order.account, request.key)
            return order
        if not 0 <= int(order_id) < book.next_id:
            raise NotFoundOfMany(int(order_id), book.next_id - 1)
        order = self._exchange.order(venue, symbol, int(order_id))
        if order.account != self._accounts.account_at(venue, request.key):
            raise leak(order.account)
        return order

    def _authorize_listing(self, request: Request, venue: str, account: str) -> None:
        """Raise VenueClosed, Disabled or Unauthorized. A player may list his own orders at his
        level's venue.
        """
        self._accounts.require_open(venue)
        is_private = venue in self._accounts.private
        if not self._extra and not (
            is_private and account == self._accounts.account_at(venue, request.key)
        ):
            raise Disabled
        self._accounts.authorize_at(venue, account, request.key)


def _selection(request: Request) -> Selection:
    """What the query of a listing asks for; raises IllegalParameter."""
    if not request.query:
        return EVERY_ORDER
    only_open = request.parameter("open")
    if only_open not in (None, "true"):
        raise IllegalParameter(detail_of("open", only_open, "true"))
    since, most = request.number("since", -1), request.number("limit", MAX_PARAMETER)
    return Selection(only_open is not None, since, most)


def _order_rows(orders: Iterator[Order | None], most: int) -> Iterator[bytes]:
    """The first orders as the members of a list in JSON; nothing for what is none."""
    count = 0
    for order in orders if most != 0 else ():
        if order is None:
            yield b""
            continue
        pieces = messages.order_pieces(order)
        yield b"," + next(pieces) if count else next(pieces)
        yield from pieces
        count += 1
        if count == most:
            return


API = "/ob/api"
STOCK = f"{API}/venues/<venue>/stocks/<symbol>"
ACCOUNT = f"{API}/venues/<venue>/accounts/<account>"

ROUTES: list[Route] = [
    ("GET", f"{API}/heartbeat", TradingRoutes.heartbeat),
    ("GET", f"{API}/venues", TradingRoutes.venues),
    ("GET", f"{API}/venues/<venue>", TradingRoutes.stocks),
    ("GET", f"{API}/venues/<venue>/heartbeat", TradingRoutes.venue_heartbeat),
    ("GET", f"{API}/venues/<venue>/stocks", TradingRoutes.stocks),
    ("GET", STOCK, TradingRoutes.book),
    ("GET", f"{STOCK}/quote", TradingRoutes.quote),
    ("POST", f"{STOCK}/orders", TradingRoutes.place_order),
    ("GET", f"{STOCK}/orders/<order_id>", TradingRoutes.order_status),
    ("DELETE", f"{STOCK}/orders/<order_id>", TradingRoutes.cancel_order),
    ("POST", f"{STOCK}/orders/<order_id>/cancel", TradingRoutes.cancel_order),
    ("GET", f"{ACCOUNT}/orders", TradingRoutes.account_orders),
    ("GET", f"{ACCOUNT}/stocks/<symbol>/orders", TradingRoutes.account_orders_in_stock),
]
