"""A program that trades at a private exchange: how it is started, heard and ended.

It is a child process with a process group of its own. Whatever happens here, at the end of the
`with` block nothing of that group is left. What the program prints is kept up to a bound and goes
to a log file up to another one; the rest is read all the same, so that it never waits for us.

A program that ends in `.py` runs under this Python. Its time and that of every other Python program
is the exchange's (`lab.shim`).
"""

import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO

from disorderbook.lab import shim
from disorderbook.lab.record import (
    LONGEST_PRINTED,
    MOST_LAST_LINES,
    MOST_PRINTED,
    MOST_PRINTED_BYTES,
    Printed,
)
from disorderbook.lab.shim.exchange_time import FILE_VARIABLE, LAYOUT, MAGIC
from disorderbook.process.periodic import join
from disorderbook.timeline.clock import SteppedClock

MOST_LOG_BYTES = 16 << 20  # of what a program prints; the rest is left out of its log
LOG_END = b"\n... the rest of what was printed is left out ...\n"
GRACE = 2.0  # seconds in which a program may end when it is asked to
LOOK_SECONDS = 0.005  # between two looks at whether it has
LAST_WORDS_SECONDS = 1.0  # for what an ended program has printed to be read
PIPE_BYTES = 65536  # read at a time
SHIM = Path(shim.__file__).parent
PLACEHOLDERS = ("url", "tape_url", "account", "key", "venue", "symbol", "seed", "instance")

_PLACEHOLDER = re.compile("{(" + "|".join(PLACEHOLDERS) + ")}")
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_UNPRINTABLE = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f]")


def check_program(program: Sequence[str]) -> None:
    """Raise ValueError with a sentence unless this is a program and its arguments."""
    if not program or not program[0]:
        raise ValueError("No program is named")
    if any("\0" in part for part in program):
        raise ValueError("A program and its arguments cannot have a NUL character")
    name = program[0]
    if name.endswith(".py"):
        try:
            with open(name, "rb"):
                pass
        except OSError as fault:
            raise ValueError(f"The program {name} cannot be read: {fault.strerror}") from None
    elif shutil.which(name) is None:
        why = "is no file that can be executed" if Path(name).exists() else "is not there"
        if os.path.isfile(name) and os.access(name, os.X_OK):
            why = f"is on no path where the system looks for it: name it ./{name}"
        raise ValueError(f"The program {name} {why}")


def command_of(program: Sequence[str], places: Mapping[str, str]) -> list[str]:
    """What is executed: in arguments each {name} of PLACEHOLDERS is replaced, and nothing else."""
    name, *arguments = program
    filled = [_PLACEHOLDER.sub(lambda found: places[found[1]], each) for each in arguments]
    python = [sys.executable, "-u"] if name.endswith(".py") else []
    return [*python, name, *filled]


def environment_of(places: Mapping[str, str], clock_file: str | None) -> dict[str, str]:
    """This process's environment, with DISORDERBOOK_URL and its like, and the shim on PYTHONPATH.
    What has no value is not set.
    """
    ours = {f"DISORDERBOOK_{name.upper()}": value for name, value in places.items() if value}
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("DISORDERBOOK_")
    }
    if clock_file is None:
        return inherited | ours | {"PYTHONUNBUFFERED": "1"}
    path = os.pathsep.join(filter(None, (str(SHIM), os.environ.get("PYTHONPATH"))))
    follow = {"PYTHONPATH": path, FILE_VARIABLE: clock_file}
    return inherited | ours | follow | {"PYTHONUNBUFFERED": "1"}


class ClockFile:
    """The file in which programs read the exchange's clock (see lab.shim.exchange_time). `speed` is
    that of a clock that goes by itself, and 0 for one that is moved. It is written, not mapped: a
    program that cuts it off would end a process that has it mapped.
    """

    def __init__(self, path: str, now: int, speed: float = 0.0) -> None:
        self.path = path
        self._speed, self._real = speed, time.monotonic_ns()
        self._file = open(path, "wb", buffering=0)  # noqa: SIM115
        self.show(now)

    def show(self, now: int) -> None:
        """Have programs read this time, nanoseconds since 1970."""
        shown = LAYOUT.pack(MAGIC, now, self._speed, self._real, now)
        with suppress(OSError):  # a program that has taken the room for it has itself to blame
            os.pwrite(self._file.fileno(), shown, 0)

    def close(self) -> None:
        """Nothing is shown any more; programs read on what was."""
        self._file.close()


class ShownClock(SteppedClock):
    """A stepped clock whose time stands in a file."""

    def __init__(self, start: int, path: str) -> None:
        self._file = ClockFile(path, start)
        super().__init__(start)

    @property
    def now(self) -> int:
        """Nanoseconds since 1970."""
        return self._now

    @now.setter
    def now(self, moment: int) -> None:
        self._now = moment
        self._file.show(moment)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


