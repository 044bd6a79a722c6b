"""Starts the browser of this machine, headless, for whatever looks at the pages."""

import json
import os
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

PATIENCE = 20_000  # milliseconds for a page to show something
SCREENS = {
    "phone": (390, 844),
    "desktop": (1440, 900),
    "small projector": (1280, 720),
    "projector": (1920, 1080),
}
# What the browser itself says of an answer that is a refusal, or of none, whatever the page does.
SAID_BY_ITSELF = ("ERR_CONNECTION", "the server responded with a status of 4")
SHARED = "shared-browser"
# The first one is a fraction of the others: it has no windows, which no test looks at.
NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)


def secured(is_secure: bool) -> str:
    """A script that makes a page take itself for one of https or this machine, or of neither."""
    context = f"{{ value: {str(is_secure).lower()} }}"
    return f"Object.defineProperty(window, 'isSecureContext', {context})"


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
        pytest.skip("There is no browser (Debian: apt-get install chromium-headless-shell)")
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


Open = Callable[..., Page]


@contextmanager
def opener(context: BrowserContext) -> Iterator[Open]:
    """Opens pages, each with storage of its own; in the end none may have complained."""
    pages: list[Page] = []
    complaints: list[str] = []

    def open_page(
        url: str,
        screen: str = "desktop",
        scheme: Any = "light",
        script: str = "",
        ready: str = "#connection[data-state=live]",
    ) -> Page:
        page = context.new_page()
        pages.append(page)
        page.set_default_timeout(PATIENCE)
        page.add_init_script(script)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text))
        set_look(page, screen, scheme)
        page.goto(url)
        page.wait_for_selector(ready)
        return page

    yield open_page
    for page in pages:
        page.close()
    context.clear_cookies()
    assert [said for said in complaints if not any(own in said for own in SAID_BY_ITSELF)] == []


def set_look(page: Page, screen: str, scheme: Any) -> None:
    """Give a page one of SCREENS, "light" or "dark"."""
    width, height = SCREENS[screen]
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme)


class SharedBrowser:
    """A plugin that keeps one browser for tests in a row that need it, since its start costs the
    processor two seconds. (Longer it would keep the loops of other tests away.)
    """

    def __init__(self, config: pytest.Config) -> None:
        with ExitStack() as running:
            self.browser = running.enter_context(browser_to_test_in())
            self._running = running.pop_all()
        self._plugins = config.pluginmanager
        self._plugins.register(self, SHARED)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(
        self, nextitem: pytest.Item | None
    ) -> Generator[None, object, object]:
        try:
            return (yield)
        finally:
            if "browser" not in getattr(nextitem, "fixturenames", ()):
                self._close()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self) -> Generator[None, object, object]:
        """A run may end before its last test."""
        try:
            return (yield)
        finally:
            self._close()

    def _close(self) -> None:
        if self._plugins.unregister(name=SHARED) is not None:
            self._running.close()


@pytest.fixture(scope="module")
def browser(pytestconfig: pytest.Config) -> Browser:
    """What SharedBrowser keeps."""
    shared = pytestconfig.pluginmanager.get_plugin(SHARED) or SharedBrowser(pytestconfig)
    assert isinstance(shared, SharedBrowser)
    return shared.browser


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One for all pages of a file, since each costs the processor a second."""
    with browser.new_context(permissions=["clipboard-read", "clipboard-write"]) as context:
        yield context


@pytest.fixture
def open_url(context: BrowserContext) -> Iterator[Open]:
    """Opens pages, none of which may complain."""
    with opener(context) as open_url:
        yield open_url


def check_looks(page: Page, screen: str, scheme: str) -> None:
    """Nothing scrolls sideways, the ground is light or dark, and axe finds nothing."""
    assert page.evaluate("document.documentElement.scrollWidth") == SCREENS[screen][0]
    red, *_ = json.loads(
        page.evaluate(
            "getComputedStyle(document.body).backgroundColor.replace('rgb(', '[').replace(')', ']')"
        )
    )
    assert (red > 128) == (scheme == "light")
    assert faults(page) == []


def faults(page: Page, **options: Any) -> list[tuple[str, str, str]]:
    """What axe finds; it would take several times as long to describe whatever is right."""
    found = Axe().run(page, options={"resultTypes": ["violations"], **options})
    return [
        (fault["id"], fault["help"], fault["nodes"][0]["html"])
        for fault in found.response["violations"]
    ]
