"""Which requests a fault strikes, and what cannot be asked for."""

from typing import Any

import pytest

from disorderbook.api.services import ROUTES
from disorderbook.control import faults as limits
from disorderbook.control.fault_routes import FAULT_ROUTES
from disorderbook.control.faults import Faults
from disorderbook.control.routes import CONTROL_ROUTES
from disorderbook.errors import (
    ExchangeError,
    IllegalValue,
    MissingField,
    NoSuchFault,
    TooManyFaults,
    WrongType,
)
from disorderbook.server.reader import Head, HttpRequest
from disorderbook.server.treatment import Delivery

STOCK = "/ob/api/venues/TESTEX/stocks/FOOBAR"
ORDERS = f"{STOCK}/orders"
EVERY_ROUTE = [(method, path) for method, path, _ in [*ROUTES, *CONTROL_ROUTES, *FAULT_ROUTES]]


def request(method: str = "POST", path: str = ORDERS, **headers: str) -> HttpRequest:
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, **headers}
    return HttpRequest(Head(0, environ), {}, b"", True)


def made(seed: int | None = 7) -> Faults:
    return Faults(EVERY_ROUTE, lambda asked: asked.head.environ.get("WHOSE"), seed)


def struck(faults: Faults, count: int, asked: HttpRequest | None = None) -> str:
    """A sign for each of so many requests: x if a fault strikes it."""
    asked = asked or request()
    return "".join("x" if faults.strike(asked) else "." for _ in range(count))


def test_the_next_every_nth_and_some_by_chance() -> None:
    faults = made()
    faults.add("cut", next=3)
    assert struck(faults, 6) == "xxx..." and not faults.may_strike
    faults.add("cut", every=3)
    assert struck(faults, 7) == "..x..x." and faults.may_strike
    faults.clear()
    fault = faults.add("cut", probability=0.25)
    assert struck(faults, 4000).count("x") == pytest.approx(1000, abs=100)
    [told] = faults.all()
    assert (told.id, told.seen) == (fault.id, 4000) and told.struck == pytest.approx(1000, abs=100)
    faults.clear()
    faults.add("cut")  # the next one
    assert struck(faults, 3) == "x.."


def test_equal_requests_are_struck_equally() -> None:
    """Each fault has its own stream: another fault that sees the same requests changes nothing."""
    patterns = []
    for others in (0, 1):
        faults = made()
        faults.add("cut", probability=0.3)
        for _ in range(others):
            faults.add("silence", probability=0.5, account="ANN")
        patterns.append(
            [
                treatment.delivery is Delivery.CUT if treatment else None
                for treatment in (faults.strike(request()) for _ in range(200))
            ]
        )
    assert patterns[0] == patterns[1] and 30 < patterns[0].count(True) < 90
    first, again, other = made(), made(), made(8)
    for each in (first, again, other):
        each.add("cut", probability=0.3)
    assert struck(first, 100) == struck(again, 100) != struck(other, 100)
    first.reset(None)
    again.reset(None)
    again.add("cut", probability=0.3)
    first.add("cut", probability=0.3)
    made_anew = made()
    made_anew.add("cut", probability=0.3)
    assert struck(first, 100) == struck(again, 100) == struck(made_anew, 100)


