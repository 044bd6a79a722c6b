"""The chart, the ladder and the trades in a real browser: what they draw, and how they are read."""

import itertools
import json
import re
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, quote

import pytest
from browser import Open, faults
from playwright.sync_api import Page

from disorderbook.in_process import PrivateExchange, serve
from disorderbook.protocol.names import MAX_NAME_LENGTH

HIGHEST = 2**31 - 1
TIME = re.compile(r"\d\d:\d\d(:\d\d)?|\d{1,2} \w{3,4}")  # of the axis below
KEYS = {"ANN": "annkey", "BEN": "benkey"}

# Notes what is drawn in the chart of prices, once a drawing: texts with their places, dots, fills.
NOTE_DRAWING = """
    const pens = CanvasRenderingContext2D.prototype
    const note = (name, take) => {
        const act = pens[name]
        pens[name] = function (...given) {
            if (this.canvas.id === 'chart') take(this, given)
            return act.apply(this, given)
        }
    }
    const fresh = () => ({ texts: [], dots: [], bands: 0, marks: 0 })
    window.drawn = fresh()
    note('clearRect', () => { window.drawn = fresh() })
    note('fillText', (_, [text, x]) => drawn.texts.push([text, x]))
    note('arc', pen => drawn.dots.push(pen.fillStyle))
    note('fill', pen => { if (Math.abs(pen.globalAlpha - 0.16) < 0.001) drawn.bands++ })
    note('closePath', () => drawn.marks++)
"""
HIDE = """
    // As a browser does with the timers of a tab that has been hidden for long.
    window.setTimeout = () => 0
    Object.defineProperty(document, 'hidden', { get: () => true })
    document.dispatchEvent(new Event('visibilitychange'))
"""
TOO_WIDE = """
    [...document.querySelectorAll('body *')].filter(one => one.getBoundingClientRect().right > 391)
        .slice(0, 5).map(one => one.outerHTML.slice(0, 200))
"""
# What is closer to the right end of the panel than the padding.
IN_PADDING = """
    [...document.querySelectorAll('.trades td:last-child, .scores .holdings')].filter(cell => {
        const words = document.createRange()
        words.selectNodeContents(cell)
        const { right } = words.getBoundingClientRect()
        return right && right > cell.closest('.panel').getBoundingClientRect().right - 14
    }).map(cell => cell.outerHTML)
"""
TOUCH = """
    places => places.forEach(([kind, pointerId, share]) => {
        const canvas = document.getElementById('chart')
        const { left, top, width } = canvas.getBoundingClientRect()
        canvas.dispatchEvent(new PointerEvent(kind, {
            pointerId, pointerType: 'touch', isPrimary: pointerId === 1, bubbles: true,
            clientX: left + share * width, clientY: top + 40,
        }))
    })
"""


@pytest.fixture(scope="module")
def exchange() -> Iterator[PrivateExchange]:
    with serve(websockets=True) as exchange:
        yield exchange


@pytest.fixture(scope="module")
def keyed() -> Iterator[PrivateExchange]:
    """With keys and without the tape."""
    with serve(accounts=KEYS) as exchange:
        yield exchange


def order(
    exchange: PrivateExchange, symbol: str, direction: str, price: int, qty: int = 1, **more: str
) -> None:
    account, venue = more.get("account", "ANN"), more.get("venue", "TESTEX")
    body = {"account": account, "direction": direction, "price": price, "qty": qty}
    asked = urllib.request.Request(
        f"{exchange.url}/ob/api/venues/{quote(venue)}/stocks/{quote(symbol)}/orders",
        json.dumps(body | {"orderType": "limit"}).encode(),
        {"X-Starfighter-Authorization": KEYS.get(account, "any")},
    )
    urllib.request.urlopen(asked, timeout=60).close()


def trade(exchange: PrivateExchange, symbol: str, *prices: int, **more: str) -> None:
    for price in prices:
        order(exchange, symbol, "sell", price, **(more | {"account": "BEN"}))
        order(exchange, symbol, "buy", price, **more)


