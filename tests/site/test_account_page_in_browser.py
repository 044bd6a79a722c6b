"""The page of an account in a real browser, against a real exchange."""

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from browser import Open, check_looks, set_look
from playwright.sync_api import Page

from disorderbook.in_process import PrivateExchange, serve
from disorderbook.protocol.names import MAX_NAME_LENGTH

KEY_HEADER = "X-Starfighter-Authorization"
KEYS = {"ANN": "it's ann's", "BEN": "benkey"}
PANELS = ("account", "price", "history", "ladder", "orders", "fills")

# Notes the colour of each mark in the chart of prices, once a drawing.
NOTE_MARKS = """
    const pens = CanvasRenderingContext2D.prototype, { closePath, clearRect } = pens
    pens.clearRect = function (...place) {
        if (this.canvas.id === 'chart') window.marks = []
        clearRect.apply(this, place)
    }
    pens.closePath = function () {
        if (this.canvas.id === 'chart') window.marks.push(this.fillStyle)
        closePath.call(this)
    }
    window.colourOf = name => {
        const pen = new OffscreenCanvas(1, 1).getContext('2d')
        pen.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name)
        return pen.fillStyle
    }
"""

TOO_WIDE = """
    [...document.querySelectorAll('.scroll, .figures dd')]
        .filter(part => part.scrollWidth > part.clientWidth).map(part => part.outerHTML)
"""


@pytest.fixture(scope="module")
def exchange() -> Iterator[PrivateExchange]:
    """With the tape and without keys; each test trades a stock of its own."""
    with serve(websockets=True) as exchange:
        yield exchange


@pytest.fixture(scope="module")
def keyed() -> Iterator[PrivateExchange]:
    """With keys and without the tape; a share counts at the middle of bid and ask."""
    with serve(accounts=KEYS, mark="mid") as exchange:
        trade(exchange, "FOOBAR", qty=30)
        order(exchange, "FOOBAR", "ANN", "buy", 4900, 7)
        order(exchange, "FOOBAR", "BEN", "sell", 5201, 7)
        yield exchange


def order(
    exchange: PrivateExchange, symbol: str, account: str, direction: str, price: int, qty: int
) -> Any:
    body = {
        "account": account,
        "direction": direction,
        "orderType": "limit",
        "price": price,
        "qty": qty,
    }
    asked = urllib.request.Request(
        f"{exchange.url}/ob/api/venues/TESTEX/stocks/{quote(symbol)}/orders",
        json.dumps(body).encode(),
        {KEY_HEADER: KEYS.get(account, "any")},
    )
    with urllib.request.urlopen(asked, timeout=60) as answer:
        return json.load(answer)


def trade(exchange: PrivateExchange, symbol: str, price: int = 5000, qty: int = 10) -> None:
    """ANN buys of BEN."""
    order(exchange, symbol, "BEN", "sell", price, qty)
    order(exchange, symbol, "ANN", "buy", price, qty)


def url_of(exchange: PrivateExchange, account: str, symbol: str) -> str:
    return f"{exchange.url}/accounts/{quote(account)}?venue=TESTEX&symbol={quote(symbol)}"


def wait_for_text(page: Page, name: str, text: str) -> None:
    page.wait_for_selector(f"#{name}:text-is({json.dumps(text, ensure_ascii=False)})")


def give_key(page: Page, key: str) -> None:
    page.fill("#key", key)
    page.click("#key-form button")


def rows_of(page: Page, table: str) -> list[list[str]]:
    rows = "[...document.getElementById(id).rows]"
    return page.evaluate(  # type: ignore[no-any-return]
        f"id => {rows}.map(row => [...row.cells].map(cell => cell.textContent))", table
    )


