"""A world repeats down to its bytes: answers, tapes and what is exported of its file.

The same seed, clock and requests, sent by two clients in turn, in two processes that have nothing
in common, not even how their interpreters hash.
"""

import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from live import killed
from program import start
from raw_http import Peer as HttpPeer
from raw_http import get
from raw_websocket import CLOSE, RawPeer
from session import (
    CLIENTS,
    PRIVATE,
    STOCK,
    THREE,
    TICKS,
    Session,
    Visit,
    looking,
    refused,
    sent,
    trading,
    visiting,
)

from disorderbook.engine.orders import NewOrder, OrderType, Side
from disorderbook.exchange import Exchange
from disorderbook.in_process import serve
from disorderbook.protocol.names import NANOSECONDS

STEPPED, REQUESTS = "stepped", "requests:50ms"
LEVEL = "/gm/levels/first_steps"
HASHING = ("env", "PYTHONHASHSEED=1")  # others are forked by a process that has drawn its own


def played(visit: Visit, clock: str) -> None:
    """All that two clients do."""
    for path in (TICKS, f"{TICKS}/stocks/FOOBAR"):
        visit.listen(path.format(venue="TESTEX"))
    for account in (*CLIENTS, "NOISEBOTS"):
        visit.listen(PRIVATE.format(venue="TESTEX", account=account))
    visit.play(trading(clock == STEPPED))
    visit.listen(TICKS.format(venue="TESTEX"), "later")
    level(visit)
    visit.play(refused())
    visit.play(looking())


def level(visit: Visit) -> None:
    """A level with a listener of its own, which is started anew; what becomes of it is asked."""
    start = visit.ask(sent(LEVEL)).json
    venue, account = start["venues"][0], start["account"]
    stock = f"/ob/api/venues/{venue}/stocks/{start['tickers'][0]}"
    instance = start["instanceId"]
    visit.listen(TICKS.format(venue=venue))
    visit.listen(PRIVATE.format(venue=venue, account=account))
    bought = {"account": account, "direction": "buy", "orderType": "market", "qty": 30, "price": 0}
    for action in ("advance", "pause", "advance", "run"):
        visit.ask(sent(f"{stock}/orders", **bought))
        visit.ask(sent("/api/v1/clock", advance=6))
        visit.ask(sent(f"/api/v1/instances/{instance}/{action}"))
        for path in (f"/gm/instances/{instance}", f"/api/v1/instances/{instance}", stock):
            visit.ask(get(path))
    visit.ask(get(f"/api/v1/instances/{instance}/fills"))
    visit.ask(sent(f"/gm/instances/{instance}/resume"))
    visit.ask(sent(f"/gm/instances/{instance}/restart"))
    visit.ask(get(stock))
    other = visit.ask(sent("/gm/levels/sell_side", seed=3)).json
    visit.ask(sent(f"/gm/instances/{other['instanceId']}/judge", account="X"))
    visit.ask(sent(f"/gm/instances/{other['instanceId']}/stop"))


class Told(NamedTuple):
    """What a process told, and the files that are exported of its market."""

    session: Session
    files: dict[str, bytes]


def in_a_process(folder: Path, clock: str, *wrapper: str) -> Told:
    folder.mkdir()
    file, out = folder / "market.db", folder / "export"
    options = ("-w", "--wsport", "0", "-e", "-d", str(file), "--seed", "7")
    world = ("--opponents", THREE, "--clock", clock)
    with killed(*options, *world, wrapper=wrapper) as exchange, visiting(exchange.port) as visit:
        played(visit, clock)
        assert exchange.process.end() == 0, exchange.log()
        session = visit.end()
    assert start("-d", str(file), "--export", str(out)).returncode == 0
    return Told(session, {each.name: each.read_bytes() for each in out.iterdir()})


def check(first: Session, second: Session) -> None:
    """They are the same; the first difference is named."""
    for one, other in zip(first.answers, second.answers, strict=True):
        assert one == other
    assert first.tapes.keys() == second.tapes.keys()
    for name, heard in first.tapes.items():
        for frame, again in zip(heard, second.tapes[name], strict=True):
            assert frame == again, name
        assert len(heard) > 3 and heard[-1][0] == CLOSE, name


@pytest.fixture(scope="module")
def stepped(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """A process of its own, from the interpreter on."""
    return in_a_process(tmp_path_factory.mktemp("stepped") / "a", STEPPED, *HASHING)


def check_processes(first: Told, second: Told) -> None:
    check(first.session, second.session)
    assert first.files == second.files
    tables = ("orders", "executions", "settlements", "scores", "history")
    assert first.files.keys() == {f"{table}.csv" for table in tables}
    assert first.files["history.csv"].count(b"\n") > 10
    assert min(len(first.files[name]) for name in ("orders.csv", "executions.csv")) > 10_000


def test_two_processes_give_the_same_bytes_under_a_stepped_clock(
    stepped: Told, tmp_path: Path
) -> None:
    check_processes(stepped, in_a_process(tmp_path / "b", STEPPED))
    statuses = Counter(status for _, status, _, _ in stepped.session.answers)
    assert statuses[200] > 150 and {400, 403, 404, 405, 413, 415, 422} < statuses.keys()


def test_two_processes_give_the_same_bytes_under_the_request_clock(tmp_path: Path) -> None:
    first = in_a_process(tmp_path / "a", REQUESTS, *HASHING)
    check_processes(first, in_a_process(tmp_path / "b", REQUESTS))


def test_so_does_a_private_exchange_in_memory(stepped: Told) -> None:
    settings: Any = {"opponents": THREE, "seed": 7, "clock": STEPPED, "websockets": True}
    with ExitStack() as stack:
        with serve(**settings) as exchange:
            visit = stack.enter_context(visiting(exchange.port))
            played(visit, STEPPED)
        check(stepped.session, visit.end())


class Sweeps:
    """Orders of one share each, and every so often one that trades with all of them."""

    def __init__(self, exchange: Exchange, sweeps: int, size: int) -> None:
        self._exchange, self._left, self._size = exchange, sweeps * (size + 1), size
        self.next_at: int | None = exchange.read_clock() + NANOSECONDS

    def act(self) -> None:
        self._left -= 1
        is_sweep = self._left % (self._size + 1) == 0
        side, quantity = (Side.BUY, self._size) if is_sweep else (Side.SELL, 1)
        new = NewOrder(("ANN", "BOB")[is_sweep], side, OrderType.LIMIT, 5000, quantity)
        self._exchange.submit(self._exchange.book("TESTEX", "FOOBAR"), new)
        self.next_at = None if not self._left else (self.next_at or 0) + 1_000_000


def heard_late(clock: str) -> bytes:
    """The executions of one who reads nothing until time has long been under way: 5 MB in one
    advance of the clock, or in one request.
    """
    with serve(clock=clock, seed=7, websockets=True) as exchange:
        with exchange._exchange.lock:
            exchange._timeline.add(Sweeps(exchange._exchange, 60, 45))
        path = PRIVATE.format(venue="TESTEX", account="BOB")
        with HttpPeer(exchange.port) as client, RawPeer.listening(exchange.port, path) as slow:
            moves = clock != STEPPED
            client.send(get(STOCK) if moves else sent("/api/v1/clock", advance=60))
            time.sleep(0.5)
            received = b""
            while received.count(b'"standingId"') < 60 * 45:
                received += (piece := slow.socket.recv(2**20))
                assert piece, "it was closed"
            assert client.answer().status == 200
            return received


def test_time_waits_for_a_listener_that_reads_late() -> None:
    assert heard_late(STEPPED) == heard_late("requests:60s")
