# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
The road of an order that trades: every Python call between its bytes and those of its answer.

A server of ours runs in a thread of this process (memory only, no tape), and that thread is
profiled. The head of the request has been seen before, as nearly all are. The road is the shortest
of some orders: the others had a periodic task of the server between their calls.

    python3 benchmarks/road.py
"""

import interrupts  # noqa: F401  # isort: skip
import argparse
import json
import socket
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from disorderbook.in_process import serve
from disorderbook.protocol.names import HOST

ORDERS = 12  # that are placed and trade
WARM_UP = 4  # of them
QUIET_SECONDS = 0.03  # after an answer until the server's thread has nothing left to do for it
READ_BYTES = 65536
QUANTITY = 100  # shares
BODY_BYTES = 160  # of all orders, so that they have one head
HEAD = (
    b"POST /ob/api/venues/TESTEX/stocks/FOOBAR/orders HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % BODY_BYTES
)
PACKAGE = Path(__file__).parents[1] / "disorderbook"


class Call(NamedTuple):
    file: str  # below the package
    function: str


class Road(NamedTuple):
    """The calls in the order in which they began."""

    calls: list[Call]

    @property
    def files(self) -> list[str]:
        """In the order in which the road enters them first."""
        return list(dict.fromkeys(call.file for call in self.calls))

    @property
    def changes(self) -> int:
        """How many calls are in another file than the call before them."""
        return sum(one.file != other.file for one, other in zip(self.calls, self.calls[1:]))


class Profile:
    """What the server's thread calls while `is_recording`."""

    def __init__(self) -> None:
        self.is_recording = False
        self.calls: list[Call] = []

    def begin_thread(self, frame: FrameType, event: str, argument: object) -> None:
        """The first event of a new thread."""
        is_servers = threading.current_thread().name == "exchange"
        sys.setprofile(self._record if is_servers else None)

    def _record(self, frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and self.is_recording:
            code = frame.f_code
            self.calls.append(Call(_name_of(code.co_filename), code.co_qualname))


def road_of_an_order() -> Road:
    """The shortest road of an order that meets another one, fills in full and leaves that open."""
    profile = Profile()
    threading.setprofile(profile.begin_thread)
    try:
        with (
            serve(journal=False) as exchange,
            socket.create_connection((HOST, exchange.port)) as peer,
        ):
            _place(peer, _order("sell", ORDERS * QUANTITY))
            roads = [_profiled(peer, profile) for _ in range(ORDERS)]
    finally:
        threading.setprofile(None)
    return min(roads[WARM_UP:], key=lambda road: len(road.calls))


def _profiled(peer: socket.socket, profile: Profile) -> Road:
    profile.calls = []
    profile.is_recording = True
    order = _place(peer, _order("buy", QUANTITY))
    time.sleep(QUIET_SECONDS)
    profile.is_recording = False
    if order["totalFilled"] != QUANTITY:
        sys.exit(f"These orders did not trade: {order}")
    return Road(profile.calls)


def _place(peer: socket.socket, request: bytes) -> Any:
    peer.sendall(request)
    return json.loads(peer.recv(READ_BYTES).partition(b"\r\n\r\n")[2])


def _order(direction: str, quantity: int) -> bytes:
    order = {"account": direction.upper(), "venue": "TESTEX", "stock": "FOOBAR", "price": 5000}
    order |= {"direction": direction, "orderType": "limit", "qty": quantity}
    return HEAD + json.dumps(order).encode().ljust(BODY_BYTES)


def _name_of(path: str) -> str:
    file = Path(path)
    return str(file.relative_to(PACKAGE)) if file.is_relative_to(PACKAGE) else file.name


def main() -> None:
    argparse.ArgumentParser(description=__doc__.split("\n")[0]).parse_args()
    road, file = road_of_an_order(), ""
    for call in road.calls:
        print(f"{call.file if call.file != file else '':24} {call.function}")
        file = call.file
    print(f"{len(road.calls)} calls in {len(road.files)} files, {road.changes} changes of file")


if __name__ == "__main__":
    main()
