"""What a route gets and what it gives: the request, and JSON or a document.

An answer that can be of any length is made in steps: the rule is that each of them holds the lock
for 5 ms at most, and so has a bounded number of rows and of bytes.

A feature of the exchange has a class whose methods answer its routes, and a table ROUTES of method,
path and that function. The application (`api.app`) collects the tables.
"""

import re
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from threading import Lock
from typing import NamedTuple, TypeAlias
from urllib.parse import parse_qs

import msgspec

from disorderbook.errors import IllegalParameter, TooManyParameters
from disorderbook.protocol.names import detail_of
from disorderbook.server.response import Body, Change

MAX_PARAMETERS = 16  # in the query of a URL
MAX_PARAMETER = 2**53  # what a browser can count to
_DIGITS = re.compile("[0-9]{1,16}")
NAMES_AT_ONCE = 1000  # of venues or stocks that a step of an answer tells
ORDERS_AT_ONCE = 32  # of an account in a step; in 2 ms where they are read from the ledger
STEP_BYTES = 64 * 1024  # that a step of an answer has before its last row

# What a URL may have for an id. A sign is part of it, so "-1" opens the book and is then not found.
NUMBER = re.compile(r"-?[0-9]{1,18}")


class Request(msgspec.Struct, frozen=True, gc=False):
    """What a route needs of an HTTP request besides the names in its path, and what the log says of
    it.
    """

    method: str
    path: str  # decoded as latin-1, as WSGI does
    key: str | None
    host: str  # the server as the client calls it, such as 127.0.0.1:8000
    body: bytes
    query: str  # behind the question mark of the URL, still encoded
    idempotency_key: str | None = None  # the header of that name, as it came
    is_forwarded: bool = False  # whether it came through a proxy, as far as a header tells

    def parameter(self, name: str) -> str | None:
        """What the query says of a name, the first if it says more than one thing, or None if it
        says nothing; raises TooManyParameters.
        """
        try:
            found = parse_qs(self.query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
        except ValueError:
            raise TooManyParameters(f"allowed: {MAX_PARAMETERS} parameters") from None
        return found[name][0] if name in found else None

    def number(self, name: str, default: int, most: int = MAX_PARAMETER) -> int:
        """A parameter from 0 to `most`; raises IllegalParameter."""
        text = self.parameter(name)
        if text is None:
            return default
        if not _DIGITS.fullmatch(text) or int(text) > most:
            raise IllegalParameter(detail_of(name, text, f"a whole number from 0 to {most}"))
        return int(text)


class Document(NamedTuple):
    """An answer that is not JSON, or has headers of its own."""

    content: Body
    kind: str  # the content type
    status: str = "200 OK"
    headers: tuple[tuple[str, str], ...] = ()


HTML = "text/html; charset=UTF-8"


def page(html: str, status: str = "200 OK") -> Document:
    """A document for people."""
    return Document(html.encode(), HTML, status)


Answer: TypeAlias = "Body | Document | Future[Answer]"
"""JSON for status 200, or a document. A line break is added to bytes; the other forms of a Body
bring their own. A Future is answered when it is done, and others are answered meanwhile; it may
fail with an ExchangeError. Whoever completes it holds the exchange's lock.
"""

Route = tuple[str, str, Callable[..., Answer]]
"""Method, path with <names>, and the function. It gets the feature, the Request and the names from
the path, runs with the exchange's lock held, and raises ExchangeError to refuse."""

Steps = Generator[bytes, None, bytes]
"""An answer while it is made: each `next` is a step, during which the lock must be held. All but
the last yield what they have made, which may be nothing; the last one returns it.
"""


def rows_in_steps(
    rows: Iterable[bytes | None], most: int, head: bytes = b"", tail: bytes = b""
) -> Steps:
    """Rows between a head and a tail, at most `most` in a step, and none after STEP_BYTES, or after
    None: that ends a step, which was work enough.
    """
    step, size, count = [head], len(head), 0
    for row in rows:
        if row is not None:
            step.append(row)
            size, count = size + len(row), count + 1
        if row is None or count == most or size >= STEP_BYTES:
            yield b"".join(step)
            step, size, count = [], 0, 0
    return b"".join([*step, tail])


def list_in_steps(message: bytes, rows: Iterable[bytes | None], most: int) -> Steps:
    """A JSON object that ends with an empty list, which these rows fill, commas included."""
    return rows_in_steps(rows, most, message[:-2], message[-2:])


def with_commas(rows: Iterable[bytes]) -> Iterator[bytes]:
    """The members of a list in JSON."""
    comma = b""
    for row in rows:
        yield comma + row
        comma = b","


def made_in_steps(steps: Steps, lock: Lock, end: bytes = b"\n") -> Body:
    """The body of an answer, whose first step is made now, while the caller holds the lock: bytes
    if that is all of it, or else the steps, with `end` behind the last one.
    """
    try:
        first = next(steps)
    except StopIteration as last:
        return bytes(last.value)
    return _with_lock(first, steps, lock, end)


def changed_in_steps(steps: Steps, lock: Lock) -> Body:
    """The same of steps that change something, which are made whether or not the client waits."""
    body = made_in_steps(steps, lock)
    return Change(body) if isinstance(body, Iterator) else body


def _with_lock(first: bytes, steps: Steps, lock: Lock, end: bytes) -> Iterator[bytes]:
    """The lock is free whenever somebody has a step in hand, so nobody waits for a client."""
    yield first
    while True:
        with lock:
            try:
                step = next(steps)
            except StopIteration as last:
                step, is_last = last.value + end, True
            else:
                is_last = False
        yield step
        if is_last:
            return
