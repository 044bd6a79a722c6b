# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
What the front page costs the browser: its share of a core and its memory while a market moves.

Needs Chromium and the packages of the [test] extra. The exchange runs with the tape, the page in a
headless browser that draws in software, all on this machine.

    python3 benchmarks/page.py [--rate 100] [--seconds 10] [--rounds 3] [--without-tape]
"""

import interrupts  # noqa: F401  # isort: skip
import argparse
import json
import os
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import CDPSession, Page

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

from browser import installed_browser, running_browser  # noqa: E402
from live import Exchange, running  # noqa: E402

# This machine is not asked by way of a proxy, whatever the environment says.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
MIDDLE = 5000  # cents
RUNGS = 40  # resting levels of each side


class Cost(NamedTuple):
    """`busy` is of the page's main thread, `all_busy` of every process of the browser (seconds)."""

    at: float
    busy: float
    all_busy: float
    heap: float  # MB, after a collection
    nodes: int


def main() -> int:
    options = _options()
    path = installed_browser()
    if path is None:
        print(
            "There is no browser (Debian: apt-get install chromium-headless-shell)", file=sys.stderr
        )
        return 2
    tape = [] if options.without_tape else ["-w", "--wsport", "0"]
    with running(*tape) as exchange, running_browser(path) as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"http://127.0.0.1:{exchange.port}/")
        page.wait_for_selector("#connection[data-state=live]")
        devtools = page.context.new_cdp_session(page)
        devtools.send("Performance.enable")
        with _trading(exchange, options.rate) as counted:
            time.sleep(3)  # until the page's code is compiled
            for _ in range(options.rounds):
                _report(page, devtools, counted, options.seconds)
    return 0


def _report(page: Page, devtools: CDPSession, counted: list[int], seconds: float) -> None:
    before, trades = _cost(devtools), len(counted)
    page.wait_for_timeout(seconds * 1000)
    after = _cost(devtools)
    elapsed = after.at - before.at
    print(
        f"{(len(counted) - trades) / elapsed:6.0f} trades/s: "
        f"page {(after.busy - before.busy) / elapsed:6.1%} of a core, "
        f"whole browser {(after.all_busy - before.all_busy) / elapsed:6.1%}; "
        f"heap {after.heap:.1f} MB, {after.nodes} nodes",
        flush=True,
    )


def _cost(devtools: CDPSession) -> Cost:
    devtools.send("HeapProfiler.collectGarbage")
    told = {m["name"]: m["value"] for m in devtools.send("Performance.getMetrics")["metrics"]}
    return Cost(
        time.monotonic(),
        told["TaskDuration"],
        _processor_time(),
        told["JSHeapUsedSize"] / 1e6,
        int(told["Nodes"]),
    )


def _processor_time() -> float:
    """Seconds that the processes of the browser have used, which are those below this one that
    are called so.
    """
    parents, used = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue  # it has just ended
        fields, number = rest.split(), int(stat.parent.name)
        parents[number] = int(fields[1])
        if name.startswith("chrom"):
            used[number] = int(fields[11]) + int(fields[12])
    ours = sum(ticks for number, ticks in used.items() if _is_below(os.getpid(), number, parents))
    return ours / os.sysconf("SC_CLK_TCK")


def _is_below(ancestor: int, number: int, parents: dict[int, int]) -> bool:
    while number and number != ancestor:
        number = parents.get(number, 0)
    return number == ancestor


@contextmanager
def _trading(exchange: Exchange, rate: float) -> Iterator[list[int]]:
    """Trades at a rate, among resting orders, in a thread; the list grows by one for each trade."""
    counted: list[int] = []
    stop = threading.Event()
    for rung in range(1, RUNGS + 1):
        _order(exchange, "MAKER", "buy", MIDDLE - 50 - rung, 100 + rung)
        _order(exchange, "MAKER", "sell", MIDDLE + 50 + rung, 100 + rung)

    def trade() -> None:
        began = time.monotonic()
        while not stop.wait(max(0.0, began + len(counted) / rate - time.monotonic())):
            number = len(counted)
            price = MIDDLE + number * 7 % 83 - 41
            sides = ("buy", "sell") if number % 2 else ("sell", "buy")
            for account, side in zip((f"BOT{number % 9}", f"BOT{number % 7}"), sides):
                _order(exchange, account, side, price, 1 + number % 150)
            counted.append(price)

    thread = threading.Thread(target=trade)
    thread.start()
    try:
        yield counted
    finally:
        stop.set()
        thread.join()


def _order(exchange: Exchange, account: str, direction: str, price: int, qty: int) -> None:
    body = json.dumps(
        {
            "account": account,
            "direction": direction,
            "orderType": "limit",
            "price": price,
            "qty": qty,
        }
    ).encode()
    url = f"{exchange.url}venues/TESTEX/stocks/FOOBAR/orders"
    DIRECT.open(url, body, timeout=10).close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--rate", type=float, default=100, help="trades a second (100)")
    add("--seconds", type=float, default=10, help="length of a round (10)")
    add("--rounds", type=int, default=3, help="rounds (3)")
    add("--without-tape", action="store_true", help="have the page ask twice a second")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
