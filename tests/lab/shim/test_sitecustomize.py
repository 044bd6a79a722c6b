"""What a program finds when it begins: time that is the exchange's, and the site's own module."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from disorderbook.lab import shim
from disorderbook.lab.shim.exchange_time import LAYOUT, MAGIC

START = 1_443_000_000  # in September 2015
FOLDER = Path(shim.__file__).parent

PROGRAM = """
import asyncio, datetime, json, queue, sys, threading, time
from datetime import datetime as kind
begun, real = time.time(), time.perf_counter()
time.sleep(20)
threading.Event().wait(20)
try:
    queue.Queue().get(timeout=20)
except queue.Empty:
    pass
asyncio.run(asyncio.sleep(20))
async def deadline():
    loop = asyncio.get_running_loop()
    end = loop.time() + 20
    while loop.time() < end:
        await asyncio.sleep(5)
asyncio.run(deadline())
import importlib.util
path = next(part for part in __import__("os").environ["PYTHONPATH"].split(":") if "shim" in part)
again = importlib.util.spec_from_file_location("again", path + "/exchange_time.py")
again.loader.exec_module(importlib.util.module_from_spec(again))  # as the package does
took, real = time.time() - begun, time.perf_counter() - real
now, there = kind.now(datetime.timezone.utc), sys.modules.get("sitecustomize")
told = {
    "begun": begun, "took": took, "real": real, "now": now.timestamp(),
    "years": [kind.now().year, kind.utcnow().year, kind.today().year, datetime.date.today().year,
              int(time.strftime("%Y")), time.localtime().tm_year, time.gmtime().tm_year,
              int(time.ctime()[-4:]), int(time.asctime()[-4:])],
    "ns": time.time_ns() / 1e9 - time.monotonic_ns() / 1e9,
    "is": [isinstance(now, datetime.datetime), isinstance(now, datetime.date),
           isinstance(datetime.datetime.min, datetime.datetime), not isinstance(3, kind),
           issubclass(kind, datetime.date), kind(2020, 1, 2) - kind(2020, 1, 1)
           == datetime.timedelta(days=1)],
    "next": getattr(there, "WORD", None), "folder": "exchange_time.py" in str(sys.path),
}
print(json.dumps(told))
"""


def run(tmp_path: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    (tmp_path / "sitecustomize.py").write_text("WORD = 'the next'")
    path = os.pathsep.join((str(FOLDER), str(tmp_path)))
    return subprocess.run(
        [
            sys.executable,
            "-c",
            PROGRAM if environment else "import sitecustomize as s; print(s.WORD)",
        ],
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_program_follows_the_clock(tmp_path: Path) -> None:
    clock = tmp_path / "clock"
    now = START * 10**9
    clock.write_bytes(LAYOUT.pack(MAGIC, now, 200.0, time.monotonic_ns(), now))
    url = "http://127.0.0.1:1/ob/api/"
    ended = run(tmp_path, {"DISORDERBOOK_CLOCK_FILE": str(clock), "DISORDERBOOK_URL": url})
    assert (ended.returncode, ended.stderr) == (0, "")
    told = json.loads(ended.stdout)
    assert START <= told["begun"] < START + 100 * 60
    assert told["took"] >= 100 and told["real"] < told["took"] / 10
    assert told["now"] >= START + 100
    assert set(told["years"]) == {2015} and abs(told["ns"]) < 60
    assert told["is"] == [True] * 6
    assert told["next"] == "the next" and not told["folder"]


def test_without_a_clock_it_only_gives_way_to_the_next(tmp_path: Path) -> None:
    ended = run(tmp_path, {})
    assert (ended.stdout, ended.stderr) == ("the next\n", "")


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:1/ob/api/"])
def test_a_clock_that_cannot_be_followed_is_said_and_time_stays_real(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from disorderbook.lab.shim import exchange_time

    real = time.sleep
    (tmp_path / "clock").write_bytes(LAYOUT.pack(b"DBCLOCK1" if not url else b"x", 1, 0.0, 0, 1))
    monkeypatch.setenv("DISORDERBOOK_CLOCK_FILE", str(tmp_path / "clock"))
    monkeypatch.setenv("DISORDERBOOK_URL", url)
    exchange_time.begin()
    assert time.sleep is real
    assert capsys.readouterr().err.startswith("disorderbook: time stays real: ")
