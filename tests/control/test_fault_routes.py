"""The routes of faults, latencies and the tape: each over HTTP, and what they refuse."""

import http.client
import json
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from live import running
from raw_websocket import TICKERS, RawPeer
from wsgi import BUY, ORDERS, Client

from disorderbook.control import faults as limits
from disorderbook.control.fault_routes import FAULT_ROUTES
from disorderbook.in_process import PrivateExchange, serve

CONTROL = "/api/v1/control"
ILLEGAL = "Illegal value (usually a non-positive number)"
WRONG_TYPE = "A value in the POST had the wrong type"
MISSING = "Incoming POST was missing required field"


@pytest.fixture(scope="module")
def shared() -> Iterator[PrivateExchange]:
    with serve(seed=7, websockets=True, control=True) as exchange:
        yield exchange


@pytest.fixture
def exchange(shared: PrivateExchange) -> PrivateExchange:
    shared.control.reset()
    return shared


def ask(exchange: PrivateExchange, method: str, path: str, body: object = None) -> Any:
    """Status, headers and JSON."""
    sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    with closing(http.client.HTTPConnection("127.0.0.1", exchange.port, timeout=20)) as client:
        client.request(method, path, sent)
        answer = client.getresponse()
        return answer.status, dict(answer.headers), json.loads(answer.read())


def control(exchange: PrivateExchange, method: str, path: str, body: object = None) -> Any:
    status, _, told = ask(exchange, method, CONTROL + path, body)
    assert (status, told["ok"]) == (200, True)
    return told


def in_force(exchange: PrivateExchange) -> Any:
    """All that is in force, but for counts."""
    told = control(exchange, "GET", "")
    return [told["faults"], told["latency"], told["tape"]]


@pytest.mark.parametrize("method, path, _", FAULT_ROUTES)
def test_without_the_option_a_route_is_an_unknown_path(method: str, path: str, _: object) -> None:
    client = Client()
    assert client(method, path).status == 404


def test_faults_are_asked_for_listed_and_removed(exchange: PrivateExchange) -> None:
    wanted = {"kind": "status", "status": 503, "retryAfter": 2, "next": 1, "account": "ANN"}
    route = {"route": "POST /ob/api/venues/*/stocks/*/orders"}
    fault = control(exchange, "POST", "/faults", wanted | route)["fault"]
    assert fault == wanted | route | {"id": 1, "seen": 0, "struck": 0, "sentence": ON_PURPOSE}
    assert ask(exchange, "POST", ORDERS, BUY | {"account": "BOB"})[0] == 200
    status, headers, told = ask(exchange, "POST", ORDERS, BUY)
    assert (status, headers["Retry-After"], told["error"]) == (503, "2", ON_PURPOSE)
    assert "the fault 1 of" in headers["X-Error-Detail"]
    assert ask(exchange, "POST", ORDERS, BUY)[0] == 200
    assert control(exchange, "GET", "/faults")["faults"] == [fault | {"seen": 1, "struck": 1}]
    control(exchange, "POST", "/faults", {"kind": "drop-before", "probability": 1})
    with pytest.raises(ConnectionResetError):
        ask(exchange, "GET", "/ob/api/heartbeat")
    [lost] = control(exchange, "GET", "/requests?status=0")["requests"]
    assert (lost["path"], lost["status"]) == ("/ob/api/heartbeat", 0)
    control(exchange, "DELETE", "/faults/2")
    assert ask(exchange, "GET", "/ob/api/heartbeat")[0] == 200
    assert [each["id"] for each in control(exchange, "GET", "/faults")["faults"]] == [1]
    control(exchange, "DELETE", "/faults")
    assert control(exchange, "GET", "")["faults"] == []


ON_PURPOSE = limits.ON_PURPOSE
STOCKS = "GET /ob/api/venues/*/stocks/"


def test_orders_are_rejected(exchange: PrivateExchange) -> None:
    control(exchange, "POST", "/reject")
    assert ask(exchange, "POST", ORDERS, BUY)[::2] == (
        200,
        {"ok": False, "error": "The order was rejected"},
    )
    control(
        exchange, "POST", "/reject", {"count": 2, "status": 403, "sentence": "No", "account": "ANN"}
    )
    statuses = [ask(exchange, "POST", ORDERS, BUY)[0] for _ in range(3)]
    assert statuses == [403, 403, 200]
    refused = control(exchange, "GET", "/requests?status=refused")["requests"]
    assert [(each["status"], each["error"]) for each in refused] == [
        (200, "The order was rejected"),
        (403, "No"),
        (403, "No"),
    ]


def test_latencies_are_set_and_told(exchange: PrivateExchange) -> None:
    told = {"ok": True, "orders": "off", "tape": "off"}
    assert control(exchange, "GET", "/latency") == told
    assert control(exchange, "PUT", "/latency", {"orders": "5ms"}) == told | {"orders": "5ms"}
    assert control(exchange, "PUT", "/latency", {"tape": "uniform:1ms,2ms"}) == told | {
        "orders": "5ms",
        "tape": "uniform:1ms,2ms",
    }
    assert in_force(exchange)[1] == {"orders": "5ms", "tape": "uniform:1ms,2ms"}
    assert ask(exchange, "POST", ORDERS, BUY)[0] == 200
    assert control(exchange, "PUT", "/latency", {"orders": "off", "tape": "off"}) == told


