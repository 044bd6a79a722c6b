"""The page at /docs: everything a client needs to know, made from the OpenAPI description."""

import re
from functools import lru_cache
from html import escape
from importlib.resources import files

from disorderbook.docs.curl import ORIGIN, YOUR_ACCOUNT, YOUR_KEY, Setup
from disorderbook.docs.description import Description, Operation, description_text
from disorderbook.docs.fields import objects_section
from disorderbook.docs.markup import Markup, element, joined, paragraphs, prose
from disorderbook.docs.order_types import order_types_section
from disorderbook.docs.routes import (
    common_refusals, curl_block, method_mark, refusals_in, refusals_table, route_article,
)
from disorderbook.docs.tape import TAPE_ORIGIN, tape_section
from disorderbook.messages import ORDER_TYPE_NAMES

DEFAULT_HOST = "127.0.0.1:8000"
PAGES_KEPT = 4  # an exchange needs one

_HOST = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")
# Answers that belong to no route.
_ELSEWHERE = {"400": "IllegalHost", "404": "NoSuchPath", "405": "WrongMethod", "415": "EncodedBody"}
_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'">
<link rel="icon" href="data:,">
<title>disorderBook: documentation</title>
<style>
{style}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the text</a>
{body}
<script>
{script}</script>
</body>
</html>
"""


def docs_page(host: str, setup: Setup) -> str:
    """The page for a client that calls the exchange `host`, such as 127.0.0.1:8000. A host that
    no address could have is replaced by the usual one.
    """
    found = _HOST.fullmatch(host) or _HOST.fullmatch(DEFAULT_HOST)
    assert found is not None
    return (
        _page_without_host(setup)
        .replace(ORIGIN, escape(f"http://{found[0]}"))
        .replace(TAPE_ORIGIN, escape(f"ws://{found['name']}"))
    )


@lru_cache(maxsize=PAGES_KEPT)
def _page_without_host(setup: Setup) -> str:
    description = Description(description_text())
    operations = list(description.operations())
    groups = {
        tag["name"]: [o for o in operations if o.tag == tag["name"]]
        for tag in description.document["tags"]
    }
    body = joined(
        _contents(groups),
        element("main", _introduction(description, setup), _routes(description, groups, setup),
                _refusals(description, operations), order_types_section(), tape_section(setup),
                objects_section(description), id="content"),
        element("p", role="status", class_="unseen"),
    )
    style, shells, script = (
        (files("disorderbook") / name).read_text(encoding="utf-8")
        for name in ("docs/page.css", "web/shell.js", "docs/page.js")
    )
    return _HEAD.format(style=style, body=_with_origins(body), script=shells + script)


def _with_origins(body: str) -> str:
    """The page's script corrects the origin where a proxy has changed it."""
    return body.replace(ORIGIN, f'<span class="origin">{ORIGIN}</span>')


def _introduction(description: Description, setup: Setup) -> Markup:
    info = description.document["info"]
    return element(
        "section",
        element("h1", "disorderBook"),
        element("p", info["summary"], class_="summary"),
        element("p", *_about_lines(setup)),
        _shells(),
        _key_fields() if setup.needs_keys else Markup(),
        paragraphs(info["description"]),
        element("p", "For programs, all routes below are in ",
                element("a", "openapi.json", href="/openapi.json"), ". See also ",
                element("a", "the front page", href="/"), "."),
        id="introduction",
    )


def _about_lines(setup: Setup) -> list[Markup]:
    lines = [prose(
        "Every line that begins with `curl` can be pasted into a terminal as it is. They work from "
        "top to bottom on an exchange that has just been started; after that, put in the ids that "
        "your own answers name. "
    )]
    if setup.needs_keys:
        lines.append(prose(
            f"**This exchange needs keys**: put your account for `{YOUR_ACCOUNT}` and its key for "
            f"`{YOUR_KEY}`."
        ))
    return lines


def _shells() -> Markup:
    """Where a reader on Windows, to whom the page's script shows it, chooses a shell."""
    return element(
        "p", element("label", "The lines are for ", Markup(
            '<select><option value="powershell">PowerShell</option>'
            '<option value="cmd">the Command Prompt</option>'
            '<option value="posix">Git or WSL</option></select>'
        )),
        id="shell", hidden="",
    )


def _key_fields() -> Markup:
    """Where the page's script lets people write their account and key into every line."""
    account, key = (
        element("label", label, " ", Markup(
            f'<input type="text" data-stands-for="{placeholder}" autocomplete="off" '
            'spellcheck="false">'
        ))
        for label, placeholder in (("Account", YOUR_ACCOUNT), ("Key", YOUR_KEY))
    )
    return element(
        "p", account, " ", key, " They are put into the lines below and stay in this page.",
        id="mine", hidden="",
    )


def _routes(
    description: Description, groups: dict[str, list[Operation]], setup: Setup
) -> Markup:
    common = set(common_refusals(o for operations in groups.values() for o in operations))
    return joined(*(
        element(
            "section",
            element("h2", tag["name"].capitalize()), element("p", prose(tag["description"])),
            *(route_article(o, setup, description, common) for o in groups[tag["name"]]),
            id=f"tag-{tag['name']}",
        )
        for tag in description.document["tags"]
    ))


def _refusals(description: Description, operations: list[Operation]) -> Markup:
    responses = description.document["components"]["responses"]
    elsewhere = [
        refusal for status, name in _ELSEWHERE.items()
        for refusal in refusals_in(status, responses[name])
    ]
    return element(
        "section",
        element("h2", "Refusals of most routes"),
        element("p", prose(
            "A refusal is `{\"ok\": false, \"error\": \"...\"}` with one of these sentences, "
            "word for word, and has changed nothing."
        )),
        refusals_table(common_refusals(operations) + elsewhere),
        element("p", "To see one:"),
        curl_block(f"curl '{ORIGIN}/ob/api/nowhere'", "a refusal"),
        element("p", "answers ", element("b", "404"), " with ", element("b", "application/json"),
                class_="promise"),
        id="refusals",
    )


def _contents(groups: dict[str, list[Operation]]) -> Markup:
    """The table of contents."""
    sections = [_entry("introduction", "Introduction")]
    sections += [
        _entry(f"tag-{name}", name.capitalize(), [
            (o.id, joined(method_mark(o.method), " ", o.summary)) for o in operations
        ])
        for name, operations in groups.items()
    ]
    sections += [
        _entry("refusals", "Refusals of most routes"),
        _entry("order-types", "Order types", [
            (f"order-type-{name}", name) for name in ORDER_TYPE_NAMES.values()
        ]),
        _entry("tape", "The tape (websockets)"),
        _entry("objects", "Objects"),
    ]
    return element("nav", element(
        "details", element("summary", "Contents"), element("ul", *sections), open="",
    ), aria_label="Contents")


def _entry(target: str, text: str, below: list[tuple[str, str]] | None = None) -> Markup:
    link = element("a", text, href=f"#{target}")
    if not below:
        return element("li", link)
    return element("li", link, element("ul", *(_entry(*entry) for entry in below)))
