"""Faults, latencies and the tape of an exchange in this process, as its clients meet them."""

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from raw_http import HOST, Peer, post, wait_until
from raw_websocket import EXECUTIONS, TICKERS, RawPeer
from wsgi import BUY, KEYS, ORDERS

from disorderbook.control.fault_control import Latencies
from disorderbook.errors import (
    Ending,
    IllegalValue,
    NoSuchFault,
    NoTape,
    WrongType,
)
from disorderbook.game.simulation import START
from disorderbook.in_process import CannotStart, PrivateExchange, serve
from disorderbook.protocol.names import NANOSECONDS

ROUTE = "POST /ob/api/venues/*/stocks/*/orders"
MS = NANOSECONDS // 1000


@pytest.fixture(scope="module")
def shared() -> Iterator[PrivateExchange]:
    with serve(seed=7, websockets=True) as exchange:
        yield exchange


@pytest.fixture
def exchange(shared: PrivateExchange) -> PrivateExchange:
    shared.control.reset()
    return shared


def ask(exchange: PrivateExchange, method: str = "POST", path: str = ORDERS, **order: Any) -> Any:
    """Status, headers and JSON of one request on a connection of its own."""
    body = json.dumps(BUY | order).encode() if method == "POST" else b""
    with closing(http.client.HTTPConnection("127.0.0.1", exchange.port, timeout=20)) as client:
        client.request(method, path, body)
        answer = client.getresponse()
        return answer.status, dict(answer.headers), json.loads(answer.read())


def order_count(exchange: PrivateExchange) -> int:
    return len(ask(exchange, "GET", "/ob/api/venues/TESTEX/accounts/ANN/orders")[2]["orders"])


@pytest.mark.parametrize(
    "kind, error, is_done",
    [
        ("drop-before", ConnectionResetError, False),
        ("drop-after", ConnectionResetError, True),
        ("cut", http.client.IncompleteRead, True),
    ],
)
def test_a_connection_that_fails(
    exchange: PrivateExchange, kind: str, error: type[Exception], is_done: bool
) -> None:
    fault = exchange.control.faults.add(kind, route=ROUTE)
    with pytest.raises(error):
        ask(exchange)
    assert order_count(exchange) == is_done
    assert [(each.id, each.struck) for each in exchange.control.faults] == [(fault.id, 1)]
    [request, _] = exchange.control.requests
    assert (request.account, request.status) == ("ANN", 200 if is_done else 0)
    assert ask(exchange)[2]["ok"] is True


def test_an_answer_that_never_comes(exchange: PrivateExchange) -> None:
    exchange.control.faults.add("silence", route=ROUTE)
    body = json.dumps(BUY).encode()
    with Peer(exchange.port) as peer:
        peer.send(post(ORDERS, body) + b"GET /ob/api/heartbeat HTTP/1.1\r\n" + HOST + b"\r\n")
        assert wait_until(lambda: order_count(exchange) == 1)  # it is done
        peer.socket.settimeout(0.05)
        with pytest.raises(TimeoutError):
            peer.socket.recv(1)


def test_a_status_with_a_sentence_and_when_to_come_again(exchange: PrivateExchange) -> None:
    exchange.control.faults.add("status", status=429, retry_after=3, sentence="Slower", next=2)
    for _ in range(2):
        status, headers, told = ask(exchange)
        assert (status, headers["Retry-After"]) == (429, "3")
        assert told == {"ok": False, "error": "Slower"}
    assert ask(exchange)[0] == 200 and order_count(exchange) == 1
    assert [request.sentence for request in exchange.control.requests[:2]] == ["Slower"] * 2


def test_every_nth_request_on_one_connection(exchange: PrivateExchange) -> None:
    exchange.control.faults.add("status", status=500, every=3)
    body = json.dumps(BUY).encode()
    with Peer(exchange.port) as peer:
        peer.send(post(ORDERS, body) * 7)
        assert [peer.answer().status for _ in range(7)] == [200, 200, 500, 200, 200, 500, 200]
    assert order_count(exchange) == 5


def test_rejected_orders_of_an_account(exchange: PrivateExchange) -> None:
    exchange.control.reject(sentence="Not today", account="ANN")
    assert ask(exchange, account="BOB")[2]["ok"] is True
    assert ask(exchange)[::2] == (200, {"ok": False, "error": "Not today"})
    assert ask(exchange)[2]["id"] == 1
    exchange.control.reject(status=403)
    assert ask(exchange)[0] == 403
    told = [(each.status, each.sentence, each.is_refused) for each in exchange.control.requests]
    rejected = (200, "Not today", True), (403, "The order was rejected", True)
    assert told == [(200, "", False), rejected[0], (200, "", False), rejected[1]]


