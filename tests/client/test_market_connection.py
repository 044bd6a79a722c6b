"""The kept connection, against servers that do not behave: each is a socket and bytes."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from ports import free_port

from disorderbook.client.market import HttpConnection
from disorderbook.client.results import ExchangeUnreachable, MarketClosed, Refused, Verdict

PATIENCE = 30.0  # seconds
OK = b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"ok":true}'


class Server:
    """Answers the requests of each connection with the bytes it was given for it, then hangs up."""

    def __init__(self, answers: tuple[tuple[bytes, ...], ...]) -> None:
        self.requests: list[bytes] = []
        self.has_hung_up = threading.Event()  # once
        self._answers = answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        for answers in self._answers:
            with self._listener.accept()[0] as client:
                client.settimeout(PATIENCE)
                for answer in answers:
                    self.requests.append(client.recv(65536))
                    client.sendall(answer)
            self.has_hung_up.set()


@contextmanager
def answering(*answers: tuple[bytes, ...]) -> Iterator[Server]:
    server = Server(answers)
    with server._listener:
        server._thread.start()
        yield server
        server._thread.join(PATIENCE)
        assert not server._thread.is_alive(), "nobody asked as often as expected"


@contextmanager
def connection(
    url: str, key: str | None = None, timeout: float = PATIENCE
) -> Iterator[HttpConnection]:
    made = HttpConnection(url, key, timeout)
    yield made
    made.close()


def test_one_connection_is_kept() -> None:
    with answering((OK, OK, OK)) as server, connection(server.url) as asking:
        for _ in range(3):
            assert asking.request("GET", "/x", Verdict).ok


def test_a_connection_that_was_lost_meanwhile_is_made_again() -> None:
    with answering((OK,), (OK,)) as server, connection(server.url) as asking:
        assert asking.request("GET", "/first", Verdict).ok
        assert server.has_hung_up.wait(PATIENCE)
        assert asking.request("POST", "/second", Verdict, b"{}").ok
        assert [request.split()[1] for request in server.requests] == [b"/first", b"/second"]


def test_the_key_goes_along_in_any_script() -> None:
    with answering((OK,)) as server, connection(server.url, "ключ") as asking:
        asking.request("GET", "/", Verdict)
        assert "X-Starfighter-Authorization: ключ\r\n".encode() in server.requests[0]


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
def test_a_request_that_gets_no_answer_is_not_sent_again(method: str) -> None:
    with answering((b"",)) as server, connection(server.url) as asking:
        with pytest.raises(ExchangeUnreachable, match=f"No answer to {method} http") as error:
            asking.request(method, "/orders", Verdict)
        assert error.value.was_sent and len(server.requests) == 1


def test_a_server_that_never_answers_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with connection(url, timeout=0.1) as asking:
            with pytest.raises(ExchangeUnreachable, match="timed out") as error:
                asking.request("POST", "/orders", Verdict, b"{}")
    assert error.value.was_sent, "it may have been read all the same"


def test_where_nobody_listens_nothing_was_sent() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with connection(url) as asking:
        with pytest.raises(ExchangeUnreachable, match="Connection refused") as error:
            asking.request("POST", "/orders", Verdict, b"{}")
    assert not error.value.was_sent


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\n{",
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>",
        b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_what_is_no_exchange_is_of_the_same_family(answer: bytes) -> None:
    with answering((answer,)) as server, connection(server.url) as asking:
        with pytest.raises(ExchangeUnreachable) as error:
            asking.request("GET", "/", Verdict)
    assert error.value.was_sent


def test_a_refusal_keeps_the_connection() -> None:
    refusal = b'HTTP/1.1 401 No\r\nContent-Length: 26\r\n\r\n{"ok":false,"error":"key"}'
    with answering((refusal, OK)) as server, connection(server.url) as asking:
        with pytest.raises(Refused, match="^key$") as error:
            asking.request("GET", "/", Verdict)
        assert error.value.status == 401
        assert asking.request("GET", "/", Verdict).ok


def test_the_environments_proxy_is_not_asked_for_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    with answering((OK,)) as server, connection(server.url) as asking:
        assert asking.request("GET", "/", Verdict).ok


def test_a_closed_connection_is_not_opened_again() -> None:
    with connection("http://127.0.0.1:1") as asking:
        pass
    with pytest.raises(MarketClosed, match="was closed"):
        asking.request("GET", "/", Verdict)


def test_a_request_with_an_idempotency_key_is_sent_once_more() -> None:
    with answering((b"",), (OK,)) as server, connection(server.url) as asking:
        assert asking.request("POST", "/orders", Verdict, b"{}", "one").ok
    assert len(server.requests) == 2
    assert all(b"\r\nIdempotency-Key: one\r\n" in request for request in server.requests)


def test_an_order_whose_second_attempt_found_nobody_may_have_been_placed_by_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attempts = iter([True, False])

    def send(*_: object) -> Verdict:
        raise ExchangeUnreachable("no answer", was_sent=next(attempts))

    with connection("http://127.0.0.1:1") as asking:
        monkeypatch.setattr(asking, "_send", send)
        with pytest.raises(ExchangeUnreachable) as error:
            asking.request("POST", "/orders", Verdict, b"{}", "one")
    assert error.value.was_sent and not list(attempts)


@pytest.mark.parametrize("was_sent, is_closed", [(False, False), (True, True)])
def test_what_was_not_sent_or_was_aborted_is_not_sent_again(
    monkeypatch: pytest.MonkeyPatch, was_sent: bool, is_closed: bool
) -> None:
    attempts: list[object] = []

    def send(*arguments: object) -> Verdict:
        attempts.append(arguments)
        if is_closed:
            asking.abort()
        raise ExchangeUnreachable("no answer", was_sent)

    with connection("http://127.0.0.1:1") as asking:
        monkeypatch.setattr(asking, "_send", send)
        with pytest.raises(ExchangeUnreachable):
            asking.request("POST", "/orders", Verdict, b"{}", "one")
    assert len(attempts) == 1
