"""A market that was used and reset is as one that was never used, whatever it has had."""

import json
import sqlite3
import threading
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from controlled_market import STOCK, THREE, V1, assembled, look, story
from object_graph import differences
from raw_websocket import EXECUTIONS, TICKERS, RawPeer
from wsgi import BUY, ORDERS

from disorderbook.engine.book import OrderBook
from disorderbook.errors import (
    BelongsToLevel,
    CannotWrite,
    Ending,
    IllegalValue,
    MarketWasReset,
    MissingField,
    NoSuchBook,
    NoSuchVenue,
)
from disorderbook.game.simulation import START
from disorderbook.in_process import PrivateExchange, serve
from disorderbook.ledger import temporary
from disorderbook.protocol.names import NANOSECONDS

CONTROL = "/api/v1/control"
HALTED = (403, "Trading in this stock is halted")


def test_a_reset_brings_back_all_that_a_market_has() -> None:
    with assembled() as fresh, assembled() as used:
        expected = look(fresh)
        assert differences(expected, look(used)) == []
        first = story(used)
        assert len(differences(expected, look(used))) > 5000
        used.reset()
        assert differences(expected, look(used)) == []
        assert story(used) == first == story(fresh)
        assert [status for status, _ in first if status != 200] == [400]


class Forgotten:
    """A part that somebody adds later, and registers nowhere."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def publish(self, book: OrderBook, executions: object) -> None:
        self.seen.add(book.symbol)


def test_a_part_that_has_not_registered_is_found() -> None:
    with assembled() as fresh, assembled() as used:
        for client in (fresh, used):
            client.services.exchange.add_publisher(Forgotten().publish)
        expected = look(fresh)
        story(used)
        used.reset()
        found = differences(expected, look(used))
        assert found and all(".seen" in line for line in found)


@pytest.mark.parametrize("name", ["ledger", "clock", "exchange", "game master", "history"])
def test_a_part_that_is_not_reset_is_found(name: str) -> None:
    """Each is missed, so the comparison sees all of them."""
    with assembled() as fresh, assembled() as used:
        expected = look(fresh)
        story(used)
        [part] = [part for part in used.services.control.parts if part.name == name]
        used.services.control._parts.remove(part)
        used.reset()
        assert differences(expected, look(used))


PARTS = {
    "ledger",
    "clock",
    "exchange",
    "game master",
    "faults and latencies",
    "history",
    "opponents",
    "tape",
    "timeline",
    "journal of requests",
    "net asset values over time",
    "scoreboard",
    "rankings",
    "account histories",
    "idempotency keys",
    "notices",
    "actions of the admin",
}


def test_which_parts_there_are() -> None:
    with assembled() as client:
        assert {part.name for part in client.services.control.parts} == PARTS


def test_closed_orders_that_were_moved_out_of_memory_are_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(temporary, "CLOSED_ORDERS_IN_MEMORY", 2)
    monkeypatch.setattr(temporary.TemporaryLedger.__init__, "__defaults__", (2,))
    with assembled() as fresh, assembled() as used:
        expected = look(fresh)
        story(used)
        assert used.services.exchange._ledger.connection.execute(
            "SELECT count(*) FROM orders"
        ).fetchone() > (5,)
        used.reset()
        assert differences(expected, look(used)) == []
        assert used("GET", f"{ORDERS}/0").status == 404


def ask(exchange: PrivateExchange, method: str, path: str, body: object = b"") -> tuple[int, Any]:
    """One request over a socket: the status, and the answer."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(exchange.url + path, sent or None, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as fault:
        return fault.code, json.load(fault)["error"]


def until(listener: RawPeer, text: str) -> list[bytes]:
    """All that a listener is told up to a message with this in it."""
    told = [b""]
    while text.encode() not in told[-1]:
        frame = listener.frame()
        assert frame is not None
        told.append(frame.payload)
    return told


def test_over_http_and_tape_a_reset_market_answers_as_a_new_one() -> None:
    def played(exchange: PrivateExchange, listeners: list[RawPeer]) -> list[object]:
        """Answers to requests, and what the tape tells of them."""
        answers = [
            ask(exchange, "POST", "/api/v1/clock", {"advance": 2}),
            *(ask(exchange, "POST", ORDERS, BUY | {"price": price}) for price in (1, 9000, 1)),
            ask(exchange, "GET", STOCK),
            ask(exchange, "GET", f"{V1}/accounts/ANN"),
            ask(exchange, "GET", "/api/v1/server"),
        ]
        ends = [answers[3][1]["ts"], '"incomingComplete":true']
        told = [until(each, end) for each, end in zip(listeners, ends, strict=True)]
        return [*answers, *told]

    with serve(opponents=THREE, seed=7, clock="stepped", websockets=True, control=True) as exchange:
        ticks = RawPeer.listening(exchange.port, TICKERS)
        with ticks, RawPeer.listening(exchange.port, EXECUTIONS) as executions:
            listeners = [ticks, executions]
            first = played(exchange, listeners)
            exchange.control.reset()
            assert ask(exchange, "GET", STOCK)[1]["bids"] == [] and exchange.time_ns == START
            assert played(exchange, listeners) == first
            assert ask(exchange, "POST", f"{CONTROL}/reset") == (200, {"ok": True, "error": ""})
            assert played(exchange, listeners) == first


