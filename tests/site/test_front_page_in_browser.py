"""The front page in a real browser: what it shows is what the exchange answers, on every screen."""

import json
import subprocess
import sys
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from browser import Open, check_looks, set_look
from ipv6 import needs_ipv6
from live import ROOT, Exchange, bot, running
from playwright.sync_api import Browser, Page
from ports import free_port

BUY = {"account": "ANN", "direction": "buy", "orderType": "limit", "price": 5000, "qty": 10}
ROWS_OF = "id => [...document.getElementById(id).rows].map(r => [...r.cells].map(c => c.innerText))"
PRINTABLE = "<img src=x onerror=alert(1)>'\"$(id)& abc"  # as names of the bots' options must be
HOSTILE = f"{PRINTABLE}\u202e"

# Notes where in the canvas each text begins and ends, in a font so many times as wide.
NOTE_LABELS = """
    const pens = CanvasRenderingContext2D.prototype, { fillText, measureText } = pens
    window.labels = {}
    pens.measureText = function (text) {
        this.letterSpacing = '0px'
        const { width } = measureText.call(this, text)
        this.letterSpacing = `${(%s - 1) * width / text.length}px`
        return measureText.call(this, text)
    }
    pens.fillText = function (text, x, y) {
        const { width } = this.measureText(text)
        const share = { center: 0.5, right: 1, end: 1 }[this.textAlign] ?? 0
        window.labels[text] = [x - share * width, x + (1 - share) * width]
        fillText.call(this, text, x, y)
    }
"""


@pytest.fixture(scope="module")
def exchange() -> Iterator[Exchange]:
    """With the tape; each test trades a stock of its own."""
    with running("-w", "--wsport", "0") as exchange:
        yield exchange


@pytest.fixture
def open_page(open_url: Open) -> Open:
    """Opens the page of an exchange."""

    def open_page(exchange: Exchange, symbol: str | None = None, *look: str, **more: str) -> Page:
        question = f"?venue=TESTEX&symbol={quote(symbol)}" if symbol else ""
        return open_url(f"http://127.0.0.1:{exchange.port}/{question}", *look, **more)

    return open_page


