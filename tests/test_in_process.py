"""A private exchange in the test's own process: there when the block begins, gone when it ends."""

import gc
import http.client
import inspect
import json
import logging
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, closing
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from forked import PATIENCE, Child, forked, forked_by_multiprocessing, heard
from raw_websocket import RawPeer, handshake

import disorderbook
from disorderbook.cli.main import make_parser
from disorderbook.client import ExchangeUnreachable, Market, Refused
from disorderbook.in_process import CannotStart, PrivateExchange, serve
from disorderbook.protocol.names import HOST, IPV6_HOST

ROOT = Path(__file__).parent.parent
Fork = Callable[[Child], AbstractContextManager[Connection]]
both_ways = pytest.mark.parametrize("fork", [forked, forked_by_multiprocessing])


def market_of(exchange: PrivateExchange, account: str = "ME", key: str | None = None) -> Market:
    return Market(exchange.venue, exchange.symbol, account, key, exchange.url)


def open_descriptors() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def test_it_answers_from_the_first_line_of_the_block_to_the_last() -> None:
    with serve() as exchange, market_of(exchange) as market:
        order = market.buy(5000, 10)
        assert (order.id, order.venue, order.symbol) == (0, "TESTEX", "FOOBAR")
        assert market.orders() == (order,)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, exchange.port))


RENAMED = {  # keywords with a word of their own
    "maxbooks": "max_books",
    "wsport": "tape_port",
    "maxlisteners": "max_listeners",
    "maxinstances": "max_instances",
    "admin_key_file": "admin_key",
}
# About a process (which is the program's own), or instead of serving.
WITHOUT_KEYWORD = {"server", "log_level", "ports_file", "export", "version", "help", "command"}
WITHOUT_KEYWORD |= {"shard"}  # of exchanges behind a proxy, which a private one is not
# Of the subcommand `replay`, or for programs only.
WITHOUT_OPTION = {"replay", "replay_as", "journal"}


def test_every_option_of_an_exchange_has_a_keyword_or_none_on_purpose() -> None:
    options = {RENAMED.get(action.dest, action.dest) for action in make_parser()._actions}
    keywords = set(inspect.signature(serve).parameters)
    assert options - WITHOUT_KEYWORD == keywords - WITHOUT_OPTION < keywords
    assert options > WITHOUT_KEYWORD
    told = (ROOT / "docs/python.md").read_text().split("## The client")[0]
    assert not [keyword for keyword in keywords if f"`{keyword}" not in told]


@pytest.mark.parametrize("keyword", ["sync", "drop_damaged_log"])
def test_what_is_about_a_file_needs_one(keyword: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="need database"), serve(**{keyword: True}):
        pass
    with serve(database=tmp_path / "market.db", **{keyword: True}) as exchange:
        assert market_of(exchange).buy(5000, 10).id == 0


def test_its_port_is_free_at_once_when_it_has_ended_even_with_clients_connected() -> None:
    with serve() as exchange:
        market = market_of(exchange)
        market.buy(5000, 10)
    with serve(exchange.port) as again, market:
        assert again.url == exchange.url
        assert market.quote().bid is None, "it is a market of its own"


def test_several_at_once_are_markets_of_their_own() -> None:
    with serve(websockets=True) as one, serve(websockets=True) as two, ExitStack() as open_ones:
        first, second = (open_ones.enter_context(market_of(each)) for each in (one, two))
        first.buy(5000, 10)
        second.sell(4000, 7)
        assert (first.quote().bid, first.quote().ask) == (5000, None)
        assert (second.quote().bid, second.quote().ask) == (None, 4000)
        assert len({one.url, two.url, one.tape_url, two.tape_url}) == 4


def test_one_can_end_while_another_goes_on() -> None:
    with serve(websockets=True) as lasting, market_of(lasting) as market:
        before = sys.getswitchinterval()
        with serve(websockets=True):
            pass
        assert market.buy(5000, 10).open
        assert sys.getswitchinterval() == before


def test_nothing_is_left_of_it() -> None:
    with serve(websockets=True):  # what Python and uvloop open once and keep
        pass
    threads, descriptors = threading.enumerate(), open_descriptors()
    for _ in range(3):
        with serve(websockets=True) as exchange, market_of(exchange) as market:
            market.buy(5000, 10)
            assert len(threading.enumerate()) > len(threads)
        assert threading.enumerate() == threads
    assert open_descriptors() == descriptors


