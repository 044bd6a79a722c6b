"""Who is told what, in which order, and what it costs the exchange."""

import json
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from raw_http import serving
from raw_websocket import (
    CLOSE,
    EXECUTIONS,
    PATIENCE,
    PING,
    PONG,
    TEXT,
    TICKERS,
    RawPeer,
    frame,
    handshake,
)
from recordings import TRACES, masked
from tape_market import Market, market, message, wait_until
from wsgi import Client

from disorderbook.accounts import Accounts
from disorderbook.api.app import make_app
from disorderbook.api.services import Services
from disorderbook.engine.book import Execution
from disorderbook.engine.orders import OrderType, Side
from disorderbook.exchange import Exchange
from disorderbook.game.master import GameMaster
from disorderbook.marketdata.history import History
from disorderbook.tape import conflation, feed
from disorderbook.tape.feed import Tape
from disorderbook.tape.listener import Listener
from disorderbook.tape.outbox import Batch
from disorderbook.timeline.clock import RealClock
from disorderbook.timeline.timeline import Timeline

TRACE = TRACES / "tape.json"
KEYS = Accounts({"ANN": "annkey", "BOB": "bobkey"})


def url(
    account: str = "ANN", topic: str = "executions", venue: str = "TESTEX", symbol: str = ""
) -> str:
    stock = f"/stocks/{symbol}" if symbol else ""
    return f"/ob/api/ws/{account}/venues/{venue}/{topic}{stock}"


def nothing_more(peer: RawPeer) -> bool:
    """Whether the peer was sent nothing that it has not read: a ping is answered at once."""
    peer.send(frame(PING, b"nothing more"))
    return peer.frame() == (PONG, b"nothing more", True)


# The recording.


@pytest.fixture
def house_with_tape() -> Iterator[tuple[Tape, Client]]:
    with Tape(Accounts(), 0) as tape:
        client = Client()
        exchange = Exchange(publishers=[tape.publish])
        exchange.book("TESTEX", "FOOBAR")
        client.services = Services(
            exchange,
            Accounts(),
            GameMaster(exchange, Accounts()),
            Timeline(exchange, RealClock()),
            False,
            History(0),
        )
        client.app = make_app(client.services)
        yield tape, client


@pytest.mark.parametrize("by_http", [False, True])
def test_the_tape_says_what_the_first_one_said_at_both_ports__difference_27(
    house_with_tape: tuple[Tape, Client], by_http: bool
) -> None:
    tape, client = house_with_tape
    trace = json.loads(TRACE.read_text())
    with serving(client.app, upgrade=tape.take_over) as server:
        port = server.port if by_http else tape.port
        peers = {path: RawPeer.listening(port, path) for path in trace["sockets"]}
    for asked in trace["requests"]:
        client(asked["method"], asked["path"], asked.get("body", "").encode(), asked["headers"])
    for path, expected in trace["sockets"].items():
        for number, recorded in enumerate(expected):
            got = peers[path].frame()
            assert got is not None
            assert json.loads(masked(got.payload.decode())) == recorded, (path, number)
        assert nothing_more(peers[path]), path
        peers[path].socket.close()
    assert sum(map(len, trace["sockets"].values())) == tape.counts().messages == 623


# Who is told what.


@pytest.fixture(scope="module")
def services() -> Iterator[Market]:
    with market() as open_market:
        yield open_market


@pytest.fixture
def venue(request: pytest.FixtureRequest) -> str:
    """A venue for each test."""
    return str(request.node.name.upper()[:100])


def test_a_ticker_listener_hears_of_its_venue_or_stock(services: Market, venue: str) -> None:
    with (
        services.peer(url(topic="tickertape", venue=venue)) as whole,
        services.peer(url(topic="tickertape", venue=venue, symbol="FOO")) as stock,
    ):
        for symbol in ("FOO", "BAR"):
            services.order(venue=venue, symbol=symbol)
        services.order(venue="ELSEWHERE", symbol="FOO")
        heard = [message(whole.frame())["quote"]["symbol"] for _ in range(2)]
        assert heard == ["FOO", "BAR"] and nothing_more(whole)
        assert message(stock.frame())["quote"]["symbol"] == "FOO" and nothing_more(stock)


