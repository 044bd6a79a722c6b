"""The OpenAPI description of the protocol: as it is served, and as the documentation reads it.

The schemas of messages are made from the types that the encoder sends. What is said of a message as
a whole, and what a type cannot say (that a closed order has no shares left, say), stands by hand in
openapi.json, and so does what is no message of such a type. What only an exchange with --control
has is in control.json, and what only one with --admin-key-file has in admin.json, in the same form.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

import msgspec

from disorderbook import __version__
from disorderbook.admin import routes as admin
from disorderbook.control import fault_routes, journal_routes
from disorderbook.control import routes as control_routes
from disorderbook.game import messages as game
from disorderbook.marketdata import account_messages as account
from disorderbook.marketdata import executions, overview, scores, venue_scores
from disorderbook.marketdata import messages as marketdata
from disorderbook.protocol import fields, messages, parse
from disorderbook.timeline import routes as clock_routes

METHODS = ("get", "post", "put", "delete")
SUCCESS = "200"

Node = dict[str, Any]  # an object of the description

REFERENCE = "#/components/schemas/{name}"
SUFFIX = "Message"  # of a type, which its schema goes without

# What the paths and the body of an order refer to.
FIELDS = {
    "Venue": fields.Venue,
    "Symbol": fields.Symbol,
    "Account": fields.Account,
    "OrderId": fields.OrderId,
    "InstanceId": fields.InstanceId,
}
ANSWERS = (
    messages.DoneMessage,
    messages.OrderMessage,
    messages.OrdersMessage,
    messages.BookMessage,
    messages.QuoteMessage,
    messages.VenueIsUpMessage,
    messages.VenuesMessage,
    messages.StocksMessage,
    scores.ScoresMessage,
    venue_scores.VenueScoresMessage,
    venue_scores.VenueCurvesMessage,
    marketdata.ServerMessage,
    marketdata.MarketMessage,
    marketdata.TradesMessage,
    marketdata.CandlesMessage,
    overview.OverviewMessage,
    account.AccountPositionsMessage,
    account.AccountOrdersMessage,
    account.AccountFillsMessage,
    account.AccountHistoryMessage,
    executions.AccountExecutionsMessage,
    game.LevelsMessage,
    game.StartedLevelMessage,
    game.InstanceMessage,
    game.OpenInstancesMessage,
    game.LevelCardsMessage,
    game.PlayedLevelMessage,
    game.OwnFillsMessage,
    game.ResultsMessage,
    clock_routes.ClockMessage,
    admin.NoticesMessage,
)
CONTROL_ANSWERS = (
    control_routes.InForceMessage,
    control_routes.SnapshotsMessage,
    journal_routes.JournalMessage,
    fault_routes.LatencyMessage,
    fault_routes.AddedFaultMessage,
    fault_routes.FaultsMessage,
    fault_routes.DisconnectMessage,
)
ADMIN_ANSWERS = (admin.AdminMessage, admin.CancelledMessage, admin.NewKeyMessage)
DIGITS = {0: "^[0-9]{1,10}$", 1: "^0*[1-9][0-9]{0,9}$"}  # by the least number that they may spell


@lru_cache(maxsize=4)
def description_text(has_control: bool = False, has_admin: bool = False) -> bytes:
    """The description as it is served, JSON, of this version of the exchange: what is written by
    hand, with the schemas of messages added.
    """
    document = written_by_hand(has_control, has_admin)
    components = document["components"]
    components["schemas"] = with_message_schemas(components["schemas"], has_control, has_admin)
    return json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n"


def written_by_hand(has_control: bool = False, has_admin: bool = False) -> Node:
    """What openapi.json says, and the files of what this exchange has besides."""
    document = _parsed("openapi.json")
    files = ["control.json"] * has_control + ["admin.json"] * has_admin
    for more in map(_parsed, files):
        document["tags"] += more["tags"]
        document["paths"] |= more["paths"]
        for kind, named in more["components"].items():
            document["components"][kind] |= named
    return document


def _parsed(file: str) -> Node:
    text = (files("disorderbook.site") / file).read_text(encoding="utf-8")
    document: Node = json.loads(text.replace("THE_VERSION", __version__))
    return document


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
            method.upper(),
            path,
            said["operationId"],
            said["tags"][0],
            said["summary"],
            said["description"],
            "security" in said,
            [self.resolve(node) for node in parameters],
            said.get("requestBody"),
            {
                status: self.resolve(node) | {"name": node.get("$ref", "").rpartition("/")[2]}
                for status, node in said["responses"].items()
            },
        )


def examples_of(part: Node) -> list[tuple[str, Any]]:
    """The examples of a body, an answer or a parameter, each with what it shows."""
    if "example" in part:
        return [("", part["example"])]
    return [(said.get("summary", ""), said["value"]) for said in part.get("examples", {}).values()]


def name_of(schema: Node) -> str:
    """The name of the object that a schema refers to, "" if it describes one itself."""
    return str(schema.get("$ref", "")).rpartition("/")[2]


def names_of(schema: Node) -> list[str]:
    """The names of the objects that an answer may be, none if it is described where it stands."""
    return [name for one in schema.get("oneOf", [schema]) if (name := name_of(one))]


class Field(NamedTuple):
    """A field of an object."""

    name: str
    type: str  # as prose, with links to the objects that have a name
    is_required: bool
    description: str


def fields_of(schema: Node, description: Description) -> Iterator[Field]:
    """The fields of an object, or of one that has several forms: then those of all, each once."""
    forms = [description.resolve(form) for form in schema.get("oneOf", [schema])]
    fields = {key: said for form in forms for key, said in form["properties"].items()}
    for key, said in fields.items():
        meaning = description.resolve(said).get("description", "")
        is_required = all(key in form.get("required", []) for form in forms)
        yield Field(key, _type(said, description), is_required, meaning)


def _type(said: Node, description: Description) -> str:
    """What a field may hold, as prose."""
    node = description.resolve(said)
    if node.get("type") == "array":
        items = node.get("items", {})
        return f"list of {_type(items, description)}" if items else "list"
    if "properties" in node and name_of(said):
        return f"[{name_of(said)}](#schema-{name_of(said)})"
    if "const" in node:
        return f"always {_code(node['const'])}"
    if "enum" in node:
        return ", ".join(map(_code, node["enum"]))
    if "anyOf" in node:
        return " or ".join(choice["type"] for choice in node["anyOf"])
    return str(node.get("type", "any"))


def _code(value: object) -> str:
    return f"`{value if isinstance(value, str) and value else json.dumps(value)}`"


class RefusalEntry(NamedTuple):
    """A status, the sentence that comes with it, and when."""

    status: str
    sentence: str
    reason: str


def refusals_of(operation: Operation) -> list[RefusalEntry]:
    """Every refusal that a route can answer with."""
    return [
        refusal
        for status, response in operation.responses.items()
        if status != SUCCESS
        for refusal in refusals_in(status, response)
    ]


def refusals_in(status: str, response: Node) -> list[RefusalEntry]:
    """Those of one answer; one that is no JSON is its own sentence."""
    return [
        RefusalEntry(
            status,
            value["error"] if isinstance(value, dict) else value,
            reason or response["description"],
        )
        for part in response["content"].values()
        for reason, value in examples_of(part)
    ]


def common_refusals(operations: Iterable[Operation]) -> list[RefusalEntry]:
    """What most routes refuse alike."""
    every = [refusals_of(operation) for operation in operations]
    counted = Counter(refusal for refusals in every for refusal in refusals)
    return [refusal for refusal, count in counted.items() if 2 * count > len(every)]


def with_message_schemas(
    by_hand: dict[str, Node], has_control: bool = False, has_admin: bool = False
) -> dict[str, Node]:
    """Every schema by its name: those of the fields and messages, each with what is said of it by
    hand, and those that are wholly written by hand.
    """
    made = message_schemas(has_control, has_admin) | {"NewOrder": new_order_schema()}
    for name, schema in by_hand.items():
        made[name] = made.get(name, {}) | schema
    return made


def message_schemas(has_control: bool = False, has_admin: bool = False) -> dict[str, Node]:
    """The schemas of FIELDS, of ANSWERS, of CONTROL_ANSWERS and ADMIN_ANSWERS if there are such,
    and of the messages that stand in them, by name.
    """
    kinds = [*FIELDS.values(), *ANSWERS]
    kinds += CONTROL_ANSWERS * has_control + ADMIN_ANSWERS * has_admin
    schemas, components = msgspec.json.schema_components(kinds, ref_template=REFERENCE)
    made = dict(zip(FIELDS, schemas, strict=False))
    for name, schema in json.loads(json.dumps(components).replace(f'{SUFFIX}"', '"')).items():
        schema.pop("description", None)  # a docstring, which `python -OO` drops
        made[name] = schema | {"additionalProperties": False}
    made["TickerQuote"] = _inside(made["Quote"])
    made["Market"]["properties"]["quote"] = {"$ref": REFERENCE.format(name="TickerQuote")}
    return made


def new_order_schema() -> Node:
    """A posted order: as the parser's short way takes it, besides other keys, and numbers that are
    spelled in a string.
    """
    _, made = msgspec.json.schema_components([parse.PlainOrder], ref_template=REFERENCE)
    schema: Node = made[parse.PlainOrder.__name__]
    schema.pop("description", None)
    schema["properties"] = {key: _posted(node) for key, node in schema["properties"].items()}
    return schema | {"title": "NewOrder", "additionalProperties": True}


def execution_fields() -> list[tuple[str, str]]:
    """The fields of an execution on the tape, which is no answer to a request, with their
    meanings.
    """
    _, made = msgspec.json.schema_components([messages.ExecutionMessage], ref_template=REFERENCE)
    fields_of_it = made[messages.ExecutionMessage.__name__]["properties"]
    return [(name, field["description"]) for name, field in fields_of_it.items()]


def _posted(field: Node) -> Node:
    if field.get("type") != "integer":
        return field
    number = {key: field[key] for key in ("type", "minimum", "maximum")}
    others = {key: node for key, node in field.items() if key not in number}
    return others | {"anyOf": [number, {"type": "string", "pattern": DIGITS[number["minimum"]]}]}


def _inside(schema: Node) -> Node:
    """A message as it stands inside of another: without `ok`."""
    return schema | {
        "title": "TickerQuote",
        "required": [name for name in schema["required"] if name != "ok"],
        "properties": {key: node for key, node in schema["properties"].items() if key != "ok"},
    }
