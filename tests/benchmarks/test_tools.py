"""The tools that measure a server, each with small numbers: what they do, print and refuse."""

import itertools
import json
import os
import re
import signal
import socketserver
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from fork_server import popen
from live import ROOT, Exchange, running
from nats_server import require_nats_server

PATIENCE = 60.0  # seconds for a tool to end
TOOLS = ("orders_in_30_seconds", "fifty_clients", "big_book", "same_stream")
NOWHERE = "http://127.0.0.1:1/ob/api/"


def run(tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a tool until it ends, and with it all that it started, which has the same stderr."""
    command = [sys.executable, str(ROOT / "benchmarks" / f"{tool}.py"), *arguments]
    with popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            out, err = process.communicate(timeout=PATIENCE)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def measured(tool: str, *arguments: str) -> str:
    """What a tool prints when all goes well."""
    ended = run(tool, *arguments)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def exchange() -> Iterator[Exchange]:
    with running() as started:
        yield started


def ask(exchange: Exchange, path: str) -> object:
    try:
        with urllib.request.urlopen(f"{exchange.url}venues/BENCHMARK/{path}") as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refusal:
        return refusal.code


def test_orders_are_placed_one_after_the_other(exchange: Exchange) -> None:
    printed = measured("orders_in_30_seconds", "--url", exchange.url, "--orders", "50")
    assert re.fullmatch(
        r"50 orders in [\d.]+ s: \d+ orders/s, p50 [\d.]+ ms, p99 [\d.]+ ms\n", printed
    )
    assert ask(exchange, "stocks/ONECLIENT/orders/49")["price"] in range(4900, 5101)
    assert ask(exchange, "stocks/ONECLIENT/orders/50") == 404


def test_orders_are_placed_until_the_time_is_over(exchange: Exchange) -> None:
    printed = measured(
        "orders_in_30_seconds", "--url", exchange.url, "--seconds", "0.5", "--symbol", "SHORTLY"
    )
    assert 0.3 < float(re.search(r"orders in ([\d.]+) s", printed)[1]) < 25  # it would take 30


def test_fifty_clients_trade_at_once(exchange: Exchange) -> None:
    printed = measured("fifty_clients", "--url", exchange.url, "--orders", "4")
    assert re.match(r"200 orders of 50 clients in .* p50 [\d.]+ ms, p99 [\d.]+ ms, 0 err", printed)
    assert "the ids have no gap and no duplicate\n" in printed
    assert ask(exchange, "stocks/FIFTYCLIENTS/orders/199")["id"] == 199
    assert ask(exchange, "stocks/FIFTYCLIENTS/orders/200") == 404


def test_a_big_book_is_built_on_few_levels_and_on_many(exchange: Exchange) -> None:
    printed = measured("big_book", "--url", exchange.url, "--orders", "60", "--levels", "2", "20")
    rows = [line.split() for line in printed.splitlines()[2:]]
    assert [row[:2] for row in rows] == [["0", "0"], ["60", "2"], ["60", "20"]]
    assert all(float(figure) > 0 for row in rows for figure in row[3:])
    for levels in (2, 20):
        book = ask(exchange, f"stocks/BIGBOOK{levels}")
        assert len({row["price"] for row in book["bids"] + book["asks"]}) == levels
        assert all(order["qty"] == 100 for order in book["bids"] + book["asks"])


def test_a_big_book_is_not_built_on_another(exchange: Exchange) -> None:
    arguments = ("--url", exchange.url, "--orders", "1", "--levels", "1", "--symbol", "TWICE")
    measured("big_book", *arguments)
    assert failure("big_book", *arguments).startswith("Somebody has used venues/BENCHMARK/stocks/")


def test_a_book_is_rendered_in_chunks_and_as_a_whole() -> None:
    arguments = ("--orders", "600", "--levels", "1,20", "--answers", "5")
    rows = [line.split() for line in measured("book_bytes", *arguments).splitlines()[1:]]
    assert [row[0] for row in rows] == ["1", "20"]
    assert all(float(figure) > 0 for row in rows for figure in row)
    assert all(float(row[6]) == 1.0 for row in rows), "an order renders one chunk"


@pytest.mark.slow
def test_two_servers_of_one_kind_do_not_differ(exchange: Exchange) -> None:
    with running() as other:
        printed = measured("same_stream", exchange.url, other.url, "--requests", "300")
        assert re.match(r"no difference in 305 answers, of which (2\d\d|30[0-5]) ", printed)
        book = ask(exchange, "stocks/SAMESTREAMA")
        assert book["bids"] == ask(other, "stocks/SAMESTREAMA")["bids"] != []


def test_the_first_difference_between_two_servers_is_shown(exchange: Exchange) -> None:
    with running("-a", "accounts.json") as other:
        # With this seed the first request is an order: others are answered alike without a key.
        ended = run("same_stream", exchange.url, other.url, "--symbol", "KEYS", "--seed", "1")
    assert ended.returncode == 1
    first, order, a, b = ended.stdout.splitlines()
    assert re.match(r"request \d+ is answered differently: POST venues/BENCHMARK/stocks/K", first)
    assert json.loads(order)["account"].startswith("BENCHMARK")
    assert a.startswith("  A: 200 {") and b.startswith('  B: 401 {"error": "Server is in +auth')


@pytest.mark.slow
def test_publishing_is_compared_with_an_exchange_that_does_not() -> None:
    require_nats_server()
    printed = measured("publish", "--seconds", "0.2", "--rounds", "1", "--connections", "2")
    rows = [line[22:].split() for line in printed.splitlines()[2:]]
    assert len(rows) == 5 and rows[0][1] == rows[0][3] == "1.000"
    assert all(float(figure.replace(",", "")) > 0 for row in rows for figure in row)


@pytest.mark.slow
def test_after_an_outage_no_trade_is_missing_and_quotes_are_fresh() -> None:
    require_nats_server()
    tiny = "--seconds 0.3 --around 0.2 --rate 40 --how killed --oldest 30"
    head, *rows = measured("outage", *tiny.split()).splitlines()
    assert re.fullmatch(
        r"server killed for [\d.]+ s: 13 trades, of which 0 are missing and \d+ came twice; "
        r"\d+ quotes conflated, 0 messages lost",
        head,
    )
    heard = {row[2:24].strip(): row[24:].split()[0] for row in rows}
    assert len(heard) == 5 and heard.pop("subscriber, under way") == "0"
    assert "0" not in heard.values(), "quotes came before the outage and after it, to both"


def test_every_benchmark_that_a_text_names_is_there() -> None:
    texts = [ROOT / "Makefile", *ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    named = {name for text in texts for name in re.findall(r"benchmarks/\w+\.py", text.read_text())}
    assert named and [name for name in sorted(named) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("tool", TOOLS[:3])
def test_without_an_address_an_exchange_is_started_and_ended(tool: str) -> None:
    arguments = ["--orders", "5"] + ["--levels", "2"] * (tool == "big_book")
    assert measured(tool, *arguments)


@pytest.mark.parametrize("tool", TOOLS)
def test_every_tool_explains_itself(tool: str) -> None:
    assert f"python3 benchmarks/{tool}.py " in measured(tool, "--help")


def addresses(tool: str, url: str) -> list[str]:
    return [url, url] if tool == "same_stream" else ["--url", url]


@pytest.mark.parametrize(
    "tool, url",
    [
        *((tool, "http://example.com/ob/api/") for tool in TOOLS),
        (TOOLS[0], "http://10.0.0.1:8000/"),
        (TOOLS[0], "http://127.0.0.1.example.com/"),
        (TOOLS[0], "https://127.0.0.1/"),
        (TOOLS[0], "http://127.0.0.1:99999/"),
        (TOOLS[0], "http:///"),
        (TOOLS[0], "http://[::1/"),
        (TOOLS[0], "nonsense"),
        (TOOLS[0], ""),
    ],
)
def test_only_servers_on_this_machine_are_measured(tool: str, url: str) -> None:
    assert repr(url) in failure(tool, *addresses(tool, url), status=2)


@pytest.mark.parametrize(
    "arguments",
    [
        "orders_in_30_seconds --seconds 0",
        "orders_in_30_seconds --seconds nan",
        "orders_in_30_seconds --seconds 1e9",
        "orders_in_30_seconds --orders 0",
        "orders_in_30_seconds --orders 1.5",
        "orders_in_30_seconds --orders 99999999",
        "orders_in_30_seconds --seed x",
        "orders_in_30_seconds --venue é",
        "orders_in_30_seconds x",
        "fifty_clients --clients 0",
        "fifty_clients --clients 501",
        "fifty_clients --processes 17",
        "fifty_clients --orders 2001",
        "big_book --orders 1000001",
        "big_book --levels",
        "big_book --levels 0",
        "big_book --levels 5 -1",
        "same_stream",
        f"same_stream {NOWHERE}",
        f"same_stream {NOWHERE} {NOWHERE} --requests 0",
    ],
)
def test_bad_values_are_refused_in_a_sentence(arguments: str) -> None:
    failure(*arguments.split(), status=2)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_server_that_is_not_there_is_a_sentence(tool: str) -> None:
    assert "does not answer" in failure(tool, *addresses(tool, NOWHERE))


def test_a_refusal_is_a_sentence(exchange: Exchange) -> None:
    ended = run("fifty_clients", "--url", exchange.url, "--account", "x" * 255)
    assert ended.returncode == 1 and ended.stdout.count("\n") == 3
    assert "names are at most 255 characters" in ended.stdout.splitlines()[2]


def order(number: int) -> bytes:
    return json.dumps({"ok": True, "id": number}).encode()


def with_length(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


ANSWERS: dict[str, Callable[[bytes], bytes]] = {
    "with a length": with_length,
    "of an old server": lambda body: b"HTTP/1.0 200 OK\r\n\r\n" + body,
    "in chunks": lambda body: (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x;x=y\r\n%b\r\n3\r\n%b\r\n0\r\n\r\n"
        % (len(body) - 3, body[:-3], body[-3:])
    ),
    "before closing": lambda body: b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body,
}
KEPT = {"with a length", "in chunks"}  # the connection


@pytest.mark.parametrize("form", ANSWERS)
def test_servers_are_understood_that_answer(form: str) -> None:
    with server(ANSWERS[form], itertools.count(), keeps=form in KEPT) as url:
        printed = measured("orders_in_30_seconds", "--url", url, "--orders", "3")
        assert printed.startswith("3 orders in ")


@pytest.mark.parametrize(
    "nonsense",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\n\r\n<html>",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"x" * 100_000,
    ],
)
def test_nonsense_is_no_answer(nonsense: bytes) -> None:
    with server(lambda _: nonsense, itertools.count(), keeps=False) as url:
        said = failure("orders_in_30_seconds", "--url", url)
        assert "does not answer" in said or "answers no JSON" in said


@pytest.mark.parametrize(
    "ids, fault",
    [
        ([0, 1, 2, 3, 5, 6], "1 ids are missing"),
        ([0, 1, 1, 2, 3, 4], "1 orders share an id"),
    ],
)
def test_a_fault_in_the_numbering_is_found(ids: list[int], fault: str) -> None:
    with server(with_length, iter([0, *ids])) as url:  # the first goes to the heartbeat
        ended = run("fifty_clients", "--url", url, "--clients", "2", "--orders", "3")
    assert ended.returncode == 1
    assert fault in ended.stdout and " 0 errors" in ended.stdout


def failure(tool: str, *arguments: str, status: int = 1) -> str:
    """The one sentence that a tool ends with when it cannot do its work."""
    ended = run(tool, *arguments)
    assert ended.returncode == status, ended.stderr
    assert ended.stderr.count("\n") == 1 and ended.stderr.startswith(f"{tool}.py: ")
    return ended.stderr.removeprefix(f"{tool}.py: ")


@contextmanager
def server(
    answer: Callable[[bytes], bytes],
    ids: Iterator[int],
    keeps: bool = True,
) -> Iterator[str]:
    """A server that answers every request with an order of the next id; yields its address."""
    one_at_a_time = threading.Lock()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.read_request():
                with one_at_a_time:
                    self.wfile.write(answer(order(next(ids))))
                if not keeps:
                    return

        def read_request(self) -> bool:
            length = 0
            while (line := self.rfile.readline()) not in (b"", b"\r\n"):
                if line.startswith(b"Content-Length:"):
                    length = int(line.split(b":")[1])
            self.rfile.read(length)
            return line != b""

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_address[1]}/"
        finally:
            listening.shutdown()
            thread.join()
