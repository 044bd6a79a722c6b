"""An exchange, a NATS server, a relay and listeners, each a process, and each of them killed."""

import json
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from live import PATIENCE, Exchange, Started, killed, started
from nats_server import NatsServer, nats_server
from raw_websocket import CLOSE, TEXT, RawPeer

from disorderbook.client import Market

TICKERS = "/ob/api/ws/-/venues/TESTEX/tickertape/stocks/FOO"
EXECUTIONS = "/ob/api/ws/ANN/venues/TESTEX/executions?api_key=annkey"


class Listener:
    """Comes again whenever it is closed or cut, as clients do; notes what it hears, and each reason
    for which it was closed or refused; "cut" is none.
    """

    def __init__(self, port: Callable[[], int], path: str) -> None:
        self._port, self._path = port, path
        self.heard: list[str] = []
        self.ends: list[str] = []
        self.is_listening = threading.Event()
        self._is_over = False
        self._peer: RawPeer | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._is_over = True
        peer = self._peer
        if peer is not None:
            with ExitStack() as ignored:
                ignored.callback(peer.socket.close)
                ignored.push(lambda *fault: True)
                peer.socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        while not self._is_over:
            try:
                self._listen()
            except (OSError, AssertionError, ValueError):
                self.is_listening.clear()
                time.sleep(0.05)

    def _listen(self) -> None:
        with RawPeer.listening(self._port(), self._path) as self._peer:
            self._peer.socket.settimeout(None)
            self.is_listening.set()
            reason = "cut"
            while (got := self._peer.frame()) is not None:
                if got.opcode == TEXT and b'"ok":true' in got.payload:
                    self.heard.append(got.payload.decode())
                elif got.opcode == CLOSE:
                    reason = got.reason
            self.is_listening.clear()
            self.ends.append(reason)


class Chain:
    """The four of them; what is killed can be started again at the same port."""

    def __init__(self, folder: Path, server: NatsServer, stack: ExitStack) -> None:
        self.server, self._stack, self._database = server, stack, folder / "market.db"
        self._keys = folder / "accounts.json"
        self._keys.write_text(json.dumps({"ANN": "annkey", "BOB": "bobkey"}))
        self.relay_port = 0
        self.traded = 0
        self.relay = self.start_relay()
        self.exchange = self.start_exchange()
        self.ticks = Listener(lambda: self.relay_port, TICKERS)
        self.executions = Listener(lambda: self.relay_port, EXECUTIONS)
        stack.callback(self.ticks.close)
        stack.callback(self.executions.close)

    def start_relay(self) -> Started:
        command = [sys.executable, "disorderBook_main.py", "relay", self.server.url]
        options = ["--port", str(self.relay_port), "-a", str(self._keys)]
        relay = self._stack.enter_context(started(*command, *options))
        self.relay_port = int(relay.wait_for(r"^disorderBook relay on port (\d+)$")[1])
        return relay

    def start_exchange(self) -> Exchange:
        options = ["-a", str(self._keys), "-d", str(self._database)]
        options += ["--publish", self.server.url, "--publish-executions"]
        return self._stack.enter_context(killed(*options))

    def trade(self) -> None:
        """A trade of a quantity that none before had."""
        self.traded += 1
        for account, side in (("ANN", "buy"), ("BOB", "sell")):
            key, url = f"{account.lower()}key", self.exchange.url.removesuffix("/ob/api/")
            with Market("TESTEX", "FOO", account, key, url=url) as market:
                (market.buy if side == "buy" else market.sell)(5000, self.traded)

    def trade_until_all_is_heard(self) -> None:
        """Trades go on until both listeners hear of one that has just been made."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            self.trade()
            time.sleep(0.05)
            is_told = f'"lastSize":{self.traded},' in "".join(self.ticks.heard[-3:])
            if is_told and self.traded in self.quantities():
                return
        raise AssertionError((self.traded, self.ticks.ends, self.executions.ends))

    def quantities(self) -> list[int]:
        """Of the executions that were heard, in their order."""
        return [json.loads(text)["filled"] for text in tuple(self.executions.heard)]

    def kill_another_listener(self) -> None:
        url = f"ws://127.0.0.1:{self.relay_port}/ob/api/ws/"
        own = ["--account", "ANN", "--key", "annkey"]
        with started(sys.executable, "bots/watch_tape.py", "--url", url, *own) as listener:
            listener.wait_for("stock +side")
            self.trade()
            listener.wait_for("FOO +buy")
            listener.end(signal.SIGKILL)


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    with nats_server(tmp_path) as server, ExitStack() as stack:
        yield Chain(tmp_path, server, stack)


@contextmanager
def told_of_a_hole(chain: Chain) -> Iterator[None]:
    """Within the block executions may be lost; then their listener is closed, or cut, once more.
    Those to ticks may be cut alone.
    """
    chain.trade_until_all_is_heard()
    ends = len(chain.executions.ends)
    yield
    chain.trade_until_all_is_heard()
    assert len(chain.executions.ends) > ends
    before = len(chain.executions.heard)
    first = chain.traded + 1
    ends = len(chain.executions.ends)
    for _ in range(3):
        chain.trade()
    chain.trade_until_all_is_heard()
    assert len(chain.executions.ends) == ends  # so nothing is missing
    assert chain.quantities()[before:] == [*range(first, chain.traded + 1)]


def test_ticks_go_on_and_executions_are_complete_or_their_listener_is_closed(chain: Chain) -> None:
    with told_of_a_hole(chain):
        chain.exchange.process.end(signal.SIGKILL)
        chain.exchange = chain.start_exchange()
    assert chain.ticks.ends == []
    with told_of_a_hole(chain):
        chain.server.kill()
        for _ in range(3):
            chain.trade()  # trading goes on
        chain.server.start()
    assert chain.ticks.ends == []
    assert "cut" not in chain.executions.ends  # it was told why
    with told_of_a_hole(chain):
        chain.relay.end(signal.SIGKILL)
        chain.trade()
        chain.relay = chain.start_relay()
    assert chain.ticks.ends == ["cut"]
    ends = len(chain.executions.ends)
    chain.kill_another_listener()
    chain.trade_until_all_is_heard()
    assert len(chain.executions.ends) == ends and chain.ticks.ends == ["cut"]
