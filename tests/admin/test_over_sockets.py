"""The admin at work on an exchange with sockets: orders that are cancelled in steps are answered as
a whole, and an expelled account hears nothing any more.
"""

import json
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from administered import KEY, STUDENTS
from raw_http import Peer, post, wait_until
from raw_websocket import RawPeer

from disorderbook.client import AdminClient, Market, MarketError, Refused
from disorderbook.engine.book import OrderBook
from disorderbook.in_process import PrivateExchange, serve

TAPE = "/ob/api/ws/{}/venues/TESTEX/{}"


@pytest.fixture(scope="module")
def exchange() -> Iterator[PrivateExchange]:
    with serve(accounts=STUDENTS, admin_key=KEY, websockets=True) as exchange:
        yield exchange


def place(exchange: PrivateExchange, account: str, key: str, count: int) -> None:
    with Market("TESTEX", "FOOBAR", account, key, exchange.url) as market:
        for number in range(count):
            market.buy(100 + number % 7, 1)


def test_whoever_is_expelled_is_cut_off_and_everybody_sees_the_book_without_him(
    exchange: PrivateExchange,
) -> None:
    place(exchange, "BOB", "bobkey", 300)
    place(exchange, "ANN", "annkey", 1)
    own = TAPE.format("{}", "executions?api_key={}")
    with (
        RawPeer.listening(exchange.port, own.format("BOB", "bobkey")) as gone,
        RawPeer.listening(exchange.port, own.format("ANN", "annkey")) as stays,
        RawPeer.listening(exchange.port, TAPE.format("ANN", "tickertape")) as ticks,
        AdminClient(exchange.url, KEY) as admin,
        Market("TESTEX", "FOOBAR", "BOB", "bobkey", exchange.url) as bob,
    ):
        assert admin.do("expel", account="BOB")["cancelled"] == 300
        closing = gone.frame()
        assert closing is not None and closing.payload[:2] == (1008).to_bytes(2, "big")
        with pytest.raises(Refused, match="Unknown account or wrong API key"):
            bob.buy(100, 1)
        depth = None
        while depth != 1:
            frame = ticks.frame()
            assert frame is not None
            depth = json.loads(frame.payload)["quote"]["bidDepth"]
        key = str(admin.do("add", account="CAROL")["key"])
        with Market("TESTEX", "FOOBAR", "CAROL", key, exchange.url) as carol:
            carol.sell(100, 1)
        heard = stays.frame()
        assert heard is not None and json.loads(heard.payload)["account"] == "ANN"


@pytest.mark.parametrize("also", ["", "\r\nSec-Fetch-Site: same-origin"], ids=["program", "page"])
def test_whoever_hangs_up_has_it_done_all_the_same(
    exchange: PrivateExchange, monkeypatch: pytest.MonkeyPatch, also: str
) -> None:
    monkeypatch.setattr("disorderbook.admin.actions.CANCELS_AT_ONCE", 1)
    place(exchange, "ANN", "annkey", 50)
    with Peer(exchange.port) as peer:
        at_once = struct.pack("ii", 1, 0)  # with a reset
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        key = f"X-Starfighter-Authorization: {KEY}{also}"
        peer.send(post("/api/v1/admin/cancel", b'{"account": "ANN"}', key))
    with Market("TESTEX", "FOOBAR", "ANN", "annkey", exchange.url) as ann:
        assert wait_until(lambda: not ann.open_orders())


@pytest.mark.parametrize(("left", "kept"), [(100, 108), (108, 172)], ids=["in it", "at its commit"])
def test_a_later_step_that_the_disk_cannot_take_is_a_refusal(
    tmp_path: Path, left: int, kept: int
) -> None:
    """Each step cancels 64; the one that fails is undone."""
    file = tmp_path / "market.db"
    with serve(accounts=STUDENTS, admin_key=KEY, database=file) as durable:
        place(durable, "ANN", "annkey", 300)
        inner = durable._exchange

        def fail(book: OrderBook, executions: object) -> None:
            if book.bids.depth == left:
                inner.roll_back()  # as a disk that is full does

        inner.add_publisher(fail)
        with AdminClient(durable.url, KEY) as admin:
            with pytest.raises(MarketError, match="cannot keep changes now"):
                admin.do("cancel", account="ANN")
    with serve(database=file) as again, Market("TESTEX", "FOOBAR", "ANN", url=again.url) as ann:
        assert ann.quote().bid_depth == kept
