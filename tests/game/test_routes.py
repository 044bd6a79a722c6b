"""Levels and their instances over HTTP: what programs of 2015 expect, and what is refused."""

import re

import pytest
from level_player import LEVELS, Level, pass_days, player_with_clock, start, with_key
from wsgi import KEYS, Client

from disorderbook.game.master import GameSettings
from disorderbook.game.referee import LAST_DAY
from disorderbook.protocol.shard import Shard

STRANGER = with_key("noisekey")
ACTIONS = ("", "/restart", "/resume", "/stop", "/judge")


def state_of(level: Level) -> dict[str, object]:
    answer = level.gm()
    assert answer.status == 200
    state: dict[str, object] = answer.json
    return state


@pytest.mark.parametrize("name", LEVELS)
def test_a_start_tells_who_trades_where_after_the_first_day(name: str) -> None:
    client, _ = player_with_clock()
    level = start(client, name)
    told = level.start
    assert told.keys() == {
        "ok",
        "account",
        "instanceId",
        "instructions",
        "tickers",
        "venues",
        "secondsPerTradingDay",
    }
    assert told["ok"] is True and type(told["instanceId"]) is int
    assert told["secondsPerTradingDay"] == 5 and type(told["secondsPerTradingDay"]) is int
    assert re.fullmatch("[A-Z]{2,3}[0-9]{4,8}", told["account"])
    assert all(re.fullmatch("[A-Z]{2,4}EX", venue) for venue in told["venues"])
    assert [len(told["venues"]), len(told["tickers"])] == [1, 1]
    assert {"Instructions", "Order Types"} <= told["instructions"].keys()
    quote = client("GET", f"{level.stock}/quote").json
    assert quote.keys() >= {"last", "bid", "ask", "lastSize", "lastTrade"}
    assert state_of(level) == {"ok": True, "done": False, "id": level.id, "state": "open"}


def test_the_keys_of_the_instructions_are_those_of_the_level() -> None:
    client, _ = player_with_clock()
    keys = {name: [*start(client, name).start["instructions"]] for name in LEVELS}
    usual = ["Instructions", "Order Types"]
    assert keys.pop("dueling_bulldozers") == [*usual, "Market Makers", "Informed Traders"]
    assert keys.pop("making_amends") == [*usual, "Submitting Evidence"]
    assert all(found == usual for found in keys.values())


def test_the_calendar_is_told_from_day_1_on_and_counts_on_after_the_verdict() -> None:
    client, clock = player_with_clock()
    level = start(client, "first_steps")
    pass_days(client, clock, 2.5)
    day = state_of(level)["details"]
    assert day in ({"tradingDay": n, "endOfTheWorldDay": 499} for n in (2, 3))
    assert level.order("buy", 100).status == 200
    pass_days(client, clock, 1)
    won = state_of(level)
    assert won["state"] == "won" and won["done"] is True
    assert list(won["flash"]) == ["success"]  # type: ignore[call-overload]
    pass_days(client, clock, 10)
    later = state_of(level)
    assert later["details"]["tradingDay"] == day["tradingDay"] + 11  # type: ignore[index]
    assert later["flash"] == won["flash"]


def test_a_restart_gives_a_new_account_venue_and_stock_under_the_same_id() -> None:
    client, clock = player_with_clock()
    level = start(client, "sell_side")
    pass_days(client, clock, 3)
    again = level.gm("restart").json
    assert again["instanceId"] == level.id and again["balances"] == {"USD": 0}
    assert again["account"] != level.account and again["venues"] != level.start["venues"]
    assert state_of(level).keys() == {"ok", "done", "id", "state"}
    closed = (404, f"Venue {level.venue} is closed")
    for path in (level.stock, f"{level.stock}/quote", f"/ob/api/venues/{level.venue}/stocks"):
        assert client("GET", path).error == closed
    assert level.order("buy", 1).error == closed
    assert client("GET", f"{level.stock}/scores").error == closed
    assert level.gm("resume").json == {k: v for k, v in again.items() if k != "balances"}


def test_a_stopped_instance_is_an_error() -> None:
    client, _ = player_with_clock()
    level = start(client, "first_steps")
    assert level.gm("stop").json == {"ok": True, "error": ""}
    for action in ACTIONS:
        answer = level.gm(action[1:])
        assert answer.error == (404, "No such level instance")
    venues = client("GET", "/ob/api/venues").json["venues"]
    assert [venue["venue"] for venue in venues] == ["TESTEX"]