def test_executions_go_to_the_two_accounts_alone(services: Market, venue: str) -> None:
    accounts = ("ANN", "BOB", "EVE")
    peers = {name: services.peer(url(name, venue=venue)) for name in accounts}
    services.trade("ANN", "BOB", venue=venue)
    for name in ("ANN", "BOB"):
        execution = message(peers[name].frame())
        assert execution["account"] == execution["order"]["account"] == name
        assert nothing_more(peers[name])
    assert nothing_more(peers["EVE"])
    for peer in peers.values():
        peer.socket.close()


def test_executions_of_one_stock_alone(services: Market, venue: str) -> None:
    with services.peer(url("ANN", venue=venue, symbol="FOO")) as stock:
        for symbol in ("BAR", "FOO"):
            services.trade(venue=venue, symbol=symbol)
        assert message(stock.frame())["symbol"] == "FOO" and nothing_more(stock)


def test_who_trades_with_himself_hears_it_twice_the_standing_order_first(
    services: Market, venue: str
) -> None:
    with services.peer(url("ANN", venue=venue)) as ann:
        services.trade("ANN", "ANN", venue=venue)
        first, second = message(ann.frame()), message(ann.frame())
        assert (first["order"]["id"], second["order"]["id"]) == (0, 1)
        assert nothing_more(ann)


def test_an_execution_shows_the_order_as_it_stood_right_after_that_trade(
    services: Market, venue: str
) -> None:
    with services.peer(url("BOB", venue=venue)) as bob:
        for price in (100, 101, 102):
            services.order("ANN", Side.SELL, 10, price, venue=venue)
        services.order("BOB", Side.BUY, 25, 102, venue=venue)
        told = [message(bob.frame()) for _ in range(3)]
    assert [each["price"] for each in told] == [100, 101, 102]
    assert [each["order"]["totalFilled"] for each in told] == [10, 20, 25]
    assert [len(each["order"]["fills"]) for each in told] == [1, 2, 3]
    assert [each["standingComplete"] for each in told] == [True, True, False]
    assert [each["incomingComplete"] for each in told] == [False, False, True]


def test_all_executions_come_before_the_tick_in_the_order_of_the_trades(
    services: Market, venue: str
) -> None:
    with (
        services.peer(url(topic="tickertape", venue=venue)) as ticks,
        services.peer(url("ANN", venue=venue)) as ann,
        services.peer(url("BOB", venue=venue)) as bob,
    ):
        for number in range(100):
            services.order("ANN", Side.SELL, venue=venue)
            ticks.frame()
            services.order("BOB", Side.BUY, venue=venue)
            ticks.frame()
            # Where there is a tick to read, there are the executions that led to it.
            for peer in (ann, bob):
                peer.socket.setblocking(False)
                assert message(peer.frame())["standingId"] == 2 * number


def test_what_ticks_and_what_does_not(services: Market, venue: str) -> None:
    with services.peer(url(topic="tickertape", venue=venue)) as peer:
        order = services.order("ANN", venue=venue)
        for _ in range(2):  # the second time it is closed already
            with services.exchange.transaction():
                services.exchange.cancel(order)
        services.order("ANN", Side.BUY, 9, order_type=OrderType.FILL_OR_KILL, venue=venue)
        services.order("ANN", Side.BUY, 9, order_type=OrderType.IMMEDIATE_OR_CANCEL, venue=venue)
        depths = [message(peer.frame())["quote"]["bidDepth"] for _ in range(4)]
        assert depths == [1, 0, 0, 0] and nothing_more(peer)


def test_a_tick_is_compact_json_that_says_ok_once__differences_10_and_11(
    services: Market, venue: str
) -> None:
    with services.peer(url(topic="tickertape", venue=venue)) as peer:
        services.order("ANN", price=123, venue=venue, symbol='A"B')
        got = peer.frame()
    assert got is not None
    assert got.payload.startswith(b'{"ok":true,"quote":{"venue":"') and b'"A\\"B"' in got.payload
    assert "ok" not in message(got)["quote"] and b", " not in got.payload


def test_a_venue_may_be_listened_to_before_it_exists(services: Market, venue: str) -> None:
    with (
        services.peer(url("ANN", venue=venue, symbol="NEW")) as executions,
        services.peer(url(topic="tickertape", venue=venue, symbol="NEW")) as ticks,
    ):
        assert venue not in services.exchange.venues()
        services.trade(venue=venue, symbol="NEW")
        assert message(executions.frame())["venue"] == venue
        assert message(ticks.frame())["quote"]["venue"] == venue


