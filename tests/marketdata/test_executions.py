"""What an account has missed on the tape is told as the tape tells it."""

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from wsgi import BUY, KEYS, ORDERS, Client

from disorderbook.accounts import Accounts
from disorderbook.api.app import make_app
from disorderbook.assembly import MarketSettings, assemble
from disorderbook.engine.book import Execution, OrderBook
from disorderbook.marketdata import executions, history
from disorderbook.protocol.messages import execution_message

ANN = "/api/v1/venues/TESTEX/accounts/ANN/stocks/FOOBAR/executions"
BEGINNING = "1970-01-01T00:00:00.000000000Z"


class Tape:
    """What it would have sent to an account."""

    def __init__(self, account: str = "ANN") -> None:
        self.told: list[Any] = []
        self._account = account

    def publish(self, book: OrderBook, traded: list[Execution]) -> None:
        for each in traded:
            for order in (each.standing, each.incoming):
                if order.account == self._account:
                    self.told.append(json.loads(execution_message(each, order)))


def trade_a_little(client: Client) -> None:
    """Ann's orders rest and come in, once for both at once, and others trade, too."""
    for account, direction, qty in (
        ("ANN", "buy", 10),
        ("BOB", "sell", 4),
        ("CAT", "buy", 5),
        ("ANN", "sell", 9),
        ("ANN", "sell", 3),
        ("ANN", "buy", 2),
        ("BOB", "buy", 1),
        ("BOB", "sell", 2),
        ("CAT", "buy", 2),
    ):
        assert client.order(account=account, direction=direction, qty=qty).status == 200


def listening(client: Client, account: str = "ANN") -> Tape:
    tape = Tape(account)
    client.services.exchange.add_publisher(tape.publish)
    return tape


def test_they_are_those_of_the_tape() -> None:
    client = Client(clock=count(10**18).__next__)
    tape, theirs = listening(client), listening(client, "BOB")
    trade_a_little(client)
    told = client("GET", f"{ANN}?since={BEGINNING}").json
    assert told["executions"] == tape.told and len(tape.told) == 8
    assert (told["ok"], told["complete"], told["account"]) == (True, True, "ANN")
    bobs = client("GET", f"{ANN.replace('ANN', 'BOB')}?since={BEGINNING}").json
    assert bobs["executions"] == theirs.told and bobs["executions"] != tape.told
    for number, execution in enumerate(tape.told):
        later = client("GET", f"{ANN}?since={execution['filledAt']}").json
        first = [each["filledAt"] for each in tape.told].index(execution["filledAt"])
        assert later["executions"] == tape.told[first:] and first <= number and later["complete"]


def test_without_a_time_it_tells_the_time_alone() -> None:
    client = Client()
    trade_a_little(client)
    told = client("GET", ANN).json
    assert told["executions"] == [] and told["complete"]
    later = client("GET", f"{ANN}?since={told['ts']}").json
    assert later["executions"] == [] and later["complete"]
    assert client.order(price=9000, qty=1).status == 200
    assert client.order(account="BOB", direction="sell", price=9000, qty=1).status == 200
    assert len(client("GET", f"{ANN}?since={told['ts']}").json["executions"]) == 1


def test_reading_opens_no_book() -> None:
    client = Client()
    elsewhere = ANN.replace("FOOBAR", "OTHER")
    assert client("GET", f"{elsewhere}?since={BEGINNING}").json["complete"]
    assert client.services.exchange.find_book("TESTEX", "OTHER") is None


def test_what_was_before_the_server_or_is_to_come_is_not_known_whole() -> None:
    client = Client()
    client.services.history.since = 10**18  # 2001
    for path in (ANN, ANN.replace("FOOBAR", "OTHER")):
        found = client("GET", f"{path}?since=2000-01-01T00:00:00.000000000Z").json["complete"]
        assert found is (path == ANN and client.services.exchange.latest < 10**18)
        assert client("GET", f"{path}?since=2002-01-01T00:00:00.000000000Z").json["complete"]
        assert not client("GET", f"{path}?since=2999-01-01T00:00:00.000000000Z").json["complete"]


def test_who_has_missed_too_many_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "KEPT_EXECUTIONS", 3)
    client = Client(clock=count(10**18).__next__)
    tape = listening(client)
    trade_a_little(client)
    told = client("GET", f"{ANN}?since={BEGINNING}").json
    assert not told["complete"] and told["executions"] == tape.told[-len(told["executions"]) :]
    newest = tape.told[-1]["filledAt"]
    assert client("GET", f"{ANN}?since={newest}").json["complete"]


def test_an_answer_has_so_many_bytes_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    tape = listening(client)
    trade_a_little(client)
    monkeypatch.setattr(executions, "MOST_BYTES", 1)
    told = client("GET", f"{ANN}?since={BEGINNING}").json
    assert not told["complete"] and told["executions"] == tape.told[:1]


@pytest.mark.parametrize("since", ["", "0", "2016-01-17", "2016-13-17T22:43:07.123456789Z"])
def test_what_is_no_time_is_refused(since: str) -> None:
    refused = Client()("GET", f"{ANN}?since={since}")
    assert refused.status == 400 and "2016-01-17T22:43" in refused.headers["X-Error-Detail"]


def test_they_are_for_the_accounts_owner() -> None:
    client = Client(keys=KEYS)
    path = ANN.replace("ANN", "BLSHBOTS")
    for key, status in (("blshkey", 200), (KEYS["NOISEBOTS"], 401), ("wrong", 401)):
        assert client("GET", path, headers={"X-Starfighter-Authorization": key}).status == status
    assert client("GET", path).status == 401


def test_after_a_restart_they_are_the_same(tmp_path: Path) -> None:
    settings = MarketSettings("TESTEX", "FOOBAR", database=str(tmp_path / "market.db"))
    client = Client()
    with assemble(settings, Accounts(), None) as client.services:
        client.app = make_app(client.services)
        tape = listening(client)
        trade_a_little(client)
    with assemble(settings, Accounts(), None) as client.services:
        client.app = make_app(client.services)
        client.services.exchange.add_publisher(tape.publish)
        for change in ({}, {"account": "BOB", "direction": "sell"}):
            client("POST", ORDERS, BUY | {"price": 9000} | change)
        since = tape.told[0]["filledAt"]
        told = client("GET", f"{ANN}?since={since}").json
    assert told["executions"] == tape.told and told["complete"] and len(tape.told) == 9
