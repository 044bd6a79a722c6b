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


def test_the_lines_are_the_readers_own_and_can_be_copied(
    open_url: Open, exchange: Exchange
) -> None:
    page = open_url(f"http://127.0.0.1:{exchange.port}/learn", ready=READY)
    page.get_by_label("Account", exact=True).fill('EVE "1"')
    page.get_by_label("Key", exact=True).fill("e'key")
    page.locator(".copy").first.focus()
    page.keyboard.press("Enter")
    page.locator("#said", has_text="Copied").wait_for(state="attached")
    lines = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert f'URL = "http://127.0.0.1:{exchange.port}"' in lines
    assert r'KEYS = {"EVE \"1\"": "e' + "'" + 'key"}' in lines
    assert r'ANN = BEN = YOU = "EVE \"1\""' in lines
    assert page.evaluate("sessionStorage.getItem('key')") == "e'key"
    assert page.locator(".copy").count() == 7
