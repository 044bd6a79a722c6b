"""What a call of the client returns or raises, and how it is read from the bytes of an answer.

The names are the wire's in snake_case: totalFilled is total_filled. Prices are cents a share,
quantities are shares. Times are UTC text with nine fractional digits, as they came, since Python's
datetime would cut them; they sort as time does, and `datetime.fromisoformat` and pandas read them.
What the market has nothing to say for is None.
"""

from typing import Literal, TypeVar

import msgspec


class MarketError(Exception):
    """The base of every error that a call of the client raises for the exchange's sake."""


class Refused(MarketError):
    """The exchange says no, and has changed nothing: `sentence` is its reason.

    `status` is the HTTP status, None for a sentence that came over an open websocket. `detail` says
    what was wrong exactly (the field, its value, what is allowed), None where the exchange has no
    more to say. A traceback shows it below the sentence.
    """

    def __init__(self, sentence: str, status: int | None, detail: str | None = None) -> None:
        super().__init__(sentence, status, detail)
        self.sentence = sentence
        self.status = status
        self.detail = detail
        if detail is not None:
            self.add_note(detail)

    def __str__(self) -> str:
        return self.sentence


class ExchangeUnreachable(MarketError):
    """No answer came, or none of an exchange.

    `was_sent` tells whether the exchange may have got the request all the same. An order that was
    sent may have been placed; only one with an idempotency key can be sent again without harm.
    """

    def __init__(self, sentence: str, was_sent: bool) -> None:
        super().__init__(sentence, was_sent)
        self.sentence = sentence
        self.was_sent = was_sent

    def __str__(self) -> str:
        return self.sentence


class CertificateUntrusted(ExchangeUnreachable):
    """Something is there, but its certificate does not prove that it is the exchange. Nothing was
    sent. `reason` is what is wrong with it.
    """

    def __init__(self, url: str, reason: str) -> None:
        sentence = (
            f"The certificate of {url} is not trusted: {reason}; verify='FILE' names the"
            " certificate of who signed it"
        )
        super().__init__(sentence, was_sent=False)
        self.reason = reason


class MarketClosed(MarketError):
    """`close` was called before."""

    def __str__(self) -> str:
        return "This market was closed"


OrderType = Literal["limit", "market", "fill-or-kill", "fok", "immediate-or-cancel", "ioc"]
"""What an order can be placed as; the type of a placed order has the long name."""


class Result(msgspec.Struct, frozen=True, rename="camel"):
    """The base of every result, which cannot be changed."""


class Fill(Result, frozen=True):
    """A trade as one of its two orders remembers it."""

    price: int
    qty: int
    ts: str


class Order(Result, frozen=True):
    """An order and what has become of it."""

    venue: str
    symbol: str
    direction: Literal["buy", "sell"]
    original_qty: int
    qty: int  # what is left of it, 0 once it is closed
    price: int  # 0 for a market order
    order_type: str
    id: int
    account: str
    ts: str
    fills: tuple[Fill, ...]
    total_filled: int
    open: bool


class Quote(Result, frozen=True):
    """The best prices, how many shares there are at them and in all, and the last trade."""

    venue: str
    symbol: str
    bid_size: int
    ask_size: int
    bid_depth: int
    ask_depth: int
    quote_time: str
    bid: int | None = None
    ask: int | None = None
    last: int | None = None
    last_size: int | None = None
    last_trade: str | None = None


class Row(Result, frozen=True):
    """A resting order as the book shows it."""

    price: int
    qty: int
    is_buy: bool


class Book(Result, frozen=True):
    """Every resting order, best first, the oldest first within a price."""

    venue: str
    symbol: str
    bids: tuple[Row, ...]
    asks: tuple[Row, ...]
    ts: str


class Execution(Result, frozen=True):
    """A trade of an account, with the account's own order as it stood right after it."""

    account: str
    venue: str
    symbol: str
    order: Order
    standing_id: int  # the order that had waited
    incoming_id: int
    price: int
    filled: int
    filled_at: str
    standing_complete: bool
    incoming_complete: bool


class Missed(Result, frozen=True):
    """Executions that were not heard on the tape, until a time; whether there are no others."""

    ts: str
    executions: tuple[Execution, ...]
    complete: bool


