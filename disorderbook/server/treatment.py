"""How a server treats a request otherwise than usual, for tests of clients: late, or badly.

A server that has been told nothing of this treats none so, and it costs it nothing.
"""

from collections.abc import Callable, Iterable
from enum import Enum
from typing import NamedTuple

from disorderbook.server.reader import HttpRequest
from disorderbook.server.response import HttpResponse
from disorderbook.server.unsent import Part, chunks_of

MOST_SILENT = 100  # connections whose answer is never sent, at a time; the oldest is closed then
SILENT_SECONDS = 600.0  # after which such a connection is closed

END_OF_HEAD = b"\r\n\r\n"


class Delivery(Enum):
    """What becomes of an answer."""

    SENT = "sent"
    CUT = "cut"  # half of its body is sent, and then the connection is closed
    DROPPED = "dropped"  # nothing is sent; the connection is closed with a reset
    WITHHELD = "withheld"  # nothing is sent; the connection stays open


class Treatment(NamedTuple):
    """How one request is treated. It is held for `delay` seconds first. Then it is done, unless
    there is another answer, `instead`, or `is_lost`. What is sent of the answer is `delivery`.
    """

    delay: float = 0.0
    instead: HttpResponse | None = None
    is_lost: bool = False
    delivery: Delivery = Delivery.SENT


Treat = Callable[[HttpRequest], Treatment | None]
"""Says how a request is treated, on the server's thread; None is as usual."""


class Treated(NamedTuple):
    """The answer to a request that is yet to be done, as the treatment says."""

    request: HttpRequest
    treatment: Treatment


def delivered(parts: Iterable[Part], delivery: Delivery) -> list[Part]:
    """What is sent of an answer, or of its first step; `parts` begin with the head."""
    if delivery is Delivery.SENT:
        return list(parts)
    if delivery is not Delivery.CUT:
        return []
    whole = b"".join(chunks_of(parts))
    body = whole.find(END_OF_HEAD) + len(END_OF_HEAD)
    return [whole[: (body + len(whole)) // 2 if body < len(whole) else body // 2]]
