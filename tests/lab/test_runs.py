"""Runs of programs: what is recorded, that it repeats, and that all is ended."""

import os
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from programs import steady, written
from short_runs import PATIENCE, is_gone, settings, told

from disorderbook.game.simulation import START
from disorderbook.lab import runs
from disorderbook.lab.record import (
    DAYS,
    DECIDED,
    EXITED,
    FAILED,
    FLOODED,
    HUNG,
    INTERRUPTED,
)
from disorderbook.lab.runs import run_seed
from disorderbook.lab.workers import run_seeds
from disorderbook.protocol.names import NANOSECONDS
from disorderbook.rules.market import RuleBook, Rules


def test_a_run_is_recorded_and_repeats(tmp_path: Path) -> None:
    asked = settings(steady(tmp_path), logs=str(tmp_path))
    record = run_seed(asked, 7)
    assert record.ending == runs.RunEnding(DAYS, None, (), str(tmp_path / "seed-7.log"))
    assert (record.seed, record.days, record.day) == (7, 4, 5 * NANOSECONDS)
    assert (record.start, record.end) == (START, START + 20 * NANOSECONDS)
    # Two requests of 50 ms and a sleep of 4.9 s make a day.
    assert (record.requests, record.refusal_count, record.refusals) == (8, 0, [])
    own = [order for order in record.orders if order.account == record.account == "ME"]
    assert [(order.ts - START) // (NANOSECONDS // 10) for order in own] == [1, 51, 101, 151]
    assert {"ME", "NOISEBOTS"} < {order.account for order in record.orders}
    assert [order.id for order in record.orders] == list(range(len(record.orders)))
    lines = [each.text.split() for each in record.printed]
    assert [line[1] for line in lines] == ["1", "2", "3", "4"]
    assert [float(line[2]) - START / 1e9 for line in lines] == pytest.approx([0.1, 5.1, 10.1, 15.1])
    assert told(run_seed(asked, 7)) == told(record)
    assert told(run_seed(asked, 8)) != told(record)


def test_a_level_is_played_until_its_days_are_over(tmp_path: Path) -> None:
    asked = settings(steady(tmp_path), level="sell_side", opponents="", days=2, day_seconds=1.0)
    record = run_seed(asked, 3)
    assert record.level is not None
    assert (record.level.name, record.level.state, record.level.day) == ("sell_side", "open", 2)
    assert record.ending.reason == DAYS and record.refusals == []
    assert record.end - record.start == 2 * NANOSECONDS
    assert record.account in {order.account for order in record.orders}
    assert told(run_seed(asked, 3)) == told(record)


RULES = RuleBook(Rules(largest_order=90), {"ROUND1": Rules(largest_order=10, taker_fee=30)})

FIRST_STEP = """
import json, os, sys, time, urllib.request
E = os.environ

def ask(path, body=None):
    headers = {"X-Starfighter-Authorization": E["DISORDERBOOK_KEY"]}
    request = urllib.request.Request(E["DISORDERBOOK_URL"] + path, body, headers)
    return json.load(urllib.request.urlopen(request, timeout=60))

def order(quantity):
    return json.dumps({"account": E["DISORDERBOOK_ACCOUNT"], "direction": "buy", "price": 0,
                       "qty": quantity, "orderType": "market"}).encode()

stock = f"venues/{E['DISORDERBOOK_VENUE']}/stocks/{E['DISORDERBOOK_SYMBOL']}"
"""


def test_a_level_that_is_decided_ends_the_run(tmp_path: Path) -> None:
    code = FIRST_STEP + "\nwhile True:\n    ask(f'{stock}/orders', order(100))\n    time.sleep(1)\n"
    asked = settings(written(tmp_path, code), level="first_steps", opponents="", days=100)
    record = run_seed(asked, 1)
    assert record.level is not None and record.level.state == "won"
    assert record.ending.reason == DECIDED and record.end < record.start + 100 * record.day
    assert record.level.nav != 0


def test_a_program_that_fails_tells_its_last_lines_and_what_it_was_refused(tmp_path: Path) -> None:
    code = FIRST_STEP + (
        "for n in range(30): print('line', n, file=sys.stderr)\n"
        "try: ask(f'{stock}/orders', order(-1))\n"
        "except Exception as fault: print('refused', fault, file=sys.stderr)\n"
        "print('bye'); sys.exit(3)\n"
    )
    record = run_seed(settings(written(tmp_path, code)), 7)
    assert (record.ending.reason, record.ending.status) == (FAILED, 3)
    assert record.ending.last_lines[0] == "line 11" and len(record.ending.last_lines) == 20
    [refusal] = record.refusals
    assert (record.requests, record.refusal_count, refusal.status) == (1, 1, 400)
    assert refusal.sentence and refusal.detail.startswith("qty is -1; allowed: ")
    assert record.printed[-1].text == "bye" and record.end < record.start + 4 * record.day


def test_a_program_obeys_the_rules_of_its_stock(tmp_path: Path) -> None:
    code = FIRST_STEP + (
        "ask(f'{stock}/orders', order(10))\n"
        "try: ask(f'{stock}/orders', order(11))\n"
        "except Exception: pass\n"
    )
    asked = settings(written(tmp_path, code), opponents="")
    record = run_seed(asked._replace(venue="ROUND1", symbol="S", rules=RULES), 7)
    assert (record.venue, record.symbol) == ("ROUND1", "S")
    assert [order.quantity for order in record.orders] == [10] and record.fees == (0, 30)
    [refusal] = record.refusals
    assert refusal.status == 400 and "at most 10" in refusal.detail


@pytest.mark.parametrize(
    ("code", "reason", "status"),
    [
        ("", EXITED, 0),
        ("raise SystemExit('no')", FAILED, 1),
        ("import os; os.kill(os.getpid(), 6)", FAILED, -6),
        ("import signal; signal.pause()", HUNG, None),
        ("while True: pass", HUNG, None),
    ],
)
def test_a_program_that_never_trades_ends_its_run(
    tmp_path: Path, code: str, reason: str, status: int | None
) -> None:
    patience = 0.2 if reason == HUNG else PATIENCE
    asked = settings(written(tmp_path, code), opponents="", patience=patience)
    record = run_seed(asked, 7)
    assert (record.ending.reason, record.ending.status) == (reason, status)
    assert (record.requests, record.orders, record.end) == (0, [], record.start)


def test_a_program_that_sends_too_much_ends_its_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "MOST_PROGRAM_REQUESTS", 30)
    code = FIRST_STEP + "while True: ask('heartbeat')"
    asked = settings(written(tmp_path, code), opponents="", days=10_000)
    record = run_seed(asked, 7)
    assert record.ending.reason == FLOODED and record.requests > 30


