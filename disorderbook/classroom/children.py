"""The programs of a running class: the exchange, nginx in front of it, and the rounds' bots.

The rule: they belong together. Each is a child of this process in a session of its own, so that
Ctrl-C reaches this process alone, which ends them in their order: bots, nginx, exchange. If it is
killed itself, its watchdog ends them. What a child prints is in a log file, whose last line says
why it ended.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from disorderbook.classroom.connection import AdminConnection
from disorderbook.classroom.folder import FILE_MODE, FOLDER_MODE, ClassFolder
from disorderbook.classroom.plan import PRACTICE, PRACTICE_STOCK, ClassPlan, PlannedBots, Round
from disorderbook.classroom.proxy import nginx_command
from disorderbook.server.origin import is_address

GRACE = 10.0  # seconds for a child to end when it is asked to
START_SECONDS = 60.0  # for the exchange to answer
LOOK_SECONDS = 0.05  # between two looks at that
SETTLED_SECONDS = 0.5  # after which a program that cannot run has ended
LONGEST_LINE = 300  # characters of a log's last line
LOG_END_BYTES = 4096

# What the watchdog runs: its input ends when the class does; the last line says who is alive.
END_THE_LAST = 'while read -r line; do pids=$line; done; [ -z "$pids" ] || kill $pids'

BotGroup = tuple[str, ...]
"""Venue, stock, and the names of the bots that one process runs there."""
BotCommands = dict[BotGroup, list[str]]


class CannotRun(Exception):
    """A program of the class has ended, or cannot start; says which and why in a sentence."""


class Child:
    """A running program; raises CannotRun if it cannot be started."""

    def __init__(
        self, title: str, command: Sequence[str], log: Path, folder: Path | None = None
    ) -> None:
        self.title = title
        self._log = log
        log.parent.mkdir(mode=FOLDER_MODE, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        with open(os.open(log, flags, FILE_MODE), "ab") as output:
            try:
                self._process = subprocess.Popen(
                    command,
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as fault:
                raise CannotRun(f"{title} cannot be started: {fault.strerror}") from None
        self.pid = self._process.pid
        self._was_running = True

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def has_just_ended(self) -> bool:
        """Whether it has ended since this was last asked."""
        before, self._was_running = self._was_running, self.runs
        return before and not self._was_running

    def check(self) -> None:
        """Raise CannotRun if it has ended."""
        if not self.runs:
            raise CannotRun(f"{self.title} has ended: {self._why()}")

    def end(self) -> None:
        """Ask it to end, and kill it if it does not."""
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if hasattr(os, "killpg"):  # nginx' workers go on without their master
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def _why(self) -> str:
        """The last line that it has printed, else its status."""
        with suppress(OSError), self._log.open("rb") as file:
            file.seek(max(0, self._log.stat().st_size - LOG_END_BYTES))
            lines = file.read().decode(errors="replace").split("\n")
            said = [line.strip() for line in lines if line.strip()]
            if said:
                return f"{said[-1][:LONGEST_LINE]} ({self._log})"
        return f"status {self._process.returncode}"


class Watchdog:
    """A shell that outlives this process, however that ends, and then asks its children to end.
    (Windows has no such shell: there they have to be ended by hand.)
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def note(self, children: Iterable["Child"]) -> None:
        """Have it end these, and no others."""
        if os.name != "posix":
            return
        if self._process is None:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", f"pids=; {END_THE_LAST}"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                text=True,
            )
        with suppress(BrokenPipeError):  # somebody has ended it
            assert self._process.stdin is not None
            self._process.stdin.write(" ".join(str(child.pid) for child in children) + "\n")
            self._process.stdin.flush()

    def end(self) -> None:
        if self._process is not None:
            self.note(())
            self._process.communicate()
            self._process = None


