"""The routes of the pages for people."""

import pytest
from wsgi import Client

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


def test_nothing_on_the_front_page_may_come_from_elsewhere() -> None:
    policy = Client()("GET", "/").headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self'; connect-src 'self'; ")


@pytest.mark.parametrize("name", ["nothing.js", "index.html", "..", "__init__.py"])
def test_nothing_else_is_a_part_of_the_pages(name: str) -> None:
    assert Client()("GET", f"/static/{name}").error == (404, "No such path")
