"""Systems that lack what Linux has, and which files a run leaves where."""

import os
import subprocess
import sys
import textwrap
import urllib.request
from pathlib import Path

import pytest
from live import PATIENCE, started

ROOT = Path(__file__).parent.parent
PYTHONPATH = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
WITHOUT_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))

# What Python has on Linux, and not on Windows. (uvloop is a package that need not be there.)
MODULES = {
    "fcntl",
    "resource",
    "uvloop",
    "pwd",
    "grp",
    "termios",
    "tty",
    "pty",
    "syslog",
    "readline",
}
FUNCTIONS = {
    "fork",
    "forkpty",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getgroups",
    "fchmod",
    "fchown",
    "chown",
    "pread",
    "pwrite",
    "preadv",
    "pwritev",
    "fdatasync",
    "mkfifo",
    "mknod",
    "statvfs",
    "fstatvfs",
    "sysconf",
    "sched_getaffinity",
    "sched_setaffinity",
    "register_at_fork",
    "nice",
    "posix_fallocate",
    "posix_fadvise",
    "memfd_create",
    "pipe2",
    "getpgid",
    "setsid",
    "uname",
    "sync",
    "lockf",
    "sendfile",
    "splice",
    "copy_file_range",
    "eventfd",
    "O_CLOEXEC",
    "O_DIRECTORY",
    "O_NOFOLLOW",
    "O_NONBLOCK",
    "O_SYNC",
    "O_DSYNC",
    "O_NOCTTY",
    "O_PATH",
    "O_TMPFILE",
}
SIGNALS = {"SIGHUP", "SIGPIPE", "SIGUSR1", "SIGUSR2", "SIGCHLD", "SIGALRM", "SIGKILL"}
SOCKETS = {
    "SO_REUSEPORT",
    "MSG_DONTWAIT",
    "MSG_NOSIGNAL",
    "TCP_QUICKACK",
    "TCP_USER_TIMEOUT",
    "sethostname",
    "CMSG_LEN",
    "SO_PEERCRED",
}
# The libraries below us look for such things by themselves, so they and all of Python's own modules
# that they need are there before anything is taken away.
TAKE_AWAY = f"""
    import asyncio, http.client, importlib.util, os, pkgutil, signal, socket, sqlite3, subprocess
    import sys, tempfile, uuid, multiprocessing, concurrent.futures
    import bottle, httptools, msgspec, prometheus_client, requests, rich, rich.console
    import simple_websocket_server, sortedcontainers, waitress, websocket, pytest

    class Without:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in {MODULES!r}:
                raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

    sys.meta_path.insert(0, Without())
    for name in {MODULES!r}:
        sys.modules.pop(name, None)
    for module, names in ((os, {FUNCTIONS!r}), (signal, {SIGNALS!r}), (socket, {SOCKETS!r})):
        for name in names:
            if hasattr(module, name):
                delattr(module, name)
"""
IMPORT_ALL = """
    import disorderbook
    found = [each.name for each in pkgutil.walk_packages(disorderbook.__path__, "disorderbook.")]
    for name in found:
        importlib.import_module(name)
    sys.path.insert(0, "bots")
    bots = [each.name for each in pkgutil.iter_modules(["bots"])]
    for name in bots:
        importlib.import_module(name)
    print(len(found), len(bots))
"""
TRADE = """
    import disorderbook
    from disorderbook.client import Refused
    from disorderbook.process.sockets import DESCRIPTORS_ELSEWHERE, allow_descriptors

    assert allow_descriptors() == DESCRIPTORS_ELSEWHERE
    for first_id in (0, 2):
        with disorderbook.serve(database=sys.argv[1], websockets=True) as exchange:
            with disorderbook.Market(
                "TESTEX", "FOOBAR", account="ME", url=exchange.url, tape_url=exchange.tape_url
            ) as market:
                executions = market.executions()
                bid = market.buy(5000, 9)
                assert bid.id == first_id, bid
                market.sell(5000, 9)
                assert next(executions).order.account == "ME"
    print("traded")
"""


