"""The page at the address of the programs' interface."""

from reading import Page
from wsgi import Client


def page_of(path: str) -> Page:
    return Page(Client()("GET", path).body.decode())


def test_the_page_is_well_formed_and_thanks_everybody() -> None:
    text = page_of("/ob/api/").root.first("main").text
    for name in ("patio11", "eu90h", "cite-reader", "Medecau", "DanielVF", "rjsamson", "rami"):
        assert name in text


def test_browsers_have_no_icon_to_ask_for_in_vain() -> None:
    links = page_of("/ob/api").root.all("link")
    assert [a["href"][:5] for link in links if (a := link.attributes)["rel"] == "icon"] == ["data:"]


def test_the_pages_for_readers_lead_to_each_other() -> None:
    for path in ("/", "/docs", "/ob/api/"):
        targets = {link.attributes["href"] for link in page_of(path).root.all("a")}
        assert {"/", "/docs", "/ob/api/"} - {path} <= targets, path


def test_the_page_is_in_the_frame_of_all_pages() -> None:
    page = page_of("/ob/api/")
    assert "/static/page.css" in {link.attributes["href"] for link in page.root.all("link")}
    assert not list(page.root.all("style")) and "connection" not in page.ids