def test_a_player_has_one_instance_of_a_level() -> None:
    client, clock = player_with_clock()
    level = start(client, "first_steps")
    assert start(client, "first_steps").start == level.start
    assert client("GET", "/ui/levels").json == {"levels": {"first_steps": {"instanceId": level.id}}}
    level.order("buy", 100)
    pass_days(client, clock, 2)
    assert state_of(level)["state"] == "won"
    assert client("GET", "/ui/levels").json == {"levels": {}}
    new = start(client, "first_steps")
    assert new.id != level.id and level.gm().status == 404
    other = start(client, "first_steps", key="another")
    assert other.id != new.id and new.gm().status == 200


@pytest.mark.parametrize("name", LEVELS)
def test_when_the_last_day_is_over_the_level_is_lost_and_its_venue_closed(name: str) -> None:
    client, clock = player_with_clock()
    level = start(client, name)
    run = client.services.gamemaster.instance(level.id).run
    assert run is not None
    pass_days(client, clock, 2)
    run.day = LAST_DAY - 1  # what lies between is tried in simulated time
    pass_days(client, clock, 1.5)
    assert (run.day, state_of(level)["state"]) == (LAST_DAY, "open")
    assert client("GET", f"{level.stock}/quote").status == 200
    pass_days(client, clock, 1)
    lost = state_of(level)
    assert (lost["state"], lost["done"]) == ("lost", True)
    assert lost["details"] == {"tradingDay": 499, "endOfTheWorldDay": 499}
    assert list(lost["flash"]) == ["error"]  # type: ignore[call-overload]
    closed = (404, f"Venue {level.venue} is closed")
    assert client("GET", level.stock).error == level.order("buy", 1).error == closed
    assert level.page().json["isOver"] is True
    for action in ("pause", "run", "advance"):
        assert level.page(action).error == (400, "This level is over")
    assert client.services.exchange.is_free(level.venue) is False


def test_a_seed_gives_the_same_market_and_results_say_that_it_was_chosen() -> None:
    client, clock = player_with_clock()
    quotes = []
    for _ in range(2):
        level = start(client, "first_steps", body={"seed": 4711})
        quote = client("GET", f"{level.stock}/quote").json
        quotes.append([quote[name] for name in ("bid", "ask", "last", "bidDepth")])
        level.order("buy", 100)
        pass_days(client, clock, 2)
    assert quotes[0] == quotes[1]
    page = level.page().json
    assert (page["seed"], page["seedChosen"]) == (4711, True)
    results = client("GET", "/api/v1/results").json["results"]
    assert [(r["level"], r["state"], r["seed"], r["seedChosen"], r["tries"]) for r in results] == [
        ("first_steps", "won", 4711, True, 2),
        ("first_steps", "won", 4711, True, 1),
    ]
    assert results[0]["player"] == level.account and results[0]["assisted"] is False
    assert client("GET", "/api/v1/results?limit=1").json["results"] == results[:1]


def test_the_option_seed_decides_by_level_and_how_manieth_start() -> None:
    seeds = []
    for _ in range(2):
        client, _ = player_with_clock(game=GameSettings(seed=9))
        master = client.services.gamemaster
        levels = [start(client, "first_steps"), start(client, "sell_side")]
        levels[0].gm("restart")
        ours = [master.instance(level.id).seed for level in levels]
        other = start(client, "first_steps", key="x")
        seeds.append([*ours, master.instance(other.id).seed])
    assert seeds[0] == seeds[1] and len(set(seeds[0])) == 3


@pytest.mark.parametrize(
    "body, error",
    [
        ({"seed": "1"}, (400, "A value in the POST had the wrong type")),
        ({"seed": True}, (400, "A value in the POST had the wrong type")),
        ({"seed": -1}, (400, "Illegal value (usually a non-positive number)")),
        ({"seed": 2**53}, (400, "Illegal value (usually a non-positive number)")),
    ],
)
def test_a_bad_seed_is_refused_and_nothing_begins(body: object, error: tuple[int, str]) -> None:
    client, _ = player_with_clock()
    assert client("POST", "/gm/levels/first_steps", body).error == error
    level = start(client, "first_steps")
    assert level.id == 1
    assert level.gm("restart", body).error == error
    assert level.gm("resume").json == level.start


def test_an_unknown_level_is_404_and_the_sentence_names_the_six() -> None:
    status, sentence = Client()("POST", "/gm/levels/nowhere").error
    assert status == 404 and all(name in sentence for name in LEVELS)


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.0", "9" * 200, "77"])
def test_an_unknown_instance_is_404(number: str) -> None:
    client = Client()
    for action in ACTIONS:
        answer = client("POST" if action else "GET", f"/gm/instances/{number}{action}")
        assert answer.error == (404, "No such level instance")
    assert client("GET", f"/api/v1/instances/{number}").error[0] == 404
    for action in ("pause", "run", "advance"):
        assert client("POST", f"/api/v1/instances/{number}/{action}").error[0] == 404


