"""The page of the admin in a real browser, against a real exchange."""

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import pytest
from browser import Open, check_looks, secured, set_look
from playwright.sync_api import Page
from wsgi import BUY, ORDERS

from disorderbook.in_process import PrivateExchange, serve
from disorderbook.protocol.names import MAX_NAME_LENGTH

KEY = "the ädmin's key"
HOSTILE = 'it\'s <b>"x" & $(id)'
ACCOUNTS = {"ANN": "annkey", "BOB": "bobkey", HOSTILE: "another"}
GIVEN = f"sessionStorage.setItem('admin-key', {json.dumps(KEY)})"
OTHER = {"venue": "ROUND1", "symbol": "AAA"}
TOO_WIDE = """
    [...document.querySelectorAll('.scroll, .panel, tr')]
        .filter(part => part.scrollWidth > part.clientWidth).map(part => part.outerHTML)
"""
ACTION = "[aria-label={}]"


@pytest.fixture(scope="module")
def shared() -> Iterator[PrivateExchange]:
    with serve(accounts=ACCOUNTS, admin_key=KEY, max_books=60) as exchange:
        yield exchange


@pytest.fixture
def exchange(shared: PrivateExchange) -> PrivateExchange:
    """Begun anew for each test, with one order of ANN's and a second venue."""
    shared.control.reset()
    assert order(shared) == 200
    act(shared, "open", **OTHER)
    return shared


def ask(exchange: PrivateExchange, path: str, body: object = None, key: str = KEY) -> Any:
    """The answer, or the status of a refusal."""
    sent = None if body is None else json.dumps(body).encode()
    headers = {"X-Starfighter-Authorization": key.encode().decode("latin-1")}
    asked = urllib.request.Request(exchange.url + path, sent, headers)
    try:
        with urllib.request.urlopen(asked, timeout=20) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as fault:
        return fault.code


def act(exchange: PrivateExchange, action: str, **fields: object) -> Any:
    return ask(exchange, f"/api/v1/admin/{action}", fields)


def state(exchange: PrivateExchange) -> Any:
    return ask(exchange, "/api/v1/admin")


def order(exchange: PrivateExchange, path: str = ORDERS, key: str = "annkey") -> int:
    answer = ask(exchange, path, BUY | {"account": "ANN"}, key)
    return answer if isinstance(answer, int) else 200


def open_admin(open_url: Open, exchange: PrivateExchange, *look: str) -> Page:
    page = open_url(f"{exchange.url}/admin", *look, script=GIVEN)
    page.wait_for_selector("#books tr")
    return page


def press(page: Page, action: str, place: str) -> None:
    """Press a button of a row, as the keyboard does, once the row is drawn as it then stands."""
    settled(page)
    page.get_by_role("button", name=f"{action}: {place}", exact=True).press("Enter")


def agree(page: Page, question: str, answer: str = "#sure-yes") -> None:
    page.wait_for_selector("#sure[open]")
    assert question in page.inner_text("#sure-text")
    page.click(answer)
    page.wait_for_selector("#sure", state="hidden")


def settled(page: Page) -> None:
    """Wait until no button is at work any more."""
    page.wait_for_selector("[aria-busy=true]", state="detached")


@pytest.mark.parametrize("is_encrypted", [True, False])
def test_the_documentation_asks_for_the_key_only_where_a_proxy_takes_it(
    is_encrypted: bool, exchange: PrivateExchange, open_url: Open
) -> None:
    page = open_url(f"{exchange.url}/docs", script=secured(is_encrypted), ready="html.has-script")
    assert page.is_visible("#mine [data-stands-for=YOUR_KEY]")
    for part in (".for-admin", "#mine [data-stands-for=ADMIN_KEY]"):
        assert page.is_visible(part) is is_encrypted


