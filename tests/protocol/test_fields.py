"""The bounds of the fields are those that the exchange keeps."""

import msgspec
import pytest

from disorderbook.engine.orders import ORDER_TYPE_NAMES, SIDE_NAMES
from disorderbook.protocol import fields
from disorderbook.protocol.names import MAX_NAME_LENGTH, MAX_PRICE, MAX_QUANTITY, timestamp


@pytest.mark.parametrize(
    "kind, least, most",
    [
        (fields.Price, 0, MAX_PRICE),
        (fields.Quantity, 1, MAX_QUANTITY),
        (fields.Shares, 0, None),
        (fields.OrderId, 0, None),
        (fields.Count, 1, None),
    ],
)
def test_numbers_have_the_bounds_of_the_exchange(kind: type, least: int, most: int | None) -> None:
    msgspec.convert(least, kind)
    for outside in {least - 1, most + 1 if most is not None else least - 1}:
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(outside, kind)


@pytest.mark.parametrize("kind", [fields.Venue, fields.Symbol, fields.Account])
def test_names_have_the_length_that_the_exchange_takes(kind: type) -> None:
    msgspec.convert("x" * MAX_NAME_LENGTH, kind)
    for outside in ("", "x" * (MAX_NAME_LENGTH + 1)):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(outside, kind)


def test_a_time_stamp_looks_as_it_is_written() -> None:
    msgspec.convert(timestamp(1_453_070_587_123_456_789), fields.Timestamp)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert("2016-01-17T22:43:07Z", fields.Timestamp)


def test_words_are_those_of_the_engine() -> None:
    for kind, names in ((fields.Direction, SIDE_NAMES), (fields.TypeOfOrder, ORDER_TYPE_NAMES)):
        assert msgspec.json.schema(kind)["enum"] == list(names.values())
