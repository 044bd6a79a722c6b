"""The README's Python, executed as it stands there."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

from disorderbook.client import Market
from disorderbook.in_process import serve

README = (Path(__file__).parent.parent / "README.md").read_text()

LOOK_AT_THE_PLOT = """
import runpy
from matplotlib import pyplot

executions = runpy.run_path("notebook.py")["executions"]
(line,) = pyplot.gca().lines
assert list(line.get_ydata()) == list(executions.price), "it plots something else"
assert executions.index.is_monotonic_increasing and str(executions.index.tz) == "UTC"
print(len(executions), executions.quantity.sum())
"""


def code(section: str, number: int = 0) -> str:
    """A block of Python in a section: indented or empty lines, beginning with an import."""
    text = re.split(r"^##", README.partition(f"# {section}\n")[2], flags=re.MULTILINE)[0]
    blocks = re.findall(r"(?:^    .*\n|^\n(?=\n*    ))+", text, flags=re.MULTILINE)
    python = [textwrap.dedent(block).strip("\n") + "\n" for block in blocks]
    return [block for block in python if block.startswith(("import ", "from "))][number]


def run(folder: Path, *arguments: str) -> str:
    ran = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_the_client_and_the_private_exchange_work_as_shown(tmp_path: Path) -> None:
    (tmp_path / "shown.py").write_text(code("From Python"))
    assert run(tmp_path, "-W", "error", "shown.py") == "5 5000 5000\n"


def test_the_fixture_works_as_shown(tmp_path: Path) -> None:
    (tmp_path / "test_shown.py").write_text(code("From Python", 1))
    assert "1 passed" in run(tmp_path, "-m", "pytest", "-p", "no:cacheprovider")


def test_the_notebook_plots_what_was_traded(tmp_path: Path) -> None:
    (tmp_path / "notebook.py").write_text(code("In a notebook"))
    (tmp_path / "look.py").write_text(LOOK_AT_THE_PLOT)
    trades, shares = map(int, run(tmp_path, "look.py").split())
    with serve(database=tmp_path / "market.db") as exchange:
        with Market("TESTEX", "FOOBAR", "ME", url=exchange.url) as market:
            orders = market.orders()
    assert len(orders) == 1000 and trades > 100
    assert sum(order.total_filled for order in orders) == 2 * shares
    assert sum(len(order.fills) for order in orders) == 2 * trades