def test_faults_of_an_account_by_its_key() -> None:
    with serve(accounts=KEYS) as exchange:
        exchange.control.faults.add("status", status=418, every=1, account="BLSHBOTS")
        statuses = []
        with closing(http.client.HTTPConnection("127.0.0.1", exchange.port)) as client:
            for account in ("BLSHBOTS", "NOISEBOTS"):
                headers = {"X-Starfighter-Authorization": KEYS[account]}
                client.request("GET", f"{ORDERS}/0", headers=headers)
                answer = client.getresponse()
                answer.read()
                statuses.append(answer.status)
        assert statuses == [418, 404]
        assert [each.struck for each in exchange.control.faults] == [1]


def test_faults_are_removed_by_number_or_all(exchange: PrivateExchange) -> None:
    faults = exchange.control.faults
    first, second = (faults.add("status", status=500, every=1) for _ in range(2))
    faults.remove(first.id)
    assert [each.id for each in faults] == [second.id] and len(faults) == 1
    with pytest.raises(NoSuchFault):
        faults.remove(first.id)
    assert ask(exchange)[0] == 500
    faults.clear()
    assert ask(exchange)[0] == 200 and len(faults) == 0


def test_a_reset_ends_all_of_it(exchange: PrivateExchange) -> None:
    control = exchange.control
    control.faults.add("status", status=500, every=1)
    control.latency(orders="60s", tape="60s")
    control.tape.hold()
    control.reset()
    assert ask(exchange)[0] == 200 and len(control.faults) == 0
    assert control.latency() == Latencies("off", "off")
    with RawPeer.listening(exchange.port, TICKERS) as ticks:
        ask(exchange)
        assert ticks.frame() is not None


def test_a_snapshot_has_faults_with_their_counts_and_chance(exchange: PrivateExchange) -> None:
    control = exchange.control

    def statuses() -> list[int]:
        return [ask(exchange)[0] for _ in range(20)]

    control.faults.add("status", status=500, probability=0.5)
    control.faults.add("status", status=418, every=3)
    control.latency(orders="uniform:1us,9us", tape="1ms")
    control.tape.hold()
    statuses()
    control.snapshot("amid")
    faults, expected = list(control.faults), statuses()
    control.reset()
    for _ in range(2):
        control.restore("amid")
        assert list(control.faults) == faults
        assert control.latency() == Latencies("uniform:1us,9us", "1ms")
        assert statuses() == expected and {200, 418, 500} == set(expected)
    control.forget("amid")
    control.reset()
    assert ask(exchange)[0] == 200


def test_what_cannot_be_changes_nothing(exchange: PrivateExchange) -> None:
    control = exchange.control
    control.latency(orders="1ms")
    with pytest.raises(IllegalValue):
        control.latency(orders="2ms", tape="soon")
    with pytest.raises(WrongType):
        control.latency(orders=5)  # type: ignore[arg-type]
    with pytest.raises(IllegalValue):
        control.tape.disconnect(code=1005)
    with pytest.raises(WrongType):
        control.tape.disconnect(account=3)  # type: ignore[arg-type]
    assert control.latency() == Latencies("1ms", "off")


def test_without_a_tape_there_is_none_to_control() -> None:
    with serve() as exchange:
        control = exchange.control
        for call in (control.tape.hold, control.tape.release, control.tape.disconnect):
            with pytest.raises(NoTape):
                call()
        with pytest.raises(NoTape):
            control.latency(orders="1ms", tape="1ms")
        assert control.latency() == Latencies("off", "off")
    with pytest.raises(Ending):
        control.faults.clear()
    with pytest.raises(CannotStart, match="--tape-latency needs --websockets"):
        serve(tape_latency="1ms").__enter__()
    with pytest.raises(ValueError, match="is no latency"):
        serve(latency="soon").__enter__()


# ---- latencies


def test_orders_are_held_and_others_are_not(exchange: PrivateExchange) -> None:
    exchange.control.latency(orders="300ms")
    body = json.dumps(BUY).encode()
    with Peer(exchange.port) as peer:
        begun = time.monotonic()
        peer.send(post(ORDERS, body))
        assert order_count(exchange) == 0  # it is on its way, and nobody waits for it
        assert peer.answer().json["ok"] is True
        assert time.monotonic() - begun >= 0.3
    exchange.control.latency(orders="off")


@pytest.mark.parametrize("clock", ["stepped", "requests:10ms"])
def test_a_clock_that_is_moved_is_moved_by_the_latency(clock: str) -> None:
    """A client that waits for its answer could not move it. So nobody waits, and it repeats."""

    def times() -> list[int]:
        with serve(clock=clock, seed=7, latency="lognormal:90ms,0.3") as exchange:
            moments = []
            for _ in range(5):
                ask(exchange)
                moments.append(exchange.time_ns)
            ask(exchange, "GET", "/ob/api/heartbeat")
            step = 10 * MS if clock.startswith("requests") else 0
            assert exchange.time_ns == moments[-1] + step
            return moments

    first = times()
    assert first == times()
    steps = [late - early for early, late in zip([START, *first], first, strict=False)]
    assert len(set(steps)) == 5 and all(20 * MS < step < 400 * MS for step in steps)


