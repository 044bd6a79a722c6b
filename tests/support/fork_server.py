"""Starts scripts of the project as processes that need not load anew what they import.

A server process has imported the package once, and forks itself for each script. What it forks has
memory, descriptors, signals, environment and exit status of its own, as any process has. Where that
would not be the same, a process is started afresh: not on Linux, or with options for the
interpreter itself. Of those only `-OO` has a server of its own.

The server ends with the tests, however they end, and each process that it has forked is then asked
to end, as by a user: a pytest that is killed leaves nothing that goes on.
"""

import atexit
import ctypes
import functools
import gc
import importlib
import io
import json
import os
import runpy
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
COMMAND = Path(__file__).with_name("forked_command.py")
LONGEST_REQUEST = 200_000  # bytes
LONGEST_REPLY = 20
LOADED = (
    "disorderbook.cli.main",
    "disorderbook.in_process",
    "disorderbook.runner.command",
    "disorderbook.client.listener",
    "disorderbook.tape.server",
    "multiprocessing",  # as coverage does, so that scripts are tried as they run with it
    "uvloop",
)
OPTIMIZED = "-OO"
PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>
BLOCKED_AT_FORK = [signal.SIGCHLD, signal.SIGINT]
LATE = {"PYTHONUNBUFFERED"}  # variables for the interpreter that still count after its start


def popen(command: Sequence[str], **keywords: Any) -> "subprocess.Popen[Any]":
    """As subprocess.Popen, which it is where no script can be forked."""
    kind = ForkedScript if _can_be_forked(command, keywords.get("env")) else subprocess.Popen
    return kind(command, **keywords)


def run(
    command: Sequence[str], timeout: float, **keywords: Any
) -> "subprocess.CompletedProcess[str]":
    """As subprocess.run of a script that reads nothing, with the text of what it prints."""
    pipe = subprocess.PIPE
    with popen(
        command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, **keywords
    ) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        finally:
            process.kill()
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def run_in_shell(text: str, timeout: float, **keywords: Any) -> "subprocess.CompletedProcess[str]":
    """As subprocess.run of these lines by bash, where `$PYTHON ARGUMENTS` is forked, too."""
    python, shared = shlex.quote(sys.executable), []
    if sys.platform == "linux":
        shared = [_server(os.getpid()).fileno()]
        python += f" -IS {shlex.quote(str(COMMAND))} {shared[0]}"
    command = ["bash", "-e", "-m", "-c", text.replace("$PYTHON ", f"{python} ")]
    return subprocess.run(
        command, pass_fds=shared, capture_output=True, text=True, timeout=timeout, **keywords
    )


def _can_be_forked(command: Sequence[str], environment: Mapping[str, str] | None) -> bool:
    """Whether it is a script, a module or code, with nothing that only a new interpreter minds."""
    if sys.platform != "linux" or command[0] != sys.executable:
        return False
    first = str(command[2 if command[1] == OPTIMIZED else 1])
    is_code = first in ("-m", "-c") or not first.startswith("-")
    return is_code and _minded(environment or os.environ) == _minded(os.environ)


def _minded(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(("PYTHON", "LC_", "LANG"))
        and name not in LATE
        and (name, value) != ("PYTHONPATH", str(ROOT))
    }


class ForkedScript(subprocess.Popen[Any]):
    """A child of the server, which tells its pid and its end."""

    _told: socket.socket

    def _execute_child(
        self, args: Any, executable: Any, preexec_fn: Any, close_fds: Any, pass_fds: Any,
        cwd: Any, env: Any, startupinfo: Any, creationflags: Any, shell: Any, *descriptors: int,
    ) -> None:  # fmt: skip
        stdin, _, _, stdout, _, stderr = descriptors[:6]
        options = args[1:2] if args[1] == OPTIMIZED else []
        request = {
            "arguments": list(map(os.fspath, args[1 + len(options) :])),
            "folder": os.fspath(cwd or os.getcwd()),
            "environment": dict(os.environ if env is None else env),
            "leads_a_session": bool(descriptors[11]),
        }
        self._told, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        given = [own if own != -1 else number for number, own in enumerate((stdin, stdout, stderr))]
        with theirs:
            message = [json.dumps(request).encode()]
            socket.send_fds(_server(os.getpid(), *options), message, [*given, theirs.fileno()])
        self._close_pipe_fds(*descriptors[:6])  # type: ignore[attr-defined]
        self.pid = int(self._told.recv(LONGEST_REPLY))
        self._child_created = True

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        """What waitpid returns of a child of one's own."""
        try:
            status = self._told.recv(LONGEST_REPLY, socket.MSG_DONTWAIT if wait_flags else 0)
        except BlockingIOError:
            return 0, 0
        assert status, "the server has ended"
        self._told.close()
        return self.pid, int(status)

    def _internal_poll(self, *_: Any, **__: Any) -> int | None:
        if self.returncode is None and self._waitpid_lock.acquire(False):  # type: ignore[attr-defined]
            try:
                pid, status = self._try_wait(os.WNOHANG)
                if pid:
                    self._handle_exitstatus(status)  # type: ignore[attr-defined]
            finally:
                self._waitpid_lock.release()  # type: ignore[attr-defined]
        return self.returncode