def note(path: Path) -> None:
    """Write down the process that this is called in."""
    path.write_text(str(os.getpid()))


def test_a_run_that_is_stopped_is_interrupted_and_its_program_ended(tmp_path: Path) -> None:
    asked = settings(written(tmp_path, "import signal; signal.pause()"), opponents="")
    pid = tmp_path / "pid"
    record = run_seed(asked, 7, announce=lambda: note(pid), is_stopped=lambda: True)
    assert record.ending.reason == INTERRUPTED and is_gone(int(pid.read_text()))


def test_a_failure_of_ours_ends_the_program(tmp_path: Path) -> None:
    def fail() -> bool:
        raise KeyboardInterrupt

    asked = settings(written(tmp_path, "import signal; signal.pause()"), opponents="")
    pid = tmp_path / "pid"
    with pytest.raises(KeyboardInterrupt):
        run_seed(asked, 7, announce=lambda: note(pid), is_stopped=fail)
    assert is_gone(int(pid.read_text()))


def test_a_run_that_cannot_be_recorded_fails_and_does_not_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs.Finish, "_copies", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run_seed(settings(steady(tmp_path), opponents="", days=1), 7)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"program": ()}, "No program is named"),
        ({"level": "no_level"}, "No level is called 'no_level'; there are first_steps, "),
        ({"level": "sell_side"}, "A level has its own bots"),
        ({"opponents": "nobody"}, "No opponent is called 'nobody'"),
        (
            {"level": "sell_side", "opponents": "", "rules": RULES},
            "A level has its own venue, stock and rules",
        ),
        ({"days": 0}, "A run takes 1 to 10000 days, and not 0"),
        ({"day_seconds": 0.0}, "day_seconds is 0.05 to 60, and not 0.0"),
        ({"step": 0}, "A request takes 1 us to 60 s"),
        ({"speed": 0.0}, "A speed is from"),
        ({"patience": 0.0}, "The patience is up to"),
    ],
)
def test_settings_that_cannot_be_are_refused_before_anything_runs(
    changes: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        run_seeds(settings(__file__)._replace(**changes), [1])  # type: ignore[arg-type]
    for jobs in (0, 1000):
        with pytest.raises(ValueError, match="There are 1 to 64 jobs"):
            run_seeds(settings(__file__), [1], jobs)
    with pytest.raises(ValueError, match="seed is an integer from 0"):
        next(run_seeds(settings(__file__), [-1], 1))


@pytest.mark.slow
def test_the_bots_of_the_package_trade_as_fast_as_they_can(tmp_path: Path) -> None:
    """They wait in threads of their own, for minutes of the exchange's time. Without the account of
    the run each has its own.
    """
    bots = "-m disorderbook bots market-maker noise taker --quiet --url {url} --seed {seed}".split()
    own = ("env", "-u", "DISORDERBOOK_ACCOUNT", sys.executable, *bots)
    asked = settings(sys.executable, opponents="", days=8)._replace(program=own)
    record = run_seed(asked, 7)
    assert record.ending.reason == DAYS and record.end - record.start == 40 * NANOSECONDS
    traders = Counter(order.account for order in record.orders)
    assert len(traders) == 3 and all(
        after > before for before, after in pairwise(order.ts for order in record.orders)
    )
    # Each of them had its share of the time: none sleeps past another's moment.
    assert min(traders.values()) > 8


@pytest.mark.slow
def test_libraries_keep_their_timeouts_and_a_faster_clock_goes_by_itself(tmp_path: Path) -> None:
    code = """
import os, time, requests, websocket
E, begun = os.environ, time.time()
stock = f"venues/{E['DISORDERBOOK_VENUE']}/stocks/{E['DISORDERBOOK_SYMBOL']}"
silent = websocket.create_connection(
    f"{E['DISORDERBOOK_TAPE_URL']}ME/venues/{E['DISORDERBOOK_VENUE']}/tickertape", timeout=0.2)
real = time.perf_counter()
try: silent.recv()
except websocket.WebSocketTimeoutException: print('no tick', time.perf_counter() - real < 10)
session = requests.Session()
for _ in range(3):
    print(session.get(E['DISORDERBOOK_URL'] + stock, timeout=(5, 5)).status_code)
    time.sleep(20)
print(time.time() - begun > 60)
"""
    record = run_seed(settings(written(tmp_path, code), opponents="", speed=200.0, days=10_000), 7)
    assert record.ending.reason == EXITED, record.ending
    assert [each.text for each in record.printed] == ["no tick True", *["200"] * 3, "True"]
