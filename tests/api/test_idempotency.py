"""An order with an Idempotency-Key is placed once, and its first answer comes again."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from raw_http import Peer, post, serving
from wsgi import BUY, KEYS, ORDERS, Answer, Client

from disorderbook.api.app import make_app
from disorderbook.api.idempotency import ACCOUNTS_KEPT, KEYS_KEPT, LONGEST_KEY
from disorderbook.errors import CannotWrite
from disorderbook.ledger.base import Ledger
from disorderbook.ledger.temporary import TemporaryLedger

OTHER_STOCK = ORDERS.replace("FOOBAR", "OTHER")
USED_BEFORE = (422, "This Idempotency-Key came with another order before")


def order(client: Client, key: str, path: str = ORDERS, secret: str = "", **changes: Any) -> Answer:
    headers = {"Idempotency-Key": key} | ({"X-Starfighter-Authorization": secret} if secret else {})
    return client("POST", path, BUY | changes, headers)


def placed(client: Client, symbol: str = "FOOBAR") -> int:
    """How many orders the book has accepted."""
    return client.services.exchange.book("TESTEX", symbol).next_id


def by_wsgi(client: Client) -> Client:
    """Have its requests go Bottle's way, as under other servers."""
    client.app.respond = lambda request: None
    return client


@pytest.mark.parametrize("way", [lambda client: client, by_wsgi], ids=["direct", "wsgi"])
def test_a_repeated_order_is_placed_once_and_answered_as_the_first_time(
    way: Callable[[Client], Client],
) -> None:
    client = way(Client())
    client.order(account="BOB", direction="sell", qty=4)
    first = order(client, "one")
    assert first.status == 200 and first.json["totalFilled"] == 4 and first.json["qty"] == 6
    client.order(account="BOB", direction="sell", qty=5)  # trades with it later
    client("DELETE", f"{ORDERS}/{first.json['id']}")
    again = order(client, "one")
    assert (again.status, again.body, again.type) == (first.status, first.body, first.type)
    assert placed(client) == 3
    assert order(client, "two").json["id"] == 3  # another key is another order
    assert client.order().json["id"] == 4  # and none is none


def test_the_same_order_in_other_words_is_the_same() -> None:
    client = Client()
    first = order(client, "one", orderType="ioc")
    words = {"Qty": "10", "venue": "TESTEX", "qty": None, "orderType": "immediate-or-cancel"}
    fields = {name: value for name, value in (BUY | words).items() if value is not None}
    again = client("POST", ORDERS, fields, {"Idempotency-Key": "one"})
    assert again.body == first.body and placed(client) == 1


@pytest.mark.parametrize(
    "change", [{"price": 4999}, {"qty": 9}, {"direction": "sell"}, {"orderType": "ioc"}], ids=str
)
def test_another_order_with_a_key_of_before_is_refused(change: dict[str, Any]) -> None:
    client = Client()
    first = order(client, "one")
    refused = order(client, "one", **change)
    assert refused.error == USED_BEFORE and placed(client) == 1
    assert 'Idempotency-Key is "one"' in json.loads(refused.headers["X-Error-Detail"])
    assert order(client, "one").body == first.body


def test_other_accounts_and_stocks_have_keys_of_their_own() -> None:
    client = Client()
    mine = order(client, "one")
    theirs = order(client, "one", account="BOB", qty=3)
    assert (theirs.status, theirs.json["id"], theirs.json["account"]) == (200, 1, "BOB")
    elsewhere = order(client, "one", OTHER_STOCK, qty=7)
    assert (elsewhere.status, elsewhere.json["id"]) == (200, 0)
    assert order(client, "one").body == mine.body
    assert order(client, "one", account="BOB", qty=3).body == theirs.body
    assert order(client, "one", OTHER_STOCK, qty=7).body == elsewhere.body


def test_who_may_not_trade_for_the_account_learns_nothing_of_its_keys() -> None:
    client = Client(keys=KEYS)
    own, others = KEYS["BLSHBOTS"], KEYS["NOISEBOTS"]
    first = order(client, "one", secret=own, account="BLSHBOTS")
    assert first.status == 200
    for body in ({}, {"qty": 1}):
        for secret in (others, "wrong", ""):
            seen = order(client, "one", secret=secret, account="BLSHBOTS", **body)
            unseen = order(client, "new", secret=secret, account="BLSHBOTS", **body)
            assert (seen.status, seen.body) == (unseen.status, unseen.body)
            assert seen.status == 401 and placed(client) == 1