@pytest.mark.parametrize("keys", [None, KEYS])
def test_an_instance_is_shown_to_its_player_alone(keys: dict[str, str] | None) -> None:
    client, _ = player_with_clock(keys=keys)
    level = start(client, "sell_side", key="blshkey")
    before = level.page().json
    for headers in (STRANGER, with_key("wrong"), {}):
        for action in ACTIONS:
            path = f"/gm/instances/{level.id}{action}"
            assert client("POST" if action else "GET", path, headers=headers).error[0] == 401
        for action in ("", "/fills"):
            path = f"/api/v1/instances/{level.id}{action}"
            assert client("GET", path, headers=headers).error[0] == 401
        for action in ("pause", "run", "advance"):
            path = f"/api/v1/instances/{level.id}/{action}"
            assert client("POST", path, headers=headers).error[0] == 401
    after = level.page().json
    assert {k: v for k, v in after.items() if k != "dayProgress"} == {
        k: v for k, v in before.items() if k != "dayProgress"
    }


def test_with_keys_only_who_has_one_plays_and_results_name_the_holder() -> None:
    client, clock = player_with_clock(keys=KEYS)
    assert client("POST", "/gm/levels/first_steps").error[0] == 401
    assert client("POST", "/gm/levels/first_steps", headers=with_key("x")).error[0] == 401
    level = start(client, "first_steps", key="blshkey")
    assert level.account not in KEYS
    assert level.order("buy", 100).status == 200
    pass_days(client, clock, 2)
    results = client("GET", "/api/v1/results").json["results"]
    assert [result["player"] for result in results] == ["BLSHBOTS"]
    assert "blshkey" not in client("GET", "/api/v1/results").body.decode()
    cards = client("GET", "/api/v1/levels", headers=level.headers).json["levels"]
    assert cards[0]["best"]["won"] is True
    for headers in ({}, STRANGER, with_key("wrong")):
        cards = client("GET", "/api/v1/levels", headers=headers).json["levels"]
        assert not any({"best", "instanceId"} & card.keys() for card in cards)


def test_too_many_instances_are_503() -> None:
    client, clock = player_with_clock(game=GameSettings(max_instances=2))
    levels = [start(client, name) for name in ("first_steps", "sell_side")]
    full = (503, "Too many levels are being played now (see --maxinstances)")
    assert client("POST", "/gm/levels/chock_a_block").error == full
    assert client("POST", "/gm/levels/sell_side", headers=with_key("x")).error == full
    assert levels[0].gm("restart").status == 200
    levels[1].gm("stop")
    start(client, "chock_a_block")


def test_ids_and_venues_tell_the_shard() -> None:
    client, _ = player_with_clock(game=GameSettings(shard=Shard(2, 3)))
    for number, name in enumerate(("first_steps", "sell_side", "chock_a_block")):
        told = start(client, name).start
        assert told["instanceId"] == 10 * number + 2
        assert re.fullmatch("[A-Z]{2,4}2EX", told["venues"][0])


def test_the_last_level_needs_the_tape_and_its_card_says_so() -> None:
    client = Client()
    sentence = "This level needs websockets: start the exchange with --websockets"
    assert client("POST", "/gm/levels/making_amends").error == (503, sentence)
    cards = {card["name"]: card for card in client("GET", "/api/v1/levels").json["levels"]}
    assert [*cards] == list(LEVELS)
    assert cards["making_amends"]["unavailable"] == sentence
    assert [name for name, card in cards.items() if not card["available"]] == ["making_amends"]
    assert "unavailable" not in cards["first_steps"] and cards["first_steps"]["days"] == 500


@pytest.mark.parametrize("name", LEVELS[:5])
def test_most_levels_take_no_accusation(name: str) -> None:
    client, _ = player_with_clock()
    level = start(client, name)
    for body in (b"", b"{", {"account": "X"}):
        assert level.gm("judge", body).error == (400, "This level takes no accusation")
    assert state_of(level)["state"] == "open"


@pytest.mark.parametrize(
    "body, sentence",
    [
        (b"{", "Incoming data was not valid JSON"),
        (b"[]", "A value in the POST had the wrong type"),
        ({}, "Incoming POST was missing required field"),
        ({"account": 5}, "A value in the POST had the wrong type"),
        ({"account": ""}, "Illegal value (usually a non-positive number)"),
    ],
)
def test_an_accusation_of_nobody_changes_nothing(body: object, sentence: str) -> None:
    client, _ = player_with_clock()
    level = start(client, "making_amends")
    assert level.gm("judge", body).error == (400, sentence)
    assert state_of(level) == {"ok": True, "done": False, "id": level.id, "state": "open"}