def test_it_shows_what_the_account_has_and_follows(
    exchange: PrivateExchange, open_url: Open
) -> None:
    trade(exchange, "HAS", 5000, 10)
    order(exchange, "HAS", "BEN", "buy", 4800, 20)
    order(exchange, "HAS", "ANN", "buy", 4800, 5)
    order(exchange, "HAS", "ANN", "buy", 4800, 3)
    page = open_url(url_of(exchange, "ANN", "HAS"), script=NOTE_MARKS)
    wait_for_text(page, "connection", "Live, listening to the tape")
    for name, text in {
        "nav": "$0.00",
        "shares": "10 shares",
        "shares-note": "from 0 to 10",
        "cash": "−$500.00",
        "average": "$50.00",
        "average-note": "$50.00 last",
        "buying": "8 shares",
        "buying-note": "in 2 orders",
        "selling": "0 shares",
    }.items():
        wait_for_text(page, name, text)
    page.wait_for_selector("#ladder .own.buy:text-is('48.00')")
    title = page.get_attribute("#ladder .own.buy", "title")
    assert title == "8 of them are yours, 20 are before them"
    assert [row[:4] for row in rows_of(page, "orders")] == [
        ["▲ buy", "48.00", "3 of 3", "25"],
        ["▲ buy", "48.00", "5 of 5", "20"],
    ]
    page.wait_for_function("() => window.marks.length === 1 && marks[0] === colourOf('--buy')")

    trade(exchange, "HAS", 5100, 1)
    order(exchange, "HAS", "BEN", "buy", 5200, 4)
    order(exchange, "HAS", "ANN", "sell", 5200, 4)
    wait_for_text(page, "shares", "7 shares")
    wait_for_text(page, "realised", "$7.64")
    wait_for_text(page, "unrealised", "$13.36")
    wait_for_text(page, "nav", "$21.00")
    assert [row[1:] for row in rows_of(page, "fills")] == [
        ["▼ sell", "52.00", "4", "7", "taker"],
        ["▲ buy", "51.00", "1", "11", "taker"],
        ["▲ buy", "50.00", "10", "10", "taker"],
    ]
    page.wait_for_function(
        "() => marks.map(m => m === colourOf('--sell') ? 'sell' : 'buy').join() === 'buy,buy,sell'"
    )
    history = f"{exchange.url}/api/v1/venues/TESTEX/accounts/ANN/history?symbol=HAS"
    with urllib.request.urlopen(history, timeout=60) as answer:
        points = json.load(answer)["points"]
    page.evaluate("import('/static/own.js').then(found => { window.found = found })")
    page.wait_for_function(
        "points => JSON.stringify(found.own.points) === JSON.stringify(points)", arg=points
    )
    page.wait_for_selector("#position-curve[aria-label*=' to 7 shares, ']")
    page.wait_for_selector("#nav-curve[aria-label*=' to $21.00, ']")


def test_an_order_is_cancelled_here(exchange: PrivateExchange, open_url: Open) -> None:
    for qty in (1, 2):
        order(exchange, "CANCEL", "ANN", "sell", 6000, qty)
    page = open_url(url_of(exchange, "ANN", "CANCEL"))
    page.click("[aria-label='Cancel the order to sell 1 share at 60.00']")
    wait_for_text(page, "selling", "2 shares")
    page.wait_for_selector("#orders tr:nth-child(2)", state="detached")
    assert rows_of(page, "orders")[0][:4] == ["▼ sell", "60.00", "2 of 2", "0"]
    wait_for_text(page, "average", "–")


def test_every_panel_has_its_json_and_a_line_that_works(
    keyed: PrivateExchange, open_url: Open
) -> None:
    key = f"sessionStorage.setItem('key', {json.dumps(KEYS['ANN'])})"
    page = open_url(url_of(keyed, "ANN", "FOOBAR"), script=key)
    wait_for_text(page, "shares", "30 shares")
    wait_for_text(page, "connection", "Live, asking twice a second")
    for panel in PANELS:
        shown = []
        for kind in ("json", "curl"):
            page.locator(f"[data-source={panel}][data-as={kind}]:visible").first.click()
            page.wait_for_selector("#source-text:not(:empty):not(:text-is('Asking…'))")
            shown.append(page.inner_text("#source-text"))
            page.click("#source-close")
        told, line = shown
        assert line.startswith("curl -H 'X-Starfighter-Authorization: it'\\''s ann'\\''s' ")
        assert line.splitlines()[1].startswith(("http", "'http"))  # and no indent before it
        ran = subprocess.run(["bash", "-c", line], capture_output=True, timeout=20)
        answers = [json.loads(told), json.loads(ran.stdout)]
        for answer in answers:
            assert answer.pop("ok") is True
            answer.pop("ts", None)  # when it was asked
            answer.get("quote", {}).pop("quoteTime", None)
        assert answers[0] == answers[1] != {}


