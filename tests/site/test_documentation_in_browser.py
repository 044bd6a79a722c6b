"""The documentation in a real browser: its script, and how it looks on every screen."""

import ast
import json
import re
import shlex
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from browser import PATIENCE, Open, faults
from live import ROOT, Exchange, running
from playwright.sync_api import Browser, BrowserContext, Page
from playwright.sync_api import Route as PlaywrightRoute

SCREENS = {"phone": (390, 844), "projector": (1920, 1080)}
MOST_SCREENS = 15  # that the page is tall
COLUMNS = ("told", "tried")
LEFT_OUT = ("heading-order", "label")  # of axe, where most of the page has been taken out
LENIENT = """
[market]
position_limit = 1_000_000
largest_order = 1_000_000
open_orders = 1000
band = 1000
band_around = "last"
orders_per_second = 1000
self_trade = "cancel-newer"
taker_fee = 1
maker_fee = 1
tick_size = 1
"""
READY = "html.has-script"  # what a page has once its script has run
IDS = "parts => parts.map(part => part.parentElement.id)"
ACCOUNT, KEY = 'O\'NEILL "x"/ü $&', "k'ey $& \\"


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """One with all routes and rules that there are."""
    key_file = tmp_path_factory.mktemp("keys") / "admin.key"
    key_file.write_text("the admin's key\n")
    rules = key_file.with_name("rules.toml")
    rules.write_text(LENIENT)
    options = ("--extra", "--control", "--admin-key-file", str(key_file), "--rules", str(rules))
    with running("-a", str(ROOT / "accounts.json"), *options) as exchange:
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
        page.locator("#placeOrder summary").focus()
        page.keyboard.press("Enter")
        for language in ("curl", "python"):
            page.locator(f"#placeOrder [data-language={language}]").first.focus()
            page.keyboard.press("Enter")
            page.locator("#placeOrder .copy").first.focus()
            page.keyboard.press("Enter")
            page.locator("#said", has_text="Copied").wait_for(state="attached")
            lines = page.locator("#placeOrder .call pre:visible code").all_text_contents()
            assert len(lines) == 2 and lines[0].startswith(
                "import " if language == "python" else language
            )
            assert page.evaluate("navigator.clipboard.readText()") == lines[0]
            page.locator("#said").evaluate("said => { said.textContent = '' }")


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
        python = page.locator("#placeOrder .python code").first.text_content() or ""
        sent = [node for node in ast.walk(ast.parse(python)) if isinstance(node, ast.keyword)]
        body, headers = (node.value for node in sent)
        assert ast.literal_eval(body)["account"] == ACCOUNT and repr(KEY) in ast.unparse(headers)
        assert "YOUR_" not in "".join(page.locator(".call code").all_text_contents())
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
        assert page.locator(".contents details").get_attribute("open") == (
            None if screen == "phone" else ""
        )
        page.locator("#placeOrder summary").click()
        if screen == "phone":  # what of this is no matter of looks is so on every other screen
            assert faults(page, rules={"color-contrast": {"enabled": False}}) == []
        page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.evaluate(THIN_OUT) > 50
        assert faults(page, rules=dict.fromkeys(LEFT_OUT, {"enabled": False})) == []
        assert all(url.startswith(f"http://127.0.0.1:{exchange.port}/") for url in asked)
        assert complaints == []


@pytest.mark.parametrize("width, height", [(1280, 800), (390, 844)])
def test_the_folded_page_is_no_taller_than_15_screens(
    browser: Browser, exchange: Exchange, width: int, height: int
) -> None:
    with browser.new_context(viewport={"width": width, "height": height}) as context:
        page = opened(context, exchange)
        assert page.evaluate("document.documentElement.scrollHeight") <= MOST_SCREENS * height
        assert page.evaluate("document.documentElement.scrollWidth") == width
        page.goto(f"{page.url}#placeOrder")  # unfolds it
        told, tried = (page.locator(f"#placeOrder .{part}").bounding_box() for part in COLUMNS)
        assert told is not None and tried is not None
        assert (told["x"] + told["width"] <= tried["x"]) == (width == 1280)
        assert (told["y"] + told["height"] <= tried["y"]) == (width == 390)


