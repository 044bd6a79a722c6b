"""An account as JSON: its positions, orders, fills, and how it has done over time.

The exchange's lock must be held for every function, and during each step. Prices and money are in
cents, quantities in shares; times come in as nanoseconds since 1970 and go out as time stamps.
"""

from collections.abc import Generator, Iterable, Iterator
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import BUY, SELL, SIDE_NAMES, Order
from disorderbook.exchange import Exchange
from disorderbook.marketdata.account import (
    RECENT_FILLS,
    AccountFill,
    AccountHistories,
    AccountHistory,
    OpenOrders,
)
from disorderbook.marketdata.history import MOST_CANDLES, SECOND, Candle, Series
from disorderbook.marketdata.queue_position import QueueCounts
from disorderbook.protocol.fields import (
    Account,
    Count,
    Direction,
    Ok,
    OrderId,
    Price,
    Quantity,
    Shares,
    Symbol,
    Timestamp,
    Venue,
)
from disorderbook.protocol.messages import OrderMessage, order_pieces
from disorderbook.protocol.names import timestamp, to_json
from disorderbook.protocol.route import ORDERS_AT_ONCE, Steps, list_in_steps, rows_in_steps

STOCKS_AT_ONCE = 100  # that are told, or passed over, in a step
FILLS_AT_ONCE = 500
MOST_FILLS = 1000  # in an answer
MOST_ORDERS = 1000  # in an answer
MOST_POINTS = 2 * MOST_CANDLES  # of a curve: one for each candle, and for each of the account's own

Cents = Annotated[int, Meta(description="Cents; below zero is a debt or a loss.")]
HeldShares = Annotated[int, Meta(description="Shares; below zero after selling short.")]


class OpenOrdersMessage(msgspec.Struct, gc=False):
    """The open orders of one side, counted."""

    orders: Annotated[int, Meta(description="How many there are.", ge=0)]
    qty: Annotated[Shares, Meta(description="Shares that they still want.")]


class OpenSidesMessage(msgspec.Struct, gc=False):
    """The open orders of both sides, counted."""

    buy: OpenOrdersMessage
    sell: OpenOrdersMessage


class StockPositionMessage(msgspec.Struct, gc=False, kw_only=True):
    """What an account has in one stock, and what it has made there."""

    symbol: Symbol
    cash: Annotated[Cents, Meta(description="Cents, from zero before the first trade.")]
    shares: Annotated[
        HeldShares, Meta(description="Shares held now; below zero after selling short.")
    ]
    lowest: Annotated[int, Meta(description="The fewest shares it has ever held.", le=0)]
    highest: Annotated[int, Meta(description="The most shares it has ever held.", ge=0)]
    last: (
        Annotated[
            Price,
            Meta(description="Cents a share paid in the last trade; absent before the first one."),
        ]
        | UnsetType
    ) = UNSET
    mid: (
        Annotated[
            float,
            Meta(
                description="Half way between bid and ask, in cents, perhaps and a half; absent "
                "while a side is empty."
            ),
        ]
        | UnsetType
    ) = UNSET
    mark: (
        Annotated[
            Price,
            Meta(
                description="Cents that a share counts for: the price of the last trade, unless "
                "the server marks otherwise (`--mark`) or the stock is settled; absent where there "
                "is none."
            ),
        ]
        | UnsetType
    ) = UNSET
    nav: Annotated[
        Cents,
        Meta(description="Net asset value: cash, plus shares times `mark`."),
    ]
    navAtMid: (
        Annotated[float, Meta(description="The same at `mid`, in cents, perhaps and a half.")]
        | UnsetType
    ) = UNSET
    fees: (
        Annotated[
            int,
            Meta(
                description="Cents paid in fees (the rules of a market may have some), which "
                "`cash`, `nav` and `realised` are without; below zero is what was given. Absent if "
                "there were none."
            ),
        ]
        | UnsetType
    ) = UNSET
    averagePrice: (
        Annotated[
            float,
            Meta(
                description="What a share of the open position has cost on average, in cents (sold "
                "short: has brought in); absent without a position. By the average-cost method: "
                "closing a part leaves it as it is."
            ),
        ]
        | UnsetType
    ) = UNSET
    realised: Annotated[
        Cents,
        Meta(
            description="Profit of what was closed, against the average price then; to the nearest "
            "cent."
        ),
    ]
    unrealised: Annotated[
        Cents,
        Meta(
            description="Profit if the open position were closed at `mark`. With `realised` it "
            "makes `nav`."
        ),
    ]
    fills: Annotated[int, Meta(description="How many fills its orders have had.", ge=0)]
    open: Annotated[OpenSidesMessage, Meta(description="Its open orders.")]