class Program:
    """A program that runs, from the construction to `end` or the end of the `with` block.

    `command` and `environment` are what `command_of` and `environment_of` return. `clock` gives the
    time of what is printed, in nanoseconds since 1970, and `log` is the file for all of it (None:
    there is none). `announce` is called in the new process, which has its group already, before the
    program begins there. It may take no lock: a thread that has it would not be in that process.
    Raises ValueError with a sentence if the program cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        clock: Callable[[], int],
        log: str | None = None,
        announce: Callable[[], object] | None = None,
    ) -> None:
        self.log = log
        self.printed: list[Printed] = []
        self._clock = clock
        self._log = _Log(log)
        self._last: deque[bytes] = deque(maxlen=MOST_LAST_LINES)
        self._lines, self._room = MOST_PRINTED, MOST_PRINTED_BYTES
        self._must_end = threading.Event()
        self._process = self._start(command, environment, announce)
        self.pid = self._process.pid
        self._reader = threading.Thread(target=self._read, name="program-output", daemon=True)
        self._reader.start()

    def __enter__(self) -> "Program":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end()

    @property
    def status(self) -> int | None:
        """Its exit status, minus the number of a signal that ended it; None while it runs."""
        return _status_of(self._process)

    @property
    def last_lines(self) -> tuple[str, ...]:
        """The last ones of stderr."""
        return tuple(map(_readable, self._last))

    def end(self, grace: float = GRACE) -> None:
        """Ask the program to end, and kill what is left of its group after so many seconds. All
        that it has printed has been read then. Nothing happens if that was done before.
        """
        if self._must_end.is_set():
            return
        try:
            if self.status is None:
                _signal_group(self.pid, signal.SIGTERM)
                self._wait(grace)
        finally:
            _signal_group(self.pid, signal.SIGKILL)
            self._process.wait()
            self._must_end.set()
            join(self._reader)

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.status is None and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)

    def _start(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        announce: Callable[[], object] | None,
    ) -> "subprocess.Popen[bytes]":
        try:
            return subprocess.Popen(
                command,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                preexec_fn=announce,
            )
        except OSError as fault:
            self._log.close()
            raise ValueError(f"Cannot start {command[0]}: {fault.strerror}") from None

    def _read(self) -> None:
        """Read both streams until they end, or until the program must have ended."""
        out, err = self._process.stdout, self._process.stderr
        assert out is not None and err is not None
        streams = {out: _Lines("stdout", self._note), err: _Lines("stderr", self._note)}
        deadline = None
        with selectors.DefaultSelector() as selector, self._log:
            for stream in streams:
                os.set_blocking(stream.fileno(), False)
                selector.register(stream, selectors.EVENT_READ)
            while selector.get_map():
                if self._must_end.is_set():
                    deadline = deadline or time.monotonic() + LAST_WORDS_SECONDS
                    if time.monotonic() >= deadline or not selector.select(0):
                        break  # a process outside of the group may hold them open
                for key, _ in selector.select(0.1):
                    self._read_some(key.fileobj, streams, selector)  # type: ignore[arg-type]
            for stream, lines in streams.items():
                lines.finish()
                stream.close()

    def _read_some(
        self,
        stream: IO[bytes],
        streams: "Mapping[IO[bytes], _Lines]",
        selector: selectors.BaseSelector,
    ) -> None:
        data = os.read(stream.fileno(), PIPE_BYTES)
        if data:
            self._log.write(data)
            streams[stream].feed(data)
        else:
            selector.unregister(stream)

    def _note(self, stream: str, line: bytes) -> None:
        """A line was printed."""
        if stream == "stderr":
            self._last.append(line)
        if not self._lines or self._room <= 0:
            return
        text = _readable(line)
        self._lines, self._room = self._lines - 1, self._room - len(text.encode())
        if self._room >= 0:
            self.printed.append(Printed(self._clock(), stream, text))


class _Lines:
    """Cuts a stream into lines, of which it keeps no more than can be shown."""

    def __init__(self, stream: str, note: Callable[[str, bytes], None]) -> None:
        self._stream, self._note = stream, note
        self._line = bytearray()

    def feed(self, data: bytes) -> None:
        """What came next."""
        first, *others = data.split(b"\n")
        self._extend(first)
        for part in others:
            self._note(self._stream, bytes(self._line))
            self._line.clear()
            self._extend(part)

    def finish(self) -> None:
        """The stream is at its end."""
        if self._line:
            self._note(self._stream, bytes(self._line))
            self._line.clear()

    def _extend(self, part: bytes) -> None:
        room = 4 * LONGEST_PRINTED + 1 - len(self._line)
        self._line += part[: max(0, room)]


class _Log:
    """The file for what a program prints; a disk that cannot take it loses that, and no more."""

    def __init__(self, path: str | None) -> None:
        self._file = None if path is None else open(path, "wb", buffering=0)  # noqa: SIM115
        self._room = MOST_LOG_BYTES

    def __enter__(self) -> None:
        """Nothing is to be done."""

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, data: bytes) -> None:
        if self._file is None or self._room <= 0:
            return
        with suppress(OSError):
            self._file.write(data[: self._room])
            self._room -= len(data)
            if self._room <= 0:
                self._file.write(LOG_END)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


@contextmanager
def clock_path() -> Iterator[str]:
    """Where a clock can be shown, for as long as the block takes."""
    with tempfile.TemporaryDirectory(prefix="disorderbook-") as folder:
        yield str(Path(folder) / "clock")


def _readable(line: bytes) -> str:
    text = _COLOURS.sub("", line.decode(errors="replace").rstrip("\r"))
    text = _UNPRINTABLE.sub("\ufffd", text)
    return text if len(text) <= LONGEST_PRINTED else text[:LONGEST_PRINTED] + "..."


def _signal_group(pid: int, number: int) -> None:
    """Send a signal to the processes of a group that are left of it, if any are."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _status_of(process: "subprocess.Popen[bytes]") -> int | None:
    """The exit status of a process; None while it runs. Where the system can say so without letting
    go of the process, its number is nobody else's until `wait`, and neither is that of its group.
    """
    if process.returncode is not None or not hasattr(os, "waitid"):
        return process.poll()
    ended = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if ended is None:
        return None
    return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
