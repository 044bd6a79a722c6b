"""A session at an exchange that has opponents, over HTTP and the tape, down to its bytes.

Two clients send requests of every kind in turn. Listeners come at the same points each time, and
stay until the exchange ends.
"""

import json
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from raw_http import Answer, get, post
from raw_http import Peer as HttpPeer
from raw_websocket import PING, RawPeer

VENUE = "/ob/api/venues/TESTEX"
STOCK = f"{VENUE}/stocks/FOOBAR"
V1 = "/api/v1/venues/TESTEX"
CLIENTS = ("ANN", "BOB")
THREE = "market-maker,taker,noise"
TICKS = "/ob/api/ws/ANN/venues/{venue}/tickertape"
PRIVATE = "/ob/api/ws/{account}/venues/{venue}/executions"

Ask = Generator[bytes, Answer, None]
"""Yields requests, and is sent the answers to them."""


class Session(NamedTuple):
    """What was told, and when: answers with their requests; what each listener heard."""

    answers: list[tuple[bytes, int, tuple[tuple[str, str], ...], bytes]]
    tapes: dict[str, list[tuple[int, bytes]]]


class Visit:
    """The clients of an exchange on these ports, and its listeners."""

    def __init__(self, port: int, stack: ExitStack) -> None:
        self._port, self._stack = port, stack
        self._peers = [stack.enter_context(HttpPeer(port)) for _ in CLIENTS]
        self._listeners: dict[str, RawPeer] = {}
        self._session = Session([], {})
        self._count = 0

    def ask(self, request: bytes) -> Answer:
        """The clients have it sent in turn. Date is the machine's, and the ports are the run's."""
        number = self._count % len(CLIENTS)
        self._count += 1
        answer = self._peers[number].ask(request)
        if answer.headers.get("connection") == "close":
            self._peers[number] = self._stack.enter_context(HttpPeer(self._port))
        headers = tuple((name, value) for name, value in answer.headers.items() if name != "date")
        body = answer.body.replace(f":{self._port}".encode(), b":PORT")
        self._session.answers.append((request, answer.status, headers, body))
        return answer

    def play(self, requests: Ask) -> None:
        """Ask all of it."""
        answer: Any = None
        try:
            while True:
                answer = self.ask(requests.send(answer))
        except StopIteration:
            return

    def listen(self, path: str, name: str = "") -> None:
        peer = RawPeer.listening(self._port, path)
        self._listeners[f"{path} {name}"] = self._stack.enter_context(peer)

    def end(self) -> Session:
        """Once the exchange has ended: all. A ping is real time's."""
        for name, peer in self._listeners.items():
            heard = [(each.opcode, each.payload) for each in peer.frames()]
            self._session.tapes[name] = [each for each in heard if each[0] != PING]
        return self._session


@contextmanager
def visiting(port: int) -> Iterator[Visit]:
    with ExitStack() as stack:
        yield Visit(port, stack)


def delete(path: str) -> bytes:
    return get(path).replace(b"GET", b"DELETE", 1)


def sent(path: str, *lines: str, **fields: object) -> bytes:
    """A POST of these fields."""
    return post(path, json.dumps(fields).encode(), *lines)


def order(account: str, direction: str, kind: str = "limit", *lines: str, **more: Any) -> bytes:
    fields: dict[str, Any] = {"account": account, "direction": direction, "orderType": kind}
    return sent(f"{STOCK}/orders", *lines, **fields | {"price": 5000, "qty": 20} | more)


