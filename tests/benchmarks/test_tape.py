"""The tool that measures the tape, with small numbers."""

import re
import sys

from fork_server import run
from live import ROOT

PATIENCE = 60.0  # seconds for the tool to end


def test_it_measures_the_tape_and_the_bare_library_in_one_run() -> None:
    command = [
        sys.executable,
        str(ROOT / "benchmarks" / "tape.py"),
        "--listeners",
        "2,3",
        "--burst",
        "50",
        "--seconds",
        "0.2",
        "--deaf",
        "2000",
    ]
    ended = run(command, timeout=PATIENCE)
    assert (ended.returncode, ended.stderr) == (0, "")
    rows = re.findall(r"^ *the (?:tape|bare library) +[23] .* 100% ", ended.stdout, re.MULTILINE)
    assert len(rows) == 4
    assert "Ten deaf listeners, 2,000 ticks: the tape grows by" in ended.stdout
    assert re.search(
        r"3 listeners: a burst [0-9.]+ times as fast, a paced tick after 1/\d+ of the", ended.stdout
    )
