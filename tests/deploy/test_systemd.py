"""The unit for systemd: it is well-formed, and what it starts runs and ends as systemd wants it."""

import configparser
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from live import ROOT, running
from nginx import DEPLOY

UNIT = DEPLOY / "disorderbook.service"


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=True, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNIT)
    return parser


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    program = shlex.split(unit()["Service"]["ExecStart"])[0]
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace(program, sys.executable))
    verified = subprocess.run(
        [analyze, "verify", "--man=no", str(copy)], capture_output=True, text=True, timeout=60
    )
    about_it = [line for line in verified.stderr.splitlines() if UNIT.name in line]
    assert (verified.returncode, about_it) == (0, []), verified.stderr


def test_what_the_unit_starts_runs_and_ends(tmp_path: Path) -> None:
    """With its options, but for files and ports that are the test's."""
    service = unit()["Service"]
    state = f"/var/lib/{service['StateDirectory']}/"
    program, *options = shlex.split(service["ExecStart"])
    assert program.endswith("/bin/disorderbook")
    accounts = "/etc/disorderbook/accounts.json"
    assert accounts in options and f"{state}market.db" in options
    options = [each.replace(state, f"{tmp_path}/") for each in options]
    options[options.index(accounts)] = str(ROOT / "accounts.json")
    with running(*options, "--wsport", "0"):
        assert (tmp_path / "market.db").exists()