def ask(exchange: Exchange, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{exchange.port}{path}", timeout=60) as answer:
        return json.load(answer)


def order(exchange: Exchange, symbol: str, **changes: Any) -> Any:
    url = f"{exchange.url}venues/TESTEX/stocks/{quote(symbol)}/orders"
    body = json.dumps(BUY | changes).encode()
    with urllib.request.urlopen(url, body, timeout=60) as answer:
        return json.load(answer)


def trade(exchange: Exchange, symbol: str, price: int = 5000, qty: int = 10) -> None:
    order(exchange, symbol, price=price, qty=qty)
    order(exchange, symbol, account="BOB", direction="sell", price=price, qty=qty)


def let_bots_trade(exchange: Exchange, symbol: str) -> None:
    options = ["--url", exchange.url, "--symbol", symbol, "--pause", "0.005", "--quiet"]
    with bot("bot_noise.py", *options, "--orders", "150", "--seed", "7") as noise:
        with bot("bot_noise.py", *options, "--orders", "150", "--account", "ANN") as ann:
            assert noise.wait() == ann.wait() == 0


def cents(price: int) -> str:
    return f"{price / 100:,.2f}".replace("-", "\N{MINUS SIGN}")


def wait_for_text(page: Page, name: str, text: str) -> None:
    page.wait_for_function(
        "([name, text]) => document.getElementById(name).innerText === text", arg=[name, text]
    )


def wait_for_rows(page: Page, name: str, rows: list[list[str]]) -> None:
    """Wait until a table begins with these rows; only their first cells count."""
    try:
        page.wait_for_function(
            f"([id, rows]) => {{ const shown = ({ROWS_OF})(id);"
            " return rows.every((row, y) => row.every((text, x) => shown[y]?.[x] === text)) }",
            arg=[name, rows],
        )
    except Exception:
        assert page.evaluate(ROWS_OF, name)[: len(rows)] == rows
        raise


def levels(rows: list[dict[str, int]]) -> list[tuple[int, int, int]]:
    """Price, shares and orders, best first, of the rows of a book."""
    sizes: dict[int, list[int]] = defaultdict(list)
    for row in rows:
        sizes[row["price"]].append(row["qty"])
    return [(price, sum(each), len(each)) for price, each in sizes.items()]


def check_market(page: Page, exchange: Exchange, symbol: str) -> None:
    """The page shows what the exchange answers, once the market is at rest."""
    stock = f"venues/TESTEX/stocks/{symbol}"
    quote, book = ask(exchange, f"/ob/api/{stock}/quote"), ask(exchange, f"/ob/api/{stock}")
    for side in ("bid", "ask"):
        if side in quote:
            wait_for_text(page, side, cents(quote[side]))
            wait_for_text(page, f"{side}-size", f"× {quote[f'{side}Size']:,}")
    wait_for_text(page, "last-price", cents(quote["last"]))
    if "bid" in quote and "ask" in quote:
        wait_for_text(page, "spread", cents(quote["ask"] - quote["bid"]))
    wait_for_rows(
        page,
        "ladder",
        [
            [
                *(f"{bid[2]}", f"{bid[1]:,}", cents(bid[0])),
                *(cents(ask[0]), f"{ask[1]:,}", f"{ask[2]}"),
            ]
            for bid, ask in zip(levels(book["bids"])[:25], levels(book["asks"])[:25])
        ],
    )


def check_past(page: Page, exchange: Exchange, symbol: str) -> None:
    """The same of trades, candles and scores."""
    stock = f"/api/v1/venues/TESTEX/stocks/{symbol}"
    trades = ask(exchange, f"{stock}/trades?limit=60")["trades"]
    wait_for_text(
        page,
        "trades",
        "\n".join(
            page.evaluate(
                "trades => trades.toReversed().map(t => [t.ts.slice(11, 19),"
                " t.direction === 'buy' ? '▲ buys' : '▼ sells', (t.price / 100).toFixed(2), t.qty]"
                ".join('\\t'))",
                trades,
            )
        ),
    )
    candles = ask(exchange, f"{stock}/candles?span=5m")["candles"]
    wait_for_text(page, "volume", f"{sum(candle['volume'] for candle in candles):,}")
    said = f"from {cents(candles[0]['open'])} to {cents(candles[-1]['close'])}, "
    page.wait_for_selector(f"#chart[aria-label*='{said}']")
    scores = ask(exchange, f"{stock}/scores")["scores"]
    wait_for_rows(page, "scores", [[row["account"], cents(row["nav"])] for row in scores])


@pytest.mark.parametrize("has_tape", [True, False], ids=["tape", "polling"])
@pytest.mark.slow
def test_the_page_follows_bots_and_agrees_with_the_exchange(
    has_tape: bool, exchange: Exchange, open_page: Open
) -> None:
    if not has_tape:
        with running() as without:
            follow_bots(without, open_page, "Live, asking twice a second")
    else:
        follow_bots(exchange, open_page, "Live, listening to the tape")


def follow_bots(exchange: Exchange, open_page: Open, said: str) -> None:
    order(exchange, "BOTS", qty=1)
    page = open_page(exchange, "BOTS")
    wait_for_text(page, "connection", said)
    wait_for_rows(page, "ladder", [["1", "1", "50.00", "", "", ""]])
    blank = page.evaluate("document.getElementById('chart').toDataURL()")
    let_bots_trade(exchange, "BOTS")
    check_market(page, exchange, "BOTS")
    check_past(page, exchange, "BOTS")
    page.wait_for_function(
        "blank => document.getElementById('chart').toDataURL() !== blank", arg=blank
    )
    page.wait_for_selector("#scores polyline[points*=',']", state="attached")
    assert page.locator("#trades tr").count() <= 60
    assert page.title().endswith(" BOTS – disorderBook")


def test_a_page_that_is_opened_late_shows_what_happened_before(
    exchange: Exchange, open_page: Open
) -> None:
    for price in (5000, 5003, 4990):
        trade(exchange, "LATE", price, qty=2000)
    page = open_page(exchange, "LATE", screen="phone")
    check_market(page, exchange, "LATE")
    stock = "/api/v1/venues/TESTEX/stocks/LATE/candles"
    for name, span in (("Everything", "all"), ("30 min", "30m")):
        page.get_by_role("button", name=name).click()
        volume = sum(c["volume"] for c in ask(exchange, f"{stock}?span={span}")["candles"])
        assert volume == 6000
        wait_for_text(page, "volume", "6,000")


def test_the_tape_is_what_the_page_waits_for(exchange: Exchange, open_page: Open) -> None:
    page = open_page(exchange, "QUIET")
    order(exchange, "QUIET", qty=1)
    wait_for_text(page, "connection", "Live, listening to the tape")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with page.expect_response("**/market?*") as heard:
        order(exchange, "QUIET", qty=2)
    assert heard.value.json()["bids"] == [{"price": 5000, "qty": 3, "orders": 2}]
    asked.clear()
    page.wait_for_timeout(1500)
    assert len([url for url in asked if "/market" in url]) <= 2  # twice a second would be 3
    page.set_viewport_size({"width": 1024, "height": 768})
    state, chooser = (page.locator(part).bounding_box() for part in ("#connection", "#venue"))
    assert state is not None and chooser is not None and state["y"] < chooser["y"]


def test_the_direction_is_that_of_the_last_change(exchange: Exchange, open_page: Open) -> None:
    for price in (5100, 5000, 5000):
        trade(exchange, "TURNS", price)
    page = open_page(exchange, "TURNS")
    wait_for_text(page, "last-price", "50.00")
    wait_for_text(page, "arrow", "▼")
    for price, arrow in ((5100, "▲"), (5100, "▲"), (4900, "▼")):
        trade(exchange, "TURNS", price)
        wait_for_text(page, "last-price", cents(price))
        wait_for_text(page, "arrow", arrow)


@pytest.mark.parametrize("has_tape", [True, False], ids=["tape", "polling"])
@pytest.mark.slow
def test_the_page_recovers_when_the_exchange_starts_again(has_tape: bool, open_page: Open) -> None:
    options = ["-w", "--wsport", str(free_port())] if has_tape else []
    with running(*options) as first:
        page = open_page(first)
        trade(first, "FOOBAR", 5000)
        wait_for_text(page, "last-price", "50.00")
    wait_for_text(page, "connection", "The exchange does not answer; trying again…")
    with running("-p", str(first.port), *options) as second:
        page.wait_for_selector("#connection[data-state=live]")
        wait_for_text(page, "last-price", "–")
        assert page.is_visible("#start")
        trade(second, "FOOBAR", 5100)
        check_market(page, second, "FOOBAR")
        check_past(page, second, "FOOBAR")
        said = "listening to the tape" if has_tape else "asking twice a second"
        wait_for_text(page, "connection", f"Live, {said}")


@pytest.mark.slow
def test_every_screen_is_legible_in_the_light_and_in_the_dark(
    exchange: Exchange, open_page: Open
) -> None:
    for price in (5000, 4990, 5010):
        trade(exchange, "LOOKS", price)
        order(exchange, "LOOKS", price=4000)
    traded, empty = open_page(exchange, "LOOKS"), open_page(exchange, "NOTHING")
    wait_for_text(traded, "last-price", "50.10")
    empty.wait_for_selector("#start", state="visible")
    for page, screen, scheme in (  # each with each of the others
        (traded, "phone", "light"),
        (traded, "projector", "dark"),
        (empty, "phone", "dark"),
        (empty, "projector", "light"),
    ):
        set_look(page, screen, scheme)
        check_looks(page, screen, scheme)
        assert page.evaluate("document.getElementById('chart').clientHeight") > 100


def test_an_empty_market_says_what_to_type(exchange: Exchange, open_page: Open) -> None:
    for typed in ("FOOBAR", HOSTILE):
        page = open_page(exchange, typed)
        page.wait_for_selector("#start", state="visible")
        for side in ("buy", "sell"):
            page.click(f"[data-copy=command-{side}]")
            page.wait_for_function(
                "side => document.querySelector(`[data-copy=command-${side}]`).innerText"
                ".startsWith('Copied')",
                arg=side,
            )
            command = page.evaluate("navigator.clipboard.readText()")
            assert command.startswith("curl ") and command == page.inner_text(f"#command-{side}")
            ran = subprocess.run(["bash", "-c", command], capture_output=True, timeout=20)
            assert json.loads(ran.stdout)["symbol"] == typed, ran
        wait_for_text(page, "last-price", "50.00")
        page.wait_for_selector("#start", state="hidden")


def test_on_windows_the_lines_are_for_powershell(exchange: Exchange, open_page: Open) -> None:
    page = open_page(exchange, "WINDOWS")
    page.add_init_script(
        "Object.defineProperty(navigator, 'platform', {get: () => 'Win32'});"
        "Object.defineProperty(navigator, 'userAgentData', {get: () => undefined})"
    )
    page.reload()
    page.wait_for_selector("#start", state="visible")
    command = page.inner_text("#command-buy")
    quoted, url = command.split(" | curl.exe -d '@-' ")
    body = json.loads(quoted[1:-1])
    assert quoted[0] == quoted[-1] == "'" and url.startswith("http://127.0.0.1:")
    assert body["direction"] == "buy" and command.endswith("/stocks/WINDOWS/orders")
    assert page.inner_text("#command-bot").startswith(".venv\\Scripts\\python -m bots ")


@pytest.mark.slow
def test_the_bots_that_it_names_trade(exchange: Exchange, open_page: Open) -> None:
    order(exchange, PRINTABLE, qty=1)
    page = open_page(exchange, PRINTABLE)
    page.wait_for_selector("#start", state="visible")
    command = page.inner_text("#command-bot").replace(".venv/bin/python", 'exec "$0"', 1)
    command += " --orders 3 --seed 7 --quiet"  # of which at least one stays beside what is there
    ran = subprocess.run(
        ["bash", "-c", command, sys.executable],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert ran.returncode == 0, ran
    page.wait_for_function("() => document.getElementById('ladder').rows.length > 1")


def test_a_stock_is_chosen_and_stays_in_the_url(exchange: Exchange, open_page: Open) -> None:
    trade(exchange, "ONE", 1111)
    trade(exchange, "TWO", 2222)
    page = open_page(exchange, "ONE")
    wait_for_text(page, "last-price", "11.11")
    page.select_option("#symbol", "TWO")
    wait_for_text(page, "last-price", "22.22")
    assert page.url.endswith("/?venue=TESTEX&symbol=TWO")
    trade(exchange, "TWO", 3333)
    wait_for_text(page, "last-price", "33.33")
    page.reload()
    wait_for_text(page, "last-price", "33.33")
    page.go_back()
    wait_for_text(page, "last-price", "11.11")
    assert page.input_value("#symbol") == "ONE"


@pytest.mark.parametrize("stretch", [1, 1.6])
def test_the_highest_prices_have_room_beside_the_chart(
    exchange: Exchange, open_page: Open, stretch: float
) -> None:
    """Whatever fonts there are: one that is wider than any stands for those of other machines."""
    symbol = f"HIGH{stretch}"
    trade(exchange, symbol, price=2**31 - 1)
    page = open_page(exchange, symbol, screen="phone", script=NOTE_LABELS % stretch)
    wait_for_text(page, "last-price", "21,474,836.47")
    page.wait_for_selector("#chart[aria-label*='21,474,836.47']")
    page.wait_for_function("() => window.labels['21,474,836.47']")
    left, right = page.evaluate("window.labels['21,474,836.47']")
    width = page.evaluate("document.getElementById('chart').clientWidth")
    assert width / 2 < left < right <= width


def test_by_another_name_it_looks_for_the_tape_behind_a_proxy(
    exchange: Exchange, browser: Browser
) -> None:
    page = browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    with page.expect_websocket() as found:
        page.goto(f"http://market.localhost:{exchange.port}/")
    assert found.value.url.startswith(f"ws://market.localhost:{exchange.port}/ob/api/ws/")
    assert not [text for text in said if "Content Security Policy" in text]
    page.close()


@needs_ipv6
def test_at_the_ipv6_address_it_finds_the_tape(exchange: Exchange, browser: Browser) -> None:
    page = browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"http://[::1]:{exchange.port}/")
    wait_for_text(page, "connection", "Live, listening to the tape")
    assert said == []
    page.close()


def test_names_are_text_whatever_they_say(exchange: Exchange, open_page: Open) -> None:
    order(exchange, HOSTILE + "2", account=HOSTILE)
    order(exchange, HOSTILE + "2", account="BOB", direction="sell")
    page = open_page(exchange, HOSTILE + "2")
    page.wait_for_function("() => document.getElementById('scores').rows.length === 2")
    shown = page.evaluate("[...scores.rows].map(row => row.cells[0].textContent)")
    assert sorted(shown) == sorted([HOSTILE, "BOB"])
    assert page.input_value("#symbol") == HOSTILE + "2"
    assert page.locator("img").count() == 0


def test_all_can_be_reached_with_the_keyboard(exchange: Exchange, open_page: Open) -> None:
    trade(exchange, "KEYS")
    page = open_page(exchange, "KEYS")
    wait_for_text(page, "last-price", "50.00")
    reached = []
    for _ in range(36):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "(e => e.id || e.dataset.span || e.dataset.source || e.pathname"
                " || e.getAttribute('aria-labelledby'))(document.activeElement)"
            )
        )
        if reached[-1] == "all":
            page.keyboard.press("Enter")
            assert page.get_attribute("[data-span=all]", "aria-pressed") == "true"
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid" or reached[-1] is None, reached
    sources = {
        name: [name.removesuffix("-title")] * 2
        for name in ("ladder-title", "trades-title", "scores-title")
    }
    places = [
        "venue",
        "symbol",
        "5m",
        "30m",
        "all",
        *("price", "price", "chart", "mine-account", "mine-mark"),
        *(each for title, own in sources.items() for each in (*own, title)),
        "/accounts/ANN",
        "/accounts/BOB",
    ]
    first = reached.index("venue")
    assert reached[first:][: len(places)] == places
    assert "/levels" in reached[:first] and "/docs" in reached[first:]


