"""The cards: whatever a name is, its lines work and its text is text."""

import json
import re
import shlex
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from disorderbook.classroom.cards import Card, cards_page

NAMES = [
    "ADA",
    "Jürgen Groß",
    'O\'Hara "Bob" <script>alert(1)</script>',
    "%s {{x}} $(id) `id` \\",
    "W" * 255,
]


class Texts(HTMLParser):
    """The tags of a page, and what stands in its `pre`."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.lines: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        if tag == "pre":
            self.lines.append("")

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] in ("pre", "wbr"):
            self.lines[-1] += data

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(f"/{tag}")


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name[:9])
@pytest.mark.parametrize("fingerprint", ["", "AB:CD:EF:01"])
def test_the_lines_of_a_card_say_who_it_is(name: str, fingerprint: str) -> None:
    card = Card(name, "abcd-efgh-jkmn", "https://192.0.2.1:8443", fingerprint)
    page = Texts(cards_page([card]))
    *certificate, address, curl, python = page.lines
    assert (len(certificate) == 2) is bool(fingerprint) and "script" not in page.tags
    words = shlex.split(curl.replace("\\\n", ""))  # as a shell does, and shlex does not
    assert words[-1].startswith("https://192.0.2.1:8443/ob/api/venues/PRACTICE/")
    assert json.loads(words[words.index("-d") + 1])["account"] == name
    assert words[words.index("-H") + 1] == "X-Starfighter-Authorization: abcd-efgh-jkmn"
    assert ("--cacert" in words) is bool(fingerprint)
    assert unquote(address.rpartition("/")[2]) == name
    compile(python, "card", "exec")
    assert repr(name) in python and ("verify=" in python) is bool(fingerprint)


def test_no_card_is_cut_in_two() -> None:
    page = cards_page([Card(name, "k", "http://a", "") for name in NAMES])
    assert re.search(r"\.card \{ break-inside: avoid;", page)
    assert page.count('<article class="card">') == len(NAMES)
