"""The server under the application: connections are kept, many clients are served at once."""

import http.client
import json
import threading

import pytest
from live import running
from wsgi import BUY, ORDERS

from disorderbook.protocol.names import HOST


def test_a_connection_is_kept_alive__difference_14() -> None:
    with running() as exchange:
        connection = http.client.HTTPConnection(HOST, exchange.port, timeout=60)
        connection.connect()
        kept = connection.sock
        for number in range(3):
            connection.request("POST", ORDERS, json.dumps(BUY))
            answer = connection.getresponse()
            assert answer.version == 11 and json.load(answer)["id"] == number
            assert connection.sock is kept, "the server closed the connection"
        connection.close()


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_body_that_nobody_asked_for_is_skipped__difference_14(method: str) -> None:
    with running() as exchange:
        connection = http.client.HTTPConnection(HOST, exchange.port, timeout=60)
        connection.request("POST", ORDERS, json.dumps(BUY))
        connection.getresponse().read()
        for _ in range(2):
            connection.request(method, f"{ORDERS}/0", json.dumps(BUY))
            answer = connection.getresponse()
            assert (answer.status, json.load(answer)["id"]) == (200, 0)
        connection.close()


def test_many_clients_at_once_get_ids_without_a_gap() -> None:
    ids: list[int] = []

    def trade(port: int) -> None:
        connection = http.client.HTTPConnection(HOST, port, timeout=30)
        for _ in range(20):
            connection.request("POST", ORDERS, json.dumps(BUY))
            ids.append(json.load(connection.getresponse())["id"])
        connection.close()

    with running() as exchange:
        threads = [threading.Thread(target=trade, args=(exchange.port,)) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(ids) == list(range(400))
