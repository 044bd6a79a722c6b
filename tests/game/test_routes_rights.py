"""At a level's venue only its player trades, and nothing but the leaks of the last level names
another account: every route, page, export and tape is asked, with any key.
"""

import itertools
import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from level_player import LEVELS, HttpClient, Level, player_with_clock, start, with_key
from raw_websocket import RawPeer, handshake
from wsgi import KEYS

from disorderbook.api.services import ROUTES
from disorderbook.in_process import serve

HONEST = LEVELS[:5]
SERVERS = {"with keys": KEYS, "without": None}
WRONG_KEY = (401, "Unknown account or wrong API key")
ALL_KEYS = [None, "blshkey", "noisekey", "wrong"]


def others_of(level: Level) -> set[str]:
    """The accounts of a level's bots."""
    run = level.client.services.gamemaster.instance(level.id).run
    assert run is not None
    return {member.account for member in run.cast.members}


def requests_about(level: Level, account: str) -> Iterator[tuple[str, str]]:
    """Every route about this level, this account and some orders."""
    names = {
        "<venue>": level.venue,
        "<symbol>": level.start["tickers"][0],
        "<account>": account,
        "<instance_id>": str(level.id),
        "<name>": "first_steps",
    }
    for method, path, _ in ROUTES:
        if path.endswith(("/restart", "/stop", "/levels/<name>")):
            continue
        for name, value in names.items():
            path = path.replace(name, value)
        for order_id in (0, 5, 20, 10**6) if "<order_id>" in path else (0,):
            asked = path.replace("<order_id>", str(order_id))
            queries = ("", "?format=json", "?format=csv") if asked.endswith("/scores") else ("",)
            yield from ((method, asked + query) for query in queries)


@pytest.mark.parametrize("name", HONEST)
@pytest.mark.parametrize("server", SERVERS)
def test_no_answer_names_another_account(name: str, server: str) -> None:
    client, _ = player_with_clock(keys=SERVERS[server], extra=True)
    level = start(client, name, key="blshkey")
    level.order("buy", 5, price=30_000)
    others = others_of(level)
    assert len(others) >= 14
    names = [f'"{other}"' for other in others] + [f"\n{other} " for other in others]
    asked = 0
    for key in ALL_KEYS:
        for method, path in requests_about(level, sorted(others)[0]):
            answer = client(method, path, b"", with_key(key))
            text = answer.body.decode() + json.dumps(dict(answer.headers))
            assert not [each for each in names if each in text], (method, path, key)
            asked += 1
    assert asked > 150


@pytest.mark.parametrize("extra", [False, True])
@pytest.mark.parametrize("server", SERVERS)
def test_everything_at_a_closed_venue_says_that_it_is_closed(server: str, extra: bool) -> None:
    client, _ = player_with_clock(keys=SERVERS[server], extra=extra)
    level = start(client, "sell_side", key="blshkey")
    level.order("buy", 5, price=1)
    requests = [
        (m, path)
        for m, path in requests_about(level, level.account)
        if level.venue in path and path != f"/venues/{level.venue}"  # a page, the same for any
    ]
    level.gm("stop")
    closed = (404, f"Venue {level.venue} is closed")
    for key in ALL_KEYS:
        for method, path in requests:
            body = ORDER if (method, path[-7:]) == ("POST", "/orders") else b""
            assert client(method, path, body, with_key(key)).error == closed, (method, path)
    assert len(requests) > 20


def test_who_is_not_the_player_is_told_so() -> None:
    client, _ = player_with_clock()
    level = start(client, "sell_side", key="one")
    for account, key in (("ME", "one"), (level.account, "two"), (level.account, None)):
        refused = level._replace(headers=with_key(key)).order("buy", 1, account=account)
        assert refused.error == WRONG_KEY
        assert "nobody trades but its player" in refused.headers["X-Error-Detail"]
        assert level.account not in refused.headers["X-Error-Detail"]
    refused = level._replace(headers=with_key("two")).gm("stop")
    assert refused.error == WRONG_KEY
    assert "the key that started it" in refused.headers["X-Error-Detail"]


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("name", ["sell_side", "making_amends"])
def test_scores_show_the_player_his_own_account_and_nobody_any(name: str, server: str) -> None:
    client, _ = player_with_clock(keys=SERVERS[server])
    level = start(client, name, key="blshkey")
    level.order("buy", 5, price=30_000)
    for key, shown in (("blshkey", [level.account]), ("noisekey", []), ("wrong", []), (None, [])):
        path, headers = f"{level.stock}/scores", with_key(key)
        v1 = f"/api/v1{level.stock.removeprefix('/ob/api')}/scores"
        for asked in (v1, f"{path}?format=json"):
            scores = client("GET", asked, headers=headers).json["scores"]
            assert [score["account"] for score in scores] == shown
            assert all(score["shares"] == 5 for score in scores)
        page = client("GET", path, headers=headers).body.decode()
        table = client("GET", f"{path}?format=csv", headers=headers).body.decode()
        rows = list(filter(None, page.partition("NAV\n")[2].partition("\nStart")[0].splitlines()))
        assert [row.split()[0] for row in rows] == shown
        assert [row.split(",")[0].strip('"') for row in table.splitlines()[1:]] == shown
    assert level.page().json["rank"] >= 1


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("name", LEVELS)
def test_only_the_player_trades_there(name: str, server: str) -> None:
    client, _ = player_with_clock(keys=SERVERS[server])
    level = start(client, name, key="blshkey")
    before = client("GET", f"{level.stock}/quote").json
    bot = sorted(others_of(level))[0]
    for key in ALL_KEYS:
        for account in (level.account, bot, "BLSHBOTS", "NOISEBOTS", "ANYBODY"):
            if (key, account) != ("blshkey", level.account):
                other = level._replace(headers=with_key(key))
                assert other.order("buy", 1, account=account).error[0] == 401
    assert client("GET", f"{level.stock}/quote").json == before
    assert level.order("buy", 1).status == 200


