"""The command `python3 -m bots`, as it is typed: listing, errors, several bots at once, the end."""

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fork_server import run
from live import PATIENCE, ROOT, Exchange, Started, running, started

from disorderbook.client.market import TIMEOUT
from disorderbook.in_process import serve
from disorderbook.runner import command
from disorderbook.traders.registry import REGISTRY

COMMAND = (sys.executable, "-m", "bots")
LIVELY = ("market-maker", "taker", "noise")
SUM = r"(\d+) orders sent, (\d+) of them placed, (\d+) refused or lost, (\d+) cancelled\."


def bots(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Bots that end by themselves."""
    return run([*COMMAND, *arguments], timeout=PATIENCE, cwd=ROOT)


def running_bots(*arguments: str) -> AbstractContextManager[Started]:
    return started(*COMMAND, *arguments)


def sums(text: str) -> dict[str, tuple[int, ...]]:
    """Orders sent, placed, not placed and cancelled, by who is named before the colon."""
    found = re.findall(rf"^(.+): {SUM}$", text, re.MULTILINE)
    return {name: tuple(map(int, counts)) for name, *counts in found}


def orders(base: str, account: str, venue: str = "TESTEX") -> list[dict[str, Any]]:
    """All orders of an account at an exchange, without their times."""
    url = f"{base}venues/{venue}/accounts/{account}/orders"
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        listed = json.load(answer)["orders"]
    for order in listed:
        fills = [(fill["price"], fill["qty"]) for fill in order["fills"]]
        order.update(ts=None, fills=fills)
    return sorted(listed, key=lambda order: int(order["id"]))


@pytest.fixture(scope="module")
def listing_exchange() -> Any:
    with running("-b", "1000", "--extra") as exchange:
        yield exchange


def test_without_a_name_it_lists_the_bots_with_a_line_each() -> None:
    shown = bots()
    assert (shown.returncode, shown.stderr) == (0, "")
    for name, bot in REGISTRY.items():
        assert re.search(rf"^  {name} +{re.escape(bot.line)}$", shown.stdout, re.MULTILINE)
    assert max(map(len, shown.stdout.splitlines())) <= 100
    assert "python3 -m bots market-maker taker noise" in shown.stdout


def test_whoever_reads_only_the_beginning_of_the_list_gets_no_traceback() -> None:
    with subprocess.Popen(
        COMMAND, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as listing:
        assert listing.stdout is not None and listing.stderr is not None
        listing.stdout.close()
        assert listing.stderr.read() == ""
        assert listing.wait(PATIENCE) == 0


def test_every_script_of_a_bot_is_listed() -> None:
    scripts = {path.stem for path in (ROOT / "bots").glob("*bot*.py")}
    names = {name.replace("-", "_") for name in REGISTRY}
    assert {script.removeprefix("bot_").removesuffix("_bot") for script in scripts} == names


def test_the_folder_can_be_started_from_anywhere(tmp_path: Path) -> None:
    shown = subprocess.run(
        [sys.executable, str(ROOT / "bots")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert shown.returncode == 0 and "market-maker" in shown.stdout


def test_without_the_packages_one_sentence_says_what_to_run() -> None:
    refused = subprocess.run(  # -S hides all installed packages
        [sys.executable, "-S", "-m", "bots"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.count("\n") == 1 and "pip install" in refused.stderr


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (["nois"], "No bot is called 'nois'; did you mean noise?"),
        (["market_maker"], "did you mean market-maker?"),
        (["TAKER"], "did you mean taker?"),
        (["noise", "zzz"], "No bot is called 'zzz'; python3 -m bots lists them"),
        (["noise", "taker", "noise"], "noise is named twice"),
        (["noise", "--copies", "0"], "no number from 1 to 100"),
        (["noise", "--copies", "101"], "no number from 1 to 100"),
        (["noise", "--copies", "x"], "no number"),
        (["noise", "--seed", "x"], "--seed"),
        (["noise", "--orders", "0"], "no number from 1"),
        (["noise", "--orders", "1" * 99], "no number from 1"),
        (["noise", "--pause", "2-1"], "--pause"),
        (["noise", "--url", "nowhere"], "no url"),
        (["noise", "--venue", ""], "1 to 255"),
        (["noise", "--symbol", "S" * 256], "1 to 255"),
        (["noise", "--account", ""], "1 to 255"),
        (["noise", "--unknown"], "unrecognized"),
        (["noise", "--accounts", "nowhere.json"], "Cannot read the accounts file nowhere.json"),
        (["noise", "--copies", "2", "--accounts", "accounts.json"], "names no account NOISE1"),
    ],
)
def test_what_cannot_be_run_is_refused_in_a_sentence(arguments: list[str], complaint: str) -> None:
    refused = bots(*arguments)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("python3 -m bots: ") and refused.stderr.count("\n") == 1
    assert complaint in refused.stderr


def test_an_exchange_that_does_not_run_is_a_sentence_and_status_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    refused = bots("noise", "--url", url)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"No exchange answers at {url}ob/api/" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_ctrl_c_before_the_first_answer_ends_it_quietly() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with running_bots("noise", "--url", url) as process:
            with listener.accept()[0] as connection:
                connection.settimeout(PATIENCE)
                assert connection.recv(3) == b"GET"
                assert process.end(signal.SIGINT) == -signal.SIGINT, "a shell has 130"
            assert process.log() == ""


def test_several_bots_with_copies_trade_for_accounts_of_their_own(
    listing_exchange: Exchange, venue: str
) -> None:
    ended = bots(
        "noise",
        "--copies",
        "3",
        "market-maker",
        "--orders",
        "8",
        "--pause",
        "0-0.02",
        "--url",
        listing_exchange.url,
        "--venue",
        venue,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "3 noise (NOISE1 to NOISE3), 3 market-maker (MARKET-MAKER1 to" in ended.stdout
    counted = sums(ended.stdout)
    accounts = [
        f"{kind.upper()}{number}" for kind in ("noise", "market-maker") for number in (1, 2, 3)
    ]
    assert list(counted)[-1] == "Total" and counted["Total"][:3] == (48, 48, 0)
    for account in accounts:
        kind = account[:-1].lower()
        assert counted[f"{kind} ({account})"][:3] == (8, 8, 0)
        assert len(orders(listing_exchange.url, account, venue)) == 8
    # Each copy has a seed of its own.
    first, second = (
        [
            (order["direction"], order["originalQty"])
            for order in orders(listing_exchange.url, account, venue)
        ]
        for account in ("NOISE1", "NOISE2")
    )
    assert first != second


def test_an_account_that_is_named_trades_for_all(listing_exchange: Exchange, venue: str) -> None:
    ended = bots(
        "taker",
        "noisier",
        "--account",
        "ME",
        "--orders",
        "7",
        "--pause",
        "0",
        "--url",
        listing_exchange.url,
        "--venue",
        venue,
        "--quiet",
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == [
        line for line in ended.stdout.splitlines() if re.search(SUM, line)
    ]
    assert len(orders(listing_exchange.url, "ME", venue)) == 14


@pytest.mark.slow
def test_with_authentication_keys_come_from_the_bot_or_the_file_or_the_option(
    tmp_path: Path,
) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"NOISEBOTS": "noisekey", "NOISE1": "a", "NOISE2": "b", "ME": "c"}))
    with running("-a", str(path)) as exchange:
        common = ("noise", "--url", exchange.url, "--orders", "3", "--pause", "0")
        with_file = ("--copies", "2", "--accounts", str(path))
        for options in ((), with_file, ("--account", "ME", "--key", "c")):
            ended = bots(*common, *options)
            assert (ended.returncode, ended.stderr) == (0, "")
            assert ", 0 refused or lost" in ended.stdout.splitlines()[-1]
        for options in (("--key", "wrong"), ("--copies", "2"), ("--account", "ME")):
            refused = bots(*common, *options)
            assert (refused.returncode, refused.stdout) == (2, "")
            assert "The exchange does not let" in refused.stderr
            assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize("kind", ["noise", "market-maker", "taker", "extreme"])
@pytest.mark.slow
def test_the_same_seed_against_a_fresh_exchange_places_the_same_orders(kind: str) -> None:
    listings = []
    for seed, pause in (("7", "0"), ("7", "0-0.02"), ("8", "0")):
        with serve() as exchange:
            ended = bots(
                kind,
                "--seed",
                seed,
                "--orders",
                "40",
                "--pause",
                pause,
                "--url",
                exchange.url,
                "--account",
                "ME",
            )
            assert ended.returncode == 0, ended.stderr
            listings.append(orders(f"{exchange.url}/ob/api/", "ME"))
    first, same, other = listings
    assert len(first) == 40 and first == same
    assert first != other


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_a_total_for_each_bot_that_is_true(
    signal_number: int, listing_exchange: Exchange, venue: str
) -> None:
    venue = f"{venue}-{signal_number}"
    with running_bots(
        *LIVELY, "--url", listing_exchange.url, "--venue", venue, "--pause", "0.01"
    ) as process:
        _wait_for_trades(listing_exchange, venue)
        assert process.end(signal_number) == 0
        log = process.log()
    assert "Traceback" not in log
    counted = sums(log)
    assert list(counted) == [
        "market-maker (MAKERBOTS)",
        "taker (TAKERBOTS)",
        "noise (NOISEBOTS)",
        "Total",
    ]
    for name, (sent, placed, lost, _) in list(counted.items())[:3]:
        account = name[name.index("(") + 1 : -1]
        assert sent == placed + lost
        assert placed == len(orders(listing_exchange.url, account, venue)) > 0
    assert counted["Total"] == tuple(map(sum, zip(*list(counted.values())[:3])))


def test_the_market_is_alive_on_both_sides(listing_exchange: Exchange, venue: str) -> None:
    with running_bots(*LIVELY, "--url", listing_exchange.url, "--venue", venue) as process:
        _wait_for_trades(listing_exchange, venue)
        assert process.end(signal.SIGINT) == 0


def _wait_for_trades(exchange: Exchange, venue: str) -> None:
    """Until the taker has bought and sold."""
    deadline = time.monotonic() + PATIENCE
    sides: set[str] = set()
    while len(sides) < 2:
        assert time.monotonic() < deadline, f"only {sides}"
        time.sleep(0.05)  # there is no event to wait for without the tape
        sides = {
            order["direction"] for order in _orders_if_any(exchange, venue) if order["totalFilled"]
        }


def _orders_if_any(exchange: Exchange, venue: str) -> list[dict[str, Any]]:
    try:
        return orders(exchange.url, "TAKERBOTS", venue)
    except urllib.error.HTTPError:  # the venue does not exist yet
        return []


@pytest.mark.slow
def test_many_bots_at_full_speed_keep_the_market_in_order(
    listing_exchange: Exchange, venue: str
) -> None:
    with running_bots(
        *LIVELY,
        "noisier",
        "buy-low-sell-high",
        "--copies",
        "2",
        "--seed",
        "1",
        "--pause",
        "0",
        "--url",
        listing_exchange.url,
        "--venue",
        venue,
        "--orders",
        "40",
    ) as process:
        assert process.wait() == 0
        log = process.log()
    counted = sums(log)
    assert counted["Total"][:3] == (400, 400, 0) and "Traceback" not in log
    url = f"{listing_exchange.url}venues/{venue}/stocks/FOOBAR"
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        book = json.load(answer)
    makers = (
        order
        for number in (1, 2)
        for order in orders(listing_exchange.url, f"MARKET-MAKER{number}", venue)
    )
    assert len([order for order in makers if order["open"]]) <= 2 * 7
    assert len(book["bids"]) + len(book["asks"]) <= 2 * 7 + 2 * 11 + 12 * 11 + 2 * 11
    prices = [row["price"] for row in book["bids"] + book["asks"]]
    assert prices and 1000 < min(prices) and max(prices) < 25_000


def test_an_exchange_that_is_restarted_is_missed_with_one_sentence_and_traded_on() -> None:
    with (
        running() as exchange,
        running_bots(
            *LIVELY, "--copies", "2", "--pause", "0-0.02", "--url", exchange.url
        ) as process,
    ):
        process.wait_for("Ctrl-C stops")
        _wait_for_a_trade(exchange)
        assert exchange.process.end() == 0
        process.wait_for("Cannot reach .*, trying again until it answers")
        since = len(process.log())
        with running("-p", str(exchange.port)) as again:
            process.wait_for("answers again", since=since)
            _wait_for_a_trade(again)
            assert process.end(signal.SIGINT) == 0
    log = process.log()
    assert log.count("Cannot reach") == 1 and log.count("answers again") == 1
    assert "Traceback" not in log and "Total: " in log


def _wait_for_a_trade(exchange: Exchange) -> None:
    url = f"{exchange.url}venues/TESTEX/stocks/FOOBAR/quote"
    deadline = time.monotonic() + PATIENCE
    while True:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            if "last" in json.load(answer):
                return
        assert time.monotonic() < deadline
        time.sleep(0.05)  # as above


def test_refused_orders_are_counted_and_not_fatal(
    listing_exchange: Exchange,
    venue: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # A name that is too long for the exchange; only the command line knows that, too.
    monkeypatch.setattr("disorderbook.runner.command.MAX_NAME_LENGTH", 1000)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    threads = threading.active_count()
    status = command.run_bots(
        [
            "taker",
            "noise",
            "--venue",
            "V" * 256,
            "--url",
            listing_exchange.url,
            "--orders",
            "30",
            "--pause",
            "0",
        ]
    )
    out, err = capsys.readouterr()
    assert status == 0
    assert sums(out)["Total"] == (60, 0, 60, 0)
    assert 0 < err.count("\n") < 10  # not sixty times the same sentence
    assert threading.active_count() == threads  # all threads were joined


class Silent(BaseHTTPRequestHandler):
    """Says that it is an exchange, and takes every other request without ever answering it."""

    protocol_version = "HTTP/1.1"
    server: "SilentServer"

    def do_GET(self) -> None:
        if self.path.endswith("/heartbeat"):
            self._answer(200, b'{"ok": true}')
        else:
            self.server.keep_waiting()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if json.loads(body).keys() == {"account"}:
            self._answer(400, b'{"ok": false, "error": "Incoming POST was missing a field"}')
        else:
            self.server.keep_waiting()

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        pass


class SilentServer(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Silent)
        self.waiting = threading.Semaphore(0)
        self.has_ended = threading.Event()

    def keep_waiting(self) -> None:
        self.waiting.release()
        self.has_ended.wait(PATIENCE)


@pytest.mark.slow
def test_ctrl_c_does_not_wait_for_a_slow_request() -> None:
    with SilentServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            with running_bots(
                *LIVELY, "--copies", "3", "--url", f"http://127.0.0.1:{server.server_port}/"
            ) as process:
                for _ in range(9):
                    assert server.waiting.acquire(timeout=PATIENCE)
                assert process.end(signal.SIGINT, patience=TIMEOUT / 2) == 0
                assert "Total: " in process.log() and "Traceback" not in process.log()
        finally:
            server.has_ended.set()
            server.shutdown()
            thread.join(PATIENCE)


def test_the_listing_has_a_line_for_each_and_a_command_to_type() -> None:
    listed = command.listing("PROGRAM")
    for name, bot in REGISTRY.items():
        assert re.search(rf"^  {name} +{re.escape(bot.line)}$", listed, re.MULTILINE)
    assert "PROGRAM market-maker taker noise" in listed
    assert max(map(len, listed.splitlines())) <= 100