def check_lines_with_a_key(page: Page, account: str, key: str) -> None:
    """Once account and key are given they stand in the lines, which then work as they are."""
    page.evaluate(
        "given => given.forEach(([name, value]) => sessionStorage.setItem(name, value))",
        [["account", account], ["key", key]],
    )
    page.reload()
    page.wait_for_function("() => document.getElementById('command-bot').innerText.includes('-m')")
    command = page.inner_text("#command-buy").replace("5000", "4000")
    ran = subprocess.run(["bash", "-c", command], capture_output=True, timeout=20)
    assert json.loads(ran.stdout)["account"] == account, ran
    bots = page.inner_text("#command-bot").replace(".venv/bin/python", 'exec "$0"', 1)
    assert bots.endswith(f" --account={account} --key={key}")
    assert page.is_hidden("#start-keys")
    page.evaluate("sessionStorage.clear()")
    page.reload()


def test_with_keys_the_page_shows_no_holdings(open_page: Open) -> None:
    with running("-a", "accounts.json", "-w", "--wsport", "0") as exchange:
        keys = json.loads((ROOT / "accounts.json").read_text())
        page = open_page(exchange)
        page.wait_for_selector("#start", state="visible")
        assert "YOUR_KEY" in page.inner_text("#command-buy")
        assert "Put your account in for YOUR_ACCOUNT" in page.inner_text("#start")
        check_lines_with_a_key(page, *next(iter(keys.items())))
        for account, direction in zip(keys, ("buy", "sell")):
            body = json.dumps(BUY | {"account": account, "direction": direction}).encode()
            asked = urllib.request.Request(
                f"{exchange.url}venues/TESTEX/stocks/FOOBAR/orders",
                body,
                {"X-Starfighter-Authorization": keys[account]},
            )
            urllib.request.urlopen(asked, timeout=60).close()
        wait_for_text(page, "last-price", "50.00")
        page.wait_for_function("() => document.getElementById('scores').rows.length === 2")
        assert page.locator(".holdings:visible, .scores .wide:visible").count() == 0
        assert [row[3:] for row in scores_shown(page)] == [["", ""]] * 2


