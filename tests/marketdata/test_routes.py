"""The page's files and the routes that it asks."""

import csv
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files

import pytest
from wsgi import BUY, KEYS, ORDERS, Client

from disorderbook.api.app import make_app
from disorderbook.marketdata.history import RECENT_TRADES
from disorderbook.marketdata.routes import MOST_LEVELS, ROUTES

STOCK = "/api/v1/venues/TESTEX/stocks/FOOBAR"
SCRIPTS = sorted(
    file.name
    for file in (files("disorderbook.site") / "static").iterdir()
    if file.name.endswith(".js")
)
VOID = ("meta", "link", "path", "input")  # elements that have no end
OF_A_STOCK = [path.rpartition("/")[2] for _, path, _ in ROUTES if "<symbol>" in path]


class Tags(HTMLParser):
    """What is open at the end of a page, and every file that it loads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.files: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("script", "link"):
            self.files += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def test_the_page_is_well_formed_and_loads_nothing_from_elsewhere() -> None:
    client = Client()
    page = client("GET", "/")
    assert page.type == "text/html" and page.body.startswith(b"<!DOCTYPE html>")
    tags = Tags(page.body.decode())
    assert not tags.open
    kinds = {"js": "text/javascript", "css": "text/css"}
    for path in tags.files:
        if not path.startswith("data:"):
            assert client("GET", path).type == kinds[path.rpartition(".")[2]]


def test_nothing_but_our_own_files_may_run_in_the_page() -> None:
    client = Client()
    policy = client("GET", "/").headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self'; connect-src 'self';")
    assert "unsafe" not in policy
    client.app = make_app(replace(client.services, tape_port=9001))
    policy = client("GET", "/").headers["Content-Security-Policy"]
    assert "connect-src 'self' ws://127.0.0.1:9001 ws://localhost:9001;" in policy


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_makes_nothing_but_text_of_what_it_hears(script: str) -> None:
    text = Client()("GET", f"/static/{script}").body.decode()
    assert "'use strict'" in text
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)


def test_headers_come_also_by_the_longer_way_of_bottle() -> None:
    answer = Client()("GET", "//", headers={"Origin": "http://localhost"})
    assert answer.status == 200 and "Content-Security-Policy" in answer.headers


@pytest.mark.parametrize("what", OF_A_STOCK)
@pytest.mark.parametrize("place", ["NEW/stocks/FOOBAR", "TESTEX/stocks/NEW"])
def test_watching_opens_no_book(place: str, what: str) -> None:
    client = Client()
    answer = client("GET", f"/api/v1/venues/{place}/{what}")
    assert answer.error == (404, "There is no such stock at such a venue (create it by using it)")
    assert client("GET", "/api/v1/server").json["venues"] == [
        {"venue": "TESTEX", "symbols": ["FOOBAR"]},
    ]


@pytest.mark.parametrize(
    "question",
    [
        "trades?since=-1",
        "trades?since=x",
        "trades?since=",
        "trades?limit=501",
        "trades?limit=1.5",
        f"market?levels={MOST_LEVELS + 1}",
        "candles?span=5h",
        "candles?since=2026-01-01",
        f"candles?since={2**53 + 1}",
        "scores?limit=101",
    ],
)
def test_an_odd_question_is_refused(question: str) -> None:
    assert Client()("GET", f"{STOCK}/{question}").error == (
        400,
        "A parameter behind the question mark of the URL has an illegal value",
    )


def test_trades_can_be_followed_by_their_numbers() -> None:
    client, seen = Client(), []
    for qty in range(1, 6):
        client.order(qty=qty)
        client.order(direction="sell", account="BOB", qty=qty)
        seen += client("GET", f"{STOCK}/trades?since={len(seen)}").json["trades"]
    assert [(trade["number"], trade["qty"]) for trade in seen] == [(n, n) for n in range(1, 6)]
    assert {trade["direction"] for trade in seen} == {"sell"}
    assert client("GET", f"{STOCK}/trades?limit={RECENT_TRADES}").json["trades"] == seen
    assert client("GET", f"{STOCK}/trades?limit=2").json["trades"] == seen[3:]


def test_candles_hold_what_was_traded() -> None:
    client = Client()
    for price in (5000, 5010, 4990):
        client.order(price=price)
        client.order(direction="sell", price=price)
    for span in ("5m", "30m", "all"):
        told = client("GET", f"{STOCK}/candles?span={span}").json
        assert sum(candle["volume"] for candle in told["candles"]) == 30
        assert told["candles"][-1]["close"] == 4990


def test_with_keys_nothing_is_told_that_the_scores_hide() -> None:
    client = Client(keys=KEYS)
    for account, direction in (("BLSHBOTS", "buy"), ("NOISEBOTS", "sell")):
        order = BUY | {"account": account, "direction": direction, "price": 5003}
        placed = client("POST", ORDERS, order, {"Cookie": f"api_key={KEYS[account]}"})
        assert placed.status == 200
    told = {what: client("GET", f"{STOCK}/{what}").json for what in OF_A_STOCK}
    rows = told.pop("scores")["scores"]
    assert [row["account"] for row in rows] == ["BLSHBOTS", "NOISEBOTS"]
    assert all(row.keys() == {"account", "nav"} for row in rows)
    assert not any(name in json.dumps(told) for name in KEYS)
    assert client("GET", "/api/v1/server").json["needsKeys"] is True


WHO_ASKS = [
    ({}, None),
    ({"Cookie": "api_key=wrong"}, None),
    ({"X-Starfighter-Authorization": KEYS["EXB123456"]}, None),  # who has not traded
    ({"X-Starfighter-Authorization": KEYS["BLSHBOTS"]}, "BLSHBOTS"),
    ({"X-Stockfighter-Authorization": KEYS["NOISEBOTS"]}, "NOISEBOTS"),
    ({"Cookie": f"api_key={KEYS['NOISEBOTS']}"}, "NOISEBOTS"),
]


@pytest.mark.parametrize("headers, owner", WHO_ASKS)
def test_with_keys_holdings_are_told_to_their_owner_alone(
    headers: dict[str, str], owner: str | None
) -> None:
    client = Client(keys=KEYS)
    for account, direction in (("BLSHBOTS", "buy"), ("NOISEBOTS", "sell")):
        order = BUY | {"account": account, "direction": direction, "price": 5003}
        client("POST", ORDERS, order, {"Cookie": f"api_key={KEYS[account]}"})
    page = ORDERS.replace("orders", "scores")
    for path in (f"{STOCK}/scores", f"{page}?format=json"):
        rows = client("GET", path, headers=headers).json["scores"]
        assert {row["account"] for row in rows if row.keys() > {"account", "nav"}} == (
            {owner} if owner else set()
        )
    table = client("GET", f"{page}?format=csv", headers=headers).body
    for row in csv.DictReader(table.decode().splitlines()):
        assert (bool(row.get("lowest")) or bool(row.get("shares"))) is (row["account"] == owner)
    shown = client("GET", page, headers=headers).body
    told_to_all = client("GET", page).body
    assert shown.partition(b"Start")[0] == told_to_all.partition(b"Start")[0]
    assert shown.count(b"[hidden]") == 4


def test_the_scores_are_those_of_the_page_of_scores() -> None:
    client = Client()
    for account, direction in (("ANN", "buy"), ("BOB", "sell"), ("CAT", "sell")):
        client.order(account=account, direction=direction)
    told = client("GET", f"{STOCK}/scores?limit=1").json
    assert told["accounts"] == 2 and len(told["scores"]) == 1
    page = client("GET", ORDERS.replace("orders", "scores")).body.decode()
    assert told["scores"][0]["account"] in page.splitlines()[4]
