"""Differences 19, 22 and 30: which web pages may talk to the exchange, and what it is called."""

import pytest

from disorderbook.errors import CrossSite, ForeignOrigin, IllegalHost, UnknownHost
from disorderbook.server.origin import HOSTS_REMEMBERED, OriginPolicy, host_name, is_foreign


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "http://localhost",
        "http://localhost:3000",
        "https://127.0.0.1:8000",
        "http://127.8.9.1",
        "http://[::1]:8000",
        "http://LOCALHOST:1",
        "http://app.localhost",
        "http://localhost.",
        "http://localhost/",
        "ws://127.0.0.1:8001",
        "http://[::ffff:7f00:1]:80",
    ],
)
def test_pages_of_this_machine_are_welcome(origin: str | None) -> None:
    assert not is_foreign(origin, "127.0.0.1:8000")


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "https://localhost.evil.example",
        "null",
        "",
        "http://",
        "nonsense",
        "http://127.0.0.1.evil.example",
        "http://[::1",
        "http://10.0.0.1",
        "file://",
        "http://evil.example:8000",
        "http://localhost@evil.example",
        r"http://127.0.0.1\.evil.example",
        r"http://evil.example\@127.0.0.1",
        r"http:\\127.0.0.1",
        r"http://localhost\evil.example",
        "http://evil.example@localhost",
        "http://localhost:x",
        "http://localhost:65536",
        "http://localhost:",
        "//localhost",
        "localhost",
        "ftp://localhost",
        "http://localhost http://evil.example",
        "http://localhost, http://evil.example",
        "http://localhost\n",
        " http://localhost",
        "http://localhost/evil",
        "http://localhost#",
        "http://localhost?",
        "http://127.1",
        "http://::1",
        "http://[127.0.0.1]",
        "http://[]",
        "http://%6cocalhost",
        "http://\u24db\u24deocalhost",
        "http://evillocalhost",
        "http:///",
    ],
)
def test_other_pages_are_foreign(origin: str) -> None:
    assert is_foreign(origin, "127.0.0.1:8000")
    assert is_foreign(origin, None)
    assert is_foreign("http://none", None)


def test_the_servers_own_page_is_welcome_by_whatever_name_it_was_called() -> None:
    assert not is_foreign("https://trade.example", "trade.example:8000")
    assert not is_foreign("http://Trade.Example:8000", "trade.example")
    assert is_foreign("https://other.example", "trade.example")


@pytest.mark.parametrize(
    "name, expected",
    [
        ("exchange.example", "exchange.example"),
        ("Exchange.EXAMPLE.", "exchange.example"),
        ("börse.example", "xn--brse-5qa.example"),
        ("10.0.0.1", "10.0.0.1"),
        ("my_box", "my_box"),
    ],
)
def test_an_allowed_host_is_compared_as_browsers_send_it(name: str, expected: str) -> None:
    assert host_name(name) == expected
    OriginPolicy([name]).check(f"{expected}:443", f"https://{expected}", None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://a.example",
        "a.example:80",
        "a b",
        "*.example",
        ".",
        "a..b",
        "-a",
        "a" * 64,
        ".".join(["a" * 60] * 5),
        "a/b",
        "a@b",
    ],
)
def test_what_is_no_host_name_cannot_be_allowed(text: str) -> None:
    with pytest.raises(ValueError, match="no host name"):
        host_name(text)
    with pytest.raises(ValueError, match="no host name"):
        OriginPolicy([text])


@pytest.mark.parametrize(
    "host, origin, site, refusal",
    [
        ("a b", "http://evil.example", "cross-site", IllegalHost),
        ("evil.example", "http://evil.example", "same-origin", UnknownHost),
        ("127.0.0.1", "http://evil.example", "cross-site", ForeignOrigin),
        ("127.0.0.1", None, "cross-site", CrossSite),
        (None, None, "cross-site", CrossSite),
    ],
)
def test_the_first_header_that_is_wrong_is_named(
    host: str | None, origin: str | None, site: str | None, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        OriginPolicy().check(host, origin, site)


def test_only_so_many_hosts_are_remembered() -> None:
    policy = OriginPolicy()
    for port in range(2 * HOSTS_REMEMBERED):
        policy.check(f"127.0.0.1:{port}", None, None)
    assert policy.is_known_host.cache_info().currsize == HOSTS_REMEMBERED
