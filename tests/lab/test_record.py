"""Records of runs: they come back as they were packed, and nothing else is taken for one."""

import zlib

import msgspec
import pytest

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import (
    BUY,
    FILL_OR_KILL,
    IMMEDIATE_OR_CANCEL,
    LIMIT,
    MARKET,
    SELL,
    NewOrder,
    Order,
)
from disorderbook.lab import record as records
from disorderbook.lab.record import (
    DAYS,
    FAILED,
    LevelOutcome,
    Printed,
    RefusedRequest,
    RunEnding,
    RunRecord,
    packed,
    unpacked,
)


def traded() -> list[Order]:
    """Orders of every type: open, partly and wholly filled, cancelled, killed, with a rest."""
    book = OrderBook("V", "S", 1)
    asked = [
        ("A", BUY, LIMIT, 5000, 10),
        ("B", BUY, LIMIT, 4990, 10),
        ("C", SELL, LIMIT, 5000, 4),
        ("C", SELL, MARKET, 0, 20),
        ("A", BUY, FILL_OR_KILL, 5000, 5),
        ("A", BUY, LIMIT, 5100, 7),
        ("B", SELL, IMMEDIATE_OR_CANCEL, 5100, 9),
        ("A", BUY, LIMIT, 1, 1),
        ("Ü", SELL, LIMIT, 9000, 3),
    ]
    orders = [
        book.submit(NewOrder(account, side, kind, price, quantity), 10 + number).order
        for number, (account, side, kind, price, quantity) in enumerate(asked)
    ]
    book.cancel(orders[-1], 99)
    return orders


def record(orders: list[Order]) -> RunRecord:
    return RunRecord(
        seed=7,
        venue="V",
        symbol="S",
        account="A",
        start=1,
        end=100,
        day=5,
        days=20,
        orders=orders,
        requests=12,
        refusal_count=1,
        refusals=[RefusedRequest(3, "POST", "/ob/api/venues/V/heartbeat", 405, "No", "detail")],
        printed=[Printed(4, "stdout", "hello ☃"), Printed(5, "stderr", "oh")],
        ending=RunEnding(FAILED, 3, ("a", "b"), "/tmp/log"),
        level=LevelOutcome("first_steps", "won", 3, -123456),
    )


def test_a_record_comes_back_with_all_that_became_of_its_orders() -> None:
    orders = traded()
    reasons = {order.close_reason for order in orders}
    assert reasons == {"filled", "rest", "killed", "cancelled", None}
    back = unpacked(packed(record(orders)))
    fields = Order.__struct_fields__
    for before, after in zip(orders, back.orders, strict=True):
        for field in fields:
            was, now = getattr(before, field), getattr(after, field)
            assert (list(was), field) == (list(now), field) if field == "fills" else was == now
        assert (before.close_reason, before.is_open) == (after.close_reason, after.is_open)
        assert before.side is after.side and before.type is after.type
    bare = [msgspec.structs.replace(each, orders=[]) for each in (record(orders), back)]
    assert bare[0] == bare[1]


def test_a_record_of_nothing_comes_back() -> None:
    empty = msgspec.structs.replace(
        record([]), refusals=[], printed=[], ending=RunEnding(DAYS), level=None
    )
    assert unpacked(packed(empty)) == empty


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no record",
        packed(record([]))[:-1],
        packed(record([])) + b"x",
        zlib.compress(b"no message"),
        zlib.compress(msgspec.msgpack.encode({"seed": "x"})),
    ],
)
def test_other_bytes_are_no_record(data: bytes) -> None:
    with pytest.raises(ValueError, match="no record of a run"):
        unpacked(data)


def test_a_record_has_a_limited_size(monkeypatch: pytest.MonkeyPatch) -> None:
    data = packed(record(traded() * 100))
    monkeypatch.setattr(records, "MOST_RECORD_BYTES", 5000)
    monkeypatch.setattr(records, "PIECE", 1000)
    for refused in (lambda: packed(record(traded() * 100)), lambda: unpacked(data)):
        with pytest.raises(ValueError, match="at most 5000 bytes"):
            refused()
    assert unpacked(packed(record(traded()))).days == 20
