"""Listening to the tape: what it tells, how it goes on after interruptions, and how it ends."""

import gc
import os
import queue
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from live import killed
from ports import free_port
from websockets.sync.server import ServerConnection
from websockets.sync.server import serve as serve_websockets

from disorderbook import assembly
from disorderbook.client import (
    ExchangeUnreachable,
    Listener,
    Market,
    Quote,
    Refused,
    network,
)
from disorderbook.client import (
    listener as listener_module,
)
from disorderbook.client.results import Verdict, read
from disorderbook.in_process import PrivateExchange, serve

PATIENCE = 30.0  # seconds


def market_of(exchange: PrivateExchange, account: str = "ME", key: str | None = None) -> Market:
    more = 2 * PATIENCE
    return Market("TESTEX", "FOOBAR", account, key, exchange.url, exchange.tape_url, timeout=more)


@pytest.fixture
def market(exchange: PrivateExchange) -> Iterator[Market]:
    with market_of(exchange) as market:
        yield market


@contextmanager
def heard(listener: Listener[Quote]) -> Iterator["queue.Queue[Quote]"]:
    """What a thread hears that iterates until the listener is closed, which ends this."""
    told: queue.Queue[Quote] = queue.Queue()

    def listen() -> None:
        for message in listener:
            told.put(message)

    thread = threading.Thread(target=listen)
    thread.start()
    yield told
    listener.close()
    thread.join(PATIENCE)
    assert not thread.is_alive()


def open_descriptors() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def test_a_tick_tells_the_quote_after_each_order_and_each_cancel(market: Market) -> None:
    ticks = market.ticks()
    order = market.buy(5000, 10)
    assert (next(ticks).bid, market.quote().bid) == (5000, 5000)
    market.sell(5000, 4)
    assert next(ticks) == market.quote()
    market.cancel(order)
    assert (next(ticks).bid, ticks.interruptions) == (None, 0)


def test_ticks_are_those_of_the_stock_alone(market: Market, exchange: PrivateExchange) -> None:
    ticks = market.ticks()
    with Market("TESTEX", "OTHER", "ME", url=exchange.url) as other:
        other.buy(1, 1)
    market.buy(5000, 10)
    assert next(ticks).symbol == "FOOBAR"


def test_executions_are_those_of_the_account_with_its_orders(
    market: Market, exchange: PrivateExchange
) -> None:
    executions = market.executions()
    with market_of(exchange, "YOU") as other:
        mine, yours = market.buy(5000, 10), other.sell(5000, 4)
        told = next(executions)
        assert (told.account, told.price, told.filled) == ("ME", 5000, 4)
        assert (told.standing_id, told.incoming_id) == (mine.id, yours.id)
        assert (told.standing_complete, told.incoming_complete) == (False, True)
        assert told.order == market.status(mine) and told.filled_at == yours.fills[0].ts


def test_it_can_be_heard_in_one_thread_and_traded_in_another(market: Market) -> None:
    with heard(market.ticks()) as ticks:
        for price in range(1, 101):
            market.buy(price, 1)
        assert [ticks.get(timeout=PATIENCE).bid for _ in range(100)] == list(range(1, 101))


def test_it_reconnects_when_the_exchange_is_started_again() -> None:
    with serve(websockets=True) as exchange:
        market = market_of(exchange)
        ticks = market.ticks()
        market.buy(5000, 10)
        assert next(ticks).bid == 5000
    tape_port = int(exchange.tape_url.rpartition(":")[2])
    with market, heard(ticks) as told:
        for number in (1, 2):
            with serve(exchange.port, websockets=True, tape_port=tape_port):
                assert bid_once_it_listens(market, number, told) == number
                assert ticks.interruptions == number
            while not told.empty():
                told.get()


