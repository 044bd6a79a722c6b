"""The URLs of the exchange and of its tape."""

import pytest

from disorderbook.client.addresses import api_address, encoded, is_this_machine, tape_address


@pytest.mark.parametrize("url", [
    "http://127.0.0.1:8000", "http://127.0.0.1:8000/", "http://127.0.0.1:8000/ob/api",
    "http://127.0.0.1:8000/ob/api/",
])
def test_the_host_or_the_api_can_be_named(url: str) -> None:
    assert api_address(url) == "http://127.0.0.1:8000/ob/api"


def test_behind_a_proxy_the_api_may_be_anywhere() -> None:
    assert api_address("https://example.com/market/") == "https://example.com/market"
    assert tape_address("wss://example.com/tape", "https://example.com") == "wss://example.com/tape"


@pytest.mark.parametrize("url, tape", [
    ("http://127.0.0.1:8000", "ws://127.0.0.1:8001/ob/api/ws"),
    ("http://[::1]:80/ob/api/", "ws://[::1]:8001/ob/api/ws"),
    ("https://example.com", "wss://example.com:8001/ob/api/ws"),
])
def test_the_tape_is_on_port_8001_unless_it_is_said(url: str, tape: str) -> None:
    assert tape_address(None, url) == tape


@pytest.mark.parametrize("url", [
    "", "127.0.0.1:8000", "ftp://127.0.0.1", "http://", "http://:8000", "http://host:port",
    "http://host:0", "http://host/?query", "http://[", "ws://127.0.0.1:8001",
])
def test_what_is_no_address_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(ValueError, match="no address of an exchange, like http://127.0.0.1:8000"):
        api_address(url)
    with pytest.raises(ValueError, match="no address of an exchange, like http"):
        tape_address(None, url)


def test_a_tape_is_no_website() -> None:
    with pytest.raises(ValueError, match="like ws://127.0.0.1:8001"):
        tape_address("http://127.0.0.1:8001", "http://127.0.0.1:8000")


@pytest.mark.parametrize("name, part", [
    ("FOOBAR", "FOOBAR"), ("A B", "A%20B"), ("a/b", "a%2Fb"), ("50%?#", "50%25%3F%23"),
    ("日本", "%E6%97%A5%E6%9C%AC"), ("...", "..."),
])
def test_a_name_is_encoded_whatever_it_consists_of(name: str, part: str) -> None:
    assert encoded(name) == part


@pytest.mark.parametrize("name", ["", ".", "..", "\udcff"])
def test_what_means_something_else_in_a_url_is_no_name(name: str) -> None:
    with pytest.raises(ValueError):
        encoded(name)


def test_this_machine_is_known_by_its_names() -> None:
    for host in ("127.0.0.1", "localhost", "[::1]"):
        assert is_this_machine(f"http://{host}:8000") and is_this_machine(f"ws://{host}:8001/a")
    assert not is_this_machine("http://example.com")
