"""What becomes of text on its way into HTML."""

import json

import pytest

from disorderbook.site.documentation import (
    WIDTH,
    Markup,
    breakable,
    element,
    joined,
    paragraphs,
    pretty,
    prose,
    table,
)


def test_text_is_escaped_and_markup_is_not() -> None:
    assert element("p", "<b>", Markup("<b></b>")) == "<p>&lt;b&gt;<b></b></p>"
    assert joined("&", element("i", "x")) == "&amp;<i>x</i>"


def test_attributes_are_escaped_and_may_stand_alone() -> None:
    shown = element("button", hidden="", class_='a"b', aria_label="<c>")
    assert shown == '<button hidden class="a&quot;b" aria-label="&lt;c&gt;"></button>'


def test_prose_knows_code_and_strong_words() -> None:
    assert prose("a `b<` and **c**.") == "a <code>b&lt;</code> and <strong>c</strong>."
    assert prose("`unclosed <i>") == "`unclosed &lt;i&gt;"
    assert paragraphs("a\n\nb") == "<p>a</p><p>b</p>"


def test_names_break_between_their_parts_only() -> None:
    assert breakable("/a/{b}") == "/a<wbr>/{b}"
    assert breakable("a[].<b>") == "a[].<wbr>&lt;b&gt;" and breakable("plain") == "plain"


def test_the_first_column_of_a_table_names_its_rows() -> None:
    shown = table(("A", "B"), [("<1>", "2")])
    assert '<th scope="row">&lt;1&gt;</th><td>2</td>' in shown
    assert '<th scope="col">A</th><th scope="col">B</th>' in shown


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
