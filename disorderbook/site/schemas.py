"""The schemas of the messages, made from the types that the encoder sends.

What is said of a message as a whole, and what a type cannot say (that a closed order has no shares
left, say), stands by hand in openapi.json, and so does what is no message of such a type.
"""

import json
from typing import Any

import msgspec

from disorderbook.game import messages as game
from disorderbook.marketdata import messages as marketdata
from disorderbook.marketdata import scores
from disorderbook.protocol import fields, messages, parse

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
    marketdata.ServerMessage,
    marketdata.MarketMessage,
    marketdata.TradesMessage,
    marketdata.CandlesMessage,
    game.LevelsMessage,
    game.StartedLevelMessage,
    game.InstanceMessage,
)
DIGITS = {0: "^[0-9]{1,10}$", 1: "^0*[1-9][0-9]{0,9}$"}  # by the least number that they may spell


def with_message_schemas(by_hand: dict[str, Node]) -> dict[str, Node]:
    """Every schema by its name: those of the fields and messages, each with what is said of it by
    hand, and those that are wholly written by hand.
    """
    made = message_schemas() | {"NewOrder": new_order_schema()}
    for name, schema in by_hand.items():
        made[name] = made.get(name, {}) | schema
    return made


def message_schemas() -> dict[str, Node]:
    """The schemas of FIELDS, of ANSWERS and of the messages that stand in them, by name."""
    kinds = [*FIELDS.values(), *ANSWERS]
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
