"""One browser serves all tests of a file. (Longer it would keep the loops of other tests away.)"""

from collections.abc import Iterator

import pytest
from browser import browser_to_test_in
from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browser_to_test_in() as browser:
        yield browser
