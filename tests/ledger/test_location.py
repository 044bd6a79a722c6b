"""A file that is being made: whole under its name, or nowhere."""

from pathlib import Path

import pytest

from disorderbook.ledger.location import ENDS, NEW, Unusable, replacements, unborn


def test_it_has_its_permissions_from_the_beginning_and_its_name_at_the_end(tmp_path: Path) -> None:
    with unborn(tmp_path / "file", 0o600) as new:
        assert new == tmp_path / f"file{NEW}" and new.stat().st_mode & 0o777 == 0o600
        new.write_text("all")
        new.rename(tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "all"


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt])
def test_nothing_is_left_of_what_fails(tmp_path: Path, fault: type[BaseException]) -> None:
    with pytest.raises(fault), unborn(tmp_path / "file", 0o600) as new:
        for end in ENDS:
            Path(f"{new}{end}").touch()
        raise fault
    assert not list(tmp_path.iterdir())


def test_what_somebody_else_is_making_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / f"file{NEW}").write_text("precious")
    with pytest.raises(FileExistsError), unborn(tmp_path / "file", 0o600):
        pass
    assert (tmp_path / f"file{NEW}").read_text() == "precious"


def test_replacements_take_their_names_together_and_keep_permissions(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "of" / "need"
    for text in ("first", "second"):
        with replacements(str(folder), ["a", "b"], 0o640) as files:
            for file in files:
                file.write_text(text)
            assert len(list(folder.glob(f"*{NEW}"))) == 2
        assert {path.name: path.read_text() for path in folder.iterdir()} == {"a": text, "b": text}
        (folder / "a").chmod(0o604)
    assert [(folder / name).stat().st_mode & 0o777 for name in "ab"] == [0o604, 0o640]


def test_no_replacement_takes_its_name_if_one_fails(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with pytest.raises(KeyboardInterrupt), replacements(str(tmp_path), ["a", "b"], 0o600) as files:
        files[0].write_text("new")
        raise KeyboardInterrupt
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a", "old")]


def test_a_folder_in_the_place_of_a_replaced_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    with pytest.raises(Unusable, match="b cannot be used"):
        with replacements(str(tmp_path), ["a", "b"], 0o600):
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
