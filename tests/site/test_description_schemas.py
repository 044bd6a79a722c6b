"""The schemas that are made from the types of messages."""

import json
import subprocess
import sys

import jsonschema_rs
import pytest

from disorderbook.errors import BadRequest
from disorderbook.protocol.messages import OrderMessage
from disorderbook.protocol.names import MAX_QUANTITY
from disorderbook.protocol.parse import FIELD_NAMES, ORDER_TYPES, SIDES, new_order
from disorderbook.site import description
from disorderbook.site.description import Description, description_text
from disorderbook.site.examples import Setup, example_messages

HAND_WRITTEN = description.written_by_hand(has_control=True, has_admin=True)
DOCUMENT = Description(description_text(has_control=True, has_admin=True)).document
MADE = description.message_schemas(has_control=True, has_admin=True)


def test_an_order_is_spelled_by_its_type_alone() -> None:
    order = MADE["Order"]
    assert list(order["properties"]) == list(OrderMessage.__struct_fields__) == order["required"]
    assert "properties" not in HAND_WRITTEN["components"]["schemas"]["Order"]
    assert DOCUMENT["components"]["schemas"]["Order"]["else"]["properties"]["qty"] == {"const": 0}


def test_a_posted_order_is_spelled_by_the_parser_alone() -> None:
    schema = DOCUMENT["components"]["schemas"]["NewOrder"]
    posted = schema["properties"]
    assert set(posted) == FIELD_NAMES and schema["additionalProperties"] is True
    assert "properties" not in HAND_WRITTEN["components"]["schemas"]["NewOrder"]
    assert posted["orderType"]["enum"] == sorted(ORDER_TYPES)
    assert posted["direction"]["enum"] == list(SIDES)
    assert [kind["type"] for kind in posted["qty"]["anyOf"]] == ["integer", "string"]


def test_every_spelling_that_is_described_is_taken() -> None:
    is_order = jsonschema_rs.validator_for(DOCUMENT["components"]["schemas"]["NewOrder"]).is_valid
    spellings = 0, 1, 1.0, "1", "01", "0", -1, 1.5, "x", "", None, MAX_QUANTITY, MAX_QUANTITY + 1
    for field in ("qty", "price"):
        for spelling in spellings:
            order = {"account": "A", "direction": "buy", "orderType": "ioc", "qty": 1, "price": 1}
            order[field] = spelling
            if is_order(order):
                new_order(order, "A")
            else:
                with pytest.raises(BadRequest):
                    new_order(order, "A")


@pytest.mark.parametrize("name", sorted(MADE.keys() - description.FIELDS.keys()))
def test_a_message_has_nothing_else_and_no_nulls(name: str) -> None:
    assert MADE[name]["additionalProperties"] is False and MADE[name]["type"] == "object"
    assert "Message" not in json.dumps(MADE[name])
    # In a list that goes with a list of times, a place without a value has to stand there.
    assert ('"null"' in json.dumps(MADE[name])) == (name == "AccountCurve")
    assert "description" not in MADE[name]  # it would be gone with `python -OO`
    assert HAND_WRITTEN["components"]["schemas"][name]["description"].endswith(".")


def test_what_may_be_unset_is_not_required() -> None:
    absent = {
        name: set(schema["properties"]) - set(schema["required"])
        for name, schema in MADE.items()
        if "properties" in schema
    }
    assert {name: names for name, names in absent.items() if names} == {
        "Quote": {"bid", "ask", "last", "lastSize", "lastTrade"},
        "TickerQuote": {"bid", "ask", "last", "lastSize", "lastTrade"},
        "Score": {"lowest", "highest", "cash", "shares"},
        "Scores": {"price", "frozenAt"},
        "MarkedStock": {"price", "settled"},
        "VenueScore": {"change", "cash", "shares"},
        "VenueScores": {"frozenAt"},
        "VenueCurves": {"frozenAt"},
        "Server": {"tapePort", "rules"},
        "MarketRules": {
            *("venue", "symbol", "positionLimit", "largestOrder", "openOrders", "band"),
            *("bandAround", "startPrice", "ordersPerSecond", "selfTrade", "takerFee", "makerFee"),
            "tickSize",
        },
        "Candle": {"bid", "ask"},
        "BookInShort": {
            "last",
            "bid",
            "bidSize",
            "ask",
            "askSize",
            "open",
            "halted",
            "settled",
        },
        "Clock": {"speed", "step"},
        "Instance": {"flash", "details"},
        "LevelCard": {"best", "unavailable", "instanceId"},
        "PlayedLevel": {
            *("flash", "position", "cash", "nav", "averagePrice", "positionLimit"),
            *("goalNav", "goalShares", "targetPrice", "rank", "days", "seed", "seedChosen"),
        },
        "StartedLevel": {"balances"},
        "AccountOrder": {"ahead"},
        "StockPosition": {"averagePrice", "fees", "last", "mark", "mid", "navAtMid"},
        "InForce": {"tape"},
        "Notices": {"announcement", "countdown"},
        "Admin": {"announcement", "countdown", "accounts"},
        "AdminAction": {"venue", "symbol", "account", "detail"},
        "JournalRow": {"account", "error", "detail"},
        "Fault": {
            *("status", "sentence", "retryAfter", "next", "every", "probability"),
            *("route", "account"),
        },
    }


def test_a_quote_inside_of_another_message_has_no_ok() -> None:
    quote, inside = MADE["Quote"]["properties"], MADE["TickerQuote"]["properties"]
    assert quote.keys() - inside.keys() == {"ok"}
    assert MADE["Market"]["properties"]["quote"]["$ref"].endswith("/TickerQuote")


def test_a_side_of_a_book_has_rows_of_that_side_only() -> None:
    for side, is_buy in (("bids", True), ("asks", False)):
        items = MADE["Book"]["properties"][side]["items"]
        assert items["$ref"].endswith("/Row") and items["properties"] == {
            "isBuy": {"const": is_buy}
        }


def test_what_is_written_by_hand_adds_to_what_is_made() -> None:
    both = description.with_message_schemas({"Order": {"if": {}}, "Other": {"type": "string"}})
    assert both["Order"] == MADE["Order"] | {"if": {}} and both["Other"] == {"type": "string"}


def test_every_field_of_an_execution_is_explained() -> None:
    setup = Setup("TESTEX", "FOOBAR", needs_keys=False, extra=False)
    explained = description.execution_fields()
    assert [name for name, _ in explained] == list(example_messages(setup).buyer)
    assert all(meaning.endswith(".") for _, meaning in explained)


def test_the_description_needs_no_docstrings() -> None:
    program = (
        "import sys\nfrom disorderbook.site.description import description_text\n"
        "sys.stdout.buffer.write(description_text())"
    )
    told = subprocess.run([sys.executable, "-OO", "-c", program], capture_output=True, timeout=60)
    assert told.stdout == description_text(), told.stderr
