# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
What relays deliver, and how late: an exchange, a NATS server, relays, and their listeners.

Needs nats-server and the extra [nats]. Each relay has so many listeners to the ticks of one stock,
which are a process of their own, and ten more to the executions of an account. Orders come at an
even pace, two of which make a trade; each makes a tick. What a relay has no time for is conflated.
The status is 1 if a listener was closed, an execution is missing, or the newest tick of some
listener was more than 2 s old at the end.

    python3 benchmarks/relay.py [--relays 2] [--listeners 2500] [--rate 200] [--seconds 20]
"""

import interrupts  # noqa: F401  # isort: skip
import argparse
import calendar
import functools
import http.client
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

from ports import free_port  # noqa: E402

TICKS = "/ob/api/ws/-/venues/TESTEX/tickertape/stocks/FOOBAR"
EXECUTIONS = "/ob/api/ws/BUYER/venues/TESTEX/executions"
EXECUTION_LISTENERS = 10  # of each relay
OLDEST = 2.0  # seconds, of the newest tick of a listener at the end
PATIENCE = 30.0  # seconds for processes to start, and for the last executions
READ_BYTES = 1 << 16
MARK, STAMP_LENGTH = b'"quoteTime":"', len("2016-01-17T22:43:07.123456789Z")
EXECUTION_MARK = b'"standingComplete":'
PING, PONG = b"\x89\x00", b"\x8a\x80\0\0\0\0"  # neither can stand in a message, which is ASCII


class Heard(NamedTuple):
    """By the listeners of one relay; ages in seconds."""

    ticks: int
    bytes: int
    executions: list[int]  # of each listener to them
    closed: int
    p50: float
    p99: float
    oldest: float  # among the newest ticks of the listeners, at the end


class Listener:
    def __init__(self, port: int, path: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.socket.recv(4096) or b"HTTP/1.1 000 hung up\r\n\r\n"
        if not head.startswith(b"HTTP/1.1 101"):
            raise ConnectionError(f"no websocket: {head!r}")
        self._tail = b""
        self.stamp = b""  # of the newest tick
        self.ticks = self.bytes = self.executions = 0

    def read(self) -> bool:
        """Take what has arrived; False if the connection is over."""
        try:
            arrived = self.socket.recv(READ_BYTES)
        except ConnectionError:
            return False
        self.bytes += len(arrived)
        if PING in arrived:
            self.socket.send(PONG)
        piece = self._tail + arrived
        self.ticks += piece.count(MARK)
        self.executions += piece.count(EXECUTION_MARK)
        start = piece.rfind(MARK)
        if start >= 0 and len(piece) - start >= len(MARK) + STAMP_LENGTH:
            self.stamp = piece[start + len(MARK) :][:STAMP_LENGTH]
        self._tail = piece[max(start + 1, len(piece) - len(EXECUTION_MARK) + 1) :]
        if start >= 0 and len(piece) - start < len(MARK) + STAMP_LENGTH:
            self._tail, self.ticks = piece[start:], self.ticks - 1
        return bool(arrived)


class Crowd:
    """The listeners of one relay, in a process of their own."""

    def __init__(self, port: int, size: int) -> None:
        paths = [TICKS] * size + [EXECUTIONS] * EXECUTION_LISTENERS
        self._listeners = [Listener(port, path) for path in paths]
        self._open = {each.socket.fileno(): each for each in self._listeners}
        self._epoll = select.epoll()
        for descriptor in self._open:
            self._epoll.register(descriptor, select.EPOLLIN)
        self._ages: list[float] = []

    def listen(self, end: int) -> None:
        """Until something can be read from the descriptor `end`."""
        self._epoll.register(end, select.EPOLLIN)
        while True:
            for descriptor, _ in self._epoll.poll():
                if descriptor == end:
                    self._epoll.unregister(end)
                    os.read(end, 1)
                    return
                self._read(descriptor)

    def heard(self) -> Heard:
        tickers = self._listeners[:-EXECUTION_LISTENERS]
        ages = sorted(self._ages) or [0.0]
        return Heard(
            sum(each.ticks for each in tickers),
            sum(each.bytes for each in tickers),
            [each.executions for each in self._listeners[-EXECUTION_LISTENERS:]],
            len(self._listeners) - len(self._open),
            ages[len(ages) // 2],
            ages[len(ages) * 99 // 100],
            max(age(each.stamp) for each in tickers),
        )

    def _read(self, descriptor: int) -> None:
        listener = self._open[descriptor]
        before = listener.stamp
        if not listener.read():
            self._epoll.unregister(descriptor)
            del self._open[descriptor]
        elif listener.stamp != before:
            self._ages.append(age(listener.stamp))


@functools.lru_cache(maxsize=64)
def to_the_second(text: bytes) -> int:
    return calendar.timegm(time.strptime(text.decode(), "%Y-%m-%dT%H:%M:%S"))


def age(stamp: bytes) -> float:
    """Seconds since then; without one, more than anybody allows."""
    if not stamp:
        return 1e9
    return time.time() - to_the_second(stamp[:19]) - int(stamp[20:29]) / 1e9


def be_a_crowd(port: int, size: int) -> None:
    """Speak with `Process` over stdin and stdout: a byte is answered by what was heard so far."""
    crowd = Crowd(port, size)
    print("ready", flush=True)
    while True:
        crowd.listen(sys.stdin.fileno())
        print(json.dumps(crowd.heard()), flush=True)


class Process:
    """One that is measured, or measures."""

    def __init__(self, *command: str) -> None:
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def heard(self) -> Heard:
        """What a crowd has heard so far."""
        assert self._process.stdin is not None
        self._process.stdin.write(".")
        self._process.stdin.flush()
        return Heard(*json.loads(self.line()))

    def processor(self) -> float:
        """Seconds that it has used."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