@pytest.mark.parametrize(
    "route, asked, is_struck",
    [
        ("POST /ob/api/venues/*/stocks/*/orders", request(), True),
        ("POST /ob/api/venues/<venue>/stocks/<symbol>/orders", request(), True),
        ("POST /ob/api/venues/TESTEX/stocks/*/orders", request(), True),
        ("POST /ob/api/venues/OTHER/stocks/*/orders", request(), False),
        ("POST /ob/api/venues/*/stocks/*/orders", request(path=f"//ob{ORDERS[3:]}/"), True),
        ("POST /ob/api/venues/*/stocks/*/orders", request(path=f"{ORDERS}/3/cancel"), False),
        ("GET /ob/api/venues/*/stocks/*", request("HEAD", STOCK), True),
        ("GET /ob/api/venues/*/stocks/*", request("GET", f"{STOCK}/quote"), False),
        ("DELETE /ob/api/venues/*/stocks/*/orders/*", request("DELETE", f"{ORDERS}/3"), True),
        ("POST /gm/levels/*", request(path="/gm/levels/first_steps"), True),
        (None, request("GET", "/ob/api/heartbeat"), True),
        (None, request("GET", "/api/v1/venues/TESTEX/accounts/ANN"), True),
        (None, request("GET", "/metrics"), False),
        (None, request("GET", "/"), False),
        (None, request("DELETE", "/api/v1/control/faults"), False),
        (None, request("POST", "/api/v1/clock"), False),
        (None, request("GET", STOCK, HTTP_SEC_FETCH_SITE="same-origin"), False),
    ],
)
def test_whose_route(route: str | None, asked: HttpRequest, is_struck: bool) -> None:
    faults = made()
    faults.add("cut", route=route)
    assert (faults.strike(asked) is not None) is is_struck
    assert faults.all()[0].seen == is_struck


def test_whose_account() -> None:
    faults = made()
    faults.add("cut", every=1, account="ANN")
    assert faults.strike(request(WHOSE="ANN")) and not faults.strike(request(WHOSE="BOB"))
    assert not faults.strike(request())


def test_the_first_fault_that_strikes_counts() -> None:
    faults = made()
    faults.add("cut", every=2)
    faults.add("silence", next=9)
    found = [faults.strike(request()) for _ in range(4)]
    names = [treatment.delivery for treatment in found if treatment]
    assert names == [Delivery.WITHHELD, Delivery.CUT] * 2
    assert [(each.seen, each.struck) for each in faults.all()] == [(4, 2), (2, 2)]


def test_an_answer_with_a_status_of_its_own() -> None:
    faults = made()
    faults.add("status", status=429, sentence="Slow down", retry_after=30)
    faults.add("status", status=503)
    faults.add("status", status=401)
    faults.add("status", status=599)
    answers = []
    for _ in range(4):
        treatment = faults.strike(request())
        assert treatment is not None and treatment.instead is not None
        answers.append(treatment.instead)
    first = answers[0]
    assert first.status == "429 Too Many Requests" and b'"Slow down"' in bytes(first.body)  # type: ignore[arg-type]
    retries = [dict(answer.headers).get("Retry-After") for answer in answers]
    assert retries == ["30", "1", None, None]
    assert answers[3].status == "599 Fault"


def test_rejected_orders() -> None:
    faults = made()
    faults.reject(2, sentence="Market closed", account="ANN")
    assert not faults.strike(request(WHOSE="BOB"))
    assert not faults.strike(request("GET", STOCK, WHOSE="ANN"))
    treatment = faults.strike(request(WHOSE="ANN"))
    assert treatment is not None and treatment.instead is not None
    assert treatment.instead.status == "200 OK"
    assert treatment.instead.body == b'{"ok":false,"error":"Market closed"}\n'
    assert struck(faults, 3, request(WHOSE="ANN")) == "x.."


