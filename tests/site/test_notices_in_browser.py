"""What every page tells everybody, in a real browser."""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from browser import Open, check_looks, set_look
from playwright.sync_api import Page, Route

from disorderbook.in_process import PrivateExchange, serve

KEY = "adminkey"
HOSTILE = "<img src=x onerror=alert(1)>"
LONGEST = f"{HOSTILE} {'W' * 200} " + "Round 2 begins at ten past three, and nobody leaves. " * 20
PLACE = {"venue": "TESTEX", "symbol": "FOOBAR"}
SEEN_AGAIN = "document.dispatchEvent(new Event('visibilitychange'))"  # and so it asks at once
HEIGHT = "document.querySelector('.notices').getBoundingClientRect().height"


@pytest.fixture(scope="module")
def exchange() -> Iterator[PrivateExchange]:
    with serve(control=True, clock="stepped", admin_key=KEY) as exchange:
        yield exchange


def act(exchange: PrivateExchange, action: str, **fields: object) -> None:
    url, body = f"{exchange.url}/api/v1/admin/{action}", json.dumps(fields).encode()
    asked = urllib.request.Request(url, body, {"X-Starfighter-Authorization": KEY})
    urllib.request.urlopen(asked, timeout=20).close()


def tell(page: Page, **told: Any) -> list[str]:
    """Have a page be told these notices from now on; the list gets an entry for each question."""
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(json={"ok": True, "halts": [], "settlements": []} | told)

    page.unroute("**/api/v1/notices")
    page.route("**/api/v1/notices", answer)
    page.evaluate(SEEN_AGAIN)
    return asked


def text(page: Page, name: str) -> str:
    return page.inner_text(f"#notice-{name}")


def test_they_are_text_and_take_up_room_only_while_there_are_any(
    exchange: PrivateExchange, open_url: Open
) -> None:
    page = open_url(exchange.url + "/levels")
    assert page.evaluate(HEIGHT) == 0
    tell(page, announcement={"text": HOSTILE, "ts": ""}, halts=[PLACE | {"reason": "lunch"}])
    page.wait_for_selector("[role=status] > #notice-text:not(:empty)")
    assert text(page, "text") == HOSTILE
    assert text(page, "state") == ""  # this page is about no stock
    tell(page)
    page.wait_for_selector("#notice-text:empty", state="attached")
    assert page.evaluate(HEIGHT) == 0


@pytest.mark.parametrize(
    ("origin", "hidden"),
    [
        ("", []),
        ("http://class.example", ["Control", "Admin"]),
        ("http://127.evil.example", ["Control", "Admin"]),
        ("https://class.example", ["Control"]),
    ],
)
def test_no_page_leads_to_what_a_proxy_does_not_pass_on(
    exchange: PrivateExchange, open_url: Open, origin: str, hidden: list[str]
) -> None:
    page = open_url(exchange.url + "/levels")
    for pattern in (f"{origin}/**",) if origin else ():
        page.route(
            pattern,
            lambda route: route.fulfill(
                response=route.fetch(url=route.request.url.replace(origin, exchange.url))
            ),
        )
    for path in ("/levels", "/ob/api/"):
        page.goto((origin or exchange.url) + path)
        page.wait_for_selector(".places a")
        links = page.locator(".places a").all()
        assert [link.text_content() for link in links if not link.is_visible()] == hidden


def test_a_stock_is_halted_or_settled_where_it_is_looked_at(
    exchange: PrivateExchange, open_url: Open
) -> None:
    act(exchange, "halt", **PLACE, reason=HOSTILE)
    act(exchange, "open", venue="TESTEX", symbol="OTHER")
    act(exchange, "settle", venue="TESTEX", symbol="OTHER", price=2**31 - 1)
    page = open_url(exchange.url + "/")
    page.wait_for_selector("[role=alert] > #notice-state[data-kind=halted]")
    assert text(page, "state") == f"Trading is halted: {HOSTILE}"
    page.select_option("#symbol", "OTHER")
    page.wait_for_selector("#notice-state[data-kind=settled]")
    assert text(page, "state").startswith("Settled at $21,474,836.47 Trading is over")
    page.goto(f"{exchange.url}/?venue=ELSE&symbol=FOOBAR")
    page.wait_for_selector("#connection[data-state=live]")
    assert text(page, "state") == ""
    exchange.control.reset()


@pytest.mark.parametrize("clock, least, most", [("speed", 3565, 3653), ("stepped", 3665, 3665)])
def test_a_countdown_goes_on_as_the_exchanges_clock_does(
    clock: str, least: int, most: int, exchange: PrivateExchange, open_url: Open
) -> None:
    page = open_with_clock(open_url, exchange)
    clocks: list[str] = []

    def answer(route: Route) -> None:
        clocks.append(route.request.url)
        route.fulfill(json={"ok": True, "clock": clock, "speed": 4, "ts": ""})

    page.route("**/api/v1/clock", answer)
    tell(page, countdown={"text": "Round 1 ends in", "endsAt": "a", "seconds": 3665})
    page.wait_for_selector("#notice-time [role=timer]")
    page.route("**/api/v1/notices", lambda route: None)  # no answer, and so it counts alone
    page.clock.run_for(4000)
    hours, minutes, seconds = map(int, page.inner_text("[role=timer]").split(":"))
    left = hours * 3600 + minutes * 60 + seconds
    assert least <= left <= most
    assert text(page, "left") == "" and len(clocks) == 1


def test_a_countdown_is_read_out_now_and_then(exchange: PrivateExchange, open_url: Open) -> None:
    page = open_url(exchange.url + "/levels")
    for seconds, said in ((60, "Ends in 1 minute left"), (50, ""), (10, "Ends in 10 seconds left")):
        tell(page, countdown={"text": "Ends in", "endsAt": said, "seconds": seconds})
        page.wait_for_selector(f"[role=timer]:text-is('{seconds // 60}:{seconds % 60:02}')")
        assert page.text_content("#notice-left[role=status]") == said


def open_with_clock(open_url: Open, exchange: PrivateExchange) -> Page:
    """A page whose timers go as the test says."""
    page = open_url(exchange.url + "/levels")
    page.clock.install()
    page.reload()
    page.wait_for_selector("#cards li")
    return page


def test_a_tab_that_is_not_seen_asks_nothing_and_then_once(
    exchange: PrivateExchange, open_url: Open
) -> None:
    page = open_with_clock(open_url, exchange)
    hidden = "Object.defineProperty(document, 'hidden', { configurable: true, get: () => %s })"
    page.evaluate(f"{hidden % 'true'}; {SEEN_AGAIN}")
    asked = tell(page, announcement={"text": "Welcome", "ts": ""})
    page.clock.run_for(20_000)
    assert asked == []
    page.evaluate(f"{hidden % 'false'}; {SEEN_AGAIN}; {SEEN_AGAIN}")
    page.wait_for_selector("#notice-text:text-is('Welcome')")
    assert asked == [f"{exchange.url}/api/v1/notices"]


@pytest.mark.slow
def test_the_longest_wraps_on_every_screen(exchange: PrivateExchange, open_url: Open) -> None:
    page = open_url(exchange.url + "/")
    counts = {"text": LONGEST[:255], "endsAt": "a", "seconds": 86400}
    long = {"text": LONGEST, "ts": ""}
    tell(page, announcement=long, countdown=counts, halts=[PLACE | {"reason": "W" * 255}])
    page.wait_for_selector("#notice-text:not(:empty)")
    for screen, scheme in (("phone", "dark"), ("projector", "light")):
        set_look(page, screen, scheme)
        check_looks(page, screen, scheme)
