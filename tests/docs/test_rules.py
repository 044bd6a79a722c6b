"""The sample of docs/rules.md is a file that can be used, and its table names every rule."""

import re
from pathlib import Path

from documents import DOCS, blocks

from disorderbook.rules.file import FIELDS, read_rules
from disorderbook.rules.market import Rules

PAGE = DOCS / "rules.md"


def test_the_sample_is_a_file_of_rules(tmp_path: Path) -> None:
    (found,) = [block.text for block in blocks(PAGE) if block.text.startswith("[market]")]
    file = tmp_path / "rules.toml"
    file.write_text(found)
    book = read_rules(str(file))
    market = Rules(1000, 500, 50, 20, "last", 5000, 20, "cancel-newer", 5, -2, 5)
    assert book.of("ANY", "STOCK") == market
    calm, foobar = book.of("CALM", "OTHER"), book.of("CALM", "FOOBAR")
    assert calm is not None and foobar is not None
    assert (calm.band, calm.position_limit) == (5, 1000)
    assert (foobar.band, foobar.position_limit, foobar.orders_per_second) == (5, 200, 2)
    for name in FIELDS:
        assert re.search(rf"^{name} = ", found, re.MULTILINE), f"{name} is not in the sample"


def test_the_page_says_what_each_rule_does() -> None:
    rows = re.findall(r"^\| (`.*?) \|", PAGE.read_text(), re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(FIELDS)