def test_the_admins_key_is_asked_for_and_stays_in_the_tab(
    exchange: PrivateExchange, open_url: Open
) -> None:
    page = open_url(f"{exchange.url}/admin")
    asked: list[str] = []
    page.on("request", lambda sent: "/v1/admin" in sent.url and asked.append(sent.url))
    page.wait_for_selector("#gone-title:text-is('The admin’s key is needed')")
    assert "for a class that is admin.key in its folder" in page.inner_text("#gone-text")
    assert asked == []
    page.fill("#key", "annkey")
    page.press("#key", "Enter")
    page.wait_for_selector("#gone-title:text-is('That is not the admin’s key')")
    page.wait_for_timeout(2500)
    assert asked == [f"{exchange.url}/api/v1/admin"]  # a wrong key is not tried again
    page.fill("#key", KEY)
    page.press("#key", "Enter")
    page.wait_for_selector("#books tr")
    assert page.is_hidden("#gone") and page.url == f"{exchange.url}/admin"
    page.goto(f"{exchange.url}/levels")
    assert page.input_value("#key") == ""  # a player's is another one


PATIENCE = """async () => {
    const asked = [], timeout = AbortSignal.timeout
    AbortSignal.timeout = span => { asked.push(span); return timeout.call(AbortSignal, span) }
    const { send } = await import('/static/requests.js')
    await send('GET', '/api/v1/server')
    await send('POST', '/api/v1/admin/announce', { text: '' })
    return [Math.min(...asked), Math.max(...asked)]
}"""


def test_what_changes_the_market_is_waited_for_longer(
    exchange: PrivateExchange, open_url: Open
) -> None:
    assert open_admin(open_url, exchange).evaluate(PATIENCE) == [5000, 60_000]


def test_stocks_are_halted_resumed_opened_and_frozen(
    exchange: PrivateExchange, open_url: Open
) -> None:
    page = open_admin(open_url, exchange)
    page.fill("#reason", "lunch")
    press(page, "Halt", "FOOBAR at TESTEX")
    page.wait_for_selector("#books .halted small:text-is('Halted: lunch')")
    assert order(exchange) == 403
    press(page, "Resume", "FOOBAR at TESTEX")
    page.wait_for_selector("#books .halted", state="detached")
    assert order(exchange) == 200
    press(page, "Halt all", "ROUND1")
    page.wait_for_selector("#books .halted")
    assert state(exchange)["halts"] == [OTHER | {"reason": "lunch"}]
    press(page, "Resume all", "ROUND1")
    page.wait_for_selector("#books .halted", state="detached")
    page.get_by_role("button", name="Freeze scores of ROUND1").click()
    page.get_by_role("button", name="Reveal scores of ROUND1").wait_for()
    assert state(exchange)["frozen"] == ["ROUND1"]
    page.get_by_role("button", name="Reveal scores of ROUND1").click()
    page.get_by_role("button", name="Freeze scores of ROUND1").wait_for()
    page.fill("#open-venue", "ROUND2")
    page.fill("#open-symbol", HOSTILE)
    page.check("#open-halted")
    page.click("#open button")
    page.wait_for_selector("#books .halted")
    halts = [(halt["venue"], halt["symbol"]) for halt in state(exchange)["halts"]]
    assert halts == [("ROUND2", HOSTILE)]
    page.fill("#reason", "a\u200bb")
    press(page, "Halt", "FOOBAR at TESTEX")
    page.wait_for_selector("#reason-error:has-text('reason is ')")
    page.fill("#open-venue", "A/B")
    page.fill("#open-symbol", "A")
    page.press("#open-symbol", "Enter")
    page.wait_for_selector("#open-venue-error:has-text('venue is \"A/B\"')")
    assert page.evaluate("document.activeElement.id") == "open-venue"
    assert page.is_hidden("#said")


