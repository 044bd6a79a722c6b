"""The URLs of the exchange and of its tape."""

import pytest

from disorderbook.client.network import api_address, encoded, is_this_machine, tape_addresses


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000",
        "http://127.0.0.1:8000/",
        "http://127.0.0.1:8000/ob/api",
        "http://127.0.0.1:8000/ob/api/",
    ],
)
def test_the_host_or_the_api_can_be_named(url: str) -> None:
    assert api_address(url) == "http://127.0.0.1:8000/ob/api"


def test_behind_a_proxy_the_api_may_be_anywhere() -> None:
    assert api_address("https://example.com/market/") == "https://example.com/market"
    told = tape_addresses("wss://example.com/tape", "https://example.com")
    assert told == ("wss://example.com/tape",)


@pytest.mark.parametrize(
    "url, tapes",
    [
        (
            "http://127.0.0.1:9000",
            ("ws://127.0.0.1:9000/ob/api/ws", "ws://127.0.0.1:8001/ob/api/ws"),
        ),
        ("http://[::1]:80/ob/api/", ("ws://[::1]:80/ob/api/ws", "ws://[::1]:8001/ob/api/ws")),
        ("https://localhost", ("wss://localhost/ob/api/ws",)),
        ("https://example.com", ("wss://example.com/ob/api/ws",)),
        ("http://example.com:8000", ("ws://example.com:8000/ob/api/ws",)),
        ("https://example.com:8443/market/", ("wss://example.com:8443/market/ws",)),
    ],
)
def test_the_tape_is_sought_below_the_api_and_on_this_machine_at_port_8001(
    url: str, tapes: tuple[str, ...]
) -> None:
    assert tape_addresses(None, url) == tapes


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8000",
        "ftp://127.0.0.1",
        "http://",
        "http://:8000",
        "http://host:port",
        "http://host:0",
        "http://host/?query",
        "http://[",
        "ws://127.0.0.1:8001",
    ],
)
def test_what_is_no_address_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(ValueError, match="no address of an exchange, like http://127.0.0.1:8000"):
        api_address(url)
    with pytest.raises(ValueError, match="no address of an exchange, like http"):
        tape_addresses(None, url)


def test_a_tape_is_no_website() -> None:
    with pytest.raises(ValueError, match="like ws://127.0.0.1:8001"):
        tape_addresses("http://127.0.0.1:8001", "http://127.0.0.1:8000")


@pytest.mark.parametrize(
    "name, part",
    [
        ("FOOBAR", "FOOBAR"),
        ("A B", "A%20B"),
        ("a/b", "a%2Fb"),
        ("50%?#", "50%25%3F%23"),
        ("日本", "%E6%97%A5%E6%9C%AC"),
        ("...", "..."),
    ],
)
def test_a_name_is_encoded_whatever_it_consists_of(name: str, part: str) -> None:
    assert encoded(name) == part


@pytest.mark.parametrize("name", ["", ".", "..", "\udcff"])
def test_what_means_something_else_in_a_url_is_no_name(name: str) -> None:
    with pytest.raises(ValueError):
        encoded(name)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.2",
        "127.255.255.254",
        "127.1",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "exchange.localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
    ],
)
def test_this_machine_is_known_by_its_names(host: str) -> None:
    assert is_this_machine(f"http://{host}:8000") and is_this_machine(f"ws://{host}/a")


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "128.0.0.1",
        "10.0.0.1",
        "[::2]",
        "[::ffff:10.0.0.1]",
        "localhost.example.com",
        "mylocalhost",
        "127.0.0.1.example.com",
        "127.0.0.1.nip.io",
    ],
)
def test_other_machines_are_not_taken_for_it(host: str) -> None:
    assert not is_this_machine(f"http://{host}:8000")
