"""Reading requests without a socket: however the bytes are split, they mean the same."""

from itertools import accumulate
from typing import Any

import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from raw_http import chunked
from streams import BAD, GOOD, split_streams, spoiled

from disorderbook.server.head import Refusal
from disorderbook.server.limits import Limits
from disorderbook.server.reader import NOTHING, KnownHeads, RequestReader

SMALL = Limits(head_bytes=400, body_bytes=300)


def read(
    stream: bytes, cuts: list[int], limits: Limits = SMALL, heads: KnownHeads | None = None
) -> list[Any]:
    """What a stream that comes in these pieces amounts to: requests, and how it ends."""
    reader = RequestReader({}, limits, heads or KnownHeads())
    seen: list[Any] = []
    try:
        for start, end in zip([0, *cuts], [*cuts, len(stream)]):
            reader.feed(stream[start:end])
    except Refusal as refusal:
        seen = [(refusal.status, refusal.sentence)]
    else:
        seen = ["finished"] if reader.finished else [reader.stage]
    requests = []
    for request in reader.ready:
        environ, keep_alive = request.environ(), request.keep_alive
        body = environ.pop("wsgi.input").read()
        requests.append((environ, body, keep_alive))
    return requests + seen


@examples(4)
@given(split_streams())
def test_the_split_of_a_stream_does_not_change_its_meaning(split: tuple[bytes, list[int]]) -> None:
    stream, cuts = split
    assert read(stream, cuts) == read(stream, [])


@examples(8)
@given(split_streams(spoiled()))
def test_nor_does_it_when_the_stream_is_spoiled(split: tuple[bytes, list[int]]) -> None:
    stream, cuts = split
    roomy = Limits(body_bytes=300)  # a head can be too long and wrong: either may be seen first
    assert read(stream, cuts, roomy) == read(stream, [], roomy)


@pytest.mark.parametrize("stream", [*GOOD, *BAD])
def test_a_stream_may_come_byte_by_byte(stream: bytes) -> None:
    assert read(stream, list(range(1, len(stream)))) == read(stream, [])


@pytest.mark.parametrize("zeros", [1, 62, 63, 64, 65, 200])
@pytest.mark.parametrize("size, body", [(b"3", b"abc"), (b"1e", b"x" * 30)])
def test_the_size_of_a_chunk_may_come_in_pieces(zeros: int, size: bytes, body: bytes) -> None:
    """What is remembered of the first piece is short, and was zeros only: then the end of the
    chunk was looked for where it is not, for ever.
    """
    framing = b"0" * zeros + size + b"\r\n" + body + b"\r\n0\r\n\r\n"
    head = chunked("/").removesuffix(b"0\r\n\r\n")
    for cut in range(zeros + len(size) + 2):
        (environ, read_body, _), end = read(head + framing, [len(head), len(head) + cut])
        assert (read_body, environ["CONTENT_LENGTH"], end) == (body, str(len(body)), NOTHING)


@examples(4)
@given(st.lists(st.sampled_from([*GOOD, *BAD]), max_size=6))
def test_what_was_read_before_is_read_in_the_same_way(pieces: list[bytes]) -> None:
    heads, stream = KnownHeads(), b"".join(pieces)
    cuts = list(accumulate(map(len, pieces)))[:-1]
    afresh = read(stream, cuts)
    for _ in range(2):
        assert read(stream, cuts, heads=heads) == afresh
