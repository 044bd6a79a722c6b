"""An account over HTTP: who may ask for which, and what is told."""

import gc
from typing import Any
from weakref import ref

import pytest
from level_player import player_with_clock, start, with_key
from wsgi import BUY, KEYS, ORDERS, Answer, Client

from disorderbook.errors import IllegalParameter, NoKey, NoSuchBook, WrongKey
from disorderbook.marketdata.account_routes import ROUTES
from disorderbook.protocol.names import DETAIL_HEADER

ANN = "/api/v1/venues/TESTEX/accounts/ANN"
WHAT = [path.partition("<account>")[2] for _, path, _ in ROUTES]


def traded() -> Client:
    """BOB has sold ANN 4 of 10 shares that she wanted at 50.00, and has bought one back."""
    client = Client()
    for account, direction, price, qty in (
        ("ANN", "buy", 5000, 10),
        ("BOB", "sell", 4900, 4),
        ("ANN", "sell", 5101, 3),
        ("BOB", "buy", 5101, 1),
    ):
        order = BUY | {"account": account, "direction": direction, "price": price, "qty": qty}
        assert client("POST", ORDERS, order).status == 200
    return client


def asked(client: Client, what: str, query: str = "", account: str = "ANN", **more: Any) -> Answer:
    needed = "symbol=FOOBAR" if what == "/history" and "symbol" not in query else ""
    joined = "&".join(filter(None, (query, needed)))
    path = f"/api/v1/venues/TESTEX/accounts/{account}{what}"
    return client("GET", f"{path}?{joined}" if joined else path, **more)


def test_a_position_is_told_with_its_profit() -> None:
    told = asked(traded(), "").json
    assert told["venue"] == "TESTEX" and told["account"] == "ANN" and told["ts"].endswith("Z")
    assert told["stocks"] == [
        {
            "symbol": "FOOBAR",
            "cash": 5101 - 4 * 5000,
            "shares": 3,
            "lowest": 0,
            "highest": 4,
            "last": 5101,
            "mid": 5050.5,
            "mark": 5101,
            "nav": 404,
            "navAtMid": 5101 - 20000 + 3 * 5050.5,
            "averagePrice": 5000.0,
            "realised": 101,
            "unrealised": 303,
            "fills": 2,
            "open": {"buy": {"orders": 1, "qty": 6}, "sell": {"orders": 1, "qty": 2}},
        }
    ]


def test_an_order_that_has_not_traded_is_a_position_of_nothing() -> None:
    client = Client()
    client("POST", ORDERS, BUY)
    [stock] = asked(client, "").json["stocks"]
    assert not {"last", "mid", "navAtMid", "averagePrice"} & stock.keys()
    assert stock["nav"] == stock["fills"] == 0
    assert stock["open"]["buy"] == {"orders": 1, "qty": 10}


def test_orders_are_told_as_ever_and_with_what_is_ahead() -> None:
    client = traded()
    client("POST", ORDERS, BUY | {"account": "ANN", "qty": 7})
    orders = asked(client, "/orders").json["orders"]
    assert [order.pop("ahead") for order in orders] == [0, 0, 6]
    assert orders == [client("GET", f"{ORDERS}/{order['id']}").json for order in orders]
    client("DELETE", f"{ORDERS}/0")
    orders = asked(client, "/orders").json["orders"]
    assert "ahead" not in orders[0] and orders[2]["ahead"] == 0
    some = asked(client, "/orders", "open=true&since=1&limit=1").json["orders"]
    assert [order["id"] for order in some] == [2]
    assert asked(client, "/orders", "limit=0").json["orders"] == []


def test_fills_are_numbered_and_say_who_took() -> None:
    client = traded()
    first, second = asked(client, "/fills").json["fills"]
    assert (first["number"], first["id"], first["direction"], first["qty"]) == (1, 0, "buy", 4)
    assert (first["isTake"], first["position"], second["position"]) == (False, 4, 3)
    assert asked(client, "/fills", "since=1").json["fills"] == [second]
    assert asked(client, "/fills", "limit=1").json["fills"] == [first]
    assert asked(client, "/fills", "limit=0").json["fills"] == []
    assert all(fill["isTake"] for fill in asked(client, "/fills", account="BOB").json["fills"])


def test_the_curve_ends_at_the_net_asset_value() -> None:
    told = asked(traded(), "/history").json
    assert told["symbol"] == "FOOBAR" and told["width"] == 1
    last = told["points"][-1]
    assert (last["nav"], last["shares"], last["price"]) == (404, 3, 5101)
    assert asked(traded(), "/history", "since=99999999999").json["points"] == []


