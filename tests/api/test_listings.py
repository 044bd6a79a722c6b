"""Listings are made in steps, each of a bounded number of orders, as they are when it is made."""

import json
import threading
from collections.abc import Iterator
from types import TracebackType

import pytest
from wsgi import BUY, KEYS, ORDERS, Client

from disorderbook import exchange
from disorderbook.errors import CannotRead, CannotWrite
from disorderbook.exchange import IDS_AT_ONCE, Exchange
from disorderbook.ledger.archive import Archive
from disorderbook.ledger.base import Ledger
from disorderbook.ledger.temporary import TemporaryLedger
from disorderbook.protocol.messages import PIECE
from disorderbook.protocol.route import NAMES_AT_ONCE, ORDERS_AT_ONCE, STEP_BYTES
from disorderbook.server.response import StepRefused

VENUE = "/ob/api/venues/TESTEX"
LISTING = f"{VENUE}/accounts/ANN/orders"
LISTING_OF_STOCK = f"{VENUE}/accounts/ANN/stocks/FOOBAR/orders"
SOME = 5 * ORDERS_AT_ONCE + 3  # orders


class CountingLock:
    """The exchange's lock, which notes how many orders were looked up while it was held."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.count = 0
        self.counts: list[int] = []

    def __enter__(self) -> None:
        assert self._lock.acquire(blocking=False)
        self.count = 0

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.counts.append(self.count)
        self._lock.release()

    def locked(self) -> bool:
        return self._lock.locked()


@pytest.fixture
def lock(monkeypatch: pytest.MonkeyPatch) -> CountingLock:
    counting, look = CountingLock(), Exchange._order_now

    def count(*arguments: object) -> object:
        counting.count += 1
        return look(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Exchange, "_order_now", count)
    return counting


def crowded(ledger: Ledger | None = None, orders: int = SOME) -> Client:
    """A market with some of ANN's orders, each second of which is filled, and as many of BOB's."""
    client = Client(extra=True, ledger=ledger or Ledger())
    for number in range(orders):
        client.order(price=5000 - number % 2 * 100)
        client.order(account="BOB", direction="sell", price=5000 + number % 2 * 100)
    return client


def listed(steps: Iterator[bytes]) -> list[int]:
    return [order["id"] for order in json.loads(b"".join(steps))["orders"]]


@pytest.mark.parametrize("bound", [None, 0, 50], ids=["memory", "ledger", "both"])
@pytest.mark.parametrize("path", [LISTING, LISTING_OF_STOCK])
def test_a_listing_looks_up_few_orders_at_a_time(
    lock: CountingLock, bound: int | None, path: str
) -> None:
    client = crowded(None if bound is None else TemporaryLedger(bound))
    client.services.exchange.lock = lock  # type: ignore[assignment]
    steps = []
    for step in client.steps(path):
        assert not lock.locked()
        steps.append(step)
    assert listed(iter(steps)) == list(range(0, 2 * SOME, 2))
    assert len(steps) == len(lock.counts) == 6
    assert max(lock.counts) <= ORDERS_AT_ONCE + 1 and sum(lock.counts) == SOME
    assert steps[-1].endswith(b"]}\n") and client("GET", path).body == b"".join(steps)


def test_a_short_listing_is_whole_at_once() -> None:
    client = crowded(orders=ORDERS_AT_ONCE - 1)
    answer = client("GET", LISTING)
    assert answer.headers["Content-Length"] == str(len(answer.body))
    assert len(list(client.steps(LISTING))) == 1


def test_closed_orders_cost_nothing_where_few_orders_rest(lock: CountingLock) -> None:
    client = crowded()
    client.services.exchange.lock = lock  # type: ignore[assignment]
    ids = listed(client.steps(f"{LISTING}?open=true"))
    assert ids == list(range(2, 2 * SOME, 4)) and sum(lock.counts) == len(ids)


def test_closed_orders_that_are_passed_over_count_as_well(
    lock: CountingLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "RESTING_AT_ONCE", 0)
    client = crowded()
    client.services.exchange.lock = lock  # type: ignore[assignment]
    ids = listed(client.steps(f"{LISTING}?open=true"))
    assert ids == list(range(2, 2 * SOME, 4))
    assert max(lock.counts) <= ORDERS_AT_ONCE + 1 and sum(lock.counts) == SOME


def test_open_orders_are_listed_without_the_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    client, asked = crowded(TemporaryLedger(0)), []
    monkeypatch.setattr(Archive, "ids_of", lambda *_: asked.append("ids") or [])
    monkeypatch.setattr(Archive, "find", lambda *_: asked.append("order"))
    assert listed(client.steps(f"{LISTING}?open=true")) == list(range(2, 2 * SOME, 4))
    assert not asked


def test_ids_are_read_from_the_ledger_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    client, found, ids_of = crowded(TemporaryLedger(0)), [], Archive.ids_of

    def note(*arguments: object) -> object:
        ids = ids_of(*arguments)  # type: ignore[arg-type]
        found.append(len(ids))
        return ids

    monkeypatch.setattr(Archive, "ids_of", note)
    assert len(listed(client.steps(LISTING))) == SOME
    assert max(found) == IDS_AT_ONCE and len(found) > SOME / IDS_AT_ONCE / 2


def test_an_order_with_very_many_fills_is_rendered_in_steps() -> None:
    client = Client(extra=True)
    fills = 40 * PIECE + 5
    client.order(qty=fills + 1)
    for _ in range(fills):
        client.order(account="BOB", direction="sell", qty=1)
    for path in (LISTING, f"{ORDERS}/0"):
        steps = list(client.steps(path))
        assert len(steps) > 2
        assert all(len(step) <= STEP_BYTES + 100 * PIECE for step in steps)
        told = json.loads(b"".join(steps))
        order = told["orders"][0] if "orders" in told else told
        assert order["totalFilled"] == len(order["fills"]) == fills and order["open"] is True
        assert [fill["qty"] for fill in order["fills"]] == [1] * fills


@pytest.mark.parametrize("cancel", [("DELETE", ""), ("POST", "/cancel")])
def test_also_its_cancel_is_answered_in_steps(cancel: tuple[str, str]) -> None:
    client = Client()
    fills = 20 * PIECE + 5
    client.order(qty=fills + 7)
    for _ in range(fills):
        client.order(account="BOB", direction="sell", qty=1)
    method, end = cancel
    for _ in range(2):  # an order that is closed is told as well, as often as somebody asks
        steps = list(client.steps(f"{ORDERS}/0{end}", method=method))
        assert len(steps) > 1
        assert all(len(step) <= STEP_BYTES + 100 * PIECE for step in steps)
        order = json.loads(b"".join(steps))
        assert order["totalFilled"] == len(order["fills"]) == fills
        assert (order["qty"], order["open"]) == (0, False)


def test_a_new_order_that_trades_with_very_many_is_answered_in_steps_as_it_was() -> None:
    client = Client()
    fills = 20 * PIECE + 5
    for _ in range(fills):
        client.order(account="BOB", direction="sell", qty=1)
    steps = client.steps(ORDERS, method="POST", fields=BUY | {"qty": fills + 10})
    first = next(steps)
    client.order(account="BOB", direction="sell", qty=10)
    told = [first, *steps]
    assert len(told) > 1 and all(len(step) <= STEP_BYTES + 100 * PIECE for step in told)
    order = json.loads(b"".join(told))
    assert (order["qty"], order["open"], len(order["fills"])) == (10, True, fills)


def test_an_order_that_trades_between_its_steps_is_told_as_it_was() -> None:
    client = Client()
    fills = 20 * PIECE
    client.order(qty=fills + 10)
    for _ in range(fills):
        client.order(account="BOB", direction="sell", qty=1)
    steps = client.steps(f"{ORDERS}/0")
    first = next(steps)
    client.order(account="BOB", direction="sell", qty=10)
    order = json.loads(first + b"".join(steps))
    assert (order["qty"], order["open"], len(order["fills"])) == (10, True, fills)


def test_a_listing_ends_with_what_was_there_when_it_began() -> None:
    client = crowded(TemporaryLedger(40))
    steps = client.steps(LISTING)
    first = next(steps)
    client("DELETE", f"{ORDERS}/{2 * SOME - 2}")
    client("DELETE", f"{ORDERS}/2")
    for _ in range(100):  # what was in memory moves to the ledger
        client.order()
        client.order(account="BOB", direction="sell")
    told = json.loads(first + b"".join(steps))["orders"]
    assert [order["id"] for order in told] == list(range(0, 2 * SOME, 2))
    assert told[1]["open"] is True and told[-1]["open"] is False


def test_what_a_rollback_takes_back_is_not_listed_any_more() -> None:
    class Failing(Ledger):
        fails = False

        def commit(self) -> tuple[()]:
            if self.fails:
                raise CannotWrite
            return ()

    ledger = Failing()
    client = crowded(ledger)
    steps = client.steps(LISTING)
    first = next(steps)
    ledger.fails = True
    assert client.order().status == 503  # and there is no book left
    assert len(listed(iter([first, *steps]))) == ORDERS_AT_ONCE


def test_whoever_leaves_in_the_middle_leaves_the_lock() -> None:
    client = crowded()
    for taken in (0, 1, 2):
        steps = client.steps(LISTING)
        for _ in range(taken):
            next(steps)
        steps.close()  # type: ignore[attr-defined]
        assert client.order().status == 200
        assert list(steps) == []


def test_a_ledger_that_cannot_be_read_later_breaks_the_answer_off() -> None:
    ledger = TemporaryLedger(0)
    client = crowded(ledger)
    steps = client.steps(LISTING)
    next(steps)
    ledger.connection.execute("UPDATE orders SET price = price + 1")
    with pytest.raises(StepRefused, match="503"):
        list(steps)
    assert not client.services.exchange.lock.locked()
    assert client("GET", LISTING).error == (503, CannotRead.sentence)


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", [0, 2, 4, 6, 8, 10]),
        ("?since=0", [2, 4, 6, 8, 10]),
        ("?since=5&limit=2", [6, 8]),
        ("?since=99", []),
        ("?limit=0", []),
        ("?limit=1", [0]),
        ("?limit=7", [0, 2, 4, 6, 8, 10]),
        ("?open=true", [2, 6, 10]),
        ("?open=true&limit=1&since=2", [6]),
        ("?unknown=1", [0, 2, 4, 6, 8, 10]),
    ],
)
@pytest.mark.parametrize("bound", [None, 0])
def test_a_listing_can_be_of_some_orders(query: str, ids: list[int], bound: int | None) -> None:
    client = crowded(None if bound is None else TemporaryLedger(bound), orders=6)
    for path in (LISTING, LISTING_OF_STOCK):
        assert listed(client.steps(path + query)) == ids


def test_the_limit_is_of_all_books_together_and_since_is_of_each() -> None:
    client = crowded(orders=3)
    other = ORDERS.replace("FOOBAR", "OTHER")
    for _ in range(3):
        client("POST", other, BUY)
    told = json.loads(b"".join(client.steps(f"{LISTING}?since=1&limit=3")))["orders"]
    assert [(order["symbol"], order["id"]) for order in told] == [
        ("FOOBAR", 2),
        ("FOOBAR", 4),
        ("OTHER", 2),
    ]


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("open=false", 'open is \\"false\\"; allowed: true'),
        ("open=", 'open is \\"\\"; allowed: true'),
        ("limit=-1", 'limit is \\"-1\\"; allowed: a whole number from 0 to 9007199254740992'),
        ("since=x", 'since is \\"x\\"; allowed: a whole number from 0 to 9007199254740992'),
        ("since=\u0663", 'since is \\"\\u0663\\"; allowed: a whole number from 0 to'),
        ("open=true&limit=9007199254740993", "limit is"),
    ],
)
def test_an_odd_selection_is_refused(query: str, detail: str) -> None:
    client = crowded(orders=1)
    for path in (LISTING, LISTING_OF_STOCK):
        answer = client("GET", f"{path}?{query}")
        assert answer.error == (
            400,
            "A parameter behind the question mark of the URL has an illegal value",
        )
        assert detail in answer.headers["X-Error-Detail"]


def test_rights_come_before_the_selection() -> None:
    client = Client(extra=True, keys=KEYS)
    path = f"{VENUE}/accounts/NOISEBOTS/orders?since=x"
    assert client("GET", path).status == 401
    assert client("GET", path, headers={"Cookie": "api_key=noisekey"}).status == 400
    assert Client()("GET", path).status == 403


def test_venues_and_stocks_are_listed_in_steps() -> None:
    count = 2 * NAMES_AT_ONCE + 1
    client = Client(max_books=3 * count)
    exchange = client.services.exchange
    for number in range(count):
        exchange.book("TESTEX", f"S{number}")
    for number in range(count - 2):
        exchange.book(f"V{number}", "S")
    for path in ("/ob/api/venues", f"{VENUE}/stocks", VENUE):
        steps = client.steps(path)
        first = next(steps)
        exchange.book("TESTEX", path)  # new names do not disturb it
        exchange.book(path, "S")
        rest = list(steps)
        told = json.loads(first + b"".join(rest))
        names = told["venues"] if path.endswith("venues") else told["symbols"]
        assert len(names) >= count - 1 and len(rest) >= 2
        assert first.count(b'"name"') <= NAMES_AT_ONCE
        if "venues" in told:
            assert [each["id"] for each in names] == list(range(1, len(names) + 1))
