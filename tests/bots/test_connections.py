"""A connection can be cut while somebody waits on it."""

import socket
import threading
import time

import pytest
from connections import Connections
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
