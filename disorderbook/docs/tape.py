"""The websockets, with messages that the exchange's own functions make of a small trade."""

import json
from typing import Any, NamedTuple
from urllib.parse import quote

from disorderbook.docs.curl import Setup
from disorderbook.docs.markup import Markup, element, joined, pretty, prose, table
from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import NewOrder, OrderType, Side
from disorderbook.messages import execution_message, tick_message

TAPE_ORIGIN = "\1"  # stands for ws://HOST, which is the client's own
TAPE_PORT = 8001  # unless the exchange was told another
SECOND = 10**9  # nanoseconds
BEGINNING = 1_453_070_587_123_456_789  # nanoseconds since 1970

SOCKETS = (
    ("tickertape", "Every tick of the venue, whatever account the URL names."),
    ("tickertape/stocks/{symbol}", "The same for one stock."),
    ("executions", "Every trade of the account that the URL names, at this venue."),
    ("executions/stocks/{symbol}", "The same for one stock."),
)
EXECUTION_FIELDS = (
    ("ok", "Always true."),
    ("account", "The account that is being told."),
    ("venue", "The venue."),
    ("symbol", "The stock."),
    ("order", "That account's own order as it stood right after this trade."),
    ("standingId", "Id of the order that waited in the book."),
    ("incomingId", "Id of the order that came and traded with it."),
    ("price", "Cents a share, the price of the standing order."),
    ("filled", "Shares that changed hands."),
    ("filledAt", "When."),
    ("standingComplete", "Whether the standing order is filled by this."),
    ("incomingComplete", "Whether the incoming order is filled by this."),
)


class Messages(NamedTuple):
    """What is told of one trade: to its seller, to its buyer, and to everybody."""

    seller: Any
    buyer: Any
    tick: Any


def example_messages(setup: Setup) -> Messages:
    """BEN offers 40 shares at 50.10; then you buy 25 of them."""
    book = OrderBook(setup.venue, setup.symbol, BEGINNING)
    book.submit(NewOrder("BEN", Side.SELL, OrderType.LIMIT, 5010, 40), BEGINNING + SECOND)
    buy = NewOrder(setup.account, Side.BUY, OrderType.LIMIT, 5025, 25)
    trade, = book.submit(buy, BEGINNING + 2 * SECOND).executions
    return Messages(
        json.loads(execution_message(trade, trade.standing)),
        json.loads(execution_message(trade, trade.incoming)),
        json.loads(tick_message(book.quote())),
    )


def tape_section(setup: Setup) -> Markup:
    """The four URLs, what comes from them, and in which order."""
    told = example_messages(setup)
    return element(
        "section",
        element("h2", "The tape (websockets)"),
        *(element("p", prose(text)) for text in _introduction(setup)),
        element("dl", *(
            joined(element("dt", element("code", url)), element("dd", meaning))
            for url, meaning in socket_urls(setup)
        )),
        element("p", prose(
            "Suppose BEN offers 40 shares at 50.10, and then you buy 25 of them. Three messages "
            "follow, in this order. (On the wire each is one line without blanks.)"
        )),
        element("h3", "Executions", id="tape-execution"),
        element("p", "BEN, whose order waited in the book, is told first:"),
        _message(told.seller),
        element("p", "You are told the same trade, with your own order in it:"),
        _message(told.buyer),
        table(("Field", "Meaning"), [
            (element("code", name), meaning) for name, meaning in EXECUTION_FIELDS
        ]),
        element("h3", "A tick", id="tape-tick"),
        element("p", joined("Then everybody gets the ", element("a", "quote", href="#schema-Quote"),
                            " as it is after the whole order:")),
        _message(told.tick),
        element("p", prose(
            "An order that trades three times makes six executions and one tick. A cancel makes a "
            "tick too; a fill-or-kill order that is not filled makes none."
        )),
        id="tape",
    )


def socket_urls(setup: Setup) -> list[tuple[str, str]]:
    """The four URLs for the first book, and what each tells."""
    account, venue, symbol = (
        quote(name, safe="") for name in (setup.account, setup.venue, setup.symbol)
    )
    start = f"{TAPE_ORIGIN}:{setup.tape_port or TAPE_PORT}/ob/api/ws/{account}/venues/{venue}/"
    return [(start + form.format(symbol=symbol), meaning) for form, meaning in SOCKETS]


def _introduction(setup: Setup) -> list[str]:
    keys = (
        "This exchange needs keys. The two `executions` URLs want that of their account: in a "
        "header or cookie as everywhere, or, where a client can send neither, as `?api_key=KEY` "
        "at the end of the URL, or as `/key/KEY` before its `/ob/api/ws/`. The ticks are for "
        "everybody."
        if setup.needs_keys else
        "This exchange needs no keys, so anybody may listen to anybody's executions."
    )
    return [
        "An exchange that was started with `--websockets` tells who listens what happens, "
        f"on {_port(setup)}. Instead of asking for the quote again and again, open "
        f"one of these URLs with any websocket client, here for the account {setup.account}. "
        "The venue or stock need not exist yet. You never have to send anything.",
        keys,
        "Any other URL gets one message, `{\"ok\": false, \"error\": \"...\"}`, and is closed with "
        "code 1008; so is a wrong key. The reason of that close frame is what the message says, as "
        "far as it fits, and both come a second late: clients that reconnect at once would "
        "otherwise do nothing else.",
    ]


def _port(setup: Setup) -> str:
    if setup.tape_port is None:
        return f"port {TAPE_PORT} or that of `--wsport`"
    return f"a port of its own, here {setup.tape_port}"


def _message(message: Any) -> Markup:
    return element("pre", element("code", pretty(message)))
