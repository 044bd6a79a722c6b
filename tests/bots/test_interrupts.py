"""Ctrl-C before a program has begun is no traceback: bots, the sample to begin with, and tools."""

import ast
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from program import ROOT

from disorderbook.cli.main import main

INTERRUPT = "import os; os.kill(os.getpid(), 2)\nwhile True: pass\n"
BENCHMARKS = ROOT / "benchmarks"
TOOLS = [path for path in BENCHMARKS.glob("*.py") if '"__main__"' in path.read_text()]


def interrupted(folder: Path, at_import_of: str, *command: str) -> tuple[int, str, str]:
    """How a Python program ends that is interrupted when it imports a module."""
    (folder / f"{at_import_of}.py").write_text(INTERRUPT)
    ended = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{folder}:{ROOT}"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (["bots/bot_taker.py"], -signal.SIGINT),  # which a shell calls 130
        (["-m", "bots"], -signal.SIGINT),
        (["bots/watch_tape.py"], 130),
        (["benchmarks/engine.py"], -signal.SIGINT),
    ],
    ids=str,
)
def test_amid_the_imports(command: list[str], status: int, tmp_path: Path) -> None:
    assert interrupted(tmp_path, "argparse", *command) == (status, "", "")


@pytest.mark.parametrize("level", [[], ["--level", "first_steps"]], ids=["plain", "level"])
def test_of_a_bot_to_begin_with(
    level: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bot = tmp_path / "mybot.py"
    assert main(["new-bot", str(bot), *level]) == 0
    assert interrupted(tmp_path, "requests", str(bot)) == (-signal.SIGINT, "", "")


@pytest.mark.parametrize("tool", TOOLS, ids=lambda path: path.stem)
def test_each_tool_first_says_what_an_interrupt_does(tool: Path) -> None:
    imports = [
        each
        for each in ast.parse(tool.read_text()).body
        if isinstance(each, ast.Import | ast.ImportFrom)
    ]
    assert ast.unparse(imports[0]) == "import interrupts"


def test_a_tool_s_other_faults_are_still_told(tmp_path: Path) -> None:
    (tmp_path / "argparse.py").write_text("1 / 0")
    command = [sys.executable, "benchmarks/engine.py"]
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert ended.returncode == 1 and "ZeroDivisionError" in ended.stderr