def bid_once_it_listens(market: Market, price: int, told: "queue.Queue[Quote]") -> int | None:
    """Nothing tells when it has connected again, so there are ticks until one of them is heard."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        market.buy(price, 1)
        with suppress(queue.Empty):
            return told.get(timeout=0.05).bid
    raise AssertionError("it does not listen")


def test_it_survives_that_the_exchange_is_killed() -> None:
    with killed("-w", "--wsport", "0") as exchange:
        tape = exchange.process.wait_for(r"ws://127\.0\.0\.1:(\d+)")
        market = Market("TESTEX", "FOOBAR", "ME", None, exchange.url, tape[0])
        executions = market.executions()
    with market, heard(executions) as told:
        with killed("-p", str(exchange.port), "-w", "--wsport", "0"):
            deadline = time.monotonic() + PATIENCE
            while told.empty() and time.monotonic() < deadline:
                market.buy(5000, 1)
                market.sell(5000, 1)
                with suppress(queue.Empty):
                    assert told.get(timeout=0.05).price == 5000
                    break
            assert executions.interruptions == 1


def test_it_ends_when_the_market_is_closed_however_many_listen(market: Market) -> None:
    with heard(market.ticks()), heard(market.executions()), heard(market.ticks()) as ticks:
        market.buy(5000, 10)
        assert ticks.get(timeout=PATIENCE).bid == 5000
        closing = threading.Thread(target=market.close)
        closing.start()
        closing.join(PATIENCE)  # less than it would wait for the exchange
        assert not closing.is_alive()


def test_it_ends_at_once_while_it_waits_to_reconnect(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener_module, "FIRST_PAUSE", 3600.0)
    with serve(websockets=True) as exchange:
        ticks = market_of(exchange).ticks()
    with heard(ticks):
        deadline = time.monotonic() + PATIENCE
        while not ticks.interruptions and time.monotonic() < deadline:
            time.sleep(0.01)
        assert ticks.interruptions == 1
        ticks.close()


def test_a_closed_listener_has_nothing_more_to_tell(market: Market) -> None:
    with market.ticks() as ticks:
        market.buy(5000, 10)
    assert list(ticks) == []


def test_it_may_be_closed_by_who_iterates(market: Market) -> None:
    ticks = market.ticks()
    market.buy(1, 1)
    for _ in ticks:
        ticks.close()
    assert list(ticks) == []


def test_nothing_is_left_open_when_a_loop_breaks(market: Market) -> None:
    market.buy(1, 1)
    before = open_descriptors()
    for _ in range(3):
        for _ in ticks_of(market):
            break
    # The other end is closed by the tape's own thread.
    deadline = time.monotonic() + PATIENCE
    while open_descriptors() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert open_descriptors() <= before


def ticks_of(market: Market) -> Iterator[Quote]:
    """Ticks with one that has come already, and nobody else who holds them."""
    ticks = market.ticks()
    market.buy(1, 1)
    return ticks


def test_nobody_there_is_said_at_once(exchange: PrivateExchange) -> None:
    url = f"ws://127.0.0.1:{free_port()}"
    with Market("TESTEX", "FOOBAR", url=exchange.url, tape_url=url) as market:
        with pytest.raises(ExchangeUnreachable, match="There is no tape at ws://.*refused"):
            market.ticks()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 x y\r\n\r\n",
        b"\xff\r\n\r\n",
    ],
)
def test_what_is_no_tape_is_of_the_same_family(answer: bytes) -> None:
    def serve_once() -> None:
        with listener.accept()[0] as client:
            client.recv(65536)
            client.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve_once)
        thread.start()
        url = f"ws://127.0.0.1:{listener.getsockname()[1]}"
        with Market("V", "S", tape_url=url) as market, pytest.raises(ExchangeUnreachable):
            market.ticks()
        thread.join(PATIENCE)


def test_a_tape_that_never_answers_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ws://127.0.0.1:{silent.getsockname()[1]}"
        with Market("V", "S", tape_url=url, timeout=0.1) as market:
            with pytest.raises(ExchangeUnreachable, match="timed out"):
                market.ticks()


@pytest.fixture
def old_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """The port for HTTP has no websockets, as on Windows and before they came there."""
    monkeypatch.setattr(assembly, "CAN_LEAVE_SOCKETS", False)


def found_port(monkeypatch: pytest.MonkeyPatch) -> tuple[int, int, int]:
    """Where a market that knows one URL listens, and the ports for HTTP and of the tape."""
    with serve(websockets=True) as exchange:
        monkeypatch.setattr(network, "TAPE_PORT", exchange.tape_port)
        with Market("TESTEX", "FOOBAR", "ME", url=exchange.url) as market:
            ticks = market.ticks()
            market.buy(5000, 1)
            assert next(ticks).bid == 5000
            return urlsplit(ticks._url).port, exchange.port, exchange.tape_port


def test_the_tape_is_found_below_the_api__difference_27(monkeypatch: pytest.MonkeyPatch) -> None:
    found, port, _ = found_port(monkeypatch)
    assert found == port


@pytest.mark.usefixtures("old_port")
def test_else_the_tape_is_found_at_its_usual_port__difference_27(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found, _, tape_port = found_port(monkeypatch)
    assert found == tape_port


def test_where_there_is_none_all_that_was_tried_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "TAPE_PORT", 1)
    with Market("TESTEX", "FOOBAR", "ME", url="http://127.0.0.1:2") as market:
        with pytest.raises(ExchangeUnreachable) as told:
            market.ticks()
    assert re.match("There is no tape at ws://127.0.0.1:1/.*refused; There", str(told.value))
    assert "ws://127.0.0.1:2/ob/api/ws/" in str(told.value)
    assert not told.value.was_sent


def ticks_are_refused(exchange: PrivateExchange, reason: str) -> str:
    with Market("TESTEX", "FOOBAR", "ME", url=exchange.url) as market:
        with pytest.raises(ExchangeUnreachable, match=reason) as told:
            market.ticks()
    return str(told.value)


def test_an_exchange_without_a_tape_is_not_given_that_of_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serve(websockets=True) as other, serve() as exchange:
        monkeypatch.setattr(network, "TAPE_PORT", other.tape_port)
        told = ticks_are_refused(exchange, "started with --websockets")
    assert str(other.tape_port) not in told


@pytest.mark.usefixtures("old_port")
def test_an_exchange_with_another_port_for_the_tape_is_not_given_that_of_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serve(websockets=True) as other, serve(websockets=True) as exchange:
        monkeypatch.setattr(network, "TAPE_PORT", other.tape_port)
        told = ticks_are_refused(exchange, f"on port {exchange.tape_port}$")
    assert str(other.tape_port) not in told


@pytest.mark.usefixtures("old_port")
def test_a_port_for_http_alone_names_the_other__difference_27() -> None:
    with serve(websockets=True) as exchange:
        url = exchange.url.replace("http", "ws")
        with Market("TESTEX", "FOOBAR", url=exchange.url, tape_url=url) as market:
            with pytest.raises(Refused, match=f"on port {exchange.tape_port}$") as refusal:
                market.ticks()
            assert refusal.value.status == 501


def test_a_refused_handshake_tells_what_was_wrong(exchange: PrivateExchange) -> None:
    with Market("V" * 20_000, "FOOBAR", url=exchange.url, tape_url=exchange.tape_url) as market:
        with pytest.raises(Refused) as refusal:
            next(market.ticks())
    assert "allowed: at most" in str(refusal.value.detail)


@pytest.mark.parametrize(
    "key, sentence",
    [
        (None, "no API key was received"),
        ("wrong", "wrong API key"),
    ],
)
def test_executions_need_the_accounts_key(key: str | None, sentence: str) -> None:
    with serve(websockets=True, accounts={"ANN": "ключ"}) as exchange:
        with market_of(exchange, "ANN", key) as stranger:
            executions = stranger.executions()
            with pytest.raises(Refused, match=sentence) as refusal:
                next(executions)
            assert refusal.value.status is None and list(executions) == []
        with market_of(exchange, "ANN", "ключ") as ann:
            executions = ann.executions()
            ann.buy(5000, 1)
            ann.sell(5000, 1)
            assert next(executions).account == "ANN"


def verdict(text: str | bytes, url: str) -> Verdict:
    return read(text, Verdict, url)


def test_a_tape_that_has_fallen_silent_is_left_and_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listener_module, "SILENCE", 0.05)
    visits: list[str] = []

    def tell(visitor: ServerConnection) -> None:
        visits.append(visitor.request.path if visitor.request else "")
        if len(visits) > 1:  # on a busy machine this may come too late, and is told the next
            visitor.send('{"ok": true}')
        for _ in visitor:  # until the visitor leaves
            pass

    with serve_websockets(tell, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}/ticks"
        with Listener([url], None, PATIENCE, verdict) as listener:
            assert next(listener).ok and listener.interruptions >= 1
        server.shutdown()
        thread.join(PATIENCE)
    assert len(visits) > 1 and set(visits) == {"/ticks"}


def test_attempts_to_reconnect_become_rarer_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener_module, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(listener_module, "LONGEST_PAUSE", 0.03)
    with serve(websockets=True) as exchange:
        market = market_of(exchange)
        ticks = market.ticks()
    with market:
        pauses = []
        for _ in range(4):
            pauses.append(ticks._pause)
            ticks._reconnect()
    assert pauses == [0.01, 0.02, 0.03, 0.03]


LISTENING_SCRIPT = """
import logging, os, signal, threading, disorderbook

