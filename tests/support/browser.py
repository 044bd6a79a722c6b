"""Starts the browser of this machine, headless, for whatever looks at the front page."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def installed_browser() -> str | None:
    """The path of a browser that Playwright can drive, if there is one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def browser_to_test_in() -> Iterator[Browser]:
    """Skips the test where no browser is installed; in CI that is a failure."""
    path = installed_browser()
    if path is None and os.environ.get("CI") == "true":
        pytest.fail("There is no browser, and CI must test the page in one")
    if path is None:
        pytest.skip("There is no browser (Debian: apt-get install chromium)")
    with running_browser(path) as browser:
        yield browser


@contextmanager
def running_browser(path: str) -> Iterator[Browser]:
    """Ends with the block. While it runs, this thread cannot run another asyncio loop."""
    # The sandbox of Chromium refuses to run for root, as whom containers often test.
    options = ["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=options)
        yield browser
        browser.close()
