"""Remembering heads: how many, which, and that it makes no difference but to the time."""

import pytest
from raw_http import chunked, get, post
from streams import WISH

from disorderbook.server.limits import Limits
from disorderbook.server.reader import (
    HEADS_REMEMBERED,
    LONGEST_REMEMBERED,
    Head,
    KnownHeads,
    RequestReader,
)


def test_only_so_many_are_remembered_and_the_oldest_is_forgotten_first() -> None:
    heads = KnownHeads()
    for number in range(HEADS_REMEMBERED + 1):
        heads.add(b"%d" % number, Head(0, {}))
    assert heads.find(b"0") is None
    assert all(heads.find(b"%d" % number) for number in range(1, HEADS_REMEMBERED + 1))


def read(heads: KnownHeads, *pieces: bytes) -> list[tuple[object, bytes]]:
    """Environs, but for their input, and bodies of what is read on a connection of its own."""
    reader = RequestReader({"REMOTE_ADDR": "127.0.0.1"}, Limits(), heads)
    for piece in pieces:
        reader.feed(piece)
    return [(request.environ() | {"wsgi.input": None}, request.body) for request in reader.ready]


@pytest.mark.parametrize(
    "request_",
    [
        get("/"),
        post("/", b"abc"),
        post("/", b""),
        get("/", "1.1", *WISH),
        post("/", b"abc", *WISH),
        get("/", "1.0", "Connection: keep-alive"),
        get("http://a/b%20c?d", "1.1", "Cookie: e=f"),
    ],
)
def test_a_request_with_a_known_head_means_the_same(request_: bytes) -> None:
    heads = KnownHeads()
    [first] = read(heads, request_)
    raw, _, body = request_.partition(b"\r\n\r\n")
    assert heads.find(raw) is not None
    assert read(heads, request_, request_) == [first, first]
    other = body.upper()
    assert read(heads, raw + b"\r\n\r\n" + other) == [(first[0], other)]


@pytest.mark.parametrize(
    "request_",
    [
        chunked("/", b"abc"),
        post("/", b"abc", "Expect: 100-continue"),
        post("/", b"abc", "idempotency-key: one"),
        get("/", "1.0"),
        get("/", "1.1", "Connection: close"),
        get("/") + get("/"),
        b"\r\n\r\n" + get("/"),
        post("/", b"x" * LONGEST_REMEMBERED),
        post("/", b"abc") + b"G",
        b"\r\n",
    ],
)
def test_what_leaves_a_question_open_is_not_remembered(request_: bytes) -> None:
    heads = KnownHeads()
    read(heads, request_)
    assert heads.find(request_.partition(b"\r\n\r\n")[0]) is None


def test_an_application_that_changes_its_environ_changes_no_head() -> None:
    heads = KnownHeads()
    reader = RequestReader({}, Limits(), heads)
    for _ in range(3):
        reader.feed(get("/"))
        environ = reader.ready.popleft().environ()
        assert "PATH_INFO" in environ and "spoiled" not in environ
        environ.clear()
        environ["spoiled"] = True


def test_a_known_head_with_more_or_less_behind_it_is_read_afresh() -> None:
    heads = KnownHeads()
    request = post("/", b"abc")
    read(heads, request)
    assert [body for _, body in read(heads, request[:-1], request[-1:])] == [b"abc"]
    assert [body for _, body in read(heads, request + request)] == [b"abc", b"abc"]
    assert [body for _, body in read(heads, request + request[:9], request[9:])] == [b"abc"] * 2
