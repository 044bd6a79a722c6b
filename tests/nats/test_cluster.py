"""What happens when one of two servers of a cluster is killed."""

import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from nats_server import NatsServer, Subscriber, require_nats_server
from ports import free_port
from raw_websocket import CLOSE, RawPeer
from tape_market import message, wait_until

from disorderbook.accounts import Accounts
from disorderbook.engine.orders import BUY, LIMIT, SELL, NewOrder
from disorderbook.exchange import Exchange
from disorderbook.nats import connection, publisher, subscriber
from disorderbook.nats.connection import nats_access
from disorderbook.nats.publisher import Publisher
from disorderbook.nats.relay import Relay
from disorderbook.tape.limits import TapeLimits

TICKERS = "/ob/api/ws/-/venues/V/tickertape"
EXECUTIONS = "/ob/api/ws/a/venues/V/executions"


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[list[NatsServer]]:
    require_nats_server()
    ports = free_port(), free_port()
    with ExitStack() as stack:
        pair = []
        for own, other in (ports, ports[::-1]):
            routes = f'listen: "127.0.0.1:{own}", routes: ["nats://127.0.0.1:{other}"]'
            settings = f"server_name: s{own}\ncluster {{ name: pair, {routes} }}"
            pair.append(NatsServer(tmp_path, settings))
            stack.callback(pair[-1].kill)
            pair[-1].start()
        yield pair


@pytest.fixture(autouse=True)
def in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first server that can be reached is taken, and outages end sooner than usual."""

    def all_of(servers: Sequence[Any], _: int) -> Sequence[Any]:
        return servers

    monkeypatch.setattr(connection, "random", random.Random())
    monkeypatch.setattr(connection.random, "sample", all_of)
    for module in (publisher, subscriber):
        monkeypatch.setattr(module, "RETRY_SECONDS", 0.05)


def trade(exchange: Exchange, quantity: int) -> None:
    with exchange.lock:
        for account, side in (("a", SELL), ("b", BUY)):
            book = exchange.book("V", "S")
            exchange.submit(book, NewOrder(account, side, LIMIT, 10, quantity))


def is_passed_on(server: NatsServer, heard: Subscriber) -> bool:
    """Whether what is published at a server comes to a subscriber at the other one."""
    with Subscriber(server.port, "nothing") as speaker:
        speaker._say("PUB disorderbook.probe 0\r\n\r\n")
    return bool(heard.heard("probe"))


def test_trading_and_publishing_go_on_at_the_other_one(servers: list[NatsServer]) -> None:
    first, second = servers
    access = nats_access(f"{first.url},127.0.0.1:{second.port}")
    publishing = Publisher(access, has_executions=True)
    exchange = Exchange(publishers=[publishing.add])
    with ExitStack() as stack:
        limits = TapeLimits(refusal_seconds=0)
        relay = stack.enter_context(Relay(access, Accounts(), 0, limits))
        far = nats_access(second.url)
        other_relay = stack.enter_context(Relay(far, Accounts(), 0, limits))
        heard = stack.enter_context(Subscriber(second.port, "disorderbook.>"))
        wait_until(lambda: is_passed_on(first, heard))
        wait_until(lambda: relay.is_connected and other_relay.is_connected)
        publishing.start(exchange)
        stack.callback(publishing.close)
        heard.wait(bool, "gap")
        ticks, ticks_far, ann, ann_far = (
            stack.enter_context(RawPeer.listening(port, path))
            for path in (TICKERS, EXECUTIONS)
            for port in (relay.port, other_relay.port)
        )
        trade(exchange, 1)
        heard.wait(lambda all_: len(all_) == 1, "trade")
        for peer in (ticks, ticks_far):
            assert message(peer.frame())["quote"]["ask"] == 10
        first.kill()
        trade(exchange, 2)
        heard.wait(lambda all_: all_[-1].json["qty"] == 2, "trade")
        assert publishing.counts().outages == 1
        wait_until(lambda: relay.is_connected)
        trade(exchange, 3)
        heard.wait(lambda all_: all_[-1].json["qty"] == 3, "trade")
        for peer in (ticks, ticks_far):
            while message(peer.frame())["quote"].get("lastSize") != 3:
                pass
        for peer in (ann, ann_far):  # what the first server had confirmed may not have come to all
            assert peer.frames()[-1].opcode == CLOSE
    assert sorted({each.json["qty"] for each in heard.heard("trade")}) == [1, 2, 3]
    assert sum(publishing.counts().lost.values()) == 0
