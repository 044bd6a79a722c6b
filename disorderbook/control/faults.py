"""Faults that are asked for, to test how clients take them: which requests fail, and how.

A fault strikes requests of clients: those to the paths that move the request clock, but for web
pages'. Each has a stream of chance of its own, which follows from the seed and its number. So equal
requests, one after the other, are struck equally.
"""

import random
import re
import threading
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from disorderbook.engine.book import OrderBook
from disorderbook.errors import IllegalValue, MissingField, NoSuchFault, TooManyFaults, WrongType
from disorderbook.protocol.names import (
    DETAIL_HEADER,
    JSON,
    MAX_NAME_LENGTH,
    detail_header,
    detail_of,
    error_message,
    missing,
)
from disorderbook.protocol.parse import is_text
from disorderbook.server.reader import HttpRequest
from disorderbook.server.response import HttpResponse
from disorderbook.server.treatment import Delivery, Treatment
from disorderbook.timeline.routes import MOVING

DROP_BEFORE, DROP_AFTER, CUT, SILENCE = "drop-before", "drop-after", "cut", "silence"
STATUS, REJECT = "status", "reject"
TREATMENTS = {
    DROP_BEFORE: Treatment(is_lost=True, delivery=Delivery.DROPPED),
    DROP_AFTER: Treatment(delivery=Delivery.DROPPED),
    CUT: Treatment(delivery=Delivery.CUT),
    SILENCE: Treatment(delivery=Delivery.WITHHELD),
}
KINDS = (DROP_BEFORE, DROP_AFTER, STATUS, CUT, SILENCE)

MOST_FAULTS = 100  # at a time; those that will not strike again make room
MOST_REQUESTS_STRUCK = 1_000_000  # that `next` and `every` may say
LONGEST_SENTENCE = 200  # characters
LONGEST_ROUTE = 1000  # characters
LONGEST_RETRY = 86_400  # seconds
RETRY_SECONDS = 1  # with 429 and 503, unless it is said
ON_PURPOSE = "This request fails because somebody asked for that"
REJECTED = "The order was rejected"
ORDERS_ROUTE = "POST /ob/api/venues/*/stocks/*/orders"

KIND_RULE = ", ".join(KINDS)
COUNT_RULE = f"a whole number from 1 to {MOST_REQUESTS_STRUCK}"
WHEN_RULE = "one of next, every and probability"
PROBABILITY_RULE = "a number over 0, at most 1"
STATUS_RULE = "a whole number from 400 to 599"
SENTENCE_RULE = f"1 to {LONGEST_SENTENCE} characters that can be printed"
RETRY_RULE = f"whole seconds from 0 to {LONGEST_RETRY}"
ROUTE_RULE = f"a method and a path of clients' requests, such as {ORDERS_ROUTE}"
ACCOUNT_RULE = f"a string of 1 to {MAX_NAME_LENGTH} characters"
ONLY_STATUS = "only with the kind status"


