"""The routes of the protocol for trading: one short function for each.

They run with the exchange's lock held, and return JSON. A refusal is raised.
"""

from disorderbook.accounts import Accounts
from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import Order
from disorderbook.errors import Disabled, NoSuchOrder
from disorderbook.exchange import Exchange, no_such_id
from disorderbook.protocol import messages
from disorderbook.protocol.book_bytes import book_slices
from disorderbook.protocol.parse import (
    Fields,
    account_name,
    check_url_agrees,
    new_order,
    parse_post,
    plain_order,
)
from disorderbook.protocol.route import NUMBER, Answer, Request, Route

NO_FIELDS: Fields = {}


class TradingRoutes:
    """`extra` says whether the orders of an account may be listed."""

    def __init__(self, exchange: Exchange, accounts: Accounts, extra: bool) -> None:
        self._exchange = exchange
        self._accounts = accounts
        self._extra = extra

    def heartbeat(self, request: Request) -> Answer:
        return messages.HEARTBEAT

    def venues(self, request: Request) -> Answer:
        return messages.venues_message(self._exchange.venues())

    def venue_heartbeat(self, request: Request, venue: str) -> Answer:
        self._exchange.books(venue)
        return messages.venue_heartbeat_message(venue)

    def stocks(self, request: Request, venue: str) -> Answer:
        return messages.stocks_message(self._exchange.books(venue))

    def book(self, request: Request, venue: str, symbol: str) -> Answer:
        found = self._book_to_read(request, venue, symbol)
        return book_slices(found, self._exchange.now())

    def quote(self, request: Request, venue: str, symbol: str) -> Answer:
        return messages.quote_message(self._book_to_read(request, venue, symbol).quote())

    def place_order(self, request: Request, venue: str, symbol: str) -> Answer:
        """The order of refusals is part of the contract: no JSON or no object, another venue or
        stock than the URL's, too many books, account, key, then the rest of the order. A plain
        order can only be refused for the books and the key.
        """
        new, fields = plain_order(request.body, venue, symbol), NO_FIELDS
        if new is None:
            fields = parse_post(request.body)
            check_url_agrees(fields, venue, symbol)
        book = self._exchange.find_book(venue, symbol)
        if book is None:
            book = self._book_to_trade_in(request, venue, symbol)
        account = account_name(fields) if new is None else new.account
        if self._accounts.need_keys:
            self._accounts.authorize(account, request.key)
        order = self._exchange.submit(book, new or new_order(fields, account))
        return messages.order_message(order)

    def order_status(self, request: Request, venue: str, symbol: str, order_id: str) -> Answer:
        return messages.order_message(self._own_order(request, venue, symbol, order_id))

    def cancel_order(self, request: Request, venue: str, symbol: str, order_id: str) -> Answer:
        order = self._own_order(request, venue, symbol, order_id)
        self._exchange.cancel(order)
        return messages.order_message(order)

    def account_orders(self, request: Request, venue: str, account: str) -> Answer:
        self._authorize_listing(request, account)
        exchange = self._exchange
        orders = [
            order for found in exchange.books(venue) for order in exchange.orders_of(found, account)
        ]
        return messages.orders_message(venue, orders)

    def account_orders_in_stock(
        self, request: Request, venue: str, account: str, symbol: str
    ) -> Answer:
        self._authorize_listing(request, account)
        exchange = self._exchange
        orders = [
            order
            for found in exchange.books(venue)
            if found.symbol == symbol
            for order in exchange.orders_of(found, account)
        ]
        return messages.orders_message(venue, orders)

    def _may_open(self, request: Request) -> bool:
        """Whether this request may open a book: with keys, whoever sends that of any account."""
        return not self._accounts.need_keys or self._accounts.owner_of(request.key) is not None

    def _book_to_read(self, request: Request, venue: str, symbol: str) -> OrderBook:
        """The book, opened now if need be; who may not open one is shown an empty one that stays
        unopened. Raises TooManyBooks.
        """
        found = self._exchange.find_book(venue, symbol)
        if found is None and not self._may_open(request):
            return OrderBook(venue, symbol, self._exchange.now())
        return self._exchange.book(venue, symbol) if found is None else found

    def _book_to_trade_in(self, request: Request, venue: str, symbol: str) -> OrderBook:
        """The book of a new order. A full exchange refuses before a key is asked for, and whoever
        may not open a book has no account to trade for either. Raises TooManyBooks.
        """
        self._exchange.require_room()
        return self._book_to_read(request, venue, symbol)

    def _own_order(self, request: Request, venue: str, symbol: str, order_id: str) -> Order:
        """The order that a URL names, if its owner asks; raises NoSuchOrder or Unauthorized."""
        if not NUMBER.fullmatch(order_id):
            raise NoSuchOrder(no_such_id(order_id))
        if self._exchange.find_book(venue, symbol) is None and not self._may_open(request):
            raise NoSuchOrder(no_such_id(int(order_id)))
        order = self._exchange.order(venue, symbol, int(order_id))
        self._accounts.authorize(order.account, request.key)
        return order

    def _authorize_listing(self, request: Request, account: str) -> None:
        if not self._extra:
            raise Disabled
        self._accounts.authorize(account, request.key)


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
