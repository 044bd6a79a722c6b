"""Orders as rows: the way there and back, and what a changed digit does."""

import pytest

from disorderbook.engine.book import Execution
from disorderbook.engine.orders import Fill, Order, OrderType, Side
from disorderbook.ledger.tables import (
    EXECUTIONS,
    ORDERS,
    Damaged,
    nanoseconds,
    read_fill,
    read_order,
)
from disorderbook.protocol.names import timestamp

ORDER = Order(
    7,
    "V",
    "S",
    "a\nb\0ü\u2028",
    Side.SELL,
    OrderType.IMMEDIATE_OR_CANCEL,
    2**31 - 1,
    9,
    1453070587123456789,
    0,
    5,
    [Fill(3, 2, 5), Fill(4, 3, 10**18)],
    3,
    10**18,
    4,
)
FILLS = [(7, number, fill) for number, fill in enumerate(ORDER.fills)]
TRADE = EXECUTIONS.row(
    Execution(
        ORDER,
        Order(8, "V", "S", "b", Side.BUY, OrderType.LIMIT, 4, 3, 10**18, 0),
        4,
        3,
        10**18,
        5,
        2,
        3,
        1,
    )
)


def test_an_order_comes_back_as_it_was() -> None:
    again = read_order(ORDERS.read(ORDERS.row(ORDER)), FILLS)
    assert again is not ORDER
    for field in Order.__struct_fields__:
        assert getattr(again, field) == getattr(ORDER, field), field


@pytest.mark.parametrize("column", range(len(ORDERS.names) + 1))
def test_a_changed_value_is_noticed(column: int) -> None:
    row = list(ORDERS.row(ORDER))
    row[column] = row[column] + 1 if isinstance(row[column], int) else row[column] + "x"
    with pytest.raises(Damaged, match="checksum"):
        ORDERS.read(tuple(row))


def test_an_execution_is_a_fill_of_either_order() -> None:
    assert read_fill((0, *TRADE)) == (7, 1, Fill(4, 3, 10**18))
    assert read_fill((1, *TRADE)) == (8, 0, Fill(4, 3, 10**18))


@pytest.mark.parametrize("column", range(len(TRADE)))
def test_a_changed_value_of_an_execution_is_noticed(column: int) -> None:
    row = list(TRADE)
    row[column] = row[column] + 1 if isinstance(row[column], int) else row[column] + "x"
    with pytest.raises(Damaged, match="checksum"):
        read_fill((0, *row))


@pytest.mark.parametrize(
    "fills",
    [
        [],
        FILLS[:1],
        FILLS[1:],
        FILLS[::-1],
        FILLS + FILLS[1:],
        [(8, *fill[1:]) for fill in FILLS],
    ],
)
def test_missing_or_misplaced_fills_are_noticed(fills: list[tuple[object, ...]]) -> None:
    with pytest.raises(Damaged):
        read_order(ORDERS.read(ORDERS.row(ORDER)), fills)


@pytest.mark.parametrize("ts", [0, 1, 10**9 - 1, 1453070587123456789, 4102444800 * 10**9 + 1])
def test_a_time_is_read_as_it_was_written(ts: int) -> None:
    assert nanoseconds(timestamp(ts)) == ts


@pytest.mark.parametrize("text", ["", "2016-01-17", "2016-01-17T22:43:07.12345678xZ", "nonsense"])
def test_what_is_no_time_is_noticed(text: str) -> None:
    with pytest.raises(Damaged):
        nanoseconds(text)
