"""The Python of README and of docs/python.md, executed as it stands there."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from documents import DOCS, README, blocks
from program import PYTEST_ALONE

from disorderbook.client import Market
from disorderbook.in_process import serve

LOOK_AT_THE_PLOT = """
import runpy
from matplotlib import pyplot

for _ in range(2):
    shown = runpy.run_path("notebook.py")
    executions = shown["executions"]
    (line,) = pyplot.gca().lines
    assert list(line.get_ydata()) == list(executions.price), "it plots something else"
    assert executions.index.is_monotonic_increasing and str(executions.index.tz) == "UTC"
    print(len(executions), executions.quantity.sum(), shown["file"])
    pyplot.close()
"""


def code(page: Path, start: str) -> str:
    """The one block of a page that begins so."""
    (found,) = [block.text for block in blocks(page) if block.text.startswith(start)]
    return found


def run(folder: Path, *arguments: str) -> str:
    ran = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, **PYTEST_ALONE, "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_the_client_and_the_private_exchange_work_as_shown(tmp_path: Path) -> None:
    (tmp_path / "shown.py").write_text(code(README, "import disorderbook"))
    assert run(tmp_path, "-W", "error", "shown.py") == "5 5000 5000\n"


def test_an_order_that_is_placed_once_is_placed_as_shown() -> None:
    with serve() as exchange, Market("TESTEX", "FOOBAR", "ME", url=exchange.url) as market:
        names = {"market": market}
        exec(code(DOCS / "python.md", "import uuid"), names)
        assert [row.qty for row in market.book().bids] == [10]


def test_an_account_is_asked_about_itself_as_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with serve() as exchange, Market("TESTEX", "FOOBAR", "ME", url=exchange.url) as market:
        with Market("TESTEX", "FOOBAR", "YOU", url=exchange.url) as other:
            market.buy(5000, 10)
            other.sell(5000, 4)
        exec(code(DOCS / "python.md", "position = market.position()"), {"market": market})
    position, is_whole, extremes, fill, order = capsys.readouterr().out.splitlines()
    assert (position, is_whole) == ("4 -20000 5000.0", "True")
    assert (extremes, fill, order) == ("0 4 6", "1 buy 4 5000 False 4", "0 5000 6 0")


def test_a_loop_asks_for_the_book_after_a_gap_as_shown() -> None:
    class Ticks(list[None]):
        gaps = 0

        def __iter__(self) -> Iterator[None]:
            for self.gaps in (0, 1, 1):
                yield None

    asked: list[str] = []
    market = SimpleNamespace(ticks=Ticks, book=lambda: asked.append("book"))
    exec(code(DOCS / "python.md", "gaps = 0"), {"market": market})
    assert asked == ["book"]


def test_the_fixture_works_as_shown(tmp_path: Path) -> None:
    (tmp_path / "test_shown.py").write_text(code(README, "from disorderbook"))
    assert "1 passed" in run(tmp_path, "-m", "pytest", "-p", "no:cacheprovider")


@pytest.mark.slow
def test_the_notebook_plots_what_was_traded_each_time_anew(tmp_path: Path) -> None:
    notebook = code(DOCS / "python.md", "import random")
    assert notebook.count("range(1000)") == 1
    (tmp_path / "notebook.py").write_text(notebook.replace("range(1000)", "range(200)"))
    (tmp_path / "look.py").write_text(LOOK_AT_THE_PLOT)
    files = set()
    for told in run(tmp_path, "look.py").splitlines():
        trades, shares, file = told.split()
        files.add(file)
        with serve(database=file) as exchange:
            with Market("TESTEX", "FOOBAR", "ME", url=exchange.url) as market:
                orders = market.orders()
        assert len(orders) == 200 and int(trades) > 20
        assert sum(order.total_filled for order in orders) == 2 * int(shares)
        assert sum(len(order.fills) for order in orders) == 2 * int(trades)
    assert len(files) == 2
