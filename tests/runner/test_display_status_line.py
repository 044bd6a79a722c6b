"""The status line updates in place on a terminal, and is seldom a line anywhere else."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from live import PATIENCE, ROOT, Exchange

from disorderbook.runner import display


def test_on_no_terminal_a_line_is_said_when_it_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    with display.status_line(lambda: "fine", said.append) as show:
        for _ in range(100):
            show()
    assert said == []
    monkeypatch.setattr(display, "PRINT_INTERVAL", 0.0)
    with display.status_line(lambda: "fine", said.append) as show:
        show()
        show()
    assert said == ["fine", "fine"]


def test_on_a_terminal_without_rich_it_is_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setitem(sys.modules, "rich.console", None)  # as if it were not installed
    monkeypatch.setattr(display, "PRINT_INTERVAL", 0.0)
    with display.status_line(lambda: "fine", said.append) as show:
        show()
    assert said == ["fine"]


def test_on_a_terminal_one_line_updates_in_place_below_complaints(
    exchange: Exchange, venue: str
) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "bots", "noise", "--url", exchange.url, "--venue", venue]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
    )
    try:
        os.close(theirs)
        shown = _read_until(ours, lambda text: text.count("orders: noise") >= 3)
        process.send_signal(signal.SIGINT)
        shown += _read_until(ours, lambda text: "Total: " in text)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    first = re.search(r"\d:\d\d  ", shown)
    assert first is not None
    status = shown[first.start() : shown.index("noise (NOISEBOTS): ")]
    assert status.count("orders: noise") >= 3
    assert "\n" not in status[: status.rindex("orders: noise")]
    assert "Traceback" not in shown


def _read_until(terminal: int, has_come: Callable[[str], bool]) -> str:
    text, deadline = "", time.monotonic() + PATIENCE
    while not has_come(text):
        readable, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
        assert readable, text
        text += os.read(terminal, 65536).decode(errors="replace")
    return text
