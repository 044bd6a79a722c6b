"""What a client reads of a market's rules: refusals, and where the rules themselves are told."""

import json
from typing import Any

import pytest
from wsgi import BUY, ORDERS, Client

from disorderbook.protocol.names import MAX_PRICE
from disorderbook.rules.file import rule_book

STOCK = ORDERS.removesuffix("/orders")
RULES = {
    "position_limit": 100,
    "largest_order": 50,
    "open_orders": 3,
    "band": 10,
    "start_price": 5000,
    "orders_per_second": 5,
    "self_trade": "refuse",
    "tick_size": 5,
}
VENUES = {"TESTEX": {"band_around": "start", "stocks": {"OTHER": {"taker_fee": 2}}}}


def ruled(clock: list[int]) -> Client:
    rules = rule_book({"market": RULES, "venues": VENUES})
    return Client(clock=lambda: clock[0], rules=rules)


def order(account: str, direction: str, price: int, qty: int = 10, **more: Any) -> dict[str, Any]:
    return BUY | {"account": account, "direction": direction, "price": price, "qty": qty} | more


def market(client: Client) -> list[Any]:
    """All that can be asked of the stock; nothing in it changes where nothing has happened."""
    told = [client("GET", path).json for path in (
        STOCK, f"{STOCK}/quote", "/api/v1/venues/TESTEX/accounts/ANN?symbol=FOOBAR",
        f"{STOCK.replace('/ob/api', '/api/v1')}/trades", f"{STOCK}/scores?format=json",
    )]  # fmt: skip
    return [{**each, "ts": ""} for each in told]


@pytest.mark.parametrize(
    ("sent", "status", "sentence", "detail"),
    [
        (
            order("ANN", "buy", 5000, 51),
            400,
            "The rules of this market allow no order of so many shares",
            "qty is 51; allowed: at most 50 (shares)",
        ),
        (
            order("ANN", "buy", 5001),
            400,
            "The rules of this market allow only multiples of its tick as prices",
            "price is 5001; allowed: a multiple of 5 (cents)",
        ),
        (
            order("ANN", "buy", MAX_PRICE - 2),
            400,
            "The price is outside the band that the rules of this market allow",
            "price is 2147483645; allowed: 4500 to 5500 (cents)",
        ),
        (
            order("ANN", "sell", 4500, 1),
            403,
            "The order would trade with one of its own account, which this market does not allow",
            "it would trade with order 2; allowed: orders of others",
        ),
        (
            order("ANN", "buy", 5000, 31),
            403,
            "The order could lead beyond the position limit of this market",
            "101 shares would be held if this and all open orders of its side traded; allowed: 100",
        ),
        (
            order("BOB", "sell", 5500, 10),
            403,
            "The rules of this market allow no more open orders of an account",
            "the account has 3 open orders here; allowed: 3 with this one",
        ),
    ],
)
def test_a_refusal_says_what_is_allowed_and_has_changed_nothing(
    sent: dict[str, Any], status: int, sentence: str, detail: str
) -> None:
    clock = [10**18]
    client = ruled(clock)
    for each in (
        order("BOB", "sell", 5000, 20),
        order("ANN", "buy", 5000, 20),
        order("ANN", "buy", 4500, 50),
        *[order("BOB", "sell", 5500, 1)] * 3,
    ):
        assert client("POST", ORDERS, each).status == 200
        clock[0] += 10**9
    before = market(client)
    answer = client("POST", ORDERS, sent)
    assert (answer.status, answer.json) == (status, {"ok": False, "error": sentence})
    assert json.loads(answer.headers["X-Error-Detail"]) == detail
    assert "Retry-After" not in answer.headers
    assert market(client) == before
    assert client("POST", ORDERS, order("CY", "buy", 4500, 1)).json["id"] == 6, "no id is lost"


def test_too_many_orders_within_a_second_are_told_to_wait() -> None:
    clock = [10**18]
    client = ruled(clock)
    for _ in range(5):
        sent = order("ANN", "buy", 4500, 1, orderType="immediate-or-cancel")
        assert client("POST", ORDERS, sent).status == 200
    before = market(client)
    answer = client("POST", ORDERS, sent)
    assert answer.status == 429 and answer.headers["Retry-After"] == "1"
    assert answer.json["error"].endswith("no more orders of an account within a second")
    assert json.loads(answer.headers["X-Error-Detail"]).endswith("5 of an account in this stock")
    assert market(client) == before
    clock[0] += 10**9
    assert client("POST", ORDERS, sent).status == 200