@pytest.mark.parametrize("name", HONEST)
def test_foreign_cancels_and_statuses_are_401(name: str) -> None:
    client, _ = player_with_clock()
    level = start(client, name)
    for order_id in range(5):
        path = f"{level.stock}/orders/{order_id}"
        for method, asked in (("GET", path), ("DELETE", path), ("POST", f"{path}/cancel")):
            assert client(method, asked).error == WRONG_KEY
    sentence = "No such order for that Exchange + Symbol combo"
    assert client("GET", f"{level.stock}/orders/999999").error == (404, sentence)
    mine = level.order("buy", 5, price=1).json
    assert client("DELETE", f"{level.stock}/orders/{mine['id']}").json["open"] is False


@pytest.mark.parametrize("server", SERVERS)
def test_the_leaks_of_the_last_level_are_exact(server: str) -> None:
    client, _ = player_with_clock(keys=SERVERS[server])
    level = start(client, "making_amends", key="blshkey")
    run = client.services.gamemaster.instance(level.id).run
    assert run is not None
    mine = level.order("buy", 5, price=1).json["id"]
    highest = run.book.next_id - 1
    resting = [order.id for level in run.book.bids for order in level.orders.values()]
    assert len(resting) > 3
    for order_id in (0, 1, 2, *resting[:3]):
        order = run.book.find(order_id)
        assert order is not None
        path = f"{level.stock}/orders/{order_id}"
        sentence = f"Not authorized to delete that order.  You have to own account {order.account}."
        for key in ALL_KEYS:
            for method, asked in (("DELETE", path), ("POST", f"{path}/cancel")):
                assert client(method, asked, headers=with_key(key)).error == (401, sentence)
            hidden = (401, "You are not authorized to view that order's details.")
            assert client("GET", path, headers=with_key(key)).error == hidden
    path = f"{level.stock}/orders/9999999"
    unknown = f"order 9999999 not found (highest available on this venue is {highest})"
    for method, asked in (("GET", path), ("DELETE", path), ("POST", f"{path}/cancel")):
        assert client(method, asked, headers=level.headers).error == (404, unknown)
    own = f"{level.stock}/orders/{mine}"
    assert client("GET", own, headers=level.headers).json["account"] == level.account
    assert client("DELETE", own, headers=level.headers).json["open"] is False


@pytest.mark.parametrize("server", SERVERS)
def test_no_leak_is_at_any_other_venue(server: str) -> None:
    client, _ = player_with_clock(keys=SERVERS[server])
    start(client, "making_amends", key="blshkey")
    key = KEYS["NOISEBOTS"]
    client("POST", "/ob/api/venues/TESTEX/stocks/FOOBAR/orders", ORDER, with_key(key))
    for order_id in (0, 9999999):
        path = f"/ob/api/venues/TESTEX/stocks/FOOBAR/orders/{order_id}"
        for asked_key in ALL_KEYS:
            for method, asked in (("GET", path), ("DELETE", path), ("POST", f"{path}/cancel")):
                answer = client(method, asked, headers=with_key(asked_key))
                text = answer.body.decode()
                assert "have to own" not in text and "not authorized" not in text
                assert "highest available" not in text


ORDER = {
    "account": "NOISEBOTS",
    "direction": "buy",
    "orderType": "limit",
    "price": 5000,
    "qty": 10,
}


