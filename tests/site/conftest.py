"""One browser serves all tests of a file. (Longer it would keep the loops of other tests away.)"""

from collections.abc import Iterator

import pytest
from browser import Open, browser_to_test_in, opener
from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browser_to_test_in() as browser:
        yield browser


@pytest.fixture
def open_url(browser: Browser) -> Iterator[Open]:
    """Opens pages, none of which may complain."""
    with opener(browser) as open_url:
        yield open_url
