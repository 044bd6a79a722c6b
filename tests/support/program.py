"""Runs the program as from a shell, for options with which it ends at once."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from fork_server import run

ROOT = Path(__file__).parent.parent.parent
MAIN = ROOT / "disorderBook_main.py"
# For a pytest of its own: plugins of others take three times as long to load as all it does.
PYTEST_ALONE = {"PYTEST_ADDOPTS": "-p no:schemathesis -p no:anyio -p no:hypothesispytest"}


def start(*options: str, cwd: Path = ROOT, **keywords: Any) -> subprocess.CompletedProcess[str]:
    """Run the program for options that end it at once."""
    return run([sys.executable, str(MAIN), *options], timeout=60, cwd=cwd, **keywords)


def refused(*options: str) -> str:
    """The one sentence with which the program refuses to start, at any free port by default."""
    port = ("-p", "0") if options[0].startswith("-") else ()  # else it is a subcommand
    ended = start(*port, *options)
    assert (ended.returncode, ended.stdout) == (2, ""), ended
    assert ended.stderr.count("\n") == 1 and "Traceback" not in ended.stderr
    return ended.stderr
