# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
What pages cost the exchange while a class has them open: its share of a core, beside that of the
trading alone.

Needs Chromium and the packages of the [test] extra. One page is opened in a browser, and what it
asks in some seconds is noted; then so many clients ask the same at the same pace, each with a
connection and, where the page has one, a websocket of its own. (So many tabs would keep more cores
busy than a machine has.) The venue has 50 stocks with a past of five minutes, and 30 accounts.

    python3 benchmarks/open_pages.py [--pages 30] [--rate 20] [--seconds 20]
"""

import interrupts  # noqa: F401  # isort: skip
import argparse
import http.client
import json
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from playwright.sync_api import Browser

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

from browser import installed_browser, running_browser  # noqa: E402
from live import Exchange, running  # noqa: E402
from raw_websocket import RawPeer  # noqa: E402

PAGES = ("/", "/scores", "/venues/TESTEX")
STOCKS = 50
ACCOUNTS = 30
PAST = 300  # seconds in which each stock has traded
TICKER = "/ob/api/ws/-/venues/TESTEX/tickertape/stocks/STOCK0"


class Asked(NamedTuple):
    """What a page has asked, and when, in seconds."""

    at: float
    path: str
    query: list[tuple[str, str]]


class Market:
    """A market whose clock goes on with its trades."""

    def __init__(self, exchange: Exchange) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", exchange.port, timeout=30)
        self._random = random.Random(1)
        self._prices = [5000] * STOCKS

    def trade(self, stock: int) -> None:
        """One trade near the last one's price."""
        price = self._prices[stock] = max(1, self._prices[stock] + self._random.randint(-9, 9))
        accounts = self._random.sample(range(ACCOUNTS), 2)
        for account, direction in zip(accounts, ("sell", "buy"), strict=True):
            self._order(stock, account, direction, price)

    def wait(self, seconds: float) -> None:
        self._post("/api/v1/clock", {"advance": seconds})

    def rest(self) -> None:
        """Some orders that stay, so that there is a book to look at."""
        for stock in range(STOCKS):
            for rung in range(1, 11):
                self._order(stock, rung, "buy", 4000 - rung)
                self._order(stock, rung, "sell", 6000 + rung)

    def _order(self, stock: int, account: int, direction: str, price: int) -> None:
        fields = {"account": f"TRADER{account}", "direction": direction, "orderType": "limit"}
        path = f"/ob/api/venues/TESTEX/stocks/STOCK{stock}/orders"
        self._post(path, fields | {"price": price, "qty": 10})

    def _post(self, path: str, fields: dict[str, object]) -> None:
        self._connection.request("POST", path, json.dumps(fields))
        answer = self._connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path} was refused with {answer.status}")


