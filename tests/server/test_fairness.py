"""What busy connections leave to another one, counted in passes of the loop and requests served."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from passes import Peer, make_passes, on_a_loop
from raw_http import get, post

from disorderbook.server.connection import Service
from disorderbook.server.limits import Limits
from disorderbook.server.response import WHOLE_BYTES

ROOM = Limits().pass_requests
BUSY = 500
ROUND = BUSY // ROOM + 2  # passes
MANY = 40  # requests in one piece


class App:
    """Answers at once; counts what it is asked by path."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        self.asked[path] += 1
        start_response("200 OK", [])
        if path == "/steps":
            return iter([b"first", b"second"])
        return [b"x" * int(path[7:])] if path.startswith("/large/") else [b"ok"]

    @property
    def total(self) -> int:
        return sum(self.asked.values())


def pipelining(service: Service, count: int, path: str = "/busy/{}") -> list[Peer]:
    peers = [Peer(service) for _ in range(count)]
    for number, peer in enumerate(peers):
        peer.send(get(path.format(number)) * MANY)
    return peers


def test_beside_500_that_pipeline_a_request_is_answered_in_the_pass_it_comes_in() -> None:
    app = App()

    async def test(service: Service) -> None:
        pipelining(service, BUSY)
        await make_passes(ROUND)
        honest = Peer(service)
        for number in range(100):
            await make_passes(1)
            before = app.total
            honest.send(get("/honest"))
            assert app.asked["/honest"] == number + 1 and app.total == before + 1
        assert len(honest.answers()) == 100

    on_a_loop(app, test)


def test_a_pass_serves_so_many_requests_of_all_connections_together() -> None:
    app = App()

    async def test(service: Service) -> None:
        peers = pipelining(service, BUSY)
        assert app.total <= ROOM + 16  # the first of all had no others beside it
        for _ in range(200):
            before = app.total
            await make_passes(1)
            assert 0 < app.total - before <= 2 * ROOM
            for peer in peers:
                peer.send()

    on_a_loop(app, test)


def test_those_that_pipeline_are_served_round_after_round() -> None:
    app = App()

    async def test(service: Service) -> None:
        pipelining(service, BUSY)
        await make_passes(ROUND)
        before = app.asked.copy()
        await make_passes(10 * BUSY // ROOM)
        served = (app.asked - before).values()
        assert len(served) == BUSY and max(served) - min(served) <= 2

    on_a_loop(app, test)


def test_beside_500_that_ask_one_by_one_each_gets_its_share() -> None:
    app = App()

    async def test(service: Service) -> None:
        peers = [Peer(service) for _ in range(BUSY + 1)]
        seen = [0] * len(peers)
        for peer in peers:
            peer.send(get("/first"))
        paths = [get(f"/peer/{number}") for number in range(len(peers))]
        for _ in range(400):  # who has been answered asks again; always in the same order
            for number, peer in enumerate(peers):
                if len(peer.transport.slices) > seen[number]:
                    seen[number] = len(peer.transport.slices)
                    peer.send(paths[number])
            before = app.total
            await make_passes(1)
            assert app.total - before <= 2 * ROOM
        honest = app.asked[f"/peer/{BUSY}"]
        assert honest >= 0.8 * app.total / len(peers)

    on_a_loop(app, test)


def test_a_new_request_is_served_within_one_round() -> None:
    app = App()

    async def test(service: Service) -> None:
        pipelining(service, BUSY)
        crowd = [Peer(service) for _ in range(BUSY)]
        for peer in crowd:  # more than fit into the pass
            peer.send(get("/crowd"))
        honest = Peer(service)
        honest.send(get("/honest"))
        waiting = len(service.newcomers)
        passes = 0
        while not app.asked["/honest"]:
            await make_passes(1)
            passes += 1
        assert passes <= waiting // ROOM + 1

    on_a_loop(app, test)


def test_a_pass_makes_one_long_answer_of_newcomers_and_one_of_those_with_a_backlog() -> None:
    app = App()

    async def test(service: Service) -> None:
        peers = pipelining(service, 50, f"/large/{WHOLE_BYTES + 1}")
        peers += [Peer(service) for _ in range(50)]
        for peer in peers[50:]:
            peer.send(get("/large/100000"))
        for _ in range(50):
            before = app.total
            await make_passes(1)
            assert app.total - before <= 2

    on_a_loop(app, test)


def test_an_order_does_not_wait_for_a_thousand_who_read() -> None:
    app = App()

    async def test(service: Service) -> None:
        orders = [Peer(service) for _ in range(3)]
        readers = [Peer(service, room=1000) for _ in range(1000)]
        for peer in readers:
            peer.send(get("/large/100000"))
        for number in range(50):
            for peer in orders:
                peer.send(post("/order", b""))
            await make_passes(1)
            assert app.asked["/order"] == (number + 1) * len(orders)
        assert all(len(peer.answers()) == 50 for peer in orders)
        assert 50 <= app.asked["/large/100000"] <= 52  # and these do not wait for the orders

    on_a_loop(app, test)


@pytest.mark.parametrize("is_full", [False, True])
def test_what_takes_long_to_make_uses_up_a_pass_also_in_steps_or_refused(is_full: bool) -> None:
    app = App()

    async def test(service: Service) -> None:
        peers = [Peer(service) for _ in range(50)]
        for peer in peers:
            peer.send(get("/large/100000" if is_full else "/steps"))
        before = app.total
        assert before <= 2
        while app.total < len(peers):
            before = app.total
            await make_passes(1)
            assert 0 < app.total - before <= 2
        await make_passes(200)
        assert {answer.status for peer in peers for answer in peer.answers()} == {
            503 if is_full else 200
        }

    on_a_loop(app, test, unsent_bytes=0 if is_full else 10**9)


def test_slices_use_up_a_pass() -> None:
    app = App()

    async def test(service: Service) -> None:
        peers = [Peer(service) for _ in range(20)]
        for peer in peers:
            peer.send(get("/large/5000000"))
        written = 0
        while len(service.waiting) > 1:
            await make_passes(1)
            now = sum(len(peer.transport.taken) for peer in peers)
            assert now - written <= service.limits.pass_bytes + service.limits.slice_bytes
            written = now

    on_a_loop(app, test)


def test_a_connection_without_others_is_answered_in_batches() -> None:
    app = App()

    async def test(service: Service) -> None:
        [peer] = pipelining(service, 1)
        while len(peer.answers()) < MANY:
            await make_passes(1)
            peer.send()
        assert len(peer.transport.slices) <= MANY // 16 + 2

    on_a_loop(app, test)


def test_of_who_has_a_backlog_nothing_more_is_read() -> None:
    app = App()

    async def test(service: Service) -> None:
        peers = pipelining(service, 20)
        await make_passes(1)
        assert not any(peer.transport.is_reading() for peer in peers)
        for _ in range(100):
            await make_passes(1)
            for peer in peers:
                peer.send()
        assert all(len(peer.answers()) == MANY for peer in peers)
        assert all(peer.transport.is_reading() for peer in peers)

    on_a_loop(app, test)


def test_busy_connections_that_leave_leave_nothing_behind() -> None:
    app = App()

    async def test(service: Service) -> None:
        peers = pipelining(service, 100)
        await make_passes(3)
        for peer in peers:
            peer.leave()
        await make_passes(100)
        assert not service.waiting and not service.connections
        last = Peer(service)
        last.send(get("/last"))
        assert len(last.answers()) == 1

    on_a_loop(app, test)
