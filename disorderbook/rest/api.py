"""The interface for programs: one short function for each route, and the ROUTES table.

Each function runs inside the exchange's turn, gets the House, the Request and the names from the
URL, and returns the answer: JSON bytes, or a Document. A refusal is raised.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import parse_qs

from disorderbook import messages
from disorderbook.accounts import Accounts
from disorderbook.docs.curl import Setup
from disorderbook.docs.description import description_text
from disorderbook.docs.page import docs_page
from disorderbook.engine.orders import Order
from disorderbook.errors import (
    Disabled, NoSuchBook, NoSuchInstance, NoSuchOrder, TooManyParameters, UnknownFormat,
)
from disorderbook.exchange import Exchange
from disorderbook.gamemaster import GameMaster, Instance
from disorderbook.history import History
from disorderbook.parsing import account_name, check_url_agrees, new_order, parse_post
from disorderbook.rest.metrics import KIND, Metrics
from disorderbook.rest.welcome import THANKS
from disorderbook.scores import NO_BOOK, scores_message, scores_page, scores_table

MAX_PARAMETERS = 16  # in the query of a URL


@dataclass(frozen=True)
class House:
    """Everything that the routes serve. `extra` allows listing an account's orders; `tape_port` is
    that of the websockets, if there are any.
    """

    exchange: Exchange
    accounts: Accounts
    gamemaster: GameMaster
    extra: bool
    history: History
    tape_port: int | None = None
    metrics: Metrics = field(default_factory=Metrics)


class Request(NamedTuple):
    """What a route needs of an HTTP request besides the names in its path."""

    key: str | None
    host: str  # the server as the client calls it, such as 127.0.0.1:8000
    body: bytes
    query: str  # behind the question mark of the URL, still encoded

    def parameter(self, name: str) -> str | None:
        """What the query says of a name, the first if it says more than one thing, or None if it
        says nothing; raises TooManyParameters.
        """
        try:
            found = parse_qs(self.query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
        except ValueError:
            raise TooManyParameters from None
        return found[name][0] if name in found else None


class Document(NamedTuple):
    """An answer that is not JSON, or has headers of its own."""

    content: bytes
    kind: str  # the content type
    status: str = "200 OK"
    headers: tuple[tuple[str, str], ...] = ()


def page(html: str, status: str = "200 OK") -> Document:
    """A document for people."""
    return Document(html.encode(), "text/html; charset=UTF-8", status)


Answer = bytes | Document

# A sign is part of a number, so "-1" opens the book and is then not found.
_NUMBER = re.compile(r"-?[0-9]{1,18}")


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
    found = house.exchange.book(venue, symbol)
    return messages.book_message(found, house.exchange.now())


def quote(house: House, request: Request, venue: str, symbol: str) -> Answer:
    return messages.quote_message(house.exchange.book(venue, symbol).quote())


def place_order(house: House, request: Request, venue: str, symbol: str) -> Answer:
    fields = parse_post(request.body)
    check_url_agrees(fields, venue, symbol)
    found = house.exchange.book(venue, symbol)
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
        raise UnknownFormat
    if found is None:
        if form is None:
            return page(NO_BOOK, "404 Not Found")
        raise NoSuchBook
    hide_holdings = house.accounts.need_keys
    if form == "csv":
        return Document(scores_table(found, hide_holdings), "text/csv; charset=UTF-8")
    start, now = (messages.timestamp(ts) for ts in (found.opened_at, house.exchange.now()))
    if form == "json":
        return scores_message(found, start, now, hide_holdings)
    return page(scores_page(found, start, now, hide_holdings))


def levels(house: House, request: Request) -> Answer:
    return messages.levels_message()


def start_level(house: House, request: Request, name: str) -> Answer:
    account = house.accounts.account_of(request.key)
    instance = house.gamemaster.start(account, house.exchange.now())
    return messages.start_message(instance, house.exchange)


def instance_state(house: House, request: Request, instance_id: str) -> Answer:
    instance = _instance(house, instance_id)
    return messages.instance_message(instance, house.exchange.now())


def restart_instance(house: House, request: Request, instance_id: str) -> Answer:
    instance = _own_instance(house, request, instance_id)
    account = house.accounts.account_of(request.key)
    house.gamemaster.restart(instance, account, house.exchange.now())
    return messages.start_message(instance, house.exchange)


def resume_instance(house: House, request: Request, instance_id: str) -> Answer:
    instance = _own_instance(house, request, instance_id)
    return messages.start_message(instance, house.exchange)


def stop_instance(house: House, request: Request, instance_id: str) -> Answer:
    house.gamemaster.stop(_own_instance(house, request, instance_id))
    return messages.HEARTBEAT


def thanks(house: House, request: Request) -> Answer:
    return page(THANKS)


def openapi(house: House, request: Request) -> Answer:
    return description_text()


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
INSTANCE = "/gm/instances/<instance_id>"

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
    ("GET", "/gm/levels", levels),
    ("POST", "/gm/levels/<name>", start_level),
    ("GET", INSTANCE, instance_state),
    ("POST", f"{INSTANCE}/restart", restart_instance),
    ("POST", f"{INSTANCE}/resume", resume_instance),
    ("POST", f"{INSTANCE}/stop", stop_instance),
    ("POST", f"{INSTANCE}/judge", instance_state),
    ("GET", "/metrics", metrics),
]


def _own_order(
    house: House, request: Request, venue: str, symbol: str, order_id: str
) -> Order:
    """The order that a URL names, if its owner asks; raises NoSuchOrder or Unauthorized."""
    if not _NUMBER.fullmatch(order_id):
        raise NoSuchOrder
    order = house.exchange.order(venue, symbol, int(order_id))
    house.accounts.authorize(order.account, request.key)
    return order


def _authorize_listing(house: House, request: Request, account: str) -> None:
    if not house.extra:
        raise Disabled
    house.accounts.authorize(account, request.key)


def _instance(house: House, instance_id: str) -> Instance:
    """The instance that a URL names; raises NoSuchInstance."""
    if not _NUMBER.fullmatch(instance_id):
        raise NoSuchInstance
    return house.gamemaster.instance(int(instance_id))


def _own_instance(house: House, request: Request, instance_id: str) -> Instance:
    """The same, if its player asks; raises NoSuchInstance or Unauthorized."""
    instance = _instance(house, instance_id)
    house.accounts.authorize(instance.account, request.key)
    return instance
