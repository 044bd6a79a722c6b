"""The forms that a route may give its answer's body in, on both ways through the application."""

from collections.abc import Iterator
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from wsgi import Client

from disorderbook.api import metrics
from disorderbook.api.app import DirectBottle
from disorderbook.protocol.route import Document

CHUNKS = (b'{"ok": ', b"", b"true}\n")
CLOSED: list[str] = []
STEPPED: list[bytes] = []


def steps() -> Iterator[bytes]:
    try:
        for chunk in CHUNKS:
            STEPPED.append(chunk)
            yield chunk
    finally:
        CLOSED.append("closed")


FORMS = {
    "/bytes": lambda *_: b'{"ok": true}',
    "/list": lambda *_: list(CHUNKS),
    "/tuple": lambda *_: CHUNKS,
    "/steps": lambda *_: steps(),
    "/document/bytes": lambda *_: Document(b'{"ok": true}\n', "text/plain"),
    "/document/list": lambda *_: Document(list(CHUNKS), "text/plain"),
    "/document/steps": lambda *_: Document(steps(), "text/plain"),
}
PAGE = {"Origin": "http://127.0.0.1:8000"}  # of a page, whose requests go Bottle's way


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    CLOSED.clear()
    STEPPED.clear()
    monkeypatch.setattr(metrics, "ROUTES", [("GET", path, form) for path, form in FORMS.items()])
    return Client()


@pytest.mark.parametrize("headers", [{}, PAGE], ids=["direct", "Bottle"])
@pytest.mark.parametrize("path", FORMS)
def test_each_form_is_answered_on_both_ways(
    client: Client, path: str, headers: dict[str, str]
) -> None:
    answer = client("GET", path, headers=headers)
    assert (answer.status, answer.body) == (200, b"".join(CHUNKS))
    assert answer.type == ("text/plain" if "document" in path else "application/json")
    length = None if "steps" in path else str(len(b"".join(CHUNKS)))
    assert answer.headers.get("Content-Length") == length
    assert ("Access-Control-Allow-Origin" in answer.headers) == bool(headers)


@pytest.mark.parametrize("path", FORMS)
def test_each_form_has_a_head(client: Client, path: str) -> None:
    answer = client("HEAD", path)
    assert (answer.status, answer.body) == (200, b"")
    length = None if "steps" in path else str(len(b"".join(CHUNKS)))
    assert answer.headers.get("Content-Length") == length
    assert STEPPED == []


def test_bottle_neither_joins_chunks_nor_asks_for_steps(client: Client) -> None:
    app: DirectBottle = client.app
    environ: dict[str, Any] = {"QUERY_STRING": ""}
    setup_testing_defaults(environ)
    chunks = app(environ | {"PATH_INFO": "/tuple"}, lambda *_: None)
    assert all(sent is chunk for sent, chunk in zip(chunks, CHUNKS, strict=True))
    body = app(environ | {"PATH_INFO": "/steps"}, lambda *_: None)
    assert STEPPED == [] and next(iter(body)) == CHUNKS[0]
    body.close()
    assert STEPPED == [CHUNKS[0]] and CLOSED
