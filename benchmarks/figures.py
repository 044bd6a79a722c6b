# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
Measure anew what the pages of docs/ quote: run the benchmarks, and put what they print there.

A page has a place for each of them, between two comments:

    <!-- figures: benchmarks/engine.py | --sizes 10 --rounds 1 --calls 10 -->
    ...
    <!-- end of figures -->

The first says which command is run, and behind the bar which arguments a dry run adds to it. What
stands between them is replaced by the day, the machine, the command and what it printed. A
benchmark that fails leaves its place as it is, and this ends with status 1.

    python3 benchmarks/figures.py [--only WORD] [--dry-run] [PAGE ...]
"""

import interrupts  # noqa: F401  # isort: skip
import argparse
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PLACE = re.compile(
    r"<!-- figures: (?P<command>[^|\n]+?) \| (?P<small>[^\n]*?) ?-->\n.*?<!-- end of figures -->",
    re.DOTALL,
)
HINT = "met   ", "MISSED"  # how lines begin that compare with a target, which is no figure


class Figures(NamedTuple):
    """A place in a page: the benchmark below the project's folder, with its arguments."""

    command: str
    small: str  # what a dry run adds to it

    def arguments(self, dry: bool) -> list[str]:
        """To be run in the project's folder."""
        return [sys.executable, *f"{self.command} {self.small if dry else ''}".split()]

    def run(self, dry: bool) -> str:
        """What the benchmark prints; raises subprocess.CalledProcessError."""
        command = self.arguments(dry)
        ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        lines = [line for line in ended.stdout.splitlines() if not line.startswith(HINT)]
        return "\n".join(lines).strip("\n")


def rewritten(page: str, measure: Callable[[Figures], str | None], head: str) -> str:
    """A page with every place measured anew; a place stays as it is where `measure` has None."""

    def place(found: re.Match[str]) -> str:
        printed = measure(Figures(found["command"], found["small"]))
        if printed is None:
            return found[0]
        opening, ending = found[0].partition("\n")[0], found[0].rpartition("\n")[2]
        told = f"{head}, `.venv/bin/python {found['command']}`:"
        return f"{opening}\n{told}\n\n```text\n{printed}\n```\n{ending}"

    return PLACE.sub(place, page)


def day_and_machine() -> str:
    """When and where this is measured."""
    day, python = datetime.now(UTC), platform.python_version()
    where = f"{platform.system()}, {os.cpu_count()} cores, {platform.python_implementation()}"
    return f"Measured on {day.day} {day:%B %Y}, {where} {python}"


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pages", nargs="*", type=Path, metavar="PAGE", help="all of docs/")
    parser.add_argument("--only", default="", metavar="WORD", help="commands with this word")
    parser.add_argument("--dry-run", action="store_true", help="small, and print the pages instead")
    options = parser.parse_args()
    failed: list[str] = []

    def measure(figures: Figures) -> str | None:
        if options.only not in figures.command:
            return None
        print(figures.command, file=sys.stderr, flush=True)
        try:
            return figures.run(options.dry_run)
        except subprocess.CalledProcessError:
            failed.append(figures.command)
            return None

    for page in options.pages or sorted((ROOT / "docs").glob("*.md")):
        text = page.read_text("utf-8")
        new = rewritten(text, measure, day_and_machine())
        if options.dry_run and new != text:
            print(new)
        elif new != text:
            page.write_text(new, "utf-8")
    for command in failed:
        print(f"{command} has failed, so its figures stand as they were", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
