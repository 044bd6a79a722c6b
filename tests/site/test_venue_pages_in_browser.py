"""The pages of all venues, and of all stocks of one, in a real browser against a real exchange."""

import json
import urllib.request
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from browser import Open, check_looks, set_look

from disorderbook.in_process import PrivateExchange, serve
from disorderbook.protocol.names import MAX_NAME_LENGTH, MAX_PRICE, MAX_QUANTITY

HOSTILE = ("<img src=x onerror=alert(1)>", "\u202e\u0634\u0631\u0643\u0629", "W" * MAX_NAME_LENGTH)
STOCKS = ("FOOBAR", *(f"STOCK{number}" for number in range(46)), *HOSTILE)


@pytest.fixture(scope="module")
def exchange() -> Iterator[PrivateExchange]:
    with serve(max_books=200) as exchange:
        for symbol in STOCKS[1:]:
            order(exchange, symbol, "sell", 5000, 10)
            order(exchange, symbol, "buy", 5000, 4)
        order(exchange, "STOCK0", "buy", MAX_PRICE, MAX_QUANTITY)
        order(exchange, "STOCK0", "sell", MAX_PRICE, MAX_QUANTITY)
        order(exchange, "STOCK1", "buy", 4900, 7)
        yield exchange


def order(
    exchange: PrivateExchange,
    symbol: str,
    direction: str,
    price: int,
    qty: int,
    venue: str = "TESTEX",
) -> None:
    fields = {"account": "ANN", "orderType": "limit"}
    body = json.dumps(fields | {"direction": direction, "price": price, "qty": qty}).encode()
    url = f"{exchange.url}/ob/api/venues/{venue}/stocks/{quote(symbol, safe='')}/orders"
    urllib.request.urlopen(url, body, timeout=60).close()


def test_fifty_stocks_are_seen_with_what_they_are_at(
    exchange: PrivateExchange, open_url: Open
) -> None:
    asked: list[str] = []
    page = open_url(f"{exchange.url}/venues/TESTEX", "projector")
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_function("() => document.querySelectorAll('a.book').length === 50")
    assert page.locator(".symbol").all_text_contents() == list(STOCKS)
    texts = page.locator("a.book").nth(2).locator(".line > span").all_text_contents()
    assert texts == [
        "STOCK1",
        "",
        "50.00",
        "= 0.00 %",
        "",
        "Bid 49.00",
        "Ask 50.00",
        "4 shares traded",
    ]
    texts = page.locator("a.book").nth(1).locator(".line > span").all_text_contents()
    assert texts[2:4] == [f"{MAX_PRICE // 100:,}.{MAX_PRICE % 100}", "▲ +over 9,999 %"]
    drawn = page.locator("a.book >> nth=1 >> .sparkline polyline >> nth=1").get_attribute("points")
    assert drawn is not None
    heights = [float(point.split(",")[1]) for point in drawn.split()]
    assert heights[0] > heights[-1]  # it rises, as the change is told from its first trade
    assert page.locator("a.book .last").first.text_content() == "no trades yet"
    link = page.get_attribute("a.book >> nth=47", "href")
    assert link == "/?venue=TESTEX&symbol=%3Cimg+src%3Dx+onerror%3Dalert%281%29%3E"
    check_looks(page, "projector", "light")
    set_look(page, "phone", "dark")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    cut = page.evaluate("""[...document.querySelectorAll('.line > :not(.symbol, .drawing)')]
        .filter(one => one.scrollWidth > one.clientWidth).map(one => one.className)""")
    assert cut in ([], ["volume"])  # that of STOCK0

    page.click("[data-span='all']")
    page.wait_for_timeout(100)
    assert [url for url in asked if "overview" in url][-1].endswith("?span=all&skip=0&limit=100")
    assert not [url for url in asked if "/stocks/" in url]


def test_a_venue_of_more_stocks_is_seen_in_parts(exchange: PrivateExchange, open_url: Open) -> None:
    for number in range(105):
        order(exchange, f"S{number}", "buy", 1, 1, venue="MANY")
    page = open_url(f"{exchange.url}/venues/MANY")
    page.wait_for_selector("#part:text-is('1–100 of 105')")
    page.click("#later")
    page.wait_for_selector("#part:text-is('101–105 of 105')")
    assert page.locator(".symbol").all_text_contents() == [f"S{n}" for n in range(100, 105)]
    assert page.is_disabled("#later")
    page.goto(f"{exchange.url}/venues")
    page.wait_for_selector("#count:text-is('2')")
    names = page.locator(".place-card").nth(1).locator("a").all_text_contents()
    assert names == ["MANY", *(f"S{number}" for number in range(12)), "93 more"]
    check_looks(page, "desktop", "light")
    page.click("text='93 more'")
    page.wait_for_selector("#venue-name:text-is('MANY')")
    page.goto(f"{exchange.url}/venues/NOWHERE")
    page.wait_for_selector(
        "#nothing:text-is('Venue NOWHERE does not exist (create it by using it)')"
    )
