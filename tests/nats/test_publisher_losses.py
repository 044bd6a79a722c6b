"""What a publisher counts as lost, and tells, with a client that stands in for nats-py's."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
from raw_http import wait_until

from disorderbook.engine.orders import BUY, LIMIT, SELL, NewOrder
from disorderbook.exchange import Exchange, Titles
from disorderbook.nats import messages, publisher, queue
from disorderbook.nats.connection import nats_access
from disorderbook.nats.publisher import Publisher
from disorderbook.nats.subjects import GAP_SUBJECT, quoted_subject

ACCESS = nats_access("nats://127.0.0.1:1")


class Message(NamedTuple):
    subject: str
    payload: bytes
    headers: dict[str, str]

    @property
    def kind(self) -> str:
        return self.subject.split(".")[3] if self.subject != GAP_SUBJECT else "gap"


class Server:
    """Takes what is published, unless it is away, takes no more bytes, refuses or does not confirm.
    It is its own client.
    """

    _transport = None
    _reading_task = None
    is_closed = False
    pending_data_size = 0

    def __init__(self) -> None:
        self.max_payload = 1 << 20
        self.is_away = self.is_silent = False
        self.refuses: Callable[[Message], bool] = lambda message: False
        self.taken: list[Message] = []
        self._unconfirmed = 0  # messages besides notes of gaps

    async def connect(self, _: object, on_error: Any, on_closed: Any) -> "Server":
        if self.is_away:
            raise ConnectionRefusedError("away")
        self._on_error, self._unconfirmed = on_error, 0
        return self

    async def publish(self, subject: str, payload: bytes, headers: dict[str, str]) -> None:
        message = Message(subject, payload, headers)
        self._unconfirmed += message.kind != "gap"
        assert len(payload) <= self.max_payload
        if self.refuses(message):
            subject = quoted_subject(message.subject)
            await self._on_error(Exception(f"nats: permissions violation for publish to {subject}"))
        else:
            self.taken.append(message)

    async def flush(self, seconds: float) -> None:
        if self.is_silent and self._unconfirmed:
            await asyncio.sleep(60)
        self._unconfirmed = 0

    async def close(self) -> None:
        pass

    def count(self, kind: str) -> int:
        return sum(each.kind == kind for each in self.taken)

    def numbers(self, kind: str, header: str) -> list[int]:
        return [int(each.headers[header]) for each in tuple(self.taken) if each.kind == kind]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server()
    monkeypatch.setattr(publisher, "connect", server.connect)
    monkeypatch.setattr(publisher, "CONFIRM_SECONDS", 0.05)
    monkeypatch.setattr(publisher, "RETRY_SECONDS", 0.01)
    return server


class Market:
    """An exchange, and what it publishes, executions among it."""

    def __init__(self, publishing: Publisher, exchange: Exchange) -> None:
        self.publisher, self.exchange = publishing, exchange

    def trade(self, times: int = 1, venue: str = "V") -> None:
        with self.exchange.lock:
            for _ in range(times):
                for account, side in (("a", SELL), ("b", BUY)):
                    new = NewOrder(account, side, LIMIT, 10, 1)
                    self.exchange.submit(self.exchange.book(venue, "S"), new)

    def wait(self, is_so: Callable[[publisher.PublisherCounts], object]) -> None:
        assert wait_until(lambda: bool(is_so(self.publisher.counts()))), self.publisher.counts()


@pytest.fixture
def market(server: Server) -> Iterator[Market]:
    with publishing() as running:
        running.wait(lambda _: not running.publisher._queue.is_conflating)  # and is connected
        yield running


@contextmanager
def publishing() -> Iterator[Market]:
    running = Publisher(ACCESS, has_executions=True)
    exchange = Exchange(publishers=[running.add])
    running.start(exchange)
    try:
        yield Market(running, exchange)
    finally:
        running.close()


def test_no_quote_comes_behind_a_newer_one_where_a_batch_ends_within_an_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publisher, "BATCH_MESSAGES", 1)
    monkeypatch.setattr(publisher, "LATE_SECONDS", 1e9)
    publishing = Publisher(ACCESS)
    publishing._exchange = exchange = Exchange(publishers=[publishing.add])
    publishing._queue.catch_up()
    with exchange.lock:
        book = exchange.book("V", "S")
        for account, side, shares in (("a", SELL, 1), ("b", SELL, 1), ("c", BUY, 2)):
            exchange.submit(book, NewOrder(account, side, LIMIT, 10, shares))
        batches = [publishing._next_batch() for _ in range(3)]
        publishing._queue.conflate()
        exchange.submit(book, NewOrder("d", BUY, LIMIT, 5, 1))
    assert [each.kind for batch in batches for each in batch] == ["quote", "quote", "trade"]
    rest = [each for batch in iter(publishing._next_batch, []) for each in batch]
    assert rest[0].kind == "trade" and len(rest) > 1
    assert all(b'"bid":5' in each.payload for each in rest[1:])
    assert not publishing._queue


@pytest.mark.parametrize("kind", ["quote", "trade", "execution"])
def test_what_the_server_refuses_is_lost_and_not_published(
    server: Server, market: Market, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    everything = {"quote": 6, "trade": 3, "execution": 6}
    server.refuses = lambda message: message.kind == kind
    market.trade(3)
    market.wait(lambda counts: sum(counts.messages.values()) + counts.lost["refused"] == 15)
    counts = market.publisher.counts()
    assert counts.lost["refused"] == everything[kind]
    assert counts.messages == {**everything, kind: 0}
    assert caplog.text.count("does not let us publish") == 1


def test_what_is_refused_is_found_by_its_subject(server: Server, market: Market) -> None:
    server.refuses = lambda message: message.subject.endswith("execution.a")
    market.trade(2)
    market.wait(lambda counts: counts.messages["quote"] == 4)
    assert market.publisher.counts().messages["execution"] == 2
    market.wait(lambda _: server.count("gap") == 2)


def test_a_refused_note_of_a_gap_is_no_lost_message(server: Server) -> None:
    server.refuses = lambda message: message.kind == "gap"
    with publishing() as market:
        market.trade()
        market.wait(lambda counts: counts.messages["execution"] == 2)
        assert sum(market.publisher.counts().lost.values()) == 0


@pytest.mark.parametrize("kind", ["tick", "trade", "execution"])
def test_a_message_that_fails_is_counted_and_takes_its_number(
    server: Server, market: Market, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    def fail(*_: object) -> bytes:
        raise RuntimeError("of a test")

    with monkeypatch.context() as patch:
        patch.setattr(messages, f"{kind}_message", fail)
        market.trade()
        failed = {"tick": 2, "trade": 1, "execution": 2}[kind]
        market.wait(lambda counts: counts.lost["failed"] == failed)
        market.wait(lambda counts: sum(counts.messages.values()) == 5 - failed)
    market.trade()
    market.wait(lambda counts: sum(counts.messages.values()) == 10 - failed)
    assert server.numbers("trade", "Disorderbook-Trade")[-1] == 2
    assert server.numbers("trade", "Disorderbook-Sequence")[-1] == 5
    assert server.numbers("execution", "Disorderbook-Sequence")[-2:] == [2, 2]
    assert server.count("gap") == (2 if kind == "execution" else 1)
    assert market.publisher.counts().outages == 0


def test_a_gap_is_told_where_nothing_else_waits(server: Server) -> None:
    server.max_payload = 300  # of which headers may take 256, so that nothing fits
    with publishing() as market:
        market.wait(lambda _: server.count("gap") == 1)
        market.wait(lambda _: not market.publisher._queue.is_conflating)
        market.trade()
        market.wait(lambda counts: counts.lost["too_large"] == 5)
        market.wait(lambda _: server.count("gap") == 2)
        assert len(server.taken) == 2 and sum(market.publisher.counts().messages.values()) == 0


def test_that_nothing_fits_is_told_once(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    server.max_payload = 300
    with publishing() as market:
        market.trade(5)
        market.wait(lambda counts: counts.lost["too_large"] >= 15)
    assert caplog.text.count("too large for nats://127.0.0.1:1") == 1


def test_what_is_dropped_after_it_was_repeated_is_told(
    server: Server, market: Market, caplog: pytest.LogCaptureFixture
) -> None:
    server.is_silent = True
    market.trade()
    market.wait(lambda counts: counts.lost["outage"] == 3)
    assert wait_until(lambda: "has not confirmed 3 trades and executions, and" in caplog.text)
    assert [each.kind for each in server.taken].count("trade") == 2
    server.is_silent = False
    market.wait(lambda _: server.count("gap") == 3)  # at the start, after one try, after the other
    market.wait(lambda counts: counts.messages["quote"] == 1)
    assert market.publisher.counts().lost["outage"] == 3


def test_quotes_that_were_confirmed_just_before_an_outage_are_read_again(
    server: Server, market: Market
) -> None:
    market.trade()
    market.wait(lambda counts: counts.messages["quote"] == 2)
    server.is_silent = True
    market.trade(venue="W")
    market.wait(lambda counts: counts.outages > 0)
    server.is_silent = False
    market.wait(lambda counts: counts.messages["quote"] == 4)
    last = [each for each in server.taken if each.subject == "disorderbook.V.S.quote"][-1]
    assert "Disorderbook-Read" in last.headers
    market.wait(lambda _: server.count("gap") > 1)


def test_what_is_repeated_has_to_fit_another_server(server: Server, market: Market) -> None:
    server.is_silent = True
    market.trade()
    assert wait_until(lambda: server.count("trade") == 1)
    server.max_payload, server.is_silent = 300, False
    market.wait(lambda counts: counts.lost["too_large"] >= 3 and counts.is_connected)
    assert market.publisher.counts().lost["outage"] == 0 and server.count("trade") == 1


def test_executions_of_levels_that_find_no_room_are_not_lost(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.is_away = True
    with publishing() as market, monkeypatch.context() as patch:
        with market.exchange.lock:
            market.exchange.reserve("LEVEL", "S", Titles("", ""))
        patch.setattr(queue, "MOST_EVENTS", 0)
        market.trade(4, "LEVEL")
        patch.undo()
        server.is_away = False
        market.wait(lambda counts: counts.lost["full"] > 0 and counts.waiting == 0)
        assert market.publisher.counts().lost["full"] == 4
        market.trade()
        market.wait(lambda counts: counts.messages["execution"] == 2)
        assert server.count("gap") == 1, "the one of the start"


@pytest.mark.parametrize("is_away", [False, True])
def test_of_a_level_that_is_closed_nothing_is_kept(
    server: Server, market: Market, is_away: bool
) -> None:
    with market.exchange.lock:
        book = market.exchange.reserve("V", "S", Titles("", ""))
    market.trade()
    market.wait(lambda counts: counts.messages["trade"] == 1)
    server.is_away = server.is_silent = is_away
    market.trade(int(is_away), "W")
    market.wait(lambda counts: counts.is_connected is not is_away)
    with market.exchange.lock:
        market.exchange.close_venue("V")
        market.publisher.forget(book)
    assert wait_until(lambda: ("V", "S") not in market.publisher._publications._numbers)
    server.is_away = server.is_silent = False
    market.exchange._closed.clear()  # as when the market begins anew
    market.trade()
    own = "disorderbook.V.S.execution.a"
    market.wait(lambda _: own in [each.subject for each in tuple(server.taken)])
    both = [each.headers for each in server.taken if each.subject == "disorderbook.V.S.trade"]
    assert [each["Disorderbook-Trade"] for each in both] == ["1", "1"]
    assert both[0]["Disorderbook-Run"] != both[1]["Disorderbook-Run"]


@pytest.mark.parametrize("is_reset", [False, True])
def test_whenever_it_is_asked_a_level_that_closes_is_one(is_reset: bool) -> None:
    publishing = Publisher(ACCESS)
    publishing._exchange = exchange = Exchange()
    with exchange.lock:
        book = exchange.reserve("V", "S", Titles("", ""))
    known: list[bool] = []

    def ask(frame: Any, *_: object) -> Any:
        """At each step, as another thread may."""
        sys.settrace(None)
        frame.f_trace_opcodes = True
        known.append(publishing._is_level(book))
        sys.settrace(ask)
        return ask

    with exchange.lock:
        before = sys.gettrace()
        sys.settrace(ask)
        exchange.reset(None) if is_reset else exchange.close_venue("V")
        sys.settrace(before)
    assert len(known) > 3 and all(known)
