"""`disorderbook wait`: one line and a status for each way in which it can end."""

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from live import started

from disorderbook.cli.main import main
from disorderbook.cli.ports_file import LONGEST, ports_file
from disorderbook.in_process import serve

NOBODY = "http://127.0.0.1:1"


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """The command line has signals of its own."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def ended(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """The status and the one line that is printed."""
    try:
        status = main(["wait", *arguments])
    except SystemExit as fault:
        status = int(str(fault.code))
    out, err = capsys.readouterr()
    text = out if status == 0 else err
    assert text.count("\n") == 1 and text.endswith("\n") and out + err == text
    return status, text.strip()


def test_it_tells_the_url_of_an_exchange_that_answers(capsys: pytest.CaptureFixture[str]) -> None:
    with serve() as exchange:
        assert ended(capsys, exchange.url) == (0, exchange.url)


def test_it_waits_for_the_file_and_then_for_the_port(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "ports.json"
    path.write_text(json.dumps({"pid": 1, "port": 1, "url": NOBODY}))  # a crash has left it
    with serve() as exchange, ports_file(str(path)) as write:
        timer = threading.Timer(0.3, write, (exchange.port, None))
        timer.start()
        assert ended(capsys, "--ports-file", str(path), "--timeout", "60") == (0, exchange.url)
        timer.join()
        path.unlink()
        timer = threading.Timer(0.3, write, (exchange.port, None))
        timer.start()
        assert ended(capsys, "--timeout", "60", "--ports-file", str(path)) == (0, exchange.url)
        timer.join()


@pytest.mark.parametrize("exists", [True, False])
def test_no_exchange_in_time_is_a_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, exists: bool
) -> None:
    path = tmp_path / "ports.json"
    if exists:
        path.touch()  # as mktemp makes one
    for place in ([NOBODY], ["--ports-file", str(path)]):
        status, said = ended(capsys, *place, "--timeout", "0.2")
        assert status == 1
        assert said.startswith("disorderBook: No exchange has answered within 0.2 seconds: ")


WRONG = {
    "neither": ([], "either URL or --ports-file FILE"),
    "both": ([NOBODY, "--ports-file", "ports.json"], "either URL or --ports-file FILE"),
    "no URL": (["127.0.0.1:8000"], "no address of an exchange, like http://"),
    "no host": (["http://a..b"], "no address of an exchange"),
    "two": ([NOBODY, NOBODY], "unrecognized arguments"),
    "unknown": ([NOBODY, "--patience", "3"], "unrecognized arguments"),
    **{
        f"timeout {text}": ([NOBODY, "--timeout", text], "no number of seconds from 0.1 to 3600")
        for text in ("0", "-1", "3601", "nan", "inf", "1e3", "", "soon", "9" * 5000)
    },
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_option_is_a_sentence(capsys: pytest.CaptureFixture[str], name: str) -> None:
    arguments, expected = WRONG[name]
    status, text = ended(capsys, *arguments)
    assert status == 2 and expected in text


FOREIGN = [
    "precious", "{}", "[]", "7", '{"pid": 1, "port": 1}', '{"pid": 1, "port": 1, "url": 7}',
    '{"pid": 1, "port": 1, "url": "nowhere"}', "[" * LONGEST, " " * (LONGEST + 1), "\x00",
]  # fmt: skip


@pytest.mark.parametrize("text", FOREIGN, ids=range(len(FOREIGN)))
def test_what_is_no_ports_file_is_not_waited_for(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str
) -> None:
    path = tmp_path / "ports.json"
    path.write_text(text)
    status, told = ended(capsys, "--ports-file", str(path), "--timeout", "60")
    assert status == 2 and ("is no ports file" in told or "is no address" in told)
    assert path.read_text() == text


def test_a_folder_is_no_ports_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, told = ended(capsys, "--ports-file", str(tmp_path))
    assert (status, told) == (
        2,
        f"disorderBook: Cannot read the ports file {tmp_path}: Is a directory",
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_is_a_sentence(number: signal.Signals, tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    os.mkfifo(path)  # opening it blocks until somebody writes
    command = ["-m", "disorderbook", "wait", "--ports-file", str(path), "--timeout", "60"]
    with started(sys.executable, *command) as process:
        with path.open("w"):  # it has begun to wait
            process.send(number)
        # A signal between two calls of the system is heard when the pipe ends the second.
        assert process.wait() == 130
        assert process.log() == "disorderBook: Interrupted before an exchange has answered\n"
