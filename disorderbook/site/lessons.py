"""The page at /learn: six experiments, of which learn.md is the text.

`docs/learn.md` is the same file again, since a package cannot have one from elsewhere, and not all
systems have links. The page has this exchange's own address and venue in the lines. Where one
account cannot be three people, or rules forbid what the experiments do, the lines are for an
exchange that its reader starts.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from html import escape
from importlib.resources import files
from typing import NamedTuple
from urllib.parse import urlencode

from disorderbook.site.documentation import DEFAULT_HOST, PAGES_KEPT, with_origin
from disorderbook.site.examples import ORIGIN, Setup, python_literal
from disorderbook.site.frame import framed
from disorderbook.site.story import markdown

TOP_HEADING = 2  # the frame has the first
OWN_ORIGIN = "http://127.0.0.1:8010"  # of the reader's own exchange; 8000 may be taken by this one
VENUE = "TESTEX"  # the first of an exchange that was told no other
STOCK = "LEARN"  # what the symbols of the experiments begin with
START = "Start an exchange (<code>disorderbook</code>), unless one runs, and Python"
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
    start, venue = (OWN_ORIGIN, VENUE) if _needs_another(setup) else ("", setup.venue)
    title, end_of_title, rest = _for_exchange(text, setup).partition("</h2>")
    return framed(
        "learn",
        has_control=setup.has_control,
        has_admin_key=setup.has_admin_key,
        title=title + end_of_title,
        text=rest,
        experiments=list(experiments_in(text)),
        place_of=lambda symbol: f"{start}/?{urlencode({'venue': venue, 'symbol': symbol})}",
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


def _needs_another(setup: Setup) -> bool:
    """Whether the experiments do not go as they should on this exchange."""
    return setup.needs_keys or bool(setup.rules)


def _for_exchange(text: str, setup: Setup) -> str:
    """The text, as HTML, with this exchange's address and venue, or how to start another."""
    if _needs_another(setup):
        port = OWN_ORIGIN.rpartition(":")[2]
        why = " and ".join(["needs keys"] * setup.needs_keys + ["has rules"] * bool(setup.rules))
        changes = {
            START: f"This exchange {why}, so start one of your own "
            f"(<code>disorderbook --port {port}</code>), and Python",
            f"http://{DEFAULT_HOST}": OWN_ORIGIN,
        }
    else:
        changes = {
            f"http://{DEFAULT_HOST}": ORIGIN,
            escape(f'VENUE = "{VENUE}"'): escape(f"VENUE = {python_literal(setup.venue)}"),
        }
    for words, own in changes.items():
        text = text.replace(words, own)
    return text
