"""A class is made whole or not at all, and for its owner only."""

import stat
from pathlib import Path

import pytest

from disorderbook.accounts import read_admin_key, read_keys
from disorderbook.classroom import creation
from disorderbook.classroom.creation import NewClass, add_bot_accounts, make_class
from disorderbook.classroom.folder import ClassFolder


def test_a_class_has_all_its_files_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "class"
    plan = make_class(path, NewClass(["ADA", "GRACE"], ["192.0.2.1"]))
    keys = read_keys(str(path / "accounts.json"))
    assert {"ADA", "GRACE", "MAKERBOTS", "TAKERBOTS", "NOISEBOTS"} == keys.keys()
    assert read_admin_key(str(path / "admin.key")) not in keys.values()
    assert [each.settle for each in plan.rounds] == [None, None, 5000]
    assert plan.url.startswith("http://192.0.2.1:")
    for each in (path, *path.rglob("*")):
        assert stat.S_IMODE(each.stat().st_mode) == (0o700 if each.is_dir() else 0o600), each


def test_a_class_that_is_there_is_not_replaced(tmp_path: Path) -> None:
    make_class(tmp_path / "class", NewClass(["ADA"]))
    before = (tmp_path / "class" / "accounts.json").read_bytes()
    for path in (tmp_path / "class", tmp_path):
        with pytest.raises(ValueError, match="is there already, and a class replaces nothing"):
            make_class(path, NewClass(["GRACE"]))
    assert (tmp_path / "class" / "accounts.json").read_bytes() == before


def test_a_class_that_cannot_be_made_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_openssl(*_: object) -> None:
        raise ValueError("no openssl")

    monkeypatch.setattr(creation, "make_certificate", no_openssl)
    with pytest.raises(ValueError, match="no openssl"):
        make_class(tmp_path / "class", NewClass(["ADA"], tls=True))
    assert not (tmp_path / "class").exists()


def test_two_groups_at_once_have_ports_of_their_own(tmp_path: Path) -> None:
    plans = [make_class(tmp_path / name, NewClass(["ADA"])) for name in ("one", "two")]
    assert len({port for plan in plans for port in (plan.port, plan.exchange_port)}) == 4


def test_a_machine_without_a_network_makes_cards_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(creation, "network_addresses", lambda: [])
    assert make_class(tmp_path / "class", NewClass(["ADA"])).hosts == ("127.0.0.1",)


def test_bots_that_are_named_later_get_keys_in_the_same_step(tmp_path: Path) -> None:
    plan = make_class(tmp_path / "class", NewClass(["ADA", "EXTREMEBOT"]))
    folder = ClassFolder(tmp_path / "class")
    before = folder.accounts()
    folder.plan_file.write_text(folder.plan_file.read_text().replace('"noise"', '"noise:2"'))
    add_bot_accounts(folder, folder.plan())
    assert folder.accounts().keys() - before.keys() == {"NOISE1", "NOISE2"}
    assert before.items() <= folder.accounts().items() and plan.bot_accounts <= before.keys()
    assert folder.students().keys() == {"ADA", "EXTREMEBOT"}
    folder.plan_file.write_text(folder.plan_file.read_text().replace('"taker"', '"extreme"'))
    with pytest.raises(ValueError, match="a bot would trade for the student 'EXTREMEBOT'"):
        add_bot_accounts(folder, folder.plan())
