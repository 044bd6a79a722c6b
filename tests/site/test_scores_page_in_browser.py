"""The page of the scores in a real browser. What the exchange tells there is made up, so that there
can be any number of accounts; how it tells it is tested elsewhere.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from browser import Open, check_looks, secured, set_look
from playwright.sync_api import BrowserContext, Page, Route

from disorderbook.in_process import PrivateExchange, serve
from disorderbook.protocol.names import MAX_NAME_LENGTH

BEAMERS = ("small projector", "projector")
NOW = "2026-11-26T14:32:10.123456789Z"
BEFORE = "2026-11-26T14:12:10.123456789Z"
HOSTILE = (
    "<img src=x onerror=alert(1)>" + "W" * 200,
    "\u202e" + "\u0634" * 250,  # from right to left
    "\U0001f469\u200d\U0001f680" * 80,
    "Z\u0351\u036b\u0343\u036a\u0302\u036b" * 30,
    "A\tB\u2028C" + " " * 240 + "D",
    "W" * MAX_NAME_LENGTH,
)
LARGEST = 4_611_686_014_132_420_609  # cents: the largest order at the highest price

# The height of an H in the letters of each row, what can be seen of the row, and what is cut.
MEASURE = """() => [...document.querySelectorAll('#scores tr')].map(row => {
    const pen = document.createElement('canvas').getContext('2d')
    const heights = [...row.cells].filter(cell => cell.offsetWidth).map(cell => {
        const { fontWeight, fontSize, fontFamily } = getComputedStyle(cell)
        pen.font = `${fontWeight} 100px ${fontFamily}`  // where no pixel is rounded
        return pen.measureText('H').actualBoundingBoxAscent / 100 * parseFloat(fontSize)
    })
    const { top, bottom, height } = row.getBoundingClientRect()
    const at = document.elementFromPoint(innerWidth / 10, (top + bottom) / 2)
    return {
        capital: Math.min(...heights), letters: parseFloat(getComputedStyle(row).fontSize), height,
        isSeen: top >= 0 && bottom <= innerHeight && row.contains(at),
        cut: [...row.cells].filter(cell => cell.scrollWidth > cell.clientWidth)
            .map(cell => cell.className),
    }
})"""


class Told:
    """What a made-up exchange tells of the scores; a test changes it."""

    def __init__(self) -> None:
        self.scores: list[dict[str, Any]] = []
        self.frozen_at = ""
        self.notices: dict[str, Any] = {}
        self.asked: list[tuple[str, str | None]] = []  # URL and key

    def accounts(self, count: int) -> None:
        """So many, ACCOUNT1 the best."""
        self.scores = [
            {
                "account": f"ACCOUNT{rank}",
                "nav": (count // 2 - rank) * 1_234_56,
                "change": (rank % 3 - 1) * 98_76,
                "trades": rank * 7,
            }
            for rank in range(1, count + 1)
        ]

    def answer(self, route: Route) -> None:
        url, key = route.request.url, route.request.headers.get("x-starfighter-authorization")
        self.asked.append((url, key))
        route.fulfill(json=self._over_time() if "over=time" in url else self._now(key))

    def _now(self, key: str | None) -> dict[str, Any]:
        held = {"cash": -5_000_00, "shares": 1234} if key == "teacher" else {}
        return {
            "ok": True,
            "venue": "TESTEX",
            "mark": "last",
            "stocks": [{"symbol": "FOOBAR", "price": 5213}, {"symbol": "N" * MAX_NAME_LENGTH}],
            "startTime": BEFORE,
            "currentTime": NOW,
            **({"frozenAt": self.frozen_at} if self.frozen_at else {}),
            "accounts": len(self.scores),
            "scores": [score | held for score in self.scores],
        }

    def _over_time(self) -> dict[str, Any]:
        scores = [{"account": s["account"], "nav": [None, 0, s["nav"]]} for s in self.scores]
        return {"ok": True, "venue": "TESTEX", "step": 5, "times": [BEFORE] * 3, "scores": scores}


@pytest.fixture(scope="module")
def exchange() -> Iterator[PrivateExchange]:
    with serve() as exchange:
        yield exchange


@pytest.fixture
def told(context: BrowserContext) -> Iterator[Told]:
    told = Told()
    context.route("**/api/v1/venues/*/scores*", told.answer)
    context.route(
        "**/api/v1/notices", lambda route: route.fulfill(json={"ok": True, **told.notices})
    )
    yield told
    context.unroute_all()


def rows_of(page: Page) -> list[list[str]]:
    rows = "[...document.getElementById('scores').rows]"
    return page.evaluate(  # type: ignore[no-any-return]
        f"{rows}.map(row => [...row.cells].map(cell => cell.textContent))"
    )


def wait_for_order(page: Page, names: list[str]) -> None:
    page.wait_for_function(
        "names => [...document.querySelectorAll('#scores .name')].map(one => one.textContent)"
        ".slice(0, names.length).join() === names.join()",
        arg=names,
    )


def check_sizes(page: Page, screen: str) -> None:
    """Thirty rows are seen, and their letters are as high as they have to be."""
    page.evaluate("document.getAnimations().forEach(each => each.finish())")
    rows = page.evaluate(MEASURE)
    height = page.evaluate("innerHeight")
    assert len(rows) == 30 and all(row["isSeen"] for row in rows)
    assert min(row["capital"] for row in rows[:10]) >= height / 56, screen
    assert min(row["capital"] for row in rows[10:]) >= height / 80, screen
    assert all(row["letters"] < row["height"] for row in rows)
    assert {name for row in rows for name in row["cut"]} <= {"name"}
    assert page.evaluate("document.documentElement.scrollHeight") == height


def test_thirty_rows_are_seen_in_large_letters(
    exchange: PrivateExchange, open_url: Open, told: Told
) -> None:
    told.accounts(30)
    page = open_url(f"{exchange.url}/scores", "small projector")
    wait_for_order(page, ["ACCOUNT1"])
    for screen, scheme in zip(BEAMERS, ("light", "dark"), strict=True):
        set_look(page, screen, scheme)
        check_sizes(page, screen)
    check_looks(page, screen, scheme)
    first = rows_of(page)[0]
    assert first[:4] == ["1", "ACCOUNT1", "$17,283.84", "–"]
    assert rows_of(page)[1][3] == "▲ +$98.76" and rows_of(page)[2][3] == "▼ −$98.76"
    assert rows_of(page)[-1][2] == "−$18,518.40"
    assert page.text_content("#basis").startswith(
        "14:32:10 UTC  ·  at the last price  ·  FOOBAR $52.13"
    )
    set_look(page, "phone", "light")
    check_looks(page, "phone", "light")

    told.notices = {
        "announcement": {"text": "The last round is about to end. " * 7, "ts": NOW},
        "countdown": {"text": "Round 3 ends in", "endsAt": NOW, "seconds": 272.0},
        "halts": [{"venue": "TESTEX", "symbol": "FOOBAR", "reason": "a lesson " * 30}],
    }
    told.frozen_at = NOW
    page.wait_for_selector("#notice-time strong")
    page.wait_for_selector("#frozen:text-is('Frozen at 14:32:10 UTC')")
    for screen in BEAMERS:
        set_look(page, screen, "light")
        check_sizes(page, f"{screen} with notices")
    told.notices["countdown"]["text"] = "BUBBLE, TULIP at ROUND3"
    page.wait_for_selector("#notice-time span:text-is('BUBBLE, TULIP at ROUND3')")
    set_look(page, "phone", "light")
    span = page.locator("#notice-time span")
    assert span.evaluate("span => span.scrollWidth <= span.clientWidth")


def test_more_accounts_take_turns_below_the_first_ten_and_fewer_are_larger(
    exchange: PrivateExchange, open_url: Open, told: Told
) -> None:
    told.accounts(200)
    clock = "performance.now = () => window.time ?? 0"
    page = open_url(f"{exchange.url}/scores", "small projector", script=clock)
    for turn in (0, 3, 9):
        page.evaluate("time => { window.time = time * 10_000 + 5 }", turn)
        start = 11 + 20 * turn
        end = min(start + 19, 200)
        wait_for_order(page, [f"ACCOUNT{rank}" for rank in [*range(1, 11), *range(start, end + 1)]])
        note = f"1–10 and {start}–{end} of 200; the others take turns"
        page.wait_for_selector(f"#more:text-is('{note}')")
        if turn == 3:
            check_sizes(page, "200 accounts")
    told.accounts(8)
    page.wait_for_function("() => document.querySelectorAll('#scores tr').length === 8")
    page.evaluate("document.getAnimations().forEach(each => each.finish())")
    rows = page.evaluate(MEASURE)
    assert all(row["capital"] > 720 / 40 and row["isSeen"] for row in rows)
    told.accounts(0)
    page.wait_for_selector("#nothing:text-is('Nobody has traded here yet.')")


def test_a_mistyped_venue_is_told_in_words(exchange: PrivateExchange, open_url: Open) -> None:
    page = open_url(f"{exchange.url}/scores?venue=TYPO")
    page.wait_for_selector("#nothing:text-is('Nobody has used TYPO yet.')")


def test_a_long_venue_that_nobody_has_used_stays_on_the_page(
    exchange: PrivateExchange, open_url: Open
) -> None:
    page = open_url(f"{exchange.url}/scores?venue={'W' * 250}")
    page.wait_for_selector("#nothing:has-text('WWW')")
    assert page.evaluate("nothing.scrollWidth <= nothing.clientWidth")


@pytest.mark.parametrize("is_encrypted", [True, False])
def test_the_admins_key_is_asked_for_only_where_a_proxy_takes_it(
    is_encrypted: bool, exchange: PrivateExchange, open_url: Open
) -> None:
    page = open_url(f"{exchange.url}/scores", script=secured(is_encrypted))
    page.keyboard.press("Shift")
    page.wait_for_selector("#full")
    assert page.is_visible("#key-form") is is_encrypted


def test_no_name_moves_a_figure_and_every_figure_fits(
    exchange: PrivateExchange, open_url: Open, told: Told
) -> None:
    places = """[...document.querySelectorAll('#scores .nav')].map(cell =>
        Object.values(cell.getBoundingClientRect().toJSON()))"""
    told.accounts(30)
    told.scores[0] |= {"nav": 3 * LARGEST, "change": LARGEST}
    told.scores[1] |= {"nav": 168_000_000_000_12, "change": -168_000_000_000_12}
    told.scores[-1] |= {"nav": -3 * LARGEST, "trades": 2**31 - 1}
    page = open_url(f"{exchange.url}/scores", "small projector")
    wait_for_order(page, ["ACCOUNT1"])
    before = page.evaluate(places)
    for score, name in zip(told.scores, HOSTILE, strict=False):
        score["account"] = name
    wait_for_order(page, list(HOSTILE))
    check_sizes(page, "hostile names")
    assert page.evaluate(places) == before
    rows = rows_of(page)
    assert rows[0][2:4] == ["$138,350.58T", "▲ +$46,116.86T"]
    assert rows[1][2:4] == ["$168,000,000,000", "▼ −$168,000,000,000"]
    assert rows[-1][2] == "−$138,350.58T"
    set_look(page, "phone", "dark")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    room = "cell => cell.getBoundingClientRect().width"
    figures = [page.locator(f"#scores tr:first-child .{name}") for name in ("nav", "change")]
    assert all(figure.evaluate(room) < 115 for figure in figures)  # the name has what they leave
    long = page.locator("#scores .name").nth(5)
    cut = "cell => cell.scrollWidth > cell.clientWidth"
    for is_cut in (True, False, True):
        assert long.evaluate(cut) is is_cut
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        long.click(position={"x": 9, "y": 9})


def test_it_says_that_it_is_frozen_and_reveals(
    exchange: PrivateExchange, open_url: Open, told: Told
) -> None:
    told.accounts(12)
    told.frozen_at = NOW
    page = open_url(f"{exchange.url}/scores")
    page.wait_for_selector("#frozen:text-is('Frozen at 14:32:10 UTC')")
    wait_for_order(page, ["ACCOUNT1", "ACCOUNT2"])
    page.evaluate("""() => {
        const animate = Element.prototype.animate
        window.moved = []
        Element.prototype.animate = function (frames, timing) {
            window.moved.push([this.dataset.name, timing.duration])
            return animate.call(this, frames, timing)
        }
    }""")
    told.scores[:2] = told.scores[1::-1]
    told.frozen_at = ""
    page.wait_for_selector("#frozen:text-is('Final order')")
    wait_for_order(page, ["ACCOUNT2", "ACCOUNT1"])
    calm = [["ACCOUNT2", 1800], ["ACCOUNT1", 1800]]
    assert page.evaluate("window.moved") == calm

    page.emulate_media(reduced_motion="reduce")
    told.scores[:2] = told.scores[1::-1]
    wait_for_order(page, ["ACCOUNT1", "ACCOUNT2"])
    assert page.evaluate("window.moved") == calm


def test_the_teachers_key_shows_what_is_held_but_nothing_that_is_frozen(
    exchange: PrivateExchange, open_url: Open, told: Told, context: BrowserContext
) -> None:
    told.accounts(30)
    sent: list[tuple[str, Any, str | None]] = []

    def act(route: Route) -> None:
        request = route.request
        key = request.headers.get("x-starfighter-authorization")
        sent.append((request.url.rpartition("/")[2], request.post_data_json, key))
        told.frozen_at = NOW if request.url.endswith("freeze") else ""
        route.fulfill(json={"ok": True})

    context.route("**/api/v1/admin/*", act)
    page = open_url(f"{exchange.url}/scores?venue=TESTEX", "small projector")
    wait_for_order(page, ["ACCOUNT1"])
    assert not page.is_visible("#control") and not page.is_visible(".held")
    page.keyboard.press("f")
    assert page.is_visible("#control") and not page.is_visible("#freeze")
    page.fill("#key", "teacher")
    page.click("#key-form button")
    page.wait_for_selector("#scores td.held:text-is('−$5,000.00')")
    assert rows_of(page)[0][6:] == ["−$5,000.00", "1,234"]
    check_looks(page, "small projector", "light")
    page.evaluate("document.body.classList.remove('in-use')")
    check_sizes(page, "cash and shares")
    page.mouse.move(99, 99)
    assert "teacher" not in page.url

    page.click("#freeze")
    page.wait_for_selector("#frozen:text-is('Frozen at 14:32:10 UTC')")
    assert not page.is_visible(".held")
    told.asked.clear()
    page.wait_for_timeout(2500)
    assert told.asked and {key for _, key in told.asked} == {None}
    page.locator("body").press("f")
    page.click("#sure-yes")
    page.wait_for_selector("#frozen:text-is('Final order')")
    page.wait_for_selector("#scores td.held:text-is('−$5,000.00')")
    assert sent == [(action, {"venue": "TESTEX"}, "teacher") for action in ("freeze", "reveal")]
    page.locator("body").press("c")
    page.wait_for_selector("#scores td.held", state="hidden")


def test_accounts_are_left_out_of_places_and_counts(
    exchange: PrivateExchange, open_url: Open, told: Told
) -> None:
    told.accounts(32)
    told.scores[0]["account"], told.scores[-1]["account"] = HOSTILE[0], "A&B"
    left_out = urlencode([("without", HOSTILE[0]), ("without", "A&B"), ("without", "NOBODY")])
    page = open_url(f"{exchange.url}/scores?venue=TESTEX&{left_out}", "small projector")
    wait_for_order(page, ["ACCOUNT2", "ACCOUNT3"])
    rows = rows_of(page)
    assert [rows[0][:2], rows[-1][:2]] == [["1", "ACCOUNT2"], ["30", "ACCOUNT31"]]
    assert page.inner_text("#more") == "without 2 accounts that the URL names"
    check_sizes(page, "left out")
    page.select_option("#symbol", "FOOBAR", force=True)
    page.wait_for_selector("#stock:text-is('FOOBAR')")
    wait_for_order(page, ["ACCOUNT2"])
    assert page.url.count("without=") == 3
    assert {"limit=213" in url for url, _ in told.asked} == {True}


def test_the_control_goes_away_and_chooses_what_is_shown(
    exchange: PrivateExchange, open_url: Open, told: Told
) -> None:
    def ground() -> str:
        return page.evaluate("getComputedStyle(document.body).backgroundColor")  # type: ignore[no-any-return]

    told.accounts(3)
    hurried = "(set => (act, after) => set(act, after === 4000 ? 100 : after))(setTimeout)"
    page = open_url(f"{exchange.url}/scores", script=f"window.setTimeout = {hurried}")
    wait_for_order(page, ["ACCOUNT1"])
    page.mouse.move(200, 200)
    page.wait_for_selector("#control", state="visible")
    page.wait_for_selector("#control", state="hidden")
    light = ground()
    page.keyboard.press("t")
    dark = ground()
    assert dark != light and page.url.endswith("?theme=dark")
    page.emulate_media(color_scheme="dark")
    assert ground() == dark
    page.keyboard.press("t")
    assert ground() == light and page.url.endswith("?theme=light")
    page.reload()
    page.wait_for_selector("#connection[data-state=live]")
    assert ground() == light
    page.select_option("#symbol", "FOOBAR", force=True)
    page.wait_for_selector("#stock:text-is('FOOBAR')")
    assert page.url.endswith("?theme=light&venue=TESTEX&symbol=FOOBAR")
    page.wait_for_timeout(300)
    assert all("symbol=FOOBAR" in url for url, _ in told.asked[-2:])
