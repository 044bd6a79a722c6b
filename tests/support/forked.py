"""Runs a part of a test in a forked process, as `multiprocessing` does or by hand."""

import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any

PATIENCE = 30.0  # seconds for the child to answer

Child = Callable[[Connection], None]
"""What the forked process does, with one end of a pipe."""


@contextmanager
def forked(child: Child) -> Iterator[Connection]:
    """The other end of its pipe; the child is waited for, and must not fail."""
    here, there = multiprocessing.Pipe()
    pid = os.fork()
    if not pid:
        here.close()
        _end_after(child, there)
    there.close()
    with here, _ended(pid):
        yield here


@contextmanager
def forked_by_multiprocessing(child: Child) -> Iterator[Connection]:
    """The same with the context "fork"."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=child, args=(there,), daemon=True)
    process.start()
    there.close()
    with here:
        yield here
        process.join(PATIENCE)
        assert process.exitcode == 0


def heard(pipe: Connection) -> Any:
    """What the child says next."""
    assert pipe.poll(PATIENCE), "the child says nothing"
    return pipe.recv()


def _end_after(child: Child, pipe: Connection) -> None:
    signal.alarm(int(PATIENCE))  # it must not outlive the tests, whatever it waits for
    try:
        child(pipe)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


@contextmanager
def _ended(pid: int) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise
    _, status = os.waitpid(pid, 0)
    assert status == 0, f"the child ended with {status}"
