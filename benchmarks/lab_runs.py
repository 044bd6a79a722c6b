# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
Runs of a program with many seeds, as `disorderbook run --repeat` makes them: how long all take, and
whose processor time that is.

The program sends two requests each trading day, by `requests`, and sleeps until the next one. Its
opponents are market-maker, taker and noise.

    python3 benchmarks/lab_runs.py [--seeds 20] [--days 100] [--jobs N]
"""

import interrupts  # noqa: F401  # isort: skip
import argparse
import resource
import tempfile
import time
from pathlib import Path

from disorderbook.lab.runs import RunSettings, run_seed
from disorderbook.lab.workers import run_seeds

OPPONENTS = "market-maker,taker,noise"
SEEDS, DAYS = 20, 100
MOST_SECONDS = 60.0  # for these, on two idle cores
PROGRAM = """
import os, random, time, requests
E = os.environ
rng, session = random.Random(int(E["DISORDERBOOK_SEED"])), requests.Session()
venue, symbol = E["DISORDERBOOK_VENUE"], E["DISORDERBOOK_SYMBOL"]
stock = E["DISORDERBOOK_URL"] + f"venues/{venue}/stocks/{symbol}"
while True:
    price = session.get(stock + "/quote", timeout=10).json().get("last", 5000)
    order = {"account": E["DISORDERBOOK_ACCOUNT"], "direction": rng.choice(["buy", "sell"]),
             "price": price + rng.randint(-20, 20), "qty": rng.randint(1, 50), "orderType": "limit"}
    session.post(stock + "/orders", json=order, timeout=10).raise_for_status()
    time.sleep(4.9)
"""


def processor_seconds(whose: int) -> float:
    used = resource.getrusage(whose)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many")
    parser.add_argument("--days", type=int, default=DAYS, help="of five seconds each")
    parser.add_argument("--jobs", type=int, help="worker processes (default: one a core)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "program.py"
        program.write_text(PROGRAM)
        settings = RunSettings((str(program),), opponents=OPPONENTS, days=options.days)
        time_one(settings)
        time_all(settings, range(options.seeds), options.jobs)


def time_one(settings: RunSettings) -> None:
    """One seed in this process, so that the program's processor time is its child's."""
    ours, its = processor_seconds(resource.RUSAGE_SELF), processor_seconds(resource.RUSAGE_CHILDREN)
    record = run_seed(settings, 0)
    ours = processor_seconds(resource.RUSAGE_SELF) - ours
    its = processor_seconds(resource.RUSAGE_CHILDREN) - its
    print(
        f"one seed: {record.requests} requests, {len(record.orders)} orders;"
        f" {ours:.2f} s of the processor for the exchange, {its:.2f} s for the program"
    )


def time_all(settings: RunSettings, seeds: range, jobs: int | None) -> None:
    begun, used = time.perf_counter(), processor_seconds(resource.RUSAGE_CHILDREN)
    endings = [record.ending.reason for record in run_seeds(settings, seeds, jobs)]
    seconds = time.perf_counter() - begun
    used = processor_seconds(resource.RUSAGE_CHILDREN) - used
    whole = endings.count("days")
    print(f"{whole} of {len(seeds)} seeds of {settings.days} days in {seconds:.1f} s", end="")
    print(f" ({used / max(1, len(seeds)):.2f} s of the processor each)")
    if (len(seeds), settings.days) == (SEEDS, DAYS):
        verdict = "met   " if seconds < MOST_SECONDS else "MISSED"
        print(f"{verdict} under {MOST_SECONDS:g} s on two idle cores")


if __name__ == "__main__":
    main()
