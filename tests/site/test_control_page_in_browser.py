"""The page of control in a real browser, against a real exchange."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from browser import Open, check_looks, set_look
from msgspec import UNSET
from playwright.sync_api import Page, Route
from wsgi import BUY, ORDERS

from disorderbook.in_process import PrivateExchange, serve
from disorderbook.protocol.names import MAX_NAME_LENGTH

TOO_WIDE = """
    [...document.querySelectorAll('.scroll')]
        .filter(part => part.scrollWidth > part.clientWidth).map(part => part.outerHTML)
"""


CUT_OFF = """
    [...document.querySelectorAll('.controls .panel:not([hidden])')]
        .filter(part => part.scrollHeight > part.clientHeight).map(part => part.outerHTML)
"""


@pytest.fixture(scope="module")
def shared() -> Iterator[PrivateExchange]:
    with serve(control=True, clock="stepped") as exchange:
        yield exchange


@pytest.fixture
def exchange(shared: PrivateExchange) -> PrivateExchange:
    """Begun anew for each test, with one order and one that was refused."""
    shared.control.reset()
    order(shared)
    order(shared, account="BOB", qty=-1)
    return shared


def order(exchange: PrivateExchange, path: str = ORDERS, **changes: object) -> int:
    return ask(exchange, path, BUY | changes)


def ask(exchange: PrivateExchange, path: str, body: Any = None) -> int:
    sent = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(exchange.url + path, sent, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as fault:
        return fault.code


def rows_of(page: Page, table: str = "journal") -> list[list[str]]:
    return page.evaluate(  # type: ignore[no-any-return]
        "id => [...document.getElementById(id).rows].map(row => [...row.cells].map(cell =>"
        " cell.textContent))",
        table,
    )


def wait_for_numbers(page: Page, *numbers: int) -> None:
    page.wait_for_function(
        "numbers => [...document.querySelectorAll('#journal td.number')].map(cell =>"
        " cell.textContent).join() === numbers",
        arg=",".join(map(str, numbers)),
    )


def test_it_shows_what_clients_ask_while_they_do(exchange: PrivateExchange, open_url: Open) -> None:
    page = open_url(f"{exchange.url}/control")
    wait_for_numbers(page, 2, 1)
    refused, placed = rows_of(page)
    assert placed[2:] == ["ANN", "200", f"POST {ORDERS}"]
    assert refused[2:4] == ["BOB", "400"]
    assert refused[4].startswith(f"POST {ORDERS}Illegal value (usually a non-positive number) qty")
    ask(exchange, "/nowhere")
    order(exchange)
    wait_for_numbers(page, 4, 3, 2, 1)
    page.click("[data-status=refused]")
    wait_for_numbers(page, 3, 2)
    order(exchange, qty=0)
    order(exchange)
    wait_for_numbers(page, 5, 3, 2)
    page.fill("#account", "BOB")
    page.press("#account", "Enter")
    wait_for_numbers(page, 2)
    page.click("[data-source=journal][data-as=json]")
    page.wait_for_function(
        "() => document.getElementById('source-text').textContent.includes('BOB')"
    )
    told = json.loads(page.inner_text("#source-text"))
    assert [each["number"] for each in told["requests"]] == [2]
    page.click("#source-close")
    page.fill("#account", "NOBODY")
    page.press("#account", "Enter")
    page.wait_for_selector("#journal .empty:has-text('No such request.')")


def test_rows_stand_still_while_somebody_reads(exchange: PrivateExchange, open_url: Open) -> None:
    page = open_url(f"{exchange.url}/control")
    wait_for_numbers(page, 2, 1)
    page.hover("#journal tr:nth-child(2)")
    order(exchange)
    page.wait_for_selector("#newer:text-is('▲ Show 1 newer')")
    wait_for_numbers(page, 2, 1)
    exchange.control.reset()
    order(exchange)
    order(exchange)
    page.wait_for_selector("#newer:text-is('▲ The market was reset: show the 2 since')")
    assert rows_of(page)[0][2] == "BOB"
    page.click("#newer")
    page.wait_for_selector("#newer", state="hidden")
    assert [row[2] for row in rows_of(page)] == ["ANN", "ANN"]
    order(exchange)  # now it is the focus that holds them
    page.mouse.move(0, 0)
    page.wait_for_selector("#newer:text-is('▲ Show 1 newer')")
    page.focus("#seconds")
    wait_for_numbers(page, 3, 2, 1)


def test_what_is_asked_twice_at_a_time_counts_once(
    exchange: PrivateExchange, open_url: Open
) -> None:
    page = open_url(f"{exchange.url}/control")
    wait_for_numbers(page, 2, 1)
    page.hover("#journal tr:nth-child(2)")
    held: list[Route] = []
    page.route("**/control/requests?*since=2*", lambda route: held.append(route))
    order(exchange)
    page.press("[aria-label='Halt FOOBAR at TESTEX']", "Enter")
    while len(held) < 2:
        page.wait_for_timeout(20)
    for route in held[:2]:
        route.continue_()
    page.unroute("**/control/requests?*since=2*")
    page.wait_for_selector("#newer:has-text('newer')")
    page.wait_for_selector("#newer:text-is('▲ Show 1 newer')")


def test_what_cannot_be_undone_asks_twice(exchange: PrivateExchange, open_url: Open) -> None:
    order(exchange, ORDERS.replace("FOOBAR", "OTHER"))
    page = open_url(f"{exchange.url}/control")
    page.click("[aria-label='Reset OTHER at TESTEX']")
    page.click("#sure-no")
    assert ask(exchange, f"{ORDERS.replace('FOOBAR', 'OTHER')}/0") == 200
    page.click("[aria-label='Reset OTHER at TESTEX']")
    page.click("#sure-yes")
    page.wait_for_selector("[aria-label='Reset OTHER at TESTEX'][aria-busy=false]")
    assert ask(exchange, f"{ORDERS.replace('FOOBAR', 'OTHER')}/0") == 404
    assert ask(exchange, f"{ORDERS}/0") == 200
    page.click("#reset")
    page.click("#sure-yes")
    page.wait_for_selector("#journal .empty:has-text('No client has asked anything yet.')")
    page.wait_for_selector("[aria-label='Reset OTHER at TESTEX']", state="detached")
    assert ask(exchange, f"{ORDERS}/0") == 404


def test_the_market_is_saved_and_restored(exchange: PrivateExchange, open_url: Open) -> None:
    name, before = "a ?#%25 ’", exchange.time_ns
    page = open_url(f"{exchange.url}/control")
    for _ in range(2):
        page.fill("#snapshot-name", name)
        page.click("#snapshot button")
        page.wait_for_selector("#snapshots-panel button:has-text('Restore')")
    page.click("#sure-no")
    order(exchange)
    exchange.advance(5)
    page.click("#snapshots-panel button:has-text('Restore')")
    assert ask(exchange, f"{ORDERS}/1") == 200
    page.click("#sure-yes")
    page.wait_for_selector("#snapshots-panel button[aria-label^=Restore][aria-busy=false]")
    assert (ask(exchange, f"{ORDERS}/1"), exchange.time_ns) == (404, before)
    page.click("#snapshots-panel button:has-text('Delete')")
    page.click("#sure-yes")
    page.wait_for_selector("#snapshots .empty")


def test_faults_and_latency_are_shown_and_ended(exchange: PrivateExchange, open_url: Open) -> None:
    counts = {"seen": 1234, "struck": 1}
    refused = {"id": 3, "kind": "status", "status": 503, "sentence": "Busy", "next": 2} | counts
    dropped = {"id": 4, "kind": "cut", "probability": 0.5, "account": "ANN"} | counts
    told = {"ok": True, "halts": [], "snapshots": [], "faults": [refused, dropped]}
    told |= {"latency": {"orders": "50ms", "tape": "off"}, "tape": {"isHeld": True}}
    page = open_url(f"{exchange.url}/control")
    page.route("**/api/v1/control", lambda route: route.fulfill(json=told))
    page.wait_for_selector("#others tr:nth-child(4)")
    assert [row[0] for row in rows_of(page, "others")] == [
        "Fault 3status 503 “Busy”, the next 2, has struck 1 of 1,234",
        "Fault 4cut, each with probability 0.5, of ANN, has struck 1 of 1,234",
        "Latency of orders50ms",
        "The tape is heldIts messages wait.",
    ]
    for button, method, path, body in (
        ("Remove: Fault 4", "DELETE", "faults/4", None),
        ("Off: Latency of orders", "PUT", "latency", {"orders": "off"}),
        ("Release: The tape is held", "POST", "tape/release", None),
    ):
        url = f"{exchange.url}/api/v1/control/{path}"
        page.route(url, lambda route: route.fulfill(json={"ok": True}))
        with page.expect_request(url) as sent:
            page.click(f"[aria-label='{button}']")
        assert sent.value.method == method
        assert json.loads(sent.value.post_data or "null") == body


def test_a_fault_is_added_and_what_cannot_be_one_refused_at_its_field(
    exchange: PrivateExchange, open_url: Open
) -> None:
    page = open_url(f"{exchange.url}/control")
    assert page.is_hidden("#fault-status")
    page.select_option("#fault-kind", "status")
    page.fill("#fault-status", "200")
    page.fill("#fault-number", "many")
    for field, allowed in (("number", "2"), ("status", "503"), ("route", "GET /ob/api/venues")):
        if field == "route":
            page.fill("#fault-route", "nonsense")
        page.click("#fault button")
        page.wait_for_selector(f"#fault-{field}-error:has-text('allowed')")
        page.fill(f"#fault-{field}", allowed)
    page.fill("#fault-sentence", "Busy")
    page.fill("#fault-account", "ANN")
    page.click("#fault button")
    page.wait_for_selector("#others tr:has-text('Fault')")
    [fault] = exchange.control.faults
    told = (fault.kind, fault.status, fault.next, fault.route, fault.sentence, fault.account)
    assert told == ("status", 503, 2, "GET /ob/api/venues", "Busy", "ANN")
    page.select_option("#fault-kind", "silence")
    page.select_option("#fault-when", "probability")
    page.fill("#fault-number", "0.25")
    page.click("#fault button")
    page.wait_for_selector("#others tr:nth-child(2)")
    silent = list(exchange.control.faults)[1]
    assert (silent.kind, silent.probability, silent.status) == ("silence", 0.25, UNSET)


def test_a_stock_is_halted_and_the_clock_moved(exchange: PrivateExchange, open_url: Open) -> None:
    page = open_url(f"{exchange.url}/control")
    page.fill("#reason", "lunch")
    page.click("[aria-label='Halt FOOBAR at TESTEX']")
    page.wait_for_selector("#books .halted small:text-is('Halted: lunch')")
    assert order(exchange) == 403
    page.click("[aria-label='Resume FOOBAR at TESTEX']")
    page.wait_for_selector("#books .halted", state="detached")
    assert order(exchange) == 200
    before = exchange.time
    page.fill("#seconds", "1.5")
    page.click("#advance button")
    page.wait_for_selector("#advance button[aria-busy=false]")
    assert exchange.time == before + 1.5
    page.fill("#reason", "a\u200bb")
    page.click("[aria-label='Halt FOOBAR at TESTEX']")
    page.wait_for_selector("#reason-error:has-text('reason is ')")
    assert page.get_attribute("#reason", "aria-invalid") == "true" and page.is_hidden("#said")


def test_the_admins_key_is_asked_for(open_url: Open) -> None:
    with serve(control=True, accounts={"ANN": "annkey"}, admin_key="adminkey") as exchange:
        page = open_url(f"{exchange.url}/control")
        page.wait_for_selector("#gone-title:text-is('The admin’s key is needed')")
        for key in ("annkey", "adminkey"):
            page.fill("#key", key)
            page.click("#key-form button")
            wanted = "#books tr" if key == "adminkey" else "#gone-title:has-text('not the admin')"
            page.wait_for_selector(wanted)
        page.goto(f"{exchange.url}/levels")
        assert page.input_value("#key") == ""  # a player's is another one


@pytest.mark.slow
def test_every_screen_is_legible_whatever_is_asked(
    exchange: PrivateExchange, open_url: Open
) -> None:
    account, symbol = "W" * MAX_NAME_LENGTH, "M" * 100
    order(exchange, account=account, qty=0)
    order(exchange, ORDERS.replace("FOOBAR", symbol), account=account)
    exchange.control.halt("TESTEX", symbol, "W" * 200)
    exchange.control.snapshot("W" * 100)
    ask(exchange, "/" + "W" * 200)
    page = open_url(f"{exchange.url}/control", "phone", "dark")
    wait_for_numbers(page, 5, 4, 3, 2, 1)
    for screen, scheme in (("phone", "dark"), ("desktop", "light"), ("projector", "dark")):
        set_look(page, screen, scheme)
        check_looks(page, screen, scheme)
        assert page.evaluate(TOO_WIDE) == []
    page.set_viewport_size({"width": 1280, "height": 560})
    assert page.evaluate(TOO_WIDE) == []
    assert page.evaluate(CUT_OFF) == []
