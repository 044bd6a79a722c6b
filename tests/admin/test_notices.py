"""What the admin tells everybody outlives a restart, and no new market."""

from pathlib import Path

import pytest
from administered import Administered, administered

from disorderbook.errors import CannotWrite


def told(client: Administered) -> object:
    answer = client("GET", "/api/v1/notices").json
    count = answer.get("countdown")
    return answer.get("announcement"), count and (count["text"], count["endsAt"])


def announce(client: Administered, text: str) -> None:
    assert client.as_admin("announce", {"text": text}).ok
    assert client.as_admin("countdown", {"seconds": 600, "text": text}).ok


def test_both_are_there_after_a_restart_and_a_rollback(tmp_path: Path) -> None:
    file = tmp_path / "market.db"
    with administered(database=file) as client:
        announce(client, "One")
        announce(client, "Two")
        before = told(client)
    with administered(database=file) as again:
        assert told(again) == before
        exchange = again.services.exchange
        exchange._ledger.connection.execute(
            "CREATE TEMP TRIGGER fails BEFORE INSERT ON notices BEGIN SELECT RAISE(ABORT, 'x'); END"
        )
        assert again.as_admin("announce", {"text": "Three"}).status == 503
        assert told(again) == before
        assert len(again.as_admin("").json["actions"]) == 4
    with administered(database=file) as third:
        assert told(third) == before
        assert third.as_admin("announce", {"text": ""}).ok
        assert third.as_admin("countdown", {"seconds": 0}).ok
    with administered(database=file) as fourth:
        assert told(fourth) == (None, None)


def test_a_new_market_has_none_and_a_snapshot_has_its_own(tmp_path: Path) -> None:
    with administered() as client:
        announce(client, "One")
        before = told(client)
        control = client.services.control
        control.snapshot("here")
        announce(client, "Two")
        client.reset("TESTEX", "FOOBAR")
        assert told(client) != (None, None) != before
        for _ in range(2):
            control.restore("here")
            assert told(client) == before
            announce(client, "Three")
        client.reset()
        assert told(client) == (None, None) and client.as_admin("").json["actions"] == []
    with administered(database=tmp_path / "market.db") as stored:
        announce(stored, "One")
        stored.reset()
    with administered(database=tmp_path / "market.db") as again:
        assert told(again) == (None, None) and again.as_admin("").json["actions"] == []


def test_what_cannot_be_recorded_is_not_told(tmp_path: Path) -> None:
    with administered(database=tmp_path / "market.db") as client:
        client.services.exchange._ledger._fail("a full disk")
        with pytest.raises(CannotWrite):
            client.services.admin_actions.notices.announce("Hello")
        assert told(client) == (None, None)
