"""The head of a request, of which most is shown where each port reads it."""

import pytest
from httptools import HttpParserCallbackError, HttpParserError

from disorderbook.server.head import MAX_HEADERS, Refusal, add_headers, check_head, malformed

HOST = {"HTTP_HOST": "a"}
CHUNKED = HOST | {"HTTP_TRANSFER_ENCODING": "Chunked"}


def test_a_header_is_found_whatever_the_case_of_its_name() -> None:
    environ: dict[str, str] = {}
    add_headers(environ, [(b"hOST", b"a"), (b"content-type", b"b"), (b"X-Key", b"\xe9 \t")])
    assert environ == {"HTTP_HOST": "a", "CONTENT_TYPE": "b", "HTTP_X_KEY": "\xe9"}


def test_headers_that_differ_by_an_underscore_only_are_left_out() -> None:
    environ: dict[str, str] = {}
    add_headers(environ, [(b"Content_Length", b"1"), (b"X_Key", b"a"), (b"X-Key", b"b")])
    assert environ == {"HTTP_X_KEY": "b"}


def test_a_header_that_comes_twice_is_one_list() -> None:
    environ: dict[str, str] = {}
    add_headers(environ, [(b"A", b"b"), (b"Cookie", b"c=d"), (b"a", b"e"), (b"cookie", b"f=g")])
    assert environ == {"HTTP_A": "b, e", "HTTP_COOKIE": "c=d; f=g"}


@pytest.mark.parametrize("name", [b"Host", b"Origin"])
def test_of_some_headers_there_is_one_at_most(name: bytes) -> None:
    with pytest.raises(Refusal, match=f"more than one {name.decode()} header") as refusal:
        add_headers({}, [(name, b"a"), (name.upper(), b"a")])
    assert refusal.value.status == "400 Bad Request"


def test_there_are_so_many_headers_at_most() -> None:
    add_headers({}, [(b"X", b"y")] * MAX_HEADERS)
    with pytest.raises(Refusal) as refusal:
        add_headers({}, [(b"X", b"y")] * (MAX_HEADERS + 1))
    assert refusal.value.status.startswith("431 ")


@pytest.mark.parametrize(
    "environ, protocol",
    [
        (HOST, "HTTP/1.1"),
        ({}, "HTTP/1.0"),
        (CHUNKED, "HTTP/1.1"),
    ],
)
def test_a_head_with_one_meaning(environ: dict[str, str], protocol: str) -> None:
    check_head(environ, protocol)


@pytest.mark.parametrize(
    "environ, protocol, status",
    [
        ({}, "HTTP/1.1", 400),
        (CHUNKED, "HTTP/1.0", 400),
        (HOST, "HTTP/0.9", 505),
        (HOST, "HTTP/2.0", 505),
        (HOST | {"HTTP_TRANSFER_ENCODING": "gzip"}, "HTTP/1.1", 400),
        (HOST | {"HTTP_TRANSFER_ENCODING": ""}, "HTTP/1.1", 400),
    ],
)
def test_a_head_with_more_meanings_or_none(
    environ: dict[str, str], protocol: str, status: int
) -> None:
    with pytest.raises(Refusal) as refusal:
        check_head(environ, protocol)
    assert int(refusal.value.status[:3]) == status


def test_what_the_parser_cannot_read_is_a_bad_request() -> None:
    refused = malformed(HttpParserError("Invalid header token"))
    assert (
        isinstance(refused, Refusal)
        and refused.sentence == "Malformed request: Invalid header token"
    )


def test_what_a_callback_refused_is_told_as_it_is() -> None:
    error = HttpParserCallbackError("on_header")
    error.__context__ = Refusal("418 I'm a teapot", "no")
    assert malformed(error) is error.__context__
