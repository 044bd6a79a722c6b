"""What is said of the fields of bodies and answers."""

from collections.abc import Iterable

from reading import Element, Page

from disorderbook.site.description import (
    Description,
    Operation,
    description_text,
    fields_of,
    name_of,
)
from disorderbook.site.documentation import field_rows, parameter_rows, render
from disorderbook.site.examples import Setup

DESCRIPTION = Description(description_text(has_control=True))
SETUP = Setup("TESTEX", "FOOBAR", needs_keys=False, extra=False, has_control=True)
SCHEMAS = DESCRIPTION.document["components"]["schemas"]


def page_of_table(rows: Iterable[tuple[str, str, str]]) -> Element:
    return Page(render("table", SETUP, headings=("A", "B", "C"), rows=rows)).root


def text_of_parameters(operation: Operation) -> str:
    return page_of_table(parameter_rows(operation)).text


def rows(name: str) -> dict[str, tuple[str, str]]:
    """Type and meaning of the fields of an object, as shown."""
    table = page_of_table(field_rows(SCHEMAS[name], DESCRIPTION))
    shown = {}
    for row in table.first("tbody").all("tr"):
        kind, meaning = (cell.text for cell in row.all("td"))
        shown[row.first("th").text] = kind, meaning
    return shown


def test_types_are_told_in_words() -> None:
    order = rows("Order")
    assert order["ok"][0] == "always true"
    assert order["direction"][0] == "buy, sell"
    assert order["fills"][0] == "list of Fill"
    assert order["id"][0] == "integer" and order["open"][0] == "boolean"
    assert rows("NewOrder")["qty"][0] == "integer or string"
    assert rows("Instance")["details"][0] == "TradingDays, optional"
    assert rows("Done")["error"][0] == 'always ""' and rows("Error")["ok"][0] == "always false"


def test_what_may_be_absent_is_said_to_be() -> None:
    quote = rows("Quote")
    assert quote["bid"][0] == "integer, optional" and quote["bidSize"][0] == "integer"


def test_every_field_has_a_meaning() -> None:
    for schema in SCHEMAS.values():
        if "properties" in schema:
            assert all(field.description for field in fields_of(schema, DESCRIPTION))


def test_every_object_is_explained_once_and_every_link_leads_to_one() -> None:
    page = Page(render("objects", SETUP))
    for name, schema in SCHEMAS.items():
        assert (f"schema-{name}" in page.ids) == ("properties" in schema and name != "NewOrder")
    for link in page.root.all("a"):
        assert link.attributes["href"].removeprefix("#") in page.ids


def test_parameters_are_shown_with_what_they_may_be() -> None:
    operations = {o.id: o for o in DESCRIPTION.operations()}
    text = text_of_parameters(operations["getScores"])
    assert "For example TESTEX." in text and "One of json, csv." in text and "query" in text


def test_bounds_and_defaults_of_a_query_are_shown() -> None:
    operation = next(o for o in DESCRIPTION.operations() if o.id == "getScores")._replace(
        parameters=[
            {
                "name": "limit",
                "in": "query",
                "description": "The most.",
                "example": 10,
                "schema": {"type": "integer", "maximum": 500, "default": 100},
            }
        ],
    )
    text = text_of_parameters(operation)
    assert "The most. For example 10. At most 500. Without it: 100." in text


def test_an_object_is_named_by_its_reference() -> None:
    assert name_of({"$ref": "#/components/schemas/Order"}) == "Order" and name_of({}) == ""
