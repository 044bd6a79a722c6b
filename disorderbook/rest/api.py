"""The interface for programs: one short function for each route, and the ROUTES table.

Each function runs inside the exchange's turn, gets the House, the Request and the names from the
URL, and returns the answer: JSON bytes, or a Document. A refusal is raised.
"""

from collections.abc import Callable

from disorderbook import messages
from disorderbook.docs.curl import Setup
from disorderbook.docs.description import description_text
from disorderbook.docs.page import docs_page
from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import Order
from disorderbook.errors import Disabled, NoSuchBook, NoSuchOrder, UnknownFormat, detail_of
from disorderbook.exchange import no_such_id
from disorderbook.parsing import account_name, check_url_agrees, new_order, parse_post
from disorderbook.rest.house import NUMBER, Answer, Document, House, Request, page
from disorderbook.rest.metrics import KIND
from disorderbook.rest.welcome import THANKS
from disorderbook.scores import NO_BOOK, scores_message, scores_page, scores_table


def heartbeat(house: House, request: Request) -> Answer:
    return messages.HEARTBEAT


def venues(house: House, request: Request) -> Answer:
    return messages.venues_message(house.exchange.venues())


def venue_heartbeat(house: House, request: Request, venue: str) -> Answer:
    house.exchange.books(venue)
    return messages.venue_heartbeat_message(venue)


def stocks(house: House, request: Request, venue: str) -> Answer:
    return messages.stocks_message(house.exchange.books(venue))


def book(house: House, request: Request, venue: str, symbol: str) -> Answer:
    found = _book_to_read(house, request, venue, symbol)
    return messages.book_message(found, house.exchange.now())


def quote(house: House, request: Request, venue: str, symbol: str) -> Answer:
    return messages.quote_message(_book_to_read(house, request, venue, symbol).quote())


def place_order(house: House, request: Request, venue: str, symbol: str) -> Answer:
    fields = parse_post(request.body)
    check_url_agrees(fields, venue, symbol)
    found = house.exchange.find_book(venue, symbol)
    if found is None:
        found = _book_to_trade_in(house, request, venue, symbol)
    account = account_name(fields)
    house.accounts.authorize(account, request.key)
    order = house.exchange.submit(found, new_order(fields, account))
    return messages.order_message(order)


def order_status(
    house: House, request: Request, venue: str, symbol: str, order_id: str
) -> Answer:
    return messages.order_message(_own_order(house, request, venue, symbol, order_id))


def cancel_order(
    house: House, request: Request, venue: str, symbol: str, order_id: str
) -> Answer:
    order = _own_order(house, request, venue, symbol, order_id)
    house.exchange.cancel(order)
    return messages.order_message(order)


def account_orders(house: House, request: Request, venue: str, account: str) -> Answer:
    _authorize_listing(house, request, account)
    exchange = house.exchange
    orders = [
        order for found in exchange.books(venue) for order in exchange.orders_of(found, account)
    ]
    return messages.orders_message(venue, orders)


def account_orders_in_stock(
    house: House, request: Request, venue: str, account: str, symbol: str
) -> Answer:
    _authorize_listing(house, request, account)
    exchange = house.exchange
    orders = [
        order for found in exchange.books(venue) if found.symbol == symbol
        for order in exchange.orders_of(found, account)
    ]
    return messages.orders_message(venue, orders)


def scores(house: House, request: Request, venue: str, symbol: str) -> Answer:
    form, found = request.parameter("format"), house.exchange.find_book(venue, symbol)
    if form not in (None, "json", "csv"):
        raise UnknownFormat(detail_of("format", form, "json, csv"))
    if found is None:
        if form is None:
            return page(NO_BOOK, "404 Not Found")
        raise NoSuchBook(detail_of("symbol", symbol, "a stock that has been used at this venue"))
    hide_holdings, owner = house.accounts.need_keys, house.accounts.owner_of(request.key)
    if form == "csv":
        table = scores_table(found, hide_holdings, owner)
        return Document(table, "text/csv; charset=UTF-8")
    start, now = (messages.timestamp(ts) for ts in (found.opened_at, house.exchange.now()))
    if form == "json":
        return scores_message(found, start, now, hide_holdings, owner)
    return page(scores_page(found, start, now, hide_holdings))


