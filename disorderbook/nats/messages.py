"""What is published of an event, and the headers by which a subscriber sees gaps.

Each message says the run, another one at each start of an exchange or where a name is used again,
and a number:

* Quotes and trades of a book are numbered together from 1, and so are those that are lost. Trades
  have a number among the trades of the book as well, for who hears of nothing else.
* Executions are numbered by book and account, which is by subject.

Conflated quotes take no number: nothing is missing without them.
"""

import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, ParamSpec

from disorderbook.engine.book import Execution, OrderBook, Quote
from disorderbook.engine.orders import Order
from disorderbook.nats.queue import Losses
from disorderbook.nats.subjects import EXECUTION, QUOTE, TRADE, book_subject
from disorderbook.protocol.messages import execution_message, tick_message, trade_message
from disorderbook.protocol.names import timestamp

RUN_HEADER = "Disorderbook-Run"
SEQUENCE_HEADER = "Disorderbook-Sequence"
TRADE_HEADER = "Disorderbook-Trade"
READ_HEADER = "Disorderbook-Read"  # when a quote was read that had been conflated
MOST_HEADER_BYTES = 256  # of all headers of a message
LEAST_FILL_BYTES = 48  # of each fill that an execution lists

TOO_LARGE, FAILED = "too_large", "failed"  # why a message is lost: the server's limits, or a bug

log = logging.getLogger(__name__)

P = ParamSpec("P")
Place = tuple[str, str]


class Publication(NamedTuple):
    """A message for a NATS server, or why it is lost; it has its numbers in either case."""

    kind: str
    book: OrderBook
    subject: str
    payload: bytes
    headers: dict[str, str]
    loss: str | None = None


class BookNumbers:
    """The last numbers of a book, and the run that they are of."""

    __slots__ = ("run", "sequence", "trades", "executions")

    def __init__(self, run: str) -> None:
        self.run = run
        self.sequence = 0
        self.trades = 0
        self.executions: dict[str, int] = {}  # by account; as many as the book has positions

    def count(self, account: str, number: int = 1) -> int:
        """Count executions of an account; returns the last number."""
        self.executions[account] = last = self.executions.get(account, 0) + number
        return last


class Publications:
    """Renders what is published, and numbers it. For one thread only."""

    def __init__(self) -> None:
        self.run = secrets.token_hex(8)
        self.most_bytes = 1 << 20  # of a payload
        self._numbers: dict[Place, BookNumbers] = {}
        self._forgotten = 0

    def trades(
        self, book: OrderBook, executions: Sequence[Execution], has_executions: bool
    ) -> Iterator[Publication]:
        """The trades of an event, with the executions of both accounts if that is asked for."""
        numbers = self._of(book)
        for execution in executions:
            yield self._trade(book, execution, numbers)
            if has_executions:
                yield self._execution(book, execution, execution.standing, numbers)
                yield self._execution(book, execution, execution.incoming, numbers)

    def quote(self, book: OrderBook, quote: Quote, read: int | None = None) -> Publication:
        """A quote; `read` is when that was read, if it was conflated before."""
        numbers = self._of(book)
        numbers.sequence += 1
        headers = _headers(numbers.run, numbers.sequence)
        if read is not None:
            headers[READ_HEADER] = timestamp(read)
        subject = book_subject(QUOTE, book.venue, book.symbol)
        payload, loss = _rendered(tick_message, quote)
        return Publication(QUOTE, book, subject, payload, headers, loss)

    def lose(self, losses: Losses) -> None:
        """Count what is lost, so that its numbers are missing."""
        for book, trades in losses.trades.items():
            numbers = self._of(book)
            numbers.sequence += trades
            numbers.trades += trades
        for (book, account), executions in losses.executions.items():
            self._of(book).count(account, executions)

    def forget(self, book: OrderBook) -> None:
        """Hold nothing of a book that is closed. Another one may get its name after all, when a
        market begins anew: so books that are new from now on say another run.
        """
        self._numbers.pop((book.venue, book.symbol), None)
        self._forgotten += 1

    def _of(self, book: OrderBook) -> BookNumbers:
        place = book.venue, book.symbol  # a new book may take the place of an old one
        numbers = self._numbers.get(place)
        if numbers is None:
            run = f"{self.run}-{self._forgotten}" if self._forgotten else self.run
            numbers = self._numbers[place] = BookNumbers(run)
        return numbers

    def _trade(self, book: OrderBook, execution: Execution, numbers: BookNumbers) -> Publication:
        numbers.sequence += 1
        numbers.trades += 1
        headers = _headers(numbers.run, numbers.sequence)
        headers[TRADE_HEADER] = str(numbers.trades)
        subject = book_subject(TRADE, book.venue, book.symbol)
        payload, loss = _rendered(trade_message, execution)
        return Publication(TRADE, book, subject, payload, headers, loss)

    def _execution(
        self, book: OrderBook, execution: Execution, receiver: Order, numbers: BookNumbers
    ) -> Publication:
        is_standing = receiver is execution.standing
        fills = execution.standing_fills if is_standing else execution.incoming_fills
        subject = book_subject(EXECUTION, book.venue, book.symbol, receiver.account)
        headers = _headers(numbers.run, numbers.count(receiver.account))
        if fills * LEAST_FILL_BYTES > self.most_bytes:  # before much is rendered for nothing
            return Publication(EXECUTION, book, subject, b"", headers, TOO_LARGE)
        payload, loss = _rendered(execution_message, execution, receiver)
        return Publication(EXECUTION, book, subject, payload, headers, loss)


def _headers(run: str, sequence: int) -> dict[str, str]:
    return {RUN_HEADER: run, SEQUENCE_HEADER: str(sequence)}


def _rendered(
    render: Callable[P, bytes], *arguments: P.args, **more: P.kwargs
) -> tuple[bytes, str | None]:
    """A payload, and why there is none: what goes wrong costs one message, and no number."""
    try:
        return render(*arguments, **more), None
    except Exception:
        log.exception("A message could not be published")
        return b"", FAILED
