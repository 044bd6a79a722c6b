"""The frame of all pages."""

import re
from importlib.resources import files

import pytest
from administered import administered
from wsgi import Client

PLACES = re.compile(r'<a href="([^"]+)" aria-current="(page|false)">')
EVERYWHERE = ["/", "/venues", "/scores", "/levels"]


SITE = files("disorderbook.site")


def test_every_page_that_has_a_script_tells_the_notices() -> None:
    pages = [page.read_text(encoding="utf-8") for page in (SITE / "templates").iterdir()]
    scripts = {name for page in pages for name in re.findall(r"rebase\(.* script='(\w+)'", page)}
    assert scripts >= {"page", "instance", "levels", "account", "control", "admin", "documentation"}
    for name in scripts | {"scores"}:
        script = (SITE / "static" / f"{name}.js").read_text(encoding="utf-8")
        assert len(re.findall(r"^ *attendNotices\(", script, re.MULTILINE)) == 1, name


def test_no_keyboard_of_a_phone_changes_a_key_or_a_name() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in (SITE / "templates").iterdir())
    fields = re.findall(r"<input [^>]*>", pages)
    exact = [
        field for field in fields if re.search(r"key\b|account|venue|symbol|stands-for", field)
    ]
    assert len(exact) >= 8
    for field in exact:
        assert 'autocapitalize="none" autocorrect="off"' in field, field


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
