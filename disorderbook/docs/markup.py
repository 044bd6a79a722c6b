"""Writes HTML in which every text is escaped: what is not Markup cannot become a tag."""

import json
import re
from html import escape
from typing import Any

WIDTH = 76  # characters of a line of JSON


class Markup(str):
    """Text that is HTML already."""


_BETWEEN_PARTS = re.compile(r"(?<=\.)|(?<=.)(?=/)")
_MARKS = re.compile(r"`(?P<code>[^`]+)`|\*\*(?P<strong>[^*]+)\*\*")


def element(name: str, *children: str, **attributes: str) -> Markup:
    """An element; children that are not Markup are escaped. `class_` and `for_` lose their
    underscore, other underscores are hyphens; an attribute that is "" stands alone.
    """
    start = "".join(
        f' {key.rstrip("_").replace("_", "-")}' + (f'="{escape(value)}"' if value else "")
        for key, value in attributes.items()
    )
    return Markup(f"<{name}{start}>{joined(*children)}</{name}>")


def joined(*children: str) -> Markup:
    """Several pieces in a row, escaped where they are not Markup."""
    return Markup("".join(c if isinstance(c, Markup) else escape(c) for c in children))


def prose(text: str) -> Markup:
    """Text of the description, which marks `code` and **strong** words."""
    pieces, end = [], 0
    for found in _MARKS.finditer(text):
        pieces.append(joined(text[end:found.start()]))
        name = found.lastgroup or ""
        pieces.append(element(name, found[name]))
        end = found.end()
    return joined(*pieces, text[end:])


def paragraphs(text: str) -> Markup:
    """The same where an empty line begins a new paragraph."""
    return joined(*(element("p", prose(part)) for part in text.split("\n\n")))


def breakable(name: str) -> Markup:
    """A path or a name with dots, which a narrow screen may break between its parts."""
    return Markup("<wbr>".join(map(joined, _BETWEEN_PARTS.split(name))))


def table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> Markup:
    """A table whose cells are pieces; its first column names the rows."""
    head = element("tr", *(element("th", heading, scope="col") for heading in headings))
    body = [
        element("tr", element("th", row[0], scope="row"),
                *(element("td", cell) for cell in row[1:]))
        for row in rows
    ]
    return element("table", element("thead", head), element("tbody", *body))


def pretty(value: Any, indent: str = "") -> str:
    """JSON for people: what fits into a line stays on one."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(line) <= WIDTH or not isinstance(value, dict | list):
        return line
    deeper = indent + "  "
    if isinstance(value, dict):
        parts = [f"{json.dumps(key, ensure_ascii=False)}: {pretty(member, deeper)}"
                 for key, member in value.items()]
    else:
        parts = [pretty(member, deeper) for member in value]
    start, end = "{}" if isinstance(value, dict) else "[]"
    return start + "\n" + ",\n".join(deeper + part for part in parts) + "\n" + indent + end
