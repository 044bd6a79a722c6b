"""The frame of all pages."""

import re

import pytest
from administered import administered
from wsgi import Client

PLACES = re.compile(r'<a href="([^"]+)" aria-current="(page|false)">')
EVERYWHERE = ["/", "/venues", "/scores", "/levels"]


@pytest.mark.parametrize("path", ["/", "/venues", "/levels", "/docs", "/ob/api/"])
def test_every_page_leads_to_all_that_are_there(path: str) -> None:
    with administered() as admin:
        for client, more in ((Client(), []), (admin, ["/admin"])):
            found = PLACES.findall(client("GET", path).body.decode())
            assert [place for place, _ in found] == [*EVERYWHERE, *more]
            assert [place for place, current in found if current == "page"] == [path] * (
                path in EVERYWHERE
            )
            assert all(client("GET", place).status == 200 for place in more)
    assert Client()("GET", "/admin").status == 404
