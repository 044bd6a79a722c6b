"""A fixture for tests of other people's bots; pytest finds it where disorderBook is installed."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from disorderbook.in_process import PrivateExchange


@pytest.fixture
def exchange() -> "Iterator[PrivateExchange]":
    """A fresh private exchange for each test: `exchange.url`, and `exchange.tape_url`."""
    from disorderbook.in_process import serve  # only the tests that use it pay for importing it

    with serve(websockets=True) as exchange:
        yield exchange
