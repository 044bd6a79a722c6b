"""The target of a request, of which more is shown where a client's bytes are read."""

import pytest

from disorderbook.server.head import Refusal
from disorderbook.server.reader import add_target


@pytest.mark.parametrize(
    "target, path, query",
    [
        (b"/a%20b?c%20d", "/a b", "c%20d"),
        (b"//a", "//a", ""),
        (b"/a#b?c", "/a", ""),
        (b"http://host", "/", ""),
        (b"http://host?q", "/", "q"),
        (b"https://host/a?q", "/a", "q"),
    ],
)
def test_a_target_is_a_path_and_a_query(target: bytes, path: str, query: str) -> None:
    environ = {"REQUEST_METHOD": "GET"}
    add_target(environ, target)
    assert (environ["PATH_INFO"], environ["QUERY_STRING"]) == (path, query)


@pytest.mark.parametrize("target", [b"*", b"a", b"ftp://a/b", b"http:///a"])
def test_what_is_no_target_is_refused(target: bytes) -> None:
    with pytest.raises(Refusal):
        add_target({"REQUEST_METHOD": "GET"}, target)
