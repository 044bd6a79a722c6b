"""The page at /docs: everything a client needs to know, made from the OpenAPI description.

The page is written by the templates beside this module. They escape every text; only `prose`, which
escapes what it marks up, goes into the page as it is. Its script and style are those of `static/`,
and without the script it can be read, and its parts unfolded, all the same.
"""

import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from html import escape
from typing import Any

from disorderbook.engine.orders import ORDER_TYPE_NAMES
from disorderbook.protocol.names import JSON
from disorderbook.site import examples
from disorderbook.site.description import (
    SUCCESS,
    Description,
    Node,
    Operation,
    RefusalEntry,
    common_refusals,
    description_text,
    examples_of,
    execution_fields,
    fields_of,
    names_of,
    refusals_in,
    refusals_of,
)
from disorderbook.site.examples import ORIGIN, TAPE_ORIGIN, Call, Setup
from disorderbook.site.frame import framed

WIDTH = 76  # characters of a line of JSON
DEFAULT_HOST = "127.0.0.1:8000"
PAGES_KEPT = 4  # an exchange needs one
SHOWN_APART = {"NewOrder"}  # explained where it is posted
NOWHERE = f"{ORIGIN}/ob/api/nowhere"
UNKNOWN_PATH = Call("", f"curl '{NOWHERE}'", "404", JSON, "", examples.python_call("GET", NOWHERE))