def test_the_search_finds_unfolds_and_folds_again(open_url: Open, exchange: Exchange) -> None:
    page = open_url(f"http://127.0.0.1:{exchange.port}/docs", ready=READY)
    page.keyboard.press("/")
    page.keyboard.type("Idempotency-Key")
    text = page.locator("#content article:visible", has_text="Idempotency-Key")
    assert page.locator("#found").text_content() == f"{text.count()} found"
    assert 0 < text.count() == page.locator("#content article:visible").count()
    assert text.count() == page.locator("#content article > details[open]").count()
    assert not page.is_visible("#getQuote") and page.is_visible(".contents [href='#placeOrder']")
    assert not page.is_visible(".contents [href='#getQuote']")
    page.locator("#search").fill("xyzzy")
    assert page.locator("#found").text_content() == "Nothing found"
    page.keyboard.press("Escape")
    assert page.input_value("#search") == "" == page.locator("#found").text_content()
    assert (
        page.is_visible("#getQuote")
        and not page.locator("#content article > details[open]").count()
    )


def test_links_unfold_what_they_lead_to_and_the_contents_say_where_one_is(
    open_url: Open, exchange: Exchange
) -> None:
    page = open_url(f"http://127.0.0.1:{exchange.port}/docs#getQuote", ready=READY)
    opened = page.locator("#content article > details[open]")
    assert opened.evaluate_all(IDS) == ["getQuote"]
    here = page.locator(".contents [aria-current]")
    assert here.evaluate_all("links => links.map(link => link.hash)") == ["#getQuote"]
    page.locator("#getQuote .told a", has_text="Quote").first.click()
    page.wait_for_function("() => document.querySelector('#schema-Quote details').open")
    assert here.evaluate_all("links => links.map(link => link.hash)") == ["#objects"]
    page.locator("#order-type-limit .anchor").focus()
    assert (
        page.locator("#order-type-limit .anchor").evaluate("a => getComputedStyle(a).opacity")
        == "1"
    )
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('#order-type-limit details').open")
    assert page.url.endswith("#order-type-limit")
    page.locator("#search").fill("Idempotency-Key")
    page.evaluate("location.hash = '#getBook'")  # which the search hides
    page.wait_for_function("() => document.querySelector('#getBook details').open")
    assert page.is_visible("#getBook h3")


# What stands closer than 10 px to the left border of the part that it is in.
AT_THE_BORDER = """
    [...document.querySelectorAll('main details[open] > :not(summary)')].filter(part =>
        part.getBoundingClientRect().left - part.parentElement.getBoundingClientRect().left < 10
    ).map(part => part.outerHTML)
"""


def test_unfolded_text_keeps_away_from_the_border(open_url: Open, exchange: Exchange) -> None:
    page = open_url(f"http://127.0.0.1:{exchange.port}/docs#tape", ready=READY)
    page.evaluate("document.querySelectorAll('main details').forEach(part => part.open = true)")
    assert page.locator("main details[open] > p").count() > 5
    assert page.evaluate(AT_THE_BORDER) == []


BROKEN_WORDS = """() => [...document.querySelectorAll('#placeOrder td:nth-of-type(1)')]
    .filter(cell => /^\\w+$/.test(cell.textContent.trim()))
    .filter(({ firstChild }) => {
        const range = document.createRange()
        range.selectNodeContents(firstChild)
        return range.getClientRects().length > 1
    }).map(cell => cell.textContent)"""


def test_no_word_of_a_narrow_column_is_broken(open_url: Open, exchange: Exchange) -> None:
    page = open_url(f"http://127.0.0.1:{exchange.port}/docs#placeOrder", ready=READY)
    page.set_viewport_size({"width": 1280, "height": 800})
    assert page.locator("#placeOrder td:text-is('header')").count() == 1
    assert page.evaluate(BROKEN_WORDS) == []
    fields = page.locator("#placeOrder form :is(input, textarea)")
    for number in range(fields.count()):  # a phone's keyboard changes none
        assert fields.nth(number).get_attribute("autocapitalize") == "none"
    assert fields.count() == 4