logging.getLogger("asyncio").setLevel(logging.ERROR)  # not how slow a busy machine is
serving = disorderbook.serve(websockets=True)
exchange = serving.__enter__()
market = disorderbook.Market("V", "S", "ME", None, exchange.url, exchange.tape_url)
ticks = market.ticks()
market.buy(1, 1)
print(next(ticks).bid)
ring = [ticks]
ring.append(ring)  # so it is dropped only when Python itself ends
"""
AND_IS_TOLD_TO_STOP = """
signal.signal(signal.SIGTERM, lambda *_: market.close())
threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
for tick in ticks:
    pass
print("stopped")
"""


@pytest.mark.parametrize("end, printed", [("", "1\n"), (AND_IS_TOLD_TO_STOP, "1\nstopped\n")])
def test_a_program_that_listens_ends_without_complaint(end: str, printed: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-X", "dev", "-c", LISTENING_SCRIPT + end],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, printed, "")


def test_without_websocket_client_the_extra_is_named(tmp_path: Path) -> None:
    (tmp_path / "websocket.py").write_text("raise ModuleNotFoundError(name='websocket')\n")
    script = (
        "import disorderbook\n"
        "with disorderbook.serve(websockets=True) as exchange:\n"
        "    market = disorderbook.Market('V', 'S', 'ME', None, exchange.url, exchange.tape_url)\n"
        "    print(market.buy(1, 1).open)\n"
        "    market.ticks()\n"
    )
    paths = os.pathsep.join(map(str, (tmp_path, Path(__file__).parent.parent.parent)))
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ran.returncode, ran.stdout) == (1, "True\n")
    assert ran.stderr.splitlines()[-1].endswith("pip install -e '.[tape]'"), ran.stderr