def thanks(house: House, request: Request) -> Answer:
    return page(THANKS)


def openapi(house: House, request: Request) -> Answer:
    return Document(description_text(), "application/json")  # it has its line break


def docs(house: House, request: Request) -> Answer:
    first = next(house.exchange.books(next(house.exchange.venues())))
    setup = Setup(
        first.venue, first.symbol, house.accounts.need_keys, house.extra, house.tape_port
    )
    return page(docs_page(request.host, setup))


def metrics(house: House, request: Request) -> Answer:
    return Document(house.metrics.exposition(house.exchange), KIND)


API = "/ob/api"
STOCK = f"{API}/venues/<venue>/stocks/<symbol>"
ACCOUNT = f"{API}/venues/<venue>/accounts/<account>"

ROUTES: list[tuple[str, str, Callable[..., Answer]]] = [
    ("GET", "/docs", docs),
    ("GET", "/openapi.json", openapi),
    ("GET", API, thanks),
    ("GET", f"{API}/heartbeat", heartbeat),
    ("GET", f"{API}/venues", venues),
    ("GET", f"{API}/venues/<venue>", stocks),
    ("GET", f"{API}/venues/<venue>/heartbeat", venue_heartbeat),
    ("GET", f"{API}/venues/<venue>/stocks", stocks),
    ("GET", STOCK, book),
    ("GET", f"{STOCK}/quote", quote),
    ("GET", f"{STOCK}/scores", scores),
    ("POST", f"{STOCK}/orders", place_order),
    ("GET", f"{STOCK}/orders/<order_id>", order_status),
    ("DELETE", f"{STOCK}/orders/<order_id>", cancel_order),
    ("POST", f"{STOCK}/orders/<order_id>/cancel", cancel_order),
    ("GET", f"{ACCOUNT}/orders", account_orders),
    ("GET", f"{ACCOUNT}/stocks/<symbol>/orders", account_orders_in_stock),
    ("GET", "/metrics", metrics),
]


def _may_open(house: House, request: Request) -> bool:
    """Whether this request may open a book: with keys, whoever sends that of any account."""
    return not house.accounts.need_keys or house.accounts.owner_of(request.key) is not None


def _book_to_read(house: House, request: Request, venue: str, symbol: str) -> OrderBook:
    """The book, opened now if need be; who may not open one is shown an empty one that stays
    unopened. Raises TooManyBooks.
    """
    found = house.exchange.find_book(venue, symbol)
    if found is None and not _may_open(house, request):
        return OrderBook(venue, symbol, house.exchange.now())
    return house.exchange.book(venue, symbol) if found is None else found


def _book_to_trade_in(house: House, request: Request, venue: str, symbol: str) -> OrderBook:
    """The same for an order: a full exchange is told before a key is asked for, and whoever may
    not open a book has no account to trade for either. Raises TooManyBooks.
    """
    house.exchange.require_room()
    return _book_to_read(house, request, venue, symbol)


def _own_order(
    house: House, request: Request, venue: str, symbol: str, order_id: str
) -> Order:
    """The order that a URL names, if its owner asks; raises NoSuchOrder or Unauthorized."""
    if not NUMBER.fullmatch(order_id):
        raise NoSuchOrder(no_such_id(order_id))
    if house.exchange.find_book(venue, symbol) is None and not _may_open(house, request):
        raise NoSuchOrder(no_such_id(int(order_id)))
    order = house.exchange.order(venue, symbol, int(order_id))
    house.accounts.authorize(order.account, request.key)
    return order


def _authorize_listing(house: House, request: Request, account: str) -> None:
    if not house.extra:
        raise Disabled
    house.accounts.authorize(account, request.key)