def test_whoever_has_read_the_answer_to_his_handshake_misses_nothing(
    services: Market, venue: str
) -> None:
    for number in range(100):
        with services.peer(url(topic="tickertape", venue=f"{venue}{number}")) as peer:
            services.order(venue=f"{venue}{number}")
            assert message(peer.frame())["ok"]


# Who is refused.


@pytest.mark.parametrize("path", ["/", "/ob/api/ws/ANN/venues/TESTEX/orders", "/caf%C3%A9"])
def test_an_unknown_url_gets_the_four_forms_and_1008__difference_12(
    services: Market, path: str
) -> None:
    with services.peer(path) as peer:
        said, closing = peer.frames()
        refusal = message(said)
        assert refusal.keys() == {"ok", "error"} and refusal["ok"] is False
        assert refusal["error"].startswith(f"{path} is not one of ")
        assert refusal["error"].count("/ob/api/ws/ACCOUNT/venues/VENUE/") == 4
        assert closing.opcode == CLOSE and closing.code == 1008
    assert services.tape.counts().listeners == 0


@pytest.mark.parametrize(
    "headers, sentence",
    [
        ((), "Server is in +authentication mode but no API key was received"),
        (("X-Starfighter-Authorization: bobkey",), "Unknown account or wrong API key"),
        (("Cookie: api_key=nonsense",), "Unknown account or wrong API key"),
    ],
)
def test_executions_without_the_key_get_a_sentence_and_1008__difference_13(
    headers: tuple[str, ...], sentence: str
) -> None:
    with market(KEYS) as services, services.peer(EXECUTIONS, *headers) as peer:
        said, closing = peer.frames()
        assert message(said) == {"ok": False, "error": sentence}
        assert closing.code == 1008


def test_with_its_key_an_account_hears_its_executions__difference_13() -> None:
    with market(KEYS) as services, services.peer(EXECUTIONS + "?api_key=annkey") as peer:
        services.trade("ANN", "BOB")
        assert message(peer.frame())["account"] == "ANN"


def test_ticks_are_for_everybody_and_their_account_is_ignored() -> None:
    with market(KEYS) as services, services.peer(url("NOBODY", "tickertape")) as peer:
        services.order()
        assert message(peer.frame())["ok"]


# What it costs the exchange.


def test_nothing_is_kept_while_nobody_listens() -> None:
    with market() as services:
        services.tick(100)
        assert not services.tape._backlog and services.tape.counts().messages == 0


def unspeakable_trade(services: Market) -> Execution:
    """An execution that cannot be rendered."""
    order = services.order("ANN")
    order.ts = "noon"  # type: ignore[assignment]
    return Execution(order, order, 100, 1, 0, 1, 1, 1, 1)


def test_nothing_is_rendered_for_those_who_do_not_listen(caplog: pytest.LogCaptureFixture) -> None:
    with market() as services, services.peer() as ticks, services.peer(url("BOB")) as bob:
        trade = unspeakable_trade(services)
        services.tape.publish(services.exchange.book("TESTEX", "FOOBAR"), [trade])
        assert message(ticks.frame())["ok"] and message(ticks.frame())["ok"]
        assert nothing_more(bob) and not caplog.records


def test_publishing_costs_the_same_for_one_listener_and_for_two_hundred() -> None:
    def cost() -> float:
        costs = []
        for _ in range(20):
            wait_until(lambda: services.tape._server.waker.asleep)
            start = time.thread_time()  # of the processor: others may keep the machine busy
            services.tape.publish(book, ())
            costs.append(time.thread_time() - start)
        return statistics.median(costs)

    with market() as services, services.peer() as first:
        services.tick()
        book = services.exchange.book("TESTEX", "FOOBAR")
        for_one = cost()
        crowd = [services.peer() for _ in range(199)]
        for_many = cost()
        assert for_many < 3 * for_one + 20e-6
        for peer in (first, *crowd):
            peer.socket.close()


# When the tape does not keep up.


class Thoughtful(Accounts):
    """Holds up the tape's thread while it thinks about whether HOLD may listen."""

    def __init__(self) -> None:
        super().__init__()
        self.thinks, self.has_thought = threading.Event(), threading.Event()

    def authorize(self, account: str, key: str | None) -> None:
        if account == "HOLD":
            self.thinks.set()
            self.has_thought.wait(PATIENCE)


