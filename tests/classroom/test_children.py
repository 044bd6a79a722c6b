"""The programs of a class: what starts them, and what is said when one ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from disorderbook.classroom import children
from disorderbook.classroom.children import (
    CannotRun,
    Child,
    Children,
    bot_commands,
    exchange_command,
)
from disorderbook.classroom.creation import NewClass, make_class
from disorderbook.classroom.folder import ClassFolder
from disorderbook.cli.main import make_parser
from disorderbook.runner.command import bots_parser


def python(log: Path, code: str) -> Child:
    return Child("It", [sys.executable, "-c", code], log)


def test_a_child_that_ends_says_why(tmp_path: Path) -> None:
    child = python(tmp_path / "logs" / "log", "print('one'); raise SystemExit('no such thing')")
    child._process.wait()
    with pytest.raises(CannotRun, match="It has ended: no such thing "):
        child.check()
    assert child.has_just_ended() and not child.has_just_ended()
    silent = python(tmp_path / "logs" / "silent", "raise SystemExit(3)")
    silent._process.wait()
    with pytest.raises(CannotRun, match="It has ended: status 3"):
        silent.check()


def test_a_program_that_is_not_there_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match="It cannot be started: No such file"):
        Child("It", [str(tmp_path / "none")], tmp_path / "log")


def test_a_child_that_does_not_end_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "GRACE", 0.2)
    code = "import signal, time; signal.signal(15, 1); print(1, flush=True); time.sleep(99)"
    child = python(tmp_path / "log", code)
    while not (tmp_path / "log").read_text():
        time.sleep(0.01)
    child.end()
    assert not child.runs
    child.end()  # once more does nothing


@pytest.fixture
def folder(tmp_path: Path) -> ClassFolder:
    make_class(tmp_path / "class", NewClass(["ADA"], ["exchange.example", "192.0.2.1"]))
    return ClassFolder(tmp_path / "class")


def test_the_exchange_has_room_for_the_classs_own_books_only(folder: ClassFolder) -> None:
    command = exchange_command(folder, folder.plan())
    options = make_parser().parse_args(command[3:])
    assert command[:3] == [sys.executable, "-m", "disorderbook"]
    assert (
        options.maxbooks == 5 and options.websockets and options.port == folder.plan().exchange_port
    )
    assert options.allowed_hosts == ["exchange.example"]
    assert options.rules == str(folder.rules_file) and options.seed is None
    assert options.mark == folder.plan().mark == "mid"
    with folder.plan_file.open("a") as file:
        file.write('[[round]]\nlevel = "first_steps"\nseed = 7\n')
    folder.rules_file.write_text("")
    options = make_parser().parse_args(exchange_command(folder, folder.plan())[3:])
    assert options.seed == 7 and options.rules is None


def test_bots_of_each_stock_have_keys_a_place_and_a_seed(folder: ClassFolder) -> None:
    text = folder.plan_file.read_text().replace('["noise"]', '["noise:2", "taker:2", "extreme"]')
    folder.plan_file.write_text(text)
    plan = folder.plan()
    commands = bot_commands(folder, plan, plan.rounds[2])
    assert len(commands) == 4
    seen = set()
    for (venue, stock, *names), command in commands.items():
        options = bots_parser("bots").parse_intermixed_args(command[4:])
        assert (options.venue, options.symbol, options.names) == (venue, stock, names)
        assert options.accounts == folder.accounts_file and options.quiet
        seen.add((stock, options.seed, options.copies))
    assert seen == {("BUBBLE", 3, 2), ("BUBBLE", 3, 1), ("TULIP", 4, 2), ("TULIP", 4, 1)}
    assert {venue for venue, *_ in bot_commands(folder, plan, None)} == {"PRACTICE"}


def test_bots_come_and_go_and_their_end_is_told_once(folder: ClassFolder) -> None:
    running = Children(folder, folder.plan())
    lasting = [sys.executable, "-c", "import time; time.sleep(99)"]
    try:
        assert (
            running.have_bots(
                {("V", "S", "x"): lasting, ("V", "T", "x"): [sys.executable, "-c", ""]}
            )
            == []
        )
        running._bots["V", "T", "x"]._process.wait()
        both = {("V", "S", "x"): lasting, ("V", "T", "x"): lasting}
        (told,) = running.have_bots(both)
        assert "Bots of V T x have ended; see " in told and running.have_bots(both) == []
        first = running._bots["V", "S", "x"]
        running.have_bots({})
        assert not first.runs and not running._bots
    finally:
        running.end()


KILLED = """
import os, sys, time
from pathlib import Path
from disorderbook.classroom.children import Children
from disorderbook.classroom.folder import ClassFolder

folder = ClassFolder(Path(sys.argv[1]))
running = Children(folder, folder.plan())
sleeper = [sys.executable, "-S", "-c", "import time; time.sleep(99)"]
running.have_bots({("V", "S", "x"): sleeper, ("V", "T", "x"): sleeper})
running.have_bots({("V", "T", "x"): sleeper})
print(running._bots["V", "T", "x"].pid, flush=True)
time.sleep(99)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
def test_no_child_outlives_a_class_that_is_killed(folder: ClassFolder) -> None:
    command = [sys.executable, "-c", KILLED, str(folder.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout is not None
        pid = int(killed.stdout.readline())
        os.kill(pid, 0)
        killed.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 30
    while is_running(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    """Whether it runs still; one that nobody has waited for yet does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return state.stdout.strip()[:1] not in ("", "Z")
