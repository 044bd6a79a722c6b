"""The routes of market data: scores, and below /api/v1 what the front page shows.

None of them opens a book, and none shows more of an account than the scores as JSON do. The
application holds the exchange's lock while it calls a handler.
"""

import re

from disorderbook.accounts import Accounts
from disorderbook.engine.book import OrderBook
from disorderbook.errors import IllegalParameter, NoSuchBook, UnknownFormat
from disorderbook.exchange import Exchange
from disorderbook.marketdata.history import RECENT_TRADES, SECOND, SPANS, History
from disorderbook.marketdata.messages import (
    MOST_LEVELS,
    candles_message,
    market_message,
    server_message,
    trades_message,
)
from disorderbook.marketdata.scores import NO_BOOK, scores_message, scores_page, scores_table
from disorderbook.protocol.names import detail_of, timestamp
from disorderbook.protocol.route import Answer, Document, Request, Route, page

DEFAULT_LEVELS = 25  # of each side; at most MOST_LEVELS
DEFAULT_TRADES = 100  # at most RECENT_TRADES
MOST_SCORES = 100  # accounts, the best first
MAX_SINCE = 2**53  # what a browser can count to

_NUMBER = re.compile("[0-9]{1,16}")


class MarketDataRoutes:
    """The handlers of the table ROUTES; `tape_port` is None without websockets."""

    def __init__(
        self, exchange: Exchange, accounts: Accounts, history: History, tape_port: int | None
    ) -> None:
        self._exchange = exchange
        self._accounts = accounts
        self._history = history
        self._tape_port = tape_port

    def server(self, request: Request) -> Answer:
        return server_message(
            self._exchange, self._history.since, self._accounts.need_keys, self._tape_port
        )

    def market(self, request: Request, venue: str, symbol: str) -> Answer:
        most = _number(request, "levels", DEFAULT_LEVELS, MOST_LEVELS)
        return market_message(self._book(venue, symbol), most)

    def trades(self, request: Request, venue: str, symbol: str) -> Answer:
        since = _number(request, "since", 0, MAX_SINCE)
        most = _number(request, "limit", DEFAULT_TRADES, RECENT_TRADES)
        return trades_message(self._book(venue, symbol), self._history, since, most)

    def candles(self, request: Request, venue: str, symbol: str) -> Answer:
        span = request.parameter("span") or "5m"
        if span not in SPANS:
            raise IllegalParameter(detail_of("span", span, ", ".join(SPANS)))
        since = _number(request, "since", 0, MAX_SINCE) * SECOND
        now = self._exchange.now()
        return candles_message(self._book(venue, symbol), self._history, span, since, now)

    def best_scores(self, request: Request, venue: str, symbol: str) -> Answer:
        most = _number(request, "limit", MOST_SCORES, MOST_SCORES)
        found = self._book(venue, symbol)
        start, now = (timestamp(ts) for ts in (found.opened_at, self._exchange.now()))
        owner = self._accounts.owner_of(request.key)
        return scores_message(found, start, now, self._accounts.need_keys, owner, most)

    def _book(self, venue: str, symbol: str) -> OrderBook:
        """A book that is open; raises NoSuchBook."""
        found = self._exchange.find_book(venue, symbol)
        if found is None:
            detail = detail_of("symbol", symbol, "a stock that has been used at this venue")
            raise NoSuchBook(detail)
        return found

    def scores(self, request: Request, venue: str, symbol: str) -> Answer:
        form = request.parameter("format")
        if form not in (None, "json", "csv"):
            raise UnknownFormat(detail_of("format", form, "json, csv"))
        if form is None and self._exchange.find_book(venue, symbol) is None:
            return page(NO_BOOK, "404 Not Found")
        found = self._book(venue, symbol)
        hide_holdings, owner = self._accounts.need_keys, self._accounts.owner_of(request.key)
        if form == "csv":
            table = scores_table(found, hide_holdings, owner)
            return Document(table, "text/csv; charset=UTF-8")
        start, now = (timestamp(ts) for ts in (found.opened_at, self._exchange.now()))
        if form == "json":
            return scores_message(found, start, now, hide_holdings, owner)
        return page(scores_page(found, start, now, hide_holdings))


def _number(request: Request, name: str, default: int, most: int) -> int:
    """A parameter from 0 to `most`; raises IllegalParameter."""
    text = request.parameter(name)
    if text is None:
        return default
    if not _NUMBER.fullmatch(text) or int(text) > most:
        raise IllegalParameter(detail_of(name, text, f"a whole number from 0 to {most}"))
    return int(text)


V1 = "/api/v1"
STOCK = f"{V1}/venues/<venue>/stocks/<symbol>"

ROUTES: list[Route] = [
    ("GET", f"{V1}/server", MarketDataRoutes.server),
    ("GET", f"{STOCK}/market", MarketDataRoutes.market),
    ("GET", f"{STOCK}/trades", MarketDataRoutes.trades),
    ("GET", f"{STOCK}/candles", MarketDataRoutes.candles),
    ("GET", f"{STOCK}/scores", MarketDataRoutes.best_scores),
    ("GET", "/ob/api/venues/<venue>/stocks/<symbol>/scores", MarketDataRoutes.scores),
]