def test_a_stock_is_settled_at_the_price_that_the_question_names(
    exchange: PrivateExchange, open_url: Open
) -> None:
    assert ask(exchange, ORDERS, BUY | {"account": "BOB", "direction": "sell"}, "bobkey")["ok"]
    page = open_admin(open_url, exchange)
    press(page, "Settle", "FOOBAR at TESTEX")
    page.wait_for_selector("#settle[open]")
    question = page.inner_text("#settle-text")
    assert question.startswith("Settle FOOBAR at TESTEX at what a share counts now ($50.00)?")
    page.fill("#price", "12,50")
    page.press("#price", "Enter")
    page.wait_for_selector("#price-error:has-text(': price is \"12,50\"; allowed: ')")
    page.fill("#price", "1,000,000,000")
    page.press("#price", "Enter")
    page.wait_for_selector("#price-error:has-text('Counted in cents, price is 100000000000;')")
    page.click("#settle-no")
    assert state(exchange)["settlements"] == []
    press(page, "Settle", "FOOBAR at TESTEX")
    page.fill("#price", "21,474,836.47")
    assert page.inner_text("#settle-text").startswith("Settle FOOBAR at TESTEX at $21,474,836.47 a")
    page.press("#price", "Enter")
    page.wait_for_selector("#books .settled small:text-is('Settled at $21,474,836.47')")
    place = {"venue": "TESTEX", "symbol": "FOOBAR"}
    assert state(exchange)["settlements"] == [place | {"price": 2**31 - 1}]
    press(page, "Reset", "FOOBAR at TESTEX")
    agree(page, "Begin FOOBAR at TESTEX anew? Its orders, trades and positions", "#sure-no")
    assert state(exchange)["settlements"] != []
    press(page, "Reset", "FOOBAR at TESTEX")
    agree(page, "are lost")
    page.wait_for_selector("#books .settled", state="detached")
    assert state(exchange)["settlements"] == []


def test_orders_are_cancelled_where_it_is_said(exchange: PrivateExchange, open_url: Open) -> None:
    order(exchange, ORDERS.replace("TESTEX", "ROUND1").replace("FOOBAR", "AAA"))
    page = open_admin(open_url, exchange)
    page.fill("#filter", "ann")
    page.wait_for_selector("#accounts-note:text-is('1 of 3')")
    page.select_option("#where", label="in AAA at ROUND1")
    press(page, "Cancel orders", "ANN")
    agree(page, "Cancel all open orders of “ANN” in AAA at ROUND1?", "#sure-no")
    settled(page)
    assert page.text_content("#done") == ""
    press(page, "Cancel orders", "ANN")
    agree(page, "They do not come back.")
    page.wait_for_selector("#done:text-is('1 order of “ANN” cancelled.')")
    assert ask(exchange, f"{ORDERS}/0", key="annkey")["open"]
    page.select_option("#where", label="of all venues")
    press(page, "Cancel orders", "ANN")
    agree(page, "of all venues")
    settled(page)
    assert not ask(exchange, f"{ORDERS}/0", key="annkey")["open"]


def test_accounts_come_go_and_get_keys_whose_cards_work(
    exchange: PrivateExchange, open_url: Open
) -> None:
    page = open_admin(open_url, exchange)
    press(page, "Expel", HOSTILE)
    agree(page, f"Expel “{HOSTILE}”?")
    page.wait_for_selector("#accounts tr:nth-child(3)", state="detached")
    assert state(exchange)["accounts"] == ["ANN", "BOB"]
    page.fill("#filter", HOSTILE)
    page.press("#filter", "Enter")
    page.wait_for_selector("#card[open]")
    assert page.inner_text("#card-title") == HOSTILE
    check_card(page, exchange)
    old = page.inner_text("#card-key")
    assert page.is_hidden("#card-trust")
    page.fill("#card-url", "https://192.0.2.7:8443/")
    trusting = page.inner_text("#card-trust").splitlines()
    assert trusting[0] == "curl -k -o class.pem https://192.0.2.7:8443/class.pem"
    assert trusting[2] == 'export CURL_CA_BUNDLE="$PWD/class.pem"'
    page.emulate_media(media="print")
    assert page.is_visible("#card-key") and page.is_hidden("#card-url, .top, main")
    page.emulate_media(media="screen")
    page.click("#card-close")
    page.wait_for_selector("#card-key:empty", state="attached")
    press(page, "New key", HOSTILE)
    agree(page, f"Give “{HOSTILE}” a new key?")
    page.wait_for_selector("#card[open]")
    assert page.inner_text("#card-key") != old
    page.click("#card-close")
    page.fill("#filter", "ANN")
    page.click("#add-button")
    page.wait_for_selector("#filter-error:has-text('account is \"ANN\"; allowed: ')")