def run(program: str, *arguments: str) -> str:
    """What it prints, in an interpreter that has only what Windows has."""
    text = "\n".join(map(textwrap.dedent, ("import importlib", TAKE_AWAY, program)))
    ended = subprocess.run(
        [sys.executable, "-c", text, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, "PYTHONPATH": PYTHONPATH},
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_every_module_imports_without_what_windows_lacks() -> None:
    modules = list((ROOT / "disorderbook").rglob("*.py"))
    bots = list((ROOT / "bots").glob("*.py"))
    found, found_bots = map(int, run(IMPORT_ALL).split())
    assert (found, found_bots) == (len(modules) - 1, len(bots))  # all but the package itself


def test_a_market_is_traded_in_kept_and_gone_on_with_without_what_windows_lacks(
    tmp_path: Path,
) -> None:
    assert run(TRADE, str(tmp_path / "market.db")) == "traded\n"


def test_text_files_are_read_and_written_in_utf_8_everywhere(tmp_path: Path) -> None:
    """Without saying so, Python uses what the system's language is written in."""
    accounts = tmp_path / "accounts.json"
    accounts.write_text('{"NOISEBOTS": "key", "Ä": "other"}', encoding="utf-8")
    python = [sys.executable, "-X", "warn_default_encoding", "-W", "error::EncodingWarning"]
    options = ["-a", str(accounts), "-d", "market.db", "--ports-file", "ports", "-w", "--wsport=0"]
    with started(
        "env",
        f"--chdir={tmp_path}",
        f"PYTHONPATH={PYTHONPATH}",
        *python,
        "-m",
        "disorderbook",
        "-p",
        "0",
        *options,
    ) as process:
        url = process.wait_for(r"Connect to +(\S+)")[1]
        with started(
            *python,
            "-m",
            "bots",
            "noise",
            "--url",
            url,
            "--accounts",
            str(accounts),
            "--orders",
            "1",
            "--pause",
            "0",
        ) as bot:
            assert bot.wait() == 0 and "EncodingWarning" not in bot.log(), bot.log()
        for page in ("", "docs", "openapi.json", "static/page.js"):
            request = urllib.request.Request(url.replace("ob/api/", page))
            with WITHOUT_PROXY.open(request, timeout=PATIENCE) as answer:
                assert answer.status == 200
        assert process.end() == 0, process.log()
        assert "EncodingWarning" not in process.log()


@pytest.mark.parametrize("database", [False, True])
def test_a_clean_end_leaves_the_market_and_its_lock_and_nothing_else(
    tmp_path: Path, database: bool
) -> None:
    """Not in the working directory, the home, nor where temporary files go."""
    places = {name: tmp_path / name for name in ("work", "home", "tmp")}
    for place in places.values():
        place.mkdir()
    environment = [
        f"HOME={places['home']}",
        f"TMPDIR={places['tmp']}",
        f"SQLITE_TMPDIR={places['tmp']}",
        f"PYTHONPATH={PYTHONPATH}",
        "PYTHONDONTWRITEBYTECODE=1",
    ]
    options = ["-w", "--wsport", "0", "--ports-file", "ports.json"]
    options += ["-d", "market.db"] if database else []
    with started(
        "env",
        f"--chdir={places['work']}",
        *environment,
        sys.executable,
        "-m",
        "disorderbook",
        "-p",
        "0",
        *options,
    ) as process:
        url = process.wait_for(r"Connect to +(\S+)")[1]
        with started(
            sys.executable, "bots/bot_noise.py", "--url", url, "--orders", "5", "--pause", "0"
        ) as bot:
            assert bot.wait() == 0, bot.log()
        assert process.end() == 0, process.log()
    left = {
        str(path.relative_to(tmp_path)): path.stat().st_size
        for path in tmp_path.rglob("*")
        if path.is_file()
    }
    size = left.pop("work/market.db", 0)
    assert (size > 0) == database
    assert left == ({"work/market.db-lock": 0} if database else {})