class Client(threading.Thread):
    """Asks what a page has asked, from a moment of its own on, again and again."""

    def __init__(self, port: int, noted: list[Asked], length: float, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._noted, self._length, self._stop_asking = noted, length, stop
        self._since: dict[str, str] = {}
        self.answers = self.bytes = 0

    def run(self) -> None:
        began = time.monotonic() - random.random() * self._length
        while not self._stop_asking.is_set():
            for asked in self._noted:
                late = time.monotonic() - began - asked.at
                if late > self._length / 2:  # of the round that was under way at the start
                    continue
                if self._stop_asking.wait(max(0.0, -late)):
                    return
                self._ask(asked)
            began += self._length

    def _ask(self, asked: Asked) -> None:
        """What was new to the page is what is new now."""
        query = [
            (
                name,
                self._since.get(asked.path, value) if name == "since" and value != "0" else value,
            )
            for name, value in asked.query
        ]
        self._connection.request("GET", f"{asked.path}?{urlencode(query)}")
        body = self._connection.getresponse().read()
        self.answers, self.bytes = self.answers + 1, self.bytes + len(body)
        told = json.loads(body)
        if "trades" in told:
            self._since[asked.path] = str(told["count"])


def main() -> int:
    options = _options()
    path = installed_browser()
    if path is None:
        print(
            "There is no browser (Debian: apt-get install chromium-headless-shell)", file=sys.stderr
        )
        return 2
    arguments = ["-w", "--wsport", "0", "--clock", "stepped", "--venue", "TESTEX"]
    with running(*arguments, "--symbol", "STOCK0") as exchange, running_browser(path) as browser:
        market = Market(exchange)
        market.rest()
        for _ in range(options.past):
            for stock in range(STOCKS):
                market.trade(stock)
            market.wait(1)
        with _trading(market, options.rate):
            alone = _share(exchange, options.seconds)
            print(f"{options.rate:.0f} trades/s alone: {alone:6.1%} of a core", flush=True)
            for page in options.kinds:
                _measure(exchange, browser, page, alone, options)
    return 0


def _measure(
    exchange: Exchange, browser: Browser, page: str, alone: float, options: argparse.Namespace
) -> None:
    noted = _note(browser, exchange, page, options.noted)
    stop = threading.Event()
    clients = [Client(exchange.port, noted, options.noted, stop) for _ in range(options.pages)]
    with _listening(exchange, options.pages if page == "/" else 0):
        for client in clients:
            client.start()
        time.sleep(2)
        before = [(client.answers, client.bytes) for client in clients]
        began = time.monotonic()
        share = _share(exchange, options.seconds)
        elapsed = time.monotonic() - began
        answers = sum(client.answers for client in clients) - sum(count for count, _ in before)
        size = sum(client.bytes for client in clients) - sum(count for _, count in before)
        stop.set()
        for client in clients:
            client.join()
    print(
        f"{options.pages} x {page:<15} {share - alone:6.1%} of a core more; "
        f"{answers / elapsed:5.0f} requests/s, {size / elapsed / 1e3:6.0f} kB/s",
        flush=True,
    )


def _note(browser: Browser, exchange: Exchange, page: str, seconds: float) -> list[Asked]:
    """What a page asks in some seconds, once it has been there for a moment."""
    noted: list[Asked] = []
    tab = browser.new_page(viewport={"width": 1440, "height": 900})
    tab.goto(f"http://127.0.0.1:{exchange.port}{page}")
    tab.wait_for_selector("#connection[data-state=live]")
    tab.wait_for_timeout(2000)
    began = time.monotonic()

    def note(request: object) -> None:
        parts = urlsplit(request.url)  # type: ignore[attr-defined]
        if parts.path.startswith("/api/"):
            noted.append(Asked(time.monotonic() - began, parts.path, parse_qsl(parts.query)))

    tab.on("request", note)
    tab.wait_for_timeout(seconds * 1000)
    tab.close()
    return noted


def _share(exchange: Exchange, seconds: float) -> float:
    """Of a core, that the exchange's process keeps busy."""
    began, used = time.monotonic(), _processor_time(exchange.process.pid)
    time.sleep(seconds)
    return (_processor_time(exchange.process.pid) - used) / (time.monotonic() - began)


def _processor_time(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _listening(exchange: Exchange, count: int) -> Iterator[None]:
    """So many websockets that read what they are told."""
    peers = [RawPeer.listening(exchange.port, TICKER) for _ in range(count)]
    threads = [threading.Thread(target=_read, args=(peer,), daemon=True) for peer in peers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for peer in peers:
            peer.socket.close()


def _read(peer: RawPeer) -> None:
    with suppress(OSError, ValueError):
        while peer.frame() is not None:
            pass


@contextmanager
def _trading(market: Market, rate: float) -> Iterator[None]:
    """Trades in all stocks in turn, in a thread."""
    stop = threading.Event()

    def trade() -> None:
        began, number = time.monotonic(), 0
        while not stop.wait(max(0.0, began + number / rate - time.monotonic())):
            market.trade(number % STOCKS if number % 2 else 0)
            market.wait(1 / rate)
            number += 1

    thread = threading.Thread(target=trade)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add: Callable[..., object] = parser.add_argument
    add("--pages", type=int, default=30, help="pages of each kind that are open (30)")
    add("--kinds", nargs="+", choices=PAGES, default=PAGES, help="which are measured (all)")
    add("--rate", type=float, default=20, help="trades a second (20)")
    add("--seconds", type=float, default=20, help="for which each is measured (20)")
    add("--noted", type=float, default=10, help="seconds of a page that are noted (10)")
    add("--past", type=int, default=PAST, help=f"seconds that each stock has traded ({PAST})")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
