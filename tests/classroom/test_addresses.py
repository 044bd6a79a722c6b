"""Which addresses others can use, and which ports are free."""

import socket
from ipaddress import ip_address

import pytest

from disorderbook.classroom import addresses
from disorderbook.classroom.addresses import can_listen, free_port, has_ipv6, network_addresses


def test_addresses_are_those_of_the_network() -> None:
    for address in network_addresses():
        assert not ip_address(address).is_loopback
        assert can_listen(0, address)  # which is possible at an address of this machine alone


def test_a_machine_without_a_network_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "DESTINATIONS", ("127.0.0.1",))
    monkeypatch.setattr(addresses.shutil, "which", lambda *_, **__: None)
    assert network_addresses() == []


def test_a_taken_port_is_passed_over() -> None:
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        assert not can_listen(port)
        assert free_port(port, ()) > port
    assert free_port(port, {port}) > port
    with pytest.raises(ValueError, match="No port from 65535 on is free"):
        free_port(65535, {65535})


def test_ipv6_is_there_or_not() -> None:
    assert has_ipv6() in (True, False)