def trading(is_stepped: bool) -> Ask:
    """Orders of every type, cancels and status, with time that passes between them."""
    kinds = ("limit", "market", "immediate-or-cancel", "fill-or-kill")
    for turn in range(24):
        account, side = CLIENTS[turn % 2], ("buy", "sell")[turn // 2 % 2]
        placed = yield order(account, side, kinds[turn // 3 % 4], price=4990 + turn)
        path = f"{STOCK}/orders/{placed.json['id']}"
        yield get(path)
        if turn % 3 == 0:
            yield delete(path)
        if turn % 4 == 0:
            yield sent(f"{path}/cancel")
        yield get((f"{STOCK}/quote", STOCK)[turn % 2])
        if is_stepped:
            yield sent("/api/v1/clock", advance=0.9)
    for _ in range(2):
        yield order("ANN", "buy", "limit", "Idempotency-Key: one", price=4000)
    yield order("ANN", "buy", "limit", "Idempotency-Key: one", price=4001)
    yield sent("/api/v1/clock", advance=20)


def looking() -> Ask:
    """All that can be read of a market, but for /metrics, which measures the machine."""
    for path in (
        "/ob/api/heartbeat", "/ob/api/venues", VENUE, f"{VENUE}/heartbeat", f"{VENUE}/stocks",
        STOCK, f"{STOCK}/quote", "/api/v1/clock", "/api/v1/server", "/api/v1/results",
        "/api/v1/levels", "/gm/levels", "/ui/levels", f"{STOCK}/scores",
        f"{STOCK}/scores?format=json",
        f"{STOCK}/scores?format=csv", f"{V1}/stocks/FOOBAR/scores", f"{V1}/stocks/FOOBAR/market",
        f"{V1}/stocks/FOOBAR/trades", f"{V1}/stocks/FOOBAR/trades?since=20&limit=7",
        f"{V1}/stocks/FOOBAR/candles", f"{V1}/stocks/FOOBAR/candles?span=all",
    ):  # fmt: skip
        yield get(path)
    for account in (*CLIENTS, "NOISEBOTS"):
        yield get(f"{VENUE}/accounts/{account}/orders")
        yield get(f"{VENUE}/accounts/{account}/stocks/FOOBAR/orders")
        for route in ("", "/orders", "/orders?open=true", "/fills", "/fills?since=3&limit=9",
                      "/history?symbol=FOOBAR"):  # fmt: skip
            yield get(f"{V1}/accounts/{account}{route}")
        yield get(f"{V1}/accounts/{account}/stocks/FOOBAR/executions")


def refused() -> Ask:
    """What is refused, for many reasons."""
    for changes in ({"qty": -1}, {"qty": "1"}, {"price": 2**40}, {"price": None}, {"x": 1}):
        yield order("ANN", "buy", **changes)
    for kind, side in (("stop", "buy"), ("limit", "long")):
        yield order("ANN", side, kind)
    yield order("ANN", "buy", "limit", "Idempotency-Key: \x7f")
    yield sent(f"{STOCK}/orders", account="x" * 300, direction="buy", orderType="limit")
    for body in (b"", b"{", b"[]", b'{"account": "ANN"}', b"\xff"):
        yield post(f"{STOCK}/orders", body)
    yield post(f"{STOCK}/orders", b" " * 70_000)
    yield post(f"{STOCK}/orders", b"x", "Content-Encoding: gzip")
    for path in (
        f"{STOCK}/orders/9999999", f"{STOCK}/orders/-1", "/nowhere", "/ob/api/venues/NOWHERE",
        f"{VENUE}/stocks/{'N' * 200}", f"{V1}/stocks/FOOBAR/candles?span=9y",
        f"{V1}/accounts/ANN/history", "/gm/instances/77", f"{STOCK}/scores?format=xml",
        f"{V1}/accounts/ANN/fills?since=x", "/ob/api/venues/NOWHERE/stocks/NONE/scores",
    ):  # fmt: skip
        yield get(path)
    yield delete(STOCK)
    yield get(STOCK, "1.1", "Origin: http://elsewhere.example")
    yield sent("/api/v1/clock", advance=-1)
    yield sent("/gm/levels/no_such_level")
    yield get(STOCK, "1.1", "Sec-Fetch-Site: same-origin")
