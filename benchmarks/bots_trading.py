# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
Whether bots trade for minutes without an error: three noise bots and one that buys low and sells
high, while somebody reads the quote, the book and the scores twenty times a second.

    python3 benchmarks/bots_trading.py [--url URL] [--seconds 120]
"""

import interrupts  # noqa: F401  # isort: skip
import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import IO

from options import Options, run, server_at
from wire import Address, CannotMeasure, Connection, milliseconds, stock_path

BOTS = Path(__file__).parent.parent / "bots"
CREW = ("bot_noise.py", "bot_noise.py", "bot_noise.py", "bot_buy_low_sell_high.py")
READS_PER_SECOND = 20
END_PATIENCE = 10.0  # seconds for a bot to end


def main(options: argparse.Namespace) -> int:
    stock = stock_path(options.venue, options.symbol)
    with server_at(options.url) as address, contextlib.ExitStack() as logs:
        outputs = [logs.enter_context(tempfile.TemporaryFile("w+")) for _ in CREW]
        errors = [logs.enter_context(tempfile.TemporaryFile("w+")) for _ in CREW]
        bots = [
            subprocess.Popen(command(script, address, options), stdout=output, stderr=error)
            for script, output, error in zip(CREW, outputs, errors)
        ]
        try:
            latencies = read_on(address, stock, options.seconds)
        finally:
            statuses = [ended(bot) for bot in bots]
        for script, status, output, error in zip(CREW, statuses, outputs, errors):
            print(f"{script}: exit status {status}, {report(output, error)}")
        print_reads(latencies)
        with Connection(address) as connection:
            print(connection.ask("GET", f"{stock}/scores").body.decode())
        return int(any(statuses) or any(content(error) for error in errors))


def command(script: str, address: Address, options: argparse.Namespace) -> list[str]:
    return [
        sys.executable,
        str(BOTS / script),
        "--url",
        str(address),
        "--venue",
        options.venue,
        "--symbol",
        options.symbol,
    ]


def read_on(address: Address, stock: str, seconds: float) -> dict[str, list[float]]:
    """The seconds that each read took; raises CannotMeasure at a status that is not 200."""
    paths = {"quote": f"{stock}/quote", "book": stock, "scores": f"{stock}/scores"}
    latencies: dict[str, list[float]] = {name: [] for name in paths}
    start = time.monotonic()
    with Connection(address) as connection:
        connection.ask("GET", paths["quote"])  # which opens the book, if it is new
        for number in range(int(seconds * READS_PER_SECOND)):
            time.sleep(max(0.0, start + number / READS_PER_SECOND - time.monotonic()))
            name = list(paths)[number % len(paths)]
            begun = time.perf_counter()
            answer = connection.ask("GET", paths[name])
            latencies[name].append(time.perf_counter() - begun)
            if answer.status != 200:
                raise CannotMeasure(f"Reading the {name}: {answer.status} {answer.body[:80]!r}")
    return latencies


def ended(bot: "subprocess.Popen[bytes]") -> int:
    """The exit status of a bot that is told to end, or has ended."""
    bot.terminate()
    try:
        return bot.wait(END_PATIENCE)
    except subprocess.TimeoutExpired:
        bot.kill()
        return bot.wait()


def report(output: IO[str], error: IO[str]) -> str:
    """The total that a bot printed at its end, and anything that it complained of."""
    complaints = Counter(content(error).splitlines())
    total = (content(output).splitlines() or ["printed nothing"])[-1]
    return f"{total} Complaints: {dict(complaints) or 'none'}."


def content(log: IO[str]) -> str:
    log.seek(0)
    return log.read()


def print_reads(latencies: dict[str, list[float]]) -> None:
    for name, spent in latencies.items():
        p50, p99 = milliseconds(spent, 0.5), milliseconds(spent, 0.99)
        print(f"{len(spent)} reads of the {name}, all 200: p50 {p50:.2f} ms, p99 {p99:.2f} ms")


def _options() -> Options:
    options = Options(__doc__, "BOTS")
    options.add_url()
    options.add_seconds(120.0, "how long they trade")
    return options


if __name__ == "__main__":
    run(main, _options())
