"""What a market's file holds of scores: samples, freezes and counts of trades."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from controlled_market import Assembled
from durable_market import make_older
from wsgi import ORDERS

from disorderbook.accounts import Accounts
from disorderbook.assembly import CannotStart, MarketSettings, assemble
from disorderbook.errors import CannotWrite
from disorderbook.ledger.score_export import history_rows, last_prices, score_rows
from disorderbook.ledger.scores import load_scores
from disorderbook.marketdata import nav_series
from disorderbook.marketdata.mark import Mark
from disorderbook.timeline.clock import clock_settings

SCORES = "/api/v1/venues/TESTEX/scores"
BIG = 2**31 - 1


@contextmanager
def market(file: Path, mark: Mark = Mark.LAST) -> Iterator[Assembled]:
    settings = MarketSettings(
        database=str(file), clock=clock_settings("stepped"), admin_key="adminkey", mark=mark
    )
    with assemble(settings, Accounts()) as services:
        yield Assembled(services)


def trade(client: Assembled, price: int, buyer: str = "ann", seller: str = "bob") -> None:
    order = {"orderType": "limit", "price": price, "qty": BIG}
    for account, side in ((seller, "sell"), (buyer, "buy")):
        body = order | {"account": account, "direction": side}
        assert client("POST", ORDERS, body).status == 200


def told(client: Assembled) -> Any:
    """Scores now and over time, live and frozen, but for the current time."""
    answers: list[Any] = []
    for key in (None, "adminkey"):
        headers = {} if key is None else {"X-Starfighter-Authorization": key}
        for path in (f"{SCORES}?over=time", SCORES, ORDERS.replace("orders", "scores")):
            answer = client("GET", path, headers=headers)
            assert answer.status == 200
            if path == SCORES:
                answers.append({**answer.json, "currentTime": None})
            else:
                answers.append(answer.body.partition(b"Current time")[0])
    return answers


def played(client: Assembled) -> None:
    for price in (BIG, 5, 7):
        trade(client, price)
        client.advance(3)
    trade(client, 8, "cat", "cat")
    with client.services.exchange.transaction():
        client.services.scoreboard.freeze("TESTEX")
    trade(client, 9)
    client.advance(3)


def count_rows(file: Path, table: str) -> int:
    with closing(sqlite3.connect(file)) as connection:
        [count] = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(count)


def test_scores_over_time_and_frozen_ones_are_the_same_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "market.db"
    with market(file) as client:
        played(client)
        before = told(client)
        assert before[:3] != before[3:] and b"frozenAt" in before[0]
    with market(file) as client:
        assert told(client) == before
        client.advance(1)
        trade(client, 10, "dan", "ann")
        client.advance(2)
        after = client("GET", f"{SCORES}?over=time").json
        with client.services.exchange.transaction():
            client.services.scoreboard.reveal("TESTEX")
        live = client("GET", f"{SCORES}?over=time").json
        assert len(live["times"]) > len(after["times"]) and live["times"] == sorted(live["times"])
        assert {row["account"] for row in live["scores"]} == {"ann", "bob", "cat", "dan"}
    with market(file) as client:
        assert client.services.scoreboard.frozen() == []
        assert client("GET", f"{SCORES}?over=time").json == live


def test_frozen_scores_say_what_they_were_marked_at(tmp_path: Path) -> None:
    with market(tmp_path / "market.db", Mark.MID) as client:
        played(client)
        before = told(client)
        assert b'"mark":"mid"' in client("GET", SCORES).body
    with market(tmp_path / "market.db") as client:
        after = told(client)
        assert (after[1], after[4]["mark"]) == (before[1], "last")


def test_a_kill_loses_no_more_than_what_was_not_flushed(tmp_path: Path) -> None:
    file, copy = tmp_path / "market.db", tmp_path / "killed.db"
    with market(file) as client:
        played(client)
        client.services.exchange.flush()
        before = told(client)
        trade(client, 12)
        client.services.exchange.commit()
        shutil.copy(file, copy)
        shutil.copy(f"{file}-wal", f"{copy}-wal")
        counts = {row["account"]: row["trades"] for row in frozen_scores(client)}
    with market(copy) as client:
        assert told(client)[0] == before[0] and told(client)[3] == before[3]
        assert {row["account"]: row["trades"] for row in frozen_scores(client)} == counts


def frozen_scores(client: Assembled) -> Any:
    headers = {"X-Starfighter-Authorization": "adminkey"}
    return client("GET", SCORES, headers=headers).json["scores"]


def test_a_longer_step_is_stored_and_the_others_are_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nav_series, "MOST_POINTS", 6)
    file = tmp_path / "market.db"
    with market(file) as client:
        for price in range(1, 30):
            trade(client, price)
            client.advance(2)
        before = client("GET", f"{SCORES}?over=time").json
        assert before["step"] == 16
    assert count_rows(file, "score_samples") == len(before["times"]) <= 6
    with market(file) as client:
        assert client("GET", f"{SCORES}?over=time").json == before
        trade(client, 99)
        client.advance(2)
        assert client("GET", f"{SCORES}?over=time").json["step"] == 16


def test_a_file_of_an_older_version_counts_the_trades_once(tmp_path: Path) -> None:
    file = tmp_path / "market.db"
    with market(file) as client:
        played(client)
        with client.services.exchange.transaction():
            client.services.scoreboard.reveal("TESTEX")
        before = client("GET", SCORES).json["scores"]
        assert {row["account"]: row["trades"] for row in before} == {"ann": 4, "bob": 4, "cat": 1}
    make_older(file, 5)
    with market(file) as client:
        after = client("GET", SCORES).json["scores"]
        assert [{**row, "change": None} for row in after] == [
            {**row, "change": None} for row in before
        ]


@pytest.mark.parametrize("names", [(), ("TESTEX", "FOOBAR")])
def test_a_reset_leaves_nothing_in_the_file(tmp_path: Path, names: tuple[str, ...]) -> None:
    file = tmp_path / "market.db"
    with market(file) as client:
        played(client)
        client.reset(*names)
        assert client("GET", f"{SCORES}?over=time").json["times"] == []
    for table in ("score_accounts", "score_samples", "frozen_scores"):
        assert count_rows(file, table) == 0


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("UPDATE score_samples SET navs = '[1]'", "checksum of a sample of the scores is wrong"),
        ("UPDATE score_accounts SET account = 'eve'", "checksum of an account of the scores"),
        ("UPDATE frozen_scores SET state = '{}'", "checksum of the frozen scores of a venue"),
        ("DELETE FROM score_accounts WHERE number = 0", "makes no sense: scorer 1 of TESTEX"),
    ],
)
def test_what_was_changed_is_refused(tmp_path: Path, change: str, sentence: str) -> None:
    file = tmp_path / "market.db"
    with market(file) as client:
        played(client)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        assert load_scores(connection).freezes
        connection.execute(change)
    with pytest.raises(CannotStart, match=sentence), market(file):
        pass


def test_after_a_commit_that_fails_scores_are_as_they_were_before(tmp_path: Path) -> None:
    with market(tmp_path / "market.db") as client:
        played(client)
        exchange, scoreboard = client.services.exchange, client.services.scoreboard
        exchange.flush()
        before = told(client)
        with exchange.lock:
            scoreboard.reveal("TESTEX")
            exchange.book("OTHER", "STOCK")
            scoreboard.freeze("OTHER")
            exchange.roll_back()  # as a disk that is full does
            with pytest.raises(CannotWrite):
                exchange.commit()
        assert scoreboard.frozen() == ["TESTEX"]
        assert told(client) == before


def test_what_was_traded_right_before_a_kill_is_sampled_after_it(tmp_path: Path) -> None:
    file, copy = tmp_path / "market.db", tmp_path / "killed.db"
    with market(file) as client:
        played(client)
        trade(client, 12)
        client.services.exchange.flush()
        shutil.copy(file, copy)
        shutil.copy(f"{file}-wal", f"{copy}-wal")
    for _ in range(2):
        with market(copy) as client:
            client.advance(3)
            headers = {"X-Starfighter-Authorization": "adminkey"}
            over_time = client("GET", f"{SCORES}?over=time", headers=headers).json
            ends = {row["account"]: row["nav"][-1] for row in over_time["scores"]}
            assert ends == {row["account"]: row["nav"] for row in frozen_scores(client)}
            times = over_time["times"]
        count = count_rows(copy, "score_samples")
    with market(copy) as client:  # nothing has changed since, so nothing is added
        client.advance(3)
        assert client("GET", f"{SCORES}?over=time", headers=headers).json["times"] == times
    assert count_rows(copy, "score_samples") == count


def test_what_is_stored_at_the_end_says_what_accounts_were_worth_then(tmp_path: Path) -> None:
    file = tmp_path / "market.db"
    with market(file) as client:
        played(client)
        trade(client, 12)  # the next sample would be in two seconds
    with closing(sqlite3.connect(file)) as connection:
        last = {account: nav for _, _, account, nav in history_rows(connection, last_prices)}
        scores = score_rows(connection, last_prices)
        assert last == {row[2]: row[3] for row in scores if row[1] is None}
