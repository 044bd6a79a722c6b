"""What an exchange prints when it starts; each line that it offers is run as it stands."""

import json
import os
import shlex
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from live import running, started
from program import MAIN, ROOT

from disorderbook.accounts import Accounts
from disorderbook.assembly import MarketSettings, assemble, running_tape
from disorderbook.cli import welcome
from disorderbook.cli.main import make_parser


def test_it_says_where_to_connect_and_what_to_try() -> None:
    with running("-v", "NYSE", "--stock", "A B") as exchange:
        log = exchange.log()
    assert f"disorderBook starting up on port {exchange.port}\n" in log
    assert "WITHOUT AUTHENTICATION" in log
    assert f"http://127.0.0.1:{exchange.port}/ob/api/venues/NYSE/stocks/A%20B/orders" in log
    bots = f"market-maker taker noise --url {exchange.url} --venue NYSE --symbol 'A B'\n"
    assert f"  {shlex.quote(sys.executable)} -m bots {bots}" in log


def test_it_says_how_to_start_bots_from_any_folder(tmp_path: Path) -> None:
    options = ["-p", "0", "-w", "--wsport", "0"]
    with started("env", f"--chdir={tmp_path}", sys.executable, str(MAIN), *options) as exchange:
        watching = exchange.wait_for("^  (.*watch_tape.py) ")[1]
        line = exchange.wait_for("^  (.* market-maker .*)")[1]
        ended = subprocess.run(
            line + " --orders 1",
            cwd=tmp_path,
            shell=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert "Total: 3 orders sent, 3 of them placed" in ended.stdout, ended.stderr
    script = ROOT.resolve() / "bots" / "watch_tape.py"
    assert watching == f"{shlex.quote(sys.executable)} {shlex.quote(str(script))}"


def test_without_the_scripts_it_offers_the_bots_of_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As where the package alone is installed: a folder called bots may be anything."""
    (tmp_path / "bots").mkdir()
    monkeypatch.setattr(welcome, "BOTS", tmp_path / "bots")
    options = make_parser().parse_args(["-v", "TESTEX", "-s", "FOOBAR"])
    with (
        running_tape(Accounts(), 0, 512, MarketSettings().origins) as tape,
        assemble(MarketSettings(), Accounts(), tape) as services,
    ):
        welcome.greet(8000, options, services)
        told = capsys.readouterr().out
        assert f"ws://127.0.0.1:{tape.port}/ob/api/ws/" in told
    assert " -m disorderbook bots market-maker taker noise --url " in told
    assert "watch_tape" not in told


def test_the_line_that_it_prints_to_bring_the_market_to_life_does_so() -> None:
    with running("-a", "accounts.json", "--stock", "A B") as exchange:
        log = exchange.log()
        line = next(line for line in log.splitlines() if " -m bots " in line)
        ended = subprocess.run(
            line + " --orders 12 --pause 0-0.1",
            cwd=ROOT,
            shell=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        with urllib.request.urlopen(f"{exchange.url}venues/TESTEX/stocks/A%20B/quote") as answer:
            quote = json.load(answer)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "Total: 36 orders sent, 36 of them placed" in ended.stdout
    assert quote["ok"] and quote["lastSize"] > 0


NAMES = {"O'Hara $(id) `id`": "k'e y", "NOISEBOTS": "noisekey"}


@pytest.mark.parametrize("options", [[], ["-a", "{folder}/the accounts.json"]])
def test_the_curl_line_that_it_prints_places_an_order(tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "the accounts.json").write_text(json.dumps(NAMES), encoding="utf-16")
    with running(*(each.format(folder=tmp_path) for each in options)) as exchange:
        log = exchange.log()
        command = log[log.index("  curl") : log.index("Bring the market")]
        printed = shell(command)
    assert f'"account":"{next(iter(NAMES)) if options else "ME"}"' in printed
    assert not any(key in log for key in NAMES.values())


def test_accounts_that_can_be_read_only_once_are_not_read_again(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor() as pool:
        written = pool.submit((tmp_path / "pipe").write_text, json.dumps(NAMES))
        with running("-a", str(tmp_path / "pipe")) as exchange:
            written.result()
            assert '-H "X-Starfighter-Authorization: KEY"' in exchange.log()


def test_only_bots_that_have_accounts_are_offered(tmp_path: Path) -> None:
    (tmp_path / "some.json").write_text(json.dumps(NAMES))
    (tmp_path / "none.json").write_text(json.dumps({"ADA": "k"}))
    with running("-a", str(tmp_path / "some.json")) as exchange:
        assert f" bots noise --accounts {tmp_path}/some.json --url " in exchange.log()
    with running("-a", str(tmp_path / "none.json")) as exchange:
        assert "The bots have no accounts in " in exchange.log()


def test_the_line_that_lets_a_minute_pass_does_so(tmp_path: Path) -> None:
    (tmp_path / "the key").write_text("ad'min\n")
    options = [
        "-a",
        "accounts.json",
        "--clock",
        "stepped",
        "--admin-key-file",
        str(tmp_path / "the key"),
        "-p",
        "0",
    ]
    with started(sys.executable, str(MAIN), *options) as exchange:
        exchange.wait_for("Let a minute pass")
        line = exchange.wait_for("^  curl .*advance.*$")[0]
        assert '"ok":true' in shell(line)
        exchange.end()


def shell(command: str) -> str:
    """What a command prints."""
    ended = subprocess.run(
        command.replace("curl", "curl -s", 1),
        shell=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended
    return ended.stdout
