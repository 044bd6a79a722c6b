"""Programs that trade: what they are given, what is kept of what they print, and how they end."""

import itertools
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from disorderbook.game.simulation import START
from disorderbook.lab import program as programs
from disorderbook.lab.program import (
    SHIM,
    ClockFile,
    Program,
    ShownClock,
    check_program,
    command_of,
    environment_of,
)
from disorderbook.lab.record import LONGEST_PRINTED, MOST_LAST_LINES, MOST_PRINTED
from disorderbook.lab.shim.exchange_time import ClockReader

PLACES = {
    "url": "http://127.0.0.1:1/ob/api/",
    "tape_url": "ws://127.0.0.1:1/ob/api/ws/",
    "account": "ME",
    "key": "secret",
    "venue": "V",
    "symbol": "S",
    "seed": "7",
    "instance": "",
}
PATIENCE = 30.0  # seconds; far more than anything here takes


def python(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", code]


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert condition()


def is_gone(pid: int) -> bool:
    """Whether a process is no more, or dead and not buried yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def run(code: str, log: Path | None = None) -> Program:
    """A program that has ended by itself."""
    times = itertools.count(1)
    with Program(
        python(code), os.environ, lambda: next(times), None if log is None else str(log)
    ) as program:
        wait_for(lambda: program.status is not None)
    return program


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        ((), "No program is named"),
        (("",), "No program is named"),
        (("none.py",), r"The program none\.py cannot be read: No such file"),
        (("no-such-program",), "The program no-such-program is not there"),
        (("setup.cfg",), "The program setup.cfg is no file that can be executed"),
        (("runs-here",), "is on no path where the system looks for it: name it ./runs-here"),
        (("sh", "a\0b"), "cannot have a NUL"),
    ],
)
def test_what_cannot_be_a_program_is_refused(
    program: tuple[str, ...], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("setup.cfg").touch()
    Path("runs-here").touch(0o755)
    with pytest.raises(ValueError, match=sentence):
        check_program(program)
    check_program(("sh", "-c", "true"))
    check_program((__file__,))


def test_the_arguments_get_what_they_ask_for() -> None:
    assert command_of(
        ("./bot", "{url}", '{"a": {seed}}', "{other}", "{account}@{venue}"), PLACES
    ) == [
        "./bot",
        PLACES["url"],
        '{"a": 7}',
        "{other}",
        "ME@V",
    ]
    assert command_of(("my.py", "{symbol}"), PLACES) == [sys.executable, "-u", "my.py", "S"]
    assert command_of(("a", "{instance}"), PLACES | {"account": "{key}"}) == ["a", ""]


def test_the_environment_says_where_to_trade(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISORDERBOOK_INSTANCE", "of another run")
    monkeypatch.setenv("PYTHONPATH", "mine")
    environment = environment_of(PLACES, "/a/clock")
    assert environment["DISORDERBOOK_TAPE_URL"] == PLACES["tape_url"]
    assert environment["DISORDERBOOK_CLOCK_FILE"] == "/a/clock"
    assert environment["PYTHONPATH"] == f"{SHIM}{os.pathsep}mine"
    assert "DISORDERBOOK_INSTANCE" not in environment and environment["PATH"]
    assert "DISORDERBOOK_CLOCK_FILE" not in environment_of(PLACES, None)


def test_a_clock_stands_in_a_file(tmp_path: Path) -> None:
    path = str(tmp_path / "clock")
    clock = ShownClock(START, path)
    reader = ClockReader(path)
    assert (reader.now(), reader.speed) == (START, 0.0)
    clock.now = START + 5
    assert (reader.now(), clock(), clock.now) == (START + 5,) * 3
    clock.close()
    assert reader.now() == START + 5
    file = ClockFile(path, START, 50.0)
    assert ClockReader(path).speed == 50.0 and ClockReader(path).now() >= START
    file.close()


@pytest.mark.parametrize("speed", [0.0, 50.0])
def test_a_clock_that_a_program_cuts_off_goes_on(speed: float, tmp_path: Path) -> None:
    file = ClockFile(str(tmp_path / "clock"), START, speed)
    os.truncate(file.path, 0)
    file.show(START + 5)  # a process that has the file mapped would end here, by SIGBUS
    assert ClockReader(file.path).now() >= START + 5
    file.close()


def test_what_a_program_prints_is_kept_with_its_time(tmp_path: Path) -> None:
    program = run(
        "import sys; print('one'); print('two\\x1b[31m red\\x07'); print('end', end='');"
        "sys.stdout.flush();"
        "sys.stderr.write('oh\\n'); sys.exit(3)",
        tmp_path / "log",
    )
    out = [each for each in program.printed if each.stream == "stdout"]
    assert [each.text for each in out] == ["one", "two red\ufffd", "end"]
    assert [each.ts for each in out] == sorted(each.ts for each in out)
    assert program.last_lines == ("oh",) and program.status == 3
    assert sorted((tmp_path / "log").read_bytes()) == sorted(b"one\ntwo\x1b[31m red\x07\nendoh\n")


def test_a_program_that_floods_and_prints_garbage_harms_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "MOST_LOG_BYTES", 100_000)
    program = run(
        "import sys; w = sys.stdout.buffer.write; w(bytes(range(256)) * 500);"
        "w(b'\\n'); w(b'x' * 5_000_000 + b'\\n'); w(b'y\\n' * 20_000);"
        "sys.stderr.buffer.write(b''.join(b'%d\\n' % n for n in range(100)))",
        tmp_path / "log",
    )
    assert program.status == 0
    assert len(program.printed) == MOST_PRINTED
    assert max(len(each.text) for each in program.printed) <= LONGEST_PRINTED + 3
    assert program.last_lines == tuple(str(n) for n in range(100 - MOST_LAST_LINES, 100))
    log = (tmp_path / "log").read_bytes()
    assert log.endswith(programs.LOG_END) and len(log) == 100_000 + len(programs.LOG_END)


def test_the_text_that_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "MOST_PRINTED_BYTES", 5000)
    program = run("print(('x' * 900 + '\\n') * 20)")
    assert [len(each.text) for each in program.printed if each.text] == [900] * 5


def test_a_full_disk_loses_the_log_and_no_more() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    program = run("print('hello')", Path("/dev/full"))
    assert [each.text for each in program.printed] == ["hello"] and program.status == 0


def test_a_program_ends_when_it_is_asked_to() -> None:
    code = (
        "import signal, sys; signal.signal(15, lambda *_: sys.exit(5));"
        "print('ready', flush=True); signal.pause()"
    )
    program = Program(python(code), os.environ, lambda: 1)
    wait_for(lambda: program.printed)
    program.end()
    program.end()
    assert program.status == 5 and is_gone(program.pid)


def test_nothing_of_a_group_is_left_when_a_program_does_not_want_to_end() -> None:
    code = (
        "import os, signal; signal.signal(15, signal.SIG_IGN); pid = os.fork();"
        "os.write(1, b'%d\\n' % os.getpid()); signal.pause()"
    )
    with Program(python(code), os.environ, lambda: 1) as program:
        wait_for(lambda: len(program.printed) == 2)
        pids = [int(each.text) for each in program.printed]
        program.end(grace=0.05)
    assert program.status == -9
    wait_for(lambda: all(is_gone(pid) for pid in pids))


def test_children_that_a_program_leaves_behind_are_ended_too() -> None:
    code = (
        "import os, signal\npid = os.fork()\nif pid: print(pid, flush=True)\nelse: signal.pause()"
    )
    program = run(code)
    wait_for(lambda: is_gone(int(program.printed[0].text)))


def test_a_child_outside_of_the_group_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(programs, "LAST_WORDS_SECONDS", 0.05)
    code = (
        "import os, time\nif os.fork(): os.wait()\nelse:\n os.setsid()\n"
        " print(os.getpid(), flush=True)\n os.fork() and os._exit(0)\n time.sleep(60)"
    )
    program = Program(python(code), os.environ, lambda: 1)
    wait_for(lambda: program.printed)
    program.end()
    os.killpg(int(program.printed[0].text), 9)


def test_a_process_is_announced_before_its_program_does_anything(tmp_path: Path) -> None:
    announced = tmp_path / "announced"
    code = f"import os; print(open({str(announced)!r}).read(), os.getpid(), os.getpgrp())"
    with Program(
        python(code),
        os.environ,
        lambda: 1,
        announce=lambda: announced.write_text(f"{os.getpid()} {os.getpgrp()}"),
    ) as program:
        wait_for(lambda: program.status is not None)
    assert program.printed[0].text == " ".join([str(program.pid)] * 4)


def test_an_error_here_ends_the_program_as_well() -> None:
    with pytest.raises(KeyboardInterrupt):
        with Program(python("import signal; signal.pause()"), os.environ, lambda: 1) as program:
            raise KeyboardInterrupt
    assert is_gone(program.pid)


def test_a_program_that_cannot_be_started_is_a_sentence(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("no program")
    text.chmod(0o755)
    with pytest.raises(ValueError, match=r"Cannot start .*text: Exec format error"):
        Program([str(text)], os.environ, lambda: 1)
