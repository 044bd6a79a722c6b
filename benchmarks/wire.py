"""One connection to a Stockfighter server, fast enough not to be what is measured: a raw socket,
kept as long as the server keeps it. It serves as well for servers that close after each answer.
"""

import contextlib
import json
import random
import socket
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

PATIENCE = 30.0  # seconds for one answer
MAX_HEAD_SIZE = 1 << 16  # bytes of an answer's headers
MAX_BODY_SIZE = 1 << 30  # bytes

MIDDLE, SPREAD = 5000, 100  # cents: random orders are within SPREAD of MIDDLE


class CannotMeasure(Exception):
    """The server does not answer, or not as it should; says so in a sentence."""


class Address(NamedTuple):
    """Where a server's interface is: `path` is /ob/api or what stands for it."""

    host: str
    port: int
    path: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}{self.path}/"


class Answer(NamedTuple):
    status: int
    body: bytes | bytearray

    @property
    def json(self) -> Any:
        """The body, read as JSON; raises CannotMeasure if it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise CannotMeasure(f"The server answers no JSON: {self.body[:80]!r}") from None


class Connection:
    """`key` goes with every request."""

    def __init__(self, address: Address, key: str | None = None) -> None:
        self._address = address
        host = str(address).split("/")[2]
        key_line = f"X-Starfighter-Authorization: {key}\r\n" if key else ""
        self._headers = (
            f" HTTP/1.1\r\nHost: {host}\r\n{key_line}Content-Type: application/json\r\n"
            "Content-Length: "
        )
        self._socket: socket.socket | None = None
        self._received = bytearray()  # what has come and not been used

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, method: str, path: str, fields: object = None) -> Answer:
        """Send one request and wait for its answer; raises CannotMeasure.

        `path` goes below the address; `fields` are sent as JSON.
        """
        body = "" if fields is None else json.dumps(fields)
        request = f"{method} {self._address.path}/{path}{self._headers}{len(body)}\r\n\r\n{body}"
        try:
            self.connect()
            assert self._socket is not None
            self._socket.sendall(request.encode())
            return self._answer()
        except (OSError, EOFError, ValueError) as fault:
            self.close()
            raise CannotMeasure(f"The server at {self._address} does not answer: {fault}") from None

    def connect(self) -> None:
        """Be connected, which `ask` sees to by itself; raises OSError."""
        if self._socket is None:
            self._socket = socket.create_connection(self._address[:2], PATIENCE)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._received.clear()

    def _answer(self) -> Answer:
        head = self._take_up_to(b"\r\n\r\n").lower()
        version, status = head[:12].split(b" ")
        _, has_length, after = head.partition(b"\r\ncontent-length:")
        if has_length:
            body = self._take(int(after.split(b"\r\n", 1)[0]))
        elif b"\r\ntransfer-encoding: chunked" in head:
            body = b"".join(self._chunks())
        else:
            return Answer(int(status), self._take_all())
        keeps = version != b"http/1.0" or b"\r\nconnection: keep-alive" in head
        if not keeps or b"\r\nconnection: close" in head:
            self.close()
        return Answer(int(status), body)

    def _chunks(self) -> Iterator[bytes | bytearray]:
        while size := int(self._take_up_to(b"\r\n").split(b";")[0], 16):
            yield self._take(size)
            self._take_up_to(b"\r\n")
        self._take_up_to(b"\r\n")

    def _take_up_to(self, end: bytes) -> bytes | bytearray:
        while (size := self._received.find(end)) < 0:
            if len(self._received) > MAX_HEAD_SIZE:
                raise ValueError("its headers have no end")
            self._receive()
        return self._take(size + len(end))

    def _take_all(self) -> bytes:
        with contextlib.suppress(EOFError):
            while len(self._received) < MAX_BODY_SIZE:
                self._receive()
        taken = bytes(self._received)
        self.close()
        return taken

    def _take(self, size: int) -> bytes | bytearray:
        if not 0 <= size <= MAX_BODY_SIZE:
            raise ValueError(f"its answer would be {size} bytes")
        if size > len(self._received):
            return self._receive_exactly(size)
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    def _receive_exactly(self, size: int) -> bytearray:
        """What has come and what is still to come, without copying the latter."""
        assert self._socket is not None
        taken, filled = bytearray(size), len(self._received)
        taken[:filled] = self._received
        self._received.clear()
        with memoryview(taken) as places:
            while filled < size:
                received = self._socket.recv_into(places[filled:])
                if not received:
                    raise EOFError("it has closed the connection")
                filled += received
        return taken

    def _receive(self) -> None:
        assert self._socket is not None
        received = self._socket.recv(1 << 18)
        if not received:
            raise EOFError("it has closed the connection")
        self._received += received


def stock_path(venue: str, symbol: str) -> str:
    return f"venues/{quote(venue, safe='')}/stocks/{quote(symbol, safe='')}"


def limit_order(account: str, direction: str, price: int, quantity: int) -> dict[str, Any]:
    """What is posted for an order; `price` in cents, `quantity` in shares."""
    return {
        "account": account,
        "direction": direction,
        "orderType": "limit",
        "price": price,
        "qty": quantity,
    }


def random_order(chance: random.Random, account: str) -> dict[str, Any]:
    """A limit order near MIDDLE, as apt to trade as to rest."""
    direction = chance.choice(("buy", "sell"))
    price = chance.randint(MIDDLE - SPREAD, MIDDLE + SPREAD)
    return limit_order(account, direction, price, chance.randint(50, 150))


def place(connection: Connection, stock: str, order: dict[str, Any]) -> dict[str, Any]:
    """Place an order and return it as answered; raises CannotMeasure if it is refused."""
    answer = connection.ask("POST", f"{stock}/orders", order)
    placed = answer.json if answer.status == 200 else None
    if not isinstance(placed, dict) or "id" not in placed:
        raise refused(stock, answer)
    return placed


def check_unused(connection: Connection, stock: str) -> None:
    """Raise CannotMeasure if somebody has placed an order in the stock before."""
    answer = connection.ask("GET", f"{stock}/orders/0")
    if answer.status in (200, 401):
        raise CannotMeasure(f"Somebody has used {stock} already (choose another --symbol)")
    if answer.status != 404:
        raise refused(stock, answer)


def refused(what: str, answer: Answer) -> CannotMeasure:
    return CannotMeasure(f"The server refuses {what}: {answer.status} {answer.body[:200]!r}")


def milliseconds(seconds: Sequence[float], share: float) -> float:
    """The percentile that `share` of all are below, in milliseconds; NaN if there are none."""
    ranked = sorted(seconds)
    return ranked[min(int(len(ranked) * share), len(ranked) - 1)] * 1000 if ranked else float("nan")
