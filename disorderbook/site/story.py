"""Texts in Markdown as HTML: the stories of the levels, and what else pages tell.

HTML within a text is shown as text, and links lead to nothing that runs.
"""

import re
from collections.abc import Iterator

from disorderbook.game.levels import LEVELS

TOP_HEADING = 4  # the level of the highest heading of a text within a page


def stories() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The name of each level, with its texts in Markdown and their headings."""
    for level in LEVELS.values():
        yield level.name, list(level.instructions.items())


def markdown(text: str, top: int = TOP_HEADING, has_names: bool = False) -> str:
    """HTML of a text in Markdown, whose highest heading is one of level `top`. With `has_names` a
    link can lead to each heading, as in the file.
    """
    from markdown_it import MarkdownIt  # not at the start: only who plays by hand needs it

    parser = MarkdownIt("commonmark", {"html": False})
    tokens = parser.parse(text)
    for number, token in enumerate(tokens):
        if token.type in ("heading_open", "heading_close"):
            depth = int(token.tag.removeprefix("h"))
            token.tag = f"h{min(depth + top - 1, 6)}"
        if has_names and token.type == "heading_open":
            token.attrSet("id", name_of_heading(tokens[number + 1].content))
    return str(parser.renderer.render(tokens, parser.options, {}))


def name_of_heading(heading: str) -> str:
    """The name under which a link finds it, also on GitHub."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
