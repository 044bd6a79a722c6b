"""Snapshots: what is restored is what was saved, each time."""

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from controlled_market import MAY_DIFFER, Assembled, assembled, look, story
from object_graph import differences
from wsgi import BUY, ORDERS

from disorderbook.control import control as control_module
from disorderbook.control.control import Restorable
from disorderbook.errors import (
    CannotSnapshot,
    IllegalValue,
    MarketWasReset,
    NoRoomForSnapshot,
    NoSuchSnapshot,
)
from disorderbook.in_process import serve
from disorderbook.ledger import temporary
from disorderbook.protocol.names import NANOSECONDS

CONTROL = "/api/v1/control"
STOCK = "/ob/api/venues/TESTEX/stocks/FOOBAR"

# What a snapshot does not have: what was asked, and what nothing follows from.
NOT_RESTORED = ("journal", "_snapshots", "timeline._target", "_schedule._next_number")


def market(client: Assembled) -> dict[str, str]:
    """All that is in a snapshot, without what is worked out anew when somebody asks."""
    exchange, control = client.services.exchange, client.services.control
    for part in control.parts:
        if not isinstance(part, Restorable):
            part.reset(None)
    for book in (book for venue in exchange.venues() for book in exchange.books(venue)):
        book.bids.view = book.asks.view = None
    found = look(client)
    return {
        path: value
        for path, value in found.items()
        if not any(name in path for name in (*NOT_RESTORED, *MAY_DIFFER))
    }


def test_what_is_restored_is_what_was_saved_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(temporary.TemporaryLedger.__init__, "__defaults__", (9,))
    with assembled() as used:
        control = used.services.control
        story(used)
        instance = used("POST", "/gm/levels/first_steps").json["instanceId"]
        assert used("POST", f"/gm/instances/{instance}/stop").status == 200
        for price in (70, 71, 70):
            used.order(price=price)
        used.services.exchange.halt(used.services.exchange.book("TESTEX", "OTHER"), "a reason")
        saved = market(used)
        assert len(saved) > 5000
        with used.services.exchange.lock:
            control.snapshot("here")
        asked = ("GET", STOCK, b"", {}), ("POST", ORDERS, BUY, {"Idempotency-Key": "two"})
        first = [used(*each).body for each in asked] + story(used)
        for _ in range(2):
            with used.services.exchange.lock:
                control.restore("here")
            assert differences(saved, market(used)) == []
            assert [used(*each).body for each in asked] + story(used) == first
        other = ORDERS.replace("FOOBAR", "OTHER")
        assert used("POST", other, BUY).status == 403
        moved = used.services.exchange._ledger.connection.execute("SELECT count(*) FROM orders")
        assert moved.fetchone() > (10,)


def test_orders_keep_their_ids_and_their_places_in_the_queue() -> None:
    with serve() as exchange:

        def ask(account: str, direction: str, qty: int) -> Any:
            sent = json.dumps(BUY | {"account": account, "direction": direction, "qty": qty})
            with urllib.request.urlopen(exchange.url + ORDERS, sent.encode()) as answer:
                return json.load(answer)

        for account in ("ANN", "BOB", "CYD"):
            ask(account, "buy", 10)
        exchange.control.snapshot("three")
        for _ in range(2):
            assert ask("DAN", "sell", 15)["id"] == 3
            with urllib.request.urlopen(f"{exchange.url}{ORDERS}/1") as answer:
                assert json.load(answer)["qty"] == 5  # BOB came second
            exchange.control.restore("three")
        exchange.control.reset()
        exchange.control.restore("three")
        assert ask("DAN", "sell", 15)["id"] == 3


def test_who_waits_is_told_and_levels_in_play_end() -> None:
    with assembled() as used:
        control, timeline = used.services.control, used.services.timeline
        with used.services.exchange.lock:
            control.snapshot("empty")
            waiting = timeline.advance_later(NANOSECONDS * 1000)
            control.restore("empty")
        with pytest.raises(MarketWasReset):
            waiting.result(60)
        started = used("POST", "/gm/levels/first_steps").json
        assert used("POST", f"{CONTROL}/snapshots", {"name": "x"}).error == (
            400,
            CannotSnapshot.sentence,
        )
        assert used("POST", f"{CONTROL}/snapshots/empty/restore").status == 200
        assert used("GET", f"/gm/instances/{started['instanceId']}").status == 404
        assert used("POST", "/gm/levels/first_steps").json == started


def test_snapshots_are_bounded_in_number_and_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_module, "MOST_SNAPSHOTS", 2)
    with assembled() as used:
        path = f"{CONTROL}/snapshots"
        for name in ("one", "two", "two"):
            assert used("POST", path, {"name": name}).status == 200
        assert used("POST", path, {"name": "three"}).error == (503, NoRoomForSnapshot.sentence)
        listed = used("GET", path).json["snapshots"]
        assert [each["name"] for each in listed] == ["one", "two"] and listed[0]["size"] > 100
        assert used("DELETE", f"{path}/one").status == 200
        assert used("DELETE", f"{path}/one").error == (404, NoSuchSnapshot.sentence)
        assert used("POST", f"{path}/one/restore").error == (404, NoSuchSnapshot.sentence)
        for _ in range(50):
            used.order()
        monkeypatch.setattr(control_module, "MOST_SNAPSHOT_BYTES", listed[0]["size"] + 1000)
        assert used("POST", path, {"name": "two"}).error == (503, NoRoomForSnapshot.sentence)
        assert used("POST", f"{path}/two/restore").status == 200  # the older one is still there
        assert used("GET", STOCK).json["bids"] == []
        for body in ({}, {"name": 7}, {"name": ""}, {"name": "a/b"}, {"name": ".."}, {"nmae": "a"}):
            assert used("POST", path, body).status == 400
        missing = used("DELETE", f"{path}/one").headers["X-Error-Detail"]
        assert missing == '"name is \\"one\\"; allowed: a name of the 1 there"'


def test_a_market_in_a_file_takes_no_snapshot(tmp_path: Path) -> None:
    with serve(database=tmp_path / "market.db") as exchange:
        with pytest.raises(CannotSnapshot) as refusal:
            exchange.control.snapshot("here")
        assert "in a file" in refusal.value.detail and exchange.control.snapshots == ()
        with pytest.raises(NoSuchSnapshot):
            exchange.control.restore("here")
        with pytest.raises(IllegalValue):
            exchange.control.snapshot("")