class Orders(Result, frozen=True):
    """The envelope of a list of orders."""

    venue: str
    orders: tuple[Order, ...]


class OpenOrder(Order, frozen=True):
    """An open order, with its place in the queue."""

    ahead: int = 0  # shares of the orders before it at its price


class OpenOrders(Result, frozen=True):
    """The envelope of a list of open orders."""

    orders: tuple[OpenOrder, ...]


class AccountFill(Result, frozen=True):
    """A trade of an account, as one of its orders remembers it."""

    symbol: str
    number: int  # counts the account's fills in this stock from 1
    id: int  # of the order
    direction: Literal["buy", "sell"]
    price: int
    qty: int
    ts: str
    is_take: bool  # whether the order traded when it came, and did not rest
    position: int  # shares held after it


class AccountFills(Result, frozen=True):
    """The envelope of a list of fills."""

    fills: tuple[AccountFill, ...]


class OpenCount(Result, frozen=True):
    """The open orders of one side, and the shares that they still want."""

    orders: int = 0
    qty: int = 0


class OpenCounts(Result, frozen=True):
    """The open orders of both sides, counted."""

    buy: OpenCount = OpenCount()
    sell: OpenCount = OpenCount()


class Position(Result, frozen=True):
    """What an account has in one stock, and what it has made there. Money is in cents."""

    symbol: str
    cash: int = 0  # from zero before the first trade
    shares: int = 0
    lowest: int = 0  # the fewest shares ever held
    highest: int = 0
    nav: int = 0  # net asset value: cash, and shares at `mark`
    realised: int = 0  # profit of what was closed, against the average price then
    unrealised: int = 0  # profit of the rest at `mark`; with `realised` it makes `nav`
    fills: int = 0  # how many there were
    fees: int = 0  # that were paid, which cash, nav and realised are without
    open: OpenCounts = OpenCounts()
    last: int | None = None
    mid: float | None = None  # half way between bid and ask
    mark: int | None = None  # what a share counts for in `nav`; the last price unless --mark says
    nav_at_mid: float | None = None
    average_price: float | None = None  # what a share of the open position has cost


class Account(Result, frozen=True):
    """The envelope of an account's positions."""

    stocks: tuple[Position, ...]


class Tick(Result, frozen=True):
    """The envelope of a quote on the tape."""

    quote: Quote


class Verdict(Result, frozen=True):
    """What every answer begins with."""

    ok: bool
    error: str = ""


NO_REASON = "The exchange refuses this and gives no reason"
# msgspec learns a type when that is first decoded, and threads that decode it meanwhile crash the
# process. So it learns all of them while this module is imported, which one thread does.
for _kind in Result.__subclasses__():
    msgspec.json.Decoder(_kind)

LONGEST_EXCERPT = 80  # characters of an answer that makes no sense, in the error's sentence

T = TypeVar("T")


def read(
    answer: bytes | str,
    kind: type[T],
    source: str,
    status: int | None = None,
    detail: str | None = None,
) -> T:
    """The result of this kind in an answer; raises Refused if the exchange says no, and
    ExchangeUnreachable if that is no exchange, which `source` names. `detail` is the answer's
    DETAIL_HEADER.
    """
    verdict = _decoded(answer, Verdict, source, status)
    if not verdict.ok:
        raise Refused(verdict.error or NO_REASON, status, _text_of(detail))
    return _decoded(answer, kind, source, status)


def _text_of(detail: str | None) -> str | None:
    """The text in a DETAIL_HEADER, which is a JSON string; None if there is none."""
    try:
        return None if detail is None else msgspec.json.decode(detail, type=str)
    except ValueError:
        return None  # whoever stands in front of an exchange may have put anything there


def _decoded(answer: bytes | str, kind: type[T], source: str, status: int | None) -> T:
    try:
        return msgspec.json.decode(answer, type=kind)
    except (ValueError, RecursionError):  # the first is what all others are, of text too
        excerpt = f"{answer[:LONGEST_EXCERPT]!r}"
    with_status = "" if status is None else f" with status {status}"
    sentence = f"{source} does not answer as an exchange does, but{with_status}: {excerpt}"
    raise ExchangeUnreachable(sentence, was_sent=True)
