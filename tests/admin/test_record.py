"""Every action is recorded, and no key: in the log, in memory, and in the market's file."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from administered import PLACE, accounts_file, administered
from wsgi import ORDERS

from disorderbook.assembly import CannotStart
from disorderbook.ledger import journal
from disorderbook.process.log import LINES_OF_A_KIND, RateLimit

ACTIONS: list[tuple[str, dict[str, object]]] = [
    ("open", {"venue": "NEW", "symbol": "S"}),
    ("open", {"venue": "NEW", "symbol": "S", "halted": True}),
    ("halt", PLACE | {"reason": "lunch"}),
    ("resume", {"venue": "TESTEX"}),
    ("settle", PLACE | {"price": 5000}),
    ("reset", PLACE),
    ("add", {"account": "CÄROL"}),
    ("rekey", {"account": "ANN"}),
    ("expel", {"account": "BOB"}),
    ("cancel", {"account": "ANN", "venue": "TESTEX", "symbol": "FOOBAR"}),
    ("announce", {"text": "Hello"}),
    ("countdown", {"seconds": 60, "text": "Round 1"}),
    ("freeze", {"venue": "TESTEX"}),
    ("reveal", {"venue": "TESTEX"}),
]
RECORDED = [
    ("open", "NEW", "S", None, None),
    ("open", "NEW", "S", None, "halted"),
    ("halt", "TESTEX", "FOOBAR", None, "lunch"),
    ("resume", "TESTEX", None, None, None),
    ("settle", "TESTEX", "FOOBAR", None, "at 5000 cents a share"),
    ("reset", "TESTEX", "FOOBAR", None, None),
    ("add", None, None, "CÄROL", None),
    ("rekey", None, None, "ANN", None),
    ("expel", None, None, "BOB", None),
    ("cancel", None, None, "BOB", "0 orders"),
    ("cancel", "TESTEX", "FOOBAR", "ANN", "0 orders"),
    ("announce", None, None, None, "Hello"),
    ("countdown", None, None, None, "60 s Round 1"),
    ("freeze", "TESTEX", None, None, None),
    ("reveal", "TESTEX", None, None, None),
]


def test_each_action_is_in_the_log_in_the_answer_and_in_the_table(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, keys = tmp_path / "market.db", ["annkey", "bobkey"]
    caplog.set_level(logging.WARNING)  # as it is unless somebody says otherwise
    with administered(accounts_file(tmp_path), file) as client:
        for action, fields in ACTIONS:
            keys.append(client.as_admin(action, fields).json.get("key", "annkey"))
        told = client.as_admin("").json["actions"]
    names = ("action", "venue", "symbol", "account", "detail")
    assert [tuple(each.get(name) for name in names) for each in told] == RECORDED
    lines = [r.getMessage() for r in caplog.records if r.getMessage().startswith("The admin: ")]
    assert len(lines) == len(RECORDED)
    assert lines[2] == "The admin: halt: TESTEX: FOOBAR: lunch" and lines[6].endswith(r"C\xc4ROL")
    with closing(sqlite3.connect(file)) as reader:
        rows = reader.execute(f"SELECT {', '.join(names)} FROM admin_actions ORDER BY number")
        assert rows.fetchall() == RECORDED
    text = caplog.text.encode() + file.read_bytes()
    assert not any(key.encode() in text for key in keys) and "ädmin" not in caplog.text
    with administered(database=file) as again:
        assert again.as_admin("").json["actions"] == told


def test_what_is_refused_is_not_recorded(caplog: pytest.LogCaptureFixture) -> None:
    with administered() as client:
        assert client.as_admin("halt", PLACE | {"reason": ""}).status == 400
        assert client.as_admin("halt", PLACE, "wrong").status == 401
        assert client("POST", f"{ORDERS}/0/cancel").status == 404
        assert client.as_admin("").json["actions"] == [] and "The admin: " not in caplog.text


def test_only_the_newest_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "MOST_ACTIONS", 120)
    file = tmp_path / "market.db"
    with administered(database=file) as client:
        for number in range(130):
            client.services.admin_actions.announce(str(number))
        client.services.exchange.commit(flush=True)
        client.services.admin_actions.announce("last")
        client.services.exchange.commit(flush=True)
        told = client.as_admin("").json["actions"]
        assert [each["detail"] for each in told] == [*map(str, range(31, 130)), "last"]
    with closing(sqlite3.connect(file)) as reader:
        assert reader.execute("SELECT count(*) FROM admin_actions").fetchone() == (120,)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE admin_actions SET detail = 'tea'",
        "UPDATE notices SET text = 'Goodbye'",
        "UPDATE books SET settled = 4999",
        "UPDATE books SET halted = 'no reason'",
    ],
)
def test_a_file_with_something_else_in_it_is_refused(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "market.db"
    with administered(database=file) as client:
        assert client.as_admin("halt", PLACE | {"reason": "lunch"}).ok
        assert client.as_admin("settle", PLACE | {"price": 5000}).ok
        assert client.as_admin("announce", {"text": "Hello"}).ok
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        assert connection.execute(damage).rowcount > 0
    with pytest.raises(CannotStart, match="is damaged: the checksum of"):
        with administered(database=file):
            pass


def test_the_log_has_every_action_however_many_there_are(
    caplog: pytest.LogCaptureFixture,
) -> None:
    limit = RateLimit(logging.StreamHandler())
    with administered() as client:
        for _ in range(LINES_OF_A_KIND + 5):
            assert client.as_admin("halt", PLACE).ok
    passed = [record for record in caplog.records if limit.filter(record)]
    assert len([r for r in passed if "The admin: halt" in r.getMessage()]) == LINES_OF_A_KIND + 5
