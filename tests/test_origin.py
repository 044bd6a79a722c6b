"""Difference 19: which web pages may talk to the exchange."""

import pytest

from disorderbook.origin import is_foreign


@pytest.mark.parametrize("origin", [
    None, "http://localhost", "http://localhost:3000", "https://127.0.0.1:8000",
    "http://127.8.9.1", "http://[::1]:8000", "http://LOCALHOST:1", "http://app.localhost",
])
def test_pages_of_this_machine_are_welcome(origin: str | None) -> None:
    assert not is_foreign(origin, "127.0.0.1:8000")


@pytest.mark.parametrize("origin", [
    "http://evil.example", "https://localhost.evil.example", "null", "", "http://", "nonsense",
    "http://127.0.0.1.evil.example", "http://[::1", "http://10.0.0.1", "file://",
    "http://evil.example:8000", "http://localhost@evil.example",
])
def test_other_pages_are_foreign(origin: str) -> None:
    assert is_foreign(origin, "127.0.0.1:8000")
    assert is_foreign(origin, None)
    assert is_foreign("http://none", None)


def test_the_servers_own_page_is_welcome_by_whatever_name_it_was_called() -> None:
    assert not is_foreign("https://trade.example", "trade.example:8000")
    assert not is_foreign("http://Trade.Example:8000", "trade.example")
    assert is_foreign("https://other.example", "trade.example")