class AccountPositionsMessage(msgspec.Struct, gc=False):
    """An account at a venue: every stock that it has an order in memory for, or has traded."""

    ok: Ok
    venue: Venue
    account: Account
    ts: Annotated[Timestamp, Meta(description="When it was asked; all until then counts.")]
    stocks: Annotated[
        list[StockPositionMessage], Meta(description="One for each stock, the oldest book first.")
    ]


class AccountOrderMessage(OrderMessage, gc=False):
    """An order, and its place in the queue."""

    ahead: (
        Annotated[
            Shares,
            Meta(
                description="Shares of the orders that stand before it at its price, and so trade "
                "first; absent once it is closed."
            ),
        ]
        | UnsetType
    ) = UNSET


class AccountOrdersMessage(msgspec.Struct, gc=False):
    """Orders of an account at a venue, book after book, the oldest first in each."""

    ok: Ok
    venue: Venue
    account: Account
    orders: Annotated[
        list[AccountOrderMessage],
        Meta(description="Each as of the moment it was told.", max_length=MOST_ORDERS),
    ]


class AccountFillMessage(msgspec.Struct, gc=False):
    """A trade of an account, as one of its orders remembers it."""

    symbol: Symbol
    number: Annotated[
        Count,
        Meta(description="Counts the account's fills in this stock from 1, in the order of time."),
    ]
    id: OrderId
    direction: Direction
    price: Price
    qty: Quantity
    ts: Timestamp
    isTake: Annotated[
        bool,
        Meta(
            description="Whether the order traded with what rested when it came, and did not rest "
            "itself."
        ),
    ]
    position: Annotated[HeldShares, Meta(description="Shares held after this fill.")]


class AccountFillsMessage(msgspec.Struct, gc=False):
    """Fills of an account at a venue, book after book, the oldest first in each."""

    ok: Ok
    venue: Venue
    account: Account
    fills: Annotated[
        list[AccountFillMessage],
        Meta(
            description=f"Of each stock at most the latest {RECENT_FILLS} are to be had here.",
            max_length=MOST_FILLS,
        ),
    ]


class AccountPointMessage(msgspec.Struct, gc=False):
    """How an account stood at the end of a stretch of time."""

    ts: Annotated[Timestamp, Meta(description="When the stretch began.")]
    nav: Annotated[
        Cents,
        Meta(
            description="Net asset value at `price`. Fees count as if every trade had paid the "
            "same part of its value."
        ),
    ]
    shares: HeldShares
    price: Annotated[
        Price,
        Meta(
            description="Cents that a share counted for: the price of the last trade until then, "
            "of anybody, unless the server marks otherwise (`--mark`); at the last point, `mark`."
        ),
    ]


class AccountHistoryMessage(msgspec.Struct, gc=False):
    """Net asset value and position of an account in one stock over time."""

    ok: Ok
    venue: Venue
    account: Account
    symbol: Symbol
    ts: Annotated[Timestamp, Meta(description="When it was asked; all until then counts.")]
    width: Annotated[Count, Meta(description="Seconds that each point stands for.")]
    points: Annotated[
        list[AccountPointMessage],
        Meta(
            description="Oldest first, from the account's first fill on; none for a stretch of "
            "time in which nobody has traded.",
            max_length=MOST_POINTS,
        ),
    ]


