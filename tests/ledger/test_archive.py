"""Orders that have left memory are answered as if they had not."""

import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from wsgi import Client

from disorderbook.engine.orders import NewOrder, OrderType, Side
from disorderbook.errors import CannotRead
from disorderbook.exchange import Exchange
from disorderbook.ledger.archive import FILLS_AT_ONCE, Archive
from disorderbook.ledger.base import Ledger
from disorderbook.ledger.file import open_ledger
from disorderbook.ledger.journal import write_orders
from disorderbook.ledger.tables import ORDERS, Row
from disorderbook.ledger.temporary import TemporaryLedger
from disorderbook.server.response import StepRefused

ACCOUNTS = ["ann", "b\0b ü", "C"]
SYMBOLS = ["A", "b"]
BOOK = "/ob/api/venues/V/stocks/S"
MANY = 7 * FILLS_AT_ONCE + 1


def trading_client(ledger: Ledger) -> Client:
    """After six hundred random orders and cancels in two books."""
    client = Client(extra=True, clock=itertools.count(10**18).__next__, ledger=ledger)
    draw = random.Random(3)
    for _ in range(600):
        symbol = draw.choice(SYMBOLS)
        path = f"/ob/api/venues/V/stocks/{symbol}/orders"
        if draw.random() < 0.3:
            client("DELETE", f"{path}/{draw.randrange(300)}")
            continue
        client(
            "POST",
            path,
            {
                "account": draw.choice(ACCOUNTS),
                "direction": draw.choice(["buy", "sell"]),
                "orderType": draw.choice(["limit", "limit", "limit", "market", "fok", "ioc"]),
                "price": draw.randint(1, 9),
                "qty": draw.randint(1, 20),
            },
        )
    return client


def questions() -> list[tuple[str, str]]:
    """Every order and listing that there could be, then some cancels."""
    books = [f"/ob/api/venues/V/stocks/{symbol}" for symbol in SYMBOLS]
    paths = [f"{book}/orders/{number}" for book in books for number in range(-1, 330)]
    accounts = [f"/ob/api/venues/V/accounts/{name}" for name in ("ann", "b%00b%20%C3%BC", "C", "x")]
    listings = [f"{account}/orders" for account in accounts]
    listings += [f"{account}/stocks/b/orders" for account in accounts]
    cancels = [("DELETE", f"{books[0]}/orders/{number}") for number in range(0, 330, 7)]
    return [("GET", path) for path in paths + listings + books] + cancels


@pytest.mark.parametrize("bound", [0, 1, 50, 200])
def test_statuses_and_listings_are_the_same_beyond_the_bound(
    bound: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("disorderbook.ledger.temporary.MOVE_SECONDS", 60.0)  # all at once
    endless, bounded = map(trading_client, (Ledger(), TemporaryLedger(bound)))
    closed_in_memory = [
        order
        for book in bounded.services.exchange.books("V")
        for order in map(book.find, range(book.next_id))
        if order and not order.is_open
    ]
    assert len(closed_in_memory) == bound
    for method, path in questions():
        expected, answer = endless(method, path), bounded(method, path)
        assert (answer.status, answer.body) == (expected.status, expected.body), path


def test_an_order_that_cannot_be_read_is_said_to_be_unreadable_not_unknown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ledger = TemporaryLedger(0)
    client = trading_client(ledger)
    book = client.services.exchange.book("V", "A")
    gone = next(number for number in range(300) if book.find(number) is None)
    path = f"/ob/api/venues/V/stocks/A/orders/{gone}"
    assert client("GET", path).status == 200
    ledger.connection.execute("UPDATE orders SET price = price + 1")
    assert client("GET", path).error == (503, CannotRead.sentence)
    ledger.connection.execute("DELETE FROM orders")
    assert client("GET", path).error == (503, CannotRead.sentence)
    assert "order 0 of A at V is missing" in caplog.text or f"order {gone}" in caplog.text


def test_an_archived_order_that_claims_to_be_open_is_not_believed() -> None:
    ledger = TemporaryLedger(0)
    exchange = Exchange(ledger=ledger)
    book = exchange.book("V", "S")
    with exchange.transaction():
        order = exchange.submit(book, NewOrder("ann", Side.BUY, OrderType.LIMIT, 1, 1))
        write_orders(ledger.connection, [ORDERS.row(order)])
        book.forget(order)
    with pytest.raises(CannotRead):
        ledger.find(book, 0)
    with pytest.raises(CannotRead):
        list(exchange.orders_of(book, "ann"))


def traded_with_many(ledger: Ledger) -> Client:
    """A closed order that traded half when it was placed, and the rest one by one."""
    client = Client("V", "S", extra=True, clock=itertools.count(10**18).__next__, ledger=ledger)
    exchange = client.services.exchange
    book = exchange.book("V", "S")
    with exchange.transaction():
        for number in range(2 * MANY + 1):
            is_it = number == MANY
            side = Side.BUY if is_it else Side.SELL
            new = NewOrder("ann", side, OrderType.LIMIT, 5, 2 * MANY if is_it else 1)
            exchange.submit(book, new)
    while isinstance(ledger, Archive) and book.find(MANY) is not None:  # some at a time
        exchange.flush()
    return client


@pytest.fixture(params=["temporary", "durable"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Archive]:
    ledger: Archive = TemporaryLedger(0)
    if request.param == "durable":
        ledger, _ = open_ledger(str(tmp_path / "market.db"), bound=0)
    yield ledger
    ledger.close()


def test_an_order_with_very_many_fills_is_read_in_steps(
    ledger: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, endless, read = traded_with_many(ledger), traded_with_many(Ledger()), []
    pages = Archive.pages

    def count(*arguments: object) -> Iterator[Row]:
        for row in pages(*arguments):  # type: ignore[arg-type]
            read.append(row)
            yield row

    monkeypatch.setattr(Archive, "pages", count)
    for path in (
        f"{BOOK}/orders/{MANY}",
        f"/ob/api/venues/V/accounts/ann/orders?since={MANY - 1}&limit=1",
    ):
        steps, counts = [], []
        for step in client.steps(path):
            steps.append(step)
            counts.append(len(read))
            read.clear()
        assert b"".join(steps) == endless("GET", path).body
        assert len(steps) > 2 and max(counts) <= MANY  # of twice as many
    assert client("DELETE", f"{BOOK}/orders/{MANY}").json["totalFilled"] == 2 * MANY


def test_fills_that_are_read_later_are_a_sequence(ledger: Archive) -> None:
    client = traded_with_many(ledger)
    fills = ledger.find(client.services.exchange.book("V", "S"), MANY).fills
    listed = list(fills)
    assert len(fills) == len(listed) == 2 * MANY and sum(f.quantity for f in listed) == 2 * MANY
    assert fills[-1] == listed[-1] and fills[MANY] == listed[MANY]
    for which in (slice(5, 900), slice(3, 2), slice(700, 650, -7), slice(-9, None), slice(0)):
        assert list(fills[which]) == listed[which]
    with pytest.raises(IndexError):
        fills[2 * MANY]


def test_fills_that_are_missing_refuse_the_answer_or_break_it_off() -> None:
    ledger, path = TemporaryLedger(0), f"{BOOK}/orders/{MANY}"
    client = traded_with_many(ledger)
    ledger.connection.execute("DELETE FROM fills WHERE number = ?", (2 * MANY - 1,))
    with pytest.raises(StepRefused, match="503"):
        list(client.steps(path))
    ledger.connection.execute("DELETE FROM fills WHERE number = ?", (FILLS_AT_ONCE + 9,))
    assert client("GET", path).error == (503, CannotRead.sentence)
