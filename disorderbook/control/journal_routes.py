"""The route of the journal of requests, which an exchange has with the others of control."""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from disorderbook.control.journal import ClientRequest, RequestJournal
from disorderbook.control.routes import CONTROL
from disorderbook.errors import IllegalParameter
from disorderbook.exchange import Exchange
from disorderbook.protocol.fields import Account, Ok, Timestamp
from disorderbook.protocol.names import detail_of, timestamp
from disorderbook.protocol.route import (
    Answer,
    Request,
    Route,
    list_in_steps,
    made_in_steps,
    with_commas,
)

MOST_TOLD = 1000  # requests in an answer
REQUESTS_AT_ONCE = 200  # that a step of the answer tells
STATUS_RULE = "a status such as 404, or 0, 2xx, 3xx, 4xx, 5xx, or refused"
_STATUS = re.compile("0|[1-5][0-9]{2}|[1-5]xx|refused")


class JournalRow(msgspec.Struct, frozen=True, gc=False):
    """A request of a client, and its answer."""

    number: Annotated[int, Meta(description="Counts the requests from 1.", ge=1, examples=[17])]
    ts: Annotated[Timestamp, Meta(description="When it was answered, on the exchange's clock.")]
    method: Annotated[
        str,
        Meta(description="Empty, like the path, if it was no request by HTTP.", examples=["POST"]),
    ]
    path: Annotated[
        str,
        Meta(
            description="Without keys, and cut off if it is long.",
            examples=["/ob/api/venues/TESTEX/stocks/FOOBAR/orders"],
        ),
    ]
    status: Annotated[
        int,
        Meta(
            description="The status of the answer; 0 if a fault lost the request.", examples=[400]
        ),
    ]
    account: Account | UnsetType = UNSET
    error: (
        Annotated[str, Meta(description="The sentence of a refusal, empty if it has none.")]
        | UnsetType
    ) = UNSET
    detail: Annotated[str, Meta(description="What X-Error-Detail said besides.")] | UnsetType = (
        UNSET
    )


class JournalMessage(msgspec.Struct, frozen=True, gc=False):
    """What clients have asked of the exchange."""

    ok: Ok
    count: Annotated[
        int, Meta(description="How many requests there have been since the last reset.", ge=0)
    ]
    resets: Annotated[
        int,
        Meta(description="How often the journal was cleared. Numbers then begin again.", ge=0),
    ]
    requests: Annotated[list[JournalRow], Meta(description="Oldest first.")]


class JournalRoutes:
    """The handler of the table JOURNAL_ROUTES."""

    def __init__(self, exchange: Exchange, journal: RequestJournal) -> None:
        self._exchange, self._journal = exchange, journal

    def requests(self, request: Request) -> Answer:
        """Those after the number `since`, or without it the newest; oldest first. Of what is left
        by `status` and `account` at most `limit` are told.
        """
        status, account = request.parameter("status"), request.parameter("account")
        is_wanted, most = _wanted(status), request.number("limit", MOST_TOLD, MOST_TOLD)
        is_newest = request.parameter("since") is None
        found = self._journal.since(request.number("since", 0), is_reversed=is_newest)
        wanted = (each for each in found if is_wanted(each) and account in (None, each.account))
        rows = list(islice(wanted, most))
        message = JournalMessage(True, self._journal.count, self._journal.resets, [])
        steps = list_in_steps(
            msgspec.json.encode(message),
            with_commas(_rows(reversed(rows) if is_newest else iter(rows))),
            REQUESTS_AT_ONCE,
        )
        return made_in_steps(steps, self._exchange.lock)


def _wanted(status: str | None) -> Callable[[ClientRequest], bool]:
    """Whether a request has a status that was asked for; raises IllegalParameter."""
    if status is None:
        return lambda each: True
    if not _STATUS.fullmatch(status):
        raise IllegalParameter(detail_of("status", status, STATUS_RULE))
    if status == "refused":
        return lambda each: each.is_refused
    if status.endswith("xx"):
        return lambda each: each.status // 100 == int(status[0])
    return lambda each: each.status == int(status)


def _rows(requests: Iterator[ClientRequest]) -> Iterator[bytes]:
    for each in requests:
        row = JournalRow(
            each.number,
            timestamp(each.ts),
            each.method,
            each.path,
            each.status,
            UNSET if each.account is None else each.account,
            each.sentence if each.is_refused else UNSET,
            each.detail or UNSET,
        )
        yield msgspec.json.encode(row)


JOURNAL_ROUTES: list[Route] = [("GET", f"{CONTROL}/requests", JournalRoutes.requests)]
