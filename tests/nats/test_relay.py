"""What listeners hear from a relay that a real NATS server feeds, whatever becomes of that."""

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from nats_server import NatsServer, Subscriber, nats_server
from raw_websocket import CLOSE, PONG, TEXT, RawPeer, frame, handshake
from raw_websocket import PING as PING
from tape_market import message, wait_until

from disorderbook.accounts import Accounts
from disorderbook.client import Market
from disorderbook.in_process import PrivateExchange, serve
from disorderbook.nats import numbers, publisher, subscriber
from disorderbook.nats.connection import nats_access
from disorderbook.nats.relay import Relay
from disorderbook.tape.limits import TapeLimits

TICKERS = "/ob/api/ws/-/venues/TESTEX/tickertape"
EXECUTIONS = "/ob/api/ws/ANN/venues/TESTEX/executions"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    with nats_server(tmp_path_factory.mktemp("nats"), "http: -1") as running:
        yield running


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outages are found out, and ended, sooner than usual."""
    monkeypatch.setattr(publisher, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(subscriber, "RETRY_SECONDS", 0.05)


@contextmanager
def relaying(server: NatsServer, accounts: Accounts = Accounts(), **limits: Any) -> Iterator[Relay]:
    bounds = TapeLimits(refusal_seconds=0)._replace(**limits)
    with Relay(nats_access(server.url), accounts, 0, bounds) as relay:
        yield relay


@pytest.fixture(scope="module")
def exchange(server: NatsServer) -> Iterator[PrivateExchange]:
    with serve(publish=server.url, publish_executions=True, websockets=True) as running:
        yield running


@pytest.fixture
def relay(server: NatsServer, exchange: PrivateExchange) -> Iterator[Relay]:
    with relaying(server) as running:
        wait_until(lambda: running.is_connected)
        yield running


@pytest.fixture
def speaker(server: NatsServer) -> Iterator["Speaker"]:
    with Speaker(server.port, "nothing") as connected:
        yield connected


class Speaker(Subscriber):
    """Publishes as an exchange does."""

    def publish(self, subject: str, payload: bytes, numbered: str = "1 run") -> None:
        """`numbered` is the message's number and its run."""
        number, run = numbered.split()
        head = f"NATS/1.0\r\nDisorderbook-Run: {run}\r\nDisorderbook-Sequence: {number}\r\n\r\n"
        size = f"{len(head)} {len(head) + len(payload)}"
        self._sock.sendall(f"HPUB {subject} {size}\r\n{head}".encode() + payload + b"\r\n")


def order(exchange: PrivateExchange, account: str, side: str, qty: int, stock: str = "FOO") -> None:
    with Market("TESTEX", stock, account, url=exchange.url) as market:
        (market.buy if side == "buy" else market.sell)(5000, qty)


def trade(exchange: PrivateExchange, qty: int = 1, stock: str = "FOO") -> None:
    order(exchange, "ANN", "buy", qty, stock)
    order(exchange, "BOB", "sell", qty, stock)


def nothing_more(peer: RawPeer) -> bool:
    peer.send(frame(PING, b"nothing more"))
    return peer.frame() == (PONG, b"nothing more", True)


def closed(peer: RawPeer) -> tuple[int, str]:
    """The code and the reason with which a peer is closed, after whatever else it was sent."""
    last = peer.frames()[-1]
    assert last.opcode == CLOSE
    return last.code, last.reason


def test_the_four_urls_tell_the_bytes_of_the_tape(exchange: PrivateExchange, relay: Relay) -> None:
    urls = [TICKERS, f"{TICKERS}/stocks/FOO", EXECUTIONS, f"{EXECUTIONS}/stocks/FOO"]
    tape_port = int(exchange.tape_url.rpartition(":")[2].partition("/")[0])
    near = [RawPeer.listening(tape_port, url) for url in urls]
    far = [RawPeer.listening(relay.port, url) for url in urls]
    order(exchange, "ANN", "buy", 3)
    assert far[0].frame() == near[0].frame() and far[1].frame() == near[1].frame()
    order(exchange, "BOB", "sell", 3)
    for ours, theirs in zip(far, near, strict=True):
        got = ours.frame()
        assert got is not None and got.opcode == TEXT and got == theirs.frame()
    trade(exchange, stock="BAR")
    assert message(far[2].frame())["symbol"] == "BAR"
    assert nothing_more(far[3]) and nothing_more(far[1])
    for peer in near + far:
        peer.socket.close()


