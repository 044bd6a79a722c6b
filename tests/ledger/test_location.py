"""A file that is being made: whole under its name, or nowhere."""

from pathlib import Path

import pytest

from disorderbook.ledger.location import ENDS, NEW, unborn


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
