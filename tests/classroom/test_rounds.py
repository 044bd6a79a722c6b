"""The rounds: each step in its time, none in another, and what is left of them after a restart."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from class_market import ClassMarket, class_market

from disorderbook import Market
from disorderbook.classroom.connection import NoExchange
from disorderbook.classroom.rounds import ENDED, OVER, PAUSED, RUNNING, Rounds, totals
from disorderbook.client import Refused


@pytest.fixture
def market(tmp_path: Path) -> Iterator[ClassMarket]:
    with class_market(tmp_path / "class", "ADA", "GRACE", "IDLE") as market:
        yield market


def trader(market: ClassMarket, account: str, venue: str, stock: str) -> Market:
    key = market.folder.accounts()[account]
    return Market(venue, stock, account, key, url=market.exchange.url)


def trade(market: ClassMarket, venue: str, stock: str, price: int) -> None:
    """ADA buys 10 shares of GRACE."""
    with trader(market, "GRACE", venue, stock) as grace, trader(market, "ADA", venue, stock) as ada:
        grace.sell(price, 10)
        assert ada.buy(price, 10).total_filled == 10


def notices(market: ClassMarket) -> dict[str, Any]:
    told: dict[str, Any] = requests.get(f"{market.exchange.url}/api/v1/notices").json()
    return told


def test_a_round_from_its_creation_to_its_end(market: ClassMarket) -> None:
    rounds = market.rounds()
    rounds.create(1)
    with trader(market, "ADA", "ROUND1", "ACME") as ada, pytest.raises(Refused, match="halted"):
        ada.buy(1, 1)
    rounds.start(1)
    assert notices(market)["announcement"]["text"] == "Round 1, First: trade ACME, GLOBEX at ROUND1"
    assert notices(market)["countdown"]["text"] == "ACME, GLOBEX at ROUND1"
    assert 119 < float(str(notices(market)["countdown"]["seconds"])) <= 120
    trade(market, "ROUND1", "ACME", 5000)
    trade(market, "ROUND1", "ACME", 6000)
    market.now += 30
    rounds.pause(1)
    with trader(market, "ADA", "ROUND1", "ACME") as ada, pytest.raises(Refused, match="halted"):
        ada.buy(1, 1)
    market.now += 1000  # which do not count
    market.rounds().resume(1)  # from another terminal
    assert rounds.seconds_left(rounds.states()[1]) == 90
    trade(market, "ROUND1", "ACME", 5500)
    market.now += 90
    assert rounds.seconds_left(rounds.states()[1]) == 0
    rounds.stop(1)
    rounds.end(1)
    # ADA has paid 50, 60 and 55 dollars a share, and holds 30 at 55.
    assert rounds.scores(1) == {"ADA": 0, "GRACE": 0}
    assert rounds.states()[1].phase == ENDED
    with trader(market, "ADA", "ROUND1", "ACME") as ada, pytest.raises(Refused, match="settled"):
        ada.buy(1, 1)


def test_what_is_told_at_the_end_has_no_bot_in_a_place(market: ClassMarket) -> None:
    rounds = market.rounds()
    rounds.start(1)
    with trader(market, "MAKERBOTS", "ROUND1", "ACME") as bot:
        bot.sell(100, 10)
        with trader(market, "ADA", "ROUND1", "ACME") as ada:
            ada.buy(100, 10)
            bot.sell(50, 1)
            ada.buy(50, 1)
    rounds.end(1)
    assert rounds.scores(1) == {"ADA": -500, "MAKERBOTS": 500}
    assert notices(market)["announcement"]["text"] == "Round 1, First: ended. ADA -5.00"


def test_a_round_that_is_not_started_says_so_to_whoever_trades(market: ClassMarket) -> None:
    market.rounds().create(1)
    halts = notices(market)["halts"]
    assert [halt["reason"] for halt in halts] == ["not started yet"] * 2


def test_a_manipulated_price_does_not_count_where_a_price_is_stated(market: ClassMarket) -> None:
    rounds = market.rounds()
    rounds.start(2)  # which creates it, too
    trade(market, "ROUND2", "WORTH", 4000)
    with trader(market, "GRACE", "ROUND2", "WORTH") as grace:
        grace.sell(2**31 - 1, 1)
        grace.buy(2**31 - 1, 1)  # with herself
    assert rounds.scores(2)["ADA"] > 10**9
    rounds.end(2)
    assert rounds.scores(2) == {"ADA": 10_000, "GRACE": -10_000}
    students = [*market.folder.students()]
    assert totals(rounds, students, rounds.scores) == [
        ("ADA", [None, 10_000, None], 10_000),
        ("IDLE", [None, None, None], 0),
        ("GRACE", [None, -10_000, None], -10_000),
    ]


def test_a_level_counts_those_who_have_won_it_since_it_was_started(
    market: ClassMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = market.rounds()
    rounds.start(3)
    assert notices(market)["announcement"]["text"] == "Round 3, Alone? play the level first_steps"

    def result(player: str, state: str, nav: int, ts: int, level: str = "first_steps") -> object:
        stamp = f"1970-01-01T00:{ts // 60:02}:{ts % 60:02}.123456789Z"
        return {"player": player, "state": state, "nav": nav, "ts": stamp, "level": level}

    results = [
        result("ADA", "won", 5, 1010),
        result("ADA", "won", 9, 1005),
        result("GRACE", "lost", 7, 1010),
        result("IDLE", "won", 7, 900),
        result("IDLE", "won", 7, 1010, "sell_side"),
    ]
    monkeypatch.setattr(market.connection, "results", lambda: results)
    rounds.end(3)
    assert rounds.scores(3) == {"ADA": 9}
    assert totals(rounds, ["ADA"], rounds.scores) == [
        ("ADA", [None, None, 9], 0)
    ]  # it is another game


@pytest.mark.parametrize(
    "before, step, sentence",
    [
        ([], "pause", "^Round 1, First is not created yet$"),
        (["create"], "create", "^Round 1, First is created, and not started yet$"),
        (["start"], "start", "^Round 1, First is running$"),
        (["start"], "resume", "is running$"),
        (["start", "end"], "start", "has ended$"),
        (["start", "stop"], "pause", "is over: `end` settles it$"),
    ],
)
def test_a_step_at_another_time_is_refused(
    market: ClassMarket, before: list[str], step: str, sentence: str
) -> None:
    rounds = market.rounds()
    for each in before:
        getattr(rounds, each)(1)
    states = rounds.states()
    with pytest.raises(ValueError, match=sentence):
        getattr(rounds, step)(1)
    assert rounds.states() == states


def test_one_round_is_on_at_a_time(market: ClassMarket) -> None:
    rounds = market.rounds()
    rounds.start(1)
    with pytest.raises(ValueError, match="Round 1, First is on: end it first"):
        rounds.start(2)
    with pytest.raises(ValueError, match="There is no round 4: the class has 3"):
        rounds.start(4)
    current, following = rounds.current(), rounds.following()
    assert current and following and (current.number, following.number) == (1, 2)


def test_an_end_that_failed_half_way_can_be_repeated(
    market: ClassMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = market.rounds()
    rounds.start(1)
    trade(market, "ROUND1", "ACME", 5000)
    act = market.connection.act

    def fail(action: str, **fields: object) -> object:
        if fields.get("symbol") == "GLOBEX":
            raise NoExchange("gone")
        return act(action, **fields)

    monkeypatch.setattr(market.connection, "act", fail)
    with pytest.raises(NoExchange):
        rounds.end(1)
    assert rounds.states()[1].phase == RUNNING and market.connection.settled("ROUND1") == {"ACME"}
    monkeypatch.undo()
    rounds.end(1)
    assert rounds.states()[1].phase == ENDED
    assert market.connection.settled("ROUND1") == {"ACME", "GLOBEX"}


def test_a_restart_goes_on_where_the_rounds_were(market: ClassMarket) -> None:
    rounds = market.rounds()
    rounds.start(1)
    market.connection.act("countdown", seconds=0)  # gone with the exchange
    market.now += 20
    market.rounds().go_on()
    assert 99 < float(str(notices(market)["countdown"]["seconds"])) <= 100
    rounds.pause(1)
    again = market.rounds()
    assert again.states()[1].phase == PAUSED and again.seconds_left(again.states()[1]) == 100
    again.resume(1)
    again.stop(1)
    assert again.states()[1].phase == OVER


def test_a_damaged_file_is_told_of(market: ClassMarket) -> None:
    for text in ("{", "[]", '{"1": {"phase": "new", "colour": 1}}', '{"x": {}}'):
        market.folder.rounds_file.write_text(text)
        with pytest.raises(ValueError, match="rounds.json is damaged"):
            market.rounds().states()


def test_steps_wait_for_each_other(market: ClassMarket) -> None:
    """Whoever comes second finds the round as the first has left it."""
    fcntl = pytest.importorskip("fcntl")
    rounds: Rounds = market.rounds()
    rounds.create(1)
    with market.folder.lock_file.open("w") as held:
        with rounds._step(1, "created"), pytest.raises(BlockingIOError):
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
