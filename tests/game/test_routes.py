"""Levels and their instances over HTTP."""

import pytest
from wsgi import KEYS, Client

BLSH = {"X-Starfighter-Authorization": "blshkey"}


def test_the_game_master_starts_restarts_resumes_judges_and_stops() -> None:
    client = Client()
    start = client("POST", "/gm/levels/first_steps").json
    assert start.keys() == {
        "ok",
        "account",
        "instanceId",
        "instructions",
        "tickers",
        "venues",
        "secondsPerTradingDay",
        "balances",
    }
    assert start["instructions"].keys() == {"Instructions", "Order Types"}
    assert (start["tickers"], start["venues"]) == (["FOOBAR"], ["TESTEX"])
    assert (start["secondsPerTradingDay"], start["balances"]) == (5, {"USD": 0})
    instance = f"/gm/instances/{start['instanceId']}"
    state = client("GET", instance).json
    assert state == {
        "ok": True,
        "done": False,
        "id": start["instanceId"],
        "state": "open",
        "details": {"tradingDay": 0, "endOfTheWorldDay": 1000},
    }
    assert client("POST", f"{instance}/judge").json == state
    assert client("POST", f"{instance}/resume").json == start
    again = client("POST", f"{instance}/restart").json
    assert again["account"] != start["account"]
    assert again | {"account": start["account"]} == start
    assert client("POST", f"{instance}/stop").json == {"ok": True, "error": ""}
    for method, action in (("GET", ""), ("POST", "/judge"), ("POST", "/stop"), ("POST", "/resume")):
        assert client(method, instance + action).error == (404, "No such level instance")


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.0", "9" * 200])
def test_an_unknown_instance_is_404(number: str) -> None:
    assert Client()("GET", f"/gm/instances/{number}").error == (404, "No such level instance")


def test_in_authentication_mode_the_player_is_the_keys_owner() -> None:
    client = Client(keys=KEYS)
    start = client("POST", "/gm/levels/first_steps", headers=BLSH).json
    assert start["account"] == "BLSHBOTS"
    restart = f"/gm/instances/{start['instanceId']}/restart"
    assert client("POST", restart, headers=BLSH).json == start
    assert client("POST", "/gm/levels/first_steps").error[0] == 401
    for action in ("restart", "resume", "stop"):
        path = restart.replace("restart", action)
        for key in ("wrong", "noisekey"):
            assert client("POST", path, headers={"Cookie": f"api_key={key}"}).error[0] == 401


def test_levels_have_names() -> None:
    levels = Client()("GET", "/gm/levels").json
    assert {"name": "first_steps"} in levels["levels"] and levels["ok"] is True
