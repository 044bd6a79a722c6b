"""What tests have started does not outlive them."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import fork_server
import pytest

if sys.platform != "linux":
    pytest.skip("scripts are forked on Linux alone", allow_module_level=True)

SUPPORT = Path(fork_server.__file__).parent
SERVER = f"""
import sys; sys.path.insert(0, {str(SUPPORT)!r})
import fork_server; fork_server.LOADED = ()
fork_server.main()
"""
SCRIPT = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(print("asked to end")))
print("runs", flush=True)
time.sleep(60)
"""


@contextmanager
def serving(
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[subprocess.Popen[bytes], socket.socket]]:
    """A server that forks scripts for this test, and the end of its socket that tests have."""
    tests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-c", SERVER, str(theirs.fileno())]
    with tests, subprocess.Popen(command, pass_fds=[theirs.fileno()]) as server:
        theirs.close()
        monkeypatch.setattr(fork_server, "_server", lambda *_: tests)
        yield server, tests


@pytest.mark.parametrize("is_killed", [False, True], ids=["the tests end", "the server is killed"])
def test_a_script_is_asked_to_end_with_the_server_that_has_forked_it(
    is_killed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(monkeypatch) as (server, tests):
        script = fork_server.popen(
            [sys.executable, "-c", SCRIPT], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        )
        assert script.stdout is not None
        with script.stdout as printed:
            assert printed.readline() == b"runs\n"
            if is_killed:
                server.send_signal(signal.SIGKILL)
            tests.close()  # as the system does for a pytest that is killed
            assert printed.read() == b"asked to end\n"
        with script._told:
            script.returncode = 0  # nobody is left to tell it


def test_an_interrupt_that_goes_to_the_server_too_ends_only_the_script(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serving(monkeypatch) as (server, tests):
        code = "try: input(print(flush=True))\nexcept KeyboardInterrupt: raise SystemExit(7)"
        with fork_server.popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as script:
            assert script.stdout is not None and script.stdout.readline() == b"\n"
            server.send_signal(signal.SIGINT)
            script.send_signal(signal.SIGINT)
            assert script.wait(30) == 7
        tests.close()
        assert server.wait(30) == 0
