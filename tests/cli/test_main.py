"""The command line, as a user meets it: what it refuses, and how it explains itself."""

import configparser
import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest
from live import running
from program import ROOT, refused, start

import disorderbook


@pytest.mark.parametrize(
    "options, complaint",
    [
        (["-p", "x"], "'x' is no integer from 0 to 65535"),
        (["-p", "65536"], "no integer from 0"),
        (["-p", "-1"], "-p"),
        (["-p", "0" * 9 + "99999"], "no integer"),
        (["-v", "\udcff"], "can be printed"),
        (["-b", "0"], "no integer from 1"),
        (["-b", "9" * 50], "no integer"),
        (["-v", ""], "1 to 255 characters"),
        (["-s", "N" * 256], "1 to 255"),
        (["-v", "a/b"], "slash"),
        (["--nonsense"], "unrecognized"),
        (["extra"], "invalid choice: 'extra'"),
        (["-a", "/nonexistent"], "No such file"),
        (["backup", "README.md"], "required: COPY"),
        (["backup", "README.md", "COPY"], "README.md is no database"),
        (["backup", "nowhere.db", "COPY"], "nowhere.db does not exist"),
        (["-a", "."], "directory"),
        (["-a", "README.md"], "not valid JSON"),
        (["--wsport", "1.5"], "no integer"),
        (["--maxlisteners", "0"], "'0' is no integer from 1 to 7436"),
        (["--maxlisteners", "7437"], "no integer from 1 to 7436"),
        (["--maxlisteners", "many"], "no integer"),
        (["--day-seconds", "0.04"], "'0.04' is no number of seconds from 0.05 to 60"),
        (["--day-seconds", "60.1"], "no number of seconds"),
        (["--day-seconds", "nan"], "no number of seconds"),
        (["--day-seconds", "1e1"], "no number of seconds"),
        (["--seed", "-1"], "--seed"),
        (["--seed", "9007199254740992"], "no integer from 0 to 9007199254740991"),
        (["--maxinstances", "0"], "no integer from 1 to 10000"),
        (["--shard", "0/2"], "'0/2' is no K/N, such as 1/2: exchange K of N, at most 9"),
        (["--shard", "3/2"], "'3/2' is no K/N"),
        (["--shard", "1/10"], "'1/10' is no K/N"),
        (["--opponents", "nobody"], "No opponent is called 'nobody'"),
        (["--opponents", "noise:0"], "a count is 1 to 100"),
        (["--clock", "slow"], "'slow' is no clock: real, stepped, or requests:STEP"),
        (["--clock", "requests:61s"], "a request's step is from 1us to 60s"),
        (["--latency", "soon"], "'soon' is no latency: 50ms, uniform:10ms,90ms or lognormal"),
        (["--latency", "50ms", "--server", "waitress"], "--latency needs our own server"),
        (["--tape-latency", "61s"], "'61s' is no latency"),
        (["--tape-latency", "50ms"], "--tape-latency needs --websockets"),
        (["--speed", "0"], "A speed is from 0.01 to 1000, and not 0"),
        (["--speed", "fast"], "A speed is from 0.01 to 1000, and not fast"),
        (["--speed", "5", "--clock", "stepped"], "--speed and --clock contradict each other"),
        (["--log-level", "loud"], "invalid choice: 'loud'"),
        (["-d", "README.md"], "README.md is no database"),
        (["-d", "."], "a directory"),
        (["--sync"], "--sync needs --database"),
        (["--export", "."], "--export needs --database"),
        (["--ports-file", "/nonexistent/ports"], "the ports file /nonexistent/ports: No such file"),
        (["--ports-file", "README.md"], "something else of that name"),
        (
            ["--allowed-host", "http://a.example"],
            "is no host name; one looks like exchange.example",
        ),
        (["-d", "README.md", "--export", "."], "README.md is no database"),
    ],
)
def test_a_bad_option_is_refused_in_one_sentence(options: list[str], complaint: str) -> None:
    assert complaint in refused(*options)


def test_the_version_is_the_packages() -> None:
    ended = start("--version")
    assert (ended.returncode, ended.stdout) == (0, f"disorderBook {disorderbook.__version__}\n")


def test_the_version_stands_in_one_place() -> None:
    """And what is installed was built from it."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert setup["metadata"]["version"] == "attr: disorderbook.__version__"
    assert importlib.metadata.version("disorderbook") == disorderbook.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", disorderbook.__version__)


def test_help_explains_every_option() -> None:
    ended = start("--help")
    assert ended.returncode == 0
    for option in ("--maxbooks", "--venue", "--stock", "--accounts", "--excess", "--ws_port"):
        assert option in ended.stdout
    defaults = re.findall(r"\(default:\s+([^)]*)\)", ended.stdout)
    assert {"8000", "8001", "100", "4096", "inline", "warning"} <= set(defaults)
    assert not {"None", "False", "[]"} & set(defaults)


def test_without_the_packages_one_sentence_says_what_to_run(tmp_path: Path) -> None:
    alone = start(cwd=tmp_path, env={"PYTHONPATH": str(_hiding(tmp_path, "bottle"))})
    assert alone.returncode == 1 and alone.stdout == ""
    assert alone.stderr.startswith("The package bottle is not installed; run: python3 -m venv")
    assert alone.stderr.count("\n") == 1


def _hiding(folder: Path, package: str) -> Path:
    """A folder for PYTHONPATH that makes a package look as if it were not installed."""
    (folder / f"{package}.py").write_text(
        f"raise ModuleNotFoundError('there is none', name='{package}')\n"
    )
    return folder


def test_with_keys_every_file_that_is_made_is_its_owners(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text('{"ANN": "annkey"}')
    file, folder = str(tmp_path / "market.db"), tmp_path / "csv"
    options = ("-d", file, "-a", str(tmp_path / "keys.json"))
    with running(*options):
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("market.db*")}
        assert len(modes) == 4 and set(modes.values()) == {0o600}, modes
    command = [sys.executable, "disorderBook_main.py", *options, "--export", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=60)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_an_exchange_starts_without_what_only_a_subcommand_needs() -> None:
    script = """
import sys
import disorderbook.cli.main
needed_by_others = ("cli.run_command", "lab.runs", "lab.report", "runner.command")
print(*(name for name in needed_by_others if f"disorderbook.{name}" in sys.modules))
"""
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=100
    )
    assert ended.stdout == "\n"
