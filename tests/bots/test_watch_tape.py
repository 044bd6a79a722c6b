"""The script that prints the tape, started as from a shell."""

import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from multiprocessing.connection import Connection

import fork_server
import pytest
import watch_tape
from forked import forked, heard
from live import PATIENCE, ROOT, Exchange, bot, running
from ports import free_port
from stockfighter_minimal import Client, Order

from disorderbook.client import listener


@contextmanager
def exchange_with_tape(*options: str, port: str = "0") -> Iterator[tuple[Exchange, str]]:
    """An exchange and the url of its tape."""
    with running("-w", "--wsport", port, *options) as exchange:
        yield exchange, exchange.process.wait_for(r"ws://127\.0\.0\.1:\d+/ob/api/ws/")[0]


def test_it_gives_up_where_the_client_of_the_package_does() -> None:
    statuses = range(400, 600)
    final = [status for status in statuses if watch_tape.is_final(status)]
    assert final == [status for status in statuses if listener.is_final(status)]
    assert {400, 403, 404, 426, 501} <= set(final) and not {500, 502, 503, 504} & set(final)


def trade(exchange: Exchange, price: int = 5001, symbol: str = "FOOBAR", key: str = "") -> None:
    """Ann buys 10 of Bob."""
    client = Client(exchange.url, key)
    for account, direction in (("NOISEBOTS", "buy"), ("NOISEBOTS", "sell")):
        assert client.execute(Order("TESTEX", symbol, direction, 10, price, "limit", account))
    client.close()


def test_it_prints_quotes_in_columns() -> None:
    with exchange_with_tape() as (exchange, url):
        with bot("watch_tape.py", "--url", url) as watching:
            watching.wait_for("^UTC")
            trade(exchange)
            watching.wait_for(r"5001 +10$")
            assert watching.end(signal.SIGINT) == 0
        head, *rows = watching.log().splitlines()
        assert len(rows) == 2
        ends = [match.end() for match in re.finditer(r"\S+( size)?", head)][2:]
        for row in rows:
            assert re.match(r"\d\d:\d\d:\d\d\.\d{3}  FOOBAR ", row)
            assert [match.end() for match in re.finditer(r"\S+", row)][2:] == ends
        assert re.search(r" 10 +5001 +- +0 +- +-$", rows[0])
        assert re.search(r" 0 +- +- +0 +5001 +10$", rows[1])


def test_of_one_stock_it_prints_that_alone() -> None:
    with exchange_with_tape() as (exchange, url):
        with bot("watch_tape.py", "--url", url, "--symbol", "FOOBAR") as watching:
            watching.wait_for("^UTC")
            trade(exchange, symbol="OTHER")
            trade(exchange, price=77)
            watching.wait_for(r"77 +10$")
            assert watching.end() == 0
        assert "OTHER" not in watching.log()


def test_with_an_account_and_its_key_it_prints_trades() -> None:
    with exchange_with_tape("-a", "accounts.json") as (exchange, url):
        options = ["--url", url, "--account", "NOISEBOTS", "--key", "noisekey"]
        with bot("watch_tape.py", *options) as watching:
            watching.wait_for("^UTC")
            trade(exchange, key="noisekey")
            watching.wait_for(r"FOOBAR +buy +10 +5001 +0 +0$")
            watching.wait_for(r"FOOBAR +sell +10 +5001 +1 +0$")
            assert watching.end() == 0


def test_without_the_key_it_says_so_and_ends() -> None:
    with exchange_with_tape("-a", "accounts.json") as (_, url):
        with bot("watch_tape.py", "--url", url, "--account", "NOISEBOTS") as watching:
            assert watching.wait() == 1
        assert "Refused: Server is in +authentication mode but no API key" in watching.log()


def test_what_is_no_tape_is_refused() -> None:
    with running() as exchange:
        url = exchange.url.replace("http:", "ws:")
        with bot("watch_tape.py", "--url", url) as watching:
            assert watching.wait() == 1
        assert "so it is no tape (This exchange has no websockets; " in watching.log()


class Refusing(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"ok": false, "error": "Illegal host"}'
        self.send_response(403)
        self.send_header("X-Error-Detail", json.dumps("the Host is another"))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_a_refusal_says_what_exactly_was_wrong() -> None:
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        answering = threading.Thread(target=server.handle_request)
        answering.start()
        with bot("watch_tape.py", "--url", f"ws://127.0.0.1:{server.server_port}") as watching:
            assert watching.wait() == 1
        answering.join()
    assert "so it is no tape (Illegal host: the Host is another)" in watching.log()


def test_it_waits_for_an_exchange_that_is_away_and_reconnects() -> None:
    port = str(free_port())
    url = f"ws://127.0.0.1:{port}/ob/api/ws/"
    with bot("watch_tape.py", "--url", url) as watching:
        for _ in range(2):
            start = len(watching.log())
            watching.wait_for("trying again until it answers", since=max(0, start - 200))
            with exchange_with_tape(port=port) as (exchange, _):
                watching.wait_for("answers again", since=start)
                watching.wait_for("^UTC", since=start)
                trade(exchange)
                watching.wait_for(r"5001 +10$", since=start)
            watching.wait_for("has hung up", since=start)
        assert watching.end() == 0
        assert "Traceback" not in watching.log()


def run(*options: str, python: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, *python, str(ROOT / "bots" / "watch_tape.py"), *options]
    return fork_server.run(command, timeout=PATIENCE)


@pytest.mark.parametrize(
    "option, value",
    [
        ("--url", "http://127.0.0.1:8000"),
        ("--url", "ws://"),
        ("--venue", ""),
        ("--account", "A" * 256),
        ("--unknown", "1"),
    ],
)
def test_a_bad_option_is_one_sentence_and_status_2(option: str, value: str) -> None:
    refused = run(option, value)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("watch_tape.py: ") and refused.stderr.count("\n") == 1


def test_help_explains_it() -> None:
    shown = run("--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    for option in ("url", "venue", "symbol", "account", "key"):
        assert f"--{option}" in shown.stdout


def test_without_websocket_client_it_says_what_to_run() -> None:
    refused = run(python=("-S",))  # -S hides all installed packages
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.count("\n") == 1 and "pip install websocket-client" in refused.stderr


def test_when_nobody_reads_on_it_ends_quietly() -> None:
    with exchange_with_tape() as (exchange, url):
        script = [sys.executable, str(ROOT / "bots" / "watch_tape.py"), "--url", url]
        with subprocess.Popen(
            script, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as watching:
            assert watching.stdout and watching.stderr
            assert watching.stdout.readline().startswith("UTC")
            watching.stdout.close()
            trade(exchange)
            assert watching.wait(PATIENCE) == 0
            assert watching.stderr.read() == ""


def test_a_forked_process_hears_over_a_connection_of_its_own() -> None:
    with exchange_with_tape() as (exchange, url):
        listening = watch_tape.connect(f"{url}ME/venues/TESTEX/tickertape", "")
        messages = watch_tape.heard(listening)
        trade(exchange)
        first = next(messages)

        def listen(pipe: Connection) -> None:
            pipe.send(list(messages))  # which ends at once
            listening.shutdown()

        with forked(listen) as child:
            assert heard(child) == []
        assert (first["quote"]["bid"], next(messages)["quote"]["last"]) == (5001, 5001)
        messages.close()
