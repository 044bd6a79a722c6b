"""The routes of the admin: who may ask them, what they refuse, and that nothing changes then."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from administered import (
    ADMIN,
    KEY,
    PLACE,
    STUDENTS,
    Administered,
    accounts_file,
    administered,
    keyed,
)
from wsgi import BUY, ORDERS, Client

from disorderbook.accounts import Accounts
from disorderbook.admin.routes import ADMIN_ROUTES, MOST_TOLD
from disorderbook.api.app import make_app
from disorderbook.assembly import MarketSettings, assemble
from disorderbook.protocol.names import MAX_PRICE

BAD_JSON = (400, "Incoming data was not valid JSON")
MISSING = (400, "Incoming POST was missing required field")
WRONG_TYPE = (400, "A value in the POST had the wrong type")
ILLEGAL = (400, "Illegal value (usually a non-positive number)")
NO_STOCK = (404, "There is no such stock at such a venue (create it by using it)")
NO_VENUE = (404, "Venue NOWHERE does not exist (create it by using it)")
NOT_ADMIN = (401, "This needs the admin's key (see --admin-key-file)")
SETTLED = (403, "This stock is settled: it takes no orders any more")
NO_ACCOUNT = (404, "There is no account of this name")

# Each action in a form that is done.
FINE: dict[str, dict[str, object]] = {
    "open": {"venue": "NEW", "symbol": "STOCK", "halted": True},
    "halt": PLACE | {"reason": "lunch"},
    "resume": PLACE,
    "settle": PLACE | {"price": 5000},
    "reset": PLACE,
    "cancel": {"account": "ANN"},
    "expel": {"account": "ANN"},
    "add": {"account": "CAROL"},
    "rekey": {"account": "ANN"},
    "announce": {"text": "Hello"},
    "countdown": {"seconds": 60, "text": "Round 1"},
    "freeze": {"venue": "TESTEX"},
    "reveal": {"venue": "TESTEX"},
}


@pytest.fixture(scope="module")
def shared() -> Iterator[Administered]:
    """Keys are needed; one stock is settled, one halted, and ANN has an order in the first."""
    with administered(dict(STUDENTS)) as client:
        ann = keyed("annkey")
        client("POST", ORDERS, BUY, ann)
        client("POST", ORDERS.replace("FOOBAR", "DONE"), BUY, ann)
        client("POST", ORDERS.replace("TESTEX", "ENDED"), BUY, ann)
        assert client.as_admin("settle", {"venue": "TESTEX", "symbol": "DONE", "price": 1}).ok
        assert client.as_admin("settle", {"venue": "ENDED", "price": 0}).ok
        assert client.as_admin("halt", PLACE | {"reason": "lunch"}).ok
        yield client


def test_every_action_has_a_form_that_is_done() -> None:
    names = {path.rpartition("/")[2] for method, path, _ in ADMIN_ROUTES if method == "POST"}
    assert {"admin", *FINE} == {"admin", *names}
    for action, fields in FINE.items():
        with administered(dict(STUDENTS)) as client:
            answer = client.as_admin(action, fields)
            assert answer.ok, answer


@pytest.mark.parametrize("method, path, _", ADMIN_ROUTES)
def test_without_an_admins_key_a_route_is_an_unknown_path(
    method: str, path: str, _: object
) -> None:
    client = Client()
    with assemble(MarketSettings(has_control=True), Accounts()) as services:
        client.app = make_app(services)
        assert client(method, path).body == client(method, "/api/v1/nowhere").body
        assert client(method, path, b"", keyed(KEY)).status == 404


@pytest.mark.parametrize("accounts", [None, STUDENTS], ids=["open", "with keys"])
def test_the_admins_key_is_needed_and_no_other(accounts: dict[str, str] | None) -> None:
    with administered(accounts) as client:
        before = client.status()
        for action, fields in [("", b""), *FINE.items(), ("halt", b"{")]:
            for key in (None, "", "annkey", KEY[:-1], KEY + "x", "x" * 2000):
                answer = client.as_admin(action, fields, key)
                assert answer.error == NOT_ADMIN, (action, key)
        assert client.status() == before


def test_pages_of_other_origins_and_names_may_not_act(shared: Administered) -> None:
    before = shared.status()
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
    ):
        for action, fields in FINE.items():
            answer = shared("POST", f"{ADMIN}/{action}", fields, keyed(KEY) | headers)
            assert answer.status == 403, (action, headers)
    assert shared.status() == before


def test_the_key_is_good_through_a_proxy_too(shared: Administered) -> None:
    forwarded = {"X-Forwarded-For": "192.0.2.1", "X-Real-IP": "192.0.2.1", "Forwarded": "for=x"}
    assert shared("GET", ADMIN, b"", keyed(KEY) | forwarded).status == 200
    assert shared("GET", ADMIN, b"", keyed("annkey") | forwarded).error == NOT_ADMIN
    path = "/api/v1/clock"  # which stays with whoever asks the exchange itself
    assert shared("POST", path, {"advance": 0}, keyed(KEY) | forwarded).status == 403


NAME = "x" * 256
REFUSED: list[tuple[str, object, tuple[int, str]]] = [
    *[(action, b"{", BAD_JSON) for action in FINE],
    *[(action, b"", BAD_JSON) for action in FINE],
    *[(action, b"[]", WRONG_TYPE) for action in FINE],
    *[(action, {}, MISSING) for action in FINE],
    *[(action, fields | {"why": 1}, ILLEGAL) for action, fields in FINE.items()],
    *[(action, fields | {"Venue": "X"}, ILLEGAL) for action, fields in FINE.items()],
    *[
        (action, fields | {field: value}, error)
        for action, fields in FINE.items()
        for field, values in {
            "venue": (7, None, "", NAME, ["TESTEX"]),
            "symbol": (7, None, "", NAME),
            "account": (7, None, "", NAME),
        }.items()
        if field in fields
        for value in values
        for error in [ILLEGAL if isinstance(value, str) else WRONG_TYPE]
    ],
    *[
        (action, PLACE | {"symbol": "NONE"}, NO_STOCK)
        for action in ("halt", "resume", "settle", "reset")
    ],
    *[
        (action, PLACE | {"venue": "NOWHERE"}, NO_VENUE)
        for action in ("halt", "resume", "settle", "reset")
    ],
    ("cancel", {"account": "ANN", "venue": "NOWHERE"}, NO_VENUE),
    ("freeze", {"venue": "NOWHERE"}, NO_VENUE),
    ("reveal", {"venue": "NOWHERE"}, NO_VENUE),
    ("cancel", {"account": "ANN", "venue": "TESTEX", "symbol": "NONE"}, NO_STOCK),
    ("cancel", {"account": "ANN", "symbol": "FOOBAR"}, MISSING),
    ("cancel", {"account": "ANN", "venue": None}, WRONG_TYPE),
    ("reset", {"venue": "TESTEX"}, MISSING),
    ("halt", PLACE | {"reason": ""}, ILLEGAL),
    ("halt", PLACE | {"reason": "x" * 201}, ILLEGAL),
    ("halt", PLACE | {"reason": "two\nlines"}, ILLEGAL),
    ("halt", PLACE | {"reason": None}, WRONG_TYPE),
    ("halt", {"venue": "TESTEX", "symbol": "DONE"}, SETTLED),
    ("halt", {"venue": "ENDED"}, SETTLED),
    ("resume", {"venue": "TESTEX", "symbol": "DONE"}, SETTLED),
    ("settle", {"venue": "TESTEX", "symbol": "DONE", "price": 5}, SETTLED),
    ("settle", {"venue": "TESTEX", "symbol": "DONE", "price": 1}, SETTLED),
    ("settle", {"venue": "ENDED"}, SETTLED),
    ("settle", PLACE | {"price": -1}, ILLEGAL),
    ("settle", PLACE | {"price": MAX_PRICE + 1}, ILLEGAL),
    ("settle", PLACE | {"price": 10**30}, ILLEGAL),
    *[("settle", PLACE | {"price": price}, WRONG_TYPE) for price in ("5", 5.0, True, None, [5])],
    (
        "settle",
        {"venue": "TESTEX"},
        (400, "Nothing was traded in this stock, so a price to settle it at must be given"),
    ),
    ("open", {"venue": "A/B", "symbol": "S"}, ILLEGAL),
    ("open", {"venue": "A", "symbol": ".."}, ILLEGAL),
    ("open", {"venue": "A\n", "symbol": "S"}, ILLEGAL),
    ("open", {"venue": "A", "symbol": "S", "halted": "yes"}, WRONG_TYPE),
    ("open", {"venue": "TESTEX", "symbol": "DONE", "halted": True}, SETTLED),
    ("expel", {"account": "NOBODY"}, NO_ACCOUNT),
    ("rekey", {"account": "NOBODY"}, NO_ACCOUNT),
    ("add", {"account": "ANN"}, (400, "There is an account of this name already")),
    ("add", {"account": "two\nlines"}, ILLEGAL),
    ("announce", {"text": "x" * 201}, ILLEGAL),
    ("announce", {"text": "two\nlines"}, ILLEGAL),
    ("announce", rb'{"text": "\ud800"}', ILLEGAL),
    ("announce", {"text": 5}, WRONG_TYPE),
    ("countdown", {"seconds": -1}, ILLEGAL),
    ("countdown", {"seconds": 86401}, ILLEGAL),
    ("countdown", {"seconds": 1.5}, WRONG_TYPE),
    ("countdown", {"seconds": "60"}, WRONG_TYPE),
    ("countdown", {"seconds": 60, "text": "x" * 101}, ILLEGAL),
    ("countdown", {"seconds": 60, "text": None}, WRONG_TYPE),
]


def test_what_makes_no_sense_is_refused_and_changes_nothing(shared: Administered) -> None:
    before = shared.status()
    for action, body, error in REFUSED:
        answer = shared.as_admin(action, body)
        assert answer.error == error, (action, body)
    assert shared.status() == before


def test_a_levels_stock_is_left_alone() -> None:
    with administered() as client:
        started = client("POST", "/gm/levels/first_steps").json
        place = {"venue": started["venues"][0], "symbol": started["tickers"][0]}
        before = client.status()
        refused = (
            400,
            "This stock belongs to a level, which is restarted, paused or stopped instead",
        )
        for action, fields in {
            "open": place,
            "halt": place,
            "resume": {"venue": place["venue"]},
            "settle": place | {"price": 5},
            "reset": place,
            "cancel": place | {"account": started["account"]},
            "freeze": {"venue": place["venue"]},
            "reveal": {"venue": place["venue"]},
        }.items():
            assert client.as_admin(action, fields).error == refused, action
        assert client.status() == before
        assert client.as_admin("cancel", {"account": started["account"]}).json["cancelled"] == 0


def test_all_stocks_of_a_venue_are_halted_and_settled_in_one_go() -> None:
    with administered() as client:
        for symbol in ("FOOBAR", "B", "C"):
            path = ORDERS.replace("FOOBAR", symbol)
            client("POST", path, BUY)
            if symbol != "C":
                client("POST", path, BUY | {"account": "BOB", "direction": "sell"})
        client("POST", ORDERS.replace("TESTEX", "OTHER"), BUY)
        assert client.as_admin("halt", {"venue": "TESTEX"}).ok
        notices = client("GET", "/api/v1/notices").json
        assert [halt["symbol"] for halt in notices["halts"]] == ["FOOBAR", "B", "C"]
        assert notices["halts"][0]["reason"] == "the exchange's owner has halted it"
        assert client.order().error == (403, "Trading in this stock is halted")
        assert client.as_admin("settle", {"venue": "TESTEX"}).status == 400  # C has no price
        assert client.as_admin("settle", PLACE | {"symbol": "C", "price": 0}).ok
        assert client.as_admin("resume", {"venue": "TESTEX"}).ok
        assert client("GET", "/api/v1/notices").json["halts"] == []
        assert client.as_admin("settle", {"venue": "TESTEX"}).ok
        settled = client("GET", "/api/v1/notices").json["settlements"]
        assert [(each["symbol"], each["price"]) for each in settled] == [
            ("C", 0),
            ("FOOBAR", 5000),
            ("B", 5000),
        ]
        refused = client.order()
        assert refused.error == SETTLED
        detail = json.loads(refused.headers["X-Error-Detail"])
        assert detail == "it was closed for good at 5000 cents a share"
        assert client("POST", ORDERS.replace("TESTEX", "OTHER"), BUY).status == 200
        assert client.as_admin("reset", PLACE).ok and client.order().json["id"] == 0


def test_a_stock_is_opened_halted_or_not_and_again() -> None:
    with administered(max_books=2) as client:
        new = {"venue": "ROUND1", "symbol": "ÄPFEL"}
        for _ in range(2):
            assert client.as_admin("open", new | {"halted": True}).ok
        orders = ORDERS.replace("TESTEX", "ROUND1").replace("FOOBAR", "%C3%84PFEL")
        assert client("POST", orders, BUY).status == 403
        assert client.as_admin("resume", {"venue": "ROUND1"}).ok
        assert client.as_admin("open", new).ok and client("POST", orders, BUY).status == 200
        before = client.status()
        refused = client.as_admin("open", new | {"symbol": "MORE"})
        assert refused.error == (400, "Book limit exceeded! (See command line options)")
        assert client.status() == before


def test_everybody_is_told_the_announcement_and_the_time_left() -> None:
    with administered() as client:

        def told() -> dict[str, Any]:
            answer: dict[str, Any] = client("GET", "/api/v1/notices").json
            assert {k: v for k, v in client.as_admin("").json.items() if k in answer} == answer
            return answer

        assert told() == {"ok": True, "halts": [], "settlements": []}
        assert client.as_admin("announce", {"text": "<b>Round 1 & so on</b>"}).ok
        assert client.as_admin("countdown", {"seconds": 100, "text": "Round 1"}).ok
        assert told()["announcement"]["text"] == "<b>Round 1 & so on</b>"
        client.advance(40.25)
        assert told()["countdown"]["seconds"] == 59.75
        assert told()["countdown"]["endsAt"][:19] == "2015-12-13T09:48:20"
        client.advance(60)
        assert told()["countdown"]["seconds"] == 0  # so that everybody sees that it is over
        client.advance(60)
        assert "countdown" not in told()
        assert client.as_admin("countdown", {"seconds": 100}).ok
        assert told()["countdown"]["text"] == ""
        assert client.as_admin("countdown", {"seconds": 0}).ok
        assert client.as_admin("announce", {"text": ""}).ok
        assert told() == {"ok": True, "halts": [], "settlements": []}


def test_frozen_scores_are_shown_to_the_admin_alone_until_they_are_revealed() -> None:
    def nav(*headers: dict[str, str]) -> tuple[int, bool]:
        told = client("GET", "/api/v1/venues/TESTEX/scores", b"", *headers).json
        return max(score["nav"] for score in told["scores"]), "frozenAt" in told

    with administered() as client:
        client.order(price=100)
        client.order(account="BOB", direction="sell", price=100)
        assert client.as_admin("freeze", {"venue": "TESTEX"}).ok
        assert client.as_admin("").json["frozen"] == ["TESTEX"]
        assert client.as_admin("settle", {"venue": "TESTEX", "price": 400}).ok
        assert nav() == (0, True) and nav(keyed(KEY)) == (3000, False)
        for _ in range(2):
            assert client.as_admin("reveal", {"venue": "TESTEX"}).ok
        assert nav() == (3000, False) and client.as_admin("").json["frozen"] == []


def test_a_page_is_told_of_no_more_than_a_hundred_stocks() -> None:
    with administered(max_books=MOST_TOLD + 10) as client:
        for number in range(MOST_TOLD + 5):
            client.services.exchange.book("TESTEX", str(number))
        assert client.as_admin("halt", {"venue": "TESTEX"}).ok
        assert len(client("GET", "/api/v1/notices").json["halts"]) == MOST_TOLD
        assert len(client.as_admin("").json["halts"]) == MOST_TOLD + 6


def test_an_account_that_is_added_trades_at_once_and_one_that_is_expelled_no_more(
    tmp_path: Path,
) -> None:
    file = accounts_file(tmp_path)
    with administered(file) as client:
        made = client.as_admin("add", {"account": "CAROL"}).json
        assert made.keys() == {"ok", "account", "key"} and made["account"] == "CAROL"
        order = BUY | {"account": "CAROL"}
        assert client("POST", ORDERS, order, keyed(made["key"])).status == 200
        newer = client.as_admin("rekey", {"account": "CAROL"}).json["key"]
        assert client("POST", ORDERS, order, keyed(made["key"])).status == 401
        assert client("POST", ORDERS, order, keyed(newer)).status == 200
        client("POST", ORDERS, BUY, keyed("annkey"))
        version = client.services.accounts.version
        gone = client.as_admin("expel", {"account": "CAROL"}).json
        assert gone == {"ok": True, "account": "CAROL", "cancelled": 2}
        assert client("POST", ORDERS, order, keyed(newer)).status == 401
        assert client.services.accounts.version > version  # which closes its websockets
        [book] = client.services.exchange.books("TESTEX")
        assert book.bids.depth == 10
        assert client.as_admin("").json["accounts"] == ["ANN", "BOB"]
        assert json.loads(file.read_text()) == STUDENTS
        assert client.as_admin("cancel", {"account": "CAROL"}).json["cancelled"] == 0


def test_without_accounts_there_are_none_to_change() -> None:
    with administered() as client:
        before = client.status()
        for action in ("add", "rekey", "expel"):
            refused = client.as_admin(action, {"account": "ANN"})
            assert refused.error == (
                400,
                "This exchange has no accounts (start it with --accounts)",
            )
        assert client.status() == before and "accounts" not in client.as_admin("").json
