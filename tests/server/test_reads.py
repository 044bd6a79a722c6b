"""Every answer to a GET, for clients that never read, read slowly or vanish."""

from collections.abc import Iterator

import pytest
from passes import Peer, make_passes, on_a_loop
from raw_http import get
from wsgi import Client

from disorderbook.api.services import ROUTES
from disorderbook.server.connection import Service
from disorderbook.server.response import WHOLE_BYTES

NAMES = {
    "<venue>": "TESTEX",
    "<symbol>": "FOOBAR",
    "<account>": "ACCOUNT1",
    "<order_id>": "0",
    "<instance_id>": "1",
    "<name>": "first_steps",
}
SCORES = "/ob/api/venues/TESTEX/stocks/FOOBAR/scores"
ACCOUNTS = 700
LONG = ("/ob/api/venues/TESTEX/stocks/FOOBAR", f"{SCORES}?format=json", "/docs")


def concrete(path: str) -> str:
    for name, value in NAMES.items():
        path = path.replace(name, value)
    return path


PATHS = sorted({concrete(path) for method, path, _ in ROUTES if method == "GET"})
PATHS += [f"{SCORES}?format={form}" for form in ("json", "csv")]


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """A book whose answers are long: orders of many accounts, some of which have traded."""
    client = Client(extra=True)
    for number in range(ACCOUNTS):
        assert client.order(account=f"ACCOUNT{number}", price=100 + number).status == 200
        assert client.order(account="ACCOUNT1", price=50 + number).status == 200
    assert client.order(account="SELLER", direction="sell", price=1, qty=7000).status == 200
    assert client("POST", "/gm/levels/first_steps").status == 200
    yield client
    client.close()


@pytest.mark.parametrize("path", PATHS)
def test_each_read_is_bounded_and_whole_for_whoever_reads(client: Client, path: str) -> None:
    async def test(service: Service) -> None:
        deaf = [Peer(service, room=10) for _ in range(5)]
        slow, quick, leaving = Peer(service, room=10), Peer(service), Peer(service, room=300)
        for peer in (*deaf, slow, quick, leaving):
            peer.send(get(path) * 3 + get("/ob/api/heartbeat"))
        await make_passes(300)  # a listing has some twenty steps, and a pass has one
        answers = quick.answers()
        assert len(answers) == 4 and answers[3].json["ok"] is True
        for peer in deaf:  # a slice, and no answer behind it has been begun
            [slice_] = peer.transport.slices
            assert sum(map(len, slice_)) <= service.limits.slice_bytes
        leaving.leave()
        for _ in range(500):
            slow.transport.allow(5000)
            await make_passes(2)
        got = slow.answers()
        assert [a.status for a in got] == [a.status for a in answers]
        assert {len(a.body) for a in got[:3]} <= {
            len(answers[0].body) + n for n in range(-300, 300)
        }
        for peer in (*deaf, slow, quick):
            peer.leave()
        await make_passes(2)
        assert service.unsent.bytes == 0 and not service.connections

    on_a_loop(client.app, test)


@pytest.mark.parametrize("path", LONG)
def test_some_of_them_are_long(client: Client, path: str) -> None:
    assert len(client("GET", path).body) > WHOLE_BYTES


@pytest.mark.parametrize("path", [LONG[0], "/docs", "/openapi.json"])
def test_clients_that_never_read_what_is_the_same_share_its_bytes(
    client: Client, path: str
) -> None:
    async def test(service: Service) -> None:
        size = len(client("GET", path).body)
        peers = [Peer(service, room=10) for _ in range(100)]
        for peer in peers:
            peer.send(get(path))
        await make_passes(50)
        assert size < service.unsent.bytes < 2 * size + 100 * 400  # heads, and what differs

    on_a_loop(client.app, test)
