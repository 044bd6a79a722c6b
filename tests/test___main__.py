"""How the program is called, and how it ends when nobody wants it to go on."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

import pytest
from fork_server import run
from program import MAIN, ROOT, start

import disorderbook
from disorderbook import __main__
from disorderbook.accounts import Accounts
from disorderbook.assembly import MarketSettings, assemble

CONSOLE_SCRIPT = "import sys; from disorderbook.__main__ import main; sys.exit(main())"
CALLS = {
    "module": ["-m", "disorderbook"],
    "script": [str(MAIN)],
    "command": ["-c", CONSOLE_SCRIPT],
}


@pytest.fixture(autouse=True)
def _own_handlers() -> Iterator[None]:
    """The commands that run here leave the handlers of signals as they were."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_it_is_the_same_command_from_any_folder(tmp_path: Path) -> None:
    commands = ([sys.executable, *call, "--help"] for call in CALLS.values())
    said = [run(command, timeout=60, cwd=tmp_path) for command in commands]
    assert said[0].stdout == said[1].stdout == said[2].stdout != ""
    assert not any(ended.returncode or ended.stderr for ended in said)
    told = start("--version", cwd=tmp_path)
    assert told.stdout == f"disorderBook {disorderbook.__version__}\n"
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    [entry] = setup["options.entry_points"]["console_scripts"].split("\n")[1:]
    assert entry == "disorderbook = disorderbook.__main__:main"


@pytest.mark.parametrize("call", CALLS)
def test_an_interrupt_amid_the_imports_is_no_traceback(tmp_path: Path, call: str) -> None:
    (tmp_path / "argparse.py").write_text("import os; os.kill(os.getpid(), 2)\nwhile True: pass\n")
    ended = subprocess.run(
        [sys.executable, *CALLS[call], "--help"],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


@pytest.mark.parametrize(
    "arguments",
    [
        "--version",
        "--help",
        "run --help",
        "admin --help",
        "class make --out class --students 2",
        "new-bot mybot.py",
        "backup market.db copy.db",
        "-d market.db --export csv",
    ],
)
def test_output_that_nobody_reads_ends_it_quietly(
    arguments: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    if "market.db" in arguments:
        with assemble(MarketSettings(database="market.db"), Accounts()):
            pass
    reader, writer = os.pipe()
    os.close(reader)
    monkeypatch.setattr(sys, "stdout", open(writer, "w"))
    monkeypatch.setattr(sys, "argv", ["disorderbook", *arguments.split()])
    assert __main__.main() == 141 == 128 + signal.SIGPIPE
    sys.stdout.flush()
    assert capfd.readouterr() == ("", "")


def test_output_that_cannot_be_kept_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    monkeypatch.setattr(sys, "stdout", open("/dev/full", "w"))
    monkeypatch.setattr(sys, "argv", ["disorderbook", "--version"])
    with pytest.raises(SystemExit, match="^disorderBook: Cannot print: No space left"):
        __main__.main()
    sys.stdout.flush()  # Python has nothing to complain of at its end
