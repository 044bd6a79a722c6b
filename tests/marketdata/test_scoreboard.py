"""Freezing and revealing the scores of a venue, on every route that tells them."""

import json
from typing import Any

import pytest
from wsgi import Client

from disorderbook.accounts import Accounts
from disorderbook.assembly import MarketSettings, assemble
from disorderbook.errors import BelongsToLevel, IllegalValue, NoSuchVenue
from disorderbook.exchange import Titles
from disorderbook.marketdata import scoreboard
from disorderbook.protocol.names import NANOSECONDS, timestamp
from disorderbook.timeline.clock import clock_settings

VENUE = "/api/v1/venues/TESTEX"
OB = "/ob/api/venues/TESTEX/stocks/FOOBAR/scores"
ROUTES = [
    f"{VENUE}/scores",
    f"{VENUE}/scores?symbol=FOOBAR",
    f"{VENUE}/scores?over=time",
    f"{VENUE}/stocks/FOOBAR/scores",
    OB,
    f"{OB}?format=json",
    f"{OB}?format=csv",
]
KEYS = {"ANN": "annkey", "BOB": "bobkey"}
ADMIN = {"X-Starfighter-Authorization": "adminkey"}


def trade(
    client: Client, price: int, buyer: str = "ANN", seller: str = "BOB", stock: str = "FOOBAR"
) -> None:
    path = f"/ob/api/venues/TESTEX/stocks/{stock}/orders"
    for account, side in ((seller, "sell"), (buyer, "buy")):
        body = {"account": account, "direction": side, "orderType": "limit", "price": price}
        headers = {"X-Starfighter-Authorization": KEYS[account]}
        assert client("POST", path, body | {"qty": 10}, headers).status == 200


def told(client: Client, path: str, key: str = "annkey") -> bytes:
    """An answer, but for the current time of who sees what is so now."""
    answer = client("GET", path, headers={"X-Starfighter-Authorization": key})
    assert answer.status == 200
    return answer.body


def without_time(body: bytes) -> Any:
    if not body.startswith(b"{"):
        return body.partition(b"Current time")[0]
    return {name: value for name, value in json.loads(body).items() if name != "currentTime"}


@pytest.mark.parametrize("path", ROUTES)
def test_a_frozen_venue_is_told_of_as_it_was_to_all_but_the_admin(path: str) -> None:
    client = Client(keys=KEYS, admin_key="adminkey")
    trade(client, 5000)
    board = client.services.scoreboard
    live = without_time(told(client, path))
    board.freeze("TESTEX")
    frozen = told(client, path)
    trade(client, 6000, "BOB", "ANN")
    trade(client, 7000, "BOB", "ANN")
    board.freeze("TESTEX")  # again: nothing happens
    assert told(client, path) == frozen == told(client, path)
    expected = without_time(frozen)
    if path.startswith(VENUE):
        since = expected.pop("frozenAt")
        assert since == json.loads(frozen).get("currentTime", since)
    assert expected == live and board.frozen() == ["TESTEX"]
    if "over" not in path:
        assert without_time(told(client, path, "adminkey")) != live
    assert b"frozenAt" not in told(client, path, "adminkey")
    board.reveal("TESTEX")
    assert board.frozen() == [] and b"frozenAt" not in told(client, path)
    if "over" not in path:
        assert without_time(told(client, path)) != live


def test_the_page_of_text_is_dated_by_the_moment_of_freezing() -> None:
    client = Client(keys=KEYS)
    trade(client, 5000)
    client.services.scoreboard.freeze("TESTEX")
    at = client.services.exchange.read_clock()
    client.services.exchange.now()
    text = told(client, OB).decode()
    moment = text.partition("Current time:  ")[2].removesuffix("</pre>\n").removesuffix("</pre>")
    assert moment <= timestamp(at)


def test_a_stock_that_is_opened_later_has_no_scores_until_they_are_revealed() -> None:
    client = Client(keys=KEYS)
    client.services.scoreboard.freeze("TESTEX")
    book = client.services.exchange.book("TESTEX", "LATER")
    path = f"{VENUE}/stocks/LATER/scores"
    key = {"X-Starfighter-Authorization": "annkey"}
    trade(client, 1, stock="LATER")
    assert len(book.positions) == 2
    assert client("GET", path, headers=key).json["scores"] == []
    assert [stock["symbol"] for stock in client("GET", f"{VENUE}/scores").json["stocks"]] == [
        "FOOBAR"
    ]
    client.services.scoreboard.reveal("TESTEX")
    assert len(client("GET", path, headers=key).json["scores"]) == 2


def test_what_cannot_be_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(keys=KEYS)
    board = client.services.scoreboard
    client.services.exchange.reserve("LEVEL", "S", Titles("LEVEL", "S"))
    with pytest.raises(NoSuchVenue):
        board.freeze("NOWHERE")
    with pytest.raises(BelongsToLevel):
        board.freeze("LEVEL")
    trade(client, 5000)
    monkeypatch.setattr(scoreboard, "MOST_FROZEN", 1)
    with pytest.raises(IllegalValue):
        board.freeze("TESTEX")
    board.reveal("NOWHERE")
    assert board.frozen() == []


def test_an_account_sees_its_own_as_it_is_while_the_venue_is_frozen() -> None:
    client = Client(keys=KEYS)
    trade(client, 5000)
    client.services.scoreboard.freeze("TESTEX")
    trade(client, 6000)
    key = {"X-Starfighter-Authorization": "annkey"}
    [stock] = client("GET", f"{VENUE}/accounts/ANN", headers=key).json["stocks"]
    assert stock["last"] == 6000 and stock["nav"] > 0
    [own] = [
        row
        for row in client("GET", f"{VENUE}/scores", headers=key).json["scores"]
        if row["account"] == "ANN"
    ]
    assert own["nav"] == 0 and own["cash"] < 0


def test_a_reset_and_a_snapshot_have_what_is_frozen() -> None:
    settings = MarketSettings(clock=clock_settings("stepped"), has_control=True)
    with assemble(settings, Accounts()) as services:
        client = Client.__new__(Client)
        client.services = services
        exchange, board, control = services.exchange, services.scoreboard, services.control
        assert control is not None
        book = exchange.book("TESTEX", "FOOBAR")
        with exchange.transaction():
            board.freeze("TESTEX")
            at = board.standing("TESTEX", False).frozen_at
            control.snapshot("frozen")
            board.reveal("TESTEX")
            services.timeline.advance(NANOSECONDS)
            control.restore("frozen")
            assert board.frozen() == ["TESTEX"]
            assert board.standing("TESTEX", False).frozen_at == at
            control.reset(book.venue, book.symbol)
            assert board.frozen() == []
            board.freeze("TESTEX")
            control.reset()
            assert board.frozen() == []
