"""The routes of faults and latencies, which an exchange has with the others of control.

The application holds the exchange's lock while it calls a handler.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from disorderbook.control.fault_injection import FaultInjection
from disorderbook.control.faults import Fault
from disorderbook.control.routes import CONTROL, known_fields
from disorderbook.errors import MissingField
from disorderbook.protocol.fields import Ok
from disorderbook.protocol.messages import HEARTBEAT
from disorderbook.protocol.names import missing
from disorderbook.protocol.route import NUMBER, Answer, Request, Route

FAULT_FIELDS = {
    "kind": "kind",
    "next": "next",
    "every": "every",
    "probability": "probability",
    "route": "route",
    "account": "account",
    "status": "status",
    "sentence": "sentence",
    "retryAfter": "retry_after",
}
REJECT_FIELDS = {
    "count": "count",
    "sentence": "sentence",
    "status": "status",
    "account": "account",
    "retryAfter": "retry_after",
}
LATENCY_FIELDS = {"orders": "orders", "tape": "tape"}
DISCONNECT_FIELDS = {"account": "account", "venue": "venue", "code": "code"}


class LatencyMessage(msgspec.Struct, frozen=True, gc=False):
    """The latencies that are in force."""

    ok: Ok
    orders: Annotated[str, Meta(description="Of orders and cancels.", examples=["50ms"])]
    tape: Annotated[str, Meta(description="Of the tape's messages.", examples=["off"])]


class AddedFaultMessage(msgspec.Struct, frozen=True, gc=False):
    """A fault that was asked for."""

    ok: Ok
    fault: Fault


class FaultsMessage(msgspec.Struct, frozen=True, gc=False):
    """The faults that there are."""

    ok: Ok
    faults: Annotated[list[Fault], Meta(description="Oldest first.")]


class DisconnectMessage(msgspec.Struct, frozen=True, gc=False):
    """What became of listeners."""

    ok: Ok
    disconnected: Annotated[int, Meta(description="How many connections were ended.", ge=0)]


class FaultRoutes:
    """The handlers of the table FAULT_ROUTES; each answers with JSON or raises an ExchangeError."""

    def __init__(self, injection: FaultInjection) -> None:
        self._injection = injection

    def latency(self, request: Request) -> Answer:
        latency = self._injection.latency
        return _encoded(LatencyMessage(True, latency.orders.text, latency.tape.text))

    def set_latency(self, request: Request) -> Answer:
        self._injection.set_latency(**_fields(request, LATENCY_FIELDS))
        return self.latency(request)

    def faults(self, request: Request) -> Answer:
        return _encoded(FaultsMessage(True, self._injection.faults.all()))

    def add_fault(self, request: Request) -> Answer:
        fields = _fields(request, FAULT_FIELDS)
        if "kind" not in fields:
            raise MissingField(missing("kind", "what the fault does, such as status"))
        return _encoded(AddedFaultMessage(True, self._injection.add(**fields)))

    def remove_fault(self, request: Request, fault_id: str) -> Answer:
        self._injection.remove(int(fault_id) if NUMBER.fullmatch(fault_id) else -1)
        return HEARTBEAT

    def clear_faults(self, request: Request) -> Answer:
        self._injection.clear()
        return HEARTBEAT

    def reject(self, request: Request) -> Answer:
        fields = {"count": 1} | _fields(request, REJECT_FIELDS)
        return _encoded(AddedFaultMessage(True, self._injection.reject(**fields)))

    def disconnect(self, request: Request) -> Answer:
        count = self._injection.disconnect_tape(**_fields(request, DISCONNECT_FIELDS))
        return _encoded(DisconnectMessage(True, count))

    def hold(self, request: Request) -> Answer:
        self._injection.hold_tape()
        return HEARTBEAT

    def release(self, request: Request) -> Answer:
        self._injection.release_tape()
        return HEARTBEAT


def _encoded(message: msgspec.Struct) -> bytes:
    return msgspec.json.encode(message)


def _fields(request: Request, known: dict[str, str]) -> dict[str, Any]:
    """What a body says, by the names in Python; raises as `known_fields` does."""
    fields = known_fields(request.body, *known) if request.body.strip() else {}
    return {known[name]: value for name, value in fields.items() if value is not None}


FAULT_ROUTES: list[Route] = [
    ("GET", f"{CONTROL}/latency", FaultRoutes.latency),
    ("PUT", f"{CONTROL}/latency", FaultRoutes.set_latency),
    ("GET", f"{CONTROL}/faults", FaultRoutes.faults),
    ("POST", f"{CONTROL}/faults", FaultRoutes.add_fault),
    ("DELETE", f"{CONTROL}/faults", FaultRoutes.clear_faults),
    ("DELETE", f"{CONTROL}/faults/<fault_id>", FaultRoutes.remove_fault),
    ("POST", f"{CONTROL}/reject", FaultRoutes.reject),
    ("POST", f"{CONTROL}/tape/disconnect", FaultRoutes.disconnect),
    ("POST", f"{CONTROL}/tape/hold", FaultRoutes.hold),
    ("POST", f"{CONTROL}/tape/release", FaultRoutes.release),
]
