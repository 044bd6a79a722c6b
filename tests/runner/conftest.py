"""One exchange serves all tests, each test trading on a venue of its own."""

import itertools
from collections.abc import Iterator

import pytest
from live import Exchange, running

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def exchange() -> Iterator[Exchange]:
    """Without authentication, with more books than the tests open."""
    with running("-b", "1000") as exchange:
        yield exchange


@pytest.fixture
def venue() -> str:
    """A venue on which nobody has traded yet."""
    return f"VENUE{next(_numbers)}"
