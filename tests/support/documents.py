"""README and the pages of docs/: their sections, their tables, and the blocks of code in them."""

import re
import textwrap
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent.parent
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


class Block(NamedTuple):
    """A block of code: where it stands, and its text without the indentation."""

    page: str
    text: str


def blocks(page: Path) -> list[Block]:
    """The indented blocks of a page. Lines of a list that go on are no code, and neither is what a
    benchmark has printed, between fences.
    """
    text = re.sub(r"^```text\n.*?^```\n", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^[-*] .*\n(?:  +\S.*\n)*", "", text, flags=re.MULTILINE)
    found = re.findall(r"(?:^    .*\n|^\n(?=\n*    ))+", text, flags=re.MULTILINE)
    name = str(page.relative_to(ROOT))
    return [Block(name, textwrap.dedent(block).strip("\n") + "\n") for block in found]


def rows(text: str, columns: int) -> list[list[str]]:
    """The rows of every table of so many columns, without the heads."""
    tables = re.findall(r"^(?:\|.*\|\n)+", text, flags=re.MULTILINE)
    lines = [line for table in tables for line in table.splitlines()[2:]]
    cells = [re.split(r"(?<!\\) \| ", line.strip("|").strip()) for line in lines]
    return [row for row in cells if len(row) == columns]


def tables(text: str) -> int:
    """How many tables there are."""
    return len(re.findall(r"^\|(?:-+\|)+$", text, flags=re.MULTILINE))
