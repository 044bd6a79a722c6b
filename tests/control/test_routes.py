"""The routes of control, which are there only where they were asked for, and what they refuse."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
import waitress
from controlled_market import Assembled, controlled
from wsgi import BUY, KEYS, ORDERS, Client

from disorderbook.control.control import LONGEST_REASON
from disorderbook.control.journal_routes import JOURNAL_ROUTES
from disorderbook.control.routes import CONTROL_ROUTES
from disorderbook.in_process import serve
from disorderbook.server.waitress_server import WAITRESS_OPTIONS

CONTROL = "/api/v1/control"
PLACE = {"venue": "TESTEX", "symbol": "FOOBAR"}
MISSING = "Incoming POST was missing required field"
WRONG_TYPE = "A value in the POST had the wrong type"
ILLEGAL = "Illegal value (usually a non-positive number)"
NO_STOCK = "There is no such stock at such a venue (create it by using it)"


@pytest.fixture
def client() -> Iterator[Assembled]:
    with controlled() as client:
        yield client


@pytest.mark.parametrize("method, path, _", [*CONTROL_ROUTES, *JOURNAL_ROUTES])
def test_without_the_option_a_route_is_an_unknown_path(method: str, path: str, _: object) -> None:
    client = Client()
    assert client(method, path).body == client(method, "/api/v1/nowhere").body
    assert client(method, path).status == 404


def test_a_halted_stock_takes_no_orders_and_lets_go_of_those_it_has(client: Assembled) -> None:
    assert client.order().status == 200
    assert client("POST", f"{CONTROL}/halt", PLACE | {"reason": "a lunch break"}).status == 200
    refused = client.order()
    assert refused.error == (403, "Trading in this stock is halted")
    assert refused.headers["X-Error-Detail"] == '"a lunch break"'
    assert client.order(qty=0).error == (400, ILLEGAL)  # what is wrong with an order comes first
    assert client("GET", f"{ORDERS}/0").json["open"] is True
    assert client("DELETE", f"{ORDERS}/0").json["open"] is False
    other = ORDERS.replace("FOOBAR", "OTHER")
    assert client("POST", other, BUY).status == 200
    assert client("POST", f"{CONTROL}/resume", PLACE).status == 200
    assert client.order().json["id"] == 1


def test_a_settled_stock_begins_anew_or_goes_back_and_is_not_resumed(client: Assembled) -> None:
    settled = (403, "This stock is settled: it takes no orders any more")
    client.order()
    assert client("POST", f"{CONTROL}/snapshots", {"name": "open"}).status == 200
    exchange = client.services.exchange
    with exchange.transaction():
        exchange.settle(exchange.book("TESTEX", "FOOBAR"), 5000)
    assert client("POST", f"{CONTROL}/snapshots", {"name": "settled"}).status == 200
    for name in ("halt", "resume"):
        assert client("POST", f"{CONTROL}/{name}", PLACE).error == settled
    assert client.order().error == settled
    assert client("POST", f"{CONTROL}/snapshots/open/restore").status == 200
    assert client.order().json["id"] == 1 and exchange.settlements() == []
    assert client("POST", f"{CONTROL}/snapshots/settled/restore").status == 200
    assert client.order().error == settled
    assert exchange.settlements() == [("TESTEX", "FOOBAR", 5000)]
    assert client("POST", f"{CONTROL}/reset", PLACE).status == 200
    assert client.order().json["id"] == 0 and exchange.settlements() == []


@pytest.mark.parametrize(
    ("name", "body", "error"),
    [
        ("halt", PLACE | {"symbol": "NONE"}, (404, NO_STOCK)),
        ("halt", PLACE | {"venue": 7}, (400, WRONG_TYPE)),
        ("halt", {"venue": "TESTEX"}, (400, MISSING)),
        ("halt", PLACE | {"reason": ""}, (400, ILLEGAL)),
        ("halt", PLACE | {"reason": "x" * (LONGEST_REASON + 1)}, (400, ILLEGAL)),
        ("halt", PLACE | {"reason": "two\nlines"}, (400, ILLEGAL)),
        ("halt", b"{", (400, "Incoming data was not valid JSON")),
        ("resume", PLACE | {"symbol": ""}, (400, ILLEGAL)),
        ("reset", {"venue": "TESTEX"}, (400, MISSING)),
        ("reset", PLACE | {"symbol": "NONE"}, (404, NO_STOCK)),
        ("reset", b"[]", (400, WRONG_TYPE)),
        ("reset", {"Venue": "TESTEX", "Symbol": "FOOBAR"}, (400, ILLEGAL)),
        ("reset", {"stock": "FOOBAR"}, (400, ILLEGAL)),
        ("reset", rb'{"venue": "\ud800", "symbol": "FOOBAR"}', (400, ILLEGAL)),
        ("halt", PLACE | {"why": "a lunch break"}, (400, ILLEGAL)),
        ("halt", rb'{"venue": "TESTEX", "symbol": "\ud800"}', (400, ILLEGAL)),
        ("resume", PLACE | {"all": True}, (400, ILLEGAL)),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    client: Assembled, name: str, body: object, error: tuple[int, str]
) -> None:
    client.order()
    assert client("POST", f"{CONTROL}/{name}", body).error == error
    assert client.order().json["id"] == 1


@pytest.mark.parametrize("header", ["Forwarded", "X-Forwarded-For", "X-Real-IP"])
def test_what_came_through_a_proxy_controls_nothing(client: Assembled, header: str) -> None:
    client.order()
    forwarded = (403, "This is for programs that ask the exchange itself, and not through a proxy")
    for path in (f"{CONTROL}/reset", f"{CONTROL}/reset/", "/api/v1/clock"):
        assert client("POST", path, b"", {header: "for=192.0.2.1"}).error == forwarded
        assert client("POST", path, b"", {header: ""}).error == forwarded
    assert client.order().json["id"] == 1


@pytest.mark.parametrize("header", ["Forwarded", "X-Forwarded-For", "X-Real-IP"])
def test_waitress_tells_as_well_that_a_request_came_through_a_proxy(
    client: Assembled, header: str
) -> None:
    server = waitress.create_server(client.app, host="127.0.0.1", port=0, **WAITRESS_OPTIONS)
    thread = threading.Thread(target=server.run)
    thread.start()
    url, sent = f"http://127.0.0.1:{server.effective_port}{CONTROL}/reset", {"Connection": "close"}
    try:
        urllib.request.urlopen(urllib.request.Request(url, b"", sent), timeout=60).close()
        request = urllib.request.Request(url, b"", sent | {header: "for=192.0.2.1"})
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(request, timeout=60)
    finally:
        server.trigger.pull_trigger(server.close)
        thread.join(60)
        server.task_dispatcher.shutdown()  # its threads
    assert not thread.is_alive()


def test_with_accounts_the_admins_key_is_needed_and_no_other() -> None:
    with serve(accounts=KEYS, control=True, admin_key="the ädmin's key") as exchange:

        def reset(**headers: str) -> tuple[int, str]:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            url = f"{exchange.url}{CONTROL}/reset"
            request = urllib.request.Request(url, None, named, method="POST")
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return answer.status, ""
            except urllib.error.HTTPError as fault:
                return fault.code, json.load(fault)["error"]

        not_admin = (401, "This needs the admin's key (see --admin-key-file)")
        key = "the ädmin's key".encode().decode("latin-1")
        assert reset() == not_admin
        for wrong in (*KEYS.values(), key + "x", key[:-1], "the admin's key"):
            assert reset(X_Starfighter_Authorization=wrong) == not_admin
        assert reset(X_Starfighter_Authorization=key) == (200, "")
        exchange.control.reset()  # the program itself needs none


def test_where_there_are_accounts_control_needs_an_admins_key() -> None:
    for options, why in (
        ({"control": True}, "control needs admin_key where there are accounts"),
        ({"admin_key": "annkey"}, "admin_key has a key that is an account's as well"),
        ({"admin_key": ""}, "admin_key has a key that cannot be sent"),
        ({"admin_key": "a;b"}, "admin_key has a key that cannot be sent"),
    ):
        with pytest.raises(ValueError, match=why), serve(accounts={"ANN": "annkey"}, **options):
            pass
    with serve(accounts=KEYS, clock="stepped") as exchange:
        exchange.advance(1)
        request = urllib.request.Request(f"{exchange.url}/api/v1/clock", b'{"advance": 1}')
        request.add_header("X-Starfighter-Authorization", KEYS["NOISEBOTS"])
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(request, timeout=60)
