"""The files of a class: for their owner only, and never half written."""

import os
import stat
from pathlib import Path

import pytest

from disorderbook.classroom import folder as module
from disorderbook.classroom.folder import ClassFolder, write


def test_a_file_is_for_its_owner_only_and_takes_the_old_ones_place(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write(path, "old")
    write(path, "new")
    assert path.read_text() == "new" and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["file"]


def test_what_cannot_be_written_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write(path, "old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write(path, "new")
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["file"]


def test_accounts_that_no_exchange_could_use_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="same key to two accounts"):
        ClassFolder(tmp_path).write_accounts({"ADA": "k", "GRACE": "k"})
    assert os.listdir(tmp_path) == []


def test_students_are_those_who_are_no_bots(tmp_path: Path) -> None:
    folder = ClassFolder(tmp_path)
    folder.write_bot_accounts({"NOISEBOTS"})
    folder.write_accounts({"ADA": "a", "NOISEBOTS": "n"})
    assert folder.students() == {"ADA": "a"}
    folder.bots_file.write_text("{}")
    with pytest.raises(ValueError, match="holds no list of names"):
        folder.students()
