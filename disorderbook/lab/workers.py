"""Runs of a program with many seeds, several at a time, each in a worker process.

The rule: a worker ends when its stdin does, however this process ends, and its program with it. It
runs one seed after the other and answers over stdout; what else it prints goes to stderr.
"""

import os
import pickle
import signal
import struct
import subprocess
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue
from typing import IO

from disorderbook.lab.record import RunRecord, packed, unpacked
from disorderbook.lab.runs import RunSettings, checked_settings, run_seed

MOST_JOBS = 64  # worker processes
WORKER_SECONDS = 10.0  # for a worker to end in, with its program


class WorkerFailed(Exception):
    """A worker process could not do a run; says why in one sentence."""


def run_seeds(
    settings: RunSettings, seeds: Iterable[int], jobs: int | None = None
) -> Generator[RunRecord, None, None]:
    """Run the program once with each seed, and give the records in the order of the seeds.

    So many runs are under way at once, each in a worker process, by default as many as there are
    cores; one job needs none. When the generator is closed all of them are ended, and their
    programs. Raises ValueError at once for settings that cannot be, and WorkerFailed or what a run
    raises when its turn comes.
    """
    checked_settings(settings)
    jobs = cores() if jobs is None else jobs
    if not 1 <= jobs <= MOST_JOBS:
        raise ValueError(f"There are 1 to {MOST_JOBS} jobs, and not {jobs}")
    if jobs == 1:
        return (run_seed(settings, seed) for seed in seeds)
    return _in_workers(settings, iter(seeds), jobs)


def _in_workers(
    settings: RunSettings, seeds: Iterator[int], jobs: int
) -> Generator[RunRecord, None, None]:
    with _Workers(settings) as workers, ThreadPoolExecutor(jobs) as threads:
        try:
            running: deque[Future[bytes]] = deque()
            while True:
                while len(running) < 2 * jobs and (seed := next(seeds, None)) is not None:
                    running.append(threads.submit(workers.run, seed))
                if not running:
                    return
                yield unpacked(running.popleft().result())
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
            workers.close()


class _Workers:
    """A worker process for each thread that asks for a run."""

    def __init__(self, settings: RunSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._own = threading.local()
        self._all: list[_Worker] = []
        self._is_over = False

    def __enter__(self) -> "_Workers":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, seed: int) -> bytes:
        """A packed record."""
        worker = getattr(self._own, "worker", None)
        if worker is None:
            with self._lock:
                if self._is_over:
                    raise WorkerFailed("The runs have been ended")
                worker = self._own.worker = _Worker()
                self._all.append(worker)
        return worker.run(self._settings, seed)

    def close(self) -> None:
        """End all workers and their programs."""
        with self._lock:
            self._is_over = True
            workers, self._all = self._all, []
        for worker in workers:
            worker.ask_to_end()
        for worker in workers:
            worker.end()


# What a worker says, each with a length before it: that its program runs as a process of that
# number, the packed record of the run, or what has gone wrong.
_HEAD = struct.Struct("<cQ")
_STARTED, _RECORD, _REFUSED, _FAILED = b"S", b"R", b"V", b"F"
_WORK = "import sys; sys.path[:] = {path!r}; from disorderbook.lab.workers import work; work()"


class _Worker:
    """A process that runs seeds one after the other. It ends when its stdin does, and so also when
    this process does, however that comes.
    """

    def __init__(self) -> None:
        self._program: int | None = None  # the process group that it runs
        self._process = subprocess.Popen(
            [sys.executable, "-c", _WORK.format(path=sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is our matter
        )

    def run(self, settings: RunSettings, seed: int) -> bytes:
        """A packed record; raises ValueError and WorkerFailed."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with suppress(OSError):  # then it says nothing, either
            self._process.stdin.write(_message(_STARTED, pickle.dumps((settings, seed))))
            self._process.stdin.flush()
        while True:
            kind, content = _read(self._process.stdout)
            if kind == _STARTED:
                self._program = int.from_bytes(content, "little")
                continue
            if kind == b"":
                self.end()
                raise WorkerFailed(
                    f"The worker process of seed {seed} has ended with the status"
                    f" {self._process.returncode}"
                )
            self._program = None
            if kind == _RECORD:
                return content
            raise (ValueError if kind == _REFUSED else WorkerFailed)(content.decode())

    def ask_to_end(self) -> None:
        """Have it end its program and then itself."""
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()

    def end(self) -> None:
        """Wait for its end, and see to it after WORKER_SECONDS."""
        self.ask_to_end()
        try:
            self._process.wait(WORKER_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.returncode and self._program is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._program, signal.SIGKILL)


def work() -> None:
    """What a worker process does until its stdin ends."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nobody else writes among the messages
    is_over = threading.Event()
    for settings, seed in _asked_over(sys.stdin.buffer, is_over):
        kind, content = _done(settings, seed, out, is_over.is_set)
        with suppress(BrokenPipeError):
            _say(out, kind, content)


def _asked_over(stream: IO[bytes], is_over: threading.Event) -> Iterator[tuple[RunSettings, int]]:
    """What comes over stdin. A thread reads it, so that its end is seen in the middle of a run."""
    asked: SimpleQueue[bytes | None] = SimpleQueue()

    def read() -> None:
        while True:
            kind, content = _read(stream)
            if kind == b"":
                is_over.set()
                asked.put(None)
                return
            asked.put(content)

    threading.Thread(target=read, name="seeds", daemon=True).start()
    while (content := asked.get()) is not None:
        settings, seed = pickle.loads(content)
        yield RunSettings(*settings), seed


def _done(
    settings: RunSettings, seed: int, out: IO[bytes], is_stopped: Callable[[], bool]
) -> tuple[bytes, bytes]:
    def announce() -> None:  # in the program's process: it is known before it can end this one
        os.write(out.fileno(), _message(_STARTED, os.getpid().to_bytes(8, "little")))

    try:
        record = run_seed(settings, seed, announce=announce, is_stopped=is_stopped)
        return _RECORD, packed(record)
    except ValueError as fault:
        return _REFUSED, str(fault).encode()
    except Exception:
        return _FAILED, f"The run of seed {seed} has failed:\n{traceback.format_exc()}".encode()


def _message(kind: bytes, content: bytes) -> bytes:
    return _HEAD.pack(kind, len(content)) + content


def _say(out: IO[bytes], kind: bytes, content: bytes) -> None:
    out.write(_message(kind, content))
    out.flush()


def _read(stream: IO[bytes]) -> tuple[bytes, bytes]:
    """The next message; of the kind b"" at the end."""
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return b"", b""
    kind, length = _HEAD.unpack(head)
    content = stream.read(length)
    return (kind, content) if len(content) == length else (b"", b"")


def cores() -> int:
    """How many processors this process may use, at most MOST_JOBS."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(count or 1, MOST_JOBS)
