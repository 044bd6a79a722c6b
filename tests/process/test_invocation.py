"""How this program was called, for the lines that it prints."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from disorderbook.process.invocation import command, python


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        (["/v/bin/python", ".venv/bin/disorderbook", "run"], ".venv/bin/disorderbook"),
        (["/v/bin/python", "/my bots/disorderbook"], "'/my bots/disorderbook'"),
        (["py thon", "-m", "disorderbook", "class"], "'py thon' -m disorderbook"),
        (["disorderbook.exe", "run"], "disorderbook.exe"),
        (["python3", "disorderBook_main.py"], "disorderbook"),
        (["python3", "-m", "pytest"], "disorderbook"),
        (["python3"], "disorderbook"),
    ],
)
def test_the_command_is_as_it_was_typed(
    monkeypatch: pytest.MonkeyPatch, typed: list[str], printed: str
) -> None:
    monkeypatch.setattr(sys, "orig_argv", typed)
    assert command() == printed


def test_a_command_on_the_path_is_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "disorderbook"
    script.touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "orig_argv", ["/v/bin/python", str(script)])
    assert command() == "disorderbook"


def test_python_is_as_it_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "orig_argv", ["my venv/python", "-m", "disorderbook"])
    assert python() == "'my venv/python'"


def test_what_a_new_bot_prints_works_without_a_path(tmp_path: Path) -> None:
    script = Path(sysconfig.get_path("scripts")) / "disorderbook"
    written = subprocess.run(
        [script, "new-bot", "mybot.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert f"try it with: {script} run mybot.py" in written.stdout
