"""The routes of the pages for people."""

import pytest
import requests
from wsgi import Client

from disorderbook.in_process import serve

FILES = {
    "/static/page.js": "javascript",
    "/static/market.js": "javascript",
    "/static/page.css": "css",
}


@pytest.mark.parametrize("path", FILES)
def test_what_the_page_is_made_of_is_asked_for_again_each_time(path: str) -> None:
    answer = Client()("GET", path)
    assert answer.status == 200 and FILES[path] in answer.headers["Content-Type"]
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("name", ["nothing.js", "index.html", "..", "__init__.py"])
def test_nothing_else_is_a_part_of_the_pages(name: str) -> None:
    assert Client()("GET", f"/static/{name}").error == (404, "No such path")


def test_an_instance_has_a_page_and_nothing_else_below_it_has() -> None:
    client = Client()
    pages = {client("GET", f"/levels/{number}").body for number in (1, 123456789012345678)}
    assert len(pages) == 1 and b"<html" in pages.pop()
    for name in ("0", "-1", "01", "x", "1" * 19):
        assert client("GET", f"/levels/{name}").error == (404, "No such level instance")


def test_where_time_stands_still_the_front_page_has_a_line_that_moves_it() -> None:
    said = "Time stands still here"
    assert said not in Client()("GET", "/").body.decode()
    with serve(clock="stepped", admin_key="a key") as exchange:
        page = requests.get(exchange.url).text
    assert said in page and 'id="command-clock" data-key="ADMIN_KEY"' in page


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/levels",
        "/levels/1",
        "/accounts/A",
        "/scores",
        "/venues",
        "/venues/V",
        "/docs",
        "/ob/api/",
    ],
)
def test_nothing_on_a_page_may_come_from_elsewhere(path: str) -> None:
    headers = Client()("GET", path).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self'; connect-src 'self'; ")
    assert "unsafe" not in policy and headers["X-Content-Type-Options"] == "nosniff"