@contextmanager
def held_up(services: Market, accounts: Thoughtful, is_ending: bool = False) -> Iterator[None]:
    with RawPeer(services.port) as holding:
        holding.send(handshake(url("HOLD")))
        assert accounts.thinks.wait(PATIENCE)
        yield
        accounts.has_thought.set()
        assert is_ending or holding.answer().status == 101


def test_behind_by_too_many_events_only_the_newest_tick_of_each_book_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(conflation, "MAX_EVENTS", 10)
    accounts = Thoughtful()
    with market(accounts) as services, services.peer() as peer:
        with held_up(services, accounts):
            services.tick(9, symbol="FOO")
            services.tick(100, symbol="BAR")
            for price in range(1, 100):
                services.order(price=price, symbol="FOO")
            assert services.tape.counts().backlog == 10
        quotes = [message(peer.frame())["quote"] for _ in range(12)]
        assert [quote["symbol"] for quote in quotes[:10]] == ["FOO"] * 9 + ["BAR"]
        newest = {quote["symbol"]: quote for quote in quotes[10:]}
        assert newest["FOO"]["bid"] == 99 and newest.keys() == {"FOO", "BAR"}
        assert nothing_more(peer)
        services.tick(symbol="FOO")
        assert message(peer.frame())["quote"]["bid"] == 99  # as before again


def test_who_would_lose_an_execution_to_that_is_closed_and_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(conflation, "MAX_EVENTS", 2)
    accounts = Thoughtful()
    with (
        market(accounts) as services,
        services.peer(url("ANN")) as ann,
        services.peer(url("EVE")) as eve,
        services.peer(TICKERS) as ticks,
    ):
        with held_up(services, accounts):
            for _ in range(3):
                services.trade("ANN", "BOB")
        first, closing = ann.frames()
        assert message(first)["standingId"] == 0
        assert closing.code == 1008 and "fell behind" in closing.reason
        assert services.tape.counts().fell_behind == 1 and nothing_more(eve)
        assert [message(ticks.frame())["quote"]["bidDepth"] for _ in range(3)] == [1, 0, 0]


def test_one_order_that_makes_more_than_a_listener_can_hold_closes_it_alone() -> None:
    with market(waiting_bytes=200_000) as services:
        with (
            services.peer(url("BIG"), receive_buffer=4096) as big,
            services.peer(url("SMALL")) as small,
        ):
            for _ in range(1500):
                services.order("SMALL", Side.SELL, 1)
            services.order("BIG", Side.BUY, 1500)  # each of its executions lists all fills so far
            for number in range(1500):
                assert message(small.frame())["order"]["id"] == number
            wait_until(lambda: services.tape.counts().listeners == 1)
            assert big.frames()[-1].code == 1008


def test_who_reads_gets_all_of_an_order_with_1000_fills_and_nobody_waits_for_that() -> None:
    def read() -> None:
        for number in range(1000):
            assert len(message(big.frame())["order"]["fills"]) == number + 1
        is_read.set()

    is_read = threading.Event()
    with (
        market(received_bytes=2**30) as services,
        services.peer(url("BIG")) as big,
        services.peer(url("EVE")) as bystander,
    ):
        for _ in range(1000):
            services.order("SMALL", Side.SELL)
        reading = threading.Thread(target=read)
        reading.start()
        services.order("BIG", Side.BUY, 1000)
        answers = 0
        while reading.is_alive():
            assert nothing_more(bystander)
            answers += 1
        reading.join()
        assert is_read.is_set() and services.tape.counts().fell_behind == 0
        assert answers > 5


def test_one_order_with_many_fills_is_told_a_part_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feed, "BYTES_AT_ONCE", 3000)
    accounts = Thoughtful()
    with market(accounts) as services, services.peer(url("BOB")) as bob:
        with held_up(services, accounts):
            for _ in range(20):
                services.order("ANN", Side.SELL)
            services.order("BOB", Side.BUY, 20)
            rounds = 0
            while services.tape.has_news():
                services.tape.deliver()
                rounds += 1
            assert 3 < rounds <= 20
        assert [len(message(bob.frame())["order"]["fills"]) for _ in range(20)] == [*range(1, 21)]