def test_the_tape_is_held_released_and_disconnected(exchange: PrivateExchange) -> None:
    with RawPeer.listening(exchange.port, TICKERS) as ticks:
        control(exchange, "POST", "/tape/hold")
        assert in_force(exchange)[2] == {"isHeld": True}
        ask(exchange, "POST", ORDERS, BUY)
        ticks.socket.settimeout(0.05)
        with pytest.raises(TimeoutError):
            ticks.frame()
        ticks.socket.settimeout(60)
        control(exchange, "POST", "/tape/release")
        assert ticks.frame() is not None
        told = control(exchange, "POST", "/tape/disconnect", {"venue": "TESTEX", "code": 1011})
        assert told["disconnected"] == 1
        frame = ticks.frame()
        assert frame is not None and int.from_bytes(frame.payload[:2], "big") == 1011


@pytest.mark.parametrize(
    "method, path, body, status, sentence, detail",
    [
        ("POST", "/faults", {}, 400, MISSING, "kind is missing"),
        ("POST", "/faults", b"{", 400, "Incoming data was not valid JSON", ""),
        ("POST", "/faults", [1], 400, WRONG_TYPE, "a JSON object"),
        ("POST", "/faults", {"kind": "melt"}, 400, ILLEGAL, "allowed: drop-before, drop-after"),
        ("POST", "/faults", {"kind": "cut", "nxt": 3}, 400, ILLEGAL, 'nxt\\"; allowed: kind'),
        ("POST", "/faults", {"kind": "cut", "retry_after": 3}, 400, ILLEGAL, "a field's name is"),
        ("POST", "/faults", {"kind": "cut", "next": 0}, 400, ILLEGAL, "next is 0"),
        ("POST", "/faults", {"kind": "cut", "next": "1"}, 400, WRONG_TYPE, "next is"),
        ("POST", "/faults", {"kind": "cut", "probability": 2}, 400, ILLEGAL, "probability is 2"),
        ("POST", "/faults", {"kind": "cut", "route": "GET /x"}, 400, ILLEGAL, "route is"),
        ("POST", "/faults", {"kind": "cut", "account": "\ud800"}, 400, ILLEGAL, "account is"),
        ("POST", "/faults", {"kind": "cut", "route": f"{STOCKS}\ud800"}, 400, ILLEGAL, "route is"),
        ("POST", "/faults", {"kind": "cut", "route": STOCKS + "x" * 999}, 400, ILLEGAL, "route is"),
        ("POST", "/faults", {"kind": "status", "status": 302}, 400, ILLEGAL, "status is 302"),
        ("DELETE", "/faults/9", None, 404, "There is no fault of this number", "the fault is 9"),
        ("DELETE", "/faults/nine", None, 404, "There is no fault of this number", "the fault"),
        ("POST", "/reject", {"count": 0}, 400, ILLEGAL, "count is 0"),
        ("POST", "/reject", {"count": 1, "status": 204}, 400, ILLEGAL, "status is 204"),
        ("POST", "/reject", {"counts": 1}, 400, ILLEGAL, 'counts\\"; allowed'),
        ("POST", "/reject", {"account": "\ud800"}, 400, ILLEGAL, "account is"),
        ("PUT", "/latency", {"orders": "soon"}, 400, ILLEGAL, "orders is"),
        ("PUT", "/latency", {"orders": "1ms", "tape": "61s"}, 400, ILLEGAL, "tape is"),
        ("PUT", "/latency", {"orders": 5}, 400, WRONG_TYPE, "orders is 5"),
        ("PUT", "/latency", {"order": "5ms"}, 400, ILLEGAL, 'order\\"; allowed'),
        ("POST", "/tape/disconnect", {"code": 1006}, 400, ILLEGAL, "code is 1006"),
        ("POST", "/tape/disconnect", {"code": "1000"}, 400, WRONG_TYPE, "code is"),
        ("POST", "/tape/disconnect", {"account": 1}, 400, WRONG_TYPE, "account is 1"),
        ("POST", "/latency", {"orders": "5ms"}, 405, "That path does not take this method", ""),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    exchange: PrivateExchange,
    method: str,
    path: str,
    body: object,
    status: int,
    sentence: str,
    detail: str,
) -> None:
    before = in_force(exchange)
    refused, headers, told = ask(exchange, method, CONTROL + path, body)
    assert refused == status and told["error"].startswith(sentence)
    assert detail in headers["X-Error-Detail"]
    assert in_force(exchange) == before


def test_too_many_faults_are_refused(
    exchange: PrivateExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MOST_FAULTS", 1)
    wanted = {"kind": "cut", "route": "POST /gm/levels/*"}
    control(exchange, "POST", "/faults", wanted)
    status, headers, told = ask(exchange, "POST", f"{CONTROL}/faults", wanted)
    assert (status, told["error"]) == (503, "There are too many faults already")
    assert "which is the limit" in headers["X-Error-Detail"]
    assert len(in_force(exchange)[0]) == 1


def test_without_a_tape_or_with_another_server_it_says_so() -> None:
    with serve(control=True) as exchange:
        for path in ("hold", "release", "disconnect"):
            status, _, told = ask(exchange, "POST", f"{CONTROL}/tape/{path}")
            assert (status, told["error"][:22]) == (503, "There is no tape to co")
        assert ask(exchange, "PUT", f"{CONTROL}/latency", {"tape": "1ms"})[0] == 503
        assert "tape" not in control(exchange, "GET", "")


def test_the_options_are_what_is_in_force() -> None:
    options = "--latency", "lognormal:1ms,0.3", "--tape-latency", "2ms", "-w", "--wsport", "0"
    with running(*options, "--control", "--seed", "7") as exchange:
        url = f"http://127.0.0.1:{exchange.port}{CONTROL}/latency"
        with urllib.request.urlopen(url, timeout=20) as answer:
            told = json.load(answer)
        assert told == {"ok": True, "orders": "lognormal:1ms,0.3", "tape": "2ms"}
