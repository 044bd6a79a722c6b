"""Reading requests without a socket: however the bytes are split, they mean the same."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disorderbook.rest.limits import Limits, Refusal
from disorderbook.rest.reader import RequestReader

from malformed import MALFORMED
from raw_http import chunked, get, post

SMALL = Limits(head_bytes=400, body_bytes=300)


def read(stream: bytes, cuts: list[int], limits: Limits = SMALL) -> list[Any]:
    """What a stream that comes in these pieces amounts to: requests, and how it ends."""
    reader = RequestReader({}, limits)
    seen: list[Any] = []
    try:
        for start, end in zip([0, *cuts], [*cuts, len(stream)]):
            reader.feed(stream[start:end])
    except Refusal as refusal:
        seen = [(refusal.status, refusal.sentence)]
    else:
        seen = ["finished"] if reader.finished else [reader.stage]
    requests = []
    for environ, keep_alive in reader.ready:
        body = environ.pop("wsgi.input").read()
        requests.append((environ, body, keep_alive))
    return requests + seen


WISH = ("Connection: upgrade", "Upgrade: h2c")
GOOD = [
    get("/a%20b?c=d"), get("//x", "1.0"), get("/", "1.0", "Connection: keep-alive"),
    get("/", "1.1", "Connection: close"), get("http://other/path?query"),
    get("/", "1.1", "X-Empty:", "X-Spaces:   a b  ", "X-Twice: 1", "X-Twice: 2"),
    post("/", b"abc"), post("/", b""), post("/", b"GET / HTTP/1.1\r\n\r\n"),
    post("/", b"x" * 300), post("/", b"abc", "Expect: 100-continue"), post("/", b"abc", *WISH),
    chunked("/", b"abc", b"d" * 100), chunked("/"), chunked("/", *[b"x"] * 300),
    chunked("/", b"abc").replace(b"3\r\n", b"3;x=y\r\n").replace(b"0\r\n", b"0\r\nX-T: v\r\n"),
    get("/", "1.1", *WISH), b"\r\n" + get("/"), get("/", "1.1", "X: " + "x" * 300),
]
BAD = [
    *MALFORMED.values(), post("/", b"x" * 301), chunked("/", b"x" * 301), get("/" + "x" * 400),
    get("/", "1.1", *["X: y"] * 100), get("/")[:-2], post("/", b"abc")[:-1],
]

requests = st.sampled_from(GOOD)
streams = st.builds(
    lambda good, last: b"".join(good) + last,
    st.lists(requests, max_size=4), st.one_of(st.just(b""), st.sampled_from(BAD)),
)


@st.composite
def split_streams(draw: Any, streams: Any = streams) -> tuple[bytes, list[int]]:
    stream = draw(streams)
    return stream, sorted(draw(st.lists(st.integers(0, len(stream)), max_size=12)))


@st.composite
def spoiled(draw: Any) -> bytes:
    """A stream with some bytes replaced, put in or taken out."""
    stream = bytearray(draw(streams))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(stream)))
        taken = draw(st.integers(0, 2))
        stream[place:place + taken] = draw(st.one_of(
            st.binary(max_size=3), st.sampled_from([b"\r", b"\n", b"\r\n", b":", b" ", b"0", b";"])
        ))
    return bytes(stream)


@settings(max_examples=400, deadline=None)
@given(split_streams())
def test_the_split_of_a_stream_does_not_change_its_meaning(split: tuple[bytes, list[int]]) -> None:
    stream, cuts = split
    assert read(stream, cuts) == read(stream, [])


@settings(max_examples=800, deadline=None)
@given(split_streams(spoiled()))
def test_nor_does_it_when_the_stream_is_spoiled(split: tuple[bytes, list[int]]) -> None:
    stream, cuts = split
    roomy = Limits(body_bytes=300)  # a head can be too long and wrong: either may be seen first
    assert read(stream, cuts, roomy) == read(stream, [], roomy)


@pytest.mark.parametrize("stream", [*GOOD, *BAD])
def test_a_stream_may_come_byte_by_byte(stream: bytes) -> None:
    assert read(stream, list(range(1, len(stream)))) == read(stream, [])
