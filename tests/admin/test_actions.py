"""What the actions do to orders: in steps, on the tape, and in the file."""

import json
from pathlib import Path
from typing import Any

import pytest
from administered import ADMIN, KEY, PLACE, STUDENTS, Administered, administered, keyed
from wsgi import BUY, ORDERS

from disorderbook.admin import actions
from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import NewOrder, OrderType, Side
from disorderbook.server.response import StepRefused


def fill(client: Administered, count: int, account: str = "ANN") -> None:
    """So many orders of an account, in three books of two venues by turns."""
    exchange = client.services.exchange
    with exchange.transaction():
        places = [("TESTEX", "FOOBAR"), ("TESTEX", "B"), ("SECOND", "B")]
        books = [exchange.book(*place) for place in places]
        for number in range(count):
            new = NewOrder(account, Side.BUY, OrderType.LIMIT, 100 + number % 50, 1)
            exchange.submit(books[number % 3], new)


def resting(client: Administered) -> int:
    exchange = client.services.exchange
    return sum(
        len(level.orders)
        for venue in exchange.venues()
        for book in exchange.books(venue)
        for side in (book.bids, book.asks)
        for level in side
    )


def steps(client: Administered, action: str, fields: dict[str, object]) -> list[int]:
    """How many orders rest after each step of an answer, and what that says in the end."""
    left = []
    answer = [b""]
    for part in client.steps(f"{ADMIN}/{action}", keyed(KEY), "POST", fields):
        # Held in between it would never be free; a thread of the exchange may have it for a moment.
        assert client.services.exchange.lock.acquire(timeout=60)
        client.services.exchange.lock.release()
        left.append(resting(client))
        answer.append(part)
    assert json.loads(b"".join(answer))["ok"] is True
    return [*left, json.loads(b"".join(answer))["cancelled"]]


def test_orders_are_cancelled_in_steps_and_the_lock_is_free_in_between() -> None:
    with administered() as client:
        fill(client, 3500)
        fill(client, 7, "BOB")
        *left, cancelled = steps(client, "cancel", {"account": "ANN"})
        assert cancelled == 3500 and left[-1] == 7 and len(left) > 3500 / actions.CANCELS_AT_ONCE
        assert max(a - b for a, b in zip(left, left[1:], strict=False)) <= actions.CANCELS_AT_ONCE


def test_what_was_cancelled_is_recorded_also_if_nobody_waits_for_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "market.db"
    with administered(database=file) as client:
        fill(client, 300)
        answer = client.steps(f"{ADMIN}/cancel", keyed(KEY), "POST", {"account": "ANN"})
        next(answer), next(answer)
        del answer  # its client has hung up
        assert resting(client) == 300 - 2 * actions.CANCELS_AT_ONCE
    with administered(database=file) as again:
        assert resting(again) == 300 - 2 * actions.CANCELS_AT_ONCE
        [begun] = again.as_admin("").json["actions"]
        assert (begun["account"], begun["detail"]) == ("ANN", "begun")


def test_a_few_orders_are_cancelled_in_one_step() -> None:
    with administered() as client:
        fill(client, 30)
        assert steps(client, "cancel", {"account": "ANN", "venue": "TESTEX", "symbol": "B"}) == [
            20,
            10,
        ]
        assert steps(client, "cancel", {"account": "ANN", "venue": "SECOND"}) == [10, 10]
        assert steps(client, "cancel", {"account": "BOB"}) == [10, 0]


def test_what_comes_and_goes_meanwhile_is_left_alone() -> None:
    with administered() as client:
        fill(client, 300)
        answer = client.steps(f"{ADMIN}/cancel", keyed(KEY), "POST", {"account": "ANN"})
        first = next(answer)
        fill(client, 5)
        with client.services.exchange.transaction():
            client.services.control.reset("SECOND", "B")
        told = json.loads(first + b"".join(answer))
        assert resting(client) == 4  # one of the five was in the book that was begun anew
        assert told["cancelled"] == 200


def test_each_cancel_is_a_tick() -> None:
    heard: list[int] = []

    def publish(book: OrderBook, executions: object) -> None:
        heard.append(book.bids.depth)

    with administered() as client:
        fill(client, 9)
        client.services.exchange.add_publisher(publish)
        assert client.as_admin("cancel", {"account": "ANN"}).json["cancelled"] == 9
        assert heard == [2, 1, 0] * 3


