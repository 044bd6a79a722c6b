"""The OpenAPI description of the protocol: as it is served, and as the documentation reads it."""

import json
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

from disorderbook import __version__

METHODS = ("get", "post", "delete")

Node = dict[str, Any]  # an object of the description


@lru_cache(maxsize=1)
def description_text() -> bytes:
    """The description as it is served, JSON, of this version of the exchange."""
    text = (files("disorderbook") / "openapi.json").read_bytes()
    return text.replace(b'"THE_VERSION"', f'"{__version__}"'.encode())


class Operation(NamedTuple):
    """What a method does at a path, with every reference in it followed one step deep."""

    method: str  # in capitals
    path: str  # with {names}
    id: str
    tag: str
    summary: str
    description: str
    needs_key: bool  # where the server does
    parameters: list[Node]
    request_body: Node | None
    responses: dict[str, Node]  # by status; a reference is kept beside what it leads to


class Description:
    """The description, parsed."""

    def __init__(self, text: bytes) -> None:
        self.document: Node = json.loads(text)

    def operations(self) -> Iterator[Operation]:
        """Every operation, in the order of the description."""
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    yield self._operation(method, path, item)

    def resolve(self, node: Node) -> Node:
        """An object without its reference: what that leads to, with what is said beside it."""
        while "$ref" in node:
            found: Any = self.document
            for name in node["$ref"].removeprefix("#/").split("/"):
                found = found[name]
            node = found | {key: value for key, value in node.items() if key != "$ref"}
        return node

    def _operation(self, method: str, path: str, item: Node) -> Operation:
        said = item[method]
        parameters = item.get("parameters", []) + said.get("parameters", [])
        return Operation(
            method.upper(), path, said["operationId"], said["tags"][0], said["summary"],
            said["description"], "security" in said, [self.resolve(node) for node in parameters],
            said.get("requestBody"),
            {status: self.resolve(node) | {"name": node.get("$ref", "").rpartition("/")[2]}
             for status, node in said["responses"].items()},
        )


def examples_of(part: Node) -> list[tuple[str, Any]]:
    """The examples of a body, an answer or a parameter, each with what it shows."""
    if "example" in part:
        return [("", part["example"])]
    return [(said.get("summary", ""), said["value"]) for said in part.get("examples", {}).values()]