class Fault(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A fault: what it does (`kind`; with `status` a sentence, and Retry-After in seconds), when
    (one of `next`, `every` and `probability`), and to whose requests. `seen` counts the requests
    that it could have struck, and `struck` those that it did.
    """

    id: Annotated[int, Meta(description="Counts the faults from 1.", ge=1)]
    kind: Annotated[
        str,
        Meta(
            description="What happens to a request that it strikes.",
            extra_json_schema={"enum": [*KINDS, REJECT]},
        ),
    ]
    seen: Annotated[
        int, Meta(description="How many requests there were that it could have struck.", ge=0)
    ]
    struck: Annotated[int, Meta(description="How many it has struck.", ge=0)]
    status: Annotated[int, Meta(description="The status that it answers with.")] | UnsetType = UNSET
    sentence: Annotated[str, Meta(description="The sentence of its answer.")] | UnsetType = UNSET
    retry_after: (
        Annotated[int, Meta(description="Seconds, in its answer's Retry-After.", ge=0)] | UnsetType
    ) = UNSET
    next: (
        Annotated[int, Meta(description="It strikes so many requests, the first ones.", ge=1)]
        | UnsetType
    ) = UNSET
    every: (
        Annotated[int, Meta(description="It strikes a request whose number this divides.", ge=1)]
        | UnsetType
    ) = UNSET
    probability: (
        Annotated[float, Meta(description="How likely it strikes a request.", gt=0, le=1)]
        | UnsetType
    ) = UNSET
    route: (
        Annotated[
            str, Meta(description="Only requests of this method and path.", examples=[ORDERS_ROUTE])
        ]
        | UnsetType
    ) = UNSET
    account: Annotated[str, Meta(description="Only requests of this account.")] | UnsetType = UNSET

    def treatment(self) -> Treatment:
        """How a request is treated that it strikes."""
        return TREATMENTS.get(self.kind) or Treatment(instead=self._answer())

    def _answer(self) -> HttpResponse:
        status, sentence, retry_after = self.status, self.sentence, self.retry_after
        assert status is not UNSET and sentence is not UNSET
        detail = detail_header(f"the fault {self.id} of /api/v1/control/faults was asked for")
        headers = [("Content-Type", JSON), (DETAIL_HEADER, detail)]
        if retry_after is not UNSET:
            headers.append(("Retry-After", str(retry_after)))
        return HttpResponse(_line(status), headers, error_message(sentence) + b"\n")


class _Active:
    """A fault with what it needs to find the requests that it strikes."""

    def __init__(self, fault: Fault, seed: int | None) -> None:
        self.fault, self.seen, self.struck = fault, 0, 0
        self.chance = random.Random(None if seed is None else f"{seed} fault {fault.id}")
        route = fault.route
        self._pattern = None if route is UNSET else _pattern(route)

    @property
    def is_spent(self) -> bool:
        return self.fault.next is not UNSET and self.struck >= self.fault.next

    def counted(self) -> Fault:
        return msgspec.structs.replace(self.fault, seen=self.seen, struck=self.struck)

    def matches(self, method: str, path: str, account: Callable[[], str | None]) -> bool:
        """Whether it could strike a request."""
        if self._pattern is not None:
            wanted, paths = self._pattern
            if method != wanted or not paths.fullmatch(path):
                return False
        return self.fault.account is UNSET or self.fault.account == account()

    def strikes(self) -> bool:
        """Count one more request that it could strike; whether it does."""
        self.seen += 1
        every, probability = self.fault.every, self.fault.probability
        if every is not UNSET:
            hit = self.seen % every == 0
        elif probability is not UNSET:
            hit = self.chance.random() < probability
        else:
            hit = not self.is_spent
        self.struck += hit
        return hit


class Faults:
    """The faults of an exchange. `routes` are those that it has, as method and path; `account_of`
    says for whom a request is.

    Any thread may use it: the server's asks `strike` about each request, others change it.
    """

    def __init__(
        self,
        routes: Sequence[tuple[str, str]],
        account_of: Callable[[HttpRequest], str | None],
        seed: int | None,
    ) -> None:
        self._routes = [(method, path.split("/")) for method, path in routes if _is_clients(path)]
        self._account_of, self._seed = account_of, seed
        self._lock = threading.Lock()
        self._active: dict[int, _Active] = {}
        self._last_id = 0

    @property
    def may_strike(self) -> bool:
        """Whether there is one that may strike a request."""
        with self._lock:
            return any(not each.is_spent for each in self._active.values())

    def reset(self, book: OrderBook | None) -> None:
        """Have none, unless only a book begins anew."""
        if book is None:
            with self._lock:
                self._active, self._last_id = {}, 0

    def save(self) -> object:
        """All faults with their counts and chance, for a snapshot."""
        with self._lock:
            saved = [(each.counted(), each.chance.getstate()) for each in self._active.values()]
            return self._last_id, saved

    def load(self, state: Any) -> None:
        """Have what `save` gave."""
        with self._lock:
            self._last_id, saved = state
            self._active = {}
            for fault, chance in saved:
                active = self._active[fault.id] = _Active(fault, self._seed)
                active.seen, active.struck = fault.seen, fault.struck
                active.chance.setstate(chance)

    def strike(self, request: HttpRequest) -> Treatment | None:
        """What becomes of a request: the first fault that strikes it says so. Those behind that
        one do not see the request.
        """
        environ = request.head.environ
        path = _tidy(environ["PATH_INFO"])
        if not _is_clients(path) or "HTTP_SEC_FETCH_SITE" in environ:
            return None
        method: str = environ["REQUEST_METHOD"]
        method = "GET" if method == "HEAD" else method
        with self._lock:
            for each in self._active.values():
                if each.is_spent or not each.matches(
                    method, path, lambda: self._account_of(request)
                ):
                    continue
                if each.strikes():
                    return each.fault.treatment()
        return None

    def all(self) -> list[Fault]:
        """Those that were asked for and not removed, oldest first."""
        with self._lock:
            return [each.counted() for each in self._active.values()]

    def add(self, kind: str, **fields: Any) -> Fault:
        """Have one more fault: `next` (1 if nothing is said), `every` or `probability`, `route`,
        `account`, and for the kind status `status`, `sentence` and `retry_after`; None is as if it
        was not said. Raises MissingField, WrongType, IllegalValue, TooManyFaults; then nothing has
        changed.
        """
        said = {name: value for name, value in fields.items() if value is not None}
        when = _when(said) | self._scope(said)
        if kind not in KINDS:
            raise _wrong("kind", kind, str, KIND_RULE)
        if kind == STATUS:
            if "status" not in said:
                raise MissingField(missing("status", STATUS_RULE))
            return self._add(kind, when | _status(said, (400, 599), STATUS_RULE, ON_PURPOSE))
        for name in ("status", "sentence", "retry_after"):
            if name in said:
                raise IllegalValue(detail_of(_camel(name), said[name], ONLY_STATUS))
        return self._add(kind, when)

    def reject(self, count: int, **fields: Any) -> Fault:
        """Refuse so many of the next orders, which are not done, with `sentence` and `status` (200
        or one of 400 to 599), of an `account` if that is said. Raises as `add`.
        """
        said = {name: value for name, value in fields.items() if value is not None}
        when = {"next": _whole("count", count, (1, MOST_REQUESTS_STRUCK), COUNT_RULE)}
        when |= self._scope(said) | {"route": ORDERS_ROUTE}
        status = {"status": 200} | said
        rule = f"200, or {STATUS_RULE}"
        least = 200 if status["status"] == 200 else 400
        return self._add(REJECT, when | _status(status, (least, 599), rule, REJECTED))

    def remove(self, fault_id: int) -> None:
        """Raises NoSuchFault."""
        with self._lock:
            if self._active.pop(fault_id, None) is None:
                raise NoSuchFault(detail_of("the fault", fault_id, "the id of one that there is"))

    def clear(self) -> None:
        """Remove all. The next one has a new id still."""
        with self._lock:
            self._active.clear()

    def _add(self, kind: str, fields: dict[str, Any]) -> Fault:
        with self._lock:
            if len(self._active) >= MOST_FAULTS:
                spent = [number for number, each in self._active.items() if each.is_spent]
                if not spent:
                    raise TooManyFaults(f"there are {MOST_FAULTS} already, which is the limit")
                del self._active[spent[0]]
            self._last_id += 1
            active = _Active(
                Fault(id=self._last_id, kind=kind, seen=0, struck=0, **fields), self._seed
            )
            self._active[self._last_id] = active
            return active.counted()

    def _scope(self, said: dict[str, Any]) -> dict[str, Any]:
        """Whose requests, and to which route."""
        scope = {}
        if "account" in said:
            account = said["account"]
            is_name = isinstance(account, str) and 1 <= len(account) <= MAX_NAME_LENGTH
            if not is_name or not is_text(account):
                raise _wrong("account", account, str, ACCOUNT_RULE)
            scope["account"] = account
        if "route" in said:
            route = said["route"]
            is_route = isinstance(route, str) and len(route) <= LONGEST_ROUTE and is_text(route)
            if not is_route or not self._has(route):
                raise _wrong("route", route, str, ROUTE_RULE)
            scope["route"] = route
        return scope

    def _has(self, route: str) -> bool:
        """Whether there is a route that the pattern may match."""
        method, _, path = route.partition(" ")
        asked = path.split("/")
        return any(
            method == known and len(parts) == len(asked) and all(map(_fits, asked, parts))
            for known, parts in self._routes
        )


def _fits(asked: str, part: str) -> bool:
    """Whether a segment of a pattern may stand for that of a route."""
    return bool(asked) if part.startswith("<") else asked == part


def _is_clients(path: str) -> bool:
    return path.startswith(MOVING)


def _pattern(route: str) -> tuple[str, re.Pattern[str]]:
    """The method, and what matches the paths; * and <name> stand for any one name."""
    method, _, path = route.partition(" ")
    parts = [
        "[^/]+" if part == "*" or re.fullmatch(r"<\w+>", part) else re.escape(_as_wsgi(part))
        for part in path.split("/")
    ]
    return method, re.compile("/".join(parts))


def _as_wsgi(text: str) -> str:
    return text.encode("utf-8", "replace").decode("latin-1")


def _tidy(path: str) -> str:
    """A path without stray slashes."""
    if "//" in path or path.endswith("/"):
        return "/" + "/".join(filter(None, path.split("/")))
    return path


def _when(said: dict[str, Any]) -> dict[str, Any]:
    named = [name for name in ("next", "every", "probability") if name in said]
    if len(named) > 1:
        raise IllegalValue(detail_of(named[1], said[named[1]], WHEN_RULE))
    if "probability" in said:
        chance = said["probability"]
        is_number = isinstance(chance, (int, float)) and not isinstance(chance, bool)
        if not is_number or not 0 < chance <= 1:
            raise _wrong("probability", chance, (int, float), PROBABILITY_RULE)
        return {"probability": float(chance)}
    name = named[0] if named else "next"
    return {name: _whole(name, said.get(name, 1), (1, MOST_REQUESTS_STRUCK), COUNT_RULE)}


def _status(
    said: dict[str, Any], bounds: tuple[int, int], rule: str, sentence: str
) -> dict[str, Any]:
    """What is answered in the place of the exchange."""
    status = _whole("status", said["status"], bounds, rule)
    sentence = said.get("sentence", sentence)
    is_string = isinstance(sentence, str)
    if not is_string or not 1 <= len(sentence) <= LONGEST_SENTENCE or not sentence.isprintable():
        raise _wrong("sentence", sentence, str, SENTENCE_RULE)
    retry = said.get("retry_after", RETRY_SECONDS if status in (429, 503) else None)
    fields = {"status": status, "sentence": sentence}
    if retry is not None:
        fields["retry_after"] = _whole("retryAfter", retry, (0, LONGEST_RETRY), RETRY_RULE)
    return fields


def _whole(name: str, value: Any, bounds: tuple[int, int], rule: str) -> int:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not is_whole or not bounds[0] <= value <= bounds[1]:
        raise _wrong(name, value, int, rule)
    return int(value)


def _wrong(
    name: str, value: Any, kind: type | tuple[type, ...], rule: str
) -> WrongType | IllegalValue:
    """The refusal of a value, by its type or what it is."""
    fits = isinstance(value, kind) and not isinstance(value, bool)
    return (IllegalValue if fits else WrongType)(detail_of(name, value, rule))


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def _line(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:  # one that no standard has
        return f"{status} Fault"
