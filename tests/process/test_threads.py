"""Waiting for threads."""

import subprocess
import sys
import threading

import pytest
from live import PATIENCE, ROOT

from disorderbook.process.threads import join

LEFT_OPEN = """
import disorderbook
serving = disorderbook.serve(websockets=True)
print(serving.__enter__().venue)
ring = [serving]
ring.append(ring)  # so it is dropped only when Python itself ends
"""


def test_a_thread_is_waited_for_unless_python_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on = threading.Event()
    thread = threading.Thread(target=goes_on.wait)
    thread.start()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "is_finalizing", lambda: True)
        join(thread)
    assert thread.is_alive()
    goes_on.set()
    join(thread)
    assert not thread.is_alive()


def test_a_program_that_leaves_an_exchange_open_ends() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", LEFT_OPEN],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (ended.returncode, ended.stdout) == (0, "TESTEX\n"), ended.stderr
