"""The page at /learn: six experiments, of which learn.md is the text.

`docs/learn.md` is a link to that file, so that the text stands in one place. The page has this
exchange's own address and venue in the lines and, where keys are needed, says where one goes.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from html import escape
from importlib.resources import files
from typing import NamedTuple
from urllib.parse import urlencode

from disorderbook.site.documentation import DEFAULT_HOST, PAGES_KEPT, with_origin
from disorderbook.site.examples import (
    ORIGIN,
    YOUR_ACCOUNT,
    YOUR_KEY,
    Setup,
    placeholders,
    python_literal,
)
from disorderbook.site.frame import framed
from disorderbook.site.story import markdown

TOP_HEADING = 2  # the frame has the first
STOCK = "LEARN"  # what the symbols of the experiments begin with
_HEADING = re.compile(r'<h3 id="(?P<name>[^"]+)">(?P<words>[^<]+)</h3>')
_SYMBOL = re.compile(r"traders\((?P<number>[0-9]+)\)|make_a_market\(&quot;(?P<first>\w+)&quot;")


class Experiment(NamedTuple):
    """An experiment: the name and the words of its heading, and the symbol of its stock."""

    name: str
    heading: str
    symbol: str


def learn_page(host: str, setup: Setup) -> str:
    """The page for a client that calls the exchange `host`, such as 127.0.0.1:8000."""
    return with_origin(_page_without_host(setup), host)


def learn_text() -> str:
    """The experiments, in Markdown."""
    return (files("disorderbook.site") / "learn.md").read_text(encoding="utf-8")


@lru_cache(maxsize=PAGES_KEPT)
def _page_without_host(setup: Setup) -> str:
    text = markdown(learn_text(), TOP_HEADING, has_names=True)
    title, end_of_title, rest = _for_exchange(text, setup).partition("</h2>")
    return framed(
        "learn",
        has_control=setup.has_control,
        has_admin_key=setup.has_admin_key,
        title=title + end_of_title,
        text=rest,
        experiments=list(experiments_in(text)),
        place_of=lambda symbol: urlencode({"venue": setup.venue, "symbol": symbol}),
        placeholders=placeholders(setup._replace(has_admin_key=False)),
    )


def experiments_in(text: str) -> Iterator[Experiment]:
    """Those of the text, as HTML."""
    headings = list(_HEADING.finditer(text))
    ends = [heading.start() for heading in headings[1:]] + [len(text)]
    for heading, end in zip(headings, ends, strict=True):
        found = _SYMBOL.search(text, heading.end(), end)
        if found is not None:
            symbol = STOCK + (found["number"] or found["first"])
            yield Experiment(heading["name"], heading["words"], symbol)


def _for_exchange(text: str, setup: Setup) -> str:
    """The lines with what this exchange has in the place of what stands in the file."""
    changes = {
        f"http://{DEFAULT_HOST}": ORIGIN,
        'VENUE = "TESTEX"': f"VENUE = {python_literal(setup.venue)}",
    }
    if setup.needs_keys:
        changes |= {
            "KEYS = {}": f'KEYS = {{"{YOUR_ACCOUNT}": "{YOUR_KEY}"}}',
            'ANN, BEN, YOU = "ANN", "BEN", "YOU"': f'ANN = BEN = YOU = "{YOUR_ACCOUNT}"',
        }
    for line, own in changes.items():
        text = text.replace(escape(line), escape(own))
    return text