def check_card(page: Page, exchange: PrivateExchange) -> None:
    """Its lines place orders as they stand there, and its address is whatever is written."""
    line = page.inner_text("#card-curl")
    ended = subprocess.run(["sh", "-c", f"{line} --silent"], capture_output=True, timeout=20)
    assert json.loads(ended.stdout)["account"] == HOSTILE, ended
    printed = StringIO()
    with redirect_stdout(printed):
        exec(page.inner_text("#card-python"), {})
    assert "account=" in printed.getvalue() and "open=True" in printed.getvalue()
    page.fill("#card-url", "http://class.example/")
    page.wait_for_selector("#card-page:has-text('http://class.example/accounts/')")
    assert exchange.url not in page.inner_text("#card article")


def test_everybody_is_told(exchange: PrivateExchange, open_url: Open) -> None:
    page = open_admin(open_url, exchange)
    page.fill("#text", HOSTILE)
    page.click("#announce .main")
    page.wait_for_selector("#notice-text:not(:empty)")
    assert page.inner_text("#notice-text") == HOSTILE
    page.fill("#minutes", "99999")
    page.fill("#caption", "Round 1 ends in")
    page.press("#minutes", "Enter")
    page.wait_for_selector("#minutes-error:has-text('Counted in seconds, seconds is 5999940;')")
    page.fill("#minutes", "2.5")
    page.press("#minutes", "Enter")
    page.wait_for_selector("[role=timer]:text-matches('^2:[0-3]')")
    page.click("#silence")
    page.click("#end")
    page.wait_for_selector("#notice-text:empty", state="attached")
    page.wait_for_selector("[role=timer]", state="detached")
    done = [row.split("\n")[0] for row in page.locator("#actions tr").all_inner_texts()]
    assert done[:4] == ["countdown", "announce", "countdown", "announce"]
    assert done[4:5] == ["open AAA ROUND1"]


def test_without_keys_any_name_is_an_account(open_url: Open) -> None:
    with serve(admin_key=KEY) as exchange:
        order(exchange)
        page = open_admin(open_url, exchange)
        page.wait_for_selector("#accounts .empty:has-text('Write the name')")
        page.fill("#filter", "ANN")
        page.press("#filter", "Enter")
        assert page.is_hidden("#add-button")
        assert page.locator("#accounts button:visible").all_inner_texts() == ["Cancel orders…"]
        press(page, "Cancel orders", "ANN")
        agree(page, "Cancel all open orders of “ANN” of all venues?")
        page.wait_for_selector("#done:text-is('1 order of “ANN” cancelled.')")


@pytest.mark.slow
def test_every_screen_is_legible_with_200_accounts_and_50_stocks(open_url: Open) -> None:
    longest = "W" * MAX_NAME_LENGTH
    accounts = {longest: "w"} | {f"student{number}": f"key{number}" for number in range(199)}
    with serve(accounts=accounts, admin_key=KEY, max_books=60) as exchange:
        for number in range(49):
            act(exchange, "open", venue="ROUND1", symbol=f"STOCK{number}", halted=number == 3)
        act(exchange, "open", venue=longest, symbol="M" * MAX_NAME_LENGTH)
        act(exchange, "halt", venue=longest, reason="W" * 200)
        act(exchange, "settle", venue="ROUND1", symbol="STOCK4", price=2**31 - 1)
        act(exchange, "announce", text="W" * 200)
        page = open_admin(open_url, exchange, "phone", "dark")
        assert page.locator("#accounts tr").count() == 200
        for screen in ("desktop", "phone"):
            set_look(page, screen, "dark")
            assert page.evaluate(TOO_WIDE) == []
        page.fill("#filter", "w")  # axe would look at each of the others
        page.wait_for_selector("#accounts-note:text-is('1 of 200')")
        check_looks(page, "phone", "dark")
        set_look(page, "desktop", "light")
        press(page, "Settle all", longest)
        page.wait_for_selector("#settle[open]")
        check_looks(page, "desktop", "light")
        set_look(page, "phone", "light")
        assert page.evaluate("settle.scrollWidth <= settle.clientWidth")