def test_an_old_tick_is_never_told_after_a_newer_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conflation, "MAX_EVENTS", 10)
    monkeypatch.setattr(feed, "EVENTS_AT_ONCE", 5)
    accounts = Thoughtful()
    with market(accounts) as services, services.peer() as peer:
        with held_up(services, accounts):
            for price in range(1, 12):  # the last does not fit
                services.order(price=price)
            services.tape.deliver()
            assert 0 < len(services.tape._backlog) < 10
            services.order(price=12)  # this would fit again, before the one that did not
        bids = [message(peer.frame())["quote"]["bid"] for _ in range(11)]
        assert bids == [*range(1, 11), 12] and nothing_more(peer)


def test_an_execution_that_follows_a_lost_one_is_not_told() -> None:
    accounts = Thoughtful()
    with (
        market(accounts) as services,
        services.peer(url("ANN")) as ann,
        services.peer(url("BOB")) as bob,
    ):
        with held_up(services, accounts):
            # As if the exchange had lost one while the tape was busy with the newest ticks.
            services.tape._backlog._missed.add("ANN")
            assert services.tape.has_news()
            services.trade("ANN", "BOB")
        [closing] = ann.frames()
        assert closing.code == 1008 and "fell behind" in closing.reason
        assert bob.frames()[-1].code == 1008


def test_executions_are_sent_before_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    def send(listener: Listener, batch: Batch) -> None:
        sent.append(services.tape._subscriptions[listener].account)
        really_send(listener, batch)

    sent: list[str | None] = []
    really_send = Listener.send
    accounts = Thoughtful()
    with market(accounts) as services, services.peer(url("ANN")) as ann, services.peer() as ticks:
        with held_up(services, accounts):
            monkeypatch.setattr(Listener, "send", send)
            services.trade("ANN", "BOB")
            services.tape.deliver()
        assert sent == ["ANN", None]
        assert message(ann.frame())["account"] == "ANN" and message(ticks.frame())["quote"]