def opened(
    open_url: Open, exchange: PrivateExchange, symbol: str, *look: str, more: str = ""
) -> Page:
    url = f"{exchange.url}/?venue=TESTEX&symbol={quote(symbol)}{more}"
    page = open_url(url, *look, script=NOTE_DRAWING)
    page.wait_for_function("() => window.drawn.texts.length > 3")
    return page


def texts(page: Page) -> list[str]:
    return [text for text, _ in page.evaluate("window.drawn.texts")]


def axis(page: Page) -> list[float]:
    """The prices at the axis, and that of the flag."""
    found = [text.replace(",", "") for text in texts(page) if "." in text]
    return [float(text.replace("\N{MINUS SIGN}", "-")) for text in found]


def asked_times(page: Page) -> dict[str, list[str]]:
    query = parse_qs(page.evaluate("location.search.slice(1)"))
    return {name: query[name] for name in ("span", "from", "to") if name in query}


def test_an_outlier_does_not_flatten_the_others_and_is_marked(
    exchange: PrivateExchange, open_url: Open
) -> None:
    trade(exchange, "WILD", *(5000, 5010, 4990) * 4, HIGHEST, 5005)
    order(exchange, "WILD", "sell", HIGHEST, HIGHEST)  # the ask, and so the mid, are wild as well
    page = opened(open_url, exchange, "WILD")
    page.wait_for_function("() => drawn.texts.some(([text]) => text === '▲')")
    prices = axis(page)
    assert prices.count(HIGHEST / 100) == 1
    assert all(49 < price < 51 for price in prices if price != HIGHEST / 100) and len(prices) > 3
    assert page.locator("#chart[aria-label*='between 49.90 and 21,474,836.47']").count()
    trade(exchange, "CHEAP", 1, 1, 2)
    page.goto(f"{exchange.url}/?venue=TESTEX&symbol=CHEAP")
    page.wait_for_function("() => window.drawn.texts.length > 3")
    assert min(axis(page)) >= 0


@pytest.mark.parametrize(
    "values, more, shown",
    [
        ("[5000, 5010, HIGH]", "[]", [5000, 5010]),
        ("[5000, 5400, 5200]", "[]", [5000, 5400]),
        ("[1, HIGH]", "[]", [1, HIGHEST]),
        ("[...Array(50).keys()].map(x => x > 45 ? 9000 : 5000 + x % 7)", "[]", [5000, 5006]),
        ("[...Array(50).keys()].map(x => 5000 + 100 * x)", "[]", [5000, 9900]),
        ("[...Array(9)].map(() => 5000)", "[4950, 5050, 1, HIGH]", [4950, 5050]),
        ("[0, 0, 0, -5, 0, 0, 0, 0, -1e9]", "[]", [-5, 0]),
    ],
)
def test_what_is_usual_has_the_axis(
    exchange: PrivateExchange, open_url: Open, values: str, more: str, shown: list[int]
) -> None:
    page = open_url(f"{exchange.url}/static/range.js", ready="pre")
    found = page.evaluate(
        f"HIGH => import('/static/range.js').then(range => range.robustRange({values}, {more}, 5))",
        HIGHEST,
    )
    assert [found["low"], found["high"]] == shown


def test_it_has_a_band_dots_by_side_and_own_trades(keyed: PrivateExchange, open_url: Open) -> None:
    for direction, price in (("buy", 4900), ("sell", 5100)):
        order(keyed, "DRAWN", direction, price, 30, account="BEN")
    order(keyed, "DRAWN", "sell", 4900, 1)
    order(keyed, "DRAWN", "buy", 5100, 2)
    page = opened(open_url, keyed, "DRAWN")
    page.wait_for_function("() => new Set(drawn.dots).size === 2 && drawn.bands > 0")
    assert page.evaluate("drawn.marks") == 0
    page.fill("#mine-account", "ANN")
    page.click("#mine-mark")
    page.wait_for_selector("#mine-said:text-is('Its key is needed.')")
    page.fill("#mine-key", KEYS["ANN"])
    page.click("#mine-mark")
    page.wait_for_function("() => window.drawn.marks === 2")
    order(keyed, "DRAWN", "buy", 4800, 7)
    page.wait_for_selector("#ladder .own.buy:text-is('48.00')")
    page.wait_for_selector("#scores tr.mine:has-text('ANN')")
    for panel in ("price", "ladder", "trades", "scores"):
        page.click(f"[data-source={panel}][data-as=json]")
        page.wait_for_selector("#source-text:has-text('\"ok\": true')")
        page.click("#source-close")
        page.click(f"[data-source={panel}][data-as=curl]")
        assert page.inner_text("#source-text").startswith("curl -H 'X-Starfighter-Authorization: ")
        page.click("#source-close")
    assert faults(page) == []


