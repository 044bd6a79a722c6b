"""The routes of market data: scores, and below /api/v1 what the front page shows.

None of them opens a book, and none shows more of an account than the scores as JSON do. The
application holds the exchange's lock while it calls a handler.
"""

from disorderbook.accounts import Accounts, Admin
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
from disorderbook.marketdata.overview import MOST_BOOKS, Overview
from disorderbook.marketdata.scoreboard import Scoreboard, VenueStanding
from disorderbook.marketdata.scores import (
    NO_BOOK,
    Viewer,
    scores_message,
    scores_page,
    scores_table,
)
from disorderbook.marketdata.venue_scores import (
    MOST_VENUE_SCORES,
    listed_at,
    over_time_message,
    venue_scores_message,
)
from disorderbook.protocol.names import detail_of
from disorderbook.protocol.route import (
    HTML,
    Answer,
    Document,
    Request,
    Route,
    made_in_steps,
    page,
)

DEFAULT_LEVELS = 25  # of each side; at most MOST_LEVELS
DEFAULT_TRADES = 100  # at most RECENT_TRADES
MOST_SCORES = 100  # accounts, the best first
DEFAULT_VENUE_SCORES = 100  # at most MOST_VENUE_SCORES


class MarketDataRoutes:
    """The handlers of the table ROUTES; `tape_port` is None without websockets."""

    def __init__(
        self,
        exchange: Exchange,
        accounts: Accounts,
        history: History,
        tape_port: int | None,
        scoreboard: Scoreboard,
        admin: Admin,
    ) -> None:
        self._exchange = exchange
        self._accounts = accounts
        self._history = history
        self._tape_port = tape_port
        self._scoreboard = scoreboard
        self._admin = admin
        self._overview = Overview(exchange, history)

    def server(self, request: Request) -> Answer:
        needs_keys = self._accounts.need_keys
        steps = server_message(self._exchange, self._history.since, needs_keys, self._tape_port)
        return made_in_steps(steps, self._exchange.lock)

    def market(self, request: Request, venue: str, symbol: str) -> Answer:
        most = request.number("levels", DEFAULT_LEVELS, MOST_LEVELS)
        return market_message(self._book(venue, symbol), most)

    def trades(self, request: Request, venue: str, symbol: str) -> Answer:
        since = request.number("since", 0)
        most = request.number("limit", DEFAULT_TRADES, RECENT_TRADES)
        return trades_message(self._book(venue, symbol), self._history, since, most)

    def overview(self, request: Request, venue: str) -> Answer:
        span, skip = _span_in(request), request.number("skip", 0)
        most = request.number("limit", MOST_BOOKS, MOST_BOOKS)
        steps = self._overview.message(venue, span, skip, most)
        return made_in_steps(steps, self._exchange.lock)

    def candles(self, request: Request, venue: str, symbol: str) -> Answer:
        span = _span_in(request)
        since = request.number("since", 0) * SECOND
        now = self._exchange.read_clock()
        return candles_message(self._book(venue, symbol), self._history, span, since, now)

    def best_scores(self, request: Request, venue: str, symbol: str) -> Answer:
        most = request.number("limit", MOST_SCORES, MOST_SCORES)
        found, viewer = self._book(venue, symbol), self._viewer(request, venue)
        standing = self._standing(request, venue)
        book, rankings, now = standing.book(found), standing.rankings, standing.now
        listed, frozen_at = listed_at(venue, self._accounts), standing.frozen_at
        steps = scores_message(rankings, book, now, viewer, most, frozen_at, listed)
        return made_in_steps(steps, self._exchange.lock)

    def venue_scores(self, request: Request, venue: str) -> Answer:
        most = request.number("limit", DEFAULT_VENUE_SCORES, MOST_VENUE_SCORES)
        symbol, over = request.parameter("symbol"), request.parameter("over")
        if over not in (None, "time"):
            raise IllegalParameter(detail_of("over", over, "time"))
        standing, viewer = self._standing(request, venue), self._viewer(request, venue)
        if symbol is not None:
            standing = standing.of_stock(self._book(venue, symbol))
        if over is None:
            steps = venue_scores_message(standing, viewer, self._accounts, most)
        else:
            steps = over_time_message(standing, viewer, self._accounts, most)
        return made_in_steps(steps, self._exchange.lock)

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
        found, viewer = self._book(venue, symbol), self._viewer(request, venue)
        standing, lock = self._standing(request, venue), self._exchange.lock
        book, rankings, now = standing.book(found), standing.rankings, standing.now
        if form == "json":
            return made_in_steps(scores_message(rankings, book, now, viewer), lock)
        if form == "csv":
            table = made_in_steps(scores_table(rankings, book, now, viewer), lock, b"")
            return Document(table, "text/csv; charset=UTF-8")
        text = made_in_steps(scores_page(rankings, book, now, viewer), lock, b"")
        return Document(text, HTML)

    def _viewer(self, request: Request, venue: str) -> Viewer:
        accounts = self._accounts
        owner, alone = accounts.account_at(venue, request.key), venue in accounts.private
        hides = accounts.need_keys and not alone and not self._admin.is_admin(request.key)
        return Viewer(hides, owner, alone)

    def _standing(self, request: Request, venue: str) -> VenueStanding:
        return self._scoreboard.standing(venue, self._admin.is_admin(request.key))


def _span_in(request: Request) -> str:
    """One of SPANS; raises IllegalParameter."""
    span = request.parameter("span") or "5m"
    if span not in SPANS:
        raise IllegalParameter(detail_of("span", span, ", ".join(SPANS)))
    return span


V1 = "/api/v1"
STOCK = f"{V1}/venues/<venue>/stocks/<symbol>"

ROUTES: list[Route] = [
    ("GET", f"{V1}/server", MarketDataRoutes.server),
    ("GET", f"{V1}/venues/<venue>/overview", MarketDataRoutes.overview),
    ("GET", f"{STOCK}/market", MarketDataRoutes.market),
    ("GET", f"{STOCK}/trades", MarketDataRoutes.trades),
    ("GET", f"{STOCK}/candles", MarketDataRoutes.candles),
    ("GET", f"{STOCK}/scores", MarketDataRoutes.best_scores),
    ("GET", f"{V1}/venues/<venue>/scores", MarketDataRoutes.venue_scores),
    ("GET", "/ob/api/venues/<venue>/stocks/<symbol>/scores", MarketDataRoutes.scores),
]