class Children:
    """The children of one class, none at first."""

    def __init__(self, folder: ClassFolder, plan: ClassPlan) -> None:
        self._folder, self._plan = folder, plan
        self._watchdog = Watchdog()
        self.exchange: Child | None = None
        self.nginx: Child | None = None
        self._bots: dict[BotGroup, Child] = {}

    def start_exchange(
        self, connection: AdminConnection, is_wanted: Callable[[], bool] = lambda: True
    ) -> None:
        """Start it, and wait until it answers, or is not wanted any more; raises CannotRun."""
        command = exchange_command(self._folder, self._plan)
        self.exchange = Child("The exchange", command, self._log("exchange"))
        self._watchdog.note(self._alive())
        deadline = time.monotonic() + START_SECONDS
        while is_wanted() and not connection.answers():
            self.exchange.check()
            if time.monotonic() > deadline:
                raise CannotRun(f"The exchange does not answer within {START_SECONDS:g} seconds")
            time.sleep(LOOK_SECONDS)
        self.exchange.check()  # or it was another exchange that has answered

    def start_nginx(self, program: str) -> None:
        """Start it, and see that it goes on; raises CannotRun."""
        place = self._folder.nginx
        self.nginx = Child("nginx", nginx_command(program), self._log("nginx"), place)
        self._watchdog.note(self._alive())
        time.sleep(SETTLED_SECONDS)
        self.nginx.check()

    def check(self) -> None:
        """Raise CannotRun if one has ended without which there is no class."""
        for child in (self.exchange, self.nginx):
            if child is not None:
                child.check()

    def _alive(self) -> list[Child]:
        """In the order in which they are to end."""
        known = (*self._bots.values(), self.nginx, self.exchange)
        return [child for child in known if child is not None and child.runs]

    def have_bots(self, wanted: BotCommands) -> list[str]:
        """Have these bots trade and no others; returns a sentence for each process of them that has
        ended by itself. Raises CannotRun.
        """
        ended = []
        before = self._alive()
        for key, child in list(self._bots.items()):
            if key not in wanted:
                child.end()
                del self._bots[key]
        for key, command in wanted.items():
            if key not in self._bots:
                self._bots[key] = Child(f"The bots of {key[0]}", command, self._log("bots"))
            elif self._bots[key].has_just_ended():
                ended.append(f"Bots of {' '.join(key)} have ended; see {self._log('bots')}")
        if self._alive() != before:
            self._watchdog.note(self._alive())
        return ended

    def end(self) -> None:
        """End all of them."""
        for child in (*self._bots.values(), self.nginx, self.exchange):
            if child is not None:
                child.end()
        self._watchdog.end()

    def _log(self, name: str) -> Path:
        return self._folder.logs / f"{name}.log"


def exchange_command(folder: ClassFolder, plan: ClassPlan) -> list[str]:
    """What starts the class's exchange. It has room for the class's own books alone, so nobody can
    open one beside a round's and have it count.
    """
    level_seeds = [each.seed for each in plan.rounds if each.level is not None]
    options: dict[str, object] = {
        "--port": plan.exchange_port,
        "--accounts": folder.accounts_file,
        "--database": folder.market_file,
        "--wsport": 0,
        "--admin-key-file": folder.admin_key_file,
        "--venue": PRACTICE,
        "--symbol": PRACTICE_STOCK,
        "--maxbooks": plan.books,
        "--ports-file": folder.ports_file,
        "--mark": plan.mark,
        **({"--rules": folder.rules_file} if folder.rules_file.stat().st_size else {}),
        **({"--seed": level_seeds[0]} if level_seeds else {}),
    }
    names = [host for host in plan.hosts if not is_address(host)]
    return [
        *(sys.executable, "-m", "disorderbook", "--websockets"),
        *(f"{option}={value}" for option, value in options.items()),
        *(f"--allowed-host={name}" for name in names),
    ]


def bot_commands(folder: ClassFolder, plan: ClassPlan, of: Round | None) -> BotCommands:
    """What runs the bots of a round, or without one those of the practice market: a process for
    each stock and each number of copies. Those of a level run by themselves.
    """
    practice = (PRACTICE, (PRACTICE_STOCK,), plan.bots, 0)
    venue, stocks, bots, seed = (of.venue, of.stocks, of.bots, of.seed) if of else practice
    groups: dict[int, list[PlannedBots]] = {}
    for each in bots:
        groups.setdefault(each.copies, []).append(each)
    found: BotCommands = {}
    for number, stock in enumerate(stocks):
        for copies, group in groups.items():
            names = [each.name for each in group]
            options = {
                "--url": f"http://127.0.0.1:{plan.exchange_port}",
                "--accounts": folder.accounts_file,
                "--venue": venue,
                "--symbol": stock,
                "--seed": seed + number,
                "--copies": copies,
            }
            command = [sys.executable, "-m", "disorderbook", "bots", *names, "--quiet"]
            command += [f"{option}={value}" for option, value in options.items()]
            found[(venue, stock, *names)] = command
    return found
