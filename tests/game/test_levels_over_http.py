"""One winner of each level plays it over HTTP and the tape, all at once on one server."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from level_player import HttpClient
from level_players import (
    BuysOnce,
    BuysUnderTarget,
    Detective,
    QuotesRoundMean,
    RidesTheBubble,
    TradesAgainstAttacks,
    takes_least,
)
from remote_player import play_remotely
from wsgi import KEYS

from disorderbook.in_process import serve

DAY_SECONDS = 0.2
# Who wins, and the seeds to try: a player who has lost begins again.
WINNERS = {
    "first_steps": (lambda: BuysOnce(100), (1, 2)),
    "chock_a_block": (BuysUnderTarget, (1, 3)),
    "sell_side": (QuotesRoundMean, (3, 6)),
    "dueling_bulldozers": (TradesAgainstAttacks, (4, 3)),
    "irrational_exuberance": (RidesTheBubble, (3, 2)),
    "making_amends": (lambda: Detective(takes_least, 150), (1, 6)),
}


def win(port: int, name: str, key: str | None) -> str:
    """Play a level until it is won; returns why it was not, if so."""
    make, seeds = WINNERS[name]
    told = {}
    for seed in seeds:
        told = play_remotely(port, name, key, seed, make(), DAY_SECONDS)
        assert told["done"] is True and len(told["flash"]) == 1
        if told["state"] == "won":
            assert "success" in told["flash"]
            return ""
    return f"{name}: {told}"


@pytest.mark.serial  # on a busy machine the 500 days are over before six players have won
@pytest.mark.slow
def test_every_level_is_won_over_http_all_at_once() -> None:
    with serve(accounts=KEYS, websockets=True, day_seconds=DAY_SECONDS) as exchange:
        players = list(KEYS.values())
        with ThreadPoolExecutor(len(WINNERS)) as pool:
            asked = [
                pool.submit(win, exchange.port, name, players[number % len(players)])
                for number, name in enumerate(WINNERS)
            ]
            failures = [failure for each in asked if (failure := each.result())]
        assert not failures
        results = HttpClient(exchange.port).get("/api/v1/results", None)["results"]
        won = {result["level"] for result in results if result["state"] == "won"}
        assert won == set(WINNERS)
        assert {result["player"] for result in results} <= set(KEYS)


def test_without_keys_each_player_wins_too() -> None:
    with serve(websockets=True, day_seconds=DAY_SECONDS) as exchange:
        with ThreadPoolExecutor(3) as pool:
            asked = [
                pool.submit(win, exchange.port, "first_steps", player)
                for player in (None, "one", "another")
            ]
        assert [each.result() for each in asked] == [""] * 3