class AccountAnswers:
    """What an account at a venue is told, in steps. The symbols are those of books that are open;
    one that is closed meanwhile is left out.
    """

    def __init__(
        self, exchange: Exchange, histories: AccountHistories, venue: str, account: str
    ) -> None:
        self._exchange = exchange
        self._histories = histories
        self._venue = venue
        self._account = account

    def positions(self, symbols: Iterable[str], now: int) -> Steps:
        """The stocks of these where the account has traded, or has orders in memory."""
        message = AccountPositionsMessage(True, self._venue, self._account, timestamp(now), [])
        return list_in_steps(to_json(message), _listed(self._positions(symbols)), STOCKS_AT_ONCE)

    def orders(self, symbols: Iterable[str], only_open: bool, since: int, most: int) -> Steps:
        """The first orders with an id over `since`, at most `most`, with their queue positions."""
        message = AccountOrdersMessage(True, self._venue, self._account, [])
        orders = self._orders(symbols, only_open, since)
        return list_in_steps(to_json(message), self._order_rows(orders, most), ORDERS_AT_ONCE)

    def fills(self, symbols: Iterable[str], since: int, most: int) -> Steps:
        """The first fills with a number over `since`, at most `most`."""
        message = AccountFillsMessage(True, self._venue, self._account, [])
        rows = _listed(self._fills(symbols, since, most))
        return list_in_steps(to_json(message), rows, FILLS_AT_ONCE)

    def history(self, symbol: str, candles: Series[Candle], since: int, now: int) -> Steps:
        """Net asset value and shares in a stock, at `since` or later."""
        return rows_in_steps(self._curve(symbol, candles, since, now), STOCKS_AT_ONCE)

    def _history(self, symbol: str) -> Generator[None, None, AccountHistory | None]:
        return self._histories.history(self._venue, symbol, self._account)

    def _positions(self, symbols: Iterable[str]) -> Iterator[StockPositionMessage | bytes | None]:
        is_first = True
        for symbol in symbols:
            book = self._histories.book(self._venue, symbol)
            if book is None or not _is_known(book, self._account):
                yield b""
                continue
            if not is_first:
                yield None  # the stock before was work enough for a step
            is_first = False
            history = yield from self._history(symbol)
            if history is not None:
                yield _position(symbol, history)

    def _orders(
        self, symbols: Iterable[str], only_open: bool, since: int
    ) -> Iterator[tuple[OrderBook, Order | None]]:
        for symbol in symbols:
            book = self._histories.book(self._venue, symbol)
            if book is not None:
                for order in self._exchange.orders_of(book, self._account, since, only_open):
                    yield book, order

    def _order_rows(
        self, orders: Iterator[tuple[OrderBook, Order | None]], most: int
    ) -> Iterator[bytes | None]:
        count, counts = 0, QueueCounts()
        for book, order in orders if most else ():
            if order is None:
                yield b""
                continue
            ahead = yield from counts.ahead(book, order)
            comma = b"," if count else b""
            for piece in _pieces(order, ahead):
                yield comma + piece
                comma = b""
            count += 1
            if count == most:
                return

    def _fills(
        self, symbols: Iterable[str], since: int, most: int
    ) -> Iterator[AccountFillMessage | bytes | None]:
        is_first = True
        for symbol in symbols:
            book = self._histories.book(self._venue, symbol)
            if book is None or self._account not in book.positions:
                yield b""
                continue
            if not most:
                return
            if not is_first:
                yield None  # the stock before was work enough for a step
            is_first = False
            history = yield from self._history(symbol)
            if history is None:
                continue
            fills = history.fills(since, most)
            most -= len(fills)
            yield from (_fill(symbol, number, fill) for number, fill in fills)

    def _curve(
        self, symbol: str, candles: Series[Candle], since: int, now: int
    ) -> Iterator[bytes | None]:
        history = yield from self._history(symbol)
        width, points = _points(history, candles, since) if history else (candles.width, [])
        yield to_json(
            AccountHistoryMessage(
                True,
                self._venue,
                self._account,
                symbol,
                timestamp(now),
                width // SECOND,
                points,
            )
        )