def test_what_belongs_to_the_whole_process_is_left_as_it_was() -> None:
    def settings() -> tuple[object, ...]:
        return (
            [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
            list(logging.getLogger().handlers),
            logging.getLogger().level,
            resource.getrlimit(resource.RLIMIT_NOFILE),
            list(gc.callbacks),
            gc.get_freeze_count(),
        )

    before, interval = settings(), sys.getswitchinterval()
    with serve(websockets=True):
        assert settings() == before
    assert settings() == before and sys.getswitchinterval() == interval


def test_it_ends_also_when_the_block_fails() -> None:
    threads = threading.enumerate()
    with pytest.raises(ZeroDivisionError):
        with serve(websockets=True):
            raise ZeroDivisionError
    assert threading.enumerate() == threads


def test_any_thread_can_run_one_of_its_own() -> None:
    urls: list[str] = []

    def work() -> None:
        with serve() as exchange, market_of(exchange) as market:
            urls.append(exchange.url)
            assert market.buy(1, 1).open

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(urls) == 5


def test_a_taken_port_is_a_sentence_and_leaves_nothing() -> None:
    with serve(websockets=True) as exchange, market_of(exchange) as market:
        market.quote()  # so that its threads have opened what they need
        descriptors, threads = open_descriptors(), threading.enumerate()
        tape_port = int(exchange.tape_url.rpartition(":")[2])
        for options in ({"port": exchange.port}, {"websockets": True, "tape_port": tape_port}):
            with pytest.raises(CannotStart, match="Cannot listen on port"):
                with serve(**options):
                    pass
        assert threading.enumerate() == threads
        assert open_descriptors() == descriptors


@pytest.mark.parametrize(
    "options",
    [
        {"port": 65536},
        {"port": -1},
        {"websockets": True, "tape_port": 65536},
        {"venue": ""},
        {"venue": "A/B"},
        {"symbol": "A\ud800"},
        {"symbol": "A" * 256},
        {"max_listeners": 0},
        {"max_listeners": 218},
        {"day_seconds": 0.04},
        {"day_seconds": float("inf")},
        {"seed": -1},
        {"max_instances": 0},
    ],
)
def test_what_cannot_be_a_port_a_name_or_a_number_is_refused_before_anything_starts(
    options: dict[str, Any],
) -> None:
    threads = threading.enumerate()
    complaint = "an integer from|cannot name a venue|day_seconds is"
    with pytest.raises(ValueError, match=complaint):
        with serve(**options):
            pass
    assert threading.enumerate() == threads


def test_a_listener_more_than_may_be_is_refused__difference_27() -> None:
    with serve(websockets=True, max_listeners=1) as exchange, RawPeer.listening(exchange.port):
        assert exchange.tape_port is not None
        for port in (exchange.port, exchange.tape_port):
            with RawPeer(port) as peer:
                peer.send(handshake())
                answer = peer.answer()
                assert answer.status == 503
                assert "There are 1 listeners already" in peer.body(answer).decode()


def test_the_first_book_can_be_named() -> None:
    with serve(venue="NYSE", symbol="日本") as exchange, market_of(exchange) as market:
        assert market.quote().symbol == "日本"
        with pytest.raises(Refused, match="Venue TESTEX does not exist"):
            Market("TESTEX", "FOOBAR", "ME", url=exchange.url).orders()


def test_with_accounts_it_asks_for_keys() -> None:
    with serve(accounts={"ANN": "annkey"}) as exchange:
        with market_of(exchange, "ANN", "annkey") as ann:
            assert ann.buy(5000, 1).account == "ANN"
        with market_of(exchange, "ANN", "wrong") as other:
            with pytest.raises(Refused, match="Unknown account or wrong API key"):
                other.buy(5000, 1)


@pytest.mark.parametrize(
    "accounts, complaint",
    [
        ({}, "accounts names no account"),
        ({"ANN": ""}, "accounts has a key that cannot be sent"),
    ],
)
def test_accounts_that_nobody_could_use_are_refused(
    accounts: dict[str, str], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        with serve(accounts=accounts):
            pass


def test_with_a_database_it_goes_on_where_it_was_left(tmp_path: Path) -> None:
    with serve(database=tmp_path / "market.db") as exchange, market_of(exchange) as market:
        order = market.buy(5000, 10)
        with pytest.raises(CannotStart):
            with serve(database=tmp_path / "market.db"):
                pass
    with serve(database=tmp_path / "market.db") as exchange, market_of(exchange) as market:
        assert market.status(order) == order


def test_the_options_of_the_command_line_hold_here_too() -> None:
    with serve(extra=False, max_books=1) as exchange, market_of(exchange) as market:
        with pytest.raises(Refused, match="Disabled"):
            market.orders()
        with pytest.raises(Refused, match="Book limit"):
            Market("TESTEX", "OTHER", url=exchange.url).quote()


def test_it_can_be_called_by_the_names_that_are_allowed__difference_30() -> None:
    with serve(websockets=True, allowed_hosts=["trade.example"]) as exchange:
        ports = (exchange.port, int(exchange.tape_url.rpartition(":")[2]))
        statuses = [
            (status_of(port, "trade.example"), status_of(port, "evil.example")) for port in ports
        ]
    assert statuses == [("200", "403"), ("426", "403")]
    with pytest.raises(ValueError, match="no host name"), serve(allowed_hosts=["a.example:80"]):
        pass


def status_of(port: int, host: str) -> str:
    """Of a GET by this name."""
    with socket.create_connection((HOST, port)) as client:
        client.sendall(f"GET /docs HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        return client.recv(16).decode().split()[1]


def test_without_a_tape_a_websocket_is_told_how_there_would_be_one__difference_27() -> None:
    head = (
        "GET /ob/api/ws/ME/venues/TESTEX/tickertape HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    with serve() as exchange:
        connection = http.client.HTTPConnection(HOST, exchange.port)
        with closing(connection):
            connection.connect()
            for _ in range(3):  # the head is remembered, and so is what it asks for
                connection.sock.sendall(head.encode())
                answer = http.client.HTTPResponse(connection.sock)
                answer.begin()
                said = json.loads(answer.read())["error"]
                assert answer.status == 501 and "--websockets" in said
            connection.request(
                "GET",
                "/ob/api/venues",
                headers={
                    "Connection": "Upgrade, HTTP2-Settings",
                    "Upgrade": "h2c",
                },
            )
            assert connection.getresponse().status == 200, "another protocol is not spoken"


def test_without_websockets_there_is_no_address_of_a_tape() -> None:
    with serve() as exchange, pytest.raises(RuntimeError, match="websockets=True"):
        exchange.tape_url


def test_who_is_in_the_middle_of_a_request_does_not_hold_up_the_end() -> None:
    with serve() as exchange:
        slow = socket.create_connection((HOST, exchange.port))
        slow.sendall(b"POST /ob/api/venues/TESTEX/stocks/FOOBAR/orders HTTP/1.1\r\nHost: a\r\n")
    with slow, pytest.raises(ExchangeUnreachable):
        market_of(exchange).quote()


def test_importing_the_package_imports_nothing_heavy() -> None:
    script = (
        "import sys, disorderbook\n"
        "heavy = {'asyncio', 'bottle', 'msgspec', 'requests', 'sqlite3', 'uvloop', 'websocket'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "assert {'Market', 'serve'} <= set(dir(disorderbook))\n"
        "disorderbook.Market, disorderbook.serve\n"
        "assert 'websocket' not in sys.modules\n"
    )
    # What measures coverage imports some of them itself.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    ran = subprocess.run(
        [sys.executable, "-c", script], env=plain, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr


def test_the_package_offers_what_it_says_and_nothing_else() -> None:
    assert disorderbook.serve is serve and disorderbook.Market is Market
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        disorderbook.nonsense


def test_a_type_checker_knows_what_the_package_offers(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        "import disorderbook\n"
        "with disorderbook.serve() as exchange:\n"
        "    bid: int | None = disorderbook.Market('V', 'S', url=exchange.url).quote().bid\n"
        "disorderbook.Market('V', 'S').buy(1, 1, 'nonsense')\n"
        "disorderbook.nonsense\n"
    )
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", str(tmp_path / "script.py")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    complaints = re.findall(r"script\.py:(\d+): error: .*\[(.*)\]", checked.stdout)
    assert complaints == [("4", "arg-type"), ("5", "attr-defined")], checked.stdout


@both_ways
def test_a_forked_process_keeps_neither_ports_nor_clients(fork: Fork) -> None:
    with ExitStack() as block, ExitStack() as clients:
        exchange = block.enter_context(serve(websockets=True))
        ports = [exchange.port, int(exchange.tape_url.rpartition(":")[2])]
        connected = [
            clients.enter_context(socket.create_connection((HOST, port)))
            for port in ports
            for _ in range(3)
        ]
        listener = clients.enter_context(RawPeer.listening(exchange.port))
        connected.append(listener.socket)  # which the server for HTTP has left to the tape
        market = clients.enter_context(market_of(exchange))
        market.buy(5000, 10)  # so all that came before it are accepted

        def wait(pipe: Connection) -> None:
            with market_of(exchange) as own:
                pipe.send(own.buy(4000, 5).id)
            pipe.recv()

        with fork(wait) as child:
            assert heard(child) == 1, "it trades as any other can"
            assert market.quote().bid_depth == 15
            block.close()
            for client in connected:
                client.settimeout(PATIENCE)
                while client.recv(4096):
                    pass
            for port in ports:
                with pytest.raises(ConnectionRefusedError):
                    socket.create_connection((HOST, port))
                with pytest.raises(OSError):  # which of them depends on whether there is IPv6
                    socket.create_connection((IPV6_HOST, port))
            with serve(ports[0], websockets=True, tape_port=ports[1]) as again:
                with market_of(again) as market:
                    assert market.quote().bid is None
            child.send("end")


FORKING_SCRIPT = """
import logging, os, sys
logging.getLogger("asyncio").setLevel(logging.ERROR)  # not how slow a busy machine is
import disorderbook
from disorderbook.ledger.durable import DurableLedger

close = DurableLedger.close

def reported(ledger):
    print("closed by", "the child" if not child else "the parent", flush=True)
    close(ledger)

DurableLedger.close = reported
child = None
with disorderbook.serve(database=sys.argv[1], websockets=True) as exchange:
    with disorderbook.Market("TESTEX", "FOOBAR", "ME", url=exchange.url) as market:
        for price in range(1, 401):
            market.buy(price, 1)
        for end in (0, 3):
            child = os.fork()
            if not child:
                sys.exit(end)
            print("status", os.waitpid(child, 0)[1], flush=True)
        for price in range(401, 801):
            market.buy(price, 1)
        print(len(market.orders()), market.quote().bid)
"""


@pytest.mark.slow
def test_a_forked_process_that_leaves_the_block_leaves_the_market_alone(tmp_path: Path) -> None:
    file = tmp_path / "market.db"
    ran = subprocess.run(
        [
            sys.executable,
            "-X",
            "dev",
            "-W",
            "ignore::DeprecationWarning",  # 3.12 warns of any fork
            "-c",
            FORKING_SCRIPT,
            str(file),
        ],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == "status 0\nstatus 768\n800 800\nclosed by the parent\n"
    with serve(database=file) as exchange, market_of(exchange) as market:
        assert [order.price for order in market.orders()] == list(range(1, 801))


def test_a_market_can_be_opened_again_while_a_forked_process_lives(tmp_path: Path) -> None:
    def wait(pipe: Connection) -> None:
        pipe.recv()

    with ExitStack() as block:
        exchange = block.enter_context(serve(database=tmp_path / "market.db"))
        with market_of(exchange) as market:
            order = market.buy(5000, 10)
        with forked(wait) as child:
            block.close()
            with serve(database=tmp_path / "market.db") as again, market_of(again) as market:
                assert market.status(order) == order
            child.send("end")


def test_a_forked_process_can_run_an_exchange_of_its_own() -> None:
    def run(pipe: Connection) -> None:
        with serve(websockets=True) as own, market_of(own) as market:
            pipe.send((market.buy(1, 1).id, own.url))
        assert sys.getswitchinterval() == interval

    interval = sys.getswitchinterval()
    with serve(websockets=True) as exchange, market_of(exchange) as market:
        market.buy(5000, 10)
        with forked(run) as child:
            number, url = heard(child)
            assert number == 0 and url != exchange.url
        assert market.quote().bid == 5000
