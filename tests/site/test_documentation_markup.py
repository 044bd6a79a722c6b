"""What becomes of text on its way into HTML."""

import json
import re
from importlib.resources import files
from importlib.resources.abc import Traversable

import pytest
from reading import Page

from disorderbook.site.documentation import WIDTH, pretty, prose, render
from disorderbook.site.examples import Call, Setup

SETUP = Setup("TESTEX", "FOOBAR", needs_keys=False, extra=False)
TEMPLATES = sorted((files("disorderbook.site") / "templates").iterdir(), key=str)
RAW = {"base", "text", "title"}  # that the package wrote itself


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_templates_leave_nothing_unescaped_but_prose(template: Traversable) -> None:
    for expression in re.findall(r"\{\{!(.*?)\}\}", template.read_text(encoding="utf-8")):
        assert expression in RAW or re.fullmatch(r"(prose|markdown)\(.*\)", expression), expression


def test_text_and_attributes_are_escaped() -> None:
    shown = render("call", SETUP, call=Call("", "<i>&", "200", "<b>"), name='"><u>')
    assert "<code>&lt;i&gt;&amp;</code>" in shown and "<b>&lt;b&gt;</b>" in shown
    assert 'data-name="&quot;&gt;&lt;u&gt;"' in shown


def test_prose_knows_code_strong_words_and_links() -> None:
    assert prose("a `b<` and **c**.") == "a <code>b&lt;</code> and <strong>c</strong>."
    assert prose("`unclosed <i>") == "`unclosed &lt;i&gt;"
    assert prose("list of [<A>](#a-b)") == 'list of <a href="#a-b">&lt;A&gt;</a>'
    assert prose("[x](javascript:alert)") == "[x](javascript:alert)"


def test_code_may_break_between_the_parts_of_a_name_only() -> None:
    assert prose("`/a/{b}`") == "<code>/a<wbr>/{b}</code>"
    assert prose("`a[].<b>`") == "<code>a[].<wbr>&lt;b&gt;</code>"
    assert prose("`plain`") == "<code>plain</code>"


def test_the_first_column_of_a_table_names_its_rows() -> None:
    shown = render("table", SETUP, headings=("A", "<B>"), rows=[("<1>", "2")])
    assert '<th scope="row">&lt;1&gt;</th><td>2</td>' in shown
    headings = [heading.text for heading in Page(shown).root.first("thead").all("th")]
    assert headings == ["A", "<B>"]


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        "é",
        1,
        {"a": 1},
        {"a": [1, {"b": "x" * 80}], "c": {}},
        [["y" * 50], ["z" * 50]],
    ],
)
def test_pretty_json_says_the_same(value: object) -> None:
    assert json.loads(pretty(value)) == value


def test_what_fits_into_a_line_stays_on_one() -> None:
    assert pretty({"a": [1, 2]}) == '{"a": [1, 2]}'
    long = pretty({"a": "x" * WIDTH, "b": [1, 2]})
    assert long.splitlines() == ["{", f'  "a": "{"x" * WIDTH}",', '  "b": [1, 2]', "}"]