BAD: list[tuple[dict[str, Any], type[ExchangeError], str]] = [
    ({"kind": "explode"}, IllegalValue, "kind is"),
    ({"kind": "reject"}, IllegalValue, "kind is"),
    ({"kind": 3}, WrongType, "kind is 3"),
    ({"kind": "status"}, MissingField, "status is missing"),
    ({"kind": "status", "status": 200}, IllegalValue, "status is 200"),
    ({"kind": "status", "status": 600}, IllegalValue, "status is 600"),
    ({"kind": "status", "status": "503"}, WrongType, "status is"),
    ({"kind": "status", "status": True}, WrongType, "status is true"),
    ({"kind": "status", "status": 503, "sentence": ""}, IllegalValue, "sentence is"),
    ({"kind": "status", "status": 503, "sentence": "a\nb"}, IllegalValue, "sentence is"),
    ({"kind": "status", "status": 503, "sentence": "x" * 201}, IllegalValue, "sentence is"),
    ({"kind": "status", "status": 503, "sentence": 3}, WrongType, "sentence is"),
    ({"kind": "status", "status": 503, "retry_after": -1}, IllegalValue, "retryAfter is"),
    ({"kind": "status", "status": 503, "retry_after": 1.5}, WrongType, "retryAfter is"),
    ({"kind": "cut", "status": 503}, IllegalValue, "only with the kind status"),
    ({"kind": "cut", "retry_after": 3}, IllegalValue, "retryAfter is 3"),
    ({"kind": "cut", "next": 0}, IllegalValue, "next is 0"),
    ({"kind": "cut", "next": 1_000_001}, IllegalValue, "next is"),
    ({"kind": "cut", "next": "3"}, WrongType, "next is"),
    ({"kind": "cut", "every": 0}, IllegalValue, "every is 0"),
    ({"kind": "cut", "every": 2.0}, WrongType, "every is"),
    ({"kind": "cut", "probability": 0}, IllegalValue, "probability is 0"),
    ({"kind": "cut", "probability": 1.01}, IllegalValue, "probability is"),
    ({"kind": "cut", "probability": float("nan")}, IllegalValue, "probability is"),
    ({"kind": "cut", "probability": True}, WrongType, "probability is"),
    ({"kind": "cut", "probability": "0.1"}, WrongType, "probability is"),
    ({"kind": "cut", "next": 1, "every": 2}, IllegalValue, "one of next, every"),
    ({"kind": "cut", "route": "POST /nowhere"}, IllegalValue, "route is"),
    ({"kind": "cut", "route": "PUT /ob/api/venues/*/stocks/*/orders"}, IllegalValue, "route is"),
    ({"kind": "cut", "route": "/ob/api/venues/*/stocks/*/orders"}, IllegalValue, "route is"),
    ({"kind": "cut", "route": "POST /api/v1/clock"}, IllegalValue, "route is"),
    ({"kind": "cut", "route": "DELETE /api/v1/control/faults"}, IllegalValue, "route is"),
    ({"kind": "cut", "route": 7}, WrongType, "route is"),
    ({"kind": "cut", "account": ""}, IllegalValue, "account is"),
    ({"kind": "cut", "account": "x" * 256}, IllegalValue, "account is"),
    ({"kind": "cut", "account": "\ud800"}, IllegalValue, "account is"),
    (
        {"kind": "cut", "route": "POST /ob/api/venues/\ud800/stocks/*/orders"},
        IllegalValue,
        "route is",
    ),
    ({"kind": "status", "status": 503, "sentence": "\ud800"}, IllegalValue, "sentence is"),
    ({"kind": "cut", "account": 5}, WrongType, "account is"),
]


@pytest.mark.parametrize("fields, kind, detail", BAD, ids=lambda value: ascii(value)[:60])
def test_what_cannot_be_asked_for_changes_nothing(
    fields: dict[str, Any], kind: type[ExchangeError], detail: str
) -> None:
    faults = made()
    with pytest.raises(kind) as caught:
        faults.add(**fields)
    assert detail in caught.value.detail
    assert faults.all() == [] and not faults.may_strike
    assert faults.add("cut").id == 1


@pytest.mark.parametrize("fields", [{"count": 0}, {"count": 1, "status": 201}, {"count": "1"}])
def test_what_cannot_be_rejected_so(fields: dict[str, Any]) -> None:
    faults = made()
    with pytest.raises((IllegalValue, WrongType)):
        faults.reject(**fields)
    assert faults.all() == []


def test_so_many_at_a_time_and_those_that_are_over_make_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "MOST_FAULTS", 3)
    faults = made()
    for _ in range(3):
        faults.add("cut", route="POST /gm/levels/*")
    with pytest.raises(TooManyFaults):
        faults.add("cut")
    with pytest.raises(NoSuchFault):
        faults.remove(4)
    faults.remove(2)
    faults.add("cut", next=1)
    assert struck(faults, 1) == "x"
    assert faults.add("cut").id == 5
    assert [each.id for each in faults.all()] == [1, 3, 5]
