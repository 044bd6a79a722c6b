"""Listening on this machine's addresses: both, or the one there is; to ourselves."""

import contextlib
import errno
import http.client
import socket
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from ipv6 import needs_ipv6

import disorderbook
from disorderbook.accounts import Accounts
from disorderbook.assembly import CannotStart
from disorderbook.process import sockets
from disorderbook.process.sockets import listen, peer_name
from disorderbook.protocol.names import HOST, IPV6_HOST
from disorderbook.server.server import InlineServer
from disorderbook.tape.feed import Tape


@contextlib.contextmanager
def closing_all(listeners: Sequence[socket.socket]) -> Iterator[Sequence[socket.socket]]:
    with contextlib.ExitStack() as stack:
        for listener in listeners:
            stack.enter_context(listener)
        yield listeners


@contextlib.contextmanager
def taken_on_ipv6_only() -> Iterator[int]:
    """A port that somebody uses on ::1, and nobody on 127.0.0.1."""
    with socket.create_server((IPV6_HOST, 0), family=socket.AF_INET6) as taken:
        yield taken.getsockname()[1]


def without_ipv6(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Have the system refuse ::1 with that error, as one without IPv6 does."""
    real = sockets._listen

    def refuse(family: int, *arguments: Any) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(number, "there is no IPv6")
        return real(family, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(sockets, "_listen", refuse)


@needs_ipv6
def test_one_port_leads_here_from_both_addresses() -> None:
    with closing_all(listen(0, 1)) as listeners:
        hosts, ports = zip(*(listener.getsockname()[:2] for listener in listeners))
        assert hosts == (HOST, IPV6_HOST) and len(set(ports)) == 1
        for host in hosts:
            socket.create_connection((host, ports[0]), 5).close()


@pytest.mark.parametrize("number", sorted(sockets.NO_IPV6))
def test_without_ipv6_the_other_address_is_enough(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    without_ipv6(monkeypatch, number)
    with closing_all(listen(0, 1)) as listeners:
        assert [listener.getsockname()[0] for listener in listeners] == [HOST]


def test_a_python_without_ipv6_is_not_asked_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "has_ipv6", False)
    with closing_all(listen(0, 1)) as listeners:
        assert len(listeners) == 1


@needs_ipv6
def test_a_port_that_is_taken_on_ipv6_only_is_refused_and_the_other_one_is_left_free() -> None:
    with taken_on_ipv6_only() as port:
        with pytest.raises(OSError) as refusal:
            listen(port, 1)
        assert (refusal.value.errno, refusal.value.filename) == (errno.EADDRINUSE, IPV6_HOST)
        with pytest.raises(CannotStart, match=f"port {port} of ::1: Address already in use"):
            with disorderbook.serve(port):
                pass
        socket.create_server((HOST, port)).close()


@needs_ipv6
def test_port_0_passes_over_ports_that_are_taken_on_one_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The system proposes a port that is free on 127.0.0.1 only, then any."""
    real, asked = sockets._listen, []

    def propose(family: socket.AddressFamily, host: str, port: int, backlog: int) -> socket.socket:
        asked.append((host, port))
        return real(family, host, taken if len(asked) == 1 else port, backlog)

    monkeypatch.setattr(sockets, "_listen", propose)
    with taken_on_ipv6_only() as taken, closing_all(listen(0, 1)) as listeners:
        assert asked[:3] == [(HOST, 0), (IPV6_HOST, taken), (HOST, 0)]
        assert len(listeners) == 2 and listeners[0].getsockname()[1] != taken


def test_the_search_for_a_port_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def refuse(port: int, backlog: int) -> list[socket.socket]:
        tried.append(port)
        raise OSError(errno.EADDRINUSE, "in use", IPV6_HOST)

    monkeypatch.setattr(sockets, "_listen_on_both", refuse)
    with pytest.raises(OSError, match="in use"):
        listen(0, 1)
    assert tried == [0] * sockets.PORTS_TRIED


def test_both_servers_take_their_ports_exclusively_where_the_system_asks_for_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On Windows the option is SO_EXCLUSIVEADDRUSE, which this system may not know: an option that
    it knows takes its place.
    """
    listened: list[socket.socket] = []
    real = sockets._listen

    def note(*arguments: Any) -> socket.socket:
        listened.append(real(*arguments))
        return listened[-1]

    monkeypatch.setattr(sockets, "PORT_OPTION", socket.SO_KEEPALIVE)
    monkeypatch.setattr(sockets, "_listen", note)
    server = InlineServer(port=0)
    with contextlib.closing(server), Tape(Accounts(), 0):
        assert {each.getsockname()[1] for each in listened} > {server.port}
        for each in listened:
            assert each.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert not each.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)


def test_the_option_is_the_exclusive_one_where_there_is_one() -> None:
    usual = socket.SO_REUSEADDR
    assert sockets.PORT_OPTION == getattr(socket, "SO_EXCLUSIVEADDRUSE", usual)


@needs_ipv6
@pytest.mark.parametrize("origin", ["http://[::1]:{port}", "http://localhost:{port}"])
def test_an_exchange_is_reached_at_the_ipv6_address_with_its_tape_and_its_pages(
    origin: str,
) -> None:
    with disorderbook.serve(websockets=True) as exchange:
        connection = http.client.HTTPConnection(IPV6_HOST, exchange.port, timeout=60)
        said = {"Origin": origin.format(port=exchange.port)}
        for path, headers in (("/ob/api/heartbeat", said), ("/docs", {}), ("/", said)):
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            assert answer.status == 200, text
            assert path != "/docs" or f"http://[::1]:{exchange.port}" in text
        connection.request("GET", "/ob/api/heartbeat", headers={"Origin": "http://[::2]:8000"})
        assert connection.getresponse().status == 403
        connection.close()


@needs_ipv6
def test_market_and_tape_work_over_ipv6() -> None:
    with disorderbook.serve(websockets=True) as exchange:
        assert exchange.tape_port is not None
        url, tape = (f"://[::1]:{port}" for port in (exchange.port, exchange.tape_port))
        with disorderbook.Market(
            "TESTEX", "FOOBAR", account="ME", url=f"http{url}", tape_url=f"ws{tape}"
        ) as market:
            ticks = market.ticks()
            market.buy(5000, 9)
            assert next(ticks).bid == 5000


@needs_ipv6
def test_the_end_closes_both_addresses() -> None:
    with disorderbook.serve(websockets=True) as exchange:
        ports = exchange.port, exchange.tape_port
    for port in ports:
        for host in (HOST, IPV6_HOST):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((host, port), 5)


@pytest.mark.parametrize(
    "address, name",
    [
        ((HOST, 80), "127.0.0.1:80"),
        ((IPV6_HOST, 80, 0, 0), "[::1]:80"),
    ],
)
def test_a_peer_is_named_as_in_a_url(address: tuple[Any, ...], name: str) -> None:
    assert peer_name(address) == name
