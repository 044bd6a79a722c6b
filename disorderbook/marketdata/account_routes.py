"""The routes of an account: what it has, its orders and fills, and how it has done over time.

Where the server needs keys they answer the account's owner, and at a level's venue its player. They
open no book. The application holds the exchange's lock while it calls a handler.
"""

from disorderbook.accounts import Accounts
from disorderbook.errors import IllegalParameter, NoSuchBook
from disorderbook.exchange import Exchange
from disorderbook.marketdata.account import AccountHistories
from disorderbook.marketdata.account_messages import MOST_FILLS, MOST_ORDERS, AccountAnswers
from disorderbook.marketdata.history import SECOND, History
from disorderbook.marketdata.mark import Marks
from disorderbook.protocol.names import detail_of, missing
from disorderbook.protocol.route import Answer, Request, Route, Steps, made_in_steps

A_STOCK = "a stock that has been used at this venue"


class AccountRoutes:
    """The handlers of the table ROUTES."""

    def __init__(
        self,
        exchange: Exchange,
        accounts: Accounts,
        history: History,
        marks: Marks,
    ) -> None:
        self._exchange = exchange
        self._accounts = accounts
        self._history = history
        self._marks = marks
        self.histories = AccountHistories(exchange, marks.of)

    def account(self, request: Request, venue: str, account: str) -> Answer:
        answers = self._answers(request, venue, account)
        return self._made(
            answers.positions(self._symbols(request, venue), self._exchange.read_clock())
        )

    def orders(self, request: Request, venue: str, account: str) -> Answer:
        answers, symbols = self._answers(request, venue, account), self._symbols(request, venue)
        only_open = request.parameter("open")
        if only_open not in (None, "true"):
            raise IllegalParameter(detail_of("open", only_open, "true"))
        since, most = request.number("since", -1), request.number("limit", MOST_ORDERS, MOST_ORDERS)
        return self._made(answers.orders(symbols, only_open is not None, since, most))

    def fills(self, request: Request, venue: str, account: str) -> Answer:
        answers, symbols = self._answers(request, venue, account), self._symbols(request, venue)
        since, most = request.number("since", 0), request.number("limit", MOST_FILLS, MOST_FILLS)
        return self._made(answers.fills(symbols, since, most))

    def history(self, request: Request, venue: str, account: str) -> Answer:
        answers = self._answers(request, venue, account)
        self._symbols(request, venue)
        symbol, since = request.parameter("symbol"), request.number("since", 0) * SECOND
        if symbol is None:
            raise IllegalParameter(missing("symbol", A_STOCK))
        book = self._exchange.book(venue, symbol)
        candles = self._marks.over_time(book, self._history.of(book).series("all"))
        return self._made(answers.history(symbol, candles, since, self._exchange.read_clock()))

    def _answers(self, request: Request, venue: str, account: str) -> AccountAnswers:
        """Raises VenueClosed or Unauthorized, before anything is said of the venue."""
        self._accounts.require_open(venue)
        self._accounts.authorize_at(venue, account, request.key)
        return AccountAnswers(self._exchange, self.histories, venue, account)

    def _symbols(self, request: Request, venue: str) -> list[str]:
        """The stock that the query names, or all of the venue; raises NoSuchVenue or NoSuchBook."""
        symbols = [book.symbol for book in self._exchange.books(venue)]
        wanted = request.parameter("symbol")
        if wanted is None:
            return symbols
        if wanted not in symbols:
            raise NoSuchBook(detail_of("symbol", wanted, A_STOCK))
        return [wanted]

    def _made(self, steps: Steps) -> Answer:
        return made_in_steps(steps, self._exchange.lock)


ACCOUNT = "/api/v1/venues/<venue>/accounts/<account>"

ROUTES: list[Route] = [
    ("GET", ACCOUNT, AccountRoutes.account),
    ("GET", f"{ACCOUNT}/orders", AccountRoutes.orders),
    ("GET", f"{ACCOUNT}/fills", AccountRoutes.fills),
    ("GET", f"{ACCOUNT}/history", AccountRoutes.history),
]
"""Each takes `symbol`, the one stock to tell of, and the last one needs it."""
