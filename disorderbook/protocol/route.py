"""What a route gets and what it gives: the request, and JSON or a document.

A feature of the exchange has a class whose methods answer its routes, and a table ROUTES of method,
path and that function. The application (`api.app`) collects the tables.
"""

import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import parse_qs

import msgspec

from disorderbook.errors import TooManyParameters
from disorderbook.server.response import Body

MAX_PARAMETERS = 16  # in the query of a URL

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

    def parameter(self, name: str) -> str | None:
        """What the query says of a name, the first if it says more than one thing, or None if it
        says nothing; raises TooManyParameters.
        """
        try:
            found = parse_qs(self.query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
        except ValueError:
            raise TooManyParameters(f"allowed: {MAX_PARAMETERS} parameters") from None
        return found[name][0] if name in found else None


class Document(NamedTuple):
    """An answer that is not JSON, or has headers of its own."""

    content: Body
    kind: str  # the content type
    status: str = "200 OK"
    headers: tuple[tuple[str, str], ...] = ()


def page(html: str, status: str = "200 OK") -> Document:
    """A document for people."""
    return Document(html.encode(), "text/html; charset=UTF-8", status)


Answer = Body | Document
"""JSON for status 200, or a document. A line break is added to bytes; the other forms of a Body
bring their own.
"""

Route = tuple[str, str, Callable[..., Answer]]
"""Method, path with <names>, and the function. It gets the feature, the Request and the names from
the path, runs with the exchange's lock held, and raises ExchangeError to refuse."""