# Answers that belong to no route.
_ELSEWHERE = {"400": "IllegalHost", "404": "NoSuchPath", "405": "WrongMethod", "415": "EncodedBody"}
_HOST = re.compile(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")
_MARKS = re.compile(
    r"`(?P<code>[^`]+)`|\*\*(?P<strong>[^*]+)\*\*|\[(?P<link>[^\]]+)\]\((?P<target>#[\w-]+)\)"
)
_BETWEEN_PARTS = re.compile(r"(?<=\.)|(?<=.)(?=/)")


def docs_page(host: str, setup: Setup) -> str:
    """The page for a client that calls the exchange `host`, such as 127.0.0.1:8000."""
    return with_origin(_page_without_host(setup), host)


def with_origin(page: str, host: str) -> str:
    """A page whose lines name the exchange as its client does. A host that no address could have is
    replaced by the usual one.
    """
    found = _HOST.fullmatch(host) or _HOST.fullmatch(DEFAULT_HOST)
    assert found is not None
    # The page's script corrects the origins where a proxy has changed them.
    for origin, scheme in ((ORIGIN, "http"), (TAPE_ORIGIN, "ws")):
        own = f'<span class="origin">{escape(f"{scheme}://{found[0]}")}</span>'
        page = page.replace(origin, own)
    return page


@lru_cache(maxsize=PAGES_KEPT)
def _page_without_host(setup: Setup) -> str:
    return render("documentation", setup)


def render(template: str, setup: Setup, **values: object) -> str:
    """What a template makes of the description, of `setup`, and of values of its own."""
    description = Description(description_text(setup.has_control, setup.has_admin_key))
    operations = list(description.operations())
    return framed(
        template,
        has_control=setup.has_control,
        has_admin_key=setup.has_admin_key,
        **_VOCABULARY,
        setup=setup,
        description=description,
        groups=[
            (tag, [operation for operation in operations if operation.tag == tag["name"]])
            for tag in description.document["tags"]
        ],
        common=common_refusals(operations),
        **values,
    )


def prose(text: str) -> str:
    """HTML of a text that marks `code`, **strong** words and [links](#into-the-page). A narrow
    screen may break code between the parts of a path or of a name with dots.
    """
    pieces, end = [], 0
    for found in _MARKS.finditer(text):
        pieces += [escape(text[end : found.start()]), _marked(found)]
        end = found.end()
    return "".join([*pieces, escape(text[end:])])


def _marked(found: re.Match[str]) -> str:
    if found["code"]:
        return f"<code>{'<wbr>'.join(map(escape, _BETWEEN_PARTS.split(found['code'])))}</code>"
    if found["strong"]:
        return f"<strong>{escape(found['strong'])}</strong>"
    return f'<a href="{escape(found["target"])}">{escape(found["link"])}</a>'


def pretty(value: Any, indent: str = "") -> str:
    """JSON for people: what fits into a line stays on one."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(line) <= WIDTH or not isinstance(value, dict | list):
        return line
    deeper = indent + "  "
    if isinstance(value, dict):
        parts = [
            f"{json.dumps(key, ensure_ascii=False)}: {pretty(member, deeper)}"
            for key, member in value.items()
        ]
    else:
        parts = [pretty(member, deeper) for member in value]
    start, end = "{}" if isinstance(value, dict) else "[]"
    return start + "\n" + ",\n".join(deeper + part for part in parts) + "\n" + indent + end


def objects(description: Description) -> Iterator[tuple[str, Node]]:
    """Every object that answers are made of, with its name."""
    for name, schema in description.document["components"]["schemas"].items():
        if "properties" in schema and name not in SHOWN_APART:
            yield name, schema


def field_rows(schema: Node, description: Description) -> Iterator[tuple[str, str, str]]:
    """The fields of an object: name, type and meaning, as prose."""
    for field in fields_of(schema, description):
        optional = "" if field.is_required else ", optional"
        yield f"`{field.name}`", field.type + optional, field.description


def parameter_rows(operation: Operation) -> Iterator[tuple[str, str, str]]:
    """What stands in a route's path and query: name, place and meaning, as prose."""
    for node in operation.parameters:
        yield f"`{node['name']}`", node["in"], node["description"] + _choices(node)


def _choices(node: Node) -> str:
    """What a parameter may be, and what it is when it is left out."""
    schema, said = node["schema"], ""
    if "enum" in schema:
        said += f" One of {', '.join(f'`{word}`' for word in schema['enum'])}."
    elif examples_of(node):
        said += f" For example `{examples_of(node)[0][1]}`."
    if node["in"] == "query" and "maximum" in schema:
        said += f" At most `{schema['maximum']}`."
    if "default" in schema:
        said += f" Without it: `{schema['default']}`."
    return said


def refusal_rows(refusals: Iterable[RefusalEntry]) -> Iterator[tuple[str, str, str]]:
    """Statuses, sentences and reasons, as prose."""
    for status, sentence, reason in sorted(refusals, key=lambda refusal: refusal.status):
        yield status, f"`{sentence}`", reason


def rule_rows(
    rules: Iterable[examples.RuleRow], description: Description
) -> Iterator[tuple[str, str, str, str]]:
    """Where a rule of the market holds, its name, its value, and what it means."""
    fields = description.document["components"]["schemas"]["MarketRules"]["properties"]
    for where, name, value in rules:
        yield where, name, value, fields[name]["description"]


def refusals_elsewhere(description: Description) -> list[RefusalEntry]:
    """Those that belong to no route."""
    responses = description.document["components"]["responses"]
    return [
        refusal
        for status, name in _ELSEWHERE.items()
        for refusal in refusals_in(status, responses[name])
    ]


_VOCABULARY: dict[str, object] = {
    "JSON": JSON,
    "SUCCESS": SUCCESS,
    "UNKNOWN_PATH": UNKNOWN_PATH,
    "FIELDS": ("Field", "Type", "Meaning"),
    "PARAMETERS": ("Parameter", "Where", "Meaning"),
    "REFUSALS": ("Status", "Sentence", "When"),
    "ORDER_TYPE_NAMES": ORDER_TYPE_NAMES,
    "PAGES": examples.PAGES,
    "json": json.dumps,
    "examples": examples,
    "prose": prose,
    "paragraphs": lambda text: text.split("\n\n"),
    "pretty": pretty,
    "examples_of": examples_of,
    "names_of": names_of,
    "objects": objects,
    "field_rows": field_rows,
    "parameter_rows": parameter_rows,
    "refusals_of": refusals_of,
    "refusal_rows": refusal_rows,
    "rule_rows": rule_rows,
    "refusals_elsewhere": refusals_elsewhere,
    "execution_fields": execution_fields,
}
"""What the templates may say, besides what they are given."""