class Market:
    """Orders over one connection; each makes a tick, and every second one a trade."""

    def __init__(self, port: int, symbol: str = "FOOBAR") -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self._path = f"/ob/api/venues/TESTEX/stocks/{symbol}/orders"
        self.orders = 0

    def order(self) -> None:
        account, side = (("BUYER", "buy"), ("SELLER", "sell"))[self.orders % 2]
        order = {"account": account, "direction": side, "orderType": "limit"}
        self._connection.request("POST", self._path, json.dumps(order | {"price": 5000, "qty": 1}))
        answer = self._connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"an order was refused with {answer.status}")
        self.orders += 1

    def trade(self, seconds: float, rate: float) -> float:
        """Orders at an even pace, an even number of them; returns the seconds that it took."""
        began = time.monotonic()
        for number in range(int(seconds * rate) // 2 * 2):
            time.sleep(max(0.0, began + number / rate - time.monotonic()))
            self.order()
        return time.monotonic() - began


class NatsServer:
    """One whose port stays when it is killed and started again."""

    def __init__(self) -> None:
        program = shutil.which("nats-server", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None:
            sys.exit("There is no nats-server (Debian: apt-get install nats-server)")
        self._address = "127.0.0.1", free_port()
        self.url = f"nats://127.0.0.1:{self._address[1]}"
        self._command = [program, "-a", "127.0.0.1", "-p", str(self._address[1])]
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE
        while True:
            with suppress(ConnectionRefusedError):
                return socket.create_connection(self._address).close()
            if time.monotonic() > deadline:
                sys.exit("nats-server does not start")
            time.sleep(0.05)

    def stand_still(self) -> None:
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> "NatsServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def main() -> int:
    options = _options()
    if options.crowd:
        be_a_crowd(*options.crowd)
    program = [sys.executable, "disorderBook_main.py"]
    with ExitStack() as stack:
        url = stack.enter_context(NatsServer()).url
        command = [*program, "-p", "0", "--publish", url, "--publish-executions"]
        exchange = stack.enter_context(Process(*command))
        port = _port(exchange)
        size = options.listeners
        command = [*program, "relay", url, "-p", "0", "--maxlisteners", str(size + 10)]
        relays = [stack.enter_context(Process(*command)) for _ in range(options.relays)]
        crowds = [
            stack.enter_context(
                Process(sys.executable, __file__, "--crowd", str(_port(relay)), str(size))
            )
            for relay in relays
        ]
        if any(crowd.line() != "ready\n" for crowd in crowds):
            sys.exit("The listeners did not get ready")
        return _measure(options, Market(port), exchange, relays, crowds)


def _measure(
    options: argparse.Namespace,
    market: Market,
    exchange: Process,
    relays: list[Process],
    crowds: list[Process],
) -> int:
    time.sleep(1)  # until the exchange and the relays have found each other
    processes = [exchange, *relays, *crowds]
    before = [each.processor() for each in processes]
    elapsed = market.trade(options.seconds, options.rate)
    newest = [crowd.heard() for crowd in crowds]  # at the end, and not later
    shares = [
        (each.processor() - earlier) / elapsed
        for each, earlier in zip(processes, before, strict=True)
    ]
    trades = market.orders // 2
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        heard = [crowd.heard() for crowd in crowds]
        if all(count >= trades for each in heard for count in each.executions):
            break
        time.sleep(0.2)
    print(
        f"{market.orders} ticks and {trades} trades in {elapsed:.1f} s; of a core: exchange "
        f"{shares[0]:.0%}, relays {_percents(shares[1:][: len(relays)])}, listeners "
        f"{_percents(shares[1 + len(relays) :])}"
    )
    is_good = True
    for number, (last, at_end) in enumerate(zip(heard, newest, strict=True), 1):
        each = at_end.ticks / options.listeners
        missing = sum(trades - count for count in last.executions)
        print(
            f"relay {number}: {options.listeners} listeners, {last.closed} closed; "
            f"{each / elapsed:.1f} ticks/s a listener ({each / market.orders:.0%}), "
            f"{at_end.bytes / options.listeners / elapsed / 1e3:.1f} kB/s; age {at_end.p50:.3f} s "
            f"(median), {at_end.p99:.3f} s (99 %), newest at the end at most {at_end.oldest:.3f} s;"
            f" executions missing: {missing} of {trades * EXECUTION_LISTENERS}",
            flush=True,
        )
        is_good = is_good and not last.closed and not missing and at_end.oldest <= OLDEST
    return 0 if is_good else 1


def _percents(shares: list[float]) -> str:
    return ", ".join(f"{share:.0%}" for share in shares)


def _port(process: Process) -> int:
    """The one that it says on its first line."""
    found = re.search(r"on port (\d+)$", process.line())
    if found is None:
        sys.exit("A process has not started")
    return int(found[1])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--relays", type=int, default=2)
    parser.add_argument("--listeners", type=int, default=2500, help="of each relay (2500)")
    parser.add_argument("--rate", type=float, default=200, help="ticks a second (200)")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--crowd", type=int, nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
