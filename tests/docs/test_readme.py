"""README stays short, and what the documents link to is there."""

import re
from pathlib import Path

import pytest
from documents import PAGES, README, ROOT, tables

MOST_WORDS = 900
MOST_TABLES = 2


def test_the_readme_can_be_read_at_once() -> None:
    text = README.read_text()
    assert len(text.split()) <= MOST_WORDS
    assert tables(text) <= MOST_TABLES


def names(heading: str) -> str:
    """The name under which GitHub finds a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text()
    links = re.findall(r"\]\(([^)]+)\)", text) + re.findall(r'src="([^"]+)"', text)
    for link in links:
        if link.startswith("https://"):
            continue
        file, _, place = link.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), link
        headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE) if place else []
        assert not place or place in map(names, headings), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_files_that_a_page_names_are_there(page: Path) -> None:
    known = r"`((?:disorderbook|bots|benchmarks|tests|deploy|docs)/[\w./-]+\.\w+)`"
    for name in re.findall(known, page.read_text()):
        assert (ROOT / name).exists(), name


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), [README]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        links = re.findall(r"\]\(([^)#]+\.md)", page.read_text())
        waiting += [(page.parent / link).resolve() for link in links]
    assert set(PAGES) <= reached