def test_a_listener_that_cannot_be_sent_to_robs_nobody(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with market() as services:
        peers = [services.peer() for _ in range(5)]
        unlucky = next(iter(services.tape._subscriptions))
        monkeypatch.setattr(unlucky, "send", lambda batch: print(1 // 0))
        services.tick()
        closings = []
        for peer in peers:
            got = peer.frame()
            if got is not None and got.opcode == CLOSE:
                closings.append(got.code)
            else:
                assert message(got)["ok"] and nothing_more(peer)
            peer.socket.close()
        assert closings == [1011] and "ZeroDivisionError" in caplog.text


def test_an_event_that_cannot_be_rendered_costs_only_those_whom_it_concerned(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with market() as services, services.peer(url("ANN")) as ann, services.peer(url("EVE")) as eve:
        trade = unspeakable_trade(services)
        services.tape.publish(services.exchange.book("TESTEX", "FOOBAR"), [trade])
        assert ann.frames()[-1].code == 1011
        services.trade("EVE", "BOB", symbol="ELSE")
        assert message(eve.frame())["account"] == "EVE"
    assert "Traceback" in caplog.text and "TESTEX FOOBAR could not be rendered" in caplog.text


def test_at_the_end_all_that_waits_is_sent_to_who_reads() -> None:
    accounts = Thoughtful()
    with market(accounts, goodbye_seconds=PATIENCE) as services, services.peer(url("ANN")) as ann:
        with held_up(services, accounts):
            for _ in range(1500):
                services.trade("ANN", "BOB")
            closing = threading.Thread(target=services.tape.close)
            closing.start()
        *told, last = ann.frames()
        closing.join()
        assert len(told) == 1500 and last.code == 1001


def hesitate(services: Market, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Have the tape look at its sockets after each event, and begin once the event is set."""
    server, may_begin = services.tape._server, threading.Event()
    frame_of = server.frame

    def slow_frame(message: bytes) -> bytes:
        assert may_begin.wait(PATIENCE)
        time.sleep(0.002)
        return frame_of(message)

    monkeypatch.setattr(server, "frame", slow_frame)
    monkeypatch.setattr(feed, "EVENTS_AT_ONCE", 1)
    return may_begin


def test_who_comes_hears_nothing_of_what_has_happened_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with market() as services, services.peer() as first, RawPeer(services.port) as late:
        may_begin = hesitate(services, monkeypatch)
        services.tick(50)
        late.send(handshake())
        may_begin.set()
        assert late.answer().status == 101
        services.tick()
        assert message(late.frame()) and nothing_more(late)
        assert all(message(first.frame()) for _ in range(51))


def test_at_a_venue_that_is_closed_all_is_told_that_happened_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    accounts = Accounts()
    with market(accounts) as services, services.peer(url(topic="tickertape", venue="V")) as peer:
        may_begin = hesitate(services, monkeypatch)
        services.tick(50, venue="V")
        accounts.close_venue("V")
        may_begin.set()
        *told, last = peer.frames()
        assert len(told) == 50 and (last.code, last.reason) == (1008, "Venue V is closed")


def test_at_the_end_who_left_executions_unread_is_told_so() -> None:
    with (
        market(goodbye_seconds=0.3) as services,
        services.peer(EXECUTIONS, receive_buffer=4096) as deaf,
    ):
        for _ in range(4000):
            services.trade("ANN", "BOB")
        wait_until(lambda: not services.tape.has_news())
        [listener] = services.tape._subscriptions
        assert listener.is_behind
        ending = threading.Thread(target=services.tape.close)
        ending.start()
        wait_until(lambda: listener.closed)
        last = deaf.frames()[-1]
        ending.join()
        assert last.code == 1008 and "before all was told" in last.reason


def test_at_the_end_who_has_only_ticks_and_pings_waiting_is_told_of_the_end_alone() -> None:
    with market(ping_seconds=0.3, goodbye_seconds=0.3) as services:
        with services.peer(receive_buffer=4096) as deaf:
            services.tick(10_000)
            [listener] = services.tape._subscriptions
            wait_until(lambda: listener._pinged_at is not None)
            assert listener.is_behind
            ending = threading.Thread(target=services.tape.close)
            ending.start()
            wait_until(lambda: listener.closed)
            assert deaf.frames()[-1].code == 1001
            ending.join(PATIENCE)


def test_at_the_end_who_would_have_been_told_of_executions_is_told_so() -> None:
    accounts = Thoughtful()
    with market(accounts, stop_seconds=0) as services, services.peer(url("ANN")) as ann:
        with services.peer(url("EVE")) as eve:
            ending = threading.Thread(target=services.tape.close)
            with held_up(services, accounts, is_ending=True):
                services.trade("ANN", "BOB")
                ending.start()
                wait_until(lambda: services.tape._server._is_stopping)
            ending.join(PATIENCE)
            closing = ann.frames()[-1]
            assert closing.code == 1008 and "before all was told" in closing.reason
            assert eve.frames()[-1].code == 1001


def test_a_long_execution_that_cannot_be_rendered_closes_its_listener_alone(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "LONG_FILLS", 0)  # so it is rendered when it is sent
    with market() as services, services.peer(url("ANN")) as ann, services.peer(url("EVE")) as eve:
        trade = unspeakable_trade(services)
        services.tape.publish(services.exchange.book("TESTEX", "FOOBAR"), [trade])
        assert ann.frames()[-1].code == 1011
        services.trade("EVE", "BOB", symbol="ELSE")
        assert message(eve.frame())["account"] == "EVE"
    assert "Traceback" in caplog.text


def test_a_burst_reaches_every_listener_whole() -> None:
    with market() as services:
        peers = [services.peer() for _ in range(5)]
        count = 3000
        reading = [
            threading.Thread(target=lambda peer=peer: [peer.frame() for _ in range(count)])
            for peer in peers
        ]
        for thread in reading:
            thread.start()
        services.tick(count)
        for thread in reading:
            thread.join(20)
            assert not thread.is_alive()
        assert services.tape.counts() == (5, 5 * count, 0, 0, 0, 0, 0)
        for peer in peers:
            assert nothing_more(peer)
            peer.socket.close()


def test_other_frames_never_come_between_the_bytes_of_a_tick() -> None:
    """A pong that is due while a tick is half sent waits for its turn."""
    with market(kernel_bytes=16384) as services, services.peer(receive_buffer=4096) as slow:
        services.tick(3000)
        wait_until(lambda: not services.tape.has_news())
        [listener] = services.tape._server.connections.values()
        assert listener.is_behind
        waiting = services.tape.counts().waiting
        slow.send(frame(PING, b"between"))
        wait_until(lambda: services.tape.counts().waiting > waiting)
        services.tick(10)
        frames = [slow.frame() for _ in range(3011)]
        kinds = [got.opcode for got in frames if got is not None]
        assert kinds.count(TEXT) == 3010 and kinds.count(PONG) == 1
        assert kinds[-10:] == [TEXT] * 10, "the pong came before the newest ticks"