def test_what_was_refused_is_looked_at_anew() -> None:
    client = Client(max_books=1)
    assert order(client, "one", OTHER_STOCK).status == 400
    assert order(client, "one", qty=0).status == 400
    assert order(client, "one").status == 200
    assert order(client, "one", qty=0).status == 400


class Failing(Ledger):
    """Refuses changes, or loses them when they are to be kept."""

    is_full = loses = False

    def require_writable(self) -> None:
        if self.is_full:
            raise CannotWrite

    def commit(self) -> tuple[()]:
        if self.loses:
            self.loses = False
            raise CannotWrite
        return ()


def test_an_order_that_could_not_be_kept_is_placed_when_it_comes_again() -> None:
    ledger = Failing()
    client = Client(ledger=ledger)
    ledger.is_full = True
    assert order(client, "one").status == 503
    ledger.is_full, ledger.loses = False, True
    assert order(client, "one").status == 503  # placed, and taken back: there is no book left
    client.order(account="BOB", qty=1)  # has the id of what was taken back
    again = order(client, "one")
    assert (again.status, again.json["id"]) == (200, 1)
    assert order(client, "one").body == again.body and placed(client) == 2


def test_keys_of_a_level_end_with_its_venue() -> None:
    client = Client()
    level = client("POST", "/gm/levels/first_steps").json
    path = f"/ob/api/venues/{level['venues'][0]}/stocks/{level['tickers'][0]}/orders"
    body = {"account": level["account"], "price": 1}
    first = order(client, "one", path, **body)
    assert first.status == 200 and order(client, "one", path, **body).body == first.body
    client("POST", f"/gm/instances/{level['instanceId']}/restart")
    assert order(client, "one", path, **body).error == (
        404,
        f"Venue {level['venues'][0]} is closed",
    )


@pytest.mark.parametrize("key", ["", "a b", "é", "a\x7f", "x" * (LONGEST_KEY + 1)])
def test_what_can_be_no_key_is_refused(key: str) -> None:
    client = Client()
    refused = order(client, key)
    assert refused.error == (400, "The header Idempotency-Key has an illegal value")
    assert f"allowed: 1 to {LONGEST_KEY} visible" in json.loads(refused.headers["X-Error-Detail"])
    assert placed(client) == 0


def test_the_longest_key_is_one() -> None:
    client = Client()
    key = '"' + "~" * (LONGEST_KEY - 1)
    assert order(client, key).body == order(client, key).body


def test_only_the_newest_keys_of_an_account_are_remembered() -> None:
    client = Client()
    bobs = order(client, "0", account="BOB")
    for number in range(KEYS_KEPT + 1):
        order(client, str(number))
    next_id = placed(client)
    assert order(client, str(KEYS_KEPT)).json["id"] == next_id - 1
    assert order(client, "1").status == 200 and placed(client) == next_id
    assert order(client, "0").json["id"] == next_id  # forgotten, and so placed
    assert order(client, "0", account="BOB").body == bobs.body  # whose keys are not pushed out


def test_only_so_many_accounts_are_remembered() -> None:
    client = Client()
    first = order(client, "one", account="0")
    order(client, "one", account="1")
    order(client, "two", account="0")
    for number in range(2, ACCOUNTS_KEPT + 1):
        order(client, "one", account=str(number))
    assert order(client, "one", account="0").body == first.body
    assert order(client, "one", account="1").json["id"] == placed(client) - 1 > ACCOUNTS_KEPT


@pytest.mark.parametrize("ledger", [None, TemporaryLedger(0)], ids=["memory", "moved"])
def test_an_order_with_very_many_fills_is_told_again_as_it_was(ledger: Ledger | None) -> None:
    client = Client(ledger=ledger or Ledger())
    for _ in range(300):
        client.order(account="BOB", direction="sell", qty=1)
    fields = BUY | {"qty": 301}

    def body() -> bytes:
        return b"".join(client.steps(ORDERS, {"Idempotency-Key": "one"}, "POST", fields))

    first = body()
    assert len(json.loads(first)["fills"]) == 300 and json.loads(first)["open"]
    client.order(account="BOB", direction="sell", qty=1)
    for _ in range(5):
        client.order(account="BOB", orderType="ioc")  # each commit moves some closed orders
    assert body() == first and placed(client) == 307


def test_each_head_over_a_kept_connection_has_its_own_key() -> None:
    client = Client()
    body = json.dumps(BUY).encode()
    with serving(make_app(client.services)) as server, Peer(server.port) as peer:
        ids = [
            peer.ask(post(ORDERS, body, f"Idempotency-Key: {number // 2}")).json["id"]
            for number in range(8)
        ]
    assert ids == [0, 0, 1, 1, 2, 2, 3, 3]
