"""The tests of pages have a browser."""

from browser import browser, open_url

__all__ = ["browser", "open_url"]