@functools.cache
def _server(owner: int, *options: str) -> socket.socket:
    """Where the server of this process listens; it ends with the process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        number = theirs.fileno()
        command = [sys.executable, *options, __file__, str(number)]
        server = subprocess.Popen(command, pass_fds=[number], cwd=ROOT, stdin=subprocess.DEVNULL)
    atexit.register(server.wait)
    atexit.register(server.kill)  # which is done first
    return ours


class Script(NamedTuple):
    """What a forked process is to run."""

    arguments: list[str]
    folder: str
    environment: dict[str, str]
    leads_a_session: bool

    def run(self) -> None:
        """As `python ARGUMENTS` does."""
        if self.leads_a_session:
            os.setsid()
        os.chdir(self.folder)
        os.environ.clear()
        os.environ.update(self.environment)
        _open_streams(buffering=0 if self.environment.get("PYTHONUNBUFFERED") else -1)
        # multiprocessing looks here, too, for what a script defines, once anything has imported it.
        sys.modules["__main__"] = sys.modules["__mp_main__"] = script = ModuleType("__main__")
        name, *rest = self.arguments
        if name == "-m":
            sys.path[0] = self.folder
            sys.argv = rest
            runpy._run_module_as_main(rest[0])  # type: ignore[attr-defined]
        elif name == "-c":
            sys.path[0] = ""
            sys.argv = ["-c", *rest[1:]]
            exec(compile(rest[0], "<string>", "exec"), vars(script))
        else:
            file = Path(name, "__main__.py") if os.path.isdir(name) else Path(name)
            sys.path[0] = str(file.resolve().parent)
            sys.argv = [name, *rest]
            script.__file__ = str(file)
            exec(compile(file.read_bytes(), file, "exec"), vars(script))


def _open_streams(buffering: int) -> None:
    """As the interpreter does when it starts, for descriptors that have become others."""
    sys.stdin = open(0, closefd=False)
    out, err = (open(number, "wb", buffering, closefd=False) for number in (1, 2))
    sys.stdout = io.TextIOWrapper(out, write_through=not buffering)
    sys.stderr = io.TextIOWrapper(err, errors="backslashreplace", line_buffering=True)


def serve(requests: socket.socket) -> Script | None:
    """Fork for each request, until there are no more; returns the script in what was forked."""
    children: dict[int, socket.socket] = {}
    server = os.getpid()

    def tell_ends(*_: object) -> None:
        while children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            with children.pop(pid) as asked:
                asked.send(str(status).encode(), socket.MSG_NOSIGNAL)

    signal.signal(signal.SIGCHLD, tell_ends)
    # Ctrl-C goes to all at a terminal: who asks still has to hear how the scripts have ended.
    at_interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        message, descriptors, _, _ = socket.recv_fds(requests, LONGEST_REQUEST, 4)
        if not message:
            return None
        *streams, told = descriptors
        signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED_AT_FORK)
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGINT, at_interrupt)
            _end_with(server)
            requests.detach()
            _become(streams, children)
            return Script(**json.loads(message))
        children[pid] = socket.socket(fileno=told)
        children[pid].send(str(pid).encode())
        for stream in streams:
            os.close(stream)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, BLOCKED_AT_FORK)


def _end_with(parent: int) -> None:
    """Have this process asked to end when its parent ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # which has ended before that
        os._exit(1)


def _become(streams: list[int], children: dict[int, socket.socket]) -> None:
    """Leave the server to itself, of which a process that was forked has inherited everything."""
    for other in children.values():
        other.detach()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.closerange(len(streams), os.sysconf("SC_OPEN_MAX"))
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, BLOCKED_AT_FORK)


def main() -> None:
    sys.path.insert(1, str(ROOT))
    for name in LOADED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # or each process copies all that it looks through for garbage
    script = serve(socket.socket(fileno=int(sys.argv[1])))
    if script is not None:
        script.run()


if __name__ == "__main__":
    main()