def test_of_many_fills_the_latest_are_listed_and_told_of(
    exchange: PrivateExchange, open_url: Open
) -> None:
    for _ in range(203):
        order(exchange, "MANY", "BEN", "sell", 5000, 1)
    order(exchange, "MANY", "ANN", "buy", 5000, 203)
    page = open_url(url_of(exchange, "ANN", "MANY"))
    wait_for_text(page, "fills-note", "the latest 200 of 203")
    assert len(rows_of(page, "fills")) == 200
    page.click("[data-source=fills][data-as=curl]")
    assert "since=3&limit=200" in page.inner_text("#source-text")


def test_a_refusal_says_what_to_do(keyed: PrivateExchange, open_url: Open) -> None:
    page = open_url(f"{keyed.url}/levels")  # the page itself would not become live
    page.goto(url_of(keyed, "ANN", "FOOBAR"))
    wait_for_text(page, "gone-title", "Its key is needed")
    give_key(page, KEYS["BEN"])
    wait_for_text(page, "gone-text", "The key at the top is not that of ANN.")
    give_key(page, KEYS["ANN"])
    page.wait_for_selector("#gone", state="hidden")
    wait_for_text(page, "shares", "30 shares")
    wait_for_text(page, "nav", "$15.00")
    wait_for_text(page, "average-note", "counts $50.50")
    assert "at the" not in page.inner_text("#figures") + page.inner_text(".nav-panel")
    page.goto(url_of(keyed, "ANN", "NONE"))
    wait_for_text(page, "gone-title", "There is no such stock")
    order(keyed, "NONE", "BEN", "buy", 1, 1)
    wait_for_text(page, "new", "ANN has neither an order nor a trade in NONE yet.")
    page.route("**/api/v1/**", lambda route: route.abort("connectionrefused"))
    wait_for_text(page, "connection", "The exchange does not answer; trying again…")


def test_links_lead_there_and_back_and_stocks_are_chosen(
    exchange: PrivateExchange, open_url: Open
) -> None:
    name = "<i>&?#%25 ’ 'q'"
    for symbol in ("LINK ED", "LINK2"):
        order(exchange, symbol, name, "buy", 5000, 2)
        order(exchange, symbol, "BEN", "sell", 5000, 2)
    page = open_url(f"{exchange.url}/?venue=TESTEX&symbol=LINK%20ED")
    page.click(f"#scores a[title={json.dumps(name, ensure_ascii=False)}]")
    wait_for_text(page, "account-name", name)
    assert page.input_value("#symbol") == "LINK ED"
    page.click("#stocks button:text-is('LINK2')")
    wait_for_text(page, "market-page", "Market of LINK2 at TESTEX")
    page.wait_for_selector("#stocks button[aria-current=true]:text-is('LINK2')")
    assert page.url.endswith("?venue=TESTEX&symbol=LINK2")
    page.go_back()
    page.wait_for_selector("#stocks button[aria-current=true]:text-is('LINK ED')")
    page.click("#market-page")
    page.wait_for_selector("#scores tr")
    assert page.input_value("#symbol") == "LINK ED"