def test_with_a_key_the_page_shows_the_holdings_of_its_owner(open_page: Open) -> None:
    with running("-a", "accounts.json") as exchange:
        keys = json.loads((ROOT / "accounts.json").read_text())
        page = open_page(exchange)
        owner, other = list(keys)[:2]
        page.context.add_cookies(
            [
                {
                    "name": "api_key",
                    "value": keys[owner],
                    "url": f"http://127.0.0.1:{exchange.port}/",
                },
            ]
        )
        for account, direction in ((owner, "buy"), (other, "sell")):
            body = json.dumps(BUY | {"account": account, "direction": direction}).encode()
            asked = urllib.request.Request(
                f"{exchange.url}venues/TESTEX/stocks/FOOBAR/orders",
                body,
                {"X-Starfighter-Authorization": keys[account]},
            )
            urllib.request.urlopen(asked, timeout=60).close()
        page.wait_for_function("() => document.getElementById('scores').rows.length === 2")
        qty = str(BUY["qty"])
        assert sorted([row[0], *row[3:]] for row in scores_shown(page)) == sorted(
            [
                [owner, qty, f"0 – {qty}"],
                [other, "", ""],
            ]
        )


def scores_shown(page: Page) -> list[list[str]]:
    """What the cells of the scores say, row by row."""
    rows: list[list[str]] = page.evaluate(
        "[...scores.rows].map(row => [...row.cells].map(cell => cell.textContent))"
    )
    return rows
