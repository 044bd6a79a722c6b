"""The environ of a request, of which most is shown where a client's bytes are read."""

import pytest

from disorderbook.rest.environ import add_headers, add_target
from disorderbook.rest.limits import Refusal


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
    with pytest.raises(Refusal):
        add_headers({}, [(b"Host", b"a"), (b"Host", b"a")])


@pytest.mark.parametrize("target, path, query", [
    (b"/a%20b?c%20d", "/a b", "c%20d"), (b"//a", "//a", ""), (b"/a#b?c", "/a", ""),
    (b"http://host", "/", ""), (b"http://host?q", "/", "q"), (b"https://host/a?q", "/a", "q"),
])
def test_a_target_is_a_path_and_a_query(target: bytes, path: str, query: str) -> None:
    environ = {"REQUEST_METHOD": "GET"}
    add_target(environ, target)
    assert (environ["PATH_INFO"], environ["QUERY_STRING"]) == (path, query)


@pytest.mark.parametrize("target", [b"*", b"a", b"ftp://a/b", b"http:///a"])
def test_what_is_no_target_is_refused(target: bytes) -> None:
    with pytest.raises(Refusal):
        add_target({"REQUEST_METHOD": "GET"}, target)
