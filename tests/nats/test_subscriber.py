"""What a relay asks a NATS server for, and how it sees that something is missing."""

import asyncio
import logging
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from nats.errors import SlowConsumerError
from nats_server import nats_server
from tape_market import wait_until

from disorderbook.nats import subscriber
from disorderbook.nats.arrivals import Arrivals, Gap
from disorderbook.nats.connection import nats_access
from disorderbook.nats.subscriber import (
    DROPPED,
    FORBIDDEN,
    NatsSubscriber,
    subject_of,
)
from disorderbook.tape.poller import Waker
from disorderbook.tape.subscriptions import Subscription


@pytest.mark.parametrize(
    ("wanted", "subject"),
    [
        ((None, "V", None), "disorderbook.V.*.quote"),
        ((None, "V", "*"), "disorderbook.V.%2A.quote"),
        (("A>B", "V.W", "S"), "disorderbook.V%2EW.S.execution.A%3EB"),
        (("ANN", "V", None), "disorderbook.V.*.execution.ANN"),
    ],
)
def test_no_name_widens_what_is_asked_for(
    wanted: tuple[str | None, str, str | None], subject: str
) -> None:
    assert subject_of(Subscription(*wanted)) == subject


def test_a_server_that_says_nothing_holds_up_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("disorderbook.nats.connection.CONNECT_SECONDS", 120.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        access = nats_access(f"nats://127.0.0.1:{silent.getsockname()[1]},127.0.0.1:1")
        hearing = NatsSubscriber(access, Arrivals(Waker()), lambda: None)
        hearing.start()
        with silent.accept()[0] as peer:
            began = time.monotonic()
            hearing.close()
            assert time.monotonic() < began + 60
            assert peer.recv(1) == b"", "the connection is closed"


def test_a_cancellation_that_asyncio_loses_holds_up_no_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cancelled, connecting = list[bool](), threading.Event()

    async def connect(*_: object) -> None:
        connecting.set()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(600)
        cancelled.append(True)
        await asyncio.sleep(600)

    monkeypatch.setattr(subscriber, "connect", connect)
    monkeypatch.setattr("disorderbook.nats.connection.CANCEL_SECONDS", 0.01)
    hearing = NatsSubscriber(nats_access("nats://127.0.0.1:1"), Arrivals(Waker()), lambda: None)
    hearing.start()
    assert connecting.wait(60)
    hearing.close()
    assert cancelled == [True]


def permissions(denied: str) -> str:
    """Lines of a server's configuration with a user `relay`."""
    rule = f'permissions: {{subscribe: {{deny: "{denied}"}}}}'
    return f"authorization {{users: [{{user: relay, password: secret, {rule}}}]}}"


def test_a_server_that_refuses_executions_is_told_and_is_a_gap(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    waiting = Arrivals(Waker())
    with nats_server(tmp_path, permissions("disorderbook.*.*.execution.>")) as server:
        access = nats_access(server.url.replace("//", "//relay:secret@"))
        hearing = NatsSubscriber(access, waiting, lambda: None)
        hearing.want(frozenset({Subscription("ANN", "V", None)}))
        hearing.start()
        wait_until(lambda: len(waiting) > 0)
        hearing.close()
    assert list(waiting.executions(1)) == [Gap(Subscription("ANN", "V", None), FORBIDDEN)]
    assert "Permissions Violation" in caplog.text or "permissions violation" in caplog.text
    assert "secret" not in caplog.text


def test_whatever_its_name_a_refused_subscription_is_found(tmp_path: Path) -> None:
    awkward = Subscription('A"\\B', "V", None)
    other = Subscription("BOB", "V", None)
    denied = 'disorderbook.*.*.execution.A\\"\\\\B'  # as its configuration writes it
    with nats_server(tmp_path, permissions(denied)) as server:
        access = nats_access(server.url.replace("//", "//relay:secret@"))
        hearing = NatsSubscriber(access, Arrivals(Waker()), lambda: None)
        hearing.want(frozenset({awkward, other}))
        hearing.start()
        wait_until(lambda: hearing.is_connected)
        assert hearing.refuses(awkward) and not hearing.refuses(other)
        number = hearing.want(frozenset({other}))
        wait_until(lambda: hearing.confirmed == number)
        assert not hearing.refuses(awkward)  # it is asked again for whoever comes next
        hearing.close()


def test_what_nats_py_drops_and_a_refusal_of_something_unknown_are_gaps(
    caplog: pytest.LogCaptureFixture,
) -> None:
    waiting = Arrivals(Waker())
    hearing = NatsSubscriber(nats_access("nats://127.0.0.1:1"), waiting, lambda: None)
    refusal = Exception('nats: permissions violation for subscription to "d.v.*.execution.x"')
    asyncio.run(hearing._hear(SlowConsumerError("s", "", 1, None)))  # type: ignore[arg-type]
    assert list(waiting.executions(1)) == [Gap(None, DROPPED)]
    asyncio.run(hearing._hear(refusal))
    assert list(waiting.executions(1)) == [Gap(None, FORBIDDEN)]
    asyncio.run(hearing._hear(ConnectionError("of its end, which is told then")))
    assert not waiting and len(caplog.messages) == 2
    hearing._loop.close()


def test_of_names_that_differ_in_capitals_all_count_as_refused(tmp_path: Path) -> None:
    big, small = Subscription(None, "V", "FOO"), Subscription(None, "V", "foo")
    with nats_server(tmp_path, permissions("disorderbook.V.foo.quote")) as server:
        access = nats_access(server.url.replace("//", "//relay:secret@"))
        hearing = NatsSubscriber(access, Arrivals(Waker()), lambda: None)
        hearing.want(frozenset({big, small, Subscription(None, "V", None)}))
        hearing.start()
        wait_until(lambda: hearing.is_connected)
        assert hearing.refuses(small) and not hearing.refuses(Subscription(None, "V", None))
        wait_until(lambda: len(hearing._asked) == 2)
        number = hearing.want(frozenset({big}))
        wait_until(lambda: hearing.confirmed == number)
        assert list(hearing._asked.values()) == [{big}]
        hearing.want(frozenset())
        wait_until(lambda: not hearing._asked)
        hearing.close()


def test_a_server_that_refuses_the_notes_of_gaps_counts_as_refusing_executions(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    waiting = Arrivals(Waker())
    with nats_server(tmp_path, permissions("disorderbook.gap")) as server:
        access = nats_access(server.url.replace("//", "//relay:secret@"))
        hearing = NatsSubscriber(access, waiting, lambda: None)
        hearing.start()
        wait_until(lambda: hearing.is_connected)
        assert hearing.refuses(Subscription("ANN", "V", None))
        assert not hearing.refuses(Subscription(None, "V", None))
        hearing.close()
    assert list(waiting.executions(1)) == [Gap(None, FORBIDDEN)]
    assert caplog.text.count("The relay refuses executions") == 1
