"""The report in a real browser, from its file: the book at each moment, keys, tables, looks."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from browser import Open, check_looks, set_look
from playwright.sync_api import Page
from records import DAY, STEP, books_of, record_of, traded_book
from simulated_runs import simulated_run

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import SIDE_NAMES
from disorderbook.lab import report as module
from disorderbook.lab.record import FAILED, Printed, RefusedRequest, RunEnding, RunRecord
from disorderbook.lab.report import Rival, report

READY = "body[data-state=ready]"
# What the page shows of the book after each event, from the first to the last one.
WALK = """() => {
  const texts = cells => [...cells].map(cell => cell.textContent)
  const marks = row => [row.cells[1], row.cells[2]].map(cell => cell.classList.contains('own'))
  const key = name => document.getElementById('slider').dispatchEvent(
    new KeyboardEvent('keydown', { key: name, bubbles: true }))
  const rows = id => [...document.querySelectorAll(`#${id} tr:not(.empty)`)]
  const fact = name => document.getElementById(`fact-${name}`).textContent
  const shown = () => ({
    ladder: rows('ladder').map(row => [...texts(row.cells), ...marks(row)]),
    own: rows('own').map(row => texts(row.cells)),
    facts: ['last', 'shares', 'cash'].map(fact),
  })
  key('Home')
  const moments = []
  for (let count = 0; count < COUNT; count++) { key('ArrowRight'); moments.push(shown()) }
  for (let count = COUNT - 2; count >= 0; count -= 37) {
    document.getElementById('slider').value = count + 1
    document.getElementById('slider').dispatchEvent(new Event('input'))
    if (JSON.stringify(shown()) !== JSON.stringify(moments[count])) throw Error(`Back at ${count}`)
  }
  return moments
}"""


def dollars(cents: int) -> str:
    return f"{cents / 100:,.2f}"


def ladder_of(book: OrderBook, account: str) -> list[list[Any]]:
    """Rows of the page's ladder: shares, bid, ask, shares; whether each price has own orders."""
    sides = []
    for ladder in (book.bids, book.asks):
        sides.append(
            [
                (
                    dollars(level.price),
                    f"{level.size:,}",
                    any(order.account == account for order in level.orders.values()),
                )
                for level in ladder
            ]
        )
    bids, asks = sides
    none = ("", "", False)
    rows = []
    for number in range(max(map(len, sides))):
        bid = bids[number] if number < len(bids) else none
        ask = asks[number] if number < len(asks) else none
        rows.append([bid[1], bid[0], ask[0], ask[1], bid[2], ask[2]])
    return rows


def own_orders_of(book: OrderBook, account: str) -> list[list[str]]:
    """Rows of the page's own open orders, the newest first."""
    rows = []
    for level in [*book.bids, *book.asks]:
        ahead = 0
        for order in level.orders.values():
            if order.account == account:
                left = f"{order.remaining} of {order.quantity}"
                side = SIDE_NAMES[order.side]
                rows.append([str(order.id), side, dollars(order.price), left, f"{ahead:,}"])
            ahead += order.remaining
    return sorted(rows, key=lambda row: -int(row[0]))


def facts_of(book: OrderBook, account: str) -> list[str]:
    """Last price, and the account's position and cash."""
    position = book.positions.get(account)
    shares, cash = (position.shares, position.cash) if position else (0, 0)
    sign = "−" if cash < 0 else ""
    return [
        dollars(book.last_trade.price) if book.last_trade else "–",
        f"{shares:,}".replace("-", "−"),
        f"{sign}${dollars(abs(cash))}",
    ]


@pytest.fixture
def open_report(open_url: Open, tmp_path: Path) -> Any:
    """Opens a report about runs from its file."""

    def open_it(records: list[RunRecord], title: str = "bot.py", **look: str) -> Page:
        path = tmp_path / "report.html"
        report(records, path, title=title, command=lambda seed: f"run bot.py --seed {seed}")
        return open_url(path.as_uri(), ready=READY, **look)

    return open_it