def test_a_fill_far_from_all_other_prices_is_marked(
    exchange: PrivateExchange, open_url: Open
) -> None:
    order(exchange, "FAR", "BEN", "sell", 5000, 10)
    for _ in range(10):
        order(exchange, "FAR", "CAT", "buy", 5000, 1)
    for price in (1, 90000):
        trade(exchange, "FAR", price)
    page = open_url(url_of(exchange, "ANN", "FAR"), script=NOTE_MARKS)
    page.wait_for_selector("#chart[aria-label$='between 0.01 and 900.00']")
    page.wait_for_function("() => window.marks.length === 2")


def test_the_level_page_has_the_same_panels(exchange: PrivateExchange, open_url: Open) -> None:
    asked = urllib.request.Request(
        f"{exchange.url}/gm/levels/sell_side", headers={KEY_HEADER: "level"}, method="POST"
    )
    with urllib.request.urlopen(asked, timeout=20) as answer:
        number = json.load(answer)["instanceId"]
    key = "sessionStorage.setItem('key', 'level');"
    page = open_url(f"{exchange.url}/levels/{number}", script=key + NOTE_MARKS)
    page.wait_for_selector("#ask:not(:text-is('–'))")
    page.click("#pause")
    page.wait_for_selector("#state:text-is('Open, paused')")
    page.click("#send")
    page.wait_for_selector("#fills tr:not(.empty)")
    page.wait_for_function(
        "() => window.marks.length > 0 && marks.every(m => m === colourOf('--buy'))"
    )
    bought = page.inner_text("#exposure strong").split()[0]
    page.wait_for_selector(f"#position-curve[aria-label*=' to {bought} shares, ']")
    place = page.inner_text("#place")
    page.click("#account-page")
    wait_for_text(page, "shares", f"{bought} shares")
    assert page.inner_text("#account-name") in place
    give_key(page, "another")
    wait_for_text(page, "gone-title", "Its player alone sees this")


@pytest.mark.slow
def test_every_screen_is_legible_whatever_the_figures(
    exchange: PrivateExchange, open_url: Open
) -> None:
    account, symbol = "W" * MAX_NAME_LENGTH, "MMMMMMMM" * 20
    highest = 2**31 - 1
    for _ in range(2):
        order(exchange, symbol, "BEN", "sell", highest, highest)
        order(exchange, symbol, account, "buy", highest, highest)
    order(exchange, symbol, account, "sell", highest, highest)
    order(exchange, symbol, account, "buy", highest - 1, highest)
    order(exchange, "SECOND", account, "buy", 1, 1)
    page = open_url(url_of(exchange, account, symbol), "phone", "dark")
    wait_for_text(page, "shares", f"{2 * highest:,} shares")
    page.wait_for_selector("#ladder .own.sell")
    page.wait_for_selector("#orders tr:nth-child(2)")
    check_looks(page, "phone", "dark")
    assert page.evaluate(TOO_WIDE) == []
    page.click("[data-source=account][data-as=curl]")
    check_looks(page, "phone", "dark")
    set_look(page, "projector", "light")
    check_looks(page, "projector", "light")
    assert page.evaluate(TOO_WIDE) == []


def test_all_can_be_reached_with_the_keyboard(exchange: PrivateExchange, open_url: Open) -> None:
    trade(exchange, "KEYS")
    order(exchange, "KEYS", "ANN", "buy", 100, 1)
    page = open_url(url_of(exchange, "ANN", "KEYS"))
    page.wait_for_selector("#orders button")
    reached: list[str] = []
    for _ in range(40):
        page.keyboard.press("Tab")
        told = page.evaluate(
            "(e => [e.id || e.dataset.span || e.getAttribute('aria-label')"
            " || e.getAttribute('aria-labelledby') || e.pathname || e.textContent,"
            " getComputedStyle(e).outlineStyle])(document.activeElement)"
        )
        assert told[1] == "solid" or told[0].startswith("disorder"), told
        reached.append(told[0])
        if told[0] == "/ob/api/":
            break
    for name in ("key", "market-page", "all", "as JSON: net asset value", "as curl: fills"):
        assert name in reached, reached
    assert "Cancel the order to buy 1 share at 1.00" in reached
