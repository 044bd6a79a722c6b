"""Listeners that are deaf or slow, and what waits for them."""

import threading
import time

import pytest
from raw_websocket import EXECUTIONS, Frame, RawPeer
from tape_market import Market, market, message, wait_until

from disorderbook.engine.orders import Side
from disorderbook.tape.limits import TapeLimits

SMALL = 4096  # bytes of a receive buffer that is soon full
DEAF = {"receive_buffer": SMALL}


def flood(services: Market, count: int = 20_000) -> None:
    """More ticks than a deaf listener's sockets hold."""
    services.tick(count)
    wait_until(lambda: not services.tape.has_news())


def flood_with_executions(services: Market, count: int = 10_000) -> None:
    for _ in range(count):
        services.trade("ANN", "BOB")
    wait_until(lambda: not services.tape.has_news())


def last_words(peer: RawPeer) -> Frame:
    """The last frame before the tape hangs up."""
    return peer.frames()[-1]


def test_a_deaf_listener_is_spared_old_ticks_and_gets_the_newest() -> None:
    with market() as services, services.peer(**DEAF) as deaf:
        flood(services)
        services.order("ANN", Side.BUY, 77, 123)
        wait_until(lambda: not services.tape.has_news())
        assert services.tape.counts().conflated > 10_000
        ticks = 0
        while (tick := message(deaf.frame()))["quote"].get("bid") != 123:
            ticks += 1
        assert tick["quote"]["bidSize"] == 77
        assert 0 < ticks < 10_000


def test_the_newest_tick_of_each_book_survives() -> None:
    with market() as services, services.peer(**DEAF) as deaf:
        services.tick(symbol="QUIET")
        flood(services)
        assert 0 < services.tape.counts().waiting <= TapeLimits().waiting_messages
        services.tick(symbol="LAST")
        symbols = [message(deaf.frame())["quote"]["symbol"]]
        while symbols[-1] != "LAST":
            symbols.append(message(deaf.frame())["quote"]["symbol"])
        assert symbols[0] == "QUIET" and "FOOBAR" in symbols


def test_a_deaf_listener_that_would_lose_an_execution_is_closed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with market() as services, services.peer(EXECUTIONS, **DEAF) as deaf:
        host, port = deaf.socket.getsockname()
        flood_with_executions(services)
        wait_until(lambda: services.tape.counts().listeners == 0)
        assert services.tape.counts().fell_behind == 1
        *before, closing = deaf.frames()
        assert closing.code == 1008 and closing.reason.startswith("fell behind")
        ids = [message(execution)["incomingId"] for execution in before]
        assert ids == list(range(1, 2 * len(ids), 2)), "what it got has no gap"
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("WARNING", f"The listener at {host}:{port} is closed: it fell behind")
    ]


def test_a_listener_that_takes_nothing_for_a_while_is_closed() -> None:
    with market(stalled_seconds=0.2) as services, services.peer(**DEAF) as deaf:
        flood(services)
        wait_until(lambda: services.tape.counts().listeners == 0)
        closing = last_words(deaf)
        assert closing.code == 1008 and closing.reason.startswith("fell behind")


def test_a_deaf_listener_that_stays_deaf_is_cut_off() -> None:
    with market(stalled_seconds=0.1, closing_seconds=0.1) as services, services.peer(**DEAF):
        flood(services)
        wait_until(lambda: not services.tape._server.connections)


def test_a_slow_listener_that_goes_on_reading_stays() -> None:
    with market(stalled_seconds=1.0) as services, services.peer(**DEAF) as slow:
        flood(services, 8_000)
        services.order("ANN", Side.BUY, 77, 123)
        until = time.monotonic() + 2.0
        while message(slow.frame())["quote"].get("bid") != 123:
            time.sleep(0.001 if time.monotonic() < until else 0)
        assert services.tape.counts().fell_behind == 0


def test_deaf_listeners_delay_nobody_and_cost_little_memory() -> None:
    with market() as services:
        deaf = [services.peer(**DEAF) for _ in range(10)]
        with services.peer() as good:
            reader = threading.Thread(target=good.frames, daemon=True)
            reader.start()
            flood(services, 5_000)
            before = resident_bytes()
            flood(services, 50_000)
            assert resident_bytes() - before < 30e6
            services.tape.close()
            reader.join(60)
            assert not reader.is_alive()
        for peer in deaf:
            peer.socket.close()


def resident_bytes() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096
