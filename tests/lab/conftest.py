"""The tests of pages have a browser."""

from browser import browser, context, open_url

__all__ = ["browser", "context", "open_url"]