@pytest.mark.parametrize("seed", (1, 2))
def test_the_book_at_each_moment_is_the_engines(open_report: Any, seed: int) -> None:
    _, orders = traded_book(seed, 150)
    page = open_report([record_of(orders)])
    books = books_of(orders)
    count = int(page.get_attribute("#slider", "max") or 0)
    moments = page.evaluate(WALK.replace("COUNT", str(count)))
    assert count == len(moments) > 100
    for moment, book in zip(moments, books, strict=True):
        assert moment["ladder"] == ladder_of(book, "A")
        assert moment["own"] == own_orders_of(book, "A")
        assert moment["facts"] == facts_of(book, "A")


def happenings() -> RunRecord:
    """A program prints after the third event, and is refused something after the tenth."""
    _, orders = traded_book(3, 120)
    start = orders[0].ts - STEP
    return record_of(
        orders,
        printed=[Printed(start + 3 * STEP + 1, "stderr", "</script><b>bold</b>")],
        refusals=[RefusedRequest(start + 10 * STEP + 1, "POST", "/orders", 400, "No.", "Price")],
        refusal_count=1,
        ending=RunEnding(FAILED, 3, ("Traceback", "KeyError: 'bid'"), "/tmp/bot.log"),
    )


def test_output_and_refusals_are_those_until_the_moment(open_report: Any) -> None:
    page = open_report([happenings()])
    page.focus("#slider")
    page.keyboard.press("Home")
    assert page.inner_text("#happened") == "Nothing has happened yet."
    assert page.inner_text("#printed") == "Nothing was printed until then."
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    assert page.inner_text("#printed bdi") == "</script><b>bold</b>"
    assert page.inner_text("#refusals") == "None until then."
    page.keyboard.press("PageDown")
    assert "400" in page.inner_text("#refusals") and "No." in page.inner_text("#refusals")
    assert page.inner_text("#last-lines-text") == "Traceback\nKeyError: 'bid'"
    assert "/tmp/bot.log" in page.inner_text("#log")
    assert "failed, status 3" in page.inner_text("#run-about")


def test_keys_go_by_event_second_and_day(open_report: Any) -> None:
    """A second is a million days of these runs, and a day is fifty events."""
    page = open_report([happenings()])
    when = lambda: page.inner_text("#when")  # noqa: E731
    page.focus("#slider")
    page.keyboard.press("Home")
    page.keyboard.press("PageDown")
    assert when().startswith("Day 1, 0.000 s · event ")
    count = int(page.input_value("#slider"))
    assert 40 < count <= DAY // STEP
    page.keyboard.press("ArrowLeft")
    assert int(page.input_value("#slider")) == count - 1
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("ArrowRight")
    assert int(page.input_value("#slider")) == count
    page.keyboard.press("Shift+ArrowRight")
    assert page.input_value("#slider") == page.get_attribute("#slider", "max")
    page.keyboard.press("Shift+ArrowLeft")
    assert page.input_value("#slider") == "0"
    page.click("text=own ▸")
    assert page.inner_text("#happened").startswith("A (yours)")


def many(count: int = 6) -> list[RunRecord]:
    return [record_of(traded_book(seed, 150)[1], seed=seed) for seed in range(count)]


def test_rows_are_sorted_and_chosen(open_report: Any) -> None:
    page = open_report(many())
    seeds = lambda: page.locator("#runs .seed").all_inner_texts()  # noqa: E731
    worst_first = seeds()
    assert sorted(worst_first) == [str(seed) for seed in range(6)]
    assert page.inner_text("#runs tr.worst .seed") == worst_first[0]
    assert page.inner_text("#run-title") == f"Seed {worst_first[0]}"
    page.click("#runs-head th[data-name=pnl] button")
    assert seeds() == worst_first[::-1]
    assert page.get_attribute("#runs-head th[data-name=pnl]", "aria-sort") == "descending"
    page.click("#runs-head th[data-name=seed] button")
    assert seeds() == sorted(worst_first)
    page.click("#runs [data-seed='4']")
    page.wait_for_function("() => document.getElementById('run-title').textContent === 'Seed 4'")
    assert page.inner_text("#command-text") == "run bot.py --seed 4"
    assert page.input_value("#run") == "4"


