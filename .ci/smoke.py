"""Trades in an installed disorderbook, in this process, with the command and with its bots.

Ends with status 0 if all went well.
"""

import importlib.util
import json
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import disorderbook

ONLY_WITH_EXTRAS = ("rich", "waitress")
PATIENCE = 30.0  # seconds


def trade(url: str, first_id: int) -> None:
    with disorderbook.Market("TESTEX", "FOOBAR", account="ME", url=url) as market:
        bid, ask = market.buy(5000, 9), market.sell(5000, 9)
        if (bid.id, ask.id, ask.total_filled) != (first_id, first_id + 1, 9):
            sys.exit(f"These orders did not trade: {bid}, {ask}")


@contextmanager
def exchange(*options: str) -> Iterator[str]:
    """The command's exchange, by its URL. It must end with status 0 and complain of nothing."""
    command = [sys.executable, "-m", "disorderbook", "-p", "0", "-w", "--wsport", "0", *options]
    with tempfile.TemporaryDirectory() as folder:
        ports = Path(folder) / "ports.json"
        with subprocess.Popen(
            [*command, "--ports-file", str(ports)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as started:
            try:
                deadline = time.monotonic() + PATIENCE
                while not ports.exists() and time.monotonic() < deadline:
                    time.sleep(0.01)
                yield json.loads(ports.read_text())["url"]
                started.send_signal(signal.SIGTERM)
                _, errors = started.communicate(timeout=PATIENCE)
            finally:
                started.kill()
    if started.returncode or errors:
        sys.exit(f"It ended with status {started.returncode} and said: {errors}")


def run_bots(url: str) -> None:
    """Two bots, with the command that the installation has put beside its Python."""
    program = Path(sys.executable).with_name("disorderbook")
    command = [program, "bots", "market-maker", "taker", "--seed", "7", "--orders", "5"]
    ended = subprocess.run(
        [*command, "--pause", "0", "--url", url], capture_output=True, text=True, timeout=PATIENCE
    )
    sent = "Total: 10 orders sent, 10 of them placed"
    if ended.returncode or ended.stderr or sent not in ended.stdout:
        sys.exit(f"The bots did not trade: {ended.stdout}{ended.stderr}")


def read_pages(url: str) -> None:
    """What is read on the pages, and what they are made of, has come along."""
    for path, words in (
        ("/", "Trades"),
        ("/docs", "Refusals of most routes"),
        ("/learn", "Adverse selection"),
        ("/static/lines.js", "attendLines"),
    ):
        with urllib.request.urlopen(url + path, timeout=PATIENCE) as answer:
            if words not in answer.read().decode():
                sys.exit(f"{path} does not say {words!r}")


def require_the_bare_package() -> None:
    """An extra that was installed would hide that the package itself needs it."""
    there = [name for name in ONLY_WITH_EXTRAS if importlib.util.find_spec(name)]
    if there:
        sys.exit(f"The package alone must not need {there}")
    command = [sys.executable, "-m", "disorderbook", "-p", "0", "--server", "waitress"]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    if refused.returncode != 2 or "disorderbook[waitress]" not in refused.stderr:
        sys.exit(f"waitress is not refused in a sentence: {refused.stderr}")


def main() -> None:
    require_the_bare_package()
    with tempfile.TemporaryDirectory() as folder:
        database = str(Path(folder) / "market.db")
        with disorderbook.serve(database=database, websockets=True) as served:
            trade(served.url, 0)
            read_pages(served.url)
        with exchange("-d", database) as url:
            trade(url, 2)
            run_bots(url)
    version = ".".join(map(str, sys.version_info[:3]))
    print(f"disorderbook {disorderbook.__version__} trades with Python {version}")


if __name__ == "__main__":
    main()