def test_a_fast_clock_has_its_latency_in_its_own_time() -> None:
    with serve(speed=1000.0, latency="60s") as exchange:
        begun, moment = time.monotonic(), exchange.time
        ask(exchange)
        assert exchange.time - moment >= 60 and time.monotonic() - begun < 60


# ---- the tape


def test_the_tape_is_held_and_told_in_order(exchange: PrivateExchange) -> None:
    control = exchange.control
    with RawPeer.listening(exchange.port, TICKERS) as ticks:
        control.tape.hold()
        for price in (1, 2, 3):
            ask(exchange, price=price)
        ticks.socket.settimeout(0.05)
        with pytest.raises(TimeoutError):
            ticks.frame()
        ticks.socket.settimeout(60)
        control.tape.release()
        bids = []
        for _ in range(3):
            frame = ticks.frame()
            assert frame is not None
            bids.append(json.loads(frame.payload)["quote"]["bid"])
        assert bids == [1, 2, 3]


def test_the_tape_is_late(exchange: PrivateExchange) -> None:
    with RawPeer.listening(exchange.port, TICKERS) as ticks:
        exchange.control.latency(tape="uniform:100ms,200ms")
        begun = time.monotonic()
        for price in (1, 2, 3):
            ask(exchange, price=price)
        for price in (1, 2, 3):
            frame = ticks.frame()
            assert frame is not None and json.loads(frame.payload)["quote"]["bid"] == price
        assert time.monotonic() - begun >= 0.1


def test_under_a_stepped_clock_the_tape_is_late_on_that() -> None:
    with serve(clock="stepped", websockets=True, tape_latency="5s") as exchange:
        with RawPeer.listening(exchange.port, TICKERS) as ticks:
            ask(exchange)
            exchange.advance(4)
            ticks.socket.settimeout(0.05)
            with pytest.raises(TimeoutError):
                ticks.frame()
            ticks.socket.settimeout(60)
            exchange.advance(1.5)
            assert ticks.frame() is not None


def test_listeners_are_disconnected_by_account_or_venue(exchange: PrivateExchange) -> None:
    tape = exchange.control.tape
    with (
        RawPeer.listening(exchange.port, EXECUTIONS) as executions,
        RawPeer.listening(exchange.port, TICKERS.replace("ANN", "BOB")) as ticks,
    ):
        assert tape.disconnect(account="CARL") == tape.disconnect(venue="OTHER") == 0
        assert tape.disconnect(account="ANN") == 1
        assert executions.frame() is None  # without a close frame
        assert tape.disconnect(venue="TESTEX", code=1012) >= 1  # one that has gone may count
        frame = ticks.frame()
        assert frame is not None and int.from_bytes(frame.payload[:2], "big") == 1012
    with RawPeer.listening(exchange.port, TICKERS) as again:
        ask(exchange)
        assert again.frame() is not None


def test_what_a_held_tape_keeps_is_bounded(
    exchange: PrivateExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond that ticks are conflated, and who would miss an execution is closed."""
    monkeypatch.setattr("disorderbook.tape.conflation.MAX_EVENTS", 5)
    with (
        RawPeer.listening(exchange.port, TICKERS) as ticks,
        RawPeer.listening(exchange.port, EXECUTIONS) as executions,
    ):
        exchange.control.tape.hold()
        for price in range(1, 21):
            ask(exchange, price=price)
        ask(exchange, price=20, direction="sell")
        exchange.control.tape.release()
        quotes: list[Any] = []
        while not quotes or "lastSize" not in quotes[-1]:
            frame = ticks.frame()
            assert frame is not None
            quotes.append(json.loads(frame.payload)["quote"])
        assert len(quotes) == 6  # five that were kept, and the newest
        closed = executions.frame()
        assert closed is not None and int.from_bytes(closed.payload[:2], "big") == 1008


def test_an_exchange_that_ends_tells_first_what_it_has_held() -> None:
    with serve(websockets=True) as exchange:
        ticks = RawPeer.listening(exchange.port, TICKERS)
        exchange.control.tape.hold()
        ask(exchange, price=77)
    with ticks:
        frame = ticks.frame()
        assert frame is not None and json.loads(frame.payload)["quote"]["bid"] == 77


def test_what_is_stored_in_a_file_fails_and_is_late_as_well(tmp_path: Path) -> None:
    """Answers wait for the commit there; an order whose answer was lost is stored."""
    file = tmp_path / "market.db"
    with serve(database=file, latency="1ms") as exchange:
        assert ask(exchange)[0] == 200
        for kind, error in (
            ("drop-before", ConnectionResetError),
            ("drop-after", ConnectionResetError),
            ("cut", http.client.IncompleteRead),
        ):
            exchange.control.faults.add(kind, route=ROUTE)
            with pytest.raises(error):
                ask(exchange)
        exchange.control.reject(status=403)
        assert ask(exchange)[0] == 403
    with serve(database=file) as exchange:
        assert order_count(exchange) == 3
