"""The pages of the levels in a real browser, against a real exchange."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.error import HTTPError

import pytest
from browser import Open, check_looks
from playwright.sync_api import Page, Route

from disorderbook.in_process import PrivateExchange, serve

DAY_SECONDS = 0.3
KEY_HEADER = "X-Starfighter-Authorization"
STARTED: list[tuple[int, str]] = []  # instances that a test has made, and the key of each


@pytest.fixture(scope="module")
def exchange() -> Iterator[PrivateExchange]:
    """Each test plays with a key of its own, so all may play at once."""
    with serve(websockets=True, extra=False, day_seconds=DAY_SECONDS, seed=1) as exchange:
        yield exchange


@pytest.fixture(autouse=True)
def stopped(exchange: PrivateExchange) -> Iterator[None]:
    """No instance goes on after its test: its bots would trade through all the others."""
    yield
    while STARTED:
        number, key = STARTED.pop()
        with suppress(HTTPError):  # it is over already
            ask(exchange, f"/gm/instances/{number}/stop", key, "POST")


def ask(exchange: PrivateExchange, path: str, key: str, method: str = "GET") -> Any:
    asked = urllib.request.Request(
        exchange.url + path, headers={KEY_HEADER: key.encode()}, method=method
    )
    with urllib.request.urlopen(asked, timeout=20) as answer:
        return json.load(answer)


def given(key: str) -> str:
    """What a tab stores when its reader has put a key in."""
    return f"sessionStorage.setItem('key', {json.dumps(key)})"


def play(open_url: Open, exchange: PrivateExchange, level: str, key: str, **look: str) -> Page:
    """The page of an instance that has been started by a program."""
    number = ask(exchange, f"/gm/levels/{level}", key, "POST")["instanceId"]
    STARTED.append((number, key))
    page = open_url(f"{exchange.url}/levels/{number}", script=given(key), **look)
    page.wait_for_selector("#send:not(:empty)")
    return page


def order(page: Page, quantity: str, price: str | None = None) -> None:
    page.select_option("#orderType", "market" if price is None else "limit")
    page.fill("#qty", quantity)
    if price is not None:
        page.fill("#price", price)
    page.keyboard.press("Enter")


def day(page: Page) -> int:
    return int(page.inner_text("#calendar strong").split()[0])


def test_the_first_level_is_won_by_clicking(exchange: PrivateExchange, open_url: Open) -> None:
    page = open_url(f"{exchange.url}/levels")
    origins = []
    page.on(
        "request",
        lambda sent: sent.method == "POST" and origins.append(sent.all_headers().get("origin")),
    )
    page.fill("#key", "clicker")
    page.click("#key-form button")
    page.click("#first_steps [data-do=start]")
    page.click("#send:has-text('Buy 100 at the market')")
    page.wait_for_selector("#ticket-said:not(:empty)")
    while not page.inner_text("#ticket-said").startswith("Bought 100 of 100 at $"):
        page.click("#send")  # in the middle of a burst there may be less for sale
        page.wait_for_selector("#ticket-said:not(:empty)")
    page.wait_for_selector("#verdict h2:has-text('Won on day')")
    told = page.inner_text("#flash[data-kind=success]")
    rows = page.locator("#fills tr").all_inner_texts()
    bought = sum(int(row.split("\t")[3]) for row in rows)
    assert told.startswith(f"You own {bought} shares.")
    assert page.inner_text("#bought strong") == f"{bought} of 100"
    assert len(origins) >= 2 and set(origins) == {exchange.url}
    page.click("a:has-text('Levels')")
    page.wait_for_selector("#first_steps .state:has-text('Won')")
    assert "won on day" in page.inner_text("#first_steps .best")
    assert page.locator("#results tr td.won").count() == 1
    days_needed = ask(exchange, "/api/v1/results", "clicker")["results"][0]["days"]
    page.go_back()
    page.wait_for_selector(f"#verdict h2:text-is('Won on day {days_needed}')")


def test_a_refusal_stands_beside_its_field(exchange: PrivateExchange, open_url: Open) -> None:
    page = play(open_url, exchange, "sell_side", "refused")
    order(page, "-5")
    sentence = "Illegal value (usually a non-positive number)"
    page.wait_for_selector(f"#qty-error:has-text('{sentence}: qty is -5; allowed: ')")
    assert page.get_attribute("#qty", "aria-invalid") == "true"
    order(page, "5", "4x")
    page.wait_for_selector("#price-error:has-text('price is \"4x\"; allowed: ')")
    assert page.inner_text("#qty-error") == "" and page.evaluate("document.activeElement.id") == (
        "price"
    )
    for text in ("0,07", "1,0000", "1e2", "0x10", "Infinity", "1,000,00"):
        order(page, "5", text)
        page.wait_for_selector(f"#price-error:has-text('price is \"{text}\"; allowed: ')")
    order(page, "5", "1.005")
    page.wait_for_selector("#price-error:has-text('Counted in cents, price is 100.5; allowed: ')")
    assert page.locator("#orders button").count() == 0
    order(page, "5", "1,000,000,000")
    page.wait_for_selector("#price-error:has-text('price is 100000000000; allowed: ')")
    order(page, "5", "0.07")
    page.wait_for_selector("#ticket-said:text-is('The order waits in the book.')")
    assert page.inner_text("#price-error") == ""


def test_own_orders_are_marked_and_can_be_cancelled(
    exchange: PrivateExchange, open_url: Open
) -> None:
    page = play(open_url, exchange, "sell_side", "orders")
    for quantity in ("3", "4"):
        order(page, quantity, "1.00")
        page.wait_for_selector(f"#orders td:text-is('{quantity} of {quantity}')")
    page.fill("#qty", "5")
    page.focus("#send")
    page.evaluate("send.click(); send.click()")  # a double click places one order
    page.click("[aria-label='Cancel the order to buy 5 shares at 1.00']")
    page.wait_for_selector("#orders td:text-is('5 of 5')", state="detached")
    assert page.evaluate("document.activeElement.querySelector('#orders') !== null")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Cancel"
    said = "of them are yours, first in the queue"
    page.wait_for_selector(f"#ladder .own.buy[title='7 {said}']:text-is('1.00')")
    page.click("[aria-label='Cancel the order to buy 3 shares at 1.00']")
    page.wait_for_selector(f"#ladder .own[title='4 {said}']")
    page.click("[aria-label='Cancel the order to buy 4 shares at 1.00']")
    page.wait_for_selector("#orders td:text-is('No order is open.')")
    page.wait_for_selector("#ladder .own", state="detached")


def test_a_cancel_is_of_the_order_beside_which_it_stood(
    exchange: PrivateExchange, open_url: Open
) -> None:
    page = play(open_url, exchange, "sell_side", "changing")
    listings: list[str] = []
    page.on("request", lambda sent: "/orders?" in sent.url and listings.append(sent.url))
    for quantity in ("3", "4", "5"):
        order(page, quantity, "1.00")
        page.wait_for_selector(f"#orders td:text-is('{quantity} of {quantity}')")
    button = page.query_selector("[aria-label='Cancel the order to buy 4 shares at 1.00']")
    assert button is not None
    button.focus()
    page.click("[aria-label='Cancel the order to buy 5 shares at 1.00']")  # the rows below move up
    page.wait_for_selector("#orders td:text-is('5 of 5')", state="detached")
    order(page, "6", "1.00")  # they move down
    page.wait_for_selector("#orders td:text-is('6 of 6')")
    button.evaluate("button => button.click()")
    page.wait_for_selector("#orders td:text-is('4 of 4')", state="detached")
    left = page.locator("#orders td:nth-child(3)").all_inner_texts()
    assert left == ["6 of 6", "3 of 3"]
    button.evaluate("button => button.click()")  # its row is gone, and its order closed
    page.click("[aria-label='Cancel the order to buy 6 shares at 1.00']")
    page.wait_for_selector("#orders td:text-is('6 of 6')", state="detached")
    assert page.locator("#orders td:nth-child(3)").all_inner_texts() == ["3 of 3"]
    assert listings and all("open=true" in url and "limit=" in url for url in listings)


@pytest.mark.parametrize("asked", ["**/market?*", "**/trades?*", "**/orders?*"])
def test_a_venue_that_is_closed_while_it_is_looked_at_is_not_the_end(
    asked: str, exchange: PrivateExchange, open_url: Open
) -> None:
    page = play(open_url, exchange, "sell_side", asked)
    closed: list[str] = []

    def close(route: Route) -> None:
        closed.append(route.request.url)
        route.fulfill(status=404, json={"ok": False, "error": "Venue NONE is closed"})

    page.route(asked, close)
    for _ in range(3):
        with page.expect_request(asked):
            pass
    page.unroute(asked)
    with page.expect_response(asked):
        pass
    assert len(closed) >= 2 and page.is_hidden("#gone")
    page.wait_for_selector("#connection[data-state=live]")


def test_the_clock_stands_still_and_goes_a_day_further(
    exchange: PrivateExchange, open_url: Open
) -> None:
    page = play(open_url, exchange, "first_steps", "clock")
    assert page.is_hidden("#assisted")
    page.click("#pause")
    page.wait_for_selector("#state:text-is('Open, paused')")
    before = day(page)
    page.click("#advance")
    page.wait_for_selector(f"#calendar strong:text-is('{before + 1} of 499')")
    page.wait_for_selector("#assisted", state="visible")
    page.wait_for_timeout(3000 * DAY_SECONDS)
    assert day(page) == before + 1
    page.click("#pause:text-is('Go on')")
    page.wait_for_selector("#state:text-is('Open')")


def test_an_accusation_is_asked_for_twice_and_a_level_can_be_played_again(
    exchange: PrivateExchange, open_url: Open
) -> None:
    page = play(open_url, exchange, "making_amends", "accuser")
    page.fill("#account", "NOBODY")
    page.click("#accuse")
    page.click("#sure-no")
    assert page.inner_text("#state") == "Open"
    page.click("#accuse")
    page.click("#sure-yes:text-is('Accuse NOBODY')")
    page.wait_for_selector("#verdict h2:has-text('Lost on day')")
    assert page.is_hidden("#judge")
    place = page.inner_text("#place")
    page.fill("#seed", "-3")
    page.click("#again-same")
    page.wait_for_selector("#seed-error:has-text('seed is -3; allowed: ')")
    page.fill("#seed", "77")
    page.click("#again-same")
    page.wait_for_selector("#verdict", state="hidden")
    page.wait_for_selector("#judge", state="visible")
    assert page.inner_text("#place") != place
    page.click("#stop")
    page.click("#sure-yes")
    page.wait_for_selector("#making_amends .best:has-text('lost on day')")


def test_another_key_is_another_player(exchange: PrivateExchange, open_url: Open) -> None:
    page = play(open_url, exchange, "first_steps", "o\N{LATIN SMALL LETTER SHARP S}e")
    assert "two browsers share an instance" in open_url(f"{exchange.url}/levels").inner_text(
        "#key-note"
    )
    page.fill("#key", "another")
    page.click("#key-form button")
    page.wait_for_selector("#gone-title:text-is('Somebody else plays this')")
    page.fill("#key", "o\N{LATIN SMALL LETTER SHARP S}e")
    page.click("#key-form button")
    page.wait_for_selector("#gone", state="hidden")


# Another key is given between two questions of one look.
CHANGE_KEY = """() => {
  const known = window.fetch
  window.fetch = (path, options) => {
    if (!path.includes('/history')) return known(path, options)
    window.fetch = known
    sessionStorage.setItem('key', 'another')
    return known(path, { ...options, headers: { 'X-Starfighter-Authorization': 'another' } })
  }
}"""


def test_a_key_that_is_given_amid_a_look_is_no_fault(
    exchange: PrivateExchange, open_url: Open
) -> None:
    page = play(open_url, exchange, "first_steps", "one")
    page.evaluate(CHANGE_KEY)
    page.wait_for_selector("#gone-title:text-is('Somebody else plays this')")


def test_without_the_tape_the_last_level_says_what_it_needs(open_url: Open) -> None:
    with serve() as exchange:
        page = open_url(f"{exchange.url}/levels")
        card = page.locator("#making_amends")
        card.get_by_text("disorderbook --websockets").wait_for()
        assert card.locator("[data-do=start]").is_disabled()
        assert "websockets" in card.locator(".missing p").inner_text()
        assert page.locator(".card:has(.missing:visible)").count() == 1


def test_a_missing_or_wrong_key_is_said_in_sight(open_url: Open) -> None:
    with serve(accounts={"ANN": "annkey"}) as exchange:
        page = open_url(f"{exchange.url}/levels", "phone")
        start = page.locator("#irrational_exuberance [data-do=start]")
        for key, said in (
            ("", "This needs a key: put yours in first."),
            ("another", "The key that you have put in may not do this."),
        ):
            page.fill("#key", key)
            page.click("#key-form button")
            start.click()
            page.wait_for_selector(f"#said:text-is('{said}')")
            page.wait_for_function(
                "() => document.querySelector('#said').getBoundingClientRect().top >= 0"
            )


@pytest.mark.parametrize("screen, scheme", [("phone", "dark"), ("projector", "light")])
@pytest.mark.slow
def test_every_screen_is_legible(
    screen: str, scheme: str, exchange: PrivateExchange, open_url: Open
) -> None:
    page = play(open_url, exchange, "chock_a_block", "looks", screen=screen, scheme=scheme)
    order(page, "60", "1.00")
    page.wait_for_selector("#orders button")
    while page.locator("#average:has-text('the target is')").count() == 0:
        order(page, "50")  # in the midst of a burst there may be nothing for sale
        page.wait_for_timeout(500)
    check_looks(page, screen, scheme)
    page.click("#stop")
    check_looks(page, screen, scheme)
    page.click("#sure-yes")
    page.wait_for_selector(".card")
    check_looks(page, screen, scheme)
