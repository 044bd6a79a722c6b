"""The stories of the levels, from Markdown."""

import re

from disorderbook.game.levels import LEVELS
from disorderbook.site.story import markdown, stories


def test_every_level_tells_all_its_texts() -> None:
    assert [name for name, _ in stories()] == list(LEVELS)
    for name, texts in stories():
        assert dict(texts) == LEVELS[name].instructions


def test_markdown_becomes_html_below_the_headings_of_the_page() -> None:
    shown = markdown("# One\n\n## Two\n\n* a **b**\n* `c`\n")
    assert "<h4>One</h4>" in shown and "<h5>Two</h5>" in shown
    assert "<li>a <strong>b</strong></li>" in shown and "<code>c</code>" in shown


def test_nothing_in_a_text_can_run() -> None:
    hostile = "<script>alert(1)</script> <img src=x onerror=alert(1)> [a](javascript:alert(1)) &"
    shown = markdown(hostile)
    assert set(re.findall(r"<[^>]*>", shown)) == {"<p>", "</p>"}
    assert "&lt;script&gt;" in shown and "href" not in shown
