"""Answers that come later: whoever waits for one holds up nobody else."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import pytest
from raw_http import Peer, get, post, serving

from disorderbook.server.response import HttpResponse
from disorderbook.server.server import CHECK_SECONDS

Pending = Future[bytes | HttpResponse]


class Later:
    """An application that answers POSTs when a test says so, and all else at once."""

    def __init__(self, by_wsgi: bool) -> None:
        self.by_wsgi = by_wsgi
        self.futures: list[Pending] = []
        self.has_asked = threading.Semaphore(0)

    def respond(self, request: Any) -> Any:
        if request.head.method != "POST":
            return b'{"ok":true}\n'
        return None if self.by_wsgi else self.future()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        assert environ["disorderbook.futures"] is True
        start_response("200 OK", [("Content-Type", "text/x"), ("X-Extra", "yes")])
        return self.future()

    def future(self) -> Pending:
        future: Pending = Future()
        self.futures.append(future)
        self.has_asked.release()
        return future

    def next(self) -> Pending:
        """The future of the next POST, once it has come."""
        assert self.has_asked.acquire(timeout=60)
        return self.futures.pop(0)


@contextmanager
def later(by_wsgi: bool = False, **options: Any) -> Iterator[tuple[Later, int]]:
    app = Later(by_wsgi)
    with serving(app, **options) as server:
        yield app, server.port


@pytest.mark.parametrize("by_wsgi", [False, True])
@pytest.mark.parametrize("is_committed", [False, True])
def test_others_are_answered_meanwhile_and_requests_behind_it_wait(
    by_wsgi: bool, is_committed: bool
) -> None:
    commits: list[int] = []
    options = {"commit": lambda: commits.append(1)} if is_committed else {}
    with later(by_wsgi, **options) as (app, port), Peer(port) as waiting, Peer(port) as other:
        waiting.send(get("/before") + post("/", b"{}") + get("/behind"))
        assert waiting.answer().json == {"ok": True}
        future = app.next()
        for _ in range(3):
            assert other.ask(get("/")).status == 200
        before = len(commits)
        future.set_result(b'{"late":1}\n')
        answer = waiting.answer()
        assert (answer.status, answer.json) == (200, {"late": 1})
        assert answer.headers["content-type"] == "application/json"
        assert ("x-extra" in answer.headers) is by_wsgi
        assert waiting.answer().json == {"ok": True}
        assert not is_committed or len(commits) > before


def test_it_may_turn_out_to_be_a_refusal_or_long() -> None:
    long = json.dumps("x" * 200_000).encode()
    with later() as (app, port), Peer(port) as peer:
        for status, body in (("404 Not Found", b"{}"), ("200 OK", long)):
            peer.send(post("/", b""))
            headers = [("Content-Type", "application/json")]
            app.next().set_result(HttpResponse(status, headers, body))
            answer = peer.answer()
            assert (answer.status, answer.body) == (int(status[:3]), body)


def test_a_failure_is_an_internal_error() -> None:
    with later() as (app, port), Peer(port) as peer:
        peer.send(post("/", b""))
        app.next().set_exception(ZeroDivisionError())
        assert peer.answer().status == 500
        assert peer.ask(get("/")).status == 200


def test_who_has_gone_is_not_answered_and_harms_nobody() -> None:
    with later() as (app, port), Peer(port) as other:
        with Peer(port) as peer:
            peer.send(post("/", b""))
            future = app.next()
        assert other.ask(get("/")).status == 200
        future.set_result(b"{}\n")
        assert other.ask(get("/")).status == 200


def test_it_may_take_longer_than_a_client_may_take_to_read_it() -> None:
    with later(answer_seconds=0.05) as (app, port), Peer(port) as peer, Peer(port) as other:
        peer.send(post("/", b""))
        future = app.next()
        checked = time.monotonic() + 3 * CHECK_SECONDS
        while time.monotonic() < checked:
            assert other.ask(get("/")).status == 200
        future.set_result(b"{}\n")
        assert peer.answer().status == 200


def test_when_the_answer_cannot_be_committed_it_is_refused() -> None:
    refusals: list[bytes | None] = []
    refusal = b'{"ok":false,"error":"no"}\n'
    with later(commit=lambda: refusals[-1] if refusals else None) as (app, port):
        with Peer(port) as peer:
            peer.send(post("/", b""))
            future = app.next()
            refusals.append(refusal)
            future.set_result(b"{}\n")
            answer = peer.answer()
            assert (answer.status, answer.body) == (503, refusal)


def test_one_that_is_done_already_is_sent_at_once() -> None:
    with later() as (app, port), Peer(port) as peer:
        done: Pending = Future()
        done.set_result(b"{}\n")
        app.future = lambda: done  # type: ignore[method-assign]
        assert peer.ask(post("/", b"")).body == b"{}\n"
        assert peer.ask(get("/")).status == 200
