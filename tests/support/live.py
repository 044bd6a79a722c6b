"""Starts the exchange, and the bots, as the processes that users start; for tests over sockets."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

from fork_server import popen

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 60.0  # seconds for a process to print something, to answer, or to end


class Started:
    """A running process, all that it printed, and how to end it."""

    def __init__(self, *command: str) -> None:
        self._process = popen(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self.pid = self._process.pid
        self._lines: list[str] = []
        self._has_news = threading.Condition()
        self._has_closed = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def log(self) -> str:
        """What it has printed so far, on both streams."""
        with self._has_news:
            return "".join(self._lines)

    def wait_for(self, pattern: str, since: int = 0) -> re.Match[str]:
        """The first match in the log, not counting its first `since` characters."""
        deadline = time.monotonic() + PATIENCE
        with self._has_news:
            while True:
                log = "".join(self._lines)
                found = re.search(pattern, log[since:], re.MULTILINE)
                if found:
                    return found
                in_time = self._has_news.wait(deadline - time.monotonic())
                assert in_time and not self._has_closed, f"no {pattern!r} in:\n{log}"

    def end(self, signal_number: int = signal.SIGTERM, patience: float = PATIENCE) -> int:
        """Send the signal unless it has ended, and return the exit status; kill it if it hangs."""
        self.send(signal_number)
        return self.wait(patience)

    def send(self, signal_number: int) -> None:
        self._process.send_signal(signal_number)

    def wait(self, patience: float = PATIENCE) -> int:
        """The exit status, once it ends by itself within so many seconds."""
        try:
            status = self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not end:\n{self.log()}") from None
        self._reader.join(PATIENCE)
        return status

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join(PATIENCE)

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                with self._has_news:
                    self._lines.append(line)
                    self._has_news.notify_all()
        with self._has_news:
            self._has_closed = True
            self._has_news.notify_all()


class Exchange:
    """A running exchange: its `port`, its `url`, and its `log()`."""

    def __init__(self, process: Started, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}/ob/api/"
        self.process = process
        self.log = process.log


@contextmanager
def running(*options: str) -> Iterator[Exchange]:
    """An exchange with these options, on a free port unless they say -p; it must end with 0."""
    with killed(*options) as exchange:
        yield exchange
        status = exchange.process.end()
        assert status == 0, f"exit status {status}:\n{exchange.log()}"


@contextmanager
def killed(*options: str, wrapper: Sequence[str] = ()) -> Iterator[Exchange]:
    """The same, but it is killed with SIGKILL in the end; a wrapper is what runs the command."""
    process = Started(*wrapper, sys.executable, "disorderBook_main.py", "-p", "0", *options)
    try:
        port = int(process.wait_for(r"^disorderBook starting up on port (\d+)$")[1])
        exchange = Exchange(process, port)
        _wait_until_it_answers(exchange)
        yield exchange
    finally:
        process.kill()


@contextmanager
def bot(script: str, *options: str) -> Iterator[Started]:
    """A script of bots/, started as from a shell; the test ends it, or it is killed."""
    with started(sys.executable, str(ROOT / "bots" / script), *options) as process:
        yield process


@contextmanager
def started(*command: str) -> Iterator[Started]:
    """Any command, started in the checkout; the test ends it, or it is killed."""
    process = Started(*command)
    try:
        yield process
    finally:
        process.kill()


def _wait_until_it_answers(exchange: Exchange) -> None:
    # The line is printed before the port is open, and nothing tells when it is.
    without_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with without_proxy.open(exchange.url + "heartbeat", timeout=PATIENCE) as answer:
                assert answer.status == 200
                return
        except (URLError, ConnectionError):
            assert time.monotonic() < deadline, f"no heartbeat:\n{exchange.log()}"
            time.sleep(0.02)