def test_it_is_read_by_mouse_finger_and_keys(exchange: PrivateExchange, open_url: Open) -> None:
    trade(exchange, "READ", 5000, 5010, 4990, 5005)
    trade(exchange, "ONE", 5000)
    page = opened(open_url, exchange, "READ")
    said = "open 50.00  high 50.10  low 49.90  close 50.05  4 shares"
    box = page.locator("#chart").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 30, box["y"] + 40)
    page.wait_for_selector("#readout:has-text('UTC')")
    page.mouse.move(0, 0)
    page.wait_for_selector("#readout", state="hidden")
    page.evaluate(TOUCH, [["pointerdown", 1, 0.3], ["pointerup", 1, 0.3]])
    page.wait_for_selector("#readout:has-text('UTC')")
    page.focus("#chart")
    page.keyboard.press("Escape")
    page.wait_for_selector("#readout", state="hidden")
    page.keyboard.press("ArrowLeft")
    text = page.inner_text("#readout")
    candles = f"{exchange.url}/api/v1/venues/TESTEX/stocks/READ/candles"
    with urllib.request.urlopen(candles, timeout=60) as answer:
        told: list[dict[str, Any]] = json.load(answer)["candles"]
    assert text.startswith(f"{told[-1]['ts'][11:19]} UTC")
    if len(told) == 1:  # all in one second
        assert text.endswith(said)
    assert page.text_content("#chart + [aria-live=polite]") == text
    page.goto(f"{exchange.url}/?venue=TESTEX&symbol=ONE")
    page.wait_for_function("() => window.drawn.texts.length > 3")
    page.focus("#chart")
    page.keyboard.press("End")
    assert page.inner_text("#readout").endswith("  1 share")
    assert page.inner_text("#last-detail").startswith("1 share at ")
    assert page.inner_text("#last-detail").endswith(" UTC")


def test_it_is_zoomed_and_the_url_says_so(exchange: PrivateExchange, open_url: Open) -> None:
    trade(exchange, "ZOOM", 5000, 5010)
    page = opened(open_url, exchange, "ZOOM", more="&span=30m")
    assert page.get_attribute("[data-span='30m']", "aria-pressed") == "true"
    box = page.locator("#chart").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 20, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 60)
    page.mouse.up()
    zoomed = asked_times(page)
    assert zoomed["span"] == ["30m"] and set(zoomed) == {"span", "from", "to"}
    first, last = float(zoomed["from"][0]), float(zoomed["to"][0])
    assert 5 <= last - first < 60
    assert page.get_attribute("#chart", "aria-label") == "Price over time: no trades"
    page.focus("#chart")
    for key in ("Escape", "+"):
        page.keyboard.press(key)
        assert set(asked_times(page)) == ({"span"} if key == "Escape" else set(zoomed))
    page.dblclick("#chart")
    assert asked_times(page) == {"span": ["30m"]}
    page.mouse.move(box["x"] + 100, box["y"] + 40)
    page.mouse.wheel(0, -100)
    page.wait_for_function("() => location.search.includes('from=')")
    page.click("#unzoom")
    fingers = [["pointerdown", 1, 0.85], ["pointerdown", 2, 0.5], ["pointermove", 2, 0.3]]
    page.evaluate(TOUCH, fingers)
    page.wait_for_function("() => location.search.includes('from=')")
    page.evaluate(TOUCH, [["pointerup", 1, 0.85], ["pointerup", 2, 0.3]])
    zoomed = asked_times(page)
    labels = [text for text in texts(page) if ":" in text]
    page.reload()
    page.wait_for_function("() => window.drawn.texts.length > 3")
    assert asked_times(page) == zoomed
    assert [text for text in texts(page) if ":" in text] == labels
    page.select_option("#symbol", "FOOBAR")
    assert asked_times(page) == {"span": ["30m"]}


