"""The experiments of docs/learn.md: each line runs against a running exchange, as it is typed into
Python, and prints what the text says.
"""

import io
import re
from code import InteractiveConsole
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from html import unescape
from typing import NamedTuple

import pytest
from documents import DOCS
from live import running
from reading import Page
from wsgi import Client

from disorderbook.site.examples import RuleRow, Setup
from disorderbook.site.lessons import learn_page, learn_text

TEXT = learn_text()
SETUP = Setup("TESTEX", "FOOBAR", needs_keys=False, extra=False)
TOPICS = ("spread", "priority", "slippage", "making a market", "adverse selection", "bubble")


class Lesson(NamedTuple):
    """A section: its heading, its lines, what they are said to print, and all of its words."""

    heading: str
    lines: list[str]
    printed: str
    prose: str


def lessons() -> Iterator[Lesson]:
    """What comes before the first experiment, and each of them."""
    for section in TEXT.split("\n## "):
        blocks = re.findall(r"^```(\w+)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
        lines = [line for kind, block in blocks if kind == "python" for line in block.split("\n")]
        printed = "".join(block for kind, block in blocks if kind == "text")
        prose = re.sub(r"^```.*?^```$", "", section, flags=re.MULTILINE | re.DOTALL)
        yield Lesson(section.partition("\n")[0], lines, printed, prose)


def typed(console: InteractiveConsole, lines: list[str]) -> str:
    """What Python answers to lines that are typed, or pasted, one after the other."""
    answers = io.StringIO()
    with redirect_stdout(answers), redirect_stderr(answers):
        is_unfinished = [console.push(line) for line in lines]
    assert not is_unfinished[-1]
    return answers.getvalue()


def test_there_are_six_experiments_each_with_all_its_parts() -> None:
    _, *six = lessons()
    assert len(six) == len(TOPICS)
    for topic, lesson in zip(TOPICS, six, strict=True):
        assert topic in lesson.heading.lower()
        for part in ("You will see", "What happened", "Think on"):
            assert lesson.prose.count(f"**{part}") == 1
        assert lesson.lines and lesson.printed


def test_every_line_prints_what_the_text_says() -> None:
    console = InteractiveConsole()
    with running() as exchange:
        url = f"http://127.0.0.1:{exchange.port}"
        for lesson in lessons():
            lines = [line.replace("http://127.0.0.1:8000", url) for line in lesson.lines]
            assert typed(console, lines) == lesson.printed, lesson.heading


def test_the_figures_of_the_text_are_those_that_were_printed() -> None:
    _, *six = lessons()
    for lesson in six:
        said = re.findall(r"`(-?[\d.]+)`", lesson.prose)
        printed = {float(figure) for figure in re.findall(r"-?\d+(?:\.\d+)?", lesson.printed)}
        assert said and {float(figure) for figure in said} <= printed, lesson.heading


def test_the_folder_and_the_page_have_one_text() -> None:
    copy = DOCS / "learn.md"  # a link would be no page on Windows
    assert not copy.is_symlink() and copy.read_text(encoding="utf-8") == TEXT


def lines_of(page: str) -> list[list[str]]:
    """The lines of each block of a page."""
    found = re.findall(r'<code class="language-python">(.*?)</code>', page, re.DOTALL)
    return [unescape(re.sub(r"<[^>]*>", "", block)).split("\n") for block in found]


ANOTHER = pytest.mark.parametrize(
    "setup, why",
    [
        (SETUP._replace(venue="PRACTICE", needs_keys=True), "This exchange needs keys, so start"),
        (SETUP._replace(rules=(RuleRow("everywhere", "band", "30"),)), "exchange has rules, so"),
    ],
)


@ANOTHER
def test_where_one_cannot_be_three_the_lines_are_for_another_exchange(
    setup: Setup, why: str
) -> None:
    page = learn_page("192.0.2.7:8080", setup)
    text = Page(page).root.first("main").text
    assert why in text and "disorderbook --port 8010" in text and "unless one runs" not in text
    assert lines_of(page) == [
        [line.replace("127.0.0.1:8000", "127.0.0.1:8010") for line in lesson.lines]
        for lesson in lessons()
    ]
    watched = [link.attributes["href"] for link in Page(page).root.all("a", "watch")]
    assert watched[0] == "http://127.0.0.1:8010/?venue=TESTEX&symbol=LEARN1"


@pytest.mark.parametrize("host", ["localhost:80", "[::1]:8000", "10.0.0.7:1"])
def test_the_lines_name_the_exchange_that_serves_the_page(host: str) -> None:
    client = Client("NYSE", "ACME")
    answer = client("GET", "/learn", headers={"Host": host})
    first = lines_of(answer.body.decode())[0]
    assert f'URL = "http://{host}"' in first and 'VENUE = "NYSE"' in first
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_names_and_hosts_are_escaped() -> None:
    text = learn_page("<script>", SETUP._replace(venue="<script>alert(1)</script>"))
    assert "<script>alert" not in text and 'URL = &quot;<span class="origin">http://127' in text


def test_the_page_leads_to_each_experiment_and_to_its_stock() -> None:
    page = Page(learn_page("127.0.0.1:8000", SETUP))
    contents = page.root.first("nav", "experiments")
    targets = [link.attributes["href"] for link in contents.all("a")]
    names, stocks = targets[::2], targets[1::2]
    assert all(name[1:] in page.ids for name in names) and len(names) == len(TOPICS)
    wanted = ("1", "2", "3", "4", "5a", "6")
    assert stocks == [f"/?venue=TESTEX&symbol=LEARN{number}" for number in wanted]
    assert "mine" not in page.ids


def test_the_front_page_leads_to_the_experiments() -> None:
    links = Page(Client()("GET", "/").body.decode()).root.all("a")
    assert "/learn" in {link.attributes["href"] for link in links}
