"""The experiments in a real browser."""

from collections.abc import Iterator

import pytest
from browser import SCREENS, Open, check_looks
from live import ROOT, Exchange, running

READY = "html.has-script"  # what a page has once its script has run


@pytest.fixture(scope="module")
def exchange() -> Iterator[Exchange]:
    with running("-a", str(ROOT / "accounts.json")) as exchange:
        yield exchange


@pytest.mark.parametrize("path", ["/learn", "/ob/api/"])
@pytest.mark.parametrize("screen, scheme", [("phone", "dark"), ("desktop", "light")])
def test_pages_to_be_read_are_fit_for_every_screen(
    open_url: Open, exchange: Exchange, path: str, screen: str, scheme: str
) -> None:
    page = open_url(f"http://127.0.0.1:{exchange.port}{path}", screen, scheme, ready="main h2")
    check_looks(page, screen, scheme)
    assert page.evaluate("document.documentElement.clientWidth") == SCREENS[screen][0]


def test_the_lines_can_be_copied(open_url: Open, exchange: Exchange) -> None:
    page = open_url(f"http://127.0.0.1:{exchange.port}/learn", ready=READY)
    page.locator(".copy").first.focus()
    page.keyboard.press("Enter")
    page.locator("#said", has_text="Copied").wait_for(state="attached")
    lines = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert {'URL = "http://127.0.0.1:8010"', "KEYS = {}"} <= set(lines)
    assert page.locator(".copy").count() == 7