def test_the_axis_follows_what_is_seen(exchange: PrivateExchange, open_url: Open) -> None:
    trade(exchange, "AXIS", 5000)
    page = opened(open_url, exchange, "AXIS")
    page.wait_for_timeout(1100)  # another candle
    trade(exchange, "AXIS", 6000)
    page.wait_for_function("() => drawn.texts.some(([text]) => text === '60.00')")
    page.wait_for_selector("#chart[aria-label*=' to 60.00']")
    candles = page.evaluate("import('/static/market.js').then(({ book }) => book.candles)")
    assert len(candles) == 2
    last = page.evaluate("ts => Date.parse(ts) / 1000", candles[-1]["ts"])
    page.goto(f"{exchange.url}/?venue=TESTEX&symbol=AXIS&from={last}&to={last + 5}")
    page.wait_for_selector("#chart[aria-label*='between 60.00 and 60.00']")
    assert min(axis(page)) > 55


def test_on_a_phone_there_are_four_times_whatever_is_seen(
    exchange: PrivateExchange, open_url: Open
) -> None:
    trade(exchange, "TIMES", HIGHEST, 5000)
    page = opened(open_url, exchange, "TIMES", "phone")
    width = page.evaluate("document.getElementById('chart').clientWidth")
    now = page.evaluate("import('/static/market.js').then(({ book }) => book.clock)")
    spans = [(now + 5 - ago, now + 5) for ago in (60, 68, 119, 119.5, 300, 3000, 90_000)]
    longest = spans[-1:]  # it goes over a day, so that an hour may come twice
    minute = now // 60 * 60
    for span in (*spans, (minute - 1.5, minute + 62.5)):  # the last has one close to its left end
        page.evaluate(
            """async ([from, to]) => {
                const { here } = await import('/static/market.js')
                here.window = { from, to }
                const { drawPlots } = await import('/static/plot.js')
                drawPlots()
            }""",
            span,
        )
        times = [(x, text) for text, x in page.evaluate("drawn.texts") if TIME.fullmatch(text)]
        assert len(times) >= 4, (span, times)
        assert all(0 <= x <= width for x, _ in times)
        for (left, text), (right, _) in itertools.pairwise(times):
            assert right - left > 6 * len(text), (span, times)  # pixels, and letters of 12
        named = {text for _, text in times}
        has_midnight = any(":" not in text for text in named)
        assert has_midnight if span in longest else len(named) == len(times), (span, times)
    assert "UTC" in texts(page)


def test_the_ladder_says_what_it_leaves_out(exchange: PrivateExchange, open_url: Open) -> None:
    for price in range(4000, 4030):
        order(exchange, "DEEP", "buy", price, 1000)
    order(exchange, "DEEP", "buy", 4029, 1)
    order(exchange, "DEEP", "sell", 6000, 1)
    page = open_url(f"{exchange.url}/?venue=TESTEX&symbol=DEEP")
    page.wait_for_selector("#bid-total:text-is('30,001 shares in 31 orders')")
    assert page.inner_text("#bid-more") == "5 more below, 5,000 shares"
    assert page.inner_text("#ask-total") == "1 share in 1 order"
    assert page.locator("#ladder tr").count() == 25
    cells = page.locator("#ladder tr").first.locator("td").all_inner_texts()
    assert cells == ["2", "1,001", "40.29", "60.00", "1", "1"]