def test_the_player_lists_his_own_orders_without_extra() -> None:
    client, _ = player_with_clock(keys=KEYS)
    level = start(client, "sell_side", key="blshkey")
    order = level.order("buy", 5, price=1).json
    bot = sorted(others_of(level))[0]
    venue = f"/ob/api/venues/{level.venue}/accounts"
    for end in ("orders", f"stocks/{level.start['tickers'][0]}/orders"):
        listed = client("GET", f"{venue}/{level.account}/{end}", headers=level.headers)
        assert listed.json["orders"] == [order]
        for account, key in ((bot, "blshkey"), (level.account, "noisekey"), (level.account, None)):
            refused = client("GET", f"{venue}/{account}/{end}", headers=with_key(key))
            assert refused.error[0] == 403
    other = "/ob/api/venues/TESTEX/accounts/BLSHBOTS/orders"
    assert client("GET", other, headers=level.headers).error[0] == 403


def test_a_levels_venue_has_one_stock_and_does_not_count() -> None:
    client, _ = player_with_clock(max_books=2)
    levels = [start(client, name) for name in ("first_steps", "sell_side", "chock_a_block")]
    other = f"/ob/api/venues/{levels[0].venue}/stocks/OTHER"
    sentence = "There is no such stock at such a venue (create it by using it)"
    for path in (other, f"{other}/quote", f"{other}/orders/0", f"{other}/scores"):
        assert client("GET", path).error == (404, sentence)
    assert client("POST", f"{other}/orders", ORDER).error == (404, sentence)
    assert client("GET", "/ob/api/venues/NEW/stocks/NEW").status == 200
    assert client("GET", "/ob/api/venues/NEW/stocks/OLD").error[0] == 400
    venues = client("GET", "/ob/api/venues").json["venues"]
    assert [venue["id"] for venue in venues] == [1, 2, 3, 4, 5]
    levels[1].gm("stop")
    after = client("GET", "/ob/api/venues").json["venues"]
    assert after == [venue for venue in venues if venue["venue"] != levels[1].venue]


def test_a_levels_stock_has_a_companys_name_and_its_venue_a_citys() -> None:
    client, _ = player_with_clock()
    level = start(client, "first_steps")
    (venue,) = (v for v in client("GET", "/ob/api/venues").json["venues"] if v["id"] == 2)
    (stock,) = client("GET", f"/ob/api/venues/{level.venue}").json["symbols"]
    assert venue["venue"] == level.venue and venue["state"] == "open"
    assert venue["name"].endswith(" Exchange") and level.venue not in venue["name"]
    assert stock["name"].endswith(" Inc") and stock["symbol"] not in stock["name"].split()


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("name", ["sell_side", "making_amends"])
def test_executions_are_for_the_player_alone_but_for_the_last_level(name: str, server: str) -> None:
    keys = SERVERS[server]
    with serve(accounts=keys, websockets=True, day_seconds=60) as exchange:
        client = HttpClient(exchange.port)
        level = client.start(name, "blshkey")
        bots = ["mm"] if name == "sell_side" else ["CES1", "X"]
        accounts = [*bots, level["account"]]
        with ExitStack() as peers:  # all at once: who is refused waits for it
            listeners = []
            for account, key in itertools.product(accounts, ALL_KEYS):
                changes = [] if key is None else [f"X-Starfighter-Authorization: {key}"]
                path = f"/ob/api/ws/{account}/venues/{level['venues'][0]}/executions"
                peer = peers.enter_context(RawPeer(exchange.port))
                peer.send(handshake(path, *changes))
                listeners.append((peer, account, key))
            for peer, account, key in listeners:
                assert peer.answer().status == 101
                own = account == level["account"] and (
                    key == "blshkey" or (keys is None and key is None)
                )
                if own or name == "making_amends":
                    peer.send(b"\x89\x80\0\0\0\0")  # a ping: it is answered while it is open
                    frame = peer.frame()
                    assert frame is not None and frame.opcode == 10
                else:
                    frame = peer.frame()
                    assert frame is not None and json.loads(frame.payload)["ok"] is False


def test_a_closed_venue_has_no_tape() -> None:
    with serve(websockets=True, day_seconds=60) as exchange:
        client = HttpClient(exchange.port)
        level = client.start("first_steps", None)
        venue = level["venues"][0]
        path = f"/ob/api/ws/X/venues/{venue}/tickertape"
        with RawPeer.listening(exchange.port, path) as peer:
            client.post(f"/gm/instances/{level['instanceId']}/stop", None)
            client.post("/gm/levels/sell_side", None)
            frames = peer.frames()
            assert frames[-1].opcode == 8
        with RawPeer(exchange.port) as late:
            late.send(handshake(path))
            assert late.answer().status == 101
            frame = late.frame()
            assert frame is not None
            told = json.loads(frame.payload)
            assert told == {"ok": False, "error": f"Venue {venue} is closed"}
