"""The page at the address of the programs' interface."""

from html.parser import HTMLParser

from disorderbook.site.routes import WELCOME


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_well_formed_and_thanks_everybody() -> None:
    assert WELCOME.startswith("<!DOCTYPE html>") and not Tags(WELCOME).open
    for name in ("patio11", "eu90h", "cite-reader", "Medecau", "DanielVF", "rjsamson", "rami"):
        assert name in WELCOME


def test_browsers_have_no_icon_to_ask_for_in_vain() -> None:
    assert '<link rel="icon" href="data:,">' in WELCOME
