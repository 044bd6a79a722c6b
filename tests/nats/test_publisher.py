"""What a real NATS server gets from an exchange, whatever becomes of the server."""

import asyncio
import os
import re
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from documents import DOCS, blocks
from forked import forked
from forked import heard as told
from nats_server import Heard, NatsServer, Subscriber, nats_server
from raw_http import wait_until
from tls_front import make_certificate

from disorderbook.client import Market
from disorderbook.exchange import Exchange
from disorderbook.in_process import CannotStart, PrivateExchange, serve
from disorderbook.nats import publisher, queue
from disorderbook.nats.connection import connect

DEAD = "nats://127.0.0.1:1"
KINDS = ("quote", "trade")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    with nats_server(tmp_path_factory.mktemp("nats")) as running:
        yield running


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outages are found out, and ended, sooner than usual."""
    monkeypatch.setattr(publisher, "CONFIRM_SECONDS", 0.4)
    monkeypatch.setattr(publisher, "RETRY_SECONDS", 0.05)


def market(exchange: PrivateExchange, account: str = "A", symbol: str = "FOOBAR") -> Market:
    return Market("TESTEX", symbol, url=exchange.url, account=account)


def trade(
    exchange: PrivateExchange, times: int = 1, first: int = 1, symbol: str = "FOOBAR"
) -> None:
    """So many trades, each of two orders and of one share more than the one before."""
    with market(exchange, "seller", symbol) as seller, market(exchange, "buyer", symbol) as buyer:
        for number in range(first, first + times):
            seller.sell(5000, number)
            buyer.buy(5000, number)


def metric(exchange: PrivateExchange, name: str) -> float:
    with urllib.request.urlopen(f"{exchange.url}/metrics") as answer:
        text = answer.read().decode()
    found = re.search(rf"^disorderbook_nats_{re.escape(name)} (.*)$", text, re.MULTILINE)
    assert found is not None, name
    return float(found[1])


def is_connected(exchange: PrivateExchange) -> bool:
    return metric(exchange, "connected") == 1


def is_away(exchange: PrivateExchange) -> bool:
    return metric(exchange, "connected") == 0


@contextmanager
def publishing(
    server: NatsServer, subject: str = ">", **options: Any
) -> Iterator[tuple[PrivateExchange, Subscriber]]:
    with (
        Subscriber(server.port, subject) as heard,
        serve(publish=server.url, **options) as exchange,
    ):
        assert wait_until(lambda: is_connected(exchange))
        yield exchange, heard


def quantities(heard: Sequence[Heard]) -> list[int]:
    return [each.json["qty"] for each in heard]


def has(quantity: int) -> Callable[[Sequence[Heard]], bool]:
    """Whether the trade of so many shares was heard."""
    return lambda heard: bool(heard) and quantity in quantities(heard)


def quote_of(exchange: PrivateExchange, symbol: str = "FOOBAR") -> bytes:
    url = f"{exchange.url}/ob/api/venues/TESTEX/stocks/{symbol}/quote"
    with urllib.request.urlopen(url) as answer:
        body: bytes = answer.read()
    return body


# While all is well.


def test_quotes_and_trades_come_in_order_and_without_a_gap(server: NatsServer) -> None:
    with publishing(server) as (exchange, heard):
        trade(exchange, 20)
        heard.wait(has(20), "trade")
        heard.wait(lambda all_: all_[-1].kind == "quote")
    everything = heard.heard()
    assert [each.sequence for each in everything] == list(range(1, len(everything) + 1))
    trades = heard.heard("trade")
    assert quantities(trades) == list(range(1, 21))
    assert [int(each.headers["Disorderbook-Trade"]) for each in trades] == list(range(1, 21))
    assert len({each.headers["Disorderbook-Run"] for each in everything}) == 1
    assert {each.subject for each in everything} == {
        f"disorderbook.TESTEX.FOOBAR.{kind}" for kind in KINDS
    }


def test_a_trade_says_neither_account_nor_order(server: NatsServer) -> None:
    with publishing(server) as (exchange, heard):
        trade(exchange)
        heard.wait(bool, "trade")
    message = heard.heard("trade")[0].json
    assert datetime.fromisoformat(message.pop("filledAt")[:26])
    assert message == {
        "venue": "TESTEX",
        "symbol": "FOOBAR",
        "price": 5000,
        "qty": 1,
        "direction": "buy",
    }


def test_quotes_are_those_of_the_tape(server: NatsServer) -> None:
    with publishing(server) as (exchange, heard):
        trade(exchange, 3)
        heard.wait(lambda all_: all_ and all_[-1].json["quote"].get("lastSize") == 3, "quote")
        quote = quote_of(exchange)
    assert heard.heard("quote")[-1].payload == (
        b'{"ok":true,"quote":' + quote.strip().replace(b'"ok":true,', b"", 1) + b"}"
    )


def test_executions_are_published_only_where_that_is_asked_for(server: NatsServer) -> None:
    with publishing(server, publish_executions=True) as (exchange, heard):
        trade(exchange, 2)
        heard.wait(lambda all_: len(all_) == 4, "execution")
    executions = heard.heard("execution")
    for account in ("seller", "buyer"):
        subject = f"disorderbook.TESTEX.FOOBAR.execution.{account}"
        own = [each for each in executions if each.subject == subject]
        assert [each.sequence for each in own] == [1, 2]
        assert [each.json["account"] for each in own] == [account, account]
        assert [each.json["filled"] for each in own] == [1, 2]


def test_executions_of_levels_are_not_published(server: NatsServer) -> None:
    with publishing(server, publish_executions=True, day_seconds=0.05) as (exchange, heard):
        request = urllib.request.Request(
            f"{exchange.url}/gm/levels/first_steps", b"", {"X-Starfighter-Authorization": "k"}
        )
        urllib.request.urlopen(request).close()
        heard.wait(lambda all_: any("TESTEX" not in each.subject for each in all_), "trade")
        trade(exchange)
        heard.wait(lambda all_: len(all_) == 2, "execution")
    assert all("TESTEX" in each.subject for each in heard.heard("execution"))


def test_names_are_tokens(server: NatsServer) -> None:
    with publishing(server, symbol="A.B *") as (exchange, heard):
        trade(exchange, symbol="A.B *")
        heard.wait(bool, "trade")
    assert heard.heard("trade")[0].subject == "disorderbook.TESTEX.A%2EB%20%2A.trade"


def test_what_a_server_does_not_take_is_counted_and_the_rest_goes_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    long = "\U0001f600" * 255
    with nats_server(tmp_path, "max_payload: 4096") as small:
        with publishing(small, venue=long, publish_executions=True) as (exchange, heard):
            with Market(long, "S" * 255, url=exchange.url, account=long) as far:
                far.sell(1, 1)
                far.buy(1, 1)
            with market(exchange, "seller") as seller, market(exchange, "buyer") as buyer:
                for _ in range(80):
                    seller.sell(5000, 1)
                buyer.buy(5000, 80)
            heard.wait(lambda all_: len(all_) == 81, "trade")
            assert wait_until(
                lambda: metric(exchange, 'lost_messages_total{reason="too_large"}') > 9
            )
            assert metric(exchange, "outages_total") == 0
        executions = [each for each in heard.heard("execution") if each.subject.endswith("buyer")]
    assert 10 < len(executions) < 80 and len(executions[-1].payload) <= 4096 - 256
    assert "too large" in caplog.text


def test_what_waits_at_the_end_still_goes_out(server: NatsServer) -> None:
    with publishing(server) as (exchange, heard):
        trade(exchange, 200)
    heard.wait(has(200), "trade")
    assert quantities(heard.heard("trade")) == list(range(1, 201))


# What goes wrong.


def test_an_exchange_starts_and_ends_without_its_server(caplog: pytest.LogCaptureFixture) -> None:
    with serve(publish=DEAD) as exchange:
        trade(exchange, 2)
        assert wait_until(lambda: metric(exchange, "outages_total") == 1)
        assert is_away(exchange)
        time.sleep(0.2)  # of more attempts
    told_of = [text for text in caplog.messages if "Cannot publish" in text]
    assert len(told_of) == 1 and f"{DEAD} now: " in told_of[0]
    assert "events that are left: " in caplog.text


def test_a_server_that_is_killed_and_comes_back_costs_no_trade(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_connect = threading.Event()

    async def connect_later(*arguments: Any) -> object:
        if not may_connect.is_set():
            raise ConnectionRefusedError
        return await connect(*arguments)

    monkeypatch.setattr(publisher, "connect", connect_later)
    may_connect.set()
    with nats_server(tmp_path) as server:
        with publishing(server) as (exchange, heard):
            trade(exchange, 5)
            heard.wait(has(5), "trade")
            may_connect.clear()  # before somebody listens again
            server.kill()
            trade(exchange, 5, first=6)
            assert wait_until(lambda: is_away(exchange))
            with market(exchange, symbol="STILL") as still:
                still.buy(77, 7)
            trade(exchange, 30, first=11)
            time.sleep(1.1)
            assert metric(exchange, "conflated_quotes_total") > 30
            server.start()
            with Subscriber(server.port) as again:
                came_back = time.time()
                may_connect.set()
                trade(exchange, 3, first=41)
                again.wait(has(43), "trade")
                again.wait(lambda all_: any("STILL" in each.subject for each in all_), "quote")
                again.wait(
                    lambda all_: any(each.json["quote"].get("lastSize") == 43 for each in all_),
                    "quote",
                )
        quotes = again.heard("quote")
        sequence = [each.sequence for each in again.heard() if "FOOBAR" in each.subject]
    both = quantities(heard.heard("trade")) + quantities(again.heard("trade"))
    assert sorted(set(both)) == list(range(1, 44)), "those that come after the subscriber"
    assert sequence == sorted(sequence)
    for quote in quotes:  # none was made before the server was back
        read = quote.headers.get("Disorderbook-Read", quote.json["quote"]["quoteTime"])
        made = datetime.fromisoformat(read[:26] + "+00:00").timestamp()
        assert made > came_back - 1.0 and quote.at - made < 1.0
    assert [each.json["quote"]["bid"] for each in quotes if "STILL" in each.subject] == [77]
    assert caplog.text.count("Cannot publish") == caplog.text.count("can be reached again") == 1


def test_a_server_that_stands_still_gets_no_old_quotes(
    server: NatsServer, caplog: pytest.LogCaptureFixture
) -> None:
    with publishing(server) as (exchange, heard):
        trade(exchange, 5)
        heard.wait(has(5), "trade")
        heard.wait(lambda all_: all_ and all_[-1].json["quote"].get("lastSize") == 5, "quote")
        server.stop()
        try:
            trade(exchange, 1, first=6)
            assert wait_until(lambda: is_away(exchange))
            trade(exchange, 50, first=7)
            time.sleep(0.7)
        finally:
            server.go_on()
        went_on = time.time()
        heard.wait(has(56), "trade")
        heard.wait(lambda all_: all_[-1].json["quote"].get("lastSize") == 56, "quote")
    assert list(dict.fromkeys(quantities(heard.heard("trade")))) == list(range(1, 57))
    late = [each for each in heard.heard("quote") if each.at > went_on]
    read = [each for each in late if "Disorderbook-Read" in each.headers]
    assert read and len(late) - len(read) <= 2, "but the two that were under way"
    assert "does not answer" in caplog.text or "timeout" in caplog.text


def test_trades_that_find_no_room_are_counted_and_leave_a_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(queue, "MOST_EVENTS", 10)
    with nats_server(tmp_path) as server:
        server.kill()
        with serve(publish=server.url, publish_executions=True) as exchange:
            trade(exchange, 25)
            server.start()
            with Subscriber(server.port, "disorderbook.>") as heard:
                assert wait_until(lambda: is_connected(exchange))
                assert wait_until(lambda: metric(exchange, "waiting_events") == 0)
                trade(exchange, 1, first=26)
                heard.wait(has(26), "trade")
            assert metric(exchange, 'lost_messages_total{reason="full"}') == 15 + 30
        last = heard.heard("trade")[-1]
        assert last.headers["Disorderbook-Trade"] == "26"
        assert "trades are lost: 15, in so many books: 1" in caplog.text


def test_a_server_that_forbids_it_is_told_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = """authorization { users: [
        {user: reader, password: secret, permissions: {publish: {deny: ">"}}},
        {user: all, password: "p@ss/word"} ] }"""
    with nats_server(tmp_path, settings) as server:
        with serve(publish=f"nats://reader:secret@127.0.0.1:{server.port}") as exchange:
            assert wait_until(lambda: is_connected(exchange))
            trade(exchange, 5)
            assert wait_until(
                lambda: metric(exchange, 'lost_messages_total{reason="refused"}') == 15
            )
            assert is_connected(exchange)
            for kind in KINDS:
                assert metric(exchange, f'messages_total{{kind="{kind}"}}') == 0
        with serve(publish=f"nats://nobody:wrong@127.0.0.1:{server.port}") as exchange:
            trade(exchange)
            assert wait_until(lambda: metric(exchange, "outages_total") == 1)
        with Subscriber(server.port, user="all", **{"pass": "p@ss/word"}) as heard:
            with serve(publish=f"nats://all:p%40ss%2Fword@127.0.0.1:{server.port}") as exchange:
                trade(exchange)
                heard.wait(bool, "trade")
    assert caplog.text.count("does not let us publish") == 1
    assert "Authorization Violation" in caplog.text
    assert "secret" not in caplog.text and "wrong" not in caplog.text


def test_tls_is_checked_and_never_given_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, server: NatsServer
) -> None:
    certificate, key = make_certificate(tmp_path)
    tls = f'tls {{ cert_file: "{certificate}", key_file: "{key}" }}'
    with nats_server(tmp_path, tls) as safe:
        url = f"tls://127.0.0.1:{safe.port}"
        with serve(
            publish=f"tls://127.0.0.1:1,127.0.0.1:{safe.port}", publish_ca=certificate
        ) as exchange:
            trade(exchange)
            assert wait_until(lambda: metric(exchange, 'messages_total{kind="trade"}') == 1)
        with serve(publish=url) as exchange:
            assert wait_until(lambda: metric(exchange, "outages_total") == 1)
        assert "CERTIFICATE_VERIFY_FAILED" in caplog.text
    with serve(publish=f"tls://me:secret@127.0.0.1:{server.port}") as exchange:
        assert wait_until(lambda: metric(exchange, "outages_total") == 1)
    assert "does not offer TLS" in caplog.text


@pytest.mark.parametrize("options", [{"publish_executions": True}, {"publish_ca": "ca.pem"}])
def test_what_is_about_a_server_needs_one(options: dict[str, Any]) -> None:
    with pytest.raises(CannotStart, match="need --publish"), serve(**options):
        pass


def test_a_forked_process_leaves_the_connection_to_the_parent(server: NatsServer) -> None:
    def look(pipe: Connection) -> None:
        pipe.send(count_connections(server.port))

    with serve(publish=server.url) as exchange:
        assert wait_until(lambda: is_connected(exchange))
        assert count_connections(server.port) == 1
        with forked(look) as child:
            assert told(child) == 0
        trade(exchange)
        assert wait_until(lambda: metric(exchange, 'messages_total{kind="trade"}') == 1)


def count_connections(port: int) -> int:
    """How many connections to a port this process has."""
    count = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            sock = socket.socket(fileno=int(name))
        except OSError:
            continue
        with suppress(OSError):
            count += sock.getpeername()[1:2] == (port,)
        sock.detach()
    return count


# What it costs an order.


@pytest.mark.parametrize("is_away", [True, False])
def test_an_order_makes_an_append_and_at_most_a_quote_under_the_lock(is_away: bool) -> None:
    waker = publisher.Waker()
    waiting = queue.PublishQueue(waker, has_executions=False)
    exchange = Exchange(publishers=[waiting.add])
    with exchange.lock:
        book = exchange.book("V", "S")
        if not is_away:
            waiting.catch_up()
        called: list[str] = []
        count_calls(lambda: waiting.add(book, ()), called)
        count_calls(lambda: waiting.add(book, ()), called)
    waker.close()
    assert called == ["add", "_conflate"] * 2 if is_away else ["add", "quote"] * 2


def count_calls(action: Callable[[], None], called: list[str]) -> None:
    """Note the Python functions that an action calls."""

    def note(frame: Any, event: str, _: object) -> None:
        if event == "call":
            called.append(frame.f_code.co_name)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(before)
    called[:] = [each for each in called if each not in ("<lambda>", "__new__", "depth", "best")]


def test_the_documented_subscriber_hears_trades(
    server: NatsServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (text,) = [b.text for b in blocks(DOCS / "scale.md") if b.text.startswith("import asyncio")]
    run = asyncio.run

    async def until_heard(listening: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(listening)
        said, wanted = "", "disorderbook.TESTEX.FOOBAR.trade {"
        while wanted not in said and not task.done():
            trade(exchange)
            await asyncio.sleep(0.05)
            said += capsys.readouterr().out
        assert wanted in said
        task.cancel()

    monkeypatch.setattr(asyncio, "run", lambda main: run(asyncio.wait_for(until_heard(main), 30)))
    with serve(publish=server.url) as exchange:
        exec(text.replace("nats://127.0.0.1:4222", server.url), {})
