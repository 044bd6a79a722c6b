"""The routes of the exchange's clock, and which requests move it.

Under a stepped clock all that is due is done before a request is, so that an answer does not depend
on when a thread runs. The application holds the exchange's lock while it calls a handler.
"""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import UNSET, Meta, UnsetType

from disorderbook.accounts import Admin
from disorderbook.errors import IllegalValue, MissingField, WrongType
from disorderbook.exchange import Exchange
from disorderbook.game.simulation import START
from disorderbook.protocol.fields import Ok, Timestamp
from disorderbook.protocol.names import detail_of, missing, timestamp
from disorderbook.protocol.parse import parse_object
from disorderbook.protocol.route import Answer, Request, Route
from disorderbook.timeline.clock import LONGEST_ADVANCE, REQUESTS, SPEED, nanoseconds
from disorderbook.timeline.timeline import Timeline

# Requests below these move the request clock; what is the page's own does not.
MOVING = ("/ob/api/", "/gm/", "/api/v1/venues/")
ADVANCE_RULE = f"seconds, a number from 0 to {LONGEST_ADVANCE:g}"


class ClockMessage(msgspec.Struct, frozen=True, gc=False):
    """The clock that the exchange goes by."""

    ok: Ok
    clock: Annotated[
        Literal["real", "speed", "stepped", "requests"],
        Meta(description="Its kind: how it was asked for when the exchange was started."),
    ]
    ts: Annotated[Timestamp, Meta(description="The time that it shows.")]
    ns: Annotated[
        int, Meta(description="The same in nanoseconds since 1970 (UTC).", ge=0, examples=[START])
    ]
    speed: (
        Annotated[float, Meta(description="Simulated seconds in a real one.", examples=[50.0])]
        | UnsetType
    ) = UNSET
    step: (
        Annotated[
            int,
            Meta(description="Nanoseconds by which a request moves it.", examples=[50_000_000]),
        ]
        | UnsetType
    ) = UNSET


class ClockRoutes:
    """The handlers of the table ROUTES; each answers with JSON or raises an ExchangeError."""

    def __init__(self, exchange: Exchange, admin: Admin, timeline: Timeline) -> None:
        self._exchange, self._admin, self._timeline = exchange, admin, timeline

    def clock(self, request: Request) -> Answer:
        return self._message()

    def advance(self, request: Request) -> Answer:
        """Answered when all that was due in that time has happened; the admin may."""
        self._admin.authorize(request.key, request.is_forwarded)
        answer: Future[Answer] = Future()

        def tell(moved: Future[int]) -> None:  # the lock is held where this is called
            refusal = moved.exception()
            if refusal is None:
                answer.set_result(self._message())
            else:
                answer.set_exception(refusal)

        moved = self._timeline.advance_later(_seconds(request.body))
        moved.add_done_callback(tell)
        return answer

    def _message(self) -> bytes:
        settings, now = self._timeline.settings, self._exchange.read_clock()
        return msgspec.json.encode(
            ClockMessage(
                True,
                cast(Any, settings.kind),
                timestamp(now),
                now,
                settings.speed if settings.kind == SPEED else UNSET,
                settings.step if settings.kind == REQUESTS else UNSET,
            )
        )


def timed(
    timeline: Timeline, handler: Callable[..., Answer], path: str, is_pages: bool
) -> Callable[..., Answer]:
    """The handler of a route, which first does what is due, and moves the clock if such a request
    does: one to the paths MOVING that is no web page's. Under a clock that goes by itself it is the
    handler itself.
    """
    if not timeline.clock.is_stepped:
        return handler
    step = timeline.settings.step if path.startswith(MOVING) and not is_pages else 0

    def handle(request: Request, **names: str) -> Answer:
        timeline.advance_in_pace(step)
        return handler(request, **names)

    return handle


def _seconds(body: bytes) -> int:
    """The time that a body asks for, in nanoseconds; raises BadJson, MissingField, WrongType,
    IllegalValue.
    """
    fields = parse_object(body)
    if "advance" not in fields:
        raise MissingField(missing("advance", ADVANCE_RULE))
    seconds = fields["advance"]
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise WrongType(detail_of("advance", seconds, ADVANCE_RULE))
    try:
        return nanoseconds(seconds)
    except ValueError:
        raise IllegalValue(detail_of("advance", seconds, ADVANCE_RULE)) from None


ROUTES: list[Route] = [
    ("GET", "/api/v1/clock", ClockRoutes.clock),
    ("POST", "/api/v1/clock", ClockRoutes.advance),
]
