"""Reads a page of HTML as a browser would: a tree of elements, and the text that they show."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "hr", "img", "input", "wbr"}


class Element:
    """An element of a page."""

    def __init__(self, tag: str, attributes: dict[str, str], parent: Element | None) -> None:
        self.tag = tag
        self.attributes = attributes
        self.parent = parent
        self.children: list[Element | str] = []

    @property
    def text(self) -> str:
        return "".join(c if isinstance(c, str) else c.text for c in self.children)

    def all(self, tag: str, class_: str = "") -> Iterator[Element]:
        """Every element of a tag (and class) inside of this one, in the page's order."""
        for child in self.children:
            if isinstance(child, Element):
                classes = child.attributes.get("class", "").split()
                if child.tag == tag and (not class_ or class_ in classes):
                    yield child
                yield from child.all(tag, class_)

    def first(self, tag: str, class_: str = "") -> Element:
        return next(self.all(tag, class_))

    def within(self, tag: str) -> Element:
        """The nearest element of a tag around this one."""
        assert self.parent is not None, f"not inside of any {tag}"
        return self.parent if self.parent.tag == tag else self.parent.within(tag)


class Page(HTMLParser):
    """A whole page; elements that are not closed in their turn are an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.root = self._open = Element("", {}, None)
        self.ids: dict[str, Element] = {}
        self.feed(text)
        self.close()
        assert self._open is self.root, f"<{self._open.tag}> is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, self._open)
        self._open.children.append(element)
        if "id" in element.attributes:
            assert element.attributes["id"] not in self.ids, element.attributes["id"]
            self.ids[element.attributes["id"]] = element
        if tag not in VOID:
            self._open = element

    def handle_endtag(self, tag: str) -> None:
        assert self._open.tag == tag, f"</{tag}> closes <{self._open.tag}>"
        assert self._open.parent is not None
        self._open = self._open.parent

    def handle_data(self, data: str) -> None:
        self._open.children.append(data)