def test_trades_stand_still_while_somebody_reads(exchange: PrivateExchange, open_url: Open) -> None:
    trade(exchange, "STILL", *range(5000, 5040))
    page = open_url(f"{exchange.url}/?venue=TESTEX&symbol=STILL")
    page.wait_for_selector("#trades tr:nth-child(40)")
    page.evaluate("document.querySelector('.trades .scroll').scrollTop = 200")
    read = page.inner_text("#trades")
    trade(exchange, "STILL", 6000, 6001)
    page.wait_for_selector("#last-price:text-is('60.01')")
    page.wait_for_selector("#trades-new:text-is('↑ 2 new')")
    assert page.inner_text("#trades") == read
    page.click("#trades-new")
    page.wait_for_selector("#trades tr:first-child td:text-is('60.01')")
    assert page.is_hidden("#trades-new")
    assert page.evaluate("document.querySelector('.trades .scroll').scrollTop") == 0


@pytest.mark.parametrize("has_tape", [True, False], ids=["tape", "polling"])
def test_a_hidden_tab_goes_on_telling_the_price(
    has_tape: bool, exchange: PrivateExchange, keyed: PrivateExchange, open_url: Open
) -> None:
    market = exchange if has_tape else keyed
    trade(market, "HIDDEN", 5000)
    page = open_url(f"{market.url}/?venue=TESTEX&symbol=HIDDEN")
    page.wait_for_function("() => document.title.startsWith('50.00 ')")
    page.evaluate(HIDE)
    for price in (5100, 5200):
        trade(market, "HIDDEN", price)
        page.wait_for_function(
            "text => document.title.startsWith(text)", arg=f"{price / 100:.2f} ", polling=100
        )


@pytest.mark.slow
def test_on_a_phone_nothing_scrolls_sideways_whatever_the_figures(
    exchange: PrivateExchange, open_url: Open
) -> None:
    name, venue = "W" * MAX_NAME_LENGTH, "V" * MAX_NAME_LENGTH
    for number in range(50):
        order(exchange, name[:-2] + f"{number:02}", "buy", 1, venue=venue, account=name)
    symbol = name[:-2] + "00"
    for number in range(200):
        account = f"{number:03}" + name[3:]
        order(exchange, symbol, "sell", HIGHEST, HIGHEST, venue=venue, account=account)
        order(exchange, symbol, "buy", HIGHEST, HIGHEST, venue=venue, account=name)
    order(exchange, symbol, "sell", HIGHEST, HIGHEST, venue=venue, account=name)
    order(exchange, symbol, "buy", HIGHEST - 1, HIGHEST, venue=venue, account=name)
    asked = urllib.request.Request(f"{exchange.url}/gm/levels/first_steps", method="POST")
    asked.add_header("X-Starfighter-Authorization", "level")
    with urllib.request.urlopen(asked, timeout=20) as answer:
        number = json.load(answer)["instanceId"]
    place = f"?venue={venue}&symbol={symbol}"
    page = open_url(
        f"{exchange.url}/{place}", "phone", script="sessionStorage.setItem('key', 'level')"
    )
    for path, shown in (
        (f"/{place}", "#scores tr:nth-child(50)"),
        (f"/accounts/{name}{place}", "#fills tr:nth-child(9)"),
        ("/levels", ".card"),
        (f"/levels/{number}", "#send:not(:empty)"),
        ("/docs", "h2"),
    ):
        page.goto(exchange.url + path)
        page.wait_for_selector(shown)
        wide = page.evaluate("document.scrollingElement.scrollWidth")
        assert wide == 390, (path, page.evaluate(TOO_WIDE))
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{exchange.url}/{place}")
    page.wait_for_selector("#scores tr:nth-child(50)")
    cut = page.evaluate(
        """
        [...document.querySelectorAll(
            '.scroll, .trades td, .ladder :is(td, th, tfoot span), .scores td:nth-child(n+2)'
        )].filter(part => part.scrollWidth > part.clientWidth + 1).map(part => part.outerHTML)
        """
    )
    assert cut == []
    assert page.evaluate(IN_PADDING) == []
