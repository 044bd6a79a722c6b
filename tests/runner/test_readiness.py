"""Waiting for an exchange: it ends when one answers, and at the deadline whatever else does."""

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tls_front import tls_front

from disorderbook.in_process import serve
from disorderbook.runner.readiness import (
    LONGEST_ANSWER,
    LONGEST_REASON,
    NotYet,
    ask,
    checked_address,
    wait_until_ready,
)

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
SHORT, LONG = 0.2, 60.0  # seconds


@contextlib.contextmanager
def speaker(*parts: bytes, again: bytes = b"") -> Iterator[str]:
    """The URL of a server that sends the parts for an answer, then the last one again and again; it
    hangs up only in the end, or after the parts if there is nothing to send again.
    """
    is_over = threading.Event()

    def answer(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            for part in parts:
                connection.sendall(part)
            while again and not is_over.wait(0.01):
                connection.sendall(again)

    def run() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                if is_over.is_set():
                    return connection.close()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=run)
        thread.start()
        port = listening.getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            is_over.set()
            socket.create_connection(("127.0.0.1", port)).close()
            thread.join()


def reason(url: str) -> str:
    """Why the one that is asked is not ready."""
    with pytest.raises(NotYet) as caught:
        ask(url)
    assert str(caught.value).isprintable()
    return str(caught.value)


def given_up(url: str) -> str:
    """Why waiting for it is given up."""
    with pytest.raises(NotYet) as caught:
        wait_until_ready(lambda: url, SHORT)
    return str(caught.value)


def test_it_ends_once_one_answers() -> None:
    with serve(accounts={"ME": "key"}) as exchange:
        attempts = iter([NotYet("not there"), "http://127.0.0.1:1", exchange.url, "never asked"])

        def find() -> str:
            attempt = next(attempts)
            if isinstance(attempt, NotYet):
                raise attempt
            return attempt

        assert wait_until_ready(find, LONG) == exchange.url
        for form in (f"{exchange.url}/", f"{exchange.url}/ob/api/", exchange.url + "/ob/api"):
            assert wait_until_ready(lambda form=form: form, LONG) == form
    assert next(attempts) == "never asked"


def test_a_proxy_is_not_asked_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with serve() as exchange:
        assert wait_until_ready(lambda: exchange.url, LONG) == exchange.url


def test_a_certificate_counts_and_can_be_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with serve(websockets=True) as exchange, tls_front(exchange, tmp_path) as front:
        assert re.search("does not answer .self.signed certificate", reason(front.url))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(front.ca))
        ask(front.url)


def body(text: bytes, head: bytes = HEAD) -> bytes:
    return head + b"Content-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(text), text)


OTHERS = {
    "text": (body(b"<p>Hello"), "What answers at URL is no exchange"),
    "number": (body(b"7"), "What answers at URL is no exchange"),
    "another API": (body(b'{"ok": "yes"}'), "What answers at URL is no exchange"),
    "not well": (body(b'{"ok": false, "error": "?"}'), "What answers at URL is no exchange"),
    "deep": (body(b"[" * LONGEST_ANSWER), "What answers at URL is no exchange"),
    "gateway": (body(b"Bad", b"HTTP/1.1 502 Bad Gateway\r\n"), "URL answers with status 502"),
    "moved": (
        body(b"", b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"),
        "URL answers with status 302",
    ),
    "refused": (
        body(b'{"ok": false, "error": "Not\\u001b[31m\\nyou"}', b"HTTP/1.1 403 No\r\n"),
        "URL answers with status 403: Not [31m you",
    ),
    "long": (
        body(b'{"ok": false, "error": "%s"}' % (b"x" * 2000), b"HTTP/1.1 403 No\r\n"),
        f"URL answers with status 403: {'x' * LONGEST_REASON}",
    ),
    "no HTTP": (b"SSH-2.0-x\r\n", "URL does not answer (BadStatusLine)"),
    "hangs up": (b"", "URL does not answer (RemoteDisconnected)"),
    "cut": (HEAD + b'Content-Length: 99\r\n\r\n{"ok"', "URL does not answer (IncompleteRead)"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_exchange_is_told_as_that(name: str) -> None:
    told, expected = OTHERS[name]
    with speaker(told) as url:
        assert reason(url).replace(url, "URL") == expected


ENDLESS = {
    "silence": ((b"",), b" "),
    "head": ((b"HTTP/1.1 200 OK\r\n",), b"X: y\r\n"),
    "drops": ((HEAD + b"\r\n",), b" "),
    "flood": ((HEAD + b"\r\n",), b" " * 10**6),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_an_answer_that_never_ends_is_not_waited_for(name: str) -> None:
    parts, again = ENDLESS[name]
    with speaker(*parts, again=again) as url:
        assert given_up(url).startswith("No exchange has answered within 0.2 seconds: ")


def test_nobody_there_is_told_as_the_system_tells_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    assert reason(url) == f"{url} does not answer (Connection refused)"


def test_the_search_ends_with_the_waiting() -> None:
    assert given_up("http://127.0.0.1:1")
    for thread in threading.enumerate():
        if thread.name == "heartbeat":
            thread.join(LONG)
            assert not thread.is_alive()


def test_another_error_of_where_to_ask_ends_it_at_once() -> None:
    def find() -> str:
        raise ValueError("no ports file")

    with pytest.raises(ValueError, match="no ports file"):
        wait_until_ready(find, LONG)


@pytest.mark.parametrize(
    "url",
    [
        "", "127.0.0.1:8000", "ftp://127.0.0.1", "http://", "http://:8000", "http://a:99999",
        "http://a:0", "http://a:x", "http://a/?b", "http://exa%mple", "http://a..b", "http://[::1",
        "http://exa mple", f"http://{'a' * 64}.example",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="no address of an exchange"):
        checked_address(url)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000", "http://[::1]:8000/", "https://exchange.example/x/ob/api"]
)
def test_an_address_stays_as_it_is(url: str) -> None:
    assert checked_address(url) == url
