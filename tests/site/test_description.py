"""The description as it is served and read."""

import json

from wsgi import Client

import disorderbook
from disorderbook.api.app import ROUTES
from disorderbook.site.description import Description, description_text, examples_of
from disorderbook.site.routes import PARTS

DESCRIPTION = Description(description_text())


def test_the_description_is_served_as_it_is() -> None:
    answer = Client()("GET", "/openapi.json")
    assert (answer.status, answer.type) == (200, "application/json")
    assert answer.body == description_text()


def test_the_version_is_the_packages() -> None:
    assert DESCRIPTION.document["info"]["version"] == disorderbook.__version__
    assert b"THE_VERSION" not in description_text()


def test_the_server_is_the_one_that_was_asked() -> None:
    assert [server["url"] for server in DESCRIPTION.document["servers"]] == ["/"]


def test_every_operation_is_read() -> None:
    operations = list(DESCRIPTION.operations())
    assert (
        len(operations)
        == len(ROUTES) - len(PARTS)
        == len({operation.id for operation in operations})
    )


def test_a_reference_yields_to_what_is_said_beside_it() -> None:
    node = DESCRIPTION.resolve({"$ref": "#/components/schemas/OrderId", "description": "Mine."})
    assert node["type"] == "integer" and node["description"] == "Mine." and "$ref" not in node


def test_parameters_of_path_and_method_are_joined() -> None:
    scores = next(o for o in DESCRIPTION.operations() if o.id == "getScores")
    assert [node["name"] for node in scores.parameters] == ["venue", "symbol", "format"]
    assert scores.responses["404"]["name"] == "NoSuchBook" and not scores.needs_key


def test_examples_are_one_or_many() -> None:
    assert examples_of({"example": 1}) == [("", 1)]
    many = {"examples": {"a": {"summary": "A.", "value": 1}, "b": {"value": 2}}}
    assert examples_of(many) == [("A.", 1), ("", 2)] and examples_of({}) == []


def test_the_description_is_json_without_repetitions() -> None:
    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        assert len(dict(pairs)) == len(pairs), [name for name, _ in pairs]
        return dict(pairs)

    json.loads(description_text(), object_pairs_hook=once)