def _listed(rows: Iterable[msgspec.Struct | bytes | None]) -> Iterator[bytes | None]:
    """Messages as the members of a list in JSON; what is none of them stays as it is."""
    comma = b""
    for row in rows:
        if isinstance(row, msgspec.Struct):
            yield comma + to_json(row)
            comma = b","
        else:
            yield row


def _is_known(book: OrderBook, account: str) -> bool:
    return account in book.positions or bool(book.ids_of(account, 0, 1)[0])


def _pieces(order: Order, ahead: int | None) -> Iterator[bytes]:
    """An order in JSON as `order_pieces` has it, and what is ahead of it."""
    pieces = order_pieces(order)
    piece = next(pieces)
    for following in pieces:
        yield piece
        piece = following
    yield piece if ahead is None else b'%b,"ahead":%d}' % (piece[:-1], ahead)


def _position(symbol: str, history: AccountHistory) -> StockPositionMessage:
    basis, fees = history.basis, history.fees
    quote, cash = history.quote, basis.cash - fees
    price = history.price or 0  # nobody has shares before the first trade
    average = basis.average_price
    message = StockPositionMessage(
        symbol=symbol,
        cash=cash,
        shares=basis.shares,
        lowest=basis.lowest,
        highest=basis.highest,
        nav=cash + basis.shares * price,
        fees=fees or UNSET,
        averagePrice=UNSET if average is None else average,
        realised=basis.realised - fees,
        unrealised=basis.unrealised(price),
        fills=history.fill_count,
        open=OpenSidesMessage(_open(history.open[BUY]), _open(history.open[SELL])),
    )
    if quote.last is not None:
        message.last = quote.last
    if history.price is not None:
        message.mark = history.price
    if quote.bid is not None and quote.ask is not None:
        twice = quote.bid + quote.ask
        message.mid = _half(twice)
        message.navAtMid = _half(2 * cash + basis.shares * twice)
    return message


def _half(number: int) -> int | float:
    """Half of a number; whole where it can be, since a float does not hold any number of cents."""
    return number / 2 if number % 2 else number // 2


def _open(counted: OpenOrders) -> OpenOrdersMessage:
    return OpenOrdersMessage(counted.orders, counted.quantity)


def _fill(symbol: str, number: int, fill: AccountFill) -> AccountFillMessage:
    return AccountFillMessage(
        symbol,
        number,
        fill.order_id,
        SIDE_NAMES[fill.side],
        fill.price,
        fill.quantity,
        timestamp(fill.ts),
        fill.is_take,
        fill.position,
    )


def _points(
    history: AccountHistory, candles: Series[Candle], since: int
) -> tuple[int, list[AccountPointMessage]]:
    """The width of a point in nanoseconds, and the points from `since` on. Candles say what a
    share counted for when others traded; where there is none, the account's own trades do.
    """
    width = max(history.series.width, candles.width)
    positions = {each.start - each.start % width: each for each in history.series.since(0)}
    if not positions:
        return width, []
    prices = {start: position.price for start, position in positions.items()}
    start = min(positions)
    for candle in candles.since(start):
        prices[candle.start - candle.start % width] = candle.close
    if history.price is not None:  # it may have changed without a trade
        prices[max(prices)] = history.price
    points, position = [], positions[start]
    unexplained = history.fees - history.charged  # by the trades' value, for want of their times
    for start in sorted(prices):
        position, price = positions.get(start, position), prices[start]
        if start >= since:
            fees = position.charged + unexplained * position.value // (history.value or 1)
            nav = position.cash - fees + position.shares * price
            points.append(AccountPointMessage(timestamp(start), nav, position.shares, price))
    return width, points
