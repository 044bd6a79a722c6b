"""What the fields of a body or an answer mean, read from its schema."""

from collections.abc import Iterator
from typing import NamedTuple

from disorderbook.docs.description import Description, Node, Operation, examples_of
from disorderbook.docs.markup import Markup, breakable, element, joined, pretty, prose, table

OPTIONAL = ", optional"
SHOWN_APART = {"NewOrder"}  # explained where it is posted


class Field(NamedTuple):
    """A field of an object; one inside of another is named after both."""

    name: str
    type: Markup
    is_required: bool
    description: str


def objects_section(description: Description) -> Markup:
    """Every object that answers are made of."""
    schemas = {
        name: schema for name, schema in description.document["components"]["schemas"].items()
        if "properties" in schema and name not in SHOWN_APART
    }
    return element(
        "section",
        element("h2", "Objects"),
        element("p", prose(
            "What the fields of answers mean. One that is optional is left out when there is "
            "nothing to say; no field is ever null."
        )),
        *(element("article", element("h3", name), element("p", prose(schema["description"])),
                  fields_table(schema, description), id=f"schema-{name}")
          for name, schema in schemas.items()),
        id="objects",
    )


def fields_table(schema: Node, description: Description) -> Markup:
    """The fields of an object, one a row."""
    return table(("Field", "Type", "Meaning"), [
        (element("code", breakable(field.name)),
         joined(field.type, "" if field.is_required else OPTIONAL), prose(field.description))
        for field in fields_of(schema, description)
    ])


def fields_of(schema: Node, description: Description, before: str = "") -> Iterator[Field]:
    """The fields of an object, those of objects without a name inside of it included."""
    required = schema.get("required", [])
    for key, said in schema["properties"].items():
        node = description.resolve(said)
        yield Field(
            before + key, _type(said, description), key in required, node.get("description", ""),
        )
        items, name = (node.get("items", {}), "[].") if "items" in node else (said, ".")
        if "properties" in items and not name_of(items):
            yield from fields_of(items, description, before + key + name)


def parameters_table(operation: Operation, description: Description) -> Markup:
    """What stands in a route's path and query."""
    return table(("Parameter", "Where", "Meaning"), [
        (element("code", node["name"]), node["in"],
         joined(prose(node["description"]), _choices(node)))
        for node in operation.parameters
    ])


def name_of(schema: Node) -> str:
    """The name of the object that a schema refers to, "" if it describes one itself."""
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _choices(node: Node) -> Markup:
    """What a parameter may be, and what it is when it is left out."""
    schema, said = node["schema"], []
    if "enum" in schema:
        said.append(joined(" One of ", _alternatives(schema["enum"]), "."))
    elif examples_of(node):
        said.append(joined(" For example ", _code(examples_of(node)[0][1]), "."))
    if node["in"] == "query" and "maximum" in schema:
        said.append(joined(" At most ", _code(schema["maximum"]), "."))
    if "default" in schema:
        said.append(joined(" Without it: ", _code(schema["default"]), "."))
    return joined(*said)


def _type(said: Node, description: Description) -> Markup:
    node = description.resolve(said)
    if node.get("type") == "array":
        items = node.get("items", {})
        return joined("list of ", _type(items, description)) if items else joined("list")
    if "properties" in node and name_of(said):
        return element("a", name_of(said), href=f"#schema-{name_of(said)}")
    if "const" in node:
        return joined("always ", _code(node["const"]))
    if "enum" in node:
        return _alternatives(node["enum"])
    if "anyOf" in node:
        return joined(" or ".join(choice["type"] for choice in node["anyOf"]))
    return joined(node.get("type", "any"))


def _alternatives(words: list[object]) -> Markup:
    first, *others = map(_code, words)
    return joined(first, *(joined(", ", word) for word in others))


def _code(value: object) -> Markup:
    return element("code", value if isinstance(value, str) and value else pretty(value))
