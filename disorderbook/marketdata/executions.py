"""The latest executions of an account in a stock, for who has missed some of them on the tape.

They are told as the tape tells them, one after the other as there, and whether some are missing.
The history of a book has its latest KEPT_EXECUTIONS, of all accounts together. Of those from before
the server's start it has the ids of their orders, which are looked up again.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from disorderbook.accounts import Accounts
from disorderbook.engine.book import Execution, OrderBook
from disorderbook.engine.orders import Order
from disorderbook.errors import IllegalParameter
from disorderbook.exchange import Exchange
from disorderbook.ledger.base import PastTrade
from disorderbook.marketdata.history import KEPT_EXECUTIONS, History
from disorderbook.protocol.fields import Account, Ok, Symbol, Timestamp, Venue
from disorderbook.protocol.messages import ExecutionMessage, execution_message
from disorderbook.protocol.names import NANOSECONDS, detail_of, timestamp, to_json
from disorderbook.protocol.route import Answer, Request, Route, made_in_steps, rows_in_steps

ROWS_AT_ONCE = 16  # executions in a step
MOST_BYTES = 16 << 20  # of executions in one answer
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{9}Z")


class AccountExecutionsMessage(msgspec.Struct, gc=False):
    """Executions of an account in a stock."""

    ok: Ok
    venue: Venue
    symbol: Symbol
    account: Account
    ts: Annotated[Timestamp, Meta(description="When this was so.")]
    executions: Annotated[
        list[ExecutionMessage],
        Meta(
            description="As on the tape, oldest first. Who trades with himself has each twice.",
            max_length=2 * KEPT_EXECUTIONS,
        ),
    ]
    complete: Annotated[
        bool, Meta(description="Whether the account has had no other executions since `since`.")
    ]


class ExecutionRoutes:
    """The handlers of the table ROUTES."""

    def __init__(self, exchange: Exchange, accounts: Accounts, history: History) -> None:
        self._exchange = exchange
        self._accounts = accounts
        self._history = history

    def executions(self, request: Request, venue: str, account: str, symbol: str) -> Answer:
        self._accounts.require_open(venue)
        self._accounts.authorize_at(venue, account, request.key)
        since = _time(request.parameter("since"))
        rows = self._rows(venue, symbol, account, since)
        return made_in_steps(rows_in_steps(rows, ROWS_AT_ONCE), self._exchange.lock)

    def _rows(self, venue: str, symbol: str, account: str, since: int | None) -> Iterator[bytes]:
        """The whole message; nothing in between for an execution that is not the account's."""
        book, now = self._exchange.find_book(venue, symbol), self._exchange.read_clock()
        head = AccountExecutionsMessage(True, venue, symbol, account, timestamp(now), [], True)
        start, end = to_json(head).split(b'"executions":[]')
        yield start + b'"executions":['
        found, is_whole = self._since(book, since)
        is_whole = is_whole and (since is None or since <= now)
        comma, size = b"", 0
        for each in found:
            if book is not None and book.is_gone:
                is_whole = False
                break
            for message in self._messages(venue, symbol, each, account):
                size += len(message)
                yield comma + message
                comma = b","
            yield b""
            if size > MOST_BYTES:
                is_whole = False
                break
        yield b"]" + end.replace(b"true", b"true" if is_whole else b"false")

    def _since(
        self, book: OrderBook | None, since: int | None
    ) -> tuple[list[Execution | PastTrade], bool]:
        """The executions of a book, and whether none is missing. What a server knows nothing of was
        before its start, in a book that it has not gone on with.
        """
        if since is None:
            return [], True
        if book is None:
            return [], since >= self._history.since
        past = self._history.of(book)
        found, is_whole = past.executions(since)
        return found, is_whole and since >= min(past.since, self._history.since)

    def _messages(
        self, venue: str, symbol: str, found: Execution | PastTrade, account: str
    ) -> Iterator[bytes]:
        execution = found if isinstance(found, Execution) else self._looked_up(venue, symbol, found)
        for order in (execution.standing, execution.incoming):
            if order.account == account:
                yield execution_message(execution, order)

    def _looked_up(self, venue: str, symbol: str, trade: PastTrade) -> Execution:
        """Raises CannotRead."""
        standing = self._exchange.order(venue, symbol, trade.standing_id)
        incoming = self._exchange.order(venue, symbol, trade.incoming_id)
        return Execution(
            standing,
            incoming,
            trade.price,
            trade.quantity,
            trade.ts,
            _filled(standing, trade.standing_fills),
            trade.standing_fills,
            _filled(incoming, trade.incoming_fills),
            trade.incoming_fills,
        )


def _filled(order: Order, fills: int) -> int:
    """How many shares an order had traded after so many fills."""
    return sum(fill.quantity for fill in order.fills[:fills])


def _time(text: str | None) -> int | None:
    """Nanoseconds since 1970 of a time as answers have it; raises IllegalParameter."""
    if text is None:
        return None
    try:
        if not _TIME.fullmatch(text):
            raise ValueError
        seconds = datetime.fromisoformat(f"{text[:19]}+00:00").timestamp()
    except ValueError:
        allowed = "a time such as 2016-01-17T22:43:07.123456789Z"
        raise IllegalParameter(detail_of("since", text, allowed)) from None
    return int(seconds) * NANOSECONDS + int(text[20:29])


V1 = "/api/v1"

ROUTES: list[Route] = [
    (
        "GET",
        f"{V1}/venues/<venue>/accounts/<account>/stocks/<symbol>/executions",
        ExecutionRoutes.executions,
    ),
]
