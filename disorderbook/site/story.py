"""The stories of the levels as HTML: what their pages tell, rendered from Markdown.

HTML within a text is shown as text, and links lead to nothing that runs.
"""

from collections.abc import Iterator

from disorderbook.game.levels import LEVELS

TOP_HEADING = 4  # the level of the highest heading of a text within a page


def stories() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The name of each level, with its texts in Markdown and their headings."""
    for level in LEVELS.values():
        yield level.name, list(level.instructions.items())


def markdown(text: str) -> str:
    """HTML of a text in Markdown, to stand below a heading of the page."""
    from markdown_it import MarkdownIt  # not at the start: only who plays by hand needs it

    parser = MarkdownIt("commonmark", {"html": False})
    tokens = parser.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            depth = int(token.tag.removeprefix("h"))
            token.tag = f"h{min(depth + TOP_HEADING - 1, 6)}"
    return str(parser.renderer.render(tokens, parser.options, {}))
