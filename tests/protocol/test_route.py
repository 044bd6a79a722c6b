"""What a route gets and gives."""

import pytest

from disorderbook.errors import TooManyParameters
from disorderbook.protocol.route import MAX_PARAMETERS, Request, page


def test_a_parameter_is_what_the_query_says_first() -> None:
    request = Request("GET", "/", None, "", b"", "a=b%20c&a=d&e=&f")
    assert [request.parameter(name) for name in "aefg"] == ["b c", "", "", None]


def test_a_query_with_too_many_parameters_is_refused() -> None:
    Request("GET", "/", None, "", b"", "&".join(["a=b"] * MAX_PARAMETERS)).parameter("a")
    with pytest.raises(TooManyParameters):
        Request("GET", "/", None, "", b"", "&".join(["a=b"] * (MAX_PARAMETERS + 1))).parameter("a")


def test_a_page_is_html_in_utf_8() -> None:
    content, kind, status, headers = page("ü", "404 Not Found")
    assert (content, status, headers) == ("ü".encode(), "404 Not Found", ())
    assert kind == "text/html; charset=UTF-8"
