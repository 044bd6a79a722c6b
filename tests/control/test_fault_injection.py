"""When the server is asked how to treat requests: only while something may become of one."""

from typing import Any

import pytest
from raw_http import HOST, Peer
from wsgi import ORDERS

from disorderbook.accounts import Accounts
from disorderbook.api.app import make_app
from disorderbook.assembly import CannotStart, MarketSettings, assemble
from disorderbook.control.fault_injection import FaultInjection
from disorderbook.control.latency import LatencySettings, distribution
from disorderbook.errors import NeedsOwnServer
from disorderbook.game.master import GameSettings
from disorderbook.in_process import listening_server, running_server
from disorderbook.server.origin import OriginPolicy
from disorderbook.server.reader import Head, HttpRequest
from disorderbook.server.treatment import Treat

GET = b"GET /ob/api/heartbeat HTTP/1.1\r\n" + HOST + b"\r\n"


class Treating:
    """A FaultInjection whose server says when it is asked."""

    def __init__(self, server: Any) -> None:
        self.server, self.is_asked = server, False
        self._treat_by = server.treat_by
        server.treat_by = self._remember

    def _remember(self, treat: Treat | None) -> None:
        self.is_asked = treat is not None
        self._treat_by(treat)


def test_what_is_off_is_not_even_asked_about() -> None:
    """Neither a removed fault, nor one that is over, nor a latency that is off costs a request
    anything: the server does not know of it.
    """
    settings = MarketSettings(game=GameSettings(1.0, 7), has_control=True)
    with listening_server(0, OriginPolicy()) as server:
        treating = Treating(server)
        with assemble(settings, Accounts(), server=server) as services:
            with running_server(server, make_app(services)), Peer(server.port) as peer:
                injection: Any = services.injection
                assert isinstance(injection, FaultInjection) and not treating.is_asked
                fault = injection.add("status", status=500, next=2)
                assert treating.is_asked
                assert [peer.ask(GET).status for _ in range(3)] == [500, 500, 200]
                assert not treating.is_asked  # they were the last
                injection.remove(fault.id)
                injection.add("cut", every=1)
                injection.clear()
                assert not treating.is_asked
                injection.set_latency("1ms")
                assert treating.is_asked
                injection.set_latency("off")
                assert not treating.is_asked
                injection.add("cut", every=1)
                injection.set_latency("1ms")
                injection.reset(None)
                assert not treating.is_asked
                service: Any = server._service
                assert service.answer is service._untreated
                statuses = [peer.ask(GET).status for _ in range(20)]
                assert statuses == [200] * 20 and injection.faults.all() == []


def test_requests_with_faults_that_are_off_show_none() -> None:
    """benchmarks/faults.py sends a million."""
    settings = MarketSettings(game=GameSettings(1.0, 7), has_control=True)
    with listening_server(0, OriginPolicy()) as server:
        with assemble(settings, Accounts(), server=server) as services:
            with running_server(server, make_app(services)), Peer(server.port) as peer:
                injection: Any = services.injection
                injection.add("drop-before", every=1)
                injection.add("cut", probability=0.5)
                injection.set_latency("50ms")
                injection.clear()
                injection.set_latency("off")
                peer.send(GET)
                size = len(peer._stream.readline()) + len(_rest_of_answer(peer))
                for _ in range(50):
                    peer.send(GET * 100)
                    answers = peer._stream.read(100 * size)
                    assert answers.count(b"HTTP/1.1 200 OK\r\n") == 100


def test_the_option_holds_orders_from_the_start_and_after_a_reset() -> None:
    latency = LatencySettings(distribution("50ms"))
    with listening_server(0, OriginPolicy()) as server:
        treating = Treating(server)
        with assemble(MarketSettings(latency=latency), Accounts(), server=server) as services:
            injection: Any = services.injection
            assert treating.is_asked
            injection.set_latency("off")
            assert not treating.is_asked
            injection.reset(None)
            assert treating.is_asked and injection.latency == latency


def test_another_server_cannot_do_that() -> None:
    with pytest.raises(CannotStart, match="--latency needs our own server"):
        with assemble(MarketSettings(latency=LatencySettings(distribution("1ms"))), Accounts()):
            pass
    with assemble(MarketSettings(), Accounts()) as services:
        injection: Any = services.injection
        for call in (
            lambda: injection.add("cut"),
            lambda: injection.reject(1),
            lambda: injection.set_latency("1ms"),
        ):
            with pytest.raises(NeedsOwnServer):
                call()
        injection.set_latency("off")
        assert injection.faults.all() == []


def test_cancels_are_late_as_well_and_pages_are_not() -> None:
    with listening_server(0, OriginPolicy()) as server:
        with assemble(MarketSettings(), Accounts(), server=server) as services:
            injection: Any = services.injection
            injection.set_latency("5ms")

            def delay(method: str, path: str, **headers: str) -> float:
                environ = {"REQUEST_METHOD": method, "PATH_INFO": path, **headers}
                treatment = injection.treat(_asked(environ))
                return treatment.delay if treatment else 0.0

            late = [("POST", ORDERS), ("DELETE", f"{ORDERS}/1"), ("POST", f"{ORDERS}/1/cancel")]
            assert [delay(*each) for each in late] == [0.005] * 3
            assert delay("GET", ORDERS) == delay("POST", "/gm/levels/first_steps") == 0
            assert delay("POST", ORDERS, HTTP_SEC_FETCH_SITE="same-origin") == 0


def _rest_of_answer(peer: Peer) -> bytes:
    """All but the first line of an answer to GET."""
    told = b""
    while not told.endswith(b"}\n"):
        told += peer._stream.readline()
    return told


def _asked(environ: dict[str, str]) -> Any:
    return HttpRequest(Head(0, environ), {}, b"", True)
