"""How long the road of an order is: in calls, files and changes of file, never in time."""

import re
import subprocess
import sys

from live import ROOT

MOST_CALLS, MOST_FILES, MOST_CHANGES = 38, 16, 26


def test_an_order_that_trades_takes_a_short_road() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "road.py")]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    counts = re.fullmatch(
        r"(\d+) calls in (\d+) files, (\d+) changes of file", printed.splitlines()[-1]
    )
    assert counts is not None, printed
    calls, files, changes = map(int, counts.groups())
    assert "OrderBook.submit" in printed and calls == len(printed.splitlines()) - 1
    assert calls <= MOST_CALLS and files <= MOST_FILES and changes <= MOST_CHANGES, printed
