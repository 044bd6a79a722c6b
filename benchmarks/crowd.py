"""Many listeners of a tape in one process, which says how much they heard and how late.

Started by benchmarks/tape.py as `crowd.py PORT LISTENERS`. Says "ready" when all of them listen.
For each line `MESSAGES SECONDS MEASURE` on its standard input it reads until every listener has
heard so many messages, but no longer than that, and answers a line of JSON. With MEASURE "lags" it
looks at each message: its lag is the time from the stamp in the quote until it was read. With
"count" they are only counted, which is faster.
"""

import interrupts  # noqa: F401  # isort: skip
import calendar
import functools
import json
import select
import socket
import sys
import time
from collections.abc import Callable

PATH = "/ob/api/ws/CROWD/venues/TESTEX/tickertape/stocks/FOOBAR"
HANDSHAKE = (
    f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
MARK = b'"quoteTime":"'  # stands in each message once, before the stamp
STAMP_LENGTH = len("2016-01-17T22:43:07.123456789Z")
READ_BYTES = 1 << 16


@functools.lru_cache(maxsize=64)
def to_the_second(text: bytes) -> int:
    """Nanoseconds since 1970, of a time such as 2016-01-17T22:43:07."""
    return calendar.timegm(time.strptime(text.decode(), "%Y-%m-%dT%H:%M:%S")) * 10**9


class Listener:
    """Loses no message, although a read may end within its mark."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.sendall(HANDSHAKE.encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.socket.recv(1)
        if not head.startswith(b"HTTP/1.1 101"):
            raise ConnectionError(f"no websocket: {head!r}")
        self._tail = b""

    def count(self, lags: list[int]) -> int:
        """Number of messages that have arrived."""
        arrived = self._receive()
        self._tail = arrived[-len(MARK) + 1 :]
        return arrived.count(MARK)

    def measure(self, lags: list[int]) -> int:
        """The same, and their lags in nanoseconds."""
        arrived, now = self._receive(), time.time_ns()
        before, end = len(lags), 0
        while (start := arrived.find(MARK, end) + len(MARK)) >= len(MARK):
            stamp = arrived[start : start + STAMP_LENGTH]
            if len(stamp) < STAMP_LENGTH:
                break
            lags.append(now - to_the_second(stamp[:19]) - int(stamp[20:29]))
            end = start + STAMP_LENGTH
        self._tail = arrived[max(end, len(arrived) - len(MARK) - STAMP_LENGTH) :]
        return len(lags) - before

    def _receive(self) -> bytes:
        arrived = self.socket.recv(READ_BYTES)
        if not arrived:
            raise EOFError("the tape has closed a listener")
        return self._tail + arrived


class Crowd:
    def __init__(self, port: int, size: int) -> None:
        self._listeners = [Listener(port) for _ in range(size)]
        self._by_descriptor = {each.socket.fileno(): each for each in self._listeners}
        self._epoll = select.epoll()  # faster than what wraps it in the module selectors
        for descriptor in self._by_descriptor:
            self._epoll.register(descriptor, select.EPOLLIN)

    def listen(
        self, messages: int, patience: float, read: Callable[[Listener, list[int]], int]
    ) -> dict[str, float]:
        """Times in ns since 1970, lags in milliseconds."""
        lags: list[int] = []
        heard = last = 0
        deadline = time.monotonic() + patience
        while heard < messages * len(self._listeners) and time.monotonic() < deadline:
            for descriptor, _ in self._epoll.poll(0.05):
                heard += read(self._by_descriptor[descriptor], lags)
            last = time.time_ns()
        lags = sorted(lags) or [0]
        p50, p99 = (lags[len(lags) * percent // 100] / 1e6 for percent in (50, 99))
        return {"heard": heard, "last": last, "p50": p50, "p99": p99}


def main() -> None:
    crowd = Crowd(int(sys.argv[1]), int(sys.argv[2]))
    print("ready", flush=True)
    for line in sys.stdin:
        messages, patience, measure = line.split()
        read = Listener.measure if measure == "lags" else Listener.count
        print(json.dumps(crowd.listen(int(messages), float(patience), read)), flush=True)


if __name__ == "__main__":
    main()
