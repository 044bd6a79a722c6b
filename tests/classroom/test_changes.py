"""A late student, a lost key, another address and the end: each while the class does not run. (What
they do to one that runs is in test_afternoon.py.)
"""

import json
from pathlib import Path

import pytest
from class_market import class_market
from durable_market import Stoppable

from disorderbook.classroom.certificate import fingerprint
from disorderbook.classroom.changes import add_student, end_class, new_cards, rekey_student
from disorderbook.classroom.creation import NewClass, make_class
from disorderbook.classroom.folder import ClassFolder
from disorderbook.ledger.location import Unusable


@pytest.fixture
def folder(tmp_path: Path) -> ClassFolder:
    make_class(tmp_path / "class", NewClass(["ADA", "GRACE"], ["192.0.2.1"]))
    return ClassFolder(tmp_path / "class")


def test_a_late_student_gets_an_account_and_a_card(folder: ClassFolder) -> None:
    key = add_student(folder, " Zoë ")
    assert folder.students()["Zoë"] == key
    assert key in folder.new_card_file.read_text() and key in folder.cards_file.read_text()
    assert folder.new_card_file.read_text().count("<article") == 1
    with pytest.raises(ValueError, match="There is an account 'zoë' already"):
        add_student(folder, "zoë")


def test_a_lost_key_counts_no_more(folder: ClassFolder) -> None:
    old = folder.accounts()["ADA"]
    key = rekey_student(folder, "ADA")
    assert folder.accounts()["ADA"] == key != old
    assert old not in folder.cards_file.read_text()
    for name in ("NOBODY", "MAKERBOTS"):
        with pytest.raises(ValueError, match="No student is called"):
            rekey_student(folder, name)


def test_cards_lead_to_another_address(folder: ClassFolder) -> None:
    plan = new_cards(folder, ["exchange.example", "192.0.2.7"])
    assert folder.plan() == plan and plan.hosts == ("exchange.example", "192.0.2.7")
    assert (
        plan.url in folder.cards_file.read_text()
        and "192.0.2.1" not in folder.cards_file.read_text()
    )
    assert new_cards(folder, []) == plan
    folder.plan_file.write_text(folder.plan_file.read_text().replace("hosts = ", "hosts =\\\n", 1))
    with pytest.raises(ValueError):
        new_cards(folder, ["192.0.2.8"])


def test_with_tls_another_address_needs_another_certificate(tmp_path: Path) -> None:
    make_class(tmp_path / "class", NewClass(["ADA"], ["192.0.2.1"], tls=True))
    folder = ClassFolder(tmp_path / "class")
    before = fingerprint(folder.certificate)
    new_cards(folder, [])
    assert fingerprint(folder.certificate) == before
    new_cards(folder, ["192.0.2.7"])
    after = fingerprint(folder.certificate)
    assert after != before and after[:30] in folder.cards_file.read_text()


def test_tls_that_is_turned_on_later_needs_a_certificate_first(folder: ClassFolder) -> None:
    text = folder.plan_file.read_text()
    folder.plan_file.write_text(text.replace("tls = false", "tls = true", 1))
    before = folder.accounts()
    sentence = r"class\.pem is not there\. Make it, and new cards: .* class cards "
    for change, name in ((add_student, "ZOE"), (rekey_student, "ADA")):
        with pytest.raises(ValueError, match=sentence):
            change(folder, name)
    assert folder.accounts() == before and not folder.new_card_file.exists()
    assert new_cards(folder, []).tls
    assert fingerprint(folder.certificate)[:5] in folder.cards_file.read_text()
    assert add_student(folder, "ZOE") in folder.new_card_file.read_text()


def test_an_end_without_a_market_writes_nothing_and_a_wipe_all(
    folder: ClassFolder,
) -> None:
    add_student(folder, "LATE")
    keys = [*folder.accounts().values(), folder.admin_key()]
    assert end_class(folder, wipe=False) == [] and folder.accounts_file.exists()
    end_class(folder, wipe=True)
    left = [path for path in folder.path.rglob("*") if path.is_file()]
    assert left == [folder.plan_file]
    assert not any(key in folder.plan_file.read_text() for key in keys)


def test_a_class_that_runs_is_not_ended_by_another_terminal(tmp_path: Path) -> None:
    with class_market(tmp_path / "class", "ADA") as market:
        with pytest.raises(ValueError, match="The class is running: quit it first"):
            end_class(market.folder, wipe=True)
        assert market.folder.accounts_file.exists()


def test_a_market_that_is_no_market_keeps_everything(folder: ClassFolder) -> None:
    folder.market_file.write_text("nonsense")
    with pytest.raises(Unusable):
        end_class(folder, wipe=True)
    assert folder.accounts_file.exists() and folder.market_file.exists()


def test_a_round_that_was_not_ended_does_not_keep_the_class_from_its_end(tmp_path: Path) -> None:
    with class_market(tmp_path / "class", "ADA", "GRACE") as market:
        rounds = market.rounds()
        rounds.start(1)
        rounds.end(1)
        rounds.start(2)
    states = json.loads(market.folder.rounds_file.read_bytes())
    states["1"]["scores"] = {"ADA": 500, "GRACE": -500}
    market.folder.rounds_file.write_text(json.dumps(states))
    Stoppable(market.folder.market_file).exchange.close()
    written = end_class(market.folder, wipe=True)
    assert written[-1].read_text().split() == [
        "account,round1,round2,round3,total",
        "ADA,500,,,500",
        "GRACE,-500,,,-500",
    ]
    assert not market.folder.accounts_file.exists()