def test_a_book_begins_anew_alone() -> None:
    with assembled() as used:
        story(used)
        other = used("GET", ORDERS.replace("FOOBAR", "OTHER") + "/0").body
        used.services.exchange.halt(used.services.exchange.book("TESTEX", "FOOBAR"), "a reason")
        before = used("GET", "/api/v1/clock").body
        used.reset("TESTEX", "FOOBAR")
        assert used("GET", "/api/v1/clock").body == before
        assert used("GET", STOCK).json["bids"] == [] and used("GET", f"{ORDERS}/0").status == 404
        assert used("GET", f"{V1}/stocks/FOOBAR/trades").json["trades"] == []
        assert used("GET", f"{V1}/stocks/FOOBAR/scores").json["accounts"] == 0
        assert used("GET", f"{V1}/accounts/ANN/fills?symbol=FOOBAR").json["fills"] == []
        assert used("GET", ORDERS.replace("FOOBAR", "OTHER") + "/0").body == other
        assert used("POST", ORDERS, BUY, {"Idempotency-Key": "one"}).json["id"] == 0
        used.advance(3)  # the opponents of that book begin anew, too
        assert used("GET", STOCK).json["asks"]


def test_a_levels_book_is_not_begun_anew_or_halted() -> None:
    with assembled() as used:
        started = used("POST", "/gm/levels/first_steps").json
        venue, symbol = started["venues"][0], started["tickers"][0]
        for name in ("reset", "halt", "resume"):
            answer = used("POST", f"{CONTROL}/{name}", {"venue": venue, "symbol": symbol})
            assert answer.error == (400, BelongsToLevel.sentence)
        used.reset()
        assert used("GET", f"/gm/instances/{started['instanceId']}").status == 404
        assert used("POST", "/gm/levels/first_steps").json == started


def test_opponents_keep_quiet_in_a_halted_stock_and_go_on_afterwards() -> None:
    with assembled() as used:
        exchange = used.services.exchange
        used.advance(2)
        book = exchange.book("TESTEX", "FOOBAR")
        exchange.halt(book, "a reason")
        count = book.next_id
        used.advance(5)
        assert book.next_id == count
        exchange.resume(book)
        used.advance(5)
        assert book.next_id > count + 5 and len({o.account for o in book.asks.best.orders.values()})


def test_opponents_keep_quiet_in_a_settled_stock_and_go_on_in_a_new_one() -> None:
    with assembled() as used:
        exchange = used.services.exchange
        used.advance(2)
        book = exchange.book("TESTEX", "FOOBAR")
        exchange.settle(book, 5000)
        count = book.next_id
        used.advance(5)
        assert book.next_id == count
        used.reset("TESTEX", "FOOBAR")
        used.advance(5)
        assert exchange.book("TESTEX", "FOOBAR").next_id > 5


def test_who_waits_for_the_clock_or_for_a_level_is_told() -> None:
    with assembled() as used:
        with used.services.exchange.transaction():
            timeline, master = used.services.timeline, used.services.gamemaster
            waiting = [timeline.advance_later(NANOSECONDS * 1000) for _ in range(2)]
            waiting.append(master.opened(master.start("me", "first_steps")))
            used.services.control.reset()
        for future in waiting:
            with pytest.raises(MarketWasReset):
                future.result(60)


def test_a_listing_that_is_under_way_ends_with_the_market_it_is_of() -> None:
    with assembled() as used:
        for _ in range(200):
            used.order()
        listing = used.steps(f"{V1}/accounts/ANN/orders")
        older = used.steps("/ob/api/venues/TESTEX/accounts/ANN/orders")
        parts, old_parts = [next(listing)], [next(older)]
        used.reset()
        for _ in range(300):
            used.order(price=77)
        for found in (b"".join([*parts, *listing]), b"".join([*old_parts, *older])):
            prices = [order["price"] for order in json.loads(found)["orders"]]
            assert 0 < len(prices) < 200 and 77 not in prices


