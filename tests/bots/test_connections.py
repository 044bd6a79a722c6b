"""A connection can be cut while somebody waits on it."""

import socket
import threading
import time
from multiprocessing.connection import Connection

import pytest
from connections import Connections
from forked import forked, heard
from live import PATIENCE, Exchange
from stockfighter_minimal import requests


def test_a_session_that_is_not_cut_is_like_any_other(exchange: Exchange) -> None:
    with Connections().session() as session:
        for _ in range(2):
            assert session.get(exchange.url + "heartbeat", timeout=PATIENCE).json()["ok"]


def test_cutting_ends_what_waits_for_a_silent_server_and_what_is_begun_later() -> None:
    connections = Connections()
    broken: list[Exception] = []

    def ask(url: str) -> None:
        with connections.session() as session:
            try:
                session.get(url, timeout=PATIENCE)
            except requests.ConnectionError as fault:
                broken.append(fault)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        thread = threading.Thread(target=ask, args=(url,))
        thread.start()
        accepted = listener.accept()[0]
        accepted.settimeout(PATIENCE)
        assert accepted.recv(3) == b"GET"  # so it waits for an answer now
        started = time.monotonic()
        connections.cut()
        thread.join(PATIENCE)
        ask(url)
        assert time.monotonic() - started < PATIENCE / 4
        accepted.close()
    assert len(broken) == 2


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_is_not_there_is_an_ordinary_failure(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    connections = Connections()
    with connections.session() as session, pytest.raises(requests.ConnectionError):
        session.get(f"{scheme}://127.0.0.1:{port}/", timeout=PATIENCE)
    connections.cut()


def test_a_forked_process_uses_and_cuts_connections_of_its_own(exchange: Exchange) -> None:
    connections = Connections()
    with connections.session() as session:
        url = exchange.url + "heartbeat"
        assert session.get(url, timeout=PATIENCE).json()["ok"]
        (used,) = connections._open
        sock = used.sock

        def ask_and_cut(pipe: Connection) -> None:
            session.get(url, timeout=PATIENCE)
            pipe.send(sock is not None and sock.fileno() >= 0)
            connections.cut()
            with pytest.raises(requests.ConnectionError):
                session.get(url, timeout=PATIENCE)

        with connections._lock, forked(ask_and_cut) as child:
            assert heard(child) is False, "it went on using what it had inherited"
        assert session.get(url, timeout=PATIENCE).json()["ok"]
        assert used.sock is sock, "the parent had to connect again"
