"""Sending with Python's lock held, and without ctypes."""

import socket
from collections.abc import Iterator

import pytest

from disorderbook.tape import poller
from disorderbook.tape.poller import send_nonblocking


@pytest.fixture(params=["with ctypes", "without"])
def pair(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[socket.socket, socket.socket]]:
    if request.param == "without":
        monkeypatch.setattr(poller, "_send", None)
    near, far = socket.socketpair()
    near.setblocking(False)
    yield near, far
    near.close()
    far.close()


Pair = tuple[socket.socket, socket.socket]


def test_what_is_sent_arrives_zeros_included(pair: Pair) -> None:
    near, far = pair
    assert send_nonblocking(near, b"a\0b") == 3
    assert far.recv(10) == b"a\0b"


def test_a_full_socket_takes_a_part_and_then_nothing(pair: Pair) -> None:
    near, far = pair
    much = bytes(10_000_000)
    assert 0 < send_nonblocking(near, much) < len(much)
    while send_nonblocking(near, much):
        pass
    assert send_nonblocking(near, b"x") == 0


def test_whoever_is_gone_is_an_oserror(pair: Pair) -> None:
    near, far = pair
    far.close()
    with pytest.raises(BrokenPipeError):
        send_nonblocking(near, b"x")
    near.close()
    with pytest.raises(OSError):
        send_nonblocking(near, b"x")


def test_here_the_lock_is_kept() -> None:
    assert poller._send is not None