@pytest.mark.parametrize("action", ["halt", "resume", "settle"])
def test_all_stocks_of_a_venue_are_changed_in_steps(
    action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But those that are settled or begun anew before their turn."""
    monkeypatch.setattr(actions, "STOCKS_AT_ONCE", 2)
    with administered(max_books=9) as client:
        services = client.services
        with services.exchange.transaction():
            books = [services.exchange.book("MANY", symbol) for symbol in "ABCDEFG"]
            for book in books:
                if action == "resume":
                    services.exchange.halt(book, "a break")
        fields = {"venue": "MANY"} | ({"price": 7} if action == "settle" else {})
        answer = client.steps(f"{ADMIN}/{action}", keyed(KEY), "POST", fields)
        changed = []
        for number, part in enumerate(answer):
            assert services.exchange.lock.acquire(timeout=60)  # samples of values may be taken
            services.exchange.lock.release()
            if number == 0:
                assert part == b""
                with services.exchange.transaction():
                    services.exchange.settle(books[3], 9)
                    services.control.reset("MANY", "E")
            changed.append(sum(is_changed(book, action) for book in books))
        assert json.loads(part) == {"ok": True, "error": ""} and changed == [2, 3, 4, 5]
        assert books[3].settled == 9
        assert not is_changed(services.exchange.book("MANY", "E"), action) or action == "resume"


def is_changed(book: OrderBook, action: str) -> bool:
    """Whether the action has been done to it; a book that is settled at 9 was so by another."""
    if action == "settle":
        return book.settled == 7
    return book.settled is None and (book.halted is not None) is (action == "halt")


def test_in_a_file_each_step_is_committed(tmp_path: Path) -> None:
    file = tmp_path / "market.db"
    with administered(database=file) as client:
        fill(client, 300)
        left = steps(client, "cancel", {"account": "ANN"})
        assert left[-1] == 300 and not client.services.exchange._ledger._commands
    with administered(database=file) as again:
        assert resting(again) == 0
        begun, done = again.as_admin("").json["actions"]
        assert [done[name] for name in ("action", "account")] == ["cancel", "ANN"]
        assert (begun["detail"], done["detail"]) == ("begun", "300 orders")


@pytest.mark.parametrize("is_refused", [True, False])
def test_a_server_that_is_not_ours_answers_as_ours_does_for_a_step_that_fails(
    is_refused: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with administered(database=tmp_path / "market.db") as client:
        fill(client, 300)
        started: list[tuple[Any, ...]] = []
        environ = client._environ("POST", f"{ADMIN}/cancel", {"account": "ANN"}, keyed(KEY))
        answer = iter(client.app.wsgi(environ, lambda *told: started.append(told)))
        assert [next(answer), next(answer)] == [b"", b""]
        exchange = client.services.exchange
        if is_refused:
            with exchange.lock:
                exchange.roll_back()  # as a disk that is full does
        else:
            monkeypatch.setattr(exchange, "cancel", lambda *_: 1 / 0)
        body = json.loads(b"".join(answer))
        status, headers, fault = started[-1]
        assert status[:3] == ("503" if is_refused else "500") and fault[0] is not None
        assert ("Content-Type", "application/json") in headers
        assert body["ok"] is False and body["error"]


def test_a_step_that_cannot_be_committed_is_taken_back_and_ends_the_answer(tmp_path: Path) -> None:
    file, at_once = tmp_path / "market.db", actions.CANCELS_AT_ONCE
    with administered(database=file) as client:
        fill(client, 300)
        answer = client.steps(f"{ADMIN}/cancel", keyed(KEY), "POST", {"account": "ANN"})
        next(answer), next(answer)
        exchange = client.services.exchange
        with exchange.lock:
            exchange.roll_back()  # as a disk that is full does
        with pytest.raises(StepRefused, match="503"):
            list(answer)
        assert exchange.lock.acquire(blocking=False)
        exchange.lock.release()
        assert resting(client) == 300 - 2 * at_once
        assert client.as_admin("cancel", {"account": "ANN"}).status == 503
        assert resting(client) == 300 - 2 * at_once
    with administered(database=file) as again:
        assert resting(again) == 300 - 2 * at_once
        assert steps(again, "cancel", {"account": "ANN"})[-1] == 300 - 2 * at_once


def test_orders_in_a_settled_stock_rest_until_they_are_cancelled() -> None:
    with administered() as client:
        fill(client, 9)
        assert client.as_admin("settle", {"venue": "TESTEX", "price": 0}).ok
        assert resting(client) == 9
        assert client("DELETE", f"{ORDERS}/0").json["open"] is False
        assert client.as_admin("cancel", {"account": "ANN"}).json["cancelled"] == 8


def test_there_are_at_most_so_many_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "MOST_ACCOUNTS", 3)
    with administered(dict(STUDENTS)) as client:
        assert client.as_admin("add", {"account": "x" * 255}).ok
        before = client.status()
        refused = client.as_admin("add", {"account": "ONE MORE"})
        assert refused.error == (400, "There are too many accounts to add another")
        assert client.status() == before


def test_the_last_account_stays() -> None:
    with administered({"ANN": "annkey"}) as client:
        refused = client.as_admin("expel", {"account": "ANN"})
        assert refused.error == (
            503,
            "The accounts cannot be changed now, so they stay as they were",
        )
        assert client("POST", ORDERS, BUY, keyed("annkey")).status == 200


def test_new_keys_are_of_chance_and_can_be_sent() -> None:
    with administered(dict(STUDENTS)) as client:
        made = {client.as_admin("rekey", {"account": "ANN"}).json["key"] for _ in range(20)}
        assert len(made) == 20 and {len(key) for key in made} == {14}
        assert all(key.isascii() and key.isprintable() and ";" not in key for key in made)


def test_while_nothing_can_be_kept_nothing_is_done(tmp_path: Path) -> None:
    with administered(dict(STUDENTS), tmp_path / "market.db") as client:
        client("POST", ORDERS, BUY, keyed("annkey"))
        client.services.exchange.commit(flush=True)
        client.services.exchange._ledger._fail("a full disk")
        before = client.status()
        unavailable = (
            503,
            "The exchange cannot keep changes now, so it makes none (see the server's log)",
        )
        for action, fields in {
            "open": {"venue": "NEW", "symbol": "S"},
            "halt": PLACE,
            "settle": PLACE | {"price": 5},
            "reset": PLACE,
            "cancel": {"account": "ANN"},
            "expel": {"account": "ANN"},
            "add": {"account": "CAROL"},
            "rekey": {"account": "ANN"},
            "announce": {"text": "Hello"},
            "countdown": {"seconds": 5},
        }.items():
            assert client.as_admin(action, fields).error == unavailable, action
        assert client.status() == before
