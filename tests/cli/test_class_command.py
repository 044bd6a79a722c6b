"""`disorderbook class make` as it is typed."""

import os
from pathlib import Path

import pytest
from ports import free_port

from disorderbook.classroom import creation
from disorderbook.classroom.creation import NewClass, make_class
from disorderbook.classroom.folder import ClassFolder
from disorderbook.cli.main import main
from disorderbook.process.invocation import USAGE_ERROR


def test_a_class_is_made_and_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "class"
    assert (
        main(["class", "make", "--students", "3", "--host", "192.0.2.1", "--out", str(path)]) == 0
    )
    told = capsys.readouterr().out
    assert f"Made {path} for 3 students, who will find the exchange at http://192.0.2.1:" in told
    assert (path / "cards.html").read_text().count("<article") == 3
    keys = (path / "accounts.json").read_text() + (path / "admin.key").read_text()
    assert not any(word in keys for word in told.split() if len(word) == 14)


def test_without_a_network_it_is_said_what_to_do_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(creation, "network_addresses", lambda: [])
    assert main(["class", "make", "--out", str(tmp_path / "class")]) == 0
    told = capsys.readouterr().out
    assert "This machine has no address in a network now" in told and "30 students" in told
    assert main(["class", "make", "--students", "1", "--out", str(tmp_path / "one")]) == 0
    assert "for 1 student, who" in capsys.readouterr().out


@pytest.mark.parametrize(
    "options, sentence",
    [
        (["--names", "{folder}/none.csv"], "none.csv: No such file or directory"),
        (["--names", "{folder}/names.csv", "--students", "1"], "has 2 names, and the class has 1"),
        (["--students", "0"], "'0' is no integer from 1 to 500"),
        (["--host", "a b"], "is no host name"),
        (["--port", "70000"], "is no integer from 1 to 65535"),
        (
            ["--port", "80", "--exchange-port", "80"],
            "Both ports would be 80: the exchange's and the one for the others",
        ),
    ],
)
def test_what_cannot_be_made_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], sentence: str
) -> None:
    (tmp_path / "names.csv").write_text("ADA\nGRACE\n")
    arguments = [each.format(folder=tmp_path) for each in options]
    try:
        status = main(["class", "make", "--out", str(tmp_path / "class"), *arguments])
    except SystemExit as ended:
        status = ended.code
    said = capsys.readouterr().err
    assert status == USAGE_ERROR and sentence in said and said.count("\n") == 1
    assert not (tmp_path / "class").exists()


def test_files_made_afterwards_are_as_open_as_before(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        assert main(["class", "make", "--students", "1", "--out", str(tmp_path / "class")]) == 0
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)


@pytest.mark.parametrize(
    "action", ["start DIR", "round start DIR", "scores DIR", "add DIR ADA", "cards DIR", "end DIR"]
)
def test_a_folder_that_is_no_class_or_none_any_more_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], action: str
) -> None:
    path = tmp_path / "class"
    path.mkdir()
    for content, sentence in (
        (None, "is no folder of a class: no class.toml is there"),
        ("", "has no keys any more, as after `class end --wipe`: make another class"),
    ):
        if content is not None:
            (path / "class.toml").write_text(content)
        with pytest.raises(SystemExit) as ended:
            main(["class", *action.replace("DIR", str(path)).split()])
        said = capsys.readouterr().err
        assert ended.value.code == USAGE_ERROR and f"{path} {sentence}" in said
        assert said.count("\n") == 1


def test_half_of_an_options_name_wipes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "class"
    assert main(["class", "make", "--students", "1", "--out", str(folder)]) == 0
    with pytest.raises(SystemExit) as ended:
        main(["class", "end", str(folder), "--wip"])
    assert ended.value.code == USAGE_ERROR and (folder / "admin.key").is_file()
    assert "unrecognized arguments: --wip" in capsys.readouterr().err


@pytest.mark.parametrize("action", ["add DIR LATE", "rekey DIR STUDENT1", "cards DIR"])
def test_cards_that_are_out_are_said_to_be_old_when_the_address_has_changed(
    action: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "class"
    make_class(path, NewClass(["STUDENT1"], ["192.0.2.1"], port=free_port()))
    command = ["class", *action.replace("DIR", str(path)).split()]
    file = path / "class.toml"
    before = ClassFolder(path).plan()
    file.write_text(file.read_text().replace("192.0.2.1", "192.0.2.2"))
    assert main(command) == 0
    after = before._replace(hosts=("192.0.2.2",))
    assert capsys.readouterr().out.splitlines()[1:] == [
        f"Cards that were handed out before are old: they lead to {before.url}, and the class is at"
        f" {after.url} now. Print {path / 'cards.html'} again."
    ]
    if action == "cards DIR":
        assert main(command) == 0
        assert capsys.readouterr().out.count("\n") == 1, "nothing has changed since then"
