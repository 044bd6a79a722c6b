"""What people watch the market with: the page at `/`, and the routes below /api/v1 that it asks.

None of them opens a book, and none tells more of an account than the scores as JSON do.
"""

import re
from collections.abc import Callable
from functools import cache
from importlib.resources import files

from disorderbook import messages, watching
from disorderbook.engine.book import OrderBook
from disorderbook.errors import IllegalParameter, NoSuchBook, detail_of
from disorderbook.history import RECENT_TRADES, SECOND, SPANS
from disorderbook.rest.house import Answer, Document, House, Request
from disorderbook.scores import scores_message

LEVELS, MOST_LEVELS = 25, 200  # of each side that are told unasked, and at most
TRADES = 100  # that are told unasked; at most RECENT_TRADES
MOST_SCORES = 100  # accounts, the best
MAX_SINCE = 2**53  # what a browser can count to

_NUMBER = re.compile("[0-9]{1,16}")


def front_page(house: House, request: Request) -> Answer:
    return Document(
        _file("index.html"), "text/html; charset=UTF-8", headers=_page_headers(house.tape_port)
    )


def shell_script(house: House, request: Request) -> Answer:
    return Document(_file("shell.js"), "text/javascript; charset=UTF-8", headers=FILE_HEADERS)


def script(house: House, request: Request) -> Answer:
    return Document(_file("page.js"), "text/javascript; charset=UTF-8", headers=FILE_HEADERS)


def style(house: House, request: Request) -> Answer:
    return Document(_file("page.css"), "text/css; charset=UTF-8", headers=FILE_HEADERS)


def server(house: House, request: Request) -> Answer:
    return watching.server_message(
        house.exchange, house.history.since, house.accounts.need_keys, house.tape_port
    )


def market(house: House, request: Request, venue: str, symbol: str) -> Answer:
    most = _number(request, "levels", LEVELS, MOST_LEVELS)
    return watching.market_message(_book(house, venue, symbol), most)


def trades(house: House, request: Request, venue: str, symbol: str) -> Answer:
    since = _number(request, "since", 0, MAX_SINCE)
    most = _number(request, "limit", TRADES, RECENT_TRADES)
    return watching.trades_message(_book(house, venue, symbol), house.history, since, most)


def candles(house: House, request: Request, venue: str, symbol: str) -> Answer:
    span = request.parameter("span") or "5m"
    if span not in SPANS:
        raise IllegalParameter(detail_of("span", span, ", ".join(SPANS)))
    since = _number(request, "since", 0, MAX_SINCE) * SECOND
    now = house.exchange.now()
    return watching.candles_message(
        _book(house, venue, symbol), house.history, span, since, now
    )


def scores(house: House, request: Request, venue: str, symbol: str) -> Answer:
    most = _number(request, "limit", MOST_SCORES, MOST_SCORES)
    found = _book(house, venue, symbol)
    start, now = (messages.timestamp(ts) for ts in (found.opened_at, house.exchange.now()))
    owner = house.accounts.owner_of(request.key)
    return scores_message(found, start, now, house.accounts.need_keys, owner, most)


V1 = "/api/v1"
STOCK = f"{V1}/venues/<venue>/stocks/<symbol>"

ROUTES: list[tuple[str, str, Callable[..., Answer]]] = [
    ("GET", "/", front_page),
    ("GET", "/static/page.js", script),
    ("GET", "/static/shell.js", shell_script),
    ("GET", "/static/page.css", style),
    ("GET", f"{V1}/server", server),
    ("GET", f"{STOCK}/market", market),
    ("GET", f"{STOCK}/trades", trades),
    ("GET", f"{STOCK}/candles", candles),
    ("GET", f"{STOCK}/scores", scores),
]

# A browser asks again each time, so that it never has the page of one version with the script of
# another; what it gets is small and comes from this machine.
FILE_HEADERS = (("Cache-Control", "no-cache"), ("X-Content-Type-Options", "nosniff"))


@cache
def _page_headers(tape_port: int | None) -> tuple[tuple[str, str], ...]:
    """Names in the market are anybody's: nothing on the page may run or load but what is ours."""
    tape = "".join(
        f" ws://{host}:{tape_port}" for host in ("127.0.0.1", "localhost") if tape_port
    )
    policy = (
        f"default-src 'self'; connect-src 'self'{tape}; img-src 'self' data:; object-src 'none'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return (
        *FILE_HEADERS, ("Content-Security-Policy", policy), ("Referrer-Policy", "no-referrer"),
    )


@cache
def _file(name: str) -> bytes:
    return (files("disorderbook") / "web" / name).read_bytes()


def _book(house: House, venue: str, symbol: str) -> OrderBook:
    """A book that somebody has opened; raises NoSuchBook."""
    found = house.exchange.find_book(venue, symbol)
    if found is None:
        raise NoSuchBook(detail_of("symbol", symbol, "a stock that has been used at this venue"))
    return found


def _number(request: Request, name: str, unasked: int, most: int) -> int:
    """A parameter from 0 to `most`; raises IllegalParameter."""
    text = request.parameter(name)
    if text is None:
        return unasked
    if not _NUMBER.fullmatch(text) or int(text) > most:
        raise IllegalParameter(detail_of(name, text, f"a whole number from 0 to {most}"))
    return int(text)
