"""The pages for people."""

from html.parser import HTMLParser

from disorderbook.engine.book import OrderBook
from disorderbook.rest.welcome import THANKS, welcome_page

BOOK = OrderBook("TESTEX", "FOOBAR", 1)


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_pages_are_well_formed() -> None:
    for page in (THANKS, welcome_page("127.0.0.1:8000", BOOK, False)):
        assert page.startswith("<!DOCTYPE html>") and not Tags(page).open


def test_the_host_that_a_client_claims_is_escaped() -> None:
    assert "<script>" not in welcome_page("<script>", BOOK, False)


def test_the_front_page_names_a_book_that_is_there() -> None:
    page = welcome_page("127.0.0.1:8000", OrderBook("A B", "<i>", 1), True)
    assert "http://127.0.0.1:8000/ob/api/venues/A%20B/stocks/%3Ci%3E/orders" in page
    assert "X-Starfighter-Authorization" in page
    assert "X-Starfighter-Authorization" not in welcome_page("localhost", BOOK, False)
