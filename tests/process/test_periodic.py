"""Background jobs, and waiting for their threads."""

import subprocess
import sys
import threading

import pytest
from live import PATIENCE, ROOT

from disorderbook.process.periodic import Periodic, join

LEFT_OPEN = """
import disorderbook
serving = disorderbook.serve(websockets=True)
print(serving.__enter__().venue)
ring = [serving]
ring.append(ring)  # so it is dropped only when Python itself ends
"""


class Job:
    """Counts its calls, each of which raises `error`; `is_enough` is set at the third."""

    def __init__(self, error: Exception | None = None) -> None:
        self.calls = 0
        self.error = error
        self.is_enough = threading.Event()

    def __call__(self) -> None:
        self.calls += 1
        if self.calls == 3:
            self.is_enough.set()
        if self.error is not None:
            raise self.error


def is_running(name: str) -> bool:
    return any(thread.name == name for thread in threading.enumerate())


def test_a_job_is_done_again_and_again_until_its_block_ends() -> None:
    job = Job()
    with Periodic("job", 0.001, job):
        assert job.is_enough.wait(PATIENCE) and is_running("job")
    assert not is_running("job")


def test_a_job_ends_without_waiting_for_its_next_time() -> None:
    job = Job()
    with Periodic("job", 1e6, job):
        assert is_running("job")
    assert job.calls == 0 and not is_running("job")


def test_a_job_that_fails_is_logged_and_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    job = Job(RuntimeError("a bug"))
    with Periodic("job", 0.001, job):
        assert job.is_enough.wait(PATIENCE)
    assert "The background job job has failed" in caplog.text
    assert "RuntimeError: a bug" in caplog.text  # the traceback


def test_an_expected_error_is_not_logged_and_the_job_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    job = Job(KeyError())
    with Periodic("job", 0.001, job, expected=(LookupError,)):
        assert job.is_enough.wait(PATIENCE)
    assert caplog.text == ""


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