def test_in_a_file_everything_is_deleted_in_one_transaction(tmp_path: Path) -> None:
    file = tmp_path / "market.db"
    with assembled(database=file) as used:
        first = story(used)
        used.reset()
        assert story(used) == first
        used.reset()
    with assembled(database=file) as again:
        assert again("GET", STOCK).json["bids"] == [] and again.order().json["id"] == 0
        again.reset()
        assert story(again) == first
        tables = ("orders", "executions", "books")
        connection = again.services.exchange._ledger.connection
        again.services.exchange.flush()
        before = [connection.execute(f"SELECT count(*) FROM {t}").fetchone() for t in tables]
        again.reset("TESTEX", "FOOBAR")
        again.services.exchange.flush()
        kept = [connection.execute(f"SELECT count(*) FROM {t}").fetchone() for t in tables]
        assert kept[0] < before[0] and kept[1] < before[1] and kept[2] == before[2]
        again.order()
    with assembled(database=file) as third:
        assert third("GET", f"{ORDERS}/0").json["account"] == "ANN"
        assert third("GET", f"{ORDERS}/1").status == 404


def test_what_cannot_be_deleted_stays(tmp_path: Path) -> None:
    file = tmp_path / "market.db"
    with assembled(database=file) as used:
        used.order()
        used.services.exchange.flush()
        with closing(sqlite3.connect(file)) as other:
            other.execute("BEGIN IMMEDIATE")  # another program writes
            assert used("POST", f"{CONTROL}/reset").error == (503, CannotWrite.sentence)
        assert used("GET", f"{ORDERS}/0").json["open"] is True
        connection = used.services.exchange._ledger.connection
        connection.execute(
            "CREATE TEMP TRIGGER t AFTER DELETE ON books BEGIN SELECT RAISE(ABORT, 'x'); END"
        )
        assert used("POST", f"{CONTROL}/reset").error == (503, CannotWrite.sentence)
        assert used("GET", f"{ORDERS}/0").json["open"] is True
    with assembled(database=file) as again:
        assert again("GET", f"{ORDERS}/0").json["open"] is True


def test_a_reset_in_process_is_committed_with_what_others_have_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "market.db"
    with serve(database=file) as exchange, closing(sqlite3.connect(file)) as reader:
        for _ in range(3):
            ask(exchange, "POST", ORDERS, BUY)
        exchange.control.reset()
        assert reader.execute("SELECT count(*) FROM orders").fetchone() == (0,)
        assert reader.execute("SELECT venue, symbol, orders FROM books").fetchall() == [
            ("TESTEX", "FOOBAR", 0)
        ]
        assert ask(exchange, "POST", ORDERS, BUY)[1]["id"] == 0


def test_a_reset_while_others_trade_leaves_nothing_behind() -> None:
    with serve(opponents=THREE, seed=7, speed=100, websockets=True) as exchange:
        answers: list[int] = []

        def trade() -> None:
            for number in range(150):
                status, _ = ask(exchange, "POST", ORDERS, BUY | {"price": 1 + number})
                answers.append(status)

        threads = [threading.Thread(target=trade) for _ in range(2)]
        for thread in threads:
            thread.start()
        resets = 0
        while any(thread.is_alive() for thread in threads):
            exchange.control.reset()
            resets += 1
        for thread in threads:
            thread.join()
        assert set(answers) == {200} and resets > 2
        exchange.control.halt("TESTEX", "FOOBAR")
        exchange.control.reset()
        exchange.control.halt("TESTEX", "FOOBAR")
        status, book = ask(exchange, "GET", STOCK)
        assert status == 200 and book["bids"] == []


def test_control_says_what_it_cannot_do() -> None:
    with serve() as exchange:
        control = exchange.control
        for refusal, call in (
            (MissingField, lambda: control.reset("TESTEX")),
            (NoSuchVenue, lambda: control.reset("NOWHERE", "FOOBAR")),
            (NoSuchBook, lambda: control.halt("TESTEX", "NOTHING")),
            (IllegalValue, lambda: control.halt("TESTEX", "FOOBAR", "")),
        ):
            with pytest.raises(refusal) as caught:
                call()
            assert caught.value.__notes__ == [caught.value.detail]  # which pytest shows
        control.halt("TESTEX", "FOOBAR")
        assert ask(exchange, "POST", ORDERS, BUY) == HALTED
        control.reset()
        assert ask(exchange, "POST", ORDERS, BUY)[0] == 200
        control.halt("TESTEX", "FOOBAR")
        control.resume("TESTEX", "FOOBAR")
        assert ask(exchange, "POST", ORDERS, BUY)[0] == 200
    with pytest.raises(Ending):
        control.reset()