@pytest.mark.parametrize("is_right", [True, False])
def test_there_is_one_accusation(is_right: bool) -> None:
    client, _ = player_with_clock()
    level = start(client, "making_amends")
    run = client.services.gamemaster.instance(level.id).run
    assert run is not None and run.cast.culprit is not None
    account = run.cast.culprit if is_right else "NOBODY"
    evidence = {"explanation_link": "https://a.example", "executive_summary": "so"}
    verdict = level.gm("judge", {"account": account, **evidence}).json
    assert (verdict["state"], verdict["done"]) == ("won" if is_right else "lost", True)
    for body in ({"account": run.cast.culprit}, {"account": "X"}, b"{"):
        assert level.gm("judge", body).json == verdict
    (result,) = client("GET", "/api/v1/results").json["results"]
    assert (result["level"], result["state"]) == ("making_amends", verdict["state"])


def test_levels_have_names() -> None:
    levels = Client()("GET", "/gm/levels").json
    assert levels == {"ok": True, "levels": [{"name": name} for name in LEVELS]}


def test_the_flash_comes_with_the_first_share_in_the_next_poll() -> None:
    client, _ = player_with_clock()
    level = start(client, "chock_a_block")
    assert "flash" not in state_of(level) and "targetPrice" not in level.page().json
    level.order("buy", 30)
    (text,) = state_of(level)["flash"].values()  # type: ignore[attr-defined]
    numbers = re.findall(r"\$(\d+\.\d\d)", text)
    assert "purchased 30 shares" in text and len(numbers) == text.count("$") == 2
    page = level.page().json
    assert text.endswith(f"target price is ${page['targetPrice'] / 100:.2f}.")
    assert page["averagePrice"] == round(float(numbers[0]) * 100)
    assert (page["position"], page["goalShares"]) == (30, 100_000)
    assert page["nav"] == page["cash"] + 30 * client("GET", f"{level.stock}/quote").json["last"]


def test_own_fills_are_listed_from_a_number_on() -> None:
    client, clock = player_with_clock()
    level = start(client, "sell_side")
    bought = level.order("buy", 20).json
    pass_days(client, clock, 2)
    sold = level.order("sell", 20).json
    path = f"/api/v1/instances/{level.id}/fills"
    told = client("GET", path, headers=level.headers).json
    assert told["count"] == len(told["fills"]) == len(bought["fills"]) + len(sold["fills"])
    assert [fill["number"] for fill in told["fills"]] == [*range(1, told["count"] + 1)]
    for order, direction in ((bought, "buy"), (sold, "sell")):
        fills = [fill for fill in told["fills"] if fill["orderId"] == order["id"]]
        assert {fill["direction"] for fill in fills} == {direction}
        assert [{k: f[k] for k in ("price", "qty", "ts")} for f in fills] == order["fills"]
    assert {fill["day"] for fill in told["fills"]} >= {0}
    since = len(bought["fills"])
    rest = client("GET", f"{path}?since={since}", headers=level.headers).json["fills"]
    assert rest == told["fills"][since:]
    assert client("GET", f"{path}?since=x", headers=level.headers).error[0] == 400


def test_a_pause_stops_the_clock_and_one_day_further_begins_the_next() -> None:
    client, clock = player_with_clock()
    level = start(client, "first_steps")
    pass_days(client, clock, 2)
    assert level.page().json["assisted"] is False
    paused = level.page("pause").json
    assert paused["paused"] is True and paused["assisted"] is True
    pass_days(client, clock, 20)
    again = level.page().json
    assert (again["day"], again["dayProgress"]) == (paused["day"], paused["dayProgress"])
    level.page("advance")
    pass_days(client, clock, 20)
    assert level.page().json["day"] == paused["day"] + 1
    for _ in range(3):
        level.page("advance")
    pass_days(client, clock, 0)
    pass_days(client, clock, 20)
    assert level.page().json["day"] == paused["day"] + 4
    assert level.page("run").json["paused"] is False
    pass_days(client, clock, 3)
    assert level.page().json["day"] in (paused["day"] + 6, paused["day"] + 7)
    level.order("buy", 100, price=30_000)
    pass_days(client, clock, 2)
    (result,) = client("GET", "/api/v1/results").json["results"]
    assert result["assisted"] is True
