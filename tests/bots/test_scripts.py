"""The scripts as they are started from a shell: options, authentication, outages, Ctrl-C."""

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import fork_server
import pytest
from live import PATIENCE, ROOT, Exchange, bot, running
from stockfighter_minimal import Client, Order

from disorderbook.traders.registry import REGISTRY

SCRIPTS = [
    "bot_noise.py",
    "bot_noise_slow.py",
    "bot_noisier.py",
    "bot_buy_low_sell_high.py",
    "extreme_bot.py",
    "bot_market_maker.py",
    "bot_taker.py",
]
ACCOUNTS = dict(
    zip(SCRIPTS, ["NOISEBOTS"] * 3 + ["BLSHBOTS", "EXTREMEBOT", "MAKERBOTS", "TAKERBOTS"])
)


def run(
    script: str, *options: str, cwd: Path = ROOT, python: tuple[str, ...] = ()
) -> "subprocess.CompletedProcess[str]":
    """A script that ends by itself."""
    command = [sys.executable, *python, str(ROOT / "bots" / script), *options]
    return fork_server.run(command, timeout=PATIENCE, cwd=cwd)


def make_a_price(client: Client, venue: str, account: str = "NOISEBOTS") -> None:
    for direction in ("sell", "buy"):
        assert client.execute(Order(venue, "FOOBAR", direction, 1, 5000, "limit", account))
    client.close()


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_explains_the_script_from_anywhere(script: str, tmp_path: Path) -> None:
    shown = run(script, "--help", cwd=tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    for option in ("url", "venue", "symbol", "account", "key", "seed", "orders", "quiet"):
        assert f"--{option}" in shown.stdout
    name = script.removesuffix(".py").removeprefix("bot_").removesuffix("_bot").replace("_", "-")
    assert REGISTRY[name].description in " ".join(shown.stdout.split())
    assert f"(default: {ACCOUNTS[script]})" in shown.stdout


@pytest.mark.parametrize(
    "option, value",
    [
        ("--url", "nowhere"),
        ("--orders", "0"),
        ("--orders", "-1"),
        ("--orders", "many"),
        ("--seed", "x"),
        ("--pause", "2-1"),
        ("--pause", "nan"),
        ("--pause", "-1"),
        ("--venue", ""),
        ("--account", "A" * 256),
        ("--key", "two\nlines"),
        ("--unknown", "1"),
    ],
)
def test_a_bad_option_is_one_sentence_and_status_2(option: str, value: str) -> None:
    refused = run("bot_noise.py", option, value)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("bot_noise.py: ") and refused.stderr.count("\n") == 1


def test_without_requests_a_script_says_what_to_run() -> None:
    refused = run("bot_noise.py", python=("-S",))  # -S hides all installed packages
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.count("\n") == 1 and "pip install" in refused.stderr


@pytest.mark.slow
def test_each_script_trades_with_the_account_and_key_that_it_is_shipped_with() -> None:
    with running("-a", "accounts.json") as exchange:
        make_a_price(Client(exchange.url, "noisekey"), "TESTEX")
        for script in SCRIPTS:
            ended = run(script, "--url", exchange.url, "--orders", "8", "--pause", "0")
            assert (ended.returncode, ended.stderr) == (0, "")
            assert "8 orders sent, 8 of them placed" in ended.stdout
            assert f"{ACCOUNTS[script]} trades TESTEX FOOBAR" in ended.stdout

        client = Client(exchange.url, "takerkey")
        newest = 2 + 8 * len(SCRIPTS) - 1
        last = client.status("TESTEX", "FOOBAR", newest)
        assert last is not None and last["account"] == "TAKERBOTS"
        assert client.status("TESTEX", "FOOBAR", newest + 1) is None
        client.close()

        refused = run(
            "bot_noise.py", "--url", exchange.url, "--key", "wrong", "--orders", "2", "--pause", "0"
        )
    assert refused.returncode == 0
    assert refused.stderr.count("Refused: Unknown account or wrong API key (401, ") == 2
    assert refused.stderr.count("\n") == 2
    assert "2 orders sent, 0 of them placed" in refused.stdout


def test_a_quiet_bot_prints_its_total_alone(exchange: Exchange, venue: str) -> None:
    ended = run(
        "bot_noise.py",
        "--url",
        exchange.url,
        "--venue",
        venue,
        "--orders",
        "3",
        "--pause",
        "0",
        "--quiet",
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "Total: 3 orders sent, 3 of them placed, 0 cancelled.\n"


def test_the_seed_that_is_printed_repeats_the_run(exchange: Exchange, venue: str) -> None:
    options = ["--url", exchange.url, "--orders", "12", "--pause", "0"]
    first = run("bot_noise.py", *options, "--venue", venue + "-A").stdout
    seed = re.search(r"--seed (\d+)", first)
    assert seed is not None
    again = run("bot_noise.py", *options, "--venue", venue + "-B", "--seed", seed[1]).stdout
    assert first.count(": id ") == 12
    assert first.splitlines()[1:] == again.splitlines()[1:]


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_with_a_total_and_status_0(
    script: str, signal_number: int, exchange: Exchange, venue: str
) -> None:
    make_a_price(Client(exchange.url), venue)
    with bot(script, "--url", exchange.url, "--venue", venue, "--pause", "600") as process:
        process.wait_for(": id ")  # it has placed an order and now waits
        assert process.end(signal_number) == 0
        lines = process.log().splitlines()
    assert lines[-1].startswith("Total: ")
    assert "Traceback" not in process.log()


def test_ctrl_c_does_not_wait_for_an_exchange_that_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with bot("bot_noisier.py", "--url", url) as process:
            listener.settimeout(PATIENCE)
            connections = [listener.accept()[0] for _ in range(6)]
            assert process.end(signal.SIGINT) == 0
            assert process.log().endswith("Total: 0 orders sent, 0 of them placed, 0 cancelled.\n")
            for connection in connections:
                connection.close()


@pytest.mark.slow
def test_an_exchange_that_is_not_there_is_waited_for_and_missed_when_it_goes() -> None:
    with running() as exchange:
        pass  # Now its port is free.
    with bot("bot_noisier.py", "--url", exchange.url, "--pause", "0-0.02") as process:
        start = 0
        for _ in range(2):  # It starts too early, and is deserted in the middle of trading.
            process.wait_for("trying again until it answers", since=start)
            start = len(process.log())
            with running("-p", str(exchange.port)):
                process.wait_for("answers again", since=start)
                process.wait_for(r": id \d\d\d", since=start)
                start = len(process.log())
        process.wait_for("trying again until it answers", since=start)
        assert process.end(signal.SIGINT) == 0
    assert "Traceback" not in process.log()


def test_six_threads_miss_an_exchange_with_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    with bot("bot_noisier.py", "--url", url) as process:
        process.wait_for("trying again until it answers")
        assert process.end(signal.SIGINT) == 0
    assert process.log().count("Cannot reach") == 1
