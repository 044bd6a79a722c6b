"""The page of the admin: its samples are tried as they stand there, but for ports, and its actions
and limits are those of the code.
"""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from administered import accounts_file
from documents import DOCS, blocks
from live import running

from disorderbook.admin.actions import CANCELS_AT_ONCE, MOST_ACCOUNTS
from disorderbook.admin.notices import LONGEST_ANNOUNCEMENT, LONGEST_CAPTION, LONGEST_COUNTDOWN
from disorderbook.admin.routes import ADMIN_ROUTES, MOST_TOLD
from disorderbook.cli.main import main
from disorderbook.control.control import LONGEST_REASON
from disorderbook.ledger.journal import MOST_ACTIONS

PAGE = DOCS / "admin.md"
URL = "http://127.0.0.1:8000"


def test_its_samples_do_what_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    start, command, program = (block.text for block in blocks(PAGE))
    made, started = start.strip().splitlines()
    monkeypatch.chdir(tmp_path)
    accounts_file(tmp_path)
    subprocess.run(["bash", "-ec", made], check=True)
    key_file = tmp_path / "admin.key"
    key = key_file.read_text().strip()
    assert len(key) == 24 and key_file.stat().st_mode & 0o777 == 0o600
    files = re.compile(r"[a-z]+\.(?:json|db|key)")  # the exchange is started in another folder
    options = files.sub(lambda name: str(tmp_path / name[0]), started)
    with running(*shlex.split(options)[1:], "--wsport", "0") as exchange:
        url = f"http://127.0.0.1:{exchange.port}"
        assert main([*shlex.split(command)[1:2], "--url", url, *shlex.split(command)[2:]]) == 0
        assert capsys.readouterr().out == "FOOBAR at TESTEX: halted\n"
        exec(program.replace(URL, url), {"key": key})
        told = [{"venue": "TESTEX", "symbol": "FOOBAR", "price": 5000}]
        assert capsys.readouterr().out == f"{told}\n"


def test_it_names_every_action_and_limit() -> None:
    text = PAGE.read_text()
    for _, path, _ in ADMIN_ROUTES[1:]:
        assert f"\n| `{path.rpartition('/')[2]}` | `" in text, path
    for number in (
        f"{CANCELS_AT_ONCE} at a time",
        f"most {MOST_ACCOUNTS} accounts",
        f"at most {LONGEST_ANNOUNCEMENT} characters",
        f"at most {LONGEST_CAPTION} characters",
        f"at most {LONGEST_COUNTDOWN} seconds",
        f"first {MOST_TOLD} stocks",
        f"1 to {LONGEST_REASON} characters",
        f"latest {MOST_ACTIONS:,}",
    ):
        assert number in " ".join(text.split()), number
