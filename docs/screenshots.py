"""Takes the pictures of the front page, of an account's and of the scores, of a market that lives
for two minutes, and of a report; or only those of some pages.

python3 docs/screenshots.py [account-light desktop-light phone-dark report scores]
"""

import base64
import json
import random
import sys
import tempfile
import threading
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parent.parent
IMAGES = Path(__file__).parent / "images"
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from browser import installed_browser, running_browser  # noqa: E402
from live import Exchange, running  # noqa: E402
from simulated_runs import simulated_run  # noqa: E402

from disorderbook.lab.report import report  # noqa: E402

# This machine is not asked by way of a proxy, whatever the environment says.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
SECONDS = 120
QUALITY = 88  # of 100
MOST_RESTING = 110  # orders
ACCOUNTS = (
    *("NOISEBOTS", "BLSHBOTS", "ADA", "GRACE", "ALAN", "EDSGER", "BARBARA", "DONALD", "KATHERINE"),
    *("LINUS", "MARGARET", "TIM", "RADIA", "KEN", "DENNIS", "BJARNE", "GUIDO", "JOAN", "FRANCES"),
    *("JEAN", "ADELE", "SHAFI", "LESLIE", "TONY", "JOHN", "NIKLAUS", "CLAUDE", "HEDY", "ANNIE"),
)
PLACES = {"account-light": "accounts/ADA", "scores": "scores"}


class Market(threading.Thread):
    """A market maker who follows a wandering price, and others who trade with him."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__()
        self._orders = f"{exchange.url}venues/TESTEX/stocks/FOOBAR/orders"
        self._random = random.Random(11)
        self._resting: list[int] = []
        self.stop = threading.Event()

    def run(self) -> None:
        price = 5000.0
        while not self.stop.wait(0.1):
            price += self._random.gauss(0, 3) + (5000 - price) * 0.004
            self._make(round(price))
            for _ in range(self._random.choice((0, 0, 1, 1, 2, 4))):
                self._take(round(price))

    def _make(self, price: int) -> None:
        for order_id in self._resting[:-MOST_RESTING]:
            self._send("DELETE", f"{self._orders}/{order_id}")
        del self._resting[:-MOST_RESTING]
        for direction, sign in (("buy", -1), ("sell", 1)):
            away = 2 + int(self._random.expovariate(0.12))
            self._order("MAKER", direction, price + sign * away, self._random.randint(20, 200))

    def _take(self, price: int) -> None:
        direction, sign = self._random.choice((("buy", 1), ("sell", -1)))
        account = self._random.choice(ACCOUNTS)
        limit = price + sign * self._random.randint(-6, 9)
        self._order(account, direction, limit, self._random.randint(5, 120))

    def _order(self, account: str, direction: str, price: int, qty: int) -> None:
        placed = self._send(
            "POST",
            self._orders,
            {
                "account": account,
                "direction": direction,
                "orderType": "limit",
                "price": price,
                "qty": qty,
            },
        )
        if placed["open"]:
            self._resting.append(placed["id"])

    def _send(self, method: str, url: str, body: object = None) -> Any:
        asked = urllib.request.Request(url, json.dumps(body).encode(), method=method)
        with DIRECT.open(asked, timeout=10) as answer:
            return json.load(answer)


def take(browser: Browser, exchange: Exchange, wanted: list[str]) -> None:
    views: dict[str, Any] = {
        "account-light": {"viewport": {"width": 1360, "height": 850}, "color_scheme": "light"},
        "desktop-light": {"viewport": {"width": 1360, "height": 850}, "color_scheme": "light"},
        "phone-dark": {
            "viewport": {"width": 390, "height": 850},
            "color_scheme": "dark",
            "device_scale_factor": 1.5,
        },
        "scores": {"viewport": {"width": 1280, "height": 720}, "color_scheme": "dark"},
    }
    pages = {}
    for name in wanted:
        pages[name] = browser.new_context(**views[name]).new_page()
        pages[name].goto(f"http://127.0.0.1:{exchange.port}/{PLACES.get(name, '')}")
    next(iter(pages.values())).wait_for_timeout(SECONDS * 1000)
    for name, page in pages.items():
        keep(page, name)


def keep(page: Page, name: str) -> None:
    devtools = page.context.new_cdp_session(page)
    taken = devtools.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
    (IMAGES / f"{name}.webp").write_bytes(base64.b64decode(taken["data"]))


def take_report(browser: Browser) -> None:
    """The worst run's 40th day, of runs on a clock that jumps."""
    records = [simulated_run(seed, 100) for seed in range(12)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        command = "disorderbook run mybot.py --days 100 --seed {}".format
        report(records, path, title="mybot.py", command=command)
        page = browser.new_page(viewport={"width": 1360, "height": 1250}, color_scheme="light")
        page.goto(path.as_uri())
        page.wait_for_selector("body[data-state=ready]")
        page.focus("#slider")
        for key in ("PageDown",) * 40 + ("Shift+PageDown",) * 5:
            page.keyboard.press(key)
        page.click("#spans >> text='10 days'")
        page.evaluate("document.querySelector('.run').scrollIntoView()")
        page.wait_for_timeout(500)
        keep(page, "report")


def main() -> int:
    path = installed_browser()
    if path is None:
        print(
            "There is no browser (Debian: apt-get install chromium-headless-shell)", file=sys.stderr
        )
        return 2
    wanted = sys.argv[1:] or ["account-light", "desktop-light", "phone-dark", "report", "scores"]
    IMAGES.mkdir(exist_ok=True)
    with running("-w", "--wsport", "0") as exchange, running_browser(path) as browser:
        market = Market(exchange)
        market.start()
        try:
            if "report" in wanted:
                take_report(browser)
            if live := [name for name in wanted if name != "report"]:
                take(browser, exchange, live)
        finally:
            market.stop.set()
            market.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
