"""The Python of docs/lab.md, executed as it stands there."""

import re
from contextlib import redirect_stdout
from io import StringIO

from documents import DOCS, blocks

PAGE = DOCS / "lab.md"


def printed(part: str) -> str:
    """What the one block with this in it prints."""
    (code,) = [block.text for block in blocks(PAGE) if part in block.text]
    with redirect_stdout(StringIO()) as out:
        exec(code, {})
    return out.getvalue()


def test_the_first_simulation_trades_as_shown() -> None:
    assert re.fullmatch(r"10 shares for \d{4} cents each\n", printed("sim.advance(5)"))


def test_the_market_maker_of_twenty_lines_trades_as_shown() -> None:
    told = printed("def make_market")
    found = re.fullmatch(r"(-?[\d.]+) dollars with (\d+) fills\n", told)
    assert found and int(found[2]) > 100