def test_the_page_sends_requests_and_keeps_the_key_to_itself(
    open_url: Open, exchange: Exchange
) -> None:
    page = open_url(f"http://127.0.0.1:{exchange.port}/docs#getQuote", ready=READY)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    def answer_to(route: str) -> str:
        page.locator(f"#{route} .send button").click()
        status = page.locator(f"#{route} .answer [role=status]", has_text=re.compile("^[0-9]"))
        return status.text_content() or ""

    assert answer_to("getQuote") == "200 OK"
    assert json.loads(page.inner_text("#getQuote .answer pre"))["symbol"] == "FOOBAR"
    assert not page.locator("#startLevel .send").count()
    page.evaluate("location.hash = '#placeOrder'")
    assert answer_to("placeOrder") == "401 Unauthorized"
    page.get_by_label("Account", exact=True).fill("NOISEBOTS")
    page.get_by_label("Key", exact=True).fill("noisekey")
    body = page.locator("#placeOrder textarea")
    assert json.loads(body.input_value())["account"] == "NOISEBOTS"
    assert answer_to("placeOrder") == "200 OK"
    assert json.loads(page.inner_text("#placeOrder .answer pre"))["account"] == "NOISEBOTS"
    body.fill(body.input_value().replace('"qty": 100', '"qty": "<b>"'))
    assert answer_to("placeOrder") == "400 Bad Request"
    assert "<b>" in page.inner_text("#placeOrder .answer dl")  # what exactly was wrong
    assert not any("noisekey" in url for url in asked) and len(asked) >= 4
    assert page.evaluate("[sessionStorage.getItem('key'), localStorage.length]") == ["noisekey", 0]
    page.reload()
    assert page.get_by_label("Key", exact=True).input_value() == "noisekey"


def answer_with(body: str, route: PlaywrightRoute) -> None:
    route.fulfill(body=body)


def test_a_long_answer_is_cut_with_a_note(open_url: Open, exchange: Exchange) -> None:
    page = open_url(f"http://127.0.0.1:{exchange.port}/docs#getMetrics", ready=READY)
    for letters, words in ((20_001, "The first 20000 of 20001"), (10**6, "longer than is read")):
        page.route("**/metrics", partial(answer_with, "x" * letters))
        page.locator("#getMetrics .send button").click()
        page.locator("#getMetrics .quiet", has_text=words).wait_for()
        assert len(page.locator("#getMetrics .answer pre").text_content() or "") == 20_000


def test_without_scripts_everything_can_be_read(browser: Browser, exchange: Exchange) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = opened(context, exchange)
        page.locator("#placeOrder summary").click()
        for part in (".told", ".curl", ".python"):
            assert page.locator(f"#placeOrder {part}").first.is_visible()
        assert not page.locator("#search, #mine, .send, .noscript").locator("visible=true").count()


@pytest.mark.parametrize("origin", ["https://exchange.example:8443", "http://192.0.2.1:8080"])
def test_behind_a_proxy_every_line_names_the_pages_own_address(
    exchange: Exchange, context: BrowserContext, origin: str
) -> None:
    """The proxy is this test: what it is asked for it has from the exchange."""
    page = context.new_page()

    def pass_on(route: PlaywrightRoute) -> None:
        url = route.request.url.replace(origin, f"http://127.0.0.1:{exchange.port}")
        route.fulfill(response=page.request.get(url))

    page.route(f"{origin}/**", pass_on)
    page.goto(f"{origin}/docs")
    page.wait_for_selector(READY)
    lines = page.eval_on_selector_all(".call code, dt code", "all => all.map(e => e.textContent)")
    tape = [line for line in lines if line.startswith("ws")]
    assert len(tape) == 4
    assert all(line.startswith(origin.replace("http", "ws") + "/ob/api/ws/") for line in tape)
    assert not any("127.0.0.1" in line for line in lines)
    assert sum(f"{origin}/" in line for line in lines) > 50
