"""The routes of control, which are there only where they were asked for, and what they refuse."""

import pytest
from wsgi import BUY, ORDERS, Client

from disorderbook.accounts import Accounts
from disorderbook.api.app import make_app
from disorderbook.assembly import MarketSettings, assemble
from disorderbook.lab.control import LONGEST_REASON
from disorderbook.lab.control_routes import CONTROL_ROUTES

CONTROL = "/api/v1/control"
PLACE = {"venue": "TESTEX", "symbol": "FOOBAR"}
MISSING = "Incoming POST was missing required field"
WRONG_TYPE = "A value in the POST had the wrong type"
ILLEGAL = "Illegal value (usually a non-positive number)"
NO_STOCK = "There is no such stock at such a venue (create it by using it)"


class Controlled(Client):
    """Talks to an exchange that has the routes."""

    def __init__(self) -> None:
        self._assembled = assemble(MarketSettings(has_control=True), Accounts())
        self.services = self._assembled.__enter__()
        self.app = make_app(self.services)

    def close(self) -> None:
        self._assembled.__exit__(None, None, None)


@pytest.fixture
def client(request: pytest.FixtureRequest) -> Controlled:
    client = Controlled()
    request.addfinalizer(client.close)
    return client


@pytest.mark.parametrize("method, path, _", CONTROL_ROUTES)
def test_without_the_option_a_route_is_an_unknown_path(method: str, path: str, _: object) -> None:
    client = Client()
    assert client(method, path).body == client(method, "/api/v1/nowhere").body
    assert client(method, path).status == 404


def test_a_halted_stock_takes_no_orders_and_lets_go_of_those_it_has(client: Controlled) -> None:
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
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    client: Controlled, name: str, body: object, error: tuple[int, str]
) -> None:
    client.order()
    assert client("POST", f"{CONTROL}/{name}", body).error == error
    assert client.order().json["id"] == 1