def test_nats_is_asked_for_no_more_than_listeners_want(
    server: NatsServer, relay: Relay, exchange: PrivateExchange
) -> None:
    def asked() -> set[str]:
        return {subscriber.subject_of(each) for each in relay._nats._known}

    assert asked() == set()
    with (
        RawPeer.listening(relay.port, f"{TICKERS}/stocks/A.B"),
        RawPeer.listening(relay.port, f"{TICKERS}/stocks/A.B"),
        RawPeer.listening(relay.port, EXECUTIONS),
    ):
        expected = {"disorderbook.TESTEX.A%2EB.quote", "disorderbook.TESTEX.*.execution.ANN"}
        assert asked() == expected
    wait_until(lambda: asked() == set())


def test_whoever_has_read_the_answer_to_his_handshake_misses_nothing(
    relay: Relay, speaker: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    inform = relay._nats._inform

    async def inform_later(client: Any) -> None:
        await asyncio.sleep(0.2)
        await inform(client)

    monkeypatch.setattr(relay._nats, "_inform", inform_later)
    with RawPeer.listening(relay.port, EXECUTIONS) as peer:
        speaker.publish("disorderbook.TESTEX.S.execution.ANN", b'{"first":1}')
        assert message(peer.frame()) == {"first": 1}


def test_executions_need_their_key_and_end_with_it(server: NatsServer) -> None:
    accounts = Accounts({"ANN": "annkey"})
    with relaying(server, accounts) as relay:
        wait_until(lambda: relay.is_connected)
        with RawPeer.listening(relay.port, EXECUTIONS) as stranger:
            assert message(stranger.frame())["ok"] is False
            assert closed(stranger)[0] == 1008
        with RawPeer.listening(relay.port, f"{EXECUTIONS}?api_key=annkey") as ann:
            accounts.replace({"ANN": "other"})
            relay._server.waker.wake()
            assert closed(ann) == (1008, "the key is not valid any more")


@pytest.mark.parametrize(
    ("last", "number", "reason"),
    [
        ("7 r", "9 r", numbers.MISSING),
        ("7 r", "1 new", numbers.RESTARTED),
    ],
)
def test_who_may_miss_an_execution_is_closed_and_others_are_not(
    relay: Relay, speaker: Speaker, last: str, number: str, reason: str
) -> None:
    subject = "disorderbook.TESTEX.GAPPY.execution.ANN"
    with (
        RawPeer.listening(relay.port, f"{EXECUTIONS}/stocks/GAPPY") as peer,
        RawPeer.listening(relay.port, f"{EXECUTIONS}/stocks/OTHER") as other,
    ):
        for numbered in (last, last, number):  # the second comes twice, and is told once
            speaker.publish(subject, b'{"a":1}', numbered)
        heard = peer.frames()
        assert [each.opcode for each in heard] == [TEXT, CLOSE]
        assert (heard[-1].code, heard[-1].reason) == (1008, reason)
        assert nothing_more(other)


def test_no_quote_is_told_after_a_later_one(relay: Relay, speaker: Speaker) -> None:
    """As when a server that stood still passes on what was under way then."""
    with RawPeer.listening(relay.port, TICKERS) as peer:
        for numbered in ("7 r", "9 r", "8 r", "9 r", "10 r", "1 new", "2 new"):
            text = json.dumps({"n": numbered}).encode()
            speaker.publish("disorderbook.TESTEX.LATE.quote", text, numbered)
        heard = [message(peer.frame())["n"] for _ in range(5)]
        assert heard == ["7 r", "9 r", "10 r", "1 new", "2 new"] and nothing_more(peer)


def test_two_exchanges_at_one_server_are_told_of(
    relay: Relay, speaker: Speaker, caplog: pytest.LogCaptureFixture
) -> None:
    with RawPeer.listening(relay.port, TICKERS) as peer:
        for numbered in ("1 r", "1 s", "2 r", "2 s", "3 r"):
            speaker.publish("disorderbook.TESTEX.TWICE.quote", b"{}", numbered)
            assert message(peer.frame()) == {}
    assert caplog.text.count("Two exchanges publish the same: disorderbook.TESTEX.TWICE") == 1


def test_what_is_no_message_of_an_exchange_is_not_told(
    relay: Relay, speaker: Speaker, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        RawPeer.listening(relay.port, TICKERS) as ticker,
        RawPeer.listening(relay.port, EXECUTIONS) as ann,
    ):
        for payload in (b"", b"\xff", b'{"\xff"}', b"[]", b'{"x":"' + b"x" * 20_000 + b'"}'):
            speaker.publish("disorderbook.TESTEX.ODD.quote", payload)
        speaker.publish("disorderbook.TESTEX.ODD.quote", '{"\u20ac":1}'.encode())
        assert message(ticker.frame()) == {"\u20ac": 1} and nothing_more(ticker)
        speaker.publish("disorderbook.TESTEX.ODD.execution.ANN", b"\xff")
        assert closed(ann) == (1008, subscriber.NO_MESSAGE)
    assert caplog.text.count("is no quote") == caplog.text.count("is no execution") == 1


def test_a_message_that_nats_py_cannot_read_is_an_outage_and_not_deafness(
    server: NatsServer, speaker: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriber, "BEAT_SECONDS", 0.2)
    with relaying(server) as relay:
        wait_until(lambda: relay.is_connected)
        with (
            RawPeer.listening(relay.port, TICKERS) as ticker,
            RawPeer.listening(relay.port, EXECUTIONS) as ann,
        ):
            head = b"NATS/1.0 \xff\xff\xff\r\n\r\n"
            size = f"{len(head)} {len(head)}"
            speaker._sock.sendall(
                f"HPUB disorderbook.TESTEX.X.quote {size}\r\n".encode() + head + b"\r\n"
            )
            assert closed(ann) == (1008, subscriber.DISCONNECTED)
            wait_until(lambda: relay.is_connected)
            speaker.publish("disorderbook.TESTEX.X.quote", b'{"n":1}')
            assert message(ticker.frame()) == {"n": 1}


def test_names_that_nats_cannot_carry_are_refused_and_cost_nobody_the_connection(
    relay: Relay, speaker: Speaker
) -> None:
    long = "%F0%9F%98%80" * 255
    with RawPeer.listening(relay.port, EXECUTIONS) as ann:
        for path in (
            f"{long}/venues/{long}/executions",
            f"-/venues/{long}/tickertape/stocks/{long}",
        ):
            with RawPeer.listening(relay.port, f"/ob/api/ws/{path}") as peer:
                assert "too long" in message(peer.frame())["error"]
                assert closed(peer)[0] == 1008
        speaker.publish("disorderbook.TESTEX.FOO.execution.ANN", b"{}")
        assert message(ann.frame()) == {}


def test_the_end_of_a_relay_is_not_said_to_be_that_of_the_exchange(server: NatsServer) -> None:
    with relaying(server) as relay:
        peer = RawPeer.listening(relay.port, TICKERS)
    assert closed(peer) == (1001, "the tape closes")


def test_an_exchange_that_starts_closes_executions_alone(server: NatsServer, relay: Relay) -> None:
    with (
        RawPeer.listening(relay.port, EXECUTIONS) as peer,
        RawPeer.listening(relay.port, TICKERS) as ticker,
    ):
        with serve(publish=server.url, publish_executions=True, venue="NEWEX"):
            assert closed(peer) == (1008, subscriber.ANNOUNCED)
        assert nothing_more(ticker)


def test_an_exchange_that_has_lost_an_execution_says_so(
    relay: Relay, exchange: PrivateExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RawPeer.listening(relay.port, EXECUTIONS) as peer:
        monkeypatch.setattr(publisher, "LONGEST_SUBJECT", 36)  # those of executions are longer
        trade(exchange, stock="LONGER")
        assert closed(peer) == (1008, subscriber.ANNOUNCED)


def test_while_nats_is_away_ticks_wait_and_executions_are_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with nats_server(tmp_path) as server, relaying(server) as relay:
        wait_until(lambda: relay.is_connected)
        ticker, ann = (RawPeer.listening(relay.port, url) for url in (TICKERS, EXECUTIONS))
        server.kill()
        assert closed(ann) == (1008, subscriber.DISCONNECTED)
        with RawPeer.listening(relay.port, EXECUTIONS) as refused:
            assert "no connection" in message(refused.frame())["error"]
        newcomer = RawPeer.listening(relay.port, TICKERS)
        server.start()
        wait_until(lambda: relay.is_connected)
        with Speaker(server.port, "nothing") as speaker:
            speaker.publish("disorderbook.TESTEX.FOO.quote", b'{"n":1}')
        for peer in (ticker, newcomer):
            assert message(peer.frame()) == {"n": 1}
            peer.socket.close()
    lost, back = (told for told in caplog.messages if "NATS at" in told)
    assert "The relay waits for NATS at" in lost and "the relay goes on" in back


def test_a_server_that_stands_still_counts_as_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriber, "BEAT_SECONDS", 0.5)
    with nats_server(tmp_path) as server, relaying(server) as relay:
        wait_until(lambda: relay.is_connected)
        with RawPeer.listening(relay.port, EXECUTIONS) as ann:
            server.stop()
            try:
                assert closed(ann) == (1008, subscriber.DISCONNECTED)
            finally:
                server.go_on()
        wait_until(lambda: relay.is_connected)


def test_a_listener_that_falls_behind_is_closed_and_the_others_hear_all(
    server: NatsServer, speaker: Speaker
) -> None:
    limits = {"waiting_bytes": 1 << 16, "kernel_bytes": 4096}
    with relaying(server, **limits) as relay:
        wait_until(lambda: relay.is_connected)
        slow = RawPeer.listening(relay.port, EXECUTIONS, receive_buffer=4096)
        with RawPeer.listening(relay.port, EXECUTIONS) as ann:
            for number in range(1, 300):
                payload = json.dumps({"n": number, "x": "x" * 2000}).encode()
                speaker.publish("disorderbook.TESTEX.F.execution.ANN", payload, f"{number} r")
                assert message(ann.frame())["n"] == number
        assert relay.counts().fell_behind == 1
        assert closed(slow)[0] == 1008


def test_a_newcomer_that_hangs_up_leaves_nothing_behind(relay: Relay) -> None:
    for _ in range(5):
        peer = RawPeer(relay.port)
        peer.send(handshake(TICKERS))
        peer.socket.close()
    wait_until(lambda: relay.counts().listeners == 0 and not relay._server.connections)
    with RawPeer.listening(relay.port, EXECUTIONS):
        wait_until(lambda: len(relay._wanted) == 1)


@pytest.mark.parametrize(
    ("denied", "refused", "heard"),
    [
        ("disorderbook.*.*.execution.ANN", EXECUTIONS, EXECUTIONS.replace("ANN", "BOB")),
        ("disorderbook.gap", EXECUTIONS, TICKERS),
        ("disorderbook.TESTEX.*.quote", TICKERS, EXECUTIONS),
    ],
)
def test_what_nats_refuses_to_the_relay_is_refused_to_its_listeners(
    tmp_path: Path, denied: str, refused: str, heard: str
) -> None:
    rule = f'permissions: {{subscribe: {{deny: "{denied}"}}}}'
    users = f"authorization {{users: [{{user: relay, password: secret, {rule}}}]}}"
    with nats_server(tmp_path, users) as server:
        access = nats_access(server.url.replace("//", "//relay:secret@"))
        with Relay(access, Accounts(), 0, TapeLimits(refusal_seconds=0)) as relay:
            wait_until(lambda: relay.is_connected)
            with RawPeer.listening(relay.port, heard) as other:
                for _ in range(2):  # whoever comes later is told as well
                    with RawPeer.listening(relay.port, refused) as peer:
                        assert "permissions" in message(peer.frame())["error"]
                        assert closed(peer)[0] == 1008
                assert nothing_more(other)
