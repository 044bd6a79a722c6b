"""The routes below /api/v1/control/, which an exchange has only if it was started with --control.

The application holds the exchange's lock while it calls a handler, and lets the admin alone call
one of a path below CONTROL.
"""

from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from disorderbook.accounts import Admin
from disorderbook.control.control import HALTED, MarketControl
from disorderbook.control.fault_injection import FaultInjection
from disorderbook.control.faults import Fault
from disorderbook.errors import IllegalValue, MissingField, WrongType
from disorderbook.protocol.fields import Ok, Symbol, Timestamp, Venue
from disorderbook.protocol.messages import HEARTBEAT
from disorderbook.protocol.names import MAX_NAME_LENGTH, detail_of, missing, timestamp
from disorderbook.protocol.parse import Fields, is_text, parse_object
from disorderbook.protocol.route import Answer, Request, Route

A_NAME = f"a string of 1 to {MAX_NAME_LENGTH} characters"
PLACE = ("venue", "symbol")


class Halt(msgspec.Struct, frozen=True, gc=False):
    """A stock that takes no orders."""

    venue: Venue
    symbol: Symbol
    reason: Annotated[str, Meta(description="What whoever sends an order is told.")]


class Snapshot(msgspec.Struct, frozen=True, gc=False):
    """A market that was saved."""

    name: Annotated[str, Meta(description="What it was called.")]
    ts: Annotated[Timestamp, Meta(description="When it was saved, on the exchange's clock.")]
    size: Annotated[int, Meta(description="Bytes.", ge=0)]


class LatencyInForce(msgspec.Struct, frozen=True, gc=False):
    """The latencies of orders and cancels, and of the tape's messages."""

    orders: Annotated[str, Meta(description="Of orders and cancels.", examples=["50ms"])]
    tape: Annotated[str, Meta(description="Of the tape's messages.", examples=["off"])]


class TapeInForce(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What becomes of the tape, where there is one."""

    is_held: Annotated[bool, Meta(description="Whether it sends nothing until it is released.")]


class InForceMessage(msgspec.Struct, frozen=True, gc=False):
    """What control has in force, and what it can go back to."""

    ok: Ok
    halts: Annotated[list[Halt], Meta(description="The stocks that take no orders.")]
    snapshots: Annotated[list[Snapshot], Meta(description="The markets that were saved.")]
    faults: Annotated[list[Fault], Meta(description="Those that were asked for, oldest first.")]
    latency: LatencyInForce
    tape: TapeInForce | UnsetType = UNSET


class SnapshotsMessage(msgspec.Struct, frozen=True, gc=False):
    """The markets that were saved."""

    ok: Ok
    snapshots: Annotated[list[Snapshot], Meta(description="The oldest name first.")]


class ControlRoutes:
    """The handlers of the table CONTROL_ROUTES; each answers with JSON or raises an
    ExchangeError.
    """

    def __init__(self, control: MarketControl, injection: FaultInjection) -> None:
        self._control, self._injection = control, injection

    def in_force(self, request: Request) -> Answer:
        halts = [Halt(*each) for each in self._control.halts()]
        injection, latency = self._injection, self._injection.latency
        is_held = injection.is_tape_held
        message = InForceMessage(
            True,
            halts,
            self._snapshots(),
            injection.faults.all(),
            LatencyInForce(latency.orders.text, latency.tape.text),
            UNSET if is_held is None else TapeInForce(is_held),
        )
        return msgspec.json.encode(message)

    def reset(self, request: Request) -> Answer:
        """Everything, or the book that the body names."""
        fields = known_fields(request.body, *PLACE) if request.body.strip() else {}
        self._control.reset(*(_text(fields, name, None) for name in PLACE))
        return HEARTBEAT

    def halt(self, request: Request) -> Answer:
        fields = known_fields(request.body, *PLACE, "reason")
        reason = _text(fields, "reason", HALTED)
        self._control.halt(*_place(fields), HALTED if reason is None else reason)
        return HEARTBEAT

    def resume(self, request: Request) -> Answer:
        self._control.resume(*_place(known_fields(request.body, *PLACE)))
        return HEARTBEAT

    def snapshots(self, request: Request) -> Answer:
        return msgspec.json.encode(SnapshotsMessage(True, self._snapshots()))

    def snapshot(self, request: Request) -> Answer:
        name = _text(known_fields(request.body, "name"), "name", None)
        if name is None:
            raise MissingField(missing("name", A_NAME))
        self._control.snapshot(name)
        return HEARTBEAT

    def restore(self, request: Request, name: str) -> Answer:
        self._control.restore(name)
        return HEARTBEAT

    def forget(self, request: Request, name: str) -> Answer:
        self._control.forget(name)
        return HEARTBEAT

    def _snapshots(self) -> list[Snapshot]:
        return [Snapshot(i.name, timestamp(i.ts), i.size) for i in self._control.snapshots()]


def admin_only(admin: Admin, handler: Callable[..., Answer]) -> Callable[..., Answer]:
    """A handler that refuses whoever is not the admin, before it looks at anything else."""

    def handle(request: Request, **names: str) -> Answer:
        admin.authorize(request.key, request.is_forwarded)
        return handler(request, **names)

    return handle


def known_fields(body: bytes, *names: str) -> Fields:
    """What a body has, of these names and no others: a reset that misspells the name of its stock
    must not be one of everything. Raises BadJson, WrongType, IllegalValue.
    """
    fields = parse_object(body)
    for name in fields:
        if name not in names:
            raise IllegalValue(detail_of("a field's name", name, ", ".join(names)))
    return fields


def _place(fields: Fields) -> tuple[str, str]:
    """Venue and symbol; raises MissingField, WrongType, IllegalValue."""
    venue, symbol = (_text(fields, name, None) for name in PLACE)
    if venue is None or symbol is None:
        raise MissingField(missing("venue" if venue is None else "symbol", A_NAME))
    return venue, symbol


def _text(fields: Fields, name: str, default: str | None) -> str | None:
    """A string of a body; raises WrongType, IllegalValue."""
    text = fields.get(name, default)
    if text is not None and not isinstance(text, str):
        raise WrongType(detail_of(name, text, A_NAME))
    if text is not None and not (1 <= len(text) <= MAX_NAME_LENGTH and is_text(text)):
        raise IllegalValue(detail_of(name, text, A_NAME))
    return text


CONTROL = "/api/v1/control"

CONTROL_ROUTES: list[Route] = [
    ("GET", CONTROL, ControlRoutes.in_force),
    ("POST", f"{CONTROL}/reset", ControlRoutes.reset),
    ("POST", f"{CONTROL}/halt", ControlRoutes.halt),
    ("POST", f"{CONTROL}/resume", ControlRoutes.resume),
    ("GET", f"{CONTROL}/snapshots", ControlRoutes.snapshots),
    ("POST", f"{CONTROL}/snapshots", ControlRoutes.snapshot),
    ("POST", f"{CONTROL}/snapshots/<name>/restore", ControlRoutes.restore),
    ("DELETE", f"{CONTROL}/snapshots/<name>", ControlRoutes.forget),
]
