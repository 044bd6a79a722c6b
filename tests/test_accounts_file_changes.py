"""Accounts that are added, changed and removed in their file, which is replaced as a whole."""

import json
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import ordinary_user
import pytest
from administered import STUDENTS, accounts_file, administered

from disorderbook import accounts as accounts_module
from disorderbook.accounts import AccountsFile, Keys, read_keys
from disorderbook.errors import CannotChangeAccounts, NoSuchAccount


def set_key(account: str, key: str) -> Callable[[Keys], None]:
    return lambda keys: keys.update({account: key})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return accounts_file(tmp_path)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("indent", ["  ", "\t", "        "])
def test_the_others_their_order_the_indent_and_the_mode_stay(
    path: Path, indent: str, end: str
) -> None:
    text = json.dumps({"ZOË": "schlüssel", **STUDENTS}, indent=indent, ensure_ascii=False)
    path.write_bytes(f"{text}\n".replace("\n", end).encode())
    path.chmod(0o604)
    file = AccountsFile(str(path))
    file.accounts.change(set_key("NEW", "newkey"))
    expected = text.replace("\n}", f',\n{indent}"NEW": "newkey"\n}}\n').replace("\n", end)
    assert path.read_bytes() == expected.encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o604
    assert os.listdir(path.parent) == [path.name]
    file.accounts.authorize("NEW", "newkey")
    version = file.accounts.version
    file.check()  # it knows that it has written the file itself
    assert file.accounts.version == version


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_a_file_in_another_encoding_is_in_utf_8_afterwards(path: Path, encoding: str) -> None:
    path.write_bytes('{"ZOË": "schlüssel"}'.encode(encoding))
    AccountsFile(str(path)).accounts.change(set_key("NEW", "newkey"))
    assert path.read_text(encoding="utf-8") == (
        '{\n    "ZOË": "schlüssel",\n    "NEW": "newkey"\n}\n'
    )


def test_what_somebody_has_just_written_by_hand_stays(path: Path) -> None:
    file = AccountsFile(str(path))
    path.write_text('{"BOB": "bobs new key", "DAN": "dankey"}')
    file.accounts.change(set_key("NEW", "newkey"))
    assert read_keys(str(path)) == {"BOB": "bobs new key", "DAN": "dankey", "NEW": "newkey"}
    assert file.accounts.names() == ["BOB", "DAN", "NEW"]


def test_what_somebody_writes_at_that_moment_stays(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, edits = AccountsFile(str(path)), iter([{"BOB": "other"}, {"BOB": "another"}])
    fsync = os.fsync

    def edit_meanwhile(descriptor: int) -> None:
        fsync(descriptor)
        edit = next(edits, None)
        if edit is not None:
            path.write_text(json.dumps(edit))

    monkeypatch.setattr(os, "fsync", edit_meanwhile)
    file.accounts.change(set_key("NEW", "newkey"))
    assert read_keys(str(path)) == {"BOB": "another", "NEW": "newkey"}
    monkeypatch.setattr(
        os, "fsync", lambda _: path.write_text('{"BOB": "again"}') and os.utime(path)
    )
    counted: list[Keys] = []
    with pytest.raises(CannotChangeAccounts) as refusal:
        file.accounts.change(lambda keys: counted.append(keys))
    assert "all the time" in refusal.value.detail
    assert len(counted) == accounts_module.MOST_ATTEMPTS
    assert os.listdir(path.parent) == [path.name]


def test_a_link_leads_to_the_file_that_is_replaced(path: Path) -> None:
    folder = path.parent / "links"
    folder.mkdir()
    link = folder / "link.json"
    link.symlink_to(path)
    AccountsFile(str(link)).accounts.change(set_key("NEW", "newkey"))
    assert link.is_symlink() and "NEW" in read_keys(str(path))


@pytest.mark.parametrize(
    "spoil, complaint",
    [
        (lambda path: path.write_text("{"), "is not valid JSON"),
        (lambda path: path.write_text('{"A": 5}'), "the key of 'A' is none"),
        (lambda path: path.unlink(), "is no ordinary file"),
        (lambda path: (path.unlink(), os.mkfifo(path)), "is no ordinary file"),
        (lambda path: (path.unlink(), path.mkdir()), "is no ordinary file"),
    ],
    ids=["broken", "no keys", "gone", "a pipe", "a folder"],
)
def test_a_file_that_cannot_be_used_stays_as_it_is(
    path: Path, spoil: Callable[[Path], object], complaint: str
) -> None:
    file = AccountsFile(str(path))
    spoil(path)
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(CannotChangeAccounts) as refusal:
        file.accounts.change(set_key("NEW", "newkey"))
    assert complaint in refusal.value.detail and str(path) in refusal.value.detail
    assert not path.is_file() or path.read_bytes() == before
    file.accounts.authorize("ANN", "annkey")
    assert file.accounts.names() == list(STUDENTS)


def test_a_file_that_may_not_be_written_stays_as_it_is() -> None:
    with ordinary_user.folder() as folder:
        path = accounts_file(folder)
        path.chmod(0o644)
        file = AccountsFile(str(path))
        before = path.read_bytes()
        with ordinary_user.may_only_read(folder):
            with pytest.raises(CannotChangeAccounts) as refusal:
                file.accounts.change(set_key("NEW", "newkey"))
        assert "cannot be written: Permission denied" in refusal.value.detail
        assert path.read_bytes() == before and file.accounts.names() == list(STUDENTS)


def test_what_is_refused_and_what_nobody_could_use_is_not_written(path: Path) -> None:
    file = AccountsFile(str(path))
    before = path.read_bytes()

    def refuse(keys: Keys) -> None:
        keys.clear()
        raise NoSuchAccount

    for change, refusal in (
        (refuse, NoSuchAccount),
        (lambda keys: keys.clear(), CannotChangeAccounts),
        (set_key("NEW", "annkey"), CannotChangeAccounts),
        (set_key("", "newkey"), CannotChangeAccounts),
        (set_key("NEW", "new;key"), CannotChangeAccounts),
    ):
        with pytest.raises(refusal):
            file.accounts.change(change)
    assert path.read_bytes() == before and file.accounts.names() == list(STUDENTS)


def test_a_look_at_the_file_meanwhile_brings_nothing_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that looks has read the old file, and would replace the new keys by those."""
    file, has_read, go_on = AccountsFile(str(path)), threading.Event(), threading.Event()
    path.write_text('{"ANN": "annkey", "BOB": "old"}')

    def slowly(name: str) -> Keys:
        keys = read_keys(name)
        if threading.current_thread() is looking:
            has_read.set()
            go_on.wait(0.2)
        return keys

    monkeypatch.setattr(accounts_module, "read_keys", slowly)
    looking = threading.Thread(target=file.check)
    looking.start()
    assert has_read.wait(60)
    file.accounts.change(set_key("BOB", "new"))
    go_on.set()
    looking.join()
    file.accounts.authorize("BOB", "new")
    assert read_keys(str(path))["BOB"] == "new"


def test_over_http_a_file_that_cannot_be_written_is_a_sentence_with_its_reason(path: Path) -> None:
    with administered(path) as client:
        path.write_text("{")
        before = client.status()
        for action in ("add", "rekey", "expel"):
            refused = client.as_admin(action, {"account": "ANN" if action != "add" else "NEW"})
            assert refused.error == (
                503,
                "The accounts cannot be changed now, so they stay as they were",
            )
            assert "is not valid JSON" in refused.headers["X-Error-Detail"]
            assert "annkey" not in str(refused)
        assert client.status() == before and path.read_text() == "{"
