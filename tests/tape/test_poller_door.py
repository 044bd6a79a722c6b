"""Accepting connections, and not accepting them for a while."""

import logging
import socket
import time
from collections.abc import Iterator

import pytest

from disorderbook.tape.poller import ACCEPTED_AT_ONCE, Door, Watch

PAUSE = 0.05


class Street:
    """A door, the watch that is kept on it, and callers."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.watch = Watch(has_news=lambda: False)
        self.door = Door(self.listening, self.watch, PAUSE)
        self.sockets: list[socket.socket] = []

    def call(self, count: int) -> None:
        for _ in range(count):
            self.sockets.append(socket.create_connection(self.listening.getsockname()))

    def let_in(self, room: int = 1000) -> int:
        accepted = [sock for sock, _ in self.door.newcomers(room)]
        self.sockets += accepted
        return len(accepted)

    def somebody_waits(self) -> bool:
        return bool(self.watch.wait(0))


@pytest.fixture
def street() -> Iterator[Street]:
    street = Street()
    yield street
    street.door.close()
    street.watch.close()
    for sock in street.sockets:
        sock.close()


def test_all_who_wait_are_let_in(street: Street) -> None:
    street.call(5)
    assert street.somebody_waits()
    assert street.let_in() == 5
    assert not street.somebody_waits() and not street.door.is_shut


def test_a_crowd_is_let_in_a_part_at_a_time(street: Street) -> None:
    street.call(ACCEPTED_AT_ONCE + 1)
    assert street.let_in() == ACCEPTED_AT_ONCE
    assert street.let_in() == 1


def test_without_room_it_is_shut_for_a_while_and_says_so_once(
    street: Street, caplog: pytest.LogCaptureFixture
) -> None:
    street.call(3)
    with caplog.at_level(logging.WARNING):
        assert street.let_in(room=1) == 1
        assert street.door.is_shut and not street.somebody_waits()
        street.door.check(time.monotonic())
        assert street.door.is_shut  # it is too early
        street.door.check(time.monotonic() + PAUSE)
        assert not street.door.is_shut and street.somebody_waits()
        assert street.let_in(room=0) == 0
        street.door.check(time.monotonic() + PAUSE)
        assert street.let_in() == 2
    assert [record.message for record in caplog.records] == [
        "The tape lets nobody in for now: there are too many connections"
    ]


def test_closing_a_shut_door_leaves_it_shut(street: Street) -> None:
    street.call(1)
    street.let_in(room=0)
    street.door.close()
    street.door.check(time.monotonic() + PAUSE)
    assert street.door.is_shut is False and not street.somebody_waits()
    street.door = Door(socket.create_server(("127.0.0.1", 0)), street.watch, PAUSE)
