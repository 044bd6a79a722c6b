"""The page about the architecture names the threads and the stops that there are."""

import re

from documents import DOCS, ROOT, rows

from disorderbook.server.connection import GATHER_SECONDS

PAGE = (DOCS / "architecture.md").read_text()
NAMED = r"""Periodic\(\s*"([\w-]+)"|(?:Thread|__init__)\(.*?name="([\w-]+)\""""


def test_the_page_names_every_thread() -> None:
    """By the names that the code gives them."""
    code = [path.read_text() for path in (ROOT / "disorderbook").rglob("*.py")]
    started = {one or other for text in code for one, other in re.findall(NAMED, text)}
    table = rows(PAGE.partition("## Threads")[2], 3)
    assert {re.findall(r"`([\w-]+)`", name)[0] for name, _, _ in table} == started
    assert len(started) > 5


def test_an_order_has_nine_stops() -> None:
    road = PAGE.partition("## One order")[2].partition("\n## ")[0]
    stops = re.findall(r"^(\d)\. `(disorderbook/[\w/]+\.py)`", road, re.MULTILINE)
    assert [number for number, _ in stops] == list("123456789")
    assert all((ROOT / file).exists() for _, file in stops)


def test_the_longest_wait_for_a_group_is_the_codes() -> None:
    assert f"waits {GATHER_SECONDS * 1000:g} ms at most" in PAGE
