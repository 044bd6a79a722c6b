"""Streams of requests, good and bad, and the pieces that they come in; for Hypothesis."""

from typing import Any

from hypothesis import strategies as st
from malformed import MALFORMED, OTHER_PROTOCOLS
from raw_http import chunked, get, post

WISH = ("Connection: upgrade", "Upgrade: h2c")
GOOD = [
    get("/a%20b?c=d"),
    get("//x", "1.0"),
    get("/", "1.0", "Connection: keep-alive"),
    get("/", "1.1", "Connection: close"),
    get("http://other/path?query"),
    get("/", "1.1", "X-Empty:", "X-Spaces:   a b  ", "X-Twice: 1", "X-Twice: 2"),
    post("/", b"abc"),
    post("/", b""),
    post("/", b"GET / HTTP/1.1\r\n\r\n"),
    post("/", b"x" * 300),
    post("/", b"abc", "Expect: 100-continue"),
    post("/", b"abc", *WISH),
    chunked("/", b"abc", b"d" * 100),
    chunked("/"),
    chunked("/", *[b"x"] * 300),
    chunked("/", b"abc").replace(b"3\r\n", b"3;x=y\r\n").replace(b"0\r\n", b"0\r\nX-T: v\r\n"),
    get("/", "1.1", *WISH),
    b"\r\n" + get("/"),
    get("/", "1.1", "X: " + "x" * 300),
    chunked("/", b"abc").replace(b"3\r\n", b"0" * 100 + b"3\r\n"),
    chunked("/", b"abc" * 7).replace(b"15\r\n", b"0" * 63 + b"15;" + b"x" * 99 + b"\r\n"),
]
BAD = [
    *MALFORMED.values(),
    *OTHER_PROTOCOLS,
    post("/", b"x" * 301),
    chunked("/", b"x" * 301),
    get("/" + "x" * 400),
    get("/", "1.1", *["X: y"] * 100),
    get("/")[:-2],
    post("/", b"abc")[:-1],
    b"\r\n" * 201,
    b"\r\n" * 190 + get("/"),
    get("/", "1.1", *WISH).replace(b"Host", b"Hast"),
    post("/", b"x" * 301, *WISH),
    chunked("/", b"x").replace(b"\n1\r", b"\n" + b"0" * 63 + b"12D\r"),  # 301
    chunked("/", b"x").replace(b"\n1\r", b"\n" + b"0" * 99 + b"F" * 17 + b"\r"),
]

requests = st.sampled_from(GOOD)
streams = st.builds(
    lambda good, last: b"".join(good) + last,
    st.lists(requests, max_size=4),
    st.one_of(st.just(b""), st.sampled_from(BAD)),
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
        stream[place : place + taken] = draw(
            st.one_of(
                st.binary(max_size=3),
                st.sampled_from([b"\r", b"\n", b"\r\n", b":", b" ", b"0", b";"]),
            )
        )
    return bytes(stream)
