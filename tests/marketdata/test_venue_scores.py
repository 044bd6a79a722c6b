"""The scores of a venue: all stocks together, what is hidden from whom, and over time."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from controlled_market import Assembled
from wsgi import Client

from disorderbook.accounts import Accounts
from disorderbook.api.app import make_app
from disorderbook.assembly import MarketSettings, assemble
from disorderbook.marketdata import ranking, venue_scores
from disorderbook.marketdata.venue_scores import MOST_VENUE_SCORES
from disorderbook.protocol.names import MAX_PRICE, MAX_QUANTITY
from disorderbook.protocol.route import STEP_BYTES
from disorderbook.timeline.clock import clock_settings

VENUE = "/api/v1/venues/TESTEX"
KEYS = {"ANN": "annkey", "BOB": "bobkey", "CAT": "catkey"}
LONG = "\N{OHM SIGN}" * 255


def send(client: Client, account: str, side: str, price: int, qty: int, stock: str) -> None:
    body = {"account": account, "direction": side, "orderType": "limit", "price": price, "qty": qty}
    headers = {"X-Starfighter-Authorization": KEYS[account]} if account in KEYS else {}
    answer = client("POST", f"/ob/api/venues/TESTEX/stocks/{stock}/orders", body, headers)
    assert answer.status == 200, answer.body


def trade(
    client: Client, buyer: str, seller: str, price: int, qty: int = 1, stock: str = "FOOBAR"
) -> None:
    send(client, seller, "sell", price, qty, stock)
    send(client, buyer, "buy", price, qty, stock)


def scores(client: Client, query: str = "", key: str | None = None) -> Any:
    headers = {} if key is None else {"X-Starfighter-Authorization": key}
    answer = client("GET", f"{VENUE}/scores{query}", headers=headers)
    assert answer.status == 200, answer.body
    return answer.json


def two_stocks(client: Client) -> None:
    trade(client, "ANN", "BOB", 5000, 10)
    trade(client, "CAT", "ANN", 200, 5, "OTHER")
    trade(client, "BOB", "CAT", 5150, 1)
    trade(client, "CAT", "CAT", 210, 1, "OTHER")


def test_all_stocks_count_together_and_the_best_is_first() -> None:
    client = Client()
    two_stocks(client)
    told = scores(client)
    assert told["mark"] == "last" and told["accounts"] == 3 and "frozenAt" not in told
    assert told["stocks"] == [
        {"symbol": "FOOBAR", "price": 5150},
        {"symbol": "OTHER", "price": 210},
    ]
    assert told["scores"] == [
        {"account": "ANN", "nav": 1500 - 50, "trades": 2, "cash": -49000, "shares": 5},
        {"account": "CAT", "nav": 50, "trades": 3, "cash": 4150, "shares": 4},
        {"account": "BOB", "nav": -1500, "trades": 2, "cash": 44850, "shares": -9},
    ]
    assert told["startTime"] < told["currentTime"]
    one = scores(client, "?symbol=OTHER&limit=1")
    assert [stock["symbol"] for stock in one["stocks"]] == ["OTHER"] and one["accounts"] == 2
    assert one["scores"] == [
        {"account": "CAT", "nav": 50, "trades": 2, "cash": -1000, "shares": 5},
    ]


def test_nobody_is_listed_before_a_trade() -> None:
    client = Client()
    client.order()
    assert scores(client)["scores"] == [] and scores(client)["accounts"] == 0
    assert scores(client, "?over=time") == {
        "ok": True,
        "venue": "TESTEX",
        "step": 2,
        "times": [],
        "scores": [],
    }


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{VENUE}/scores?over=money", 400),
        (f"{VENUE}/scores?limit={MOST_VENUE_SCORES + 1}", 400),
        (f"{VENUE}/scores?symbol=NONE", 404),
        ("/api/v1/venues/NONE/scores", 404),
    ],
)
def test_what_cannot_be_told_is_refused_and_opens_nothing(path: str, status: int) -> None:
    client = Client()
    assert client("GET", path).status == status
    assert client.services.exchange.book_count == 1


def test_holdings_are_told_to_their_owner_and_the_admin() -> None:
    client = Client(keys=KEYS, admin_key="adminkey")
    two_stocks(client)
    for key in (None, "wrong", "annkey", "adminkey"):
        for row in scores(client, key=key)["scores"]:
            is_told = key == "adminkey" or (key, row["account"]) == ("annkey", "ANN")
            assert ("cash" in row) == ("shares" in row) == is_told
            assert is_told or row["nav"] % 100 == 0
    assert [row["nav"] for row in scores(client)["scores"]] == [1400, 0, -1500]


def test_an_account_without_a_key_is_not_listed_any_more() -> None:
    client = Client(keys=KEYS)
    two_stocks(client)
    assert scores(client)["accounts"] == 3
    client.services.accounts.replace({name: KEYS[name] for name in ("BOB", "CAT")})
    told = scores(client)
    assert told["accounts"] == 2 and [row["account"] for row in told["scores"]] == ["CAT", "BOB"]
    over_time = scores(client, "?over=time")
    assert [row["account"] for row in over_time["scores"]] == ["CAT", "BOB"]
    for symbol in ("FOOBAR", "OTHER"):
        path = f"/venues/TESTEX/stocks/{symbol}/scores"
        listed, kept = (
            {row["account"] for row in client("GET", each).json["scores"]}
            for each in (f"/api/v1{path}", f"/ob/api{path}?format=json")
        )
        assert kept - listed == {"ANN"}  # the wire stays as it is


def test_values_have_no_bound_and_names_no_shape() -> None:
    client = Client()
    for _ in range(5):
        trade(client, LONG, "<b>&\"'", MAX_PRICE, MAX_QUANTITY)
    trade(client, LONG, "<b>&\"'", 1, 1)
    best, worst = scores(client)["scores"]
    assert best["account"] == "<b>&\"'" and worst["account"] == LONG
    assert best["nav"] == -worst["nav"] == 5 * MAX_QUANTITY * (MAX_PRICE - 1) > 2**64
    assert best["trades"] == 6


def test_rankings_are_shared_until_something_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    two_stocks(client)
    begun: list[ranking.VenueRanking] = []
    gather = ranking.VenueRanking._gather

    def note(self: ranking.VenueRanking) -> Iterator[None]:
        begun.append(self)
        return gather(self)

    added: list[ranking.Total] = []
    add = ranking.Total.add

    def note_total(self: ranking.Total, *what: Any) -> None:
        added.append(self)
        add(self, *what)

    monkeypatch.setattr(ranking.VenueRanking, "_gather", note)
    monkeypatch.setattr(ranking.Total, "add", note_total)
    times = [scores(client)["currentTime"] for _ in range(3)]
    assert len(begun) == 1 and times == sorted(set(times))
    assert len(added) == 5, "so many positions are there, and each was looked at once"
    scores(client, "?over=time")
    scores(client, "?symbol=OTHER")
    assert len(begun) == 2
    client.services.exchange.settle(client.services.exchange.book("TESTEX", "OTHER"), 77)
    assert scores(client)["stocks"][1] == {"symbol": "OTHER", "price": 77, "settled": 77}
    trade(client, "ANN", "BOB", 5000)
    scores(client)
    assert len(begun) == 4


def test_many_are_ranked_and_told_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "AT_ONCE", 20)
    monkeypatch.setattr(venue_scores, "SCORES_AT_ONCE", 20)
    client = Client(clock=itertools.count(1).__next__)  # nanoseconds, however busy the machine is
    for number in range(60):
        trade(client, f"buyer-{number:03}", f"seller-{number:03}", 100 + number)
        trade(client, f"seller-{number:03}", f"buyer-{number:03}", 10, 1, "OTHER")
    lock, steps = client.services.exchange.lock, []
    for step in client.steps(f"{VENUE}/scores?limit=1000"):
        assert not lock.locked() and len(step) < STEP_BYTES
        steps.append(step)
    told = json.loads(b"".join(steps))
    navs = [row["nav"] for row in told["scores"]]
    assert navs == sorted(navs, reverse=True) and len(navs) == told["accounts"] == 120
    assert max(step.count(b'"nav"') for step in steps) <= 10  # two books each
    assert len(steps) > 240 // 20 + 120 // 10
    # A ranking that was dear is used for a while, whatever is traded.
    trade(client, "late", "late", 100)
    again = json.loads(b"".join(client.steps(f"{VENUE}/scores?limit=0")))
    assert again["currentTime"] == told["currentTime"] and again["accounts"] == 120


def stepped(client: Assembled) -> None:
    trade(client, "ANN", "BOB", 5000, 10)
    client.advance(3)
    trade(client, "CAT", "CAT", 5010)
    client.advance(100)
    trade(client, "CAT", "BOB", 5020)
    client.advance(2)


def test_what_accounts_were_worth_over_time() -> None:
    settings = MarketSettings(clock=clock_settings("stepped"))
    with assemble(settings, Accounts()) as services:
        client = Assembled(services)
        stepped(client)
        told = scores(client, "?over=time")
        assert told["step"] == 2 and [time[14:19] for time in told["times"]] == [
            "46:42",
            "46:44",
            "48:22",
            "48:24",
        ]
        assert told["scores"] == [
            {"account": "ANN", "nav": [0, 100, 100, 200]},
            {"account": "CAT", "nav": [None, 0, 0, 0]},
            {"account": "BOB", "nav": [0, -100, -100, -200]},
        ]
        rows = scores(client)["scores"]
        assert [(row["account"], row["change"]) for row in rows] == [
            ("ANN", 100),
            ("CAT", 0),
            ("BOB", -100),
        ]
        assert scores(client, "?over=time&limit=1")["scores"] == told["scores"][:1]
        services.exchange.book("TESTEX", "OTHER")
        of_one = scores(client, "?over=time&symbol=FOOBAR")
        assert of_one["times"] == [] and of_one["scores"][0] == {"account": "ANN", "nav": []}
        assert "change" not in scores(client, "?symbol=FOOBAR")["scores"][0]


def test_values_over_time_are_in_whole_dollars_where_holdings_are_hidden() -> None:
    settings = MarketSettings(clock=clock_settings("stepped"), admin_key="adminkey")
    with assemble(settings, Accounts(KEYS)) as services:
        client = Assembled(services)
        stepped(client)
        trade(client, "CAT", "CAT", 5055)
        client.advance(2)
        for key, own in (("annkey", {"ANN"}), ("adminkey", set(KEYS)), (None, set())):
            for row in scores(client, "?over=time", key)["scores"]:
                exact = [nav for nav in row["nav"] if nav and nav % 100]
                assert bool(exact) == (row["account"] in own), (key, row)
            changes = {r["account"]: r["change"] for r in scores(client, key=key)["scores"]}
            assert changes["ANN"] == (450 if "ANN" in own else 400)


def test_a_level_is_told_of_to_its_player_alone() -> None:
    client = Client()
    started = client("POST", "/gm/levels/first_steps").json
    venue, account = started["venues"][0], started["account"]
    stock = f"/ob/api/venues/{venue}/stocks/{started['tickers'][0]}"
    order = {"account": account, "direction": "buy", "orderType": "market", "price": 0, "qty": 1}
    assert client("POST", f"{stock}/orders", order).status == 200
    told = client("GET", f"/api/v1/venues/{venue}/scores").json
    assert {row["account"] for row in told["scores"]} <= {account} and told["mark"] == "last"
    key = {"X-Starfighter-Authorization": "somebody else"}
    assert client("GET", f"/api/v1/venues/{venue}/scores", headers=key).json["scores"] == []


def test_the_app_can_be_made_without_a_scoreboard_of_its_own() -> None:
    client = Client()
    assert make_app(client.services) is not None
