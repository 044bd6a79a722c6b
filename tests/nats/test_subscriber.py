"""What a relay asks a NATS server for, and how it sees that something is missing."""

import logging
from collections.abc import Mapping
from pathlib import Path

import pytest
from nats_server import nats_server
from tape_market import wait_until

from disorderbook.nats.arrivals import Arrivals, Gap
from disorderbook.nats.connection import nats_access
from disorderbook.nats.subscriber import (
    FORBIDDEN,
    MISSING,
    RESTARTED,
    NatsSubscriber,
    Numbers,
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


def headers(numbered: str) -> Mapping[str, str] | None:
    number, run = numbered.split(" ")
    return {"Disorderbook-Run": run, "Disorderbook-Sequence": number}


@pytest.mark.parametrize(
    ("numbered", "gap"),
    [("6 r", None), ("7 r", MISSING), ("1 s", RESTARTED), ("x r", None), ("9 ", None), (" ", None)],
)
def test_a_number_that_is_missing_is_seen(numbered: str, gap: str | None) -> None:
    numbers = Numbers()
    assert numbers.check("S", headers("5 r")) is None
    assert numbers.check("T", headers("1 q")) is None  # numbered by itself
    assert numbers.check("S", headers(numbered)) == gap


@pytest.mark.parametrize("numbered", ["5 r", "4 r"])
def test_what_has_come_before_is_seen(numbered: str) -> None:
    numbers = Numbers()
    numbers.check("S", headers("5 r"))
    with pytest.raises(ValueError, match="before"):
        numbers.check("S", headers(numbered))
    assert numbers.check("S", headers("6 r")) is None


def test_a_server_that_refuses_executions_is_told_and_is_a_gap(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    rule = 'permissions: {subscribe: {deny: "disorderbook.*.*.execution.>"}}'
    users = f"authorization {{users: [{{user: relay, password: secret, {rule}}}]}}"
    waiting = Arrivals(Waker())
    with nats_server(tmp_path, users) as server:
        access = nats_access(server.url.replace("//", "//relay:secret@"))
        hearing = NatsSubscriber(access, waiting, lambda: None)
        hearing.want(frozenset({Subscription("ANN", "V", None)}))
        hearing.start()
        wait_until(lambda: len(waiting) > 0)
        hearing.close()
    assert list(waiting.executions(1)) == [Gap(None, FORBIDDEN)]
    assert "Permissions Violation" in caplog.text or "permissions violation" in caplog.text
    assert "secret" not in caplog.text
