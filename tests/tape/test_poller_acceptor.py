"""Accepting connections, and not accepting them for a while."""

import logging
import socket
import time
from collections.abc import Iterator

import pytest

from disorderbook.tape.poller import ACCEPTED_AT_ONCE, Acceptor, Poller

PAUSE = 0.05


class Clients:
    """An acceptor, its poller, and clients that connect."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.poller = Poller(has_news=lambda: False)
        self.acceptor = Acceptor(self.listening, self.poller, PAUSE)
        self.sockets: list[socket.socket] = []

    def connect(self, count: int) -> None:
        for _ in range(count):
            self.sockets.append(socket.create_connection(self.listening.getsockname()))

    def accept(self, room: int = 1000) -> int:
        accepted = [sock for sock, _ in self.acceptor.accept(room)]
        self.sockets += accepted
        return len(accepted)

    def somebody_waits(self) -> bool:
        return bool(self.poller.wait(0))


@pytest.fixture
def clients() -> Iterator[Clients]:
    clients = Clients()
    yield clients
    clients.acceptor.close()
    clients.poller.close()
    for sock in clients.sockets:
        sock.close()


def test_all_who_wait_are_accepted(clients: Clients) -> None:
    clients.connect(5)
    assert clients.somebody_waits()
    assert clients.accept() == 5
    assert not clients.somebody_waits() and not clients.acceptor.is_paused


def test_a_crowd_is_accepted_a_part_at_a_time(clients: Clients) -> None:
    clients.connect(ACCEPTED_AT_ONCE + 1)
    assert clients.accept() == ACCEPTED_AT_ONCE
    assert clients.accept() == 1


def test_without_room_it_pauses_for_a_while_and_says_so_once(
    clients: Clients, caplog: pytest.LogCaptureFixture
) -> None:
    clients.connect(3)
    with caplog.at_level(logging.WARNING):
        assert clients.accept(room=1) == 1
        assert clients.acceptor.is_paused and not clients.somebody_waits()
        clients.acceptor.check(time.monotonic())
        assert clients.acceptor.is_paused  # it is too early
        clients.acceptor.check(time.monotonic() + PAUSE)
        assert not clients.acceptor.is_paused and clients.somebody_waits()
        assert clients.accept(room=0) == 0
        clients.acceptor.check(time.monotonic() + PAUSE)
        assert clients.accept() == 2
    assert [record.message for record in caplog.records] == [
        "The tape accepts no connections for now: there are too many connections"
    ]


def test_closing_while_it_pauses_ends_the_pause(clients: Clients) -> None:
    clients.connect(1)
    clients.accept(room=0)
    clients.acceptor.close()
    clients.acceptor.check(time.monotonic() + PAUSE)
    assert clients.acceptor.is_paused is False and not clients.somebody_waits()
    clients.acceptor = Acceptor(socket.create_server(("127.0.0.1", 0)), clients.poller, PAUSE)
