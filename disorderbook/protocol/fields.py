"""The kinds of fields that messages are made of: what they hold, within which bounds, and what they
mean.

The encoder looks at none of this, so it costs nothing when a message is sent. The OpenAPI
description is made from it.
"""

from typing import Annotated

from msgspec import Meta

from disorderbook.engine.orders import ORDER_TYPE_NAMES, SIDE_NAMES
from disorderbook.protocol.names import MAX_NAME_LENGTH, MAX_PRICE, MAX_QUANTITY

Ok = Annotated[
    bool, Meta(description="Whether the request was done.", extra_json_schema={"const": True})
]


def _name(title: str, whose: str, example: str) -> Meta:
    return Meta(
        title=title,
        description=f"The name of {whose}. In a path it holds no slash, not even as %2F.",
        min_length=1,
        max_length=MAX_NAME_LENGTH,
        examples=[example],
    )


Venue = Annotated[str, _name("Venue", "a venue, a place where stocks are traded", "TESTEX")]
Symbol = Annotated[str, _name("Stock symbol", "a stock", "FOOBAR")]
Account = Annotated[str, _name("Account", "a trader's account", "NOISEBOTS")]

OrderId = Annotated[
    int,
    Meta(
        title="Order id",
        description="The number of an order in its book. Each book counts from 0 and leaves no "
        "gap.",
        ge=0,
        examples=[17],
    ),
]

InstanceId = Annotated[
    int,
    Meta(title="Instance id", description="The number of a started level.", ge=1, examples=[1]),
]

Price = Annotated[
    int,
    Meta(
        title="Price",
        description="Cents a share: 5000 is 50 dollars.",
        ge=0,
        le=MAX_PRICE,
        examples=[5000],
    ),
]

Quantity = Annotated[
    int,
    Meta(
        title="Quantity",
        description="Shares, at least one.",
        ge=1,
        le=MAX_QUANTITY,
        examples=[100],
    ),
]

Shares = Annotated[
    int,
    Meta(
        title="Shares",
        description="A count of shares, perhaps none.",
        ge=0,
        examples=[60],
    ),
]

Count = Annotated[int, Meta(ge=1)]

Timestamp = Annotated[
    str,
    Meta(
        title="Time stamp",
        description="A time in UTC with nine digits of fractions of a second. The exchange's time "
        "never runs backwards.",
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{9}Z$",
        examples=["2016-01-17T22:43:07.123456789Z"],
        extra_json_schema={"format": "date-time"},
    ),
]

DIRECTION_MEANING = "Which side of the book the order belongs to."

Direction = Annotated[
    str,
    Meta(
        title="Direction",
        description=DIRECTION_MEANING,
        extra_json_schema={"enum": list(SIDE_NAMES.values())},
    ),
]

TypeOfOrder = Annotated[
    str,
    Meta(
        title="Order type",
        description="How an order trades. `limit` trades at its price or better and rests with "
        "what is left. `market` trades at any price and never rests. `fill-or-kill` trades in full "
        "at once at its price or better, or not at all. `immediate-or-cancel` trades what it can "
        "at once at its price or better, and never rests.",
        extra_json_schema={"enum": list(ORDER_TYPE_NAMES.values())},
    ),
]
