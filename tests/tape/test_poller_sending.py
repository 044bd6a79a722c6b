"""Sending with Python's lock held, and without ctypes."""

import socket
import struct
import sys
import threading
import time
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


def test_no_other_thread_runs_while_it_sends() -> None:
    """A send() that waits shows it: a thread that wants the interpreter lock does not get it."""
    if poller._send is None:
        pytest.skip("this system's send() cannot be called with the lock held")
    near, far = socket.socketpair()
    fill(near)
    near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 50_000))
    switches, before = 0, sys.getswitchinterval()
    is_over, is_running = threading.Event(), threading.Event()

    def run() -> None:
        nonlocal switches
        while not is_over.is_set():
            switches += 1
            is_running.set()
            time.sleep(0.001)  # lets go of the lock and asks for it again

    other = threading.Thread(target=run)
    other.start()
    is_running.wait()
    sys.setswitchinterval(1000)  # so that the lock is passed on by nothing but a call
    time.sleep(0.02)  # for the other thread to ask for the lock anew
    try:
        seen = switches
        taken = poller._send(near.fileno(), b"x", 1, 0)
        switched = switches - seen
    finally:
        sys.setswitchinterval(before)
        is_over.set()
        other.join()
        near.close()
        far.close()
    assert taken < 0, "it has waited"
    assert switched == 0


def fill(sock: socket.socket) -> None:
    """Until it takes no more; then make it wait."""
    sock.setblocking(False)
    while send_nonblocking(sock, bytes(10_000)):
        pass
    while send_nonblocking(sock, b"x"):
        pass
    sock.setblocking(True)
