"""The tool that measures anew what the pages quote."""

import re
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from typing import Any

import pytest
from fork_server import run
from live import PATIENCE, ROOT

LOADER = SourceFileLoader("figures", str(ROOT / "benchmarks" / "figures.py"))
figures = module_from_spec(spec_from_loader(LOADER.name, LOADER))
LOADER.exec_module(figures)
PAGE = ROOT / "docs" / "performance.md"
PLACES = [figures.Figures(*found.group(1, 2)) for found in figures.PLACE.finditer(PAGE.read_text())]
SHAPES = {
    "benchmarks/front_end.py --bare": (
        r"answers [3-9]\d\d bytes; medians\n +2 connections: +[\d,]+ to +[\d,]+, ratio [\d.]+ .*"
        r"microseconds of the processors (\d+\.\d|nan) to (\d+\.\d|nan)$"
    ),
    "benchmarks/lab_runs.py": (
        r"^one seed: 4 requests, \d+ orders; [\d.]+ s of the processor for .*\n"
        r"2 of 2 seeds of 2 days in [\d.]+ s \([\d.]+ s of the processor each\)$"
    ),
    "benchmarks/reads.py --seconds 2": (
        r"\ndocs( +\d+\.\d\d){4}\n20 clients that never read a book of [\s\S]*"
        r"\nthat pipeline 50 +[1-9]\d* +[1-9]\d*\nthat ask one by one +[1-9]\d* +[1-9]\d*$"
    ),
}
TEXT = """# A page

<!-- figures: benchmarks/a.py --orders 9 | --orders 1 -->
| old |
<!-- end of figures -->

What stands between stays.

<!-- figures: benchmarks/b.py | -->
<!-- end of figures -->
"""


def test_a_place_gets_the_day_the_command_and_what_was_printed() -> None:
    new = figures.rewritten(TEXT, lambda place: f"{place.command}: {place.small}", "Today")
    assert "| old |" not in new and "What stands between stays." in new
    told = "Today, `.venv/bin/python benchmarks/a.py --orders 9`:\n\n```text\nbenchmarks/a.py"
    assert told in new
    assert figures.rewritten(new, lambda _: "again", "Later").count("```text\nagain\n```") == 2


def test_a_benchmark_that_fails_leaves_its_place_as_it_is() -> None:
    assert figures.rewritten(TEXT, lambda _: None, "Today") == TEXT


def test_the_day_and_the_machine_are_told() -> None:
    assert re.fullmatch(
        r"Measured on \d+ \w+ \d{4}, \w+, \d+ cores, \w+ 3\.\d+\.\d+\S*", figures.day_and_machine()
    )


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.command)
def test_each_command_of_the_page_measures(place: Any) -> None:
    """Small, and in the shape that the page quotes."""
    ended = run(place.arguments(dry=True), timeout=PATIENCE, cwd=ROOT)
    assert ended.returncode == 0, ended.stderr
    assert re.search(SHAPES.get(place.command, r"\d"), ended.stdout.strip("\n"))


def test_make_bench_measures_what_the_page_quotes() -> None:
    assert "benchmarks/figures.py" in (ROOT / "Makefile").read_text()
    assert len({place.command for place in PLACES}) == len(PLACES) >= 5


def test_a_dry_run_prints_the_page_and_changes_nothing() -> None:
    before = PAGE.read_bytes()
    command = [sys.executable, str(ROOT / "benchmarks" / "figures.py"), "--dry-run"]
    ended = subprocess.run(
        [*command, "--only", "engine", str(PAGE)], capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0, ended.stderr
    assert "Microseconds: median" in ended.stdout and ended.stdout.startswith("# How fast it is")
    assert PAGE.read_bytes() == before
