"""Runs a real NATS server on a free port, and subscribes to it by its own protocol."""

import json
import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import pytest
from live import PATIENCE, Started
from ports import free_port

HOST = "127.0.0.1"
NATS_SERVER = shutil.which("nats-server", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def require_nats_server() -> None:
    """Skip the test where there is no nats-server, but not in continuous integration."""
    if NATS_SERVER is None:
        assert os.environ.get("CI") != "true", "continuous integration must install nats-server"
        pytest.skip("nats-server is not installed")


class NatsServer:
    """A server that can be started, stopped, continued and killed; its port stays. `settings` are
    lines of its configuration.
    """

    def __init__(self, folder: Path, settings: str = "", port: int = 0) -> None:
        self.port = port or free_port()
        self.url = f"nats://{HOST}:{self.port}"
        self._configuration = folder / f"nats-{self.port}.conf"
        self._configuration.write_text(f"listen: {HOST}:{self.port}\n{settings}\n")
        self._process: Started | None = None

    def start(self) -> None:
        """Run it; returns when it can be reached."""
        assert NATS_SERVER is not None
        self._process = Started(NATS_SERVER, "-c", str(self._configuration))
        self._process.wait_for("Server is ready")

    def kill(self) -> None:
        """End it without a word to anybody; nothing happens if it does not run."""
        if self._process is not None:
            self._process.end(signal.SIGKILL)
            self._process = None

    def stop(self) -> None:
        """Have it stand still, with its connections open, until `go_on`. It does by then."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    def go_on(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)


@contextmanager
def nats_server(folder: Path, settings: str = "") -> Iterator[NatsServer]:
    """One that runs from the beginning to the end of the block."""
    require_nats_server()
    server = NatsServer(folder, settings)
    try:
        server.start()
        yield server
    finally:
        server.kill()


class Heard(NamedTuple):
    """A message that came from the server, and when, on time.time()."""

    subject: str
    headers: dict[str, str]
    payload: bytes
    at: float

    @property
    def kind(self) -> str:
        """`quote` and so on; `gap` for what is of no book."""
        tokens = self.subject.split(".")
        return tokens[3] if len(tokens) > 3 else tokens[1]

    @property
    def json(self) -> Any:
        return json.loads(self.payload)

    @property
    def sequence(self) -> int:
        return int(self.headers["Disorderbook-Sequence"])


class Subscriber:
    """Hears what comes on a subject, from its construction until `close`."""

    def __init__(self, port: int, subject: str = ">", **login: str) -> None:
        self._sock = socket.create_connection((HOST, port), PATIENCE)
        self._file: BinaryIO = self._sock.makefile("rb")
        self._heard: list[Heard] = []
        self._has_news = threading.Condition()
        self._file.readline()  # INFO
        options = json.dumps({"verbose": False, "pedantic": False, "headers": True, **login})
        self._say(f"CONNECT {options}\r\nSUB {subject} 1\r\nPING\r\n")
        while self._file.readline() != b"PONG\r\n":
            pass
        self._sock.settimeout(None)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def heard(self, kind: str | None = None) -> list[Heard]:
        """All so far, or what is a quote, trade or execution."""
        with self._has_news:
            return [each for each in self._heard if kind in (None, each.kind)]

    def wait(self, is_enough: Callable[[list[Heard]], object], kind: str | None = None) -> None:
        """Until what was heard is enough; fails after PATIENCE."""
        deadline = time.monotonic() + PATIENCE
        while not is_enough(self.heard(kind)):
            with self._has_news:
                in_time = self._has_news.wait(min(1.0, deadline - time.monotonic()))
            heard = self.heard(kind)
            assert in_time or time.monotonic() < deadline, (len(heard), heard[-3:])

    def close(self) -> None:
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._file.close()
        self._sock.close()

    def __enter__(self) -> "Subscriber":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _say(self, text: str) -> None:
        self._sock.sendall(text.encode())

    def _read(self) -> None:
        with suppress(OSError, ValueError):
            while line := self._file.readline():
                operation, *arguments = line.decode().split()
                if operation == "PING":
                    self._say("PONG\r\n")
                elif operation in ("MSG", "HMSG"):
                    self._take(operation, arguments)

    def _take(self, operation: str, arguments: list[str]) -> None:
        size = int(arguments[-1])
        head = int(arguments[-2]) if operation == "HMSG" else 0
        body = self._file.read(size + 2)[:size]
        lines = body[:head].decode().splitlines()[1:]
        headers = dict(line.split(": ", 1) for line in lines if line)
        with self._has_news:
            self._heard.append(Heard(arguments[0], headers, body[head:], time.time()))
            self._has_news.notify_all()
