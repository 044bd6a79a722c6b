"""The documentation in a real browser: its script, and how it looks on every screen."""

import json
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from browser import faults
from live import ROOT, Exchange, running
from playwright.sync_api import Browser, BrowserContext, Page

PATIENCE = 10_000  # milliseconds for the page to show something
SCREENS = {"phone": (390, 844), "projector": (1920, 1080)}
ACCOUNT, KEY = 'O\'NEILL "x"/ü $&', "k'ey $& \\"


@pytest.fixture(scope="module")
def exchange() -> Iterator[Exchange]:
    with running("-a", str(ROOT / "accounts.json")) as exchange:
        yield exchange


WINDOWS = """
    Object.defineProperty(navigator, "platform", {get: () => "Win32"})
    Object.defineProperty(navigator, "userAgentData", {get: () => undefined})
"""


# Leaves of the page one element of each class, tag and place, by which its colours are told.
THIN_OUT = """() => {
  const place = element => element === document.body ? ''
    : `${place(element.parentElement)} ${element.tagName}.${element.className}`
  const all = [...document.body.querySelectorAll('*')]
  const one = new Map(all.map(element => [place(element), element]))
  const kept = new Set(one.values())
  for (const element of kept) if (element.parentElement) kept.add(element.parentElement)
  for (const element of all) if (!kept.has(element)) element.remove()
  return one.size
}"""


def comparable(words: list[str]) -> list[object]:
    """A body by its meaning, the rest of a line to the letter."""
    return [json.loads(word) if word.startswith("{") else word for word in words]


def words_in_powershell(line: str) -> list[str]:
    """The words that a line of ours gives to curl, as PowerShell reads it."""
    body, piped, rest = line.rpartition(" | ")
    words = [
        plain or quoted.replace("''", "'")
        for quoted, plain in re.findall(r"'((?:[^']|'')*)'|([^\s']+)", rest)
    ]
    assert words[0] == "curl.exe" and '"' not in "".join(words)
    if piped:
        assert body.isascii() and body[0] == body[-1] == "'" and "'" not in body[1:-1]
        words[words.index("@-")] = body[1:-1]
    return ["curl", *words[1:]]


def words_in_cmd(line: str) -> list[str]:
    """The words that curl makes of a line, by the rules of Microsoft's C library: n pairs of
    backslashes before a quotation mark are n backslashes, and one more makes it a letter.
    """
    assert line.isascii() and "\n" not in line
    words, word, inside = [], "", False
    for found in re.finditer(r'(\\*)"|(\s)|(.)', line):
        slashes, blank, letter = found.groups()
        if slashes is not None:
            word += "\\" * (len(slashes) // 2)
            if len(slashes) % 2:
                word += '"'
            else:
                inside = not inside
        elif blank and not inside:
            words.append(word)
            word = ""
        else:
            word += blank or letter
    words.append(word)
    assert not inside and words[0] == "curl.exe"
    return ["curl", *words[1:]]


def opened(context: BrowserContext, exchange: Exchange) -> Page:
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"http://127.0.0.1:{exchange.port}/docs")
    return page


def line_of(page: Page, route: str) -> list[str]:
    """The first curl line of a route, as the shell takes it."""
    line = page.locator(f"#{route} .curl code").first.text_content() or ""
    return shlex.split(line.replace("\\\n", ""))


def test_a_line_is_copied_with_the_keyboard(browser: Browser, exchange: Exchange) -> None:
    with browser.new_context(permissions=["clipboard-read", "clipboard-write"]) as context:
        page = opened(context, exchange)
        page.locator("#placeOrder .curl button").first.focus()
        page.keyboard.press("Enter")
        page.locator("[role=status]", has_text="Copied").wait_for(state="attached")
        line = page.locator("#placeOrder .curl code").first.text_content()
        assert page.evaluate("navigator.clipboard.readText()") == line


def test_account_and_key_are_put_into_every_line(browser: Browser, exchange: Exchange) -> None:
    with browser.new_context() as context:
        page = opened(context, exchange)
        page.get_by_label("Account", exact=True).fill(ACCOUNT)
        page.get_by_label("Key", exact=True).fill(KEY)
        order = line_of(page, "placeOrder")
        body = page.evaluate("JSON.parse", order[2])
        assert body["account"] == ACCOUNT and order[4] == f"X-Starfighter-Authorization: {KEY}"
        quoted = "O%27NEILL%20%22x%22%2F%C3%BC%20%24%26"
        assert f"/accounts/{quoted}/orders" in line_of(page, "listOrders")[-1]
        assert f"/ws/{quoted}/venues/" in (page.locator("dt code").first.text_content() or "")
        assert "YOUR_" not in "".join(page.locator(".curl code").all_text_contents())
        page.get_by_label("Account", exact=True).fill("")
        assert "YOUR_ACCOUNT" in line_of(page, "placeOrder")[2]


def test_on_windows_the_lines_are_for_its_shells(browser: Browser, exchange: Exchange) -> None:
    with browser.new_context() as elsewhere, browser.new_context() as windows:
        page = opened(elsewhere, exchange)
        assert not page.is_visible("#shell")
        page.get_by_label("Account", exact=True).fill(ACCOUNT)
        lines = page.locator(".curl code").all_text_contents()
        wanted = [shlex.split(line.replace("\\\n", "")) for line in lines]
        windows.add_init_script(WINDOWS)
        page = opened(windows, exchange)
        page.get_by_label("Account", exact=True).fill(ACCOUNT)
        for shell, words in (("powershell", words_in_powershell), ("cmd", words_in_cmd)):
            page.locator("#shell select").select_option(shell)
            shown = [words(line) for line in page.locator(".curl code").all_text_contents()]
            assert list(map(comparable, shown)) == list(map(comparable, wanted))
        page.locator("#shell select").select_option("posix")
        assert page.locator(".curl code").all_text_contents() == lines


@pytest.mark.parametrize("screen, scheme", [("phone", "dark"), ("projector", "light")])
@pytest.mark.slow
def test_the_page_is_fit_for_every_screen(
    browser: Browser,
    exchange: Exchange,
    screen: str,
    scheme: Any,
) -> None:
    width, height = SCREENS[screen]
    complaints: list[str] = []
    asked: list[str] = []
    with browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
    ) as context:
        context.on("console", lambda said: complaints.append(said.text))
        context.on("request", lambda request: asked.append(request.url))
        page = opened(context, exchange)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.locator("nav details").get_attribute("open") == (
            None if screen == "phone" else ""
        )
        assert faults(page, rules={"color-contrast": {"enabled": False}}) == []
        assert page.evaluate(THIN_OUT) > 50
        assert faults(page, runOnly=["color-contrast"]) == []
        assert asked == [page.url] and complaints == []