def test_the_rival_is_beside_each_seed(open_url: Open, tmp_path: Path) -> None:
    records, others = many(3), [record_of([], seed=seed) for seed in range(3)]
    rival = Rival("old<b>.py", others, "It is <i>better</i>.")
    report(records, tmp_path / "report.html", against=rival)
    page = open_url((tmp_path / "report.html").as_uri(), ready=READY)
    assert page.inner_text("#verdict") == "It is <i>better</i>."
    assert page.inner_text("#rival-key") == "median of old<b>.py"
    assert page.inner_text("#runs-head th[data-name=rival]") == "P&L of old<b>.py"
    cells = page.locator("#runs tr:first-child td").all_inner_texts()
    assert cells[1:3] == ["$0.00", cells[0]]  # so the difference is the P&L


def test_a_run_without_its_events_says_so(
    open_report: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_EVENT_BYTES", 1)
    page = open_report(many())
    assert "1 run of 6 can be looked at event by event" in page.inner_text("#runs-note")
    assert page.is_visible("#moment")
    page.click("#runs tr:last-child .seed")
    page.wait_for_selector("#run-note:not([hidden])")
    assert page.is_hidden("#moment") and page.is_hidden("#controls")
    page.keyboard.press("ArrowRight")
    page.click("#runs tr:first-child .seed")
    page.wait_for_selector("#moment:not([hidden])")


# Clicks the first row and then another one, and tells what is shown once all is unpacked.
IMPATIENT = """async () => {
  const [first, last] = ['first', 'last'].map(
    place => document.querySelector(`#runs tr:${place}-child .seed`))
  const known = Response.prototype.json
  let count = 0
  const unpacked = new Promise(resolve => {
    Response.prototype.json = async function () {
      count++
      const value = await known.call(this)
      setTimeout(resolve)
      return value
    }
  })
  first.click()
  last.click()
  await unpacked
  return [document.getElementById('run-title').textContent, `Seed ${last.textContent}`, count]
}"""


def test_the_run_that_was_chosen_last_is_shown(
    open_report: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_EVENT_BYTES", 1)  # so the last one has nothing to unpack
    shown, chosen, count = open_report(many()).evaluate(IMPATIENT)
    assert shown == chosen and count == 1


def test_what_a_crowded_book_stores_is_bounded(
    open_report: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = module._script().replace("MOST_STORED = 2e6", "MOST_STORED = 60")
    told = "globalThis.told = () => [shown.replay.snapshots.length, shown.replay.stored]"
    monkeypatch.setattr(module, "_script", lambda: f"{script}\n{told}")
    page = open_report([record_of(traded_book(4, 1200)[1])])
    page.evaluate(WALK.replace("COUNT", "400"))  # which goes back, too
    snapshots, stored = page.evaluate("told()")
    assert snapshots > 1 and stored <= 60


def test_a_run_in_which_nothing_happened(open_report: Any) -> None:
    page = open_report([record_of([])])
    assert page.inner_text("#happened") == "Nothing has happened yet."
    assert page.inner_text("#ladder-note") == "The book is empty."
    page.click("text=+1 day")
    page.click("text=own ▸")


@pytest.mark.slow
def test_the_looks(open_report: Any) -> None:
    """Also with the longest names there are."""
    record = msgspec.structs.replace(simulated_run(1, 4), venue="V" * 255, symbol="S" * 255)
    page = open_report([record, *many(2)], "b" * 200)
    for screen, scheme in (("desktop", "light"), ("phone", "dark"), ("projector", "dark")):
        set_look(page, screen, scheme)
        check_looks(page, screen, scheme)