def test_a_refusal_names_nobody_else() -> None:
    clock = [10**18]
    client = ruled(clock)
    for account in ("SECRET", "ANN"):
        client("POST", ORDERS, order(account, "sell", 5500))
    for sent in (order("ANN", "buy", 5500, 50), order("ANN", "buy", 9999), order("ANN", "buy", 1)):
        assert "SECRET" not in str(client("POST", ORDERS, sent).headers)


def test_the_protocol_refuses_first() -> None:
    client = ruled([10**18])
    sent = order("ANN", "buy", 9999, 0)
    assert client("POST", ORDERS, sent).json["error"].startswith("Illegal value")
    sent = order("ANN", "buy", 9999, stock="OTHER")
    assert client("POST", ORDERS, sent).json["error"].endswith("disagreed with request URL")


def test_a_repeated_order_is_answered_again_whatever_the_rules_say_now() -> None:
    client = ruled([10**18])
    sent, once = order("ANN", "buy", 4500, 1), {"Idempotency-Key": "k"}
    first = client("POST", ORDERS, sent, once)
    for _ in range(2):
        client("POST", ORDERS, sent)
    assert client("POST", ORDERS, sent).status == 403
    assert client("POST", ORDERS, sent, once).json == first.json


def test_the_server_tells_its_rules() -> None:
    told = ruled([10**18])("GET", "/api/v1/server").json["rules"]
    market_rules = {
        "positionLimit": 100,
        "largestOrder": 50,
        "openOrders": 3,
        "band": 10,
        "startPrice": 5000,
        "ordersPerSecond": 5,
        "selfTrade": "refuse",
        "tickSize": 5,
    }
    assert told == [
        market_rules,
        {"venue": "TESTEX", "bandAround": "start"},
        {"venue": "TESTEX", "symbol": "OTHER", "takerFee": 2},
    ]
    assert "rules" not in Client()("GET", "/api/v1/server").json


def test_fees_are_in_the_account_s_figures_and_in_the_scores() -> None:
    clock = [10**18]
    rules = rule_book({"market": {"taker_fee": 20, "maker_fee": -10}})
    client = Client(clock=lambda: clock[0], rules=rules)
    for sent in (order("BOB", "sell", 5000, 10), order("ANN", "buy", 5000, 10)):
        client("POST", ORDERS, sent)
        clock[0] += 10**9
    told = {
        account: client("GET", f"/api/v1/venues/TESTEX/accounts/{account}?symbol=FOOBAR").json
        for account in ("ANN", "BOB")
    }
    [ann], [bob] = (each["stocks"] for each in told.values())
    assert (ann["fees"], ann["cash"], ann["nav"], ann["realised"]) == (100, -50100, -100, -100)
    assert (bob["fees"], bob["cash"], bob["nav"], bob["realised"]) == (-50, 50050, 50, 50)
    assert ann["realised"] + ann["unrealised"] == ann["nav"]
    [point] = client("GET", "/api/v1/venues/TESTEX/accounts/ANN/history?symbol=FOOBAR").json[
        "points"
    ]
    assert point["nav"] == -100
    scores = client("GET", f"{STOCK}/scores?format=csv").body.decode()
    assert "ANN" in scores and "-1" in scores
    free = Client()
    free("POST", ORDERS, BUY)
    [stock] = free("GET", f"/api/v1/venues/TESTEX/accounts/{BUY['account']}").json["stocks"]
    assert "fees" not in stock


def test_a_fee_is_off_the_curve_from_its_trade_on() -> None:
    clock = [10**18]
    rules = rule_book({"market": {"taker_fee": 20, "maker_fee": -10}})
    client = Client(clock=lambda: clock[0], rules=rules)
    for account, direction in (
        ("ANN", "buy"),
        ("BOB", "sell"),  # and ann is given 50 cents
        ("BOB", "buy"),
        ("ANN", "sell"),  # who pays 100 here
        ("ANN", "buy"),
        ("ANN", "sell"),  # and 50 for both sides
    ):
        client("POST", ORDERS, order(account, direction, 5000))
        clock[0] += 10**9

    def curve() -> list[int]:
        told = client("GET", "/api/v1/venues/TESTEX/accounts/ANN/history?symbol=FOOBAR").json
        return [point["nav"] for point in told["points"]]

    assert curve() == [50, -50, -100]
    # What other rules have asked for before a restart stands with no trade.
    client.services.exchange.book("TESTEX", "FOOBAR").positions["ANN"].charge(30)
    client("POST", ORDERS, order("BOB", "buy", 1))
    assert curve() == [50 - 7, -50 - 15, -100 - 30]