def test_several_stocks_are_told_book_after_book() -> None:
    client = traded()
    other = ORDERS.replace("FOOBAR", "OTHER")
    client("POST", other, BUY)
    client("POST", other, BUY | {"account": "BOB", "direction": "sell", "qty": 2})
    client("POST", other, BUY | {"account": "CAT"})
    assert [s["symbol"] for s in asked(client, "").json["stocks"]] == ["FOOBAR", "OTHER"]
    assert [s["symbol"] for s in asked(client, "", account="CAT").json["stocks"]] == ["OTHER"]
    assert [s["symbol"] for s in asked(client, "", "symbol=OTHER").json["stocks"]] == ["OTHER"]
    fills = asked(client, "/fills").json["fills"]
    assert [(fill["symbol"], fill["number"]) for fill in fills] == [
        ("FOOBAR", 1),
        ("FOOBAR", 2),
        ("OTHER", 1),
    ]
    orders = asked(client, "/orders", "symbol=OTHER").json["orders"]
    assert [order["symbol"] for order in orders] == ["OTHER"]


@pytest.mark.parametrize("what", WHAT)
def test_who_never_traded_has_nothing_and_opens_nothing(what: str) -> None:
    client = Client()
    told = asked(client, what, account="NOBODY").json
    rows = told.get("stocks", told.get("orders", told.get("fills", told.get("points"))))
    assert rows == []
    answer = client("GET", f"/api/v1/venues/NEWEX/accounts/ANN{what}")
    assert answer.error == (404, "Venue NEWEX does not exist (create it by using it)")
    assert answer.headers[DETAIL_HEADER]
    answer = asked(client, what, "symbol=NEW")
    assert answer.error == (404, NoSuchBook.sentence) and answer.headers[DETAIL_HEADER]
    assert list(client.services.exchange.venues()) == ["TESTEX"]


@pytest.mark.parametrize(
    "what, query",
    [
        ("/orders", "open=false"),
        ("/orders", "limit=1001"),
        ("/orders", "since=-1"),
        ("/fills", "limit=1001"),
        ("/fills", "since=x"),
        ("/history", "since=1.5"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused_and_shown(what: str, query: str) -> None:
    answer = asked(traded(), what, query)
    assert answer.error == (400, IllegalParameter.sentence)
    assert query.partition("=")[0] in answer.headers[DETAIL_HEADER]


def test_a_curve_is_of_one_stock() -> None:
    answer = traded()("GET", f"{ANN}/history")
    assert answer.error == (400, IllegalParameter.sentence)
    assert "symbol" in answer.headers[DETAIL_HEADER]


@pytest.mark.parametrize("what", WHAT)
def test_where_there_are_keys_the_owner_alone_is_told(what: str) -> None:
    client, name = Client(keys=KEYS), "EXB123456"
    assert asked(client, what, account=name, headers=with_key(KEYS[name])).status == 200
    for key in (None, "wrong", KEYS["NOISEBOTS"]):
        for account in (name, "NOBODY"):  # who is known and who is not, answered alike
            refusal = asked(client, what, account=account, headers=with_key(key)).error
            assert refusal == (401, (NoKey if key is None else WrongKey).sentence)
            unknown = f"/api/v1/venues/NEWEX/accounts/{account}{what}"
            assert client("GET", unknown, headers=with_key(key)).error == refusal


def test_at_a_levels_venue_the_player_alone_is_told() -> None:
    client, _ = player_with_clock()
    level = start(client, "first_steps", key="mine").start
    (venue,), (symbol,) = level["venues"], level["tickers"]
    market = next(iter(client.services.exchange.books(venue)))
    bot = next(iter(market.positions))
    for what in WHAT:
        for account, key, status in (
            (level["account"], "mine", 200),
            (level["account"], "other", 401),
            (level["account"], None, 401),
            (bot, "mine", 401),
        ):
            path = f"/api/v1/venues/{venue}/accounts/{account}{what}?symbol={symbol}"
            assert client("GET", path, headers=with_key(key)).status == status


def test_a_levels_market_is_let_go_with_its_venue() -> None:
    client, _ = player_with_clock()
    level = start(client, "first_steps")
    (venue,), account = level.start["venues"], level.start["account"]
    path = f"/api/v1/venues/{venue}/accounts/{account}"
    book = ref(next(iter(client.services.exchange.books(venue))))
    level.order("buy", 1, 1)
    assert client("GET", path).json["stocks"]
    assert client("POST", f"/gm/instances/{level.id}/stop").status == 200
    assert client("GET", path).status == 404
    gc.collect()
    assert book() is None
